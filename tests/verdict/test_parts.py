"""What segments of flows add up to, and what the sums say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.verdict import evidence
from wiretropy.verdict.evidence import FEATURES, features, opaque_log_odds, weights
from wiretropy.verdict.parts import KINDS, OPAQUE, Parts, flat, parts_of, segments_of

Side = list[tuple[str, int]]
"""Segments of one side of a flow: kind and length of each."""

FLOWS: list[Side] = [
    [],
    [("text", 40)],
    [("text", 100), ("opaque", 2_000)],
    [],
    [("opaque", 30), ("binary", 7), ("opaque", 5), ("text", 900)],
    [("binary", 16)],
    [("opaque", 2**40)],
]


def table(flows: list[Side]) -> pa.RecordBatch:
    ends = [np.cumsum([length for _, length in side], dtype=np.int64).tolist() for side in flows]
    columns = {
        "orig_segment_ends": pa.array(ends, pa.list_(pa.uint64())),
        "orig_segment_kinds": pa.array([[kind for kind, _ in side] for side in flows], pa.list_(pa.string())),
    }
    return pa.record_batch(columns)


def parts(flows: list[Side]) -> Parts:
    return parts_of(segments_of(table(flows), "orig"), len(flows))


def test_segments_are_listed_flow_by_flow_with_where_they_begin() -> None:
    found = segments_of(table(FLOWS), "orig")
    assert found.rows.tolist() == [1, 2, 2, 4, 4, 4, 4, 5, 6]
    assert found.starts.tolist() == [0, 0, 100, 0, 30, 37, 42, 0, 0]
    assert found.ends.tolist() == [40, 100, 2_100, 30, 37, 42, 942, 16, 2**40]
    assert [KINDS[kind] for kind in found.kinds] == [kind for side in FLOWS for kind, _ in side]
    assert found.is_last.tolist() == [True, False, True, False, False, False, True, True, True]


def test_bytes_add_up_by_kind() -> None:
    found = parts(FLOWS)
    assert found.opaque.tolist() == [0, 0, 2_000, 0, 35, 0, 2**40]
    assert found.text.tolist() == [0, 40, 100, 0, 900, 0, 0]
    assert found.binary.tolist() == [0, 0, 0, 0, 7, 16, 0]
    assert found.total.tolist() == [0, 40, 2_100, 0, 942, 16, 2**40]
    assert found.ends_opaque.tolist() == [False, False, True, False, False, False, True]


def test_both_sides_end_opaque_if_one_does() -> None:
    first = parts([[("text", 5)], [("opaque", 5)], [], [("binary", 3)]])
    second = parts([[("opaque", 2)], [], [], [("binary", 4)]])
    both = first + second
    assert both.ends_opaque.tolist() == [True, True, False, False]
    assert (both.opaque.tolist(), both.text.tolist()) == ([2, 5, 0, 0], [5, 0, 0, 0])
    assert (both.binary.tolist(), both.total.tolist()) == ([0, 0, 0, 7], [7, 5, 0, 7])


def test_no_flows_and_flows_without_segments_have_no_parts() -> None:
    assert parts([]).total.tolist() == []
    assert parts([[], []]).total.tolist() == [0, 0]
    assert len(segments_of(table([[], []]), "orig").rows) == 0


sides = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 10**6)), max_size=4)


@given(st.lists(sides, max_size=6), st.data())
def test_slices_have_the_parts_of_their_rows(flows: list[Side], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(flows)))
    length = data.draw(st.integers(0, len(flows) - start))
    whole, part = parts(flows), parts_of(segments_of(table(flows).slice(start, length), "orig"), length)
    for name in ("opaque", "text", "binary", "ends_opaque"):
        assert getattr(part, name).tolist() == getattr(whole, name)[start : start + length].tolist()
    by_hand = [sum(length for kind, length in side if kind == "opaque") for side in flows]
    assert whole.opaque.tolist() == by_hand


def test_items_of_lists_whole_sliced_and_in_pieces() -> None:
    lists = pa.array([[1, 2], [], [3], [4, 5, 6]], pa.list_(pa.int64()))
    for start, length in ((0, 4), (1, 2), (2, 2), (1, 1), (4, 0)):
        assert flat(lists.slice(start, length)).to_pylist() == lists.slice(start, length).flatten().to_pylist()
    assert flat(pa.chunked_array([lists.slice(2), lists.slice(0, 1)])).to_pylist() == [3, 4, 5, 6, 1, 2]
    for empty in (pa.array([], lists.type), pa.chunked_array([], lists.type)):
        assert (flat(empty).to_pylist(), flat(empty).type) == ([], pa.int64())


# Evidence.


def test_features_are_computed_by_hand() -> None:
    [row] = features(parts([[("text", 7), ("binary", 24), ("opaque", 31), ("binary", 1), ("opaque", 32)]])).tolist()
    # 63 opaque bytes of 95: log2(64) = 6 against log2(33).
    expected = [1, 63 / 95, 6 - np.log2(33), 1, 6, 6]
    assert dict(zip(FEATURES, row, strict=True)) == pytest.approx(dict(zip(FEATURES, expected, strict=True)))
    [row] = features(parts([[("opaque", 3), ("text", 1)]])).tolist()
    assert row == pytest.approx([1, 0.75, 1, 0, 0, 2])


def test_nothing_sent_has_features_without_division_by_zero() -> None:
    assert features(parts([[]])).tolist() == [[1, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("side", "is_opaque"),
    [
        ([("opaque", 64)], True),
        ([("opaque", 10_000)], True),
        ([("text", 1_000), ("opaque", 5_000)], True),
        ([("text", 2_000), ("binary", 60), ("opaque", 1_500)], True),
        ([("text", 64)], False),
        ([("binary", 64)], False),
        ([("binary", 30_000)], False),
        ([("binary", 500), ("opaque", 64), ("binary", 20_000)], False),
        ([("text", 900), ("opaque", 32), ("text", 900)], False),
    ],
)
def test_a_side_is_opaque_if_most_of_it_or_its_end_is(side: Side, is_opaque: bool) -> None:
    assert (opaque_log_odds(parts([side]))[0] > 0) == is_opaque


@given(st.integers(64, 10**6), st.integers(1, 10**6))
def test_more_opaque_bytes_at_the_end_never_speak_against_opaque(opaque: int, more: int) -> None:
    before, after = opaque_log_odds(
        parts([[("text", 500), ("opaque", opaque)], [("text", 500), ("opaque", opaque + more)]])
    )
    assert after >= before


@pytest.mark.parametrize("change", [{"format": 2}, {"weights": {"intercept": 1.0}}, {"weights": "reversed"}])
def test_other_weights_are_refused(change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = json.loads(Path(evidence.__file__).with_name("flows.json").read_text(encoding="utf-8"))
    assert list(stored["weights"]) == list(FEATURES)
    if change.get("weights") == "reversed":
        change = {"weights": dict(reversed(stored["weights"].items()))}
    (tmp_path / "flows.json").write_text(json.dumps(stored | change))
    monkeypatch.setattr(evidence, "_FILE", tmp_path / "flows.json")
    with pytest.raises(ValueError, match="does not hold the weights that this wiretropy knows"):
        weights.__wrapped__()


def test_kinds_are_those_of_the_core() -> None:
    assert KINDS[OPAQUE] == "opaque"
    assert KINDS == ("opaque", "text", "binary")
