"""Thresholds: cumulative entropy rose to a number of bits per byte, or fell below it, where that was not expected.

Flow records and a policy go in, hits come out. The threshold that the scan was given was looked for at every byte;
any other is looked for at the points of the trajectory grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.policy.bands import GRID
from wiretropy.policy.hits import Hits, first_of_each, hits, in_order
from wiretropy.policy.matching import TrafficMatcher
from wiretropy.policy.model import Policy, Threshold

SIDES = ("orig", "resp")
"""Directions that are judged."""


def threshold_crossed(batch: pa.RecordBatch, policy: Policy, match: TrafficMatcher, scanned: float) -> Hits:
    """Sides that crossed one of the policy's thresholds, of flows that neither may nor must be encrypted.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Flow records.
    policy : Policy
        Thresholds and expected traffic.
    match : TrafficMatcher
        For the policy's names.
    scanned : float
        Bits per byte that the scan looked for.
    """
    unexpected = ~match.any_of(batch, (*policy.may_be_encrypted, *policy.must_be_encrypted))
    parts = []
    for number, threshold in enumerate(policy.threshold):
        rows = unexpected & match.rows(batch, threshold.traffic)
        find = _at_crossings if threshold.bits_per_byte == scanned else _at_grid_points
        parts += [find(batch, side, rows, threshold, number) for side in threshold.sides]
    return in_order(parts)


def _at_crossings(batch: pa.RecordBatch, side: str, rows: NDArray[np.bool_], threshold: Threshold, entry: int) -> Hits:
    """First crossings among those that the scan listed: rising, falling, rising, ..."""
    column: Any = batch.column(f"{side}_crossing_offsets")
    row, at, nth = arrays.items(column, rows)
    offsets = arrays.values(column.values)[at].astype(np.int64)
    is_wanted = (nth % 2 == (threshold.direction == "falling")) & _is_within(offsets, threshold)
    row, at, offsets = row[is_wanted], at[is_wanted], offsets[is_wanted]
    first = first_of_each(row)
    return hits("threshold_crossed", side, row[first], offsets[first], entry=entry, crossing=at[first])


def _at_grid_points(
    batch: pa.RecordBatch, side: str, rows: NDArray[np.bool_], threshold: Threshold, entry: int
) -> Hits:
    """First crossings between points of the trajectory; a trajectory begins below every threshold."""
    column: Any = batch.column(f"{side}_trajectory")
    row, at, nth = arrays.items(column, rows)
    above = arrays.values(column.values)[at] >= threshold.bits_per_byte
    was_above = np.concatenate([[False], above[:-1]])[: len(above)] & (nth > 0)
    offsets = np.array(GRID, dtype=np.int64)[nth]
    is_crossing = (was_above & ~above) if threshold.direction == "falling" else (above & ~was_above)
    is_wanted = is_crossing & _is_within(offsets, threshold)
    row, offsets = row[is_wanted], offsets[is_wanted]
    first = first_of_each(row)
    return hits("threshold_crossed", side, row[first], offsets[first], entry=entry)


def _is_within(offsets: NDArray[np.int64], threshold: Threshold) -> NDArray[np.bool_]:
    return (threshold.from_byte <= offsets) & (offsets <= threshold.to_byte)
