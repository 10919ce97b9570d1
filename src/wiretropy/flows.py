"""Flows: the columnar table that reading captures gives.

`read_flows` reads everything, `iter_flows` one batch at a time for captures
larger than memory, `trace_flows` the packets of chosen flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy.capture.inputs import PathLike
from wiretropy.capture.run import CaptureRun, ProgressHook
from wiretropy.capture.settings import ScanSettings, SettingChanges
from wiretropy.capture.summary import ScanSummary
from wiretropy.errors import MissingDependencyError
from wiretropy.tables import TRACE_SCHEMA, arrow_schema, flow_metadata, settings_of

if TYPE_CHECKING:
    import pandas
    import polars

TraceHook = Callable[[pa.Table], None]
"""Takes packet rows as they come; see `trace_flows`."""


class Flows:
    """Flow records in columns; immutable.

    The columns are those of `wiretropy.schema.COLUMNS`, with units there.

    Parameters
    ----------
    table : pyarrow.Table
        One row a flow.
    summary : ScanSummary, optional
        What the scan saw; carried along by everything derived from it.

    Examples
    --------
    >>> import wiretropy
    >>> flows = wiretropy.read_flows("examples/https.pcap")
    >>> flows["proto"].tolist()
    ['tcp', 'tcp']
    """

    __slots__ = ("_summary", "_table")

    def __init__(self, table: pa.Table, summary: ScanSummary | None = None) -> None:
        self._table = table
        self._summary = summary

    def __len__(self) -> int:
        return self._table.num_rows

    def __repr__(self) -> str:
        return f"<Flows: {len(self):,} {'flow' if len(self) == 1 else 'flows'}, {self._table.num_columns} columns>"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each flow as a dictionary of column name to value."""
        for batch in self._table.to_batches():
            yield from batch.to_pylist()

    def __getitem__(self, column: str) -> NDArray[Any]:
        """A column as NumPy array of shape (len(self),); lists become arrays, null becomes None or NaN."""
        self._check_column(column)
        values: NDArray[Any] = self._table.column(column).to_numpy()
        return values

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the table to any Arrow library (Arrow PyCapsule interface)."""
        stream: object = self._table.__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]
        return stream

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._table.column_names)

    @property
    def summary(self) -> ScanSummary:
        """What the scan saw and where it went.

        Raises
        ------
        ValueError
            If the flows did not come from a scan.
        """
        if self._summary is None:
            raise ValueError("these flows carry no summary; they were not made by a scan")
        return self._summary

    @property
    def has_summary(self) -> bool:
        """Whether the flows came from a scan, or from what one stored with its totals."""
        return self._summary is not None

    @property
    def settings(self) -> ScanSettings | None:
        """The settings of the scan that measured the flows; None where they are not known."""
        return settings_of(self._table)

    def with_table(self, table: pa.Table) -> Flows:
        """The flows of the same scan in another table: with more columns, or other rows."""
        return Flows(table, self._summary)

    def filter(self, mask: NDArray[np.bool_] | Sequence[bool]) -> Flows:
        """The flows where `mask`, of shape (len(self),), is true.

        Raises
        ------
        ValueError
            If the mask has another shape, or holds something else than truth values.
        """
        chosen = np.asarray(mask, dtype=None if len(mask) else np.bool_)
        if chosen.dtype != np.bool_ or chosen.shape != (len(self),):
            raise ValueError(
                f"a mask needs one truth value a flow, {len(self):,} in all; got {chosen.dtype} of shape {chosen.shape}"
            )
        return Flows(self._table.filter(pa.array(chosen)), self._summary)

    def take(self, rows: NDArray[np.integer[Any]] | Sequence[int]) -> Flows:
        """The flows at these row numbers, in this order; negative ones count from the end.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        chosen = np.asarray(rows, dtype=None if len(rows) else np.int64)
        return Flows(self._table.take(np.arange(len(self))[chosen]), self._summary)

    def sort_by(self, column: str, *, descending: bool = False) -> Flows:
        """The flows in the order of a column; nulls last.

        Raises
        ------
        KeyError
            If there is no such column.
        ValueError
            If its values are lists, which have no order.
        """
        self._check_column(column)
        if pa.types.is_list(self._table.schema.field(column).type):
            raise ValueError(f"the flows cannot be sorted by {column!r}, whose values are lists")
        order: Literal["ascending", "descending"] = "descending" if descending else "ascending"
        return Flows(self._table.sort_by([(column, order)]), self._summary)

    def _check_column(self, column: str) -> None:
        if column not in self._table.column_names:
            raise KeyError(f"no column {column!r}; the columns are {', '.join(self._table.column_names)}")

    def to_arrow(self) -> pa.Table:
        """As a pyarrow table; nothing is copied."""
        return self._table

    def to_numpy(self, columns: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """As one NumPy array a column."""
        return {name: self[name] for name in (self.columns if columns is None else columns)}

    def to_polars(self) -> polars.DataFrame:
        """As a polars data frame.

        Raises
        ------
        MissingDependencyError
            If polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise MissingDependencyError("polars is not installed; pip install 'wiretropy[polars]'") from error
        frame = polars.from_arrow(self._table)
        assert isinstance(frame, polars.DataFrame)  # a table always becomes a frame
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """As a pandas data frame.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError("pandas is not installed; pip install 'wiretropy[pandas]'") from error
        return self._table.to_pandas()

    def save(self, folder: PathLike) -> Path:
        """Write the flows to ``folder/flows.parquet`` with their summary, and return the file's path."""
        from wiretropy.store.parquet import FlowWriter

        with FlowWriter(Path(folder), self._table.schema) as writer:
            for batch in self._table.to_batches():
                writer.write(batch)
            writer.finish(self._summary)
        return writer.path

    def plot(self, **options: Any) -> Any:
        """Draw the trajectories; see `wiretropy.plot.plot` for the options."""
        from wiretropy.plot import plot

        return plot(self, **options)

    @classmethod
    def load(cls, path: PathLike) -> Flows:
        """Read what a scan or `save` wrote: a folder, or a Parquet file.

        Raises
        ------
        RefusedError
            If there is none, or it was written by a newer version.
        """
        from wiretropy.store.parquet import load_table

        table, summary = load_table(Path(path))
        return cls(table, summary)


def read_flows(
    paths: PathLike | Iterable[PathLike],
    *,
    on_progress: ProgressHook | None = None,
    on_trace: TraceHook | None = None,
    **changes: Unpack[SettingChanges],
) -> Flows:
    """Read captures into flow records.

    Parameters
    ----------
    paths : path or iterable of paths
        Captures (pcap or pcapng, plain or gz, zst, lz4), folders of captures (not
        of folders below), or ``-`` for standard input; several are read as one stream in
        time order. Stored flows are opened by `Flows.load`.
    on_progress : callable, optional
        Called with bytes read, their total where known, and packets read.
    on_trace : callable, optional
        Takes the packet rows of every flow as they come, in tables like those of
        `trace_flows`: for inputs that cannot be read twice.
    **changes
        Settings that differ from their defaults; see `ScanSettings`.

    Returns
    -------
    Flows
        One row a flow. What could be read of broken inputs is there; the faults
        are in ``flows.summary.faults``.

    Raises
    ------
    RefusedError
        If nothing at all could be read.
    """
    settings = ScanSettings.of("read_flows", changes)
    run = CaptureRun(
        paths,
        settings,
        trace=on_trace is not None,
        on_trace=None if on_trace is None else lambda rows: on_trace(_trace_table(rows)),
        on_progress=on_progress,
    )
    columns = arrow_schema(has_counts=settings.counts)
    table = pa.Table.from_batches(run, columns).replace_schema_metadata(flow_metadata(settings))
    summary = run.summary
    summary.raise_if_refused()
    return Flows(table, summary)


def iter_flows(
    paths: PathLike | Iterable[PathLike],
    *,
    on_progress: ProgressHook | None = None,
    **changes: Unpack[SettingChanges],
) -> Iterator[Flows]:
    """Read captures batch by batch, in bounded memory.

    Takes what `read_flows` takes. Each batch carries the summary of everything
    read until then; that of the last batch is final.

    Yields
    ------
    Flows
        Flows that ended since the last batch, at most a few ten thousand.

    Raises
    ------
    RefusedError
        If nothing at all could be read.
    """
    settings = ScanSettings.of("iter_flows", changes)
    metadata = flow_metadata(settings)
    run = CaptureRun(paths, settings, on_progress=on_progress)
    for batch in run:
        yield Flows(pa.Table.from_batches([batch]).replace_schema_metadata(metadata), run.summary)
    run.summary.raise_if_refused()


def trace_flows(
    paths: PathLike | Iterable[PathLike],
    uids: Sequence[str] | None = None,
    *,
    on_progress: ProgressHook | None = None,
    **changes: Unpack[SettingChanges],
) -> Iterator[pa.Table]:
    """Follow flows packet by packet, in bounded memory.

    Parameters
    ----------
    paths : path or iterable of paths
        Captures, as for `read_flows`.
    uids : sequence of str, optional
        Flows to follow; all by default.
    on_progress : callable, optional
        As for `read_flows`.
    **changes
        Settings that differ from their defaults; see `ScanSettings`.

    Yields
    ------
    pyarrow.Table
        One row a packet, in capture order: ``uid``, ``source``, ``number``, ``ts_ns``,
        ``is_orig``, ``payload_bytes``, measured bytes so far (``orig_offset``,
        ``resp_offset``) and cumulative entropy after it (``orig_entropy``,
        ``resp_entropy``, ``both_entropy``, bits per byte). The packets of a datagram
        that came in fragments follow each other when its last fragment was seen.

    Raises
    ------
    RefusedError
        If nothing at all could be read.
    """
    run = CaptureRun(
        paths, ScanSettings.of("trace_flows", changes), trace=True if uids is None else uids, on_progress=on_progress
    )
    for kind, batch in run.outputs():
        if kind == "trace":
            yield _trace_table(batch)
    run.summary.raise_if_refused()


def _trace_table(rows: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([rows], TRACE_SCHEMA)
