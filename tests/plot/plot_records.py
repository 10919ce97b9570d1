"""Synthetic flow records for the drawing tests, shaped by `schema.COLUMNS`.

`flow` measures byte strings with a plain counter, independently of the measuring core.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from typing import Any

import numpy as np
import pyarrow as pa

from wiretropy.schema import COLUMNS

_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "uint16": pa.uint16(),
    "uint64": pa.uint64(),
    "bool": pa.bool_(),
    "double": pa.float64(),
    "binary": pa.binary(),
    "list<string>": pa.list_(pa.string()),
    "list<int32>": pa.list_(pa.int32()),
    "list<int64>": pa.list_(pa.int64()),
    "list<uint64>": pa.list_(pa.uint64()),
    "list<double>": pa.list_(pa.float64()),
    "list<float>": pa.list_(pa.float32()),
}

_EMPTY = {"string": "", "binary": b""}

SCHEMA = pa.schema([pa.field(c.name, _TYPES[c.type], c.is_nullable) for c in COLUMNS])


def grid_points(n: int) -> list[int]:
    """The trajectory grid, written down a second time."""
    points: list[int] = []
    offset = 0
    while True:
        offset += 32 if offset < 2_048 else 2 ** (offset.bit_length() - 1) // 8
        if offset > n:
            return points
        points.append(offset)


def entropy(payload: bytes) -> float:
    """Plug-in entropy in bits per byte."""
    counts = [payload.count(value) for value in set(payload)]
    n = len(payload)
    return log2(n) - sum(c * log2(c) for c in counts) / n


def measures(prefix: str, payload: bytes) -> dict[str, Any]:
    """The measured columns of one side."""
    ends = grid_points(len(payload))
    blocks = [payload[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return {
        f"{prefix}_measured_bytes": len(payload),
        f"{prefix}_entropy": entropy(payload) if payload else None,
        f"{prefix}_trajectory": [entropy(payload[:end]) for end in ends],
        f"{prefix}_block_entropy": [entropy(block) for block in blocks],
    }


def flow(uid: str = "Cflow1", orig: bytes = b"", resp: bytes = b"", **values: Any) -> dict[str, Any]:
    """One record; `values` replace what the defaults say."""
    record: dict[str, Any] = {
        c.name: None if c.is_nullable else [] if c.type.startswith("list") else _EMPTY.get(c.type, 0) for c in COLUMNS
    }
    record |= {"uid": uid, "community_id": f"1:{uid}=", "source": "made.pcap", "proto": "tcp", "end_reason": "fin"}
    record |= {"orig_ip": "10.0.0.5", "orig_port": 40_000, "resp_ip": "192.0.2.1", "resp_port": 443}
    record |= {"orig_payload_bytes": len(orig), "resp_payload_bytes": len(resp), "is_midstream": False}
    record |= measures("orig", orig) | measures("resp", resp) | measures("both", orig + resp)
    return record | values


def table(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Records as an Arrow table with the columns of the schema, and others behind them."""
    extra = [name for name in (records[0] if records else {}) if name not in SCHEMA.names]
    schema = pa.schema([*SCHEMA, *(pa.field(name, pa.string()) for name in extra)])
    return pa.Table.from_pylist([dict(record) for record in records], schema=schema)


def random_bytes(n: int, seed: int = 1) -> bytes:
    """Uniformly random bytes."""
    return np.random.default_rng(seed).integers(0, 256, n, dtype=np.uint8).tobytes()


SEGMENTS = pa.list_(
    pa.struct(
        [
            *(pa.field("side", pa.string()), pa.field("start", pa.uint64()), pa.field("end", pa.uint64())),
            *(pa.field("kind", pa.string()), pa.field("packet", pa.uint64()), pa.field("source", pa.string())),
        ]
    )
)


def segment(side: str, start: int, end: int, kind: str, packet: int = 1, source: str = "made.pcap") -> dict[str, Any]:
    """One segment, as judging tells it."""
    return {"side": side, "start": start, "end": end, "kind": kind, "packet": packet, "source": source}


def judged(records: Sequence[Mapping[str, Any]], verdicts: Sequence[Mapping[str, Any]]) -> pa.Table:
    """A table of records with the columns that judging adds."""
    made = table(records)
    columns: dict[str, pa.DataType] = {
        "verdict": pa.string(),
        "verdict_probability": pa.float64(),
        "verdict_bytes": pa.uint64(),
        "verdict_missing": pa.list_(pa.string()),
        "segments": SEGMENTS,
    }
    for name, kind in columns.items():
        made = made.append_column(name, pa.array([each.get(name) for each in verdicts], kind))
    return made


def crossing(side: str, *offsets: int) -> dict[str, Any]:
    """Columns of a side that crossed the threshold at these bytes."""
    return {
        f"{side}_crossing_offsets": list(offsets),
        f"{side}_crossing_packets": [offset // 100 for offset in offsets],
        f"{side}_crossing_sources": ["made.pcap" for _ in offsets],
    }
