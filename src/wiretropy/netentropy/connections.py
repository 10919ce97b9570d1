"""From flow records and packet rows to the samples of each connection.

Flow records (a `pyarrow.Table`) and packet rows (tables in capture order, see `wiretropy.trace_flows`) go in; one
`Connection` a TCP flow comes out, with one sample for every packet that brought new payload. Rows of packets that
brought none are counted and dropped, so what is held grows with the measured depth, not with the capture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.entropy import trajectory_grid
from wiretropy.netentropy.alarm import Event, Kind, Samples
from wiretropy.netentropy.lines import endpoint
from wiretropy.policy.protospec import Direction, Protospec
from wiretropy.schema import DEFAULT_DEPTH

_SIDES: Mapping[Direction, str] = {"src": "orig", "dst": "resp", "both": "both"}


@dataclass(frozen=True, slots=True)
class Connection:
    """One tracked TCP connection.

    Attributes
    ----------
    record : mapping
        Its flow record.
    spec : Protospec or None
        What is normal for it.
    samples : Samples
        What was measured, on the side that the protospec names.
    end : Event
        Its end, with all of its packets and payload.
    """

    record: Mapping[str, object]
    spec: Protospec | None
    samples: Samples
    end: Event

    @property
    def source(self) -> str:
        """Originator as address and port."""
        return endpoint(str(self.record["orig_ip"]), cast(int, self.record["orig_port"]))

    @property
    def destination(self) -> str:
        """Responder as address and port."""
        return endpoint(str(self.record["resp_ip"]), cast(int, self.record["resp_port"]))


def needed_depth(specs: Sequence[Protospec]) -> int | Literal["all"]:
    """Payload bytes of each direction that must be measured to reach the end of every range.

    One byte more than the last range, so that leaving it is seen; everything when a range counts packets.
    """
    if any(spec.unit == "packets" for spec in specs):
        return "all"
    return max([DEFAULT_DEPTH, *(spec.ranges[-1].end + 1 for spec in specs)])


def tracked(flows: pa.Table, specs: Sequence[Protospec] | None) -> pa.Table:
    """The TCP flows that a protospec describes, or all of them without protospecs."""
    mask = pc.equal(flows.column("proto"), pa.scalar("tcp"))
    if specs is not None:
        ports = pa.array(sorted({port for spec in specs for port in spec.ports}), pa.uint16())
        has_port = pc.or_(pc.is_in(flows.column("orig_port"), ports), pc.is_in(flows.column("resp_port"), ports))
        mask = pc.and_(mask, has_port)
    return flows.filter(mask)


class PayloadPackets:
    """Packets of flows that brought payload, each with the number of its flow's packets so far."""

    def __init__(self) -> None:
        self._kept: dict[str, list[pa.Table]] = defaultdict(list)
        self._counted: dict[str, dict[str, int]] = defaultdict(lambda: {"orig": 0, "resp": 0, "offset": -1})

    def add(self, rows: pa.Table) -> None:
        """Take packet rows, which come in capture order."""
        column = rows.column("uid").combine_chunks().dictionary_encode()
        codes = arrays.values(column.indices)
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(column.dictionary) + 1))
        for i, uid in enumerate(column.dictionary.to_pylist()):
            part = rows.take(order[bounds[i] : bounds[i + 1]])
            self._kept[str(uid)].append(_advancing(part, self._counted[str(uid)]))

    def of(self, uid: str) -> list[pa.Table]:
        """The packets of one flow, in parts."""
        return self._kept.get(uid, [])


def connections(flows: pa.Table, packets: PayloadPackets, specs: Sequence[Protospec] | None) -> Iterator[Connection]:
    """Join flow records with their packets.

    Parameters
    ----------
    flows : pyarrow.Table
        Flow records that `tracked` kept.
    packets : PayloadPackets
        Their packets; those of other flows are passed over.
    specs : sequence of Protospec or None
        Without protospecs both directions together are measured.

    Yields
    ------
    connection : Connection
        In the order of the flow records.
    """
    for record in flows.to_pylist():
        spec = _spec(record, specs or ())
        side = _SIDES[spec.direction if spec else "both"]
        samples = _samples(packets.of(str(record["uid"])), side)
        if spec is not None and not spec.is_cumulative:
            samples = _blocks(record, side, samples)
        yield Connection(record, spec, samples, _end(record, side))


def _spec(record: Mapping[str, object], specs: Sequence[Protospec]) -> Protospec | None:
    """The protospec of the responder's port, else of the originator's: seen from its middle, a flow may be reversed."""
    for name in ("resp_port", "orig_port"):
        for spec in specs:
            if record[name] in spec.ports:
                return spec
    return None


def _advancing(part: pa.Table, counted: dict[str, int]) -> pa.Table:
    """Rows after which more payload is measured than before, with packet counts; `counted` is brought up to date."""
    is_orig = arrays.values(part.column("is_orig"))
    orig = counted["orig"] + np.cumsum(is_orig)
    resp = counted["resp"] + np.cumsum(~is_orig)
    offsets = _integers(part, "orig_offset") + _integers(part, "resp_offset")
    advances = np.diff(offsets, prepend=counted["offset"]) > 0
    counted.update(orig=int(orig[-1]), resp=int(resp[-1]), offset=max(int(offsets[-1]), 0))
    names = ["ts_ns", "orig_offset", "resp_offset", "orig_entropy", "resp_entropy", "both_entropy"]
    return (
        part.select(names)
        .append_column("orig_packets", pa.array(orig))
        .append_column("resp_packets", pa.array(resp))
        .filter(pa.array(advances & (offsets > 0)))
    )


def _samples(parts: Sequence[pa.Table], side: str) -> Samples:
    """Samples of one side; for a single direction only its own packets count."""
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return Samples(nothing, nothing, nothing, np.empty(0))
    rows = pa.concat_tables(parts)
    counts = {s: (_integers(rows, f"{s}_offset"), _integers(rows, f"{s}_packets")) for s in ("orig", "resp")}
    if side == "both":
        offsets, packets = (a + b for a, b in zip(counts["orig"], counts["resp"], strict=True))
    else:
        offsets, packets = counts[side]
    advances = np.diff(offsets, prepend=0) > 0
    entropy = arrays.values(rows.column(f"{side}_entropy")).astype(np.float64)
    ts_ns = _integers(rows, "ts_ns")
    return Samples(offsets[advances], packets[advances], ts_ns[advances], entropy[advances])


def _blocks(record: Mapping[str, object], side: str, samples: Samples) -> Samples:
    """Samples at the points of the trajectory grid, with the entropy of the block that ends there."""
    entropy = np.asarray(record[f"{side}_block_entropy"], dtype=np.float64)
    offsets = trajectory_grid(cast(int, record[f"{side}_measured_bytes"]))[: entropy.size]
    at = np.searchsorted(samples.offsets, offsets)
    is_known = at < samples.offsets.size
    at = at[is_known]
    return Samples(offsets[is_known], samples.packets[at], samples.ts_ns[at], entropy[: offsets.size][is_known])


def _end(record: Mapping[str, object], side: str) -> Event:
    """The end of a connection, counted on the side that was measured."""
    sides = ("orig", "resp") if side == "both" else (side,)
    offset, packets = (sum(cast(int, record[f"{s}_{name}"]) for s in sides) for name in ("payload_bytes", "packets"))
    reason = str(record["end_reason"])
    return Event(Kind.END, offset, packets, cast(int, record["ts_last_ns"]), reason=reason)


def _integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    """A column of counts or times."""
    values: NDArray[np.int64] = arrays.values(table.column(name)).astype(np.int64)
    return values
