"""From flow records to curves: numbers, labels and packet numbers of entropy trajectories.

Flow records (a `pyarrow.Table`) and row numbers go in; one `Curve` per flow and side comes out. A flow without measured
bytes on the side asked for has no curve; when no curve is left, `curves` raises `ValueError`.

The trajectory is cumulative entropy against the stream offset, sampled on the grid of
`wiretropy.entropy.trajectory_grid`; the last point of a curve is the last measured byte, which need not lie on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.capture.inputs import source_name
from wiretropy.entropy import trajectory_grid
from wiretropy.inert import inert

Side = Literal["orig", "resp", "both"]
Sides = Literal["orig", "resp", "both", "all"]
SIDES: tuple[Side, ...] = ("orig", "resp", "both")

LABEL_LENGTH = 64
"""Characters of a curve's label: two IPv6 addresses with ports, in their usual length, fit."""

_ARROWS: Mapping[Side, str] = {"orig": "→", "resp": "←", "both": "↔"}
_SIDE_WORDS: Mapping[Side, str] = {"orig": "originator", "resp": "responder", "both": "both directions"}


_PLACEHOLDER = "\x00"
"""Stands for the arrow in a label until the side is known; no inert text contains it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One entropy trajectory.

    Attributes
    ----------
    label : str
        Name in the legend; inert text.
    uid : str
        Identifier of the flow.
    side : {'orig', 'resp', 'both'}
        Whose payload was measured.
    offsets : ndarray of shape (n,), int64
        Payload bytes measured so far, ascending, n >= 1.
    entropy : ndarray of shape (n,), float64
        Cumulative entropy of that many bytes, in bits per byte.
    block_entropy : ndarray of shape (m,), float64
        Entropy of the bytes between two points, in bits per byte, m <= n; block i ends at ``offsets[i]``.
    gaps : ndarray of shape (g,), int64
        Measured bytes before each gap.
    gap_bytes : ndarray of shape (g,), int64
        Stream bytes missing there.
    crossings : ndarray of shape (k,), int64
        Where entropy rose to the threshold it was measured against, fell below it, rose again, ..., in bytes.
    crossing_packets : ndarray of shape (k,), int64
        Numbers of the packets that carried those bytes.
    packets : ndarray of shape (n,), int64, or None
        Number of the packet that completed each point, where packets were traced.
    group : str
        Curves of one group share colour and legend entry; empty for a curve of its own.
    color_key : str
        Curves of one key share a colour (the sides of one flow do).
    """

    label: str
    uid: str
    side: Side
    offsets: NDArray[np.int64]
    entropy: NDArray[np.float64]
    block_entropy: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    gaps: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    gap_bytes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    crossings: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    crossing_packets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    packets: NDArray[np.int64] | None = None
    group: str = ""
    color_key: str = ""

    def __repr__(self) -> str:
        return (
            f"<Curve {self.label!r}: {_SIDE_WORDS[self.side]} of {self.uid}, {self.offsets[-1]:,} bytes, "
            f"{self.entropy[-1]:.3f} bits per byte>"
        )


def curve(
    record: Mapping[str, object],
    side: Side,
    label: str,
    *,
    trace: pa.Table | None = None,
    group: str = "",
    color_key: str = "",
) -> Curve | None:
    """The trajectory of one side of one flow.

    Parameters
    ----------
    record : mapping
        One flow record, column name to value (lists as sequences).
    side : {'orig', 'resp', 'both'}
        Whose payload.
    label : str
        Name in the legend.
    trace : pyarrow.Table, optional
        Packet rows of this flow in capture order.
    group, color_key : str, optional
        As in `Curve`.

    Returns
    -------
    curve : Curve or None
        None when no payload byte of that side was measured.

    Raises
    ------
    ValueError
        If the record's trajectory was sampled on another grid.
    """
    measured = _integer(record[f"{side}_measured_bytes"])
    last = record[f"{side}_entropy"]
    if measured == 0 or last is None:
        return None
    offsets, values = trajectory_grid(measured), _floats(record[f"{side}_trajectory"])
    if offsets.size != values.size:
        raise ValueError(
            f"flow {inert(str(record['uid']))}: {measured:,} measured bytes have {offsets.size} points on the "
            f"trajectory grid, but the record holds {values.size}; scan the capture again with this version"
        )
    if offsets.size == 0 or offsets[-1] != measured:
        offsets, values = np.append(offsets, measured), np.append(values, cast(float, last))
    return Curve(
        label=label,
        uid=str(record["uid"]),
        side=side,
        offsets=offsets,
        entropy=values,
        block_entropy=_floats(record[f"{side}_block_entropy"])[: offsets.size],
        gaps=_integers(record.get(f"{side}_gap_offsets")),
        gap_bytes=_integers(record.get(f"{side}_gap_bytes")),
        crossings=_integers(record.get(f"{side}_crossing_offsets")),
        crossing_packets=_integers(record.get(f"{side}_crossing_packets")),
        packets=None if trace is None else _packet_numbers(trace, side, offsets),
        group=group,
        color_key=color_key,
    )


