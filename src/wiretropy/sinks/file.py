"""Files that alerts are appended to: whole lines, whatever happens.

Each record goes out in one write of a file opened for appending, so writers that share it, and a kill at any moment,
leave whole lines. A line that a full disk or a crash has torn all the same is ended before the next one begins. A file
that was moved away is opened anew under its name, as log rotation expects; so is any file when `reopen` was called, and
with `max_bytes` files are rotated here: ``x.json`` becomes ``x.json.1``, that ``x.json.2``, and so on.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from wiretropy.limits import ROTATED_FILES


class FileTransport:
    """Appends records to a file.

    Parameters
    ----------
    path : Path
        The file; created if missing, readable for its owner and group. Pipes and devices are written as they are.
    max_bytes : int, optional
        Rotate before a record would make the file larger; by default never.
    keep : int
        Rotated files that are kept.
    """

    def __init__(self, path: Path, *, max_bytes: int | None = None, keep: int = ROTATED_FILES) -> None:
        self._path, self._max_bytes, self._keep = path, max_bytes, keep
        self._is_stale = False
        self._fd: int | None = _opened(path)

    def send(self, record: bytes, *, header: bytes = b"") -> None:
        """Append one record."""
        fd = self._current()
        size = os.fstat(fd).st_size
        if self._max_bytes is not None and size > 0 and size + len(record) > self._max_bytes:
            self._rotate()
            fd = self._current()
            size = os.fstat(fd).st_size
        if stat.S_ISREG(os.fstat(fd).st_mode):
            if size == 0:
                record = header + record
            elif os.pread(fd, 1, size - 1) != b"\n":
                record = b"\n" + record
        _write_all(fd, record)

    def reopen(self) -> None:
        """Open the file anew before the next record."""
        self._is_stale = True

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _current(self) -> int:
        """The open file, opened anew if its name now means another one."""
        if self._fd is not None and (self._is_stale or _was_moved(self._fd, self._path)):
            self.close()
        if self._fd is None:
            self._is_stale = False
            self._fd = _opened(self._path)
        return self._fd

    def _rotate(self) -> None:
        self.close()
        for number in range(self._keep, 1, -1):
            older = _numbered(self._path, number - 1)
            if older.exists():
                older.replace(_numbered(self._path, number))
        if self._keep:
            self._path.replace(_numbered(self._path, 1))
        else:
            self._path.unlink()


class StdoutTransport:
    """Writes records to standard output."""

    def send(self, record: bytes, *, header: bytes = b"") -> None:
        """Write one record; no format that may go there has a header."""
        sys.stdout.buffer.write(record)
        sys.stdout.buffer.flush()

    def reopen(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Leave standard output open."""


def _opened(path: Path) -> int:
    """A file opened for appending; regular files for reading too, since their last byte is looked at."""
    is_other = path.exists() and not path.is_file()
    flags = os.O_WRONLY if is_other else os.O_RDWR
    return os.open(path, flags | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o640)


def _was_moved(fd: int, path: Path) -> bool:
    here = os.fstat(fd)
    try:
        there = path.stat()
    except FileNotFoundError:
        return True
    return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _write_all(fd: int, record: bytes) -> None:
    """One write; more only where the system took a part, as pipes do."""
    left = memoryview(record)
    while left:
        left = left[os.write(fd, left) :]
