"""The segments of judged flow records as flat columns, in the order of flow, side and offset.

A batch with the column ``segments`` goes in; its absence means that the flows were not judged, and gives none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.limits import MAX_SEGMENTS, SEGMENT_BLOCK_BYTES
from wiretropy.policy.hits import SIDE_NUMBERS
from wiretropy.schema import SEGMENT_KINDS

_KINDS = {kind: number for number, kind in enumerate(SEGMENT_KINDS)}


# No slots, since what follows from the arrays is kept with them: every alert of a batch looks at it.
@dataclass(frozen=True)
class JudgedSegments:
    """The segments of a judged batch.

    Attributes
    ----------
    row : ndarray of shape (n,), int64
        Flow of the batch.
    side : ndarray of shape (n,), int8
        Number in `hits.SIDES`.
    kind : ndarray of shape (n,), int8
        Number in `schema.SEGMENT_KINDS`.
    start, end : ndarray of shape (n,), int64
        Offsets in bytes, as the record tells them.
    packet : ndarray of shape (n,), int64
        Number of the packet that carried the first byte.
    source : ndarray of shape (n,), int64
        Which of `sources` it lies in.
    sources : list of str
        Capture files.
    """

    row: NDArray[np.int64]
    side: NDArray[np.int8]
    kind: NDArray[np.int8]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    packet: NDArray[np.int64]
    source: NDArray[np.int64]
    sources: list[str]

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """One ascending number for each side of each flow."""
        return self.row * len(SIDE_NUMBERS) + self.side

    @cached_property
    def is_cut_off(self) -> NDArray[np.bool_]:
        """Which are the last that a record tells of a side, so that nobody knows where they end."""
        _, number, counts = np.unique(self.group, return_inverse=True, return_counts=True)
        return self.is_last & (counts[number] >= MAX_SEGMENTS)

    @cached_property
    def least_end(self) -> NDArray[np.int64]:
        """Where each ends at the earliest."""
        return np.where(self.is_cut_off, np.minimum(self.end, self.start + SEGMENT_BLOCK_BYTES), self.end)

    @cached_property
    def length(self) -> NDArray[np.int64]:
        """Bytes that each has at least."""
        return self.least_end - self.start

    @cached_property
    def is_last(self) -> NDArray[np.bool_]:
        """Behind which no other of the same side is told."""
        group = self.group
        return np.append(group[1:] != group[:-1], np.ones(min(1, len(group)), dtype=np.bool_))

    def of_side(self, row: int, side: int) -> slice:
        """Where the segments of one side of one flow stand."""
        group = row * len(SIDE_NUMBERS) + side
        first, end = np.searchsorted(self.group, [group, group + 1]).tolist()
        return slice(first, end)

    def is_kind(self, *kinds: str) -> NDArray[np.bool_]:
        """Which are of one of these kinds."""
        return np.isin(self.kind, [_KINDS[kind] for kind in kinds])


def judged_segments(batch: pa.RecordBatch) -> JudgedSegments:
    """The segments of all flows of a batch."""
    if "segments" not in batch.schema.names or batch.num_rows == 0:
        return no_segments()
    column: Any = batch.column("segments")
    starts, ends = arrays.spans(column)
    items = column.values.slice(int(starts[0]), int(ends[-1] - starts[0]))
    row = np.repeat(np.arange(batch.num_rows), ends - starts)
    sources, names = arrays.coded(items.field("source"))
    fields: dict[str, NDArray[Any]] = {
        "side": _numbered(items.field("side"), SIDE_NUMBERS),
        "kind": _numbered(items.field("kind"), _KINDS),
        **{name: arrays.values(items.field(name)).astype(np.int64) for name in ("start", "end", "packet")},
        "source": sources.astype(np.int64),
    }
    order = np.lexsort((fields["start"], fields["side"], row))
    return JudgedSegments(row[order], sources=names, **{name: values[order] for name, values in fields.items()})


def no_segments() -> JudgedSegments:
    """The segments of flows that have none."""
    nothing = np.empty(0, dtype=np.int64)
    kinds = nothing.astype(np.int8)
    return JudgedSegments(nothing, kinds, kinds, nothing, nothing, nothing, nothing, [])


def _numbered(column: Any, numbers: dict[str, int]) -> NDArray[np.int8]:
    """Words of a column as numbers; -1 for words that are not known."""
    codes, words = arrays.coded(column)
    return np.array([numbers.get(word, -1) for word in words], dtype=np.int8)[codes]
