"""Flow records in Parquet.

A scan writes ``flows.parquet`` and ``summary.json`` into its folder. A file is
written under another name and renamed when it is whole, so that a reader never
meets half of one.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from wiretropy import schema
from wiretropy.capture.summary import ScanSummary
from wiretropy.errors import RefusedError
from wiretropy.tables import VERSION_KEY, settings_of

FLOWS_NAME = "flows.parquet"
SUMMARY_NAME = "summary.json"
PARTIAL_NAME = f".{FLOWS_NAME}.partial"

_ROW_GROUP_ROWS = 8192
"""Rows in a row group: enough that a column chunk is worth a read of its own."""

_ROW_GROUP_BYTES = 3 << 20
"""Bytes of rows at which a row group is closed, however few: bounds what waits in memory."""

_DICTIONARY_COLUMNS = ["source", "proto", "tunnels", "end_reason", "history"]
"""Columns with few different values; for the others a dictionary only costs time."""


class FlowWriter:
    """Writes flow records to a folder, batch by batch.

    Parameters
    ----------
    folder : Path
        Made if it is not there; an older scan in it is replaced when this one is whole.
    columns : pyarrow.Schema
        Columns of the records; its metadata say with which settings they were measured.

    Raises
    ------
    RefusedError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, columns: pa.Schema) -> None:
        self.path = folder / FLOWS_NAME
        self._partial = folder / PARTIAL_NAME
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        metadata = {**(columns.metadata or {}), VERSION_KEY: str(schema.SCHEMA_VERSION).encode()}
        # In one order, so that the same flows give the same file.
        self._schema = pa.schema(map(_as_made, columns), dict(sorted(metadata.items())))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(
                self._partial,
                self._schema,
                compression="none",
                use_dictionary=_DICTIONARY_COLUMNS,  # type: ignore[arg-type]  # the stubs forget that a list is taken
                write_statistics=["ts_first_ns", "orig_port", "resp_port"],
            )
        except OSError as error:
            raise RefusedError(f"{folder}: flows cannot be written there ({error.strerror or error})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing half-written behind."""
        self._writer.close()
        self._partial.unlink(missing_ok=True)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes
        if self._waiting_rows >= _ROW_GROUP_ROWS or self._waiting_bytes >= _ROW_GROUP_BYTES:
            self._flush()

    def finish(self, summary: ScanSummary | None) -> None:
        """Write what waits, then the summary, and give the file its name."""
        self._flush()
        self._writer.close()
        self._partial.replace(self.path)
        if summary is not None:
            text = json.dumps(json.loads(summary.text), indent=2) + "\n"
            self.path.with_name(SUMMARY_NAME).write_text(text, encoding="utf-8")

    def _flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting)
            self._writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)
        self._waiting = []
        self._waiting_rows = 0
        self._waiting_bytes = 0


def _as_made(field: pa.Field[Any]) -> pa.Field[Any]:
    """A column as it was before it was read from Parquet, which calls the values of lists ``element``."""
    if not pa.types.is_list(field.type):
        return field
    return field.with_type(pa.list_(field.type.value_field.with_name("item")))


def files_of(folder: Path) -> list[Path]:
    """The files that the flows of a scan are stored in, and the one that is written first."""
    return [folder / FLOWS_NAME, folder / SUMMARY_NAME, folder / PARTIAL_NAME]


def load_table(path: Path) -> tuple[pa.Table, ScanSummary | None]:
    """Read flow records back.

    Parameters
    ----------
    path : Path
        The folder of a scan, or a Parquet file.

    Returns
    -------
    table : pyarrow.Table
    summary : ScanSummary or None
        None if there is no summary beside the file.

    Raises
    ------
    RefusedError
        If there is no such file, it is damaged, holds no flows, or is newer.
    """
    file = path / FLOWS_NAME if path.is_dir() else path
    try:
        table = pq.read_table(file)
    except FileNotFoundError as error:
        raise RefusedError(f"{file}: no such file; make one with wiretropy scan CAPTURE --out DIR") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise RefusedError(f"{file}: not a readable Parquet file ({error})") from error
    _check_version(file, table.schema.metadata or {})
    if "uid" not in table.column_names:
        raise RefusedError(f"{file}: holds no flow records (no column uid); make one with wiretropy scan --out")
    try:
        settings_of(table)
    except ValueError as error:
        raise RefusedError(f"{file}: {error}; scan again") from error
    beside = file.with_name(SUMMARY_NAME)
    return table, _summary_of(beside) if beside.is_file() else None


def _summary_of(file: Path) -> ScanSummary:
    try:
        return ScanSummary.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RefusedError(f"{file}: holds no totals of a scan ({error}); remove it, or scan again") from error


def _check_version(file: Path, metadata: dict[bytes, bytes]) -> None:
    text = metadata.get(VERSION_KEY, b"").decode("ascii", "replace")
    if not text.isdecimal():
        raise RefusedError(f"{file}: holds no flow records (no schema version); make one with wiretropy scan --out")
    if int(text) > schema.SCHEMA_VERSION:
        raise RefusedError(
            f"{file}: written with schema version {text}, but this wiretropy knows up to {schema.SCHEMA_VERSION};"
            " upgrade wiretropy"
        )
