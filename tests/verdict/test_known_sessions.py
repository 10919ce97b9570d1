"""Sessions of known programs: the captures beside the repository, and public ones where they are there.

What the first experiment missed (short SSH-2, SSH-1), what it took for encrypted (RTMP), and what it found.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wiretropy import judge, read_flows
from wiretropy.flows import Flows
from wiretropy.schema import DEFAULT_THRESHOLD

Row = dict[str, Any]
Key = tuple[str, frozenset[tuple[str, int]]]

SHORT_BYTES = 10_000
"""A session with at most so many bytes is short: at most a tenth of what crosses 7.9 by luck."""


def judged(*paths: Path, **settings: Any) -> list[Row]:
    flows: Flows = judge(read_flows(*paths, **settings))
    return flows.to_arrow().to_pylist()


def sessions(examples: Path, kind: Callable[[Row], bool]) -> Iterator[tuple[Row, Row]]:
    """Rows of the manifest of this kind, each with its judged flow."""
    with (examples / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        known = [row for row in csv.DictReader(lines) if kind(row)]
    assert known
    for name in sorted({row["file"] for row in known}):
        flows = {(f"{row['orig_ip']}:{row['orig_port']}"): row for row in judged(examples / name)}
        for row in known:
            if row["file"] == name:
                yield row, flows[row["orig"]]


def wrong(found: Iterator[tuple[Row, Row]], *, verdict: str) -> list[str]:
    """Sessions with another verdict than this, in words."""
    return [
        f"{known['file']} {known['orig']} {known['settings']}: {flow['verdict']} {flow['verdict_probability']:.2f}"
        for known, flow in found
        if flow["verdict"] != verdict
    ]


def is_whole(known: Row) -> bool:
    return "breaks off" not in known["note"]


def test_short_ssh_2_sessions_are_encrypted(examples: Path) -> None:
    found = list(sessions(examples, lambda row: row["file"] == "ssh2-short.pcap"))
    assert all(flow["verdict_bytes"] < SHORT_BYTES for _, flow in found)
    assert wrong(iter(found), verdict="encrypted") == []


def test_all_ssh_2_sessions_are_encrypted(examples: Path) -> None:
    assert wrong(sessions(examples, lambda row: row["class"] == "ssh/ssh-2"), verdict="encrypted") == []


def test_ssh_1_is_encrypted_though_it_never_reaches_the_old_threshold(examples: Path) -> None:
    found = list(sessions(examples, lambda row: row["class"] == "ssh/ssh-1"))
    short = [flow for _, flow in found if flow["verdict_bytes"] < 3_000]
    assert len(short) >= 5
    assert all(flow[f"{side}_entropy"] < DEFAULT_THRESHOLD for flow in short for side in ("orig", "resp"))
    assert wrong(iter(found), verdict="encrypted") == []


def test_rtmp_is_compressed(examples: Path) -> None:
    assert wrong(sessions(examples, lambda row: row["class"] == "rtmp"), verdict="compressed") == []


def test_gzip_over_http_is_compressed(examples: Path) -> None:
    assert wrong(sessions(examples, lambda row: row["class"] == "http/gzip"), verdict="compressed") == []


def test_http_is_text(examples: Path) -> None:
    found = list(sessions(examples, lambda row: row["class"] == "http/plain"))
    assert wrong(iter(found), verdict="text") == []
    for _, flow in found:
        assert (flow["orig_verdict"], flow["resp_verdict"]) == ("text", "text")
        assert {segment["kind"] for segment in flow["segments"]} == {"text"}


def test_https_is_encrypted(examples: Path) -> None:
    assert wrong(sessions(examples, lambda row: row["class"] == "tls/https"), verdict="encrypted") == []


@pytest.mark.parametrize("depth", [2_048, 4_096, 16_384])
def test_https_is_encrypted_from_2_kb_on(depth: int, examples: Path) -> None:
    flows = judged(examples / "https.pcap", depth=depth)
    assert [flow["verdict"] for flow in flows] == ["encrypted", "encrypted"]
    assert max(flow["verdict_bytes"] for flow in flows) <= 2 * depth


def test_rdp_with_encryption_is_encrypted(examples: Path) -> None:
    found = sessions(examples, lambda row: row["class"] == "rdp/standard" and "level=none" not in row["settings"])
    assert wrong(((known, flow) for known, flow in found if is_whole(known)), verdict="encrypted") == []


def test_rdp_without_encryption_is_not_encrypted(examples: Path) -> None:
    found = sessions(examples, lambda row: row["class"] == "rdp/standard" and "level=none" in row["settings"])
    assert all(flow["verdict"] != "encrypted" for _, flow in found)


def test_rdp_that_encrypts_one_side_only_is_told_side_by_side(examples: Path) -> None:
    [(_, flow)] = sessions(examples, lambda row: "level=low" in row["settings"])
    assert flow["orig_verdict"] == "encrypted"
    assert flow["resp_verdict"] != "encrypted"


OPAQUE_KINDS = frozenset({"encrypted", "compressed", "opaque", "key material"})


def test_where_ssh_encrypts_everything_is_opaque(examples: Path) -> None:
    found = list(sessions(examples, lambda row: row["class"].startswith("ssh/") and is_whole(row)))
    assert len(found) >= 13
    for known, flow in found:
        for side in ("orig", "resp"):
            # A segment begins at a multiple of 16 bytes; keys before it may join it.
            since = int(known[f"{side}_encrypted_from"]) + 16
            kinds = {s["kind"] for s in flow["segments"] if s["side"] == side and s["end"] > since}
            assert kinds <= OPAQUE_KINDS, (known["file"], known["orig"], side)


def test_the_handshake_of_ssh_2_is_cleartext_with_a_cookie(examples: Path) -> None:
    for _, flow in sessions(examples, lambda row: row["class"] == "ssh/ssh-2"):
        for side in ("orig", "resp"):
            segments = [s for s in flow["segments"] if s["side"] == side]
            assert segments[0]["kind"] == "text"
            names = [s for s in segments if s["kind"] == "text" and s["end"] - s["start"] > 900]
            assert len(names) == 1
            assert names[0]["end"] < 1_700


# Public captures.


@pytest.fixture(scope="module")
def public(corpus: Path) -> Callable[[Callable[[Row], bool]], list[tuple[Row, Row]]]:
    """Flows of the corpus whose labels two programs agree on, each with its judged flow."""
    with (corpus / "traffic" / "flows.csv").open(encoding="utf-8", newline="") as lines:
        agreed = [row for row in csv.DictReader(lines) if row["agree"] == "1"]
    by_file: dict[str, dict[Key, Row]] = {}

    def flows_of(name: str) -> dict[Key, Row]:
        if name not in by_file:
            rows = [row for row in judged(corpus / "traffic" / name) if row["verdict_bytes"]]
            # Of flows between the same two ends the first is the one that the labels are of.
            by_file[name] = {key_of(row): row for row in reversed(rows)}
        return by_file[name]

    def chosen(kind: Callable[[Row], bool]) -> list[tuple[Row, Row]]:
        labelled = [(row, flows_of(row["file"]).get(label_key(row))) for row in agreed if kind(row)]
        return [(row, flow) for row, flow in labelled if flow is not None]

    return chosen


def key_of(flow: Row) -> Key:
    return flow["proto"], frozenset([(flow["orig_ip"], flow["orig_port"]), (flow["resp_ip"], flow["resp_port"])])


def label_key(row: Row) -> Key:
    ends = [(row[f"{end}_ip"], int(row[f"{end}_port"] or 0)) for end in ("client", "server")]
    return row["transport"].lower(), frozenset(ends)


Public = Callable[[Callable[[Row], bool]], list[tuple[Row, Row]]]


def mistakes(found: list[tuple[Row, Row]], *verdicts: str) -> list[str]:
    return [
        f"{row['file']} port {row['client_port']}: {flow['verdict']} on {flow['verdict_bytes']}"
        for row, flow in found
        if flow["verdict"] not in verdicts
    ]


NO_CIPHER = ("pcap_ssh_none_cipher_3.pcapng", "kqdssheng+Pcap/ssh_.pcap")
"""SSH-2 whose programs agreed on the cipher `none`."""

NOT_TEXT = ("http-not09-file_input.pcap", "10.11.23.101-tcp-80-49470.pcap")
"""Malicious programs that call ciphertext text/html."""


def test_public_ssh_1_is_encrypted(public: Public) -> None:
    found = public(lambda row: row["label"] == "SSH-1")
    assert len(found) >= 3
    assert mistakes(found, "encrypted") == []


def test_public_ssh_2_is_encrypted(public: Public) -> None:
    found = public(
        lambda row: row["label"] == "SSH-2" and int(row["pkts_s2c"]) >= 12 and not row["file"].endswith(NO_CIPHER)
    )
    assert len(found) >= 20
    assert mistakes(found, "encrypted") == []


def test_public_ssh_2_without_a_cipher_is_not_encrypted(public: Public) -> None:
    found = public(lambda row: row["label"] == "SSH-2" and row["file"].endswith(NO_CIPHER))
    assert len(found) == 2
    assert mistakes(found, "text", "binary") == []


def test_public_rdp_is_encrypted(public: Public) -> None:
    found = public(lambda row: row["label"] == "RDP")
    assert len(found) >= 5
    # RDP over TLS with a long certificate and little more is missed.
    assert len(mistakes(found, "encrypted")) <= 2


def test_public_rtmp_is_not_encrypted(public: Public) -> None:
    """Random padding of 3,072 bytes a side, and commands; media follow in none of them."""
    found = public(lambda row: row["label"] == "RTMP")
    assert len(found) >= 3
    assert {flow["verdict"] for _, flow in found} <= {"compressed", "binary"}


def test_public_tls_with_contents_is_encrypted(public: Public) -> None:
    found = public(
        lambda row: row["label"] == "TLS" and row["coarse"] == "encrypted" and int(row["bytes_s2c"] or 0) >= 8_000
    )
    assert len(found) >= 50
    assert len(mistakes(found, "encrypted")) <= 0.01 * len(found), mistakes(found, "encrypted")


def test_public_dns_is_binary(public: Public) -> None:
    found = public(lambda row: row["label"] == "DNS")
    assert len(found) >= 80
    # Names in answers can be most of them.
    assert len(mistakes(found, "binary")) <= 0.03 * len(found)


@pytest.mark.parametrize("content", ["text/html", "application/json", "text/plain"])
def test_public_http_with_text_is_text(content: str, public: Public) -> None:
    found = public(
        lambda row: (
            row["label"] == "HTTP"
            and row["coarse"] == "plaintext"
            and row["sub"] == f"ct={content}"
            and not row["file"].endswith(NOT_TEXT)
        )
    )
    assert len(found) >= 10
    assert mistakes(found, "text") == []


def test_public_http_with_gzip_is_compressed(public: Public) -> None:
    found = public(
        lambda row: (
            row["label"] == "HTTP"
            and row["sub"] == "ct=text/html;ce=gzip"
            and max(int(row[name] or 0) for name in ("bytes_c2s", "bytes_s2c")) >= 4_000
            # Its answers are gzip of nothing, 20 bytes each.
            and not row["file"].endswith("http-packets2.pcap")
        )
    )
    assert len(found) >= 3
    # One, of 1,597 bytes, is mostly headers.
    assert len(mistakes(found, "compressed")) <= 1
