"""Where encryption is required, weak encryption and long cleartext are alerts, and good ciphertext is none."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from policy_records import Flow, Segment, Side, judged, packet_of
from wire import Connection, End, Wire, write_pcap

from wiretropy.flows import read_flows
from wiretropy.policy.alert import Alert
from wiretropy.policy.apply import apply
from wiretropy.policy.model import RULES, Policy, RateLimit, Suppression, Traffic
from wiretropy.verdict import judge

EXAMPLES = Path(__file__).parents[2] / "examples"
EVERYWHERE = Traffic(ports=((0, 65_535),))
MUST = Policy(must_be_encrypted=(EVERYWHERE,), suppression=Suppression(at_most=0), rate_limit=RateLimit(at_most=0))
RANDOM = random.Random(5).randbytes(40_000)
TEXT = ("It was a dark night, and nobody had thought of the lantern. " * 700).encode()


def xor(text: bytes, key: bytes) -> bytes:
    """Text enciphered with a key that is repeated."""
    return bytes(value ^ key[i % len(key)] for i, value in enumerate(text))


def alerts(rule: str, *flows: Flow, policy: Policy = MUST, **settings: Any) -> list[Alert]:
    rules = {**RULES, rule: replace(RULES[rule], **settings)}
    return [alert for alert in apply(judged(*flows), replace(policy, rules=rules)) if alert.rule == rule]


def of_capture(path: Path) -> list[tuple[str, str, str]]:
    """Client's port, rule and side of alerts about required encryption."""
    batches = judge(read_flows(path)).to_arrow().to_batches()
    found = [alert for batch in batches for alert in apply(batch, MUST)]
    wanted = ("plaintext_unexpected", "weak_encryption")
    return sorted((str(a.orig_port), a.rule, a.side) for a in found if a.rule in wanted)


def opaque_side(opaque: bytes, *segments: Segment) -> Side:
    return Side(opaque, "compressed", 0.96, segments or [(0, len(opaque), "compressed")], opaque=opaque)


def test_a_repeated_key_leaves_opaque_bytes_too_uneven_for_ciphertext() -> None:
    payload = xor(TEXT[:8_192], RANDOM[:8])
    [alert] = alerts("weak_encryption", Flow(resp=opaque_side(payload)))
    assert (alert.side, alert.offset, alert.segment, alert.severity) == ("resp", 0, "compressed", "high")
    counts = [payload.count(value) for value in range(256)]
    # Pairs of equal bytes among all pairs, against one in 256.
    times = 256 * sum(count * (count - 1) for count in counts) / (8_192 * 8_191)
    told = float(alert.reason.split("are equal ")[1].split(" times")[0])
    assert told == pytest.approx(times, rel=0.01)
    assert "but two of 8,192 bytes there are equal" in alert.reason
    assert "weak encryption or none, on traffic that must be encrypted" in alert.reason


def test_random_bytes_are_even() -> None:
    flows = [Flow(f"C{at}", orig=opaque_side(RANDOM[at : at + 1_024])) for at in range(0, 38_000, 512)]
    assert alerts("weak_encryption", *flows) == []
    assert len(alerts("weak_encryption", *flows, min_unevenness=0.0)) > 20, "half of them are a little uneven"


@pytest.mark.parametrize(("size", "min_bytes", "is_alert"), [(1_023, 1_024, 0), (1_024, 1_024, 1), (600, 600, 1)])
def test_fewer_opaque_bytes_than_the_policy_asks_for_say_nothing(size: int, min_bytes: int, is_alert: int) -> None:
    flow = Flow(orig=opaque_side(xor(TEXT[:size], RANDOM[:8])))
    assert len(alerts("weak_encryption", flow, min_bytes=min_bytes)) == is_alert


def test_weak_encryption_is_nothing_where_none_is_required() -> None:
    flow = Flow(orig=opaque_side(xor(TEXT[:4_096], RANDOM[:8])))
    for policy in (Policy(), Policy(may_be_encrypted=(EVERYWHERE,))):
        assert alerts("weak_encryption", flow, policy=policy) == []


