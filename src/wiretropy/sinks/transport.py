"""What carries formatted alerts: the protocol that files, sockets, programs and web services keep."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """Carries records one by one; what cannot be carried raises `OSError`."""

    def send(self, record: bytes, *, header: bytes = b"") -> None:
        """Carry one record; `header` goes before the first of a file."""

    def reopen(self) -> None:
        """Open files and connections anew before the next record; safe within a signal handler."""

    def close(self) -> None:
        """Let go of what is open."""
