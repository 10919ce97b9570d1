"""Tables of flows and of their packets: Arrow types of the columns, and what the metadata says of the scan.

The columns of `schema` go in, Arrow schemas come out. Settings go into a table's metadata as JSON and come back from
there; metadata that holds no settings is refused.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from wiretropy import schema
from wiretropy.capture.settings import ScanSettings

VERSION_KEY = b"wiretropy.schema_version"
SETTINGS_KEY = b"wiretropy.settings"
"""Metadata of a table of flows, in memory and in Parquet: version of the columns, and the scan's settings as JSON."""

_TRACE_FIELDS: list[pa.Field[Any]] = [
    pa.field("uid", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("number", pa.uint64(), nullable=False),
    pa.field("ts_ns", pa.int64(), nullable=False),
    pa.field("is_orig", pa.bool_(), nullable=False),
    pa.field("payload_bytes", pa.uint32(), nullable=False),
    pa.field("orig_offset", pa.uint64(), nullable=False),
    pa.field("resp_offset", pa.uint64(), nullable=False),
    pa.field("orig_entropy", pa.float64()),
    pa.field("resp_entropy", pa.float64()),
    pa.field("both_entropy", pa.float64()),
]
TRACE_SCHEMA = pa.schema(_TRACE_FIELDS)
"""Columns of packet rows."""

_ARROW_TYPES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "double": pa.float64(),
    "float": pa.float32(),
    "binary": pa.binary(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "string": pa.string(),
    "uint16": pa.uint16(),
    "uint64": pa.uint64(),
}
_ARROW_TYPES[schema.SEGMENT] = pa.struct(
    [
        pa.field(name, _ARROW_TYPES[kind], nullable=False)
        for name, _, kind in (part.partition(": ") for part in schema.SEGMENT[len("struct<") : -1].split(", "))
    ]
)


def arrow_schema(*, has_counts: bool = False, has_verdicts: bool = False, has_alerts: bool = False) -> pa.Schema:
    """The Arrow schema of flow records, from `schema.columns`."""
    chosen = schema.columns(has_counts=has_counts, has_verdicts=has_verdicts, has_alerts=has_alerts)
    return pa.schema(map(arrow_field, chosen))


def arrow_field(column: schema.Column) -> pa.Field[Any]:
    """A column of flow records as an Arrow field."""
    if column.type.startswith("list<"):
        kind: pa.DataType = pa.list_(pa.field("item", _ARROW_TYPES[column.type[len("list<") : -1]], nullable=False))
    else:
        kind = _ARROW_TYPES[column.type]
    return pa.field(column.name, kind, nullable=column.is_nullable)


def flow_metadata(settings: ScanSettings) -> dict[bytes, bytes]:
    """Metadata of a table of flows that were measured with these settings."""
    return {
        VERSION_KEY: str(schema.SCHEMA_VERSION).encode(),
        SETTINGS_KEY: json.dumps(settings.to_record()).encode(),
    }


def settings_of(table: pa.Table) -> ScanSettings | None:
    """Read the settings in the metadata of a table of flows; None where there are none.

    Raises
    ------
    ValueError
        If they are no settings.
    """
    text = (table.schema.metadata or {}).get(SETTINGS_KEY)
    if text is None:
        return None
    try:
        return ScanSettings.from_record(json.loads(text))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"the metadata {SETTINGS_KEY.decode()} holds no settings of a scan ({error})") from error