def test_weak_encryption_lies_at_the_longest_opaque_segment_of_its_side() -> None:
    segments = [(0, 900, "key material"), (900, 1_000, "text"), (1_000, 3_000, "opaque"), (3_000, 3_100, "text")]
    side = replace(
        opaque_side(xor(TEXT[:2_000], RANDOM[:8]), *segments, (3_100, 3_200, "compressed")), payload=RANDOM[:3_200]
    )
    other = Side(RANDOM, segments=[(0, 40_000, "encrypted")])
    [alert] = alerts("weak_encryption", Flow("Ca", other), Flow("Cb", side, other))
    assert (alert.uid, alert.side, alert.offset, alert.packet) == ("Cb", "orig", 1_000, packet_of(1_000))
    assert (alert.segment, alert.segment_start, alert.segment_end) == ("opaque", 1_000, 3_000)


def test_batches_that_were_cut_name_their_own_flows() -> None:
    weak, good = opaque_side(xor(TEXT[:2_000], RANDOM[:8])), opaque_side(RANDOM[:2_000])
    batch = judged(Flow("Ca", weak, good), Flow("Cb", good, weak), Flow("Cc", Side(), weak))
    found = [a for a in apply(batch.slice(1), MUST) if a.rule == "weak_encryption"]
    assert [(a.uid, a.side) for a in found] == [("Cb", "resp"), ("Cc", "resp")]


@pytest.mark.parametrize("kind", ["text", "binary", "encoded"])
def test_a_long_stretch_of_cleartext_counts_whatever_the_verdict(kind: str) -> None:
    def found(length: int, **settings: Any) -> list[tuple[str, int, str | None]]:
        segments = [(0, 300, "text"), (300, 900, "key material"), (900, 900 + length, kind)]
        flow = Flow(resp=Side(RANDOM[: 900 + length], "encrypted", 0.97, segments))
        return [(a.side, a.offset, a.segment) for a in alerts("plaintext_unexpected", flow, **settings)]

    assert found(8_191) == []
    assert found(8_192) == [("resp", 900, kind)]
    assert found(500, clear_bytes=400) == [("resp", 900, kind)]


def test_the_stretch_is_told_with_its_length_and_once() -> None:
    segments = [(0, 10_000, "binary"), (10_000, 11_000, "opaque"), (11_000, 40_000, "binary")]
    [alert] = alerts("plaintext_unexpected", Flow(resp=Side(RANDOM, "binary", 0.69, segments)))
    assert "is binary from byte 0 on (packet 4 of a.pcap), 10,000 bytes in a row, on traffic that must" in alert.reason
    text = Side(RANDOM, "text", 0.99, [(0, 40_000, "text")])
    [alert] = alerts("plaintext_unexpected", Flow(resp=text))
    assert "probability 0.990" in alert.reason


def test_opaque_stretches_are_no_cleartext() -> None:
    for kind in ("key material", "encrypted", "compressed", "opaque"):
        flow = Flow(resp=Side(RANDOM, "encrypted", 0.99, [(0, 40_000, kind)]))
        assert alerts("plaintext_unexpected", flow) == []
        assert alerts("plaintext_unexpected", flow, clear_bytes=0) == []


def test_rdp_is_seen_to_encrypt_one_side_or_none_but_not_to_use_a_weak_cipher() -> None:
    """Level low leaves the server's side in clear, level none both; high is RC4, fips is Triple DES."""
    assert of_capture(EXAMPLES / "rdp-rdesktop.pcap") == [("35564", "plaintext_unexpected", "resp")]
    assert of_capture(EXAMPLES / "rdp-xfreerdp.pcap") == [("53442", "weak_encryption", "resp")]


@pytest.mark.parametrize("name", ["https", "ssh1", "ssh2-short", "ssh2-long", "rdp-broken-off"])
def test_tls_and_ssh_are_neither_weak_nor_plain(name: str) -> None:
    assert of_capture(EXAMPLES / f"{name}.pcap") == []


def test_a_capture_with_a_repeated_key_and_one_with_random_bytes(tmp_path: Path) -> None:
    wire = Wire()
    for port, payload in ((10_001, xor(TEXT[:6_000], RANDOM[:8])), (10_002, RANDOM[:6_000])):
        talk = Connection(wire, End("10.1.0.1", port), End("10.2.0.2", 443)).open()
        talk.send("orig", RANDOM[-200:]).send("resp", payload).close()
    assert of_capture(write_pcap(tmp_path / "a.pcap", wire.packets)) == [("10001", "weak_encryption", "resp")]