def curves(
    table: pa.Table,
    rows: Sequence[int] | NDArray[np.int64],
    *,
    sides: Sides | None = None,
    names: Mapping[str, str] | None = None,
    overlay: str | None = None,
    trace: pa.Table | None = None,
) -> tuple[Curve, ...]:
    """The trajectories of the chosen flows.

    Parameters
    ----------
    table : pyarrow.Table
        Flow records.
    rows : sequence of int
        The flows to draw, in order.
    sides : {'orig', 'resp', 'both', 'all'}, optional
        Whose payload. Default: all three for one flow; of each of several flows the directions that crossed the
        threshold, as an alert names them, or else the one that sent more.
    names : mapping of uid to str, optional
        Labels to use instead of addresses and ports.
    overlay : str, optional
        Column whose value groups the curves: one colour and one legend entry for each value.
    trace : pyarrow.Table, optional
        Packet rows of the flows (see `wiretropy.trace_flows`); gives every point its packet number.

    Returns
    -------
    curves : tuple of Curve
        At least one.

    Raises
    ------
    ValueError
        If there are no such sides, the column does not exist, or no chosen flow has measured bytes on the chosen sides.
    """
    if sides not in (None, "all", *SIDES):
        raise ValueError(f"side must be orig, resp, both or all; got {inert(str(sides))!r}")
    if overlay is not None and overlay not in table.column_names:
        raise ValueError(f"the flow records have no column {inert(overlay)!r} to overlay by; try resp_port or source")
    records = table.take(np.asarray(rows, dtype=np.int64)).to_pylist()
    chosen = [_sides(record, sides, len(records)) for record in records]
    labels = flow_labels(records, names or {})
    traces = {} if trace is None else _by_uid(trace, [str(record["uid"]) for record in records])
    groups = {} if overlay is None else _group_names(overlay, [record[overlay] for record in records])
    drawn = []
    for record, label, own in zip(records, labels, chosen, strict=True):
        for side in own:
            group = "" if overlay is None else groups[_hashable(record[overlay])]
            text = label.replace(_PLACEHOLDER, _ARROWS[side])
            if len(own) > 1:
                text = _side_label(record, side) if len(records) == 1 else f"{text}  {_SIDE_WORDS[side]}"
            packets = traces.get(str(record["uid"]))
            key = group or str(record["uid"])
            drawn.append(curve(record, side, text, trace=packets, group=group, color_key=key))
    present = tuple(c for c in drawn if c is not None)
    if not present:
        whose = " or ".join(_SIDE_WORDS[side] for side in SIDES if any(side in own for own in chosen))
        flows = "the chosen flow has" if len(records) == 1 else f"the {len(records):,} chosen flows have"
        raise ValueError(f"{flows} no measured payload ({whose}); try --side all")
    return present


def _group_names(column: str, values: Iterable[object]) -> dict[object, str]:
    """Names of the groups that a column's values make: words speak for themselves, numbers need the column's name.

    Captures go by their file name, unless two of them share it.
    """
    texts = {value: str(value) for value in map(_hashable, values)}
    if column == "source":
        short = {value: PurePath(text).name for value, text in texts.items()}
        texts = short if len(set(short.values())) == len(short) else texts
        texts = {value: source_name(text) for value, text in texts.items()}
    named = {v: text if isinstance(v, str) and text else f"{column} {text}" for v, text in texts.items()}
    return {value: inert(text, max_length=LABEL_LENGTH) for value, text in named.items()}


