"""Bands hold for flows like those that they were learned from, and cleartext leaves them wherever it is."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from learned_sessions import session
from policy_records import Flow, Side, judged

from wiretropy.policy.apply import PolicyRun, apply
from wiretropy.policy.bands import GRID, Bands, Curve, Measure, Settled
from wiretropy.policy.learn import Learned, learn, upper_tail
from wiretropy.policy.model import RULES, BandEntry, Policy, RateLimit, Suppression
from wiretropy.policy.sessions import sessions_of

NUMBER = 120


@pytest.fixture(scope="module")
def halves() -> tuple[pa.RecordBatch, pa.RecordBatch]:
    rng = random.Random(11)
    batch = judged(*(session(rng, f"C{i}") for i in range(2 * NUMBER)))
    return batch.slice(0, NUMBER), batch.slice(NUMBER)


@pytest.fixture(scope="module")
def learned(halves: tuple[pa.RecordBatch, pa.RecordBatch]) -> Learned:
    return learn(sessions_of([halves[0]]), "ssh", (22,))


def left(bands: Bands, batch: pa.RecordBatch) -> set[int]:
    """Rows that leave the bands."""
    unlimited = Policy(
        band=(BandEntry("ssh.json", bands),), suppression=Suppression(at_most=0), rate_limit=RateLimit(at_most=0)
    )
    return set(PolicyRun(unlimited).findings(batch).found["row"].tolist())


def test_bands_of_one_half_alarm_on_under_one_percent_of_the_other(
    halves: tuple[pa.RecordBatch, pa.RecordBatch], learned: Learned
) -> None:
    assert len(left(learned.bands, halves[1])) < 0.01 * NUMBER
    assert len(learned.violations) < 0.01 * NUMBER


def test_two_hundred_bytes_of_cleartext_anywhere_behind_the_first_4_kb_leave_them(learned: Learned) -> None:
    rng = random.Random(12)
    flows = [session(rng, f"C{i}", injected=lambda rng, length: rng.randint(4_096, length)) for i in range(NUMBER)]
    assert left(learned.bands, judged(*flows)) == set(range(NUMBER))


def test_without_segments_the_blocks_show_most_of_it_up_to_8_kb(
    halves: tuple[pa.RecordBatch, pa.RecordBatch],
) -> None:
    plain = halves[0].drop_columns("segments")
    bands = learn(sessions_of([plain]), "ssh", (22,)).bands
    assert bands.settled == ()
    rng = random.Random(13)
    flows = [
        session(rng, f"C{i}", injected=lambda rng, length: rng.randint(4_096, min(length - 2_048, 8_192)))
        for i in range(60)
    ]
    assert len(left(bands, judged(*flows).drop_columns("segments"))) >= 57
    assert len(left(bands, halves[1].drop_columns("segments"))) < 0.01 * NUMBER


def test_each_bound_says_how_many_flows_stand_behind_it(
    halves: tuple[pa.RecordBatch, pa.RecordBatch], learned: Learned
) -> None:
    lengths = np.array(halves[0].column("resp_measured_bytes").to_pylist())
    [curve] = [c for c in learned.bands.curves if (c.side, c.measure) == ("resp", "block")]
    assert curve.flows == tuple(int((lengths >= GRID[point]).sum()) for point in curve.points)
    assert min(curve.flows) >= 8
    assert learned.bands.flows == NUMBER
    for settled in learned.bands.settled:
        own = np.array(halves[0].column(f"{settled.side}_measured_bytes").to_pylist())
        assert settled.flows == (own > settled.offset).sum()


def test_the_alert_names_bands_place_and_bounds(learned: Learned) -> None:
    flow = session(random.Random(14), "Ca", injected=lambda _rng, _length: 4_650)
    policy = Policy(band=(BandEntry("ssh.json", learned.bands),))
    [alert] = [alert for alert in apply(judged(flow), policy) if alert.rule == "band_left" and alert.side == "resp"]
    assert (alert.band, alert.segment, alert.segment_start, alert.offset) == ("ssh", "text", 4_650, 4_650)
    assert "200 bytes of cleartext behind byte" in alert.reason
    bands = replace(learned.bands, settled=())
    found = apply(judged(flow), Policy(band=(BandEntry("ssh.json", bands),)))
    [out] = [alert for alert in found if (alert.rule, alert.side) == ("band_left", "resp")]
    assert (out.segment_start, out.segment_end, out.offset) == (4_608, 5_120, 5_120)
    assert out.band_entropy is not None
    assert out.band_low is not None
    assert out.band_entropy < out.band_low
    assert f"have {out.band_entropy:.3f} bits per byte, below {out.band_low:.3f} to" in out.reason
    [back] = [alert for alert in found if (alert.rule, alert.side) == ("band_regained", "resp")]
    assert back.offset > out.offset
    assert back.severity == "low"


def test_a_session_unlike_the_others_is_told_with_where_it_differs() -> None:
    rng = random.Random(15)
    strange = session(rng, "Cstrange", injected=lambda _rng, _length: 5_500)
    flows = [session(rng, f"C{i}") for i in range(60)]
    [violation] = learn(sessions_of([judged(*flows[:30], strange, *flows[30:])]), "ssh", (22,)).violations
    assert violation.name.startswith("Cstrange tcp 10.0.0.5:40000 -> 203.0.113.9:22")
    assert violation.side == "resp"


def test_flows_that_cannot_teach_are_left_out_with_the_reason() -> None:
    rng = random.Random(16)
    flows = [
        session(rng, "Ca"),
        replace(session(rng, "Cb"), more={"is_midstream": True}),
        replace(session(rng, "Cc"), more={"resp_missed_bytes": 1}),
        Flow("Cd", resp_port=22),
        replace(session(rng, "Ce"), resp_port=23),
    ]
    sessions = sessions_of([judged(*flows[:2]), judged(*flows[2:])], frozenset({22}))
    assert [name.split()[0] for name in sessions.names] == ["Ca"]
    assert {reason: n for reason, n in sessions.left_out.items() if n} == {
        "another port": 1,
        "without payload": 1,
        "begun mid-stream": 1,
        "with missed bytes": 1,
    }


def test_too_few_flows_are_refused() -> None:
    flows = judged(*(session(random.Random(i), f"C{i}") for i in range(19)))
    with pytest.raises(ValueError, match="19 flows are too few to learn from; at least 20"):
        learn(sessions_of([flows]), "ssh", (22,))


def test_flows_that_begin_mid_stream_are_compared_with_no_bands(learned: Learned) -> None:
    text = Flow(resp=Side(b"x" * 10_000, segments=[(0, 10_000, "text")]), resp_port=22)
    assert left(learned.bands, judged(text)) == {0}
    assert left(learned.bands, judged(replace(text, more={"is_midstream": True}))) == set()
    assert left(learned.bands, judged(replace(text, resp_port=23))) == set()


@pytest.mark.parametrize("n", [50, 400])
def test_the_bound_on_scores_holds_for_further_scores(n: int) -> None:
    rng = np.random.default_rng(17)
    beyond = [
        float(np.mean(np.abs(rng.normal(size=20_000)) > upper_tail(np.abs(rng.normal(size=n)), 1e-3)))
        for _ in range(50)
    ]
    assert np.mean(beyond) < 1e-3


def test_learning_does_not_depend_on_how_flows_come_in_batches(halves: tuple[pa.RecordBatch, pa.RecordBatch]) -> None:
    few = halves[0].slice(0, 40)
    assert learn(sessions_of([few.slice(0, 7), few.slice(7)]), "a", (22,)) == learn(sessions_of([few]), "a", (22,))


def test_bands_that_stand_twice_in_a_policy_give_one_alert_of_a_place(learned: Learned) -> None:
    text = Flow(resp=Side(b"x" * 10_000, segments=[(0, 10_000, "text")]), resp_port=22)
    entry, other = (BandEntry("", replace(learned.bands, name=name)) for name in ("ssh", "\udc80"))
    rules = {name: replace(rule, enabled=name.startswith("band_")) for name, rule in RULES.items()}
    one, twice, both = (
        apply(judged(text), Policy(band=band, rules=rules)) for band in ((entry,), (entry, entry), (entry, other))
    )
    assert one
    assert twice == one
    assert len({alert.id for alert in both}) == len(both) == 2 * len(one)


def only_bands(bands: Bands) -> Policy:
    """A policy in which nothing but bands is compared."""
    rules = {name: replace(rule, enabled=name.startswith("band_")) for name, rule in RULES.items()}
    return Policy(band=(BandEntry("", bands),), rules=rules)


def test_cleartext_of_one_flow_does_not_count_for_the_next() -> None:
    bands = Bands("x", (22,), (), settled=(Settled("resp", 100, 300, 30),))
    payload = random.Random(1).randbytes(1_000)
    some = [Flow(f"C{i}", resp=Side(payload, segments=[(0, 350, "text"), (350, 1_000, "opaque")])) for i in range(3)]
    more = replace(some[0], uid="Cx", resp=Side(payload, segments=[(0, 1_000, "text")]))
    flows = [replace(flow, resp_port=22) for flow in (*some, more)]
    assert [alert.uid for alert in apply(judged(*flows), only_bands(bands))] == ["Cx"]


def test_only_the_measure_that_was_left_is_regained() -> None:
    batch = judged(Flow(resp=Side(random.Random(1).randbytes(1_024)), resp_port=22))
    [row] = batch.to_pylist()

    def curve(measure: Measure, values: list[float], outside: int) -> Curve:
        """Bounds around what the flow has at ten points, but for one."""
        low = [value - 0.1 if point != outside else 7.9 for point, value in enumerate(values[:10])]
        return Curve("resp", measure, tuple(range(10)), tuple(low), (8.0,) * 10, (9,) * 10)

    cumulative = curve("cumulative", row["resp_trajectory"], 1)
    block = curve("block", row["resp_block_entropy"], 5)
    found = apply(batch, only_bands(Bands("x", (22,), (cumulative, block))))
    assert [(alert.rule, alert.offset) for alert in found] == [("band_left", GRID[1]), ("band_regained", GRID[2])]
