"""The original experiment's rule: cumulative entropy crossed a threshold where that was not expected.

In: flow records, and the ports whose protocols are meant to be encrypted. Out:
which flows are alerts, and what the evidence is. The threshold itself was given
to the scan, whose meters found the crossings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SIDES = ("orig", "resp")
"""Directions that are judged."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One direction of one flow that crossed the threshold.

    Attributes
    ----------
    id : str
        Identifier of the alert; the same capture and threshold give the same one.
    uid : str
        The flow.
    side : str
        ``orig`` or ``resp``.
    offset : int
        Payload bytes of this direction when the threshold was first reached.
    packet : int
        Number of the packet that carried the last of them, in `source`.
    source : str
        Capture file of that packet.
    crossings : int
        How often the threshold was crossed: odd if entropy ended above it.
    """

    id: str
    uid: str
    side: str
    offset: int
    packet: int
    source: str
    crossings: int


def unexpected_crossings(batch: pa.RecordBatch | pa.Table, expected_ports: frozenset[int]) -> NDArray[np.bool_]:
    """Find the flows that are alerts.

    Parameters
    ----------
    batch : pyarrow.RecordBatch or pyarrow.Table
        Flow records.
    expected_ports : frozenset of int
        Ports, of either side, on which random-looking payload is expected.

    Returns
    -------
    is_alert : ndarray of shape (n,), bool
    """
    crossed = np.zeros(batch.num_rows, dtype=bool)
    for side in SIDES:
        crossed |= _lengths(batch.column(f"{side}_crossing_offsets")) > 0
    if expected_ports:
        ports = np.fromiter(expected_ports, dtype=np.uint16, count=len(expected_ports))
        for side in SIDES:
            crossed &= ~np.isin(_values(batch.column(f"{side}_port")), ports)
    return crossed


def crossings_of(row: dict[str, Any]) -> Iterator[Crossing]:
    """Name the first crossing of each direction of one flow record, given as a dictionary."""
    for side in SIDES:
        offsets = row[f"{side}_crossing_offsets"]
        if offsets:
            yield Crossing(
                id=alert_id(row["uid"], side, offsets[0]),
                uid=row["uid"],
                side=side,
                offset=offsets[0],
                packet=row[f"{side}_crossing_packets"][0],
                source=row[f"{side}_crossing_sources"][0],
                crossings=len(offsets),
            )


def alert_id(uid: str, side: str, offset: int) -> str:
    """Identifier of an alert: of its flow, direction and place, so that a replay gives the same."""
    text = f"threshold_crossed {uid} {side} {offset}".encode()
    return "A" + hashlib.sha256(text).hexdigest()[:16]


def _lengths(lists: Any) -> NDArray[np.int32]:
    """Number of items of each list."""
    return _by_chunk(lists, _offset_differences, np.int32)


def _values(column: Any) -> NDArray[Any]:
    """Values of a column of ports, none of which is null."""
    return _by_chunk(column, np.from_dlpack, np.uint16)


def _by_chunk(column: Any, convert: Callable[[Any], NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    """Convert a column that may lie in several pieces.

    The conversions of pyarrow itself would load pandas wherever that is installed, which takes longer than most scans.
    """
    chunks: list[Any] = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return np.concatenate([convert(chunk) for chunk in chunks] or [np.empty(0, dtype=kind)])


def _offset_differences(lists: Any) -> NDArray[np.int32]:
    """Differences of the offsets of one array, which may be a slice of a longer one."""
    if len(lists) == 0:
        # An empty array may come without an offsets buffer (Arrow columnar format, variable-size lists).
        return np.empty(0, dtype=np.int32)
    offsets = np.frombuffer(lists.buffers()[1], dtype=np.int32)
    return np.diff(offsets[lists.offset : lists.offset + len(lists) + 1])
