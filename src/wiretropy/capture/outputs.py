"""What is written is never what is read.

Every command and function that writes files asks here first, with all that it reads and all that it is going to write.
Files are told apart by what the system says they are, so that links and other spellings of a path do not matter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from wiretropy.capture.inputs import STDIN, source_name
from wiretropy.errors import RefusedError


def refuse_overwriting(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse to write onto an input.

    Parameters
    ----------
    inputs : iterable of Path
        Files that are read; ``-`` is whatever standard input was redirected from.
    outputs : iterable of Path
        Files that are to be written, whether they exist or not.

    Raises
    ------
    RefusedError
        If one of the outputs is one of the inputs.
    """
    read = {identity: path for path in inputs if (identity := _identity(path)) is not None}
    for output in outputs:
        identity = None if output == STDIN else _identity(output)
        if identity in read:
            raise RefusedError(
                f"{output}: is read ({source_name(str(read[identity]))}) and would be overwritten; choose another name "
                "to write"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and number of a file, the same under each of its names; None of what does not exist."""
    try:
        status = os.fstat(0) if path == STDIN else path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