def _hashable(value: object) -> object:
    """A column's value as a dictionary key; lists by their text."""
    return str(value) if isinstance(value, list) else value


def flow_labels(records: Sequence[Mapping[str, object]], names: Mapping[str, str]) -> list[str]:
    """One label a flow: its given name, or addresses and ports with a placeholder for the arrow.

    The transport is named when it differs among the flows, the ``label`` column when there is one, and the flow id when
    two labels would be equal.
    """
    is_mixed = len({record["proto"] for record in records}) > 1
    labels = [
        inert(names[str(record["uid"])], max_length=LABEL_LENGTH)
        if str(record["uid"]) in names
        else _address_label(record, is_mixed)
        for record in records
    ]
    uses = Counter(labels)
    return [
        f"{label}  {inert(str(record['uid']), max_length=12)}" if uses[label] > 1 else label
        for label, record in zip(labels, records, strict=True)
    ]


def _address_label(record: Mapping[str, object], has_proto: bool) -> str:
    """Originator, arrow, responder; the kind of traffic before them where it is known."""
    kind = f"{inert(str(record['label']), max_length=24)}  " if record.get("label") else ""
    proto = f"{inert(str(record['proto']))} " if has_proto else ""
    return f"{kind}{proto}{_endpoint(record, 'orig')} {_PLACEHOLDER} {_endpoint(record, 'resp')}"


def _side_label(record: Mapping[str, object], side: Side) -> str:
    """What tells the curves of a single flow apart; the title names the flow."""
    return _SIDE_WORDS[side] if side == "both" else f"{_SIDE_WORDS[side]}  {_endpoint(record, side)}"


def _endpoint(record: Mapping[str, object], side: str) -> str:
    """Address and port, IPv6 in brackets (RFC 5952, section 6)."""
    address = inert(str(record[f"{side}_ip"]), max_length=LABEL_LENGTH // 2)
    return f"[{address}]:{record[f'{side}_port']}" if ":" in address else f"{address}:{record[f'{side}_port']}"


def flow_title(record: Mapping[str, object]) -> str:
    """One flow in words: transport, originator, responder."""
    return _address_label(record, True).replace(_PLACEHOLDER, _ARROWS["orig"])


def _sides(record: Mapping[str, object], sides: Sides | None, flows: int) -> tuple[Side, ...]:
    """The sides to draw of one of some flows."""
    if sides == "all" or (sides is None and flows == 1):
        return SIDES
    if sides is not None:
        return (sides,)
    directions: tuple[Side, ...] = ("resp", "orig")
    crossed = tuple(side for side in directions if record[f"{side}_crossing_offsets"])
    return crossed or (max(directions, key=lambda side: _integer(record[f"{side}_payload_bytes"])),)


def _by_uid(trace: pa.Table, uids: Sequence[str]) -> dict[str, pa.Table]:
    """Packet rows of each of these flows."""
    trace = trace.filter(pc.is_in(trace.column("uid"), pa.array(uids, pa.string())))
    column = trace.column("uid").combine_chunks().dictionary_encode()
    codes = arrays.values(column.indices)
    return {str(uid): trace.take(np.flatnonzero(codes == i)) for i, uid in enumerate(column.dictionary.to_pylist())}


def _packet_numbers(trace: pa.Table, side: Side, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the first packet after which that many bytes were measured; 0 where the trace ends before."""
    counted = {s: arrays.values(trace.column(f"{s}_offset")).astype(np.int64) for s in ("orig", "resp")}
    reached = counted["orig"] + counted["resp"] if side == "both" else counted[side]
    numbers = np.append(arrays.values(trace.column("number")).astype(np.int64), 0)
    return cast("NDArray[np.int64]", numbers[np.searchsorted(np.maximum.accumulate(reached), offsets)])


def _floats(values: object) -> NDArray[np.float64]:
    """A list column's value as floats."""
    return np.asarray([] if values is None else values, dtype=np.float64)


def _integers(values: object) -> NDArray[np.int64]:
    """A list column's value as integers."""
    return np.asarray([] if values is None else values, dtype=np.int64)


def _integer(value: object) -> int:
    """A count column's value."""
    return int(cast(int, value))
