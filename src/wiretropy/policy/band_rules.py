"""Rules about bands: `band_left`, where a flow leaves the bands of its kind of traffic, and `band_regained`.

Flow records, their segments, a policy and a matcher go in, hits come out. Of each flow, side and bands there is one hit
where it leaves the first of them, and one where it is back within that one. Flows that begin mid-stream are left out,
since nobody knows where in their stream they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.policy.bands import GRID, Curve, Settled
from wiretropy.policy.hits import BLOCK, CLEARTEXT, CUMULATIVE, SIDES, Hits, first_of_each, hits, in_order
from wiretropy.policy.matching import Mask, TrafficMatcher
from wiretropy.policy.model import EVERYTHING, BandEntry, Policy, Traffic
from wiretropy.policy.segments import JudgedSegments

CLEAR_KINDS = ("text", "binary", "encoded")
"""Kinds of segments that bands bound the beginning of."""

_GRID = np.array(GRID, dtype=np.int64)


def bands_left_and_regained(
    batch: pa.RecordBatch, policy: Policy, match: TrafficMatcher, segments: JudgedSegments
) -> Hits:
    """Hits of both rules."""
    parts: list[Hits] = []
    for number, entry in enumerate(policy.band):
        rows = match.rows(batch, _traffic_of(entry))
        rows &= ~arrays.values(batch.column("is_midstream"))
        if rows.any():
            found = [hit for curve in entry.bands.curves for hit in _outside(batch, rows, curve, number)]
            found += [_unsettled(segments, rows, each, number) for each in entry.bands.settled]
            parts.append(_first_left(in_order(found)))
    return in_order(parts)


def _traffic_of(entry: BandEntry) -> Traffic:
    """Where bands apply: where the policy says, else on their own ports."""
    if entry.traffic != EVERYTHING:
        return entry.traffic
    return Traffic(ports=tuple((port, port) for port in entry.bands.ports))


def _outside(batch: pa.RecordBatch, rows: Mask, curve: Curve, entry: int) -> list[Hits]:
    """Where flows are first outside a curve's bounds, and first inside again."""
    name = "trajectory" if curve.measure == "cumulative" else "block_entropy"
    column: Any = batch.column(f"{curve.side}_{name}")
    row, at, nth = arrays.items(column, rows)
    low, high = _bounds(curve, int(nth.max(initial=0)) + 1)
    value = arrays.values(column.values)[at]
    # Comparisons with NaN, which stands where there are no bounds, are false.
    is_outside = (value < low[nth]) | (value > high[nth])
    is_inside = (value >= low[nth]) & (value <= high[nth])
    left = _first(row, is_outside)
    since = np.full(batch.num_rows, np.iinfo(np.int64).max)
    since[row[left]] = nth[left]
    back = _first(row, is_inside & (nth > since[row]))
    measure = CUMULATIVE if curve.measure == "cumulative" else BLOCK

    def told(rule: str, which: NDArray[np.int64]) -> Hits:
        point = nth[which]
        start = np.where(point > 0, _GRID[point - 1], 0) if measure == BLOCK else 0
        more = {"value": value[which], "low": low[point], "high": high[point]}
        return hits(rule, curve.side, row[which], _GRID[point], entry=entry, measure=measure, start=start, **more)

    return [told("band_left", left), told("band_regained", back)]


def _bounds(curve: Curve, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds at the first points of the grid; NaN where there are none."""
    numbers = np.array(curve.points, dtype=np.int64)
    known = numbers < points
    low, high = np.full(points, np.nan), np.full(points, np.nan)
    low[numbers[known]], high[numbers[known]] = np.array(curve.low)[known], np.array(curve.high)[known]
    return low, high


def _first(row: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first chosen item of each row."""
    at = np.flatnonzero(chosen)
    return at[first_of_each(row[at])]


def _unsettled(segments: JudgedSegments, rows: Mask, settled: Settled, entry: int) -> Hits:
    """The segment with which there is more cleartext behind a place than bands allow."""
    is_clear = segments.is_kind(*CLEAR_KINDS) & (segments.side == SIDES.index(settled.side)) & rows[segments.row]
    length = np.where(is_clear, segments.least_end - np.maximum(segments.start, settled.offset), 0).clip(0)
    total = np.cumsum(length)
    # Of each flow, from where its segments begin.
    before = (total - length)[np.searchsorted(segments.row, segments.row)] if len(total) else total
    at = _first(segments.row, (total - before > settled.at_most) & (length > 0))
    return hits(
        "band_left",
        settled.side,
        segments.row[at],
        np.maximum(segments.start[at], settled.offset),
        entry=entry,
        measure=CLEARTEXT,
        segment=at,
        start=settled.offset,
        value=(total - before)[at],
        high=settled.at_most,
    )


def _first_left(found: Hits) -> Hits:
    """Of each flow and side, the first place where it leaves a band, and where it regains the same."""
    group = found["row"] * len(SIDES) + found["side"]
    left = np.flatnonzero(found["rule"] == _LEFT)
    left = left[first_of_each(group[left])]
    regained = np.flatnonzero(found["rule"] != _LEFT)
    measures = dict(zip(group[left].tolist(), found["measure"][left].tolist(), strict=True))
    same = [
        measures.get(key) == measure for key, measure in zip(group[regained], found["measure"][regained], strict=True)
    ]
    kept: Hits = found[np.sort(np.concatenate([left, regained[np.array(same, dtype=np.bool_)]]))]

    return kept


_LEFT = hits("band_left", "orig", np.zeros(1), np.zeros(1))["rule"][0]
