"""What the segments of flows add up to: how many opaque and cleartext bytes each side sent.

In: flow records. Out: one array for each sum, one row a flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays

KINDS = ("opaque", "text", "binary")
OPAQUE, TEXT, BINARY = range(3)
"""Kinds of segments, and their numbers here."""


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of one side of every flow, one after the other.

    Attributes
    ----------
    rows : ndarray of shape (s,), int64
        Which flow each belongs to; ascending.
    starts, ends : ndarray of shape (s,), int64
        Bytes of that side before it, and until its end.
    kinds : ndarray of shape (s,), int8
        `OPAQUE`, `TEXT` or `BINARY`.
    is_last : ndarray of shape (s,), bool
        Whether no segment of this side follows.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    kinds: NDArray[np.int8]
    is_last: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parts:
    """Bytes by kind, of one side or of both.

    Attributes
    ----------
    opaque, text, binary : ndarray of shape (n,), int64
    ends_opaque : ndarray of shape (n,), bool
        Whether the last segment (of either side) is opaque.
    """

    opaque: NDArray[np.int64]
    text: NDArray[np.int64]
    binary: NDArray[np.int64]
    ends_opaque: NDArray[np.bool_]

    @property
    def total(self) -> NDArray[np.int64]:
        """All bytes."""
        return self.opaque + self.text + self.binary

    @property
    def clear(self) -> NDArray[np.int64]:
        """Those that are not opaque."""
        return self.text + self.binary

    def __add__(self, other: Parts) -> Parts:
        """Both sides together."""
        return Parts(
            self.opaque + other.opaque,
            self.text + other.text,
            self.binary + other.binary,
            self.ends_opaque | other.ends_opaque,
        )


def flat(column: Any) -> Any:
    """The items of a column of lists without nulls, as one array."""
    chunks: list[Any] = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    items = [_items(chunk) for chunk in chunks if len(chunk)]
    return pa.concat_arrays(items) if items else pa.array([], column.type.value_type)


def _items(lists: Any) -> Any:
    # Not by flatten, which loads pyarrow.compute.
    starts, ends = arrays.spans(lists)
    return lists.values.slice(int(starts[0]), int(ends[-1] - starts[0]))


def segments_of(table: pa.Table | pa.RecordBatch, side: str) -> Segments:
    """The segments of one side of every flow."""
    counts = arrays.lengths(table.column(f"{side}_segment_ends"))
    ends = arrays.values(flat(table.column(f"{side}_segment_ends"))).astype(np.int64)
    codes, names = arrays.coded(flat(table.column(f"{side}_segment_kinds")))
    kinds = np.array([KINDS.index(name) for name in names], dtype=np.int8)[codes]
    rows = np.repeat(np.arange(len(counts)), counts)
    starts = np.zeros_like(ends)
    starts[1:] = np.where(rows[1:] == rows[:-1], ends[:-1], 0)
    is_last = np.ones(len(rows), dtype=np.bool_)
    is_last[:-1] = rows[1:] != rows[:-1]
    return Segments(rows, starts, ends, kinds, is_last)


def parts_of(segments: Segments, flows: int) -> Parts:
    """Add up the segments of each flow."""
    lengths = (segments.ends - segments.starts).astype(np.float64)  # exact below 2^53
    opaque, text, binary = (
        np.bincount(segments.rows, lengths * (segments.kinds == kind), flows).astype(np.int64) for kind in range(3)
    )
    ends_opaque = np.zeros(flows, dtype=np.bool_)
    ends_opaque[segments.rows[segments.is_last & (segments.kinds == OPAQUE)]] = True
    return Parts(opaque, text, binary, ends_opaque)
