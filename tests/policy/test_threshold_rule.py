"""Which flows crossed a threshold: read from list offsets, whatever array the records come in."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from policy_records import Flow, Side, judged, packet_of

from wiretropy.policy.apply import PolicyRun, apply
from wiretropy.policy.model import Policy, Threshold, Traffic, without_file

EVERYONE = Traffic(ports=((0, 65_535),))

EXAMPLES = Path(__file__).parents[2] / "examples"

FOUR = [
    Flow("Ca", orig=Side(b"x", crossings=[1_890, 2_000]), resp_port=22),
    Flow("Cb", resp_port=23),
    Flow("Cc", orig=Side(b"x", crossings=[7]), resp_port=24),
    Flow("Cd", resp_port=25),
]


def per_flow(batch: pa.RecordBatch, policy: Policy | None = None) -> list[int]:
    return PolicyRun(policy or without_file()).findings(batch).per_flow().tolist()


def places(batch: pa.RecordBatch, *thresholds: Threshold) -> list[tuple[str, str, int]]:
    """Flow, side and offset of each alert; the scan looked for 7.9."""
    return [(alert.uid, alert.side, alert.offset) for alert in apply(batch, Policy(threshold=thresholds))]


def test_each_direction_with_crossings_is_one_alert() -> None:
    assert per_flow(judged(*FOUR)) == [1, 0, 1, 0]
    both = [Flow(flow.uid, flow.orig, Side(b"x", crossings=[5])) for flow in FOUR[:2]]
    assert per_flow(judged(*both, *FOUR[2:])) == [2, 1, 1, 0]


@pytest.mark.parametrize("key", ["may_be_encrypted", "must_be_encrypted"])
def test_where_encryption_is_expected_there_is_none(key: str) -> None:
    policy = Policy(threshold=(Threshold(),), **{key: (Traffic(ports=((22, 23),)),)})
    assert per_flow(judged(*FOUR), policy) == [0, 0, 1, 0]


def test_slices_count_from_where_they_begin() -> None:
    batch = judged(*FOUR)
    assert per_flow(batch.slice(1, 2)) == [0, 1]
    assert per_flow(batch.slice(0, 0)) == []
    assert [alert.uid for alert in apply(batch.slice(2), without_file())] == ["Cc"]


def test_a_falling_threshold_is_met_where_entropy_first_fell() -> None:
    batch = judged(*FOUR)
    assert places(batch, Threshold(direction="falling")) == [("Ca", "orig", 2_000)]
    assert places(batch, Threshold(direction="falling", from_byte=2_001)) == []


def test_crossings_outside_of_the_threshold_s_bytes_and_sides_do_not_count() -> None:
    batch = judged(Flow(orig=Side(b"x", crossings=[100, 200, 300, 400])))
    assert places(batch, Threshold(from_byte=101)) == [("Ca", "orig", 300)]
    assert places(batch, Threshold(to_byte=100)) == [("Ca", "orig", 100)]
    assert places(batch, Threshold(to_byte=99)) == []
    assert places(batch, Threshold(sides=("resp",))) == []


def test_another_threshold_than_the_scan_s_is_met_at_the_next_grid_point() -> None:
    payload = random.Random(1).randbytes(1_024) + bytes(3_072)
    batch = judged(Flow(orig=Side(payload)))
    [(_, _, rising)] = places(batch, Threshold(7.5))
    [row] = batch.to_pylist()
    offsets = [(i + 1) * 32 for i in range(64)]
    assert rising == next(n for n, h in zip(offsets, row["orig_trajectory"], strict=False) if h >= 7.5)
    [(_, _, falling)] = places(batch, Threshold(7.5, "falling"))
    assert 1_024 < falling < 2_048
    [alert] = apply(batch, Policy(threshold=(Threshold(7.5),)))
    assert (alert.packet, alert.packet_offset) == (1, 0), "the first packet is the nearest that the record names"
    assert f"at byte {rising:,} (nearest known packet before, at byte 0: packet 1 of a.pcap)" in alert.reason


def test_every_trajectory_begins_below_whatever_flow_stands_before() -> None:
    high, low = random.Random(1).randbytes(2_048), b"ab" * 1_024
    batch = judged(
        *[Flow(uid, Side(payload)) for uid, payload in (("Ca", high), ("Cb", high), ("Cc", low), ("Cd", high))]
    )
    assert places(batch, Threshold(3.0)) == [("Ca", "orig", 32), ("Cb", "orig", 32), ("Cd", "orig", 32)]
    assert places(batch, Threshold(3.0, "falling")) == []


def test_thresholds_that_are_alike_give_one_alert_of_a_place() -> None:
    batch = judged(*FOUR)
    one = apply(batch, Policy(threshold=(Threshold(),)))
    same = Policy(threshold=(Threshold(7.5), Threshold(), Threshold(from_byte=1), Threshold(traffic=EVERYONE)))
    told = [alert for alert in apply(batch, same) if alert.threshold == 7.9]
    assert told == one
    assert len({alert.id for alert in told}) == len(told)


def test_ids_tell_thresholds_apart_that_differ_in_the_last_digit() -> None:
    batch = judged(Flow(orig=Side(random.Random(1).randbytes(4_096))))
    found = apply(batch, Policy(threshold=(Threshold(7.5), Threshold(7.500000001))))
    assert [alert.offset for alert in found] == [found[0].offset] * 2
    assert len({alert.id for alert in found}) == 2


def test_the_nearest_known_packet_is_that_of_the_last_segment_or_crossing_before() -> None:
    segments = [(0, 200, "text"), (200, 900, "opaque"), (900, 4_096, "opaque")]
    side = Side(random.Random(1).randbytes(4_096), "encrypted", 0.5, segments, crossings=[2_800])
    other = Side(random.Random(2).randbytes(4_096), segments=[(0, 700, "text"), (700, 4_096, "opaque")])
    batch = judged(Flow("Ca", other, other), Flow("Cb", other, side), Flow("Cc", side, other))

    def known(bits: float) -> tuple[int, int, int | None]:
        policy = Policy(threshold=(Threshold(bits, sides=("resp",)),))
        [alert] = [a for a in apply(batch, policy) if (a.uid, a.rule) == ("Cb", "threshold_crossed")]
        return alert.offset, alert.packet, alert.packet_offset

    offset, *nearest = known(7.0)
    assert 200 < offset < 900
    assert nearest == [packet_of(200), 200]
    offset, *nearest = known(7.94)
    assert offset > 2_800
    assert nearest == [packet_of(2_800), 2_800]
    [alert] = [a for a in apply(batch, Policy(threshold=(Threshold(),))) if a.uid == "Cb"]
    assert (alert.packet, alert.packet_offset) == (packet_of(2_800), None), "the scan's own threshold names its packet"
    assert "known" not in alert.reason


def test_thresholds_hold_where_they_say() -> None:
    batch = judged(*FOUR)
    assert places(batch, Threshold(traffic=Traffic(ports=((24, 24),)))) == [("Cc", "orig", 7)]


@pytest.mark.parametrize("more", [[], ["-q"], ["--json"]])
def test_a_scan_with_the_rule_does_not_load_pandas(tmp_path: Path, more: list[str]) -> None:
    capture = str(EXAMPLES / "http-plain.pcap")
    arguments = ["scan", capture, "--out", str(tmp_path), "--expected-ports", "22", *more]
    program = (
        "import sys\n"
        "from wiretropy.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("count", "told"), [(1, ""), (2, ", 2 crossings in all"), (256, ", 256 or more crossings in all")]
)
def test_crossings_are_counted_as_far_as_a_record_lists_them(count: int, told: str) -> None:
    batch = judged(Flow(orig=Side(b"x", crossings=range(2_000, 2_000 + count))))
    [alert] = apply(batch, Policy(threshold=(Threshold(),)))
    assert f"at byte 2,000 (packet {packet_of(2_000)} of a.pcap{told});" in alert.reason


def test_alerts_of_a_side_stand_in_the_order_of_its_bytes() -> None:
    segments = [(0, 900, "encrypted"), (900, 9_000, "text")]
    side = Side(random.Random(1).randbytes(9_000), "encrypted", 0.99, segments, crossings=[2_000])
    found = apply(judged(Flow(orig=side, resp=side)), Policy(threshold=(Threshold(),)))
    expected = [("orig", 900, "relapse"), ("orig", 2_000, "threshold_crossed")]
    expected += [("resp", offset, rule) for _, offset, rule in expected]
    assert [(alert.side, alert.offset, alert.rule) for alert in found] == expected
