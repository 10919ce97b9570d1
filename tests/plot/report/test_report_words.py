"""Sentences of the report."""

from __future__ import annotations

import json
from typing import Any

from plot_records import flow, table

from wiretropy.capture.summary import ScanSummary
from wiretropy.plot.report import Found, Gathering, words


def summary(**changes: Any) -> ScanSummary:
    told: dict[str, Any] = {
        "packets": {"seen": 12, "decoded": 9, "undecoded": {"linktype": 2}, "skipped": {"filter": 1}},
        "bytes": {"seen": 0, "decoded": 0, "undecoded": {}, "skipped": {}},
        "payload_bytes": {"seen": 100, "measured": 70, "not_measured": {"beyond-depth": 29, "late": 0, "new": 1}},
        "flows": {"emitted": 2, "by_end_reason": {}},
        "weirds": {"split-handshake": 3},
        "faults": [],
    }
    return ScanSummary.from_json(json.dumps(told | changes))


def found(*records: dict[str, Any], told: ScanSummary | None = None) -> Found:
    gathering = Gathering()
    gathering.add(table(records), [])
    return gathering.found(told)


def test_opening_says_which_capture_how_much_and_when() -> None:
    one = flow("a", b"hello", ts_first_ns=1_000_000_000, ts_last_ns=61_000_000_000, source="captures/a.pcap")
    assert words.opening(found(one, told=summary())) == (
        "a.pcap: 12 packets, 1 flow with 5 payload bytes, from 1970-01-01 00:00:01.000 to 1970-01-01 00:01:01.000 UTC."
    )


def test_many_captures_are_counted() -> None:
    flows = [flow(f"f{n}", source=f"{n}.pcap") for n in range(8)]
    assert words.opening(found(*flows)).startswith(
        "0.pcap, 1.pcap, 2.pcap, 3.pcap, 4.pcap and 3 more captures: 8 flows"
    )


def test_what_was_not_measured_is_told_by_reason() -> None:
    assert words.unmeasured(summary()) == [
        "2 packets in no flow: linktype.",
        "1 packet in no flow: filter.",
        "29 payload bytes not measured: beyond the depth, counted only.",
        "1 payload byte not measured: new.",
    ]
    assert words.account(summary()) == "Of 12 packets, 9 are in flows; of 100 payload bytes, 70 were measured."
    assert words.oddities(summary()) == "split-handshake in 3 flows"


def test_faults_are_told_with_place_and_level() -> None:
    fault = {
        "id": "truncated-data",
        "severity": "partial",
        "path": "a\x1b.pcap",
        "offset": 1_234,
        "packets": 1,
        "message": "cut",
    }
    [told] = words.faults(summary(faults=[fault]))
    assert (told.level, told.text) == ("partial", "a\\x1b.pcap: cut (truncated-data at byte 1,234, after 1 packet)")
