"""Alerts are the ones that scan tells, with the evidence; a replay gives the same."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from policy_records import Flow, Side, judged
from program import conversation, random_bytes, wiretropy
from wire import pcap_bytes

from wiretropy import arrays
from wiretropy.flows import iter_flows
from wiretropy.policy.alert import Alert
from wiretropy.policy.apply import PolicyRun, apply
from wiretropy.policy.evidence import commands_of
from wiretropy.policy.model import Policy, RateLimit, Suppression, Threshold, without_file

NO_LIMITS = Policy(suppression=Suppression(at_most=0), rate_limit=RateLimit(at_most=0))


def alerts(path: Path, *, inputs: tuple[str, ...] = ()) -> list[Alert]:
    """All alerts of a capture."""
    return [
        alert
        for batch in iter_flows(path)
        for part in batch.to_arrow().to_batches()
        for alert in apply(part, without_file(), inputs=inputs)
    ]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(conversation(random_bytes(8_192), server_port=8_443)))
    return path


def test_an_alert_is_what_scan_tells_with_its_numbers_and_commands(capture: Path) -> None:
    [alert] = alerts(capture, inputs=(str(capture),))
    out = wiretropy("scan", capture).stdout
    told = rf"^{alert.id}  tcp \S+ -> 10\.2\.0\.2:8443: {re.escape(alert.reason)}$"
    assert re.search(told, out, re.MULTILINE)
    assert (alert.rule, alert.severity, alert.side, alert.source) == (
        "threshold_crossed",
        "medium",
        "resp",
        str(capture),
    )
    assert alert.measured_bytes == 8_192
    assert abs(alert.entropy_bits_per_byte - alert.random_mean) < 5 * alert.random_sd
    assert alert.threshold == 7.9
    assert alert.commands is not None
    assert f"to draw one:         {alert.commands.plot}" in out
    assert f"to take its packets: {alert.commands.carve}" in out


def test_the_time_is_that_of_the_packet_that_carried_the_byte(capture: Path) -> None:
    [alert] = alerts(capture)
    [row] = [row for batch in iter_flows(capture) for row in batch]
    sent, at = 0, -1
    while sent < alert.offset:
        at += 1
        sent += max(0, -row["packet_sizes"][at])
    assert alert.ts_ns == row["ts_first_ns"] + row["packet_times_ns"][at]
    assert row["ts_first_ns"] < alert.ts_ns < row["ts_last_ns"]


def test_the_other_side_does_not_count_and_without_whole_streams_the_time_is_the_last(capture: Path) -> None:
    [whole] = [part for batch in iter_flows(capture) for part in batch.to_arrow().to_batches()]
    [row] = whole.to_pylist()
    offset = row["resp_crossing_offsets"][0]
    # The originator sends more than that first, the responder all of it in the second packet.
    changed = row | {"packet_sizes": [offset + 1, -offset], "packet_times_ns": [10, 20]}

    def time_of(**values: object) -> int:
        [alert] = apply(pa.RecordBatch.from_pylist([changed | values], whole.schema), without_file())
        return alert.ts_ns

    assert time_of() == row["ts_first_ns"] + 20
    assert time_of(resp_missed_bytes=1) == row["ts_last_ns"]
    assert time_of(resp_retransmitted_bytes=1) == row["ts_last_ns"]


def test_a_replay_gives_the_same_alerts(capture: Path) -> None:
    assert alerts(capture) == alerts(capture)


def test_no_commands_without_captures_that_can_be_read_again() -> None:
    assert commands_of("C1", []) is None
    assert commands_of("C1", ["-"]) is None


class Counted(np.ndarray[Any, Any]):
    """An array that adds up how many elements are worked on."""

    touched = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        Counted.touched += max(np.size(each) for each in inputs)
        return getattr(ufunc, method)(*map(np.asarray, inputs), **more)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        # A search in a sorted array looks at few of its elements.
        Counted.touched += 0 if function is np.searchsorted else len(self)
        return function(*[np.asarray(each) if isinstance(each, Counted) else each for each in args], **kwargs)


def test_the_work_for_each_alert_does_not_grow_with_the_flows_of_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = arrays.spans

    def counted_spans(lists: Any) -> Any:
        Counted.touched += len(lists)
        return spans(lists)

    def work(flows: int) -> int:
        """Elements of arrays that are worked on for the alerts of so many flows."""
        payload = random_bytes(4_096)
        segments = [(0, 200, "text"), (200, 2_600, "encrypted"), (2_600, 4_096, "text")]
        side = Side(payload, "encrypted", 0.99, segments, crossings=[3_000])
        batch = judged(*[Flow(f"C{i}", side, side) for i in range(flows)])
        policy = replace(NO_LIMITS, threshold=(Threshold(), Threshold(7.5)))
        findings = PolicyRun(policy).findings(batch)
        arrays_of = {
            each.name: getattr(findings.segments, each.name).view(Counted)
            for each in fields(findings.segments)
            if each.name != "sources"
        }
        findings = replace(findings, segments=replace(findings.segments, **arrays_of))
        Counted.touched = 0
        told = list(findings.alerts())
        assert {alert.rule for alert in told} == {"threshold_crossed", "relapse"}
        assert len(told) == 6 * flows
        return Counted.touched

    monkeypatch.setattr(arrays, "spans", counted_spans)
    few, many = work(20), work(80)
    assert 0 < many < 5 * few, "with work for a whole batch in each alert it would be 16 times"
