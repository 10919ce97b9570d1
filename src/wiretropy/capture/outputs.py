"""What is written is never what is read.

Every command and function that writes files asks here first, with all that it reads and all that it is going to write.
Files are told apart by what the system says they are, so that links and other spellings of a path do not matter.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from wiretropy.capture.inputs import STDIN, source_name
from wiretropy.errors import RefusedError

_STDIN_FD, _STDOUT_FD = 0, 1


def refuse_overwriting(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse to write onto an input.

    Parameters
    ----------
    inputs : iterable of Path
        Files that are read; ``-`` is whatever standard input was redirected from.
    outputs : iterable of Path
        Files that are to be written, whether they exist or not; ``-`` is whatever standard output was redirected to.

    Raises
    ------
    RefusedError
        If one of the outputs is one of the inputs.
    """
    read = {identity: path for path in inputs if (identity := _identity(path, _STDIN_FD)) is not None}
    for output in outputs:
        identity = _identity(output, _STDOUT_FD)
        if identity in read:
            name = "standard output" if output == STDIN else output
            raise RefusedError(
                f"{name}: is read ({source_name(str(read[identity]))}) and would be overwritten; choose another name "
                "to write"
            )


def _identity(path: Path, stream: int) -> tuple[int, int] | None:
    """Device and number of a file, the same under each of its names; None if it is none. ``-`` is the open `stream`."""
    try:
        status = os.fstat(stream) if path == STDIN else path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
