"""What a case of hostile input is: how to make it, and what must happen to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .containers import write

WHOLE, REFUSED, PARTIAL = 0, 2, 3
"""Exit codes: all was read; nothing was; a usable prefix was, and the reason is given."""


@dataclass(frozen=True)
class Case:
    """One input of one class of the list, with its required outcome.

    Attributes
    ----------
    number : int
        Class in the list, 1 to 68.
    name : str
        What is wrong with the input, in words joined by hyphens.
    build : callable
        Writes the input into an empty directory and returns its path, or several.
    exit_code : int
        `WHOLE`, `REFUSED` or `PARTIAL`.
    packets_seen : int, optional
        Packets that the summary counts. None where the outcome does not depend on it.
    decoded : int, optional
        Packets of them that belong to flows.
    reasons : mapping of str to int
        Reasons of undecoded packets with their counts; other reasons may occur too.
    fault_id : str, optional
        Identifier that one of the faults must have.
    is_clean : bool
        Whether there must be no fault at all.
    flows : int, optional
        Flow records.
    weirds : tuple of str
        Oddities that the summary must count.
    records : tuple of mappings
        Columns that the records show, in the order of their first packets.
    hidden : tuple of str
        Texts that must appear in no output as they are.
    notes : str
        Why the outcome is what it is, where that needs saying.
    seconds : float
        Added to the time limit, for inputs that unpack or expand to more than their size.
    """

    number: int
    name: str
    build: Callable[[Path], Path | list[Path]]
    exit_code: int
    packets_seen: int | None = None
    decoded: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    fault_id: str | None = None
    is_clean: bool = False
    flows: int | None = None
    weirds: tuple[str, ...] = ()
    records: tuple[Mapping[str, Any], ...] = ()
    hidden: tuple[str, ...] = ()
    notes: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        """Name the case as test reports show it."""
        return f"{self.number:02d}-{self.name}"


def content(data: bytes | Callable[[], bytes], name: str = "capture.pcap") -> Callable[[Path], Path]:
    """Build one file from its bytes; a callable makes large ones only when they are needed."""

    def build(directory: Path) -> Path:
        return write(directory, name, data() if callable(data) else data)

    return build
