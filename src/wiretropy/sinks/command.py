"""A program that is run once an alert, with the alert as JSON on its standard input.

No shell is involved, the program gets no arguments, and of its output only standard error is shown. One that does not
end in time is killed with everything it started; that, and any exit code but 0, counts as not delivered.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from wiretropy.limits import SINK_TIMEOUT_S


class CommandTransport:
    """Runs a program for each record.

    Parameters
    ----------
    program : Path
        An executable file.
    timeout_s : float
        Longest run.
    """

    def __init__(self, program: Path, *, timeout_s: float = SINK_TIMEOUT_S) -> None:
        self._program, self._timeout_s = program, timeout_s

    def send(self, record: bytes, *, header: bytes = b"") -> None:
        """Run the program and wait until it ends."""
        process = subprocess.Popen(
            [os.fspath(self._program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.communicate(record, timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            # The group is that of the program, since it leads its own session.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise TimeoutError(f"the program did not end within {self._timeout_s:g} s") from None
        if process.returncode:
            raise OSError(f"the program ended with exit code {process.returncode}")

    def reopen(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""
