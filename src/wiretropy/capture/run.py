"""One pass over captures: batches of flow records, and packet rows of traced flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wiretropy import _core
from wiretropy.capture.inputs import PathLike, expand
from wiretropy.capture.settings import ScanSettings
from wiretropy.capture.summary import ScanSummary

if TYPE_CHECKING:
    import pyarrow as pa

ProgressHook = Callable[[int, int | None, int], None]
"""Called with bytes read, their total where known, and packets read."""


class CaptureRun:
    """One pass over captures.

    Iterating yields record batches of flows with the columns of `schema.columns`;
    afterwards `summary` is complete. A run can be iterated once.

    Parameters
    ----------
    paths : path or iterable of paths
        Captures, folders, or ``-``; read as one stream in time order.
    settings : ScanSettings
        How to read them.
    trace : bool or sequence of str, default False
        Flows whose packets are handed to `on_trace`: all, or those with these uids.
    on_trace : callable, optional
        Takes each batch of packet rows.
    on_progress : callable, optional
        Called from time to time; see `ProgressHook`.

    Raises
    ------
    RefusedError, MissingDependencyError
        See `inputs.expand` and `bpf.compile_filter`.
    """

    def __init__(
        self,
        paths: PathLike | Iterable[PathLike],
        settings: ScanSettings,
        *,
        trace: bool | Sequence[str] = False,
        on_trace: Callable[[pa.RecordBatch], None] | None = None,
        on_progress: ProgressHook | None = None,
    ) -> None:
        self.paths: list[Path] = expand(paths)
        self.is_stopped = False
        self._on_trace = on_trace
        self._on_progress = on_progress
        filters = None
        if settings.bpf is not None:
            from wiretropy.capture.bpf import compile_filter

            filters = compile_filter(settings.bpf, _core.link_types())
        self._scan = _core.Scan(self.paths, settings.to_core(filters, trace))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield flow records as they end, in the order of their first packets within a batch."""
        for kind, batch in self.outputs():
            if kind == "flows":
                yield batch
            elif self._on_trace is not None:
                self._on_trace(batch)

    def outputs(self) -> Iterator[tuple[Literal["flows", "trace"], pa.RecordBatch]]:
        """Yield flow records and packet rows as they come, each with what it is."""
        import pyarrow as pa

        while (output := self._scan.next_output()) is not None:
            kind, batch = output
            if self._on_progress is not None:
                self._on_progress(*self._scan.progress())
            if batch is not None and kind != "idle":
                yield kind, pa.record_batch(batch)

    def stop(self) -> None:
        """End reading at the next opportunity; flows seen until then still come out."""
        self.is_stopped = True
        self._scan.stop()

    @property
    def summary(self) -> ScanSummary:
        """What was seen so far and where it went; final after the last batch."""
        return ScanSummary.from_json(self._scan.summary())
