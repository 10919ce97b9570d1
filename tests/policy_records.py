"""Judged flow records for tests of rules: what the core and `wiretropy.judge` would give for stated segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from wiretropy.entropy import byte_entropy, cumulative_entropy, trajectory_grid
from wiretropy.tables import arrow_schema
from wiretropy.verdict.coding import coding_statistics

Segment = tuple[int, int, str]
"""Start, end, kind."""

SEGMENTS = pa.list_(
    pa.struct(
        [
            ("side", pa.string()),
            ("start", pa.uint64()),
            ("end", pa.uint64()),
            ("kind", pa.string()),
            ("packet", pa.uint64()),
            ("source", pa.string()),
        ]
    )
)

MSS = 1_400
"""Payload of a packet of these flows; the first of them is packet 4."""

START_NS = 1_700_000_000_000_000_000


@dataclass
class Side:
    """One direction of a flow; `opaque` is what the core would measure of its longest opaque segment."""

    payload: bytes = b""
    verdict: str = "undecided"
    probability: float | None = None
    segments: Sequence[Segment] = ()
    crossings: Sequence[int] = ()
    opaque: bytes = b""


@dataclass
class Flow:
    """A flow; `more` replaces columns."""

    uid: str = "Ca"
    orig: Side = field(default_factory=Side)
    resp: Side = field(default_factory=Side)
    resp_port: int = 8_443
    orig_ip: str = "10.0.0.5"
    resp_ip: str = "203.0.113.9"
    more: dict[str, Any] = field(default_factory=dict)


def judged(*flows: Flow) -> pa.RecordBatch:
    """A judged batch of these flows."""
    schema = arrow_schema()
    for side in ("orig", "resp"):
        schema = schema.append(pa.field(f"{side}_verdict", pa.string()))
        schema = schema.append(pa.field(f"{side}_verdict_probability", pa.float64()))
        schema = schema.append(pa.field(f"{side}_verdict_bytes", pa.uint64()))
    schema = schema.append(pa.field("segments", SEGMENTS))
    return pa.RecordBatch.from_pylist([_row(flow, schema) for flow in flows], schema)


def _row(flow: Flow, schema: pa.Schema) -> dict[str, Any]:
    row: dict[str, Any] = {each.name: _nothing(each.type) for each in schema}
    row |= {"uid": flow.uid, "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "source": "a.pcap", "proto": "tcp"}
    row |= {"orig_ip": flow.orig_ip, "orig_port": 40_000, "resp_ip": flow.resp_ip, "resp_port": flow.resp_port}
    row |= {"first_packet": 1, "ts_first_ns": START_NS, "ts_last_ns": START_NS + 10**9, "vlan": None}
    segments = []
    for name in ("orig", "resp"):
        side: Side = getattr(flow, name)
        row |= _measures(name, side.payload)
        row[f"{name}_verdict"] = side.verdict
        row[f"{name}_verdict_probability"] = side.probability
        row[f"{name}_verdict_bytes"] = len(side.payload)
        row[f"{name}_crossing_offsets"] = list(side.crossings)
        row[f"{name}_crossing_packets"] = [packet_of(offset) for offset in side.crossings]
        row[f"{name}_crossing_sources"] = ["a.pcap"] * len(side.crossings)
        if side.opaque:
            row[f"{name}_coding"] = coding_statistics([side.opaque], "narrow")[0].tolist()
            row[f"{name}_coding_bytes"] = len(side.opaque)
        segments += [
            {"side": name, "start": start, "end": end, "kind": kind, "packet": packet_of(start), "source": "a.pcap"}
            for start, end, kind in side.segments
        ]
    row |= _measures("both", _in_turn(flow.orig.payload, flow.resp.payload))
    return row | {"segments": segments} | flow.more


def _in_turn(orig: bytes, resp: bytes) -> bytes:
    """Both directions, packet by packet."""
    pairs = zip_longest(range(0, len(orig), MSS), range(0, len(resp), MSS))
    parts = ((payload, at) for pair in pairs for payload, at in zip((orig, resp), pair, strict=True))
    return b"".join(payload[at : at + MSS] for payload, at in parts if at is not None)


def packet_of(offset: int) -> int:
    """Number of the packet that carries a byte."""
    return 4 + offset // MSS


def _measures(side: str, payload: bytes) -> dict[str, Any]:
    grid = trajectory_grid(len(payload)).tolist()
    blocks = zip([0, *grid], grid, strict=False)
    return {
        f"{side}_measured_bytes": len(payload),
        f"{side}_payload_bytes": len(payload),
        f"{side}_entropy": byte_entropy(payload) if payload else None,
        f"{side}_trajectory": cumulative_entropy(payload, at=grid).tolist() if grid else [],
        f"{side}_block_entropy": [byte_entropy(payload[a:b]) for a, b in blocks],
    }


def _nothing(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_string(kind):
        return ""
    return b"" if pa.types.is_binary(kind) else 0
