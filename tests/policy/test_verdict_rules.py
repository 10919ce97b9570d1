"""Rules about verdicts and segments fire where they say, on judged columns."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from policy_records import Flow, Segment, Side, judged, packet_of

from wiretropy.policy.alert import Alert
from wiretropy.policy.apply import PolicyRun, apply
from wiretropy.policy.model import RULES, Policy, Traffic, VerdictRule

RANDOM = random.Random(2).randbytes(20_000)
ONLY_22 = Policy(may_be_encrypted=(Traffic(ports=((22, 22),)),), rules={**RULES, "encrypted_unexpected": VerdictRule()})
RELAPSED: list[Segment] = [(0, 9_000, "encrypted"), (9_000, 20_000, "text")]
MUST = Policy(must_be_encrypted=(Traffic(ports=((443, 443),)),))


def alerts(policy: Policy, rule: str, *flows: Flow) -> list[Alert]:
    """The alerts of one rule."""
    return [alert for alert in apply(judged(*flows), policy) if alert.rule == rule]


def changed(policy: Policy, rule: str, **settings: Any) -> Policy:
    """A policy with other settings of a rule."""
    return replace(policy, rules={**RULES, rule: replace(RULES[rule], **settings)})


def encrypted(**more: Any) -> Side:
    segments = [(0, 40, "text"), (40, 300, "key material"), (300, 20_000, "encrypted")]
    return Side(RANDOM, **{"verdict": "encrypted", "probability": 0.99, "segments": segments, **more})


def test_an_encrypted_side_where_none_is_expected_is_an_alert_at_its_first_encrypted_byte() -> None:
    [alert] = alerts(ONLY_22, "encrypted_unexpected", Flow(resp=encrypted()))
    assert (alert.side, alert.offset, alert.packet, alert.source) == ("resp", 300, packet_of(300), "a.pcap")
    assert (alert.verdict, alert.verdict_probability, alert.verdict_bytes) == ("encrypted", 0.99, 20_000)
    assert (alert.segment, alert.segment_start, alert.segment_end) == ("encrypted", 300, 20_000)
    assert "looks encrypted from byte 300 on (packet 4 of a.pcap; probability 0.990 from 20,000 bytes)" in alert.reason
    assert alert.reason.endswith(f"where random bytes average {alert.random_mean:.5f} ± {alert.random_sd:.5f}")


def test_expected_encryption_is_none() -> None:
    assert alerts(ONLY_22, "encrypted_unexpected", Flow(resp=encrypted(), resp_port=22)) == []
    assert alerts(MUST, "encrypted_unexpected", Flow(resp=encrypted(), resp_port=443)) == []


@pytest.mark.parametrize(
    "side",
    [
        encrypted(probability=0.89),
        encrypted(probability=None),
        encrypted(verdict="compressed"),
        replace(encrypted(), payload=RANDOM[:63]),
    ],
)
def test_unsure_and_other_verdicts_are_none(side: Side) -> None:
    assert alerts(ONLY_22, "encrypted_unexpected", Flow(resp=side)) == []


def test_a_verdict_without_segments_is_at_the_first_byte() -> None:
    [alert] = alerts(ONLY_22, "encrypted_unexpected", Flow(resp=encrypted(segments=())))
    assert (alert.offset, alert.packet, alert.segment) == (0, 1, None)


@pytest.mark.parametrize(("verdict", "is_alert"), [("text", True), ("encoded", True), ("binary", False)])
def test_plaintext_where_encryption_is_required_is_an_alert(verdict: str, is_alert: bool) -> None:
    side = Side(b"GET / " * 200, verdict, 0.95, [(0, 1_200, verdict)])
    found = alerts(MUST, "plaintext_unexpected", Flow(orig=side, resp_port=443))
    assert [(alert.side, alert.offset, alert.severity) for alert in found] == [("orig", 0, "high")] * is_alert
    assert alerts(MUST, "plaintext_unexpected", Flow(orig=side, resp_port=80)) == []


def test_what_counts_as_plaintext_is_the_policy_s() -> None:
    side = Side(b"\0\1" * 200, "binary", 0.95, [(0, 400, "binary")])
    policy = changed(MUST, "plaintext_unexpected", verdicts=("binary",))
    assert len(alerts(policy, "plaintext_unexpected", Flow(orig=side, resp_port=443))) == 1


def relapsing(
    *segments: Segment, verdict: str = "encrypted", probability: float = 0.99, policy: Policy | None = None
) -> list[tuple[str, int, int]]:
    own = Side(RANDOM, verdict, probability, segments)
    flow = Flow(orig=own, resp=Side(RANDOM, "encrypted", 0.99, [(0, 20_000, "encrypted")]), resp_port=22)
    return [(a.side, a.offset, a.packet) for a in alerts(policy or Policy(), "relapse", Flow("Cz"), flow)]


def test_cleartext_behind_ciphertext_is_a_relapse_at_its_first_byte() -> None:
    found = relapsing((0, 9_000, "encrypted"), (9_000, 9_200, "text"), (9_200, 20_000, "encrypted"))
    assert found == [("orig", 9_000, packet_of(9_000))]
    assert relapsing((0, 9_000, "encrypted"), (9_000, 9_300, "opaque"), (9_300, 9_400, "binary")) == [
        ("orig", 9_300, packet_of(9_300))
    ]


@pytest.mark.parametrize(
    "segments",
    [
        [(0, 200, "text"), (200, 20_000, "encrypted")],
        [(0, 255, "encrypted"), (255, 20_000, "text")],
        [(0, 9_000, "encrypted"), (9_000, 9_015, "text"), (9_015, 20_000, "encrypted")],
        [(0, 9_000, "compressed"), (9_000, 20_000, "text")],
        [(0, 9_000, "encrypted"), (9_000, 20_000, "compressed")],
    ],
)
def test_handshakes_short_segments_and_other_kinds_are_no_relapse(segments: list[Segment]) -> None:
    assert relapsing(*segments) == []


@pytest.mark.parametrize(("verdict", "probability"), [("binary", 0.99), ("encrypted", 0.86)])
@pytest.mark.parametrize("kind", ["binary", "text"])
def test_cleartext_behind_random_bytes_of_a_side_that_is_not_surely_encrypted_is_none(
    kind: str, verdict: str, probability: float
) -> None:
    """RTMP begins with 3,072 random bytes and goes on in the clear."""
    segments = ((0, 3_072, "encrypted"), (3_072, 20_000, kind))
    assert relapsing(*segments, verdict=verdict, probability=probability) == []


@pytest.mark.parametrize("kind", ["opaque", "compressed", "encrypted"])
def test_text_behind_what_looks_random_is_one_where_encryption_is_expected(kind: str) -> None:
    """A session that was taken over may send so much text that its verdict is text."""
    segments = ((0, 5_000, kind), (5_000, 20_000, "text"))
    assert relapsing(*segments, verdict="text", policy=ONLY_22) == [("orig", 5_000, packet_of(5_000))]
    keys = ((0, 2_048, kind), (2_048, 20_000, "text"))
    assert relapsing(*keys, verdict="text", policy=ONLY_22) == [], "certificates lie between keys and signatures"
    binary = ((0, 5_000, kind), (5_000, 20_000, "binary"))
    assert relapsing(*binary, verdict="binary", policy=ONLY_22) == []


@pytest.mark.parametrize("kind", ["opaque", "compressed", "encrypted", "key material"])
def test_fewer_random_bytes_are_enough_for_text_at_the_end_where_encryption_is_required(kind: str) -> None:
    required = Policy(must_be_encrypted=(Traffic(ports=((22, 22),)),))
    ending = ((0, 200, "text"), (200, 968, kind), (968, 20_000, "text"))
    assert relapsing(*ending, verdict="text", policy=required) == [("orig", 968, packet_of(968))]
    assert relapsing(*ending, verdict="text", policy=ONLY_22) == [], "it may be encrypted, or not"
    short = ((0, 200, "text"), (200, 967, kind), (967, 20_000, "text"))
    assert relapsing(*short, verdict="text", policy=required) == []
    binary = (*ending[:2], (968, 20_000, "binary"))
    assert relapsing(*binary, verdict="binary", policy=required) == []


def test_certificates_between_keys_are_no_relapse_where_encryption_is_required() -> None:
    required = Policy(must_be_encrypted=(Traffic(ports=((22, 22),)),))
    segments = ((0, 1_200, "key material"), (1_200, 3_000, "text"), (3_000, 3_300, "opaque"))
    assert relapsing(*segments, verdict="text", policy=required) == []
    reverse = relapsing(*segments, (3_300, 3_400, "text"), verdict="text", policy=required)
    assert reverse == [("orig", 3_300, packet_of(3_300))], "the longest stretch before need not be the last"
    tiny = relapsing(*segments, (3_300, 3_315, "text"), verdict="text", policy=required)
    assert tiny == []


def sixty_four(first: str, last: str, *, begins: int = 9_000) -> list[Segment]:
    """As many segments as a record tells, the last of which reaches to the end."""
    kinds = ["opaque" if number % 2 else "binary" for number in range(62)]
    short = [(begins + 32 * number, begins + 32 * (number + 1), kind) for number, kind in enumerate(kinds)]
    return [(0, begins, first), *short, (short[-1][1], 20_000, last)]


def test_of_the_last_segment_that_a_record_tells_only_the_first_block_is_sure() -> None:
    segments = sixty_four("opaque", "text")
    assert len(segments) == 64
    required = Policy(must_be_encrypted=(Traffic(ports=((22, 22),)),))
    flow = Flow(orig=Side(RANDOM, "text", 0.8, segments), resp_port=22)
    [alert] = alerts(required, "relapse", flow)
    assert (alert.offset, alert.segment_end) == (9_000 + 62 * 32, 20_000)
    assert "at least 16 bytes behind 9,000 bytes that look random" in alert.reason
    assert alerts(changed(required, "relapse", min_bytes=17), "relapse", flow) == []
    strict = changed(required, "plaintext_unexpected", min_probability=0.9, clear_bytes=40)
    assert alerts(strict, "plaintext_unexpected", flow) == []
    whole = replace(flow, orig=replace(flow.orig, segments=segments[:-2] + segments[-1:]))
    assert len(alerts(strict, "plaintext_unexpected", whole)) == 1, "of 63 segments the last ends where it says"


def test_what_comes_behind_the_last_segment_that_a_record_tells_is_no_end_in_text() -> None:
    required = Policy(must_be_encrypted=(Traffic(ports=((22, 22),)),))
    for count, found in ((64, 0), (63, 1)):
        segments = sixty_four("opaque", "text", begins=1_000)
        # One segment fewer, and it is known where the last ends.
        segments = segments if count == 64 else [(0, 1_032, "opaque"), *segments[2:]]
        assert len(segments) == count
        flow = Flow(orig=Side(RANDOM, "text", 0.5, segments), resp_port=22)
        assert len(alerts(required, "relapse", flow)) == found


def test_ciphertext_of_another_flow_or_side_does_not_make_a_relapse() -> None:
    cipher, text = (
        Side(RANDOM, "encrypted", 0.99, [(0, 20_000, "encrypted")]),
        Side(RANDOM, segments=[(0, 20_000, "text")]),
    )
    assert alerts(Policy(), "relapse", Flow("Ca", cipher, text), Flow("Cb", text, cipher), Flow("Cc", text, text)) == []


def test_only_the_first_relapse_of_a_side_is_told_with_what_was_before() -> None:
    segments = [(at, at + 1_000, "text" if at % 2_000 else "encrypted") for at in range(0, 20_000, 1_000)]
    [alert] = alerts(Policy(), "relapse", Flow(orig=Side(RANDOM, "encrypted", 0.99, segments)))
    assert (alert.offset, alert.segment, alert.segment_before) == (1_000, "text", "encrypted")
    assert (
        "is text from byte 1,000 on (packet 4 of a.pcap), 1,000 bytes behind 1,000 bytes that are encrypted"
        in alert.reason
    )


def test_a_change_of_coding_that_the_policy_names_is_told_after_its_first_bytes() -> None:
    def changes(policy: Policy, *segments: Segment) -> list[int]:
        flow = Flow(orig=Side(RANDOM, "encrypted", 0.99, segments))
        return [a.offset for a in alerts(policy, "coding_changed", flow)]

    late = ((0, 8_000, "encrypted"), (8_000, 20_000, "compressed"))
    assert changes(Policy(), *late) == [8_000]
    assert changes(Policy(), (0, 4_000, "encrypted"), (4_000, 20_000, "compressed")) == []
    assert changes(Policy(), (0, 8_000, "compressed"), (8_000, 20_000, "encrypted")) == []
    assert changes(Policy(), (0, 8_000, "encrypted"), (8_000, 8_255, "compressed"), (8_255, 20_000, "encrypted")) == []
    assert changes(Policy(), (0, 8_000, "text"), (8_000, 8_255, "encrypted"), (8_255, 20_000, "compressed")) == []
    anything = changed(Policy(), "coding_changed", changes=(("*", "encrypted"),))
    assert changes(anything, *late) == []
    assert changes(anything, (0, 8_000, "text"), (8_000, 20_000, "encrypted")) == [8_000]
    assert changes(anything, (0, 8_000, "encrypted"), (8_000, 20_000, "encrypted")) == []


def test_rules_that_are_off_are_silent() -> None:
    flow = Flow(orig=Side(RANDOM, "encrypted", 0.99, [(0, 9_000, "encrypted"), (9_000, 20_000, "text")]))
    assert len(apply(judged(flow), Policy())) == 1
    assert apply(judged(flow), changed(Policy(), "relapse", enabled=False)) == []


def test_slices_of_judged_batches_name_their_own_segments() -> None:
    text = Side(b"x" * 20_000, segments=[(0, 20_000, "text")])
    relapse = Side(RANDOM, "encrypted", 0.99, [(0, 9_000, "encrypted"), (9_000, 20_000, "text")])
    batch = judged(Flow("Ca", text, text), Flow("Cb", text, relapse), Flow("Cc", relapse, text))
    assert [(a.uid, a.side, a.offset) for a in apply(batch.slice(2), Policy())] == [("Cc", "orig", 9_000)]
    assert [(a.uid, a.side) for a in apply(batch.slice(1, 1), Policy())] == [("Cb", "resp")]


def test_flows_that_were_not_judged_break_no_rule_about_verdicts() -> None:
    batch = judged(Flow(resp=encrypted()))
    plain = batch.select([name for name in batch.schema.names if "verdict" not in name and name != "segments"])
    assert apply(plain, ONLY_22) == []


def test_segments_may_stand_in_any_order() -> None:
    batch = judged(Flow(orig=encrypted(), resp=Side(RANDOM, "encrypted", 0.99, RELAPSED)), Flow("Cb", encrypted()))
    rows = batch.to_pylist()
    for row in rows:
        row["segments"].reverse()
    found = apply(batch, ONLY_22)
    assert {alert.rule for alert in found} == {"encrypted_unexpected", "relapse"}
    assert apply(pa.RecordBatch.from_pylist(rows, batch.schema), ONLY_22) == found


def test_a_side_s_column_names_its_gravest_alert_and_of_equals_the_first() -> None:
    policy = changed(ONLY_22, "encrypted_unexpected", enabled=True, severity="high")
    flow = Flow(orig=Side(RANDOM, "encrypted", 0.99, RELAPSED), resp=encrypted())
    for severity, first in (("medium", "encrypted_unexpected"), ("high", "encrypted_unexpected"), ("low", "relapse")):
        rules = {**policy.rules, "encrypted_unexpected": VerdictRule(severity=severity)}
        rules["relapse"] = replace(RULES["relapse"], severity="high" if severity == "high" else "medium")
        expected = {(alert.rule, alert.side): alert.id for alert in apply(judged(flow), replace(policy, rules=rules))}
        [row] = PolicyRun(replace(policy, rules=rules)).findings(judged(flow)).with_ids().to_pylist()
        assert row["orig_alert_id"] == expected[first, "orig"]
        assert row["resp_alert_id"] == expected["encrypted_unexpected", "resp"]
        assert set(row["alert_ids"]) == set(expected.values())
