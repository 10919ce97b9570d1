"""A progress bar on standard error while captures are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wiretropy.capture.run import ProgressHook


@contextmanager
def progress_bar(*, is_off: bool = False) -> Iterator[ProgressHook | None]:
    """A progress bar on stderr, if that is a terminal."""
    if is_off or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    packets_read = TextColumn("{task.fields[packets]:,} packets")
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), packets_read)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None, packets=0)

        def update(read: int, total: int | None, packets: int) -> None:
            bar.update(task, completed=read, total=total, packets=packets)

        yield update
