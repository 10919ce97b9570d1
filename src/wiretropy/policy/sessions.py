"""Flows of known traffic as matrices: one row a flow, one column a point of the trajectory grid.

Flow records go in. Flows that cannot teach what is normal are left out, with the reason: those that begin mid-stream
or miss bytes, since what is known of them does not stand where they say, and those without payload.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.policy.band_rules import CLEAR_KINDS
from wiretropy.policy.bands import BandSide, Measure
from wiretropy.policy.hits import SIDES
from wiretropy.policy.segments import JudgedSegments, judged_segments
from wiretropy.policy.threshold import SIDES as SINGLE_SIDES

Matrix = NDArray[np.float64]

HANDSHAKE_BYTES = 4_096
"""What is behind is no handshake any more, and is looked at apart from what is before."""

_COLUMNS: dict[Measure, str] = {"cumulative": "trajectory", "block": "block_entropy"}


@dataclass(frozen=True, slots=True)
class Sessions:
    """Flows to learn from.

    Attributes
    ----------
    names : list of str
        Each flow in words: id, protocol, ends and capture.
    entropy : dict of (side, measure) to ndarray of shape (n, points), float64
        Bits per byte; NaN behind the end of a flow.
    clear_end : dict of side to ndarray of shape (n,), float64
        Where the last segment of cleartext of a side ends; empty where flows were not judged.
    clear_late : dict of side to ndarray of shape (n,), float64
        Bytes of cleartext behind `HANDSHAKE_BYTES`, likewise.
    length : dict of side to ndarray of shape (n,), float64
        Measured bytes of a side.
    ports : Counter of int
        Flows by port of the responder.
    left_out : Counter of str
        Flows that were not used, by reason.
    """

    names: list[str]
    entropy: dict[tuple[BandSide, Measure], Matrix]
    clear_end: dict[BandSide, NDArray[np.float64]]
    clear_late: dict[BandSide, NDArray[np.float64]]
    length: dict[BandSide, NDArray[np.float64]]
    ports: Counter[int]
    left_out: Counter[str]

    def __len__(self) -> int:
        return len(self.names)


def sessions_of(batches: Iterable[pa.RecordBatch], ports: frozenset[int] = frozenset()) -> Sessions:
    """Gather flows.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Flow records; where they are judged, it is learned where cleartext ends.
    ports : frozenset of int
        Ports of the responder to learn from; all if there is none.
    """
    left_out: Counter[str] = Counter()
    parts = [_part(batch, ports, left_out) for batch in batches]
    keys: list[tuple[BandSide, Measure]] = [(side, measure) for side in SIDES for measure in _COLUMNS]  # type: ignore[misc]
    sides: Sequence[BandSide] = SINGLE_SIDES  # type: ignore[assignment]
    is_judged = bool(parts) and all(part.clear_end for part in parts)
    return Sessions(
        names=[name for part in parts for name in part.names],
        entropy={key: _stacked([part.entropy[key] for part in parts]) for key in keys},
        clear_end={side: _joined([part.clear_end[side] for part in parts]) for side in sides if is_judged},
        clear_late={side: _joined([part.clear_late[side] for part in parts]) for side in sides if is_judged},
        length={side: _joined([part.length[side] for part in parts]) for side in sides},
        ports=sum((part.ports for part in parts), Counter()),
        left_out=left_out,
    )


def _part(batch: pa.RecordBatch, ports: frozenset[int], left_out: Counter[str]) -> Sessions:
    rows = _usable(batch, ports, left_out)
    at = np.flatnonzero(rows)
    segments = judged_segments(batch)
    is_judged = "segments" in batch.schema.names
    return Sessions(
        names=_names(batch, at),
        entropy={
            (side, measure): _matrix(batch.column(f"{side}_{column}"), rows)  # type: ignore[misc]
            for side in SIDES
            for measure, column in _COLUMNS.items()
        },
        clear_end={side: _clear_ends(segments, side, batch.num_rows)[at] for side in SINGLE_SIDES if is_judged},  # type: ignore[misc]
        clear_late={side: _clear_late(segments, side, batch.num_rows)[at] for side in SINGLE_SIDES if is_judged},  # type: ignore[misc]
        length={side: _numbers(batch, f"{side}_measured_bytes")[at] for side in SINGLE_SIDES},  # type: ignore[misc]
        ports=Counter(_numbers(batch, "resp_port")[at].astype(int).tolist()),
        left_out=left_out,
    )


def _usable(batch: pa.RecordBatch, ports: frozenset[int], left_out: Counter[str]) -> NDArray[np.bool_]:
    """Which flows can teach what is normal; the others are counted by the first reason."""
    rows = np.ones(batch.num_rows, dtype=np.bool_)
    if ports:
        rows &= np.isin(_numbers(batch, "resp_port"), list(ports))
        left_out["another port"] += int(np.count_nonzero(~rows))
    missed = _numbers(batch, "orig_missed_bytes") + _numbers(batch, "resp_missed_bytes")
    reasons = {
        "without payload": _numbers(batch, "both_measured_bytes") == 0,
        "begun mid-stream": arrays.values(batch.column("is_midstream")),
        "with missed bytes": missed > 0,
    }
    for reason, is_so in reasons.items():
        left_out[reason] += int(np.count_nonzero(rows & is_so))
        rows &= ~is_so
    return rows


def _numbers(batch: pa.RecordBatch, column: str) -> NDArray[np.float64]:
    return arrays.values(batch.column(column)).astype(np.float64)


def _names(batch: pa.RecordBatch, at: NDArray[np.int64]) -> list[str]:
    columns = ("uid", "proto", "orig_ip", "orig_port", "resp_ip", "resp_port", "source")
    names = []
    for row in at.tolist():
        uid, proto, orig_ip, orig_port, resp_ip, resp_port, source = (batch.column(c)[row].as_py() for c in columns)
        names.append(f"{uid} {proto} {orig_ip}:{orig_port} -> {resp_ip}:{resp_port} in {source}")
    return names


def _matrix(column: Any, rows: NDArray[np.bool_]) -> Matrix:
    """Lists of the chosen rows as rows of a matrix."""
    row, at, nth = arrays.items(column, rows)
    matrix = np.full((int(np.count_nonzero(rows)), int(nth.max(initial=-1)) + 1), np.nan)
    matrix[(np.cumsum(rows) - 1)[row], nth] = arrays.values(column.values)[at]
    return matrix


def _clear_ends(segments: JudgedSegments, side: str, rows: int) -> NDArray[np.float64]:
    """Where the last segment of cleartext of a side ends in each row; 0 where there is none."""
    ends = np.zeros(rows)
    chosen = segments.is_kind(*CLEAR_KINDS) & (segments.side == SIDES.index(side))
    np.maximum.at(ends, segments.row[chosen], segments.least_end[chosen])
    return ends


def _clear_late(segments: JudgedSegments, side: str, rows: int) -> NDArray[np.float64]:
    """Bytes of cleartext of a side behind `HANDSHAKE_BYTES` in each row."""
    chosen = segments.is_kind(*CLEAR_KINDS) & (segments.side == SIDES.index(side))
    late = (segments.least_end - np.maximum(segments.start, HANDSHAKE_BYTES)).clip(0)
    return np.bincount(segments.row[chosen], weights=late[chosen], minlength=rows).astype(np.float64)


def _stacked(matrices: list[Matrix]) -> Matrix:
    """Matrices below each other, as wide as the widest."""
    width = max((matrix.shape[1] for matrix in matrices), default=0)
    wide = [np.pad(m, ((0, 0), (0, width - m.shape[1])), constant_values=np.nan) for m in matrices]
    return np.concatenate([np.empty((0, width)), *wide])


def _joined(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *parts])
