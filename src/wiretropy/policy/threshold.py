"""The original experiment's rule: cumulative entropy crossed a threshold where that was not expected.

In: flow records, and the ports whose protocols are meant to be encrypted. Out:
how many alerts each flow raises, their ids as columns, and what the evidence is. The threshold itself
was given to the scan, whose meters found the crossings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays

SIDES = ("orig", "resp")
"""Directions that are judged."""

EXPECTED_PORTS_KEY = b"wiretropy.expected_ports"
"""Metadata of stored flows with alert ids: the ports where crossings raised none, as a JSON list."""


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
        How often the threshold was crossed, as far as crossings are listed: odd if entropy then stood above it.
    """

    id: str
    uid: str
    side: str
    offset: int
    packet: int
    source: str
    crossings: int


def unexpected_crossings(batch: pa.RecordBatch | pa.Table, expected_ports: frozenset[int]) -> NDArray[np.int64]:
    """Count the alerts of each flow: the directions that crossed the threshold where that was not expected.

    Parameters
    ----------
    batch : pyarrow.RecordBatch or pyarrow.Table
        Flow records.
    expected_ports : frozenset of int
        Ports, of either side, on which random-looking payload is expected.

    Returns
    -------
    alerts : ndarray of shape (n,), int64
        0, 1 or 2.
    """
    crossed = np.zeros(batch.num_rows, dtype=np.int64)
    for side in SIDES:
        crossed += _has_crossed(batch, side)
    return crossed * _is_unexpected(batch, expected_ports)


def with_alert_ids(batch: pa.RecordBatch, expected_ports: frozenset[int]) -> pa.RecordBatch:
    """Add to flow records the columns `schema.columns` has for alerts.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Flow records.
    expected_ports : frozenset of int
        As for `unexpected_crossings`.

    Returns
    -------
    batch : pyarrow.RecordBatch
        The same with ``orig_alert_id`` and ``resp_alert_id``, null where there is no alert.
    """
    is_unexpected = _is_unexpected(batch, expected_ports)
    uids, named = batch.column("uid"), batch
    for side in SIDES:
        rows = np.flatnonzero(_has_crossed(batch, side) & is_unexpected)
        offsets = arrays.firsts(batch.column(f"{side}_crossing_offsets"), rows).tolist()
        ids: list[str | None] = [None] * batch.num_rows
        for row, offset in zip(rows.tolist(), offsets, strict=True):
            ids[row] = alert_id(uids[row].as_py(), side, offset)
        column = arrays.strings(ids) if len(rows) else pa.nulls(batch.num_rows, pa.string())
        named = named.append_column(f"{side}_alert_id", column)
    return named


def expected_ports_of(table: pa.Table) -> frozenset[int]:
    """Ports where crossings raised no alert when flows were stored; none where the table does not say it.

    Raises
    ------
    ValueError
        If the metadata holds no list of ports.
    """
    text = (table.schema.metadata or {}).get(EXPECTED_PORTS_KEY, b"[]")
    try:
        ports = json.loads(text)
    except ValueError:
        ports = None
    if not (isinstance(ports, list) and all(type(port) is int and 0 <= port <= 65_535 for port in ports)):
        raise ValueError(f"the metadata {EXPECTED_PORTS_KEY.decode()} holds no list of ports; scan again")
    return frozenset(ports)


def _has_crossed(batch: pa.RecordBatch | pa.Table, side: str) -> NDArray[np.bool_]:
    """Whether a direction of each flow crossed the threshold."""
    return arrays.lengths(batch.column(f"{side}_crossing_offsets")) > 0


def _is_unexpected(batch: pa.RecordBatch | pa.Table, expected_ports: frozenset[int]) -> NDArray[np.bool_]:
    """Whether neither port of each flow is one where crossings are expected."""
    unexpected = np.ones(batch.num_rows, dtype=np.bool_)
    if expected_ports:
        ports = np.fromiter(expected_ports, dtype=np.uint16, count=len(expected_ports))
        for side in SIDES:
            unexpected &= ~np.isin(arrays.values(batch.column(f"{side}_port")), ports)
    return unexpected


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
