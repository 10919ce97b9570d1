"""Protospec files: between which entropies a protocol's payload normally stays.

Text goes in, a `Protospec` comes out; nothing is read here but by `read`. A file holds directives, one a line; ``#``
begins a comment, the colon after a directive's name is optional, and names are read in any case::

    Port: 22                        # one or more, separated by spaces or commas
    Direction: both                 # src, dst or both (default)
    Cumulative: yes                 # yes (default) or no
    RangeUnit: bytes                # bytes (default) or packets
    Range: 1 63 0 4.38105154        # start end min_ent max_ent, bits per byte; both ends belong to the range

``src`` is what the connection's originator sent (the left address of a log line), ``dst`` what the responder sent,
``both`` all of it in capture order. ``Cumulative: no`` compares the entropy of each block between two points of the
trajectory grid instead of the entropy of everything so far. The original documentation of these words was not found;
this is what the names say.

Every fault is reported, each with file and line, in one `ProtospecError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wiretropy.policy.faults import FaultsError, read_bytes, utf8

Direction = Literal["src", "dst", "both"]
Unit = Literal["bytes", "packets"]

MAX_ENTROPY = 8.0
"""Bits per byte."""

MAX_FILE_BYTES = 1 << 20
"""A protospec takes a few hundred bytes; a megabyte is some other file, named by mistake."""


class ProtospecError(FaultsError):
    """One or more faults in protospec files."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where the entropy lies while the position is between `start` and `end`, both included.

    Attributes
    ----------
    start, end : int
        Position in the protospec's unit, bytes or packets, at least 0.
    low, high : float
        Bits per byte, 0 to 8, both allowed.
    """

    start: int
    end: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Protospec:
    """What is normal for one protocol.

    Attributes
    ----------
    name : str
        File it was read from.
    ports : tuple of int
        Ports whose connections are tracked.
    ranges : tuple of Range
        Ascending, not overlapping, at least one.
    direction : {'src', 'dst', 'both'}
        Whose payload is measured.
    is_cumulative : bool
        Whether entropy is that of everything so far rather than of each block.
    unit : {'bytes', 'packets'}
        What ranges count.
    """

    name: str
    ports: tuple[int, ...]
    ranges: tuple[Range, ...]
    direction: Direction = "both"
    is_cumulative: bool = True
    unit: Unit = "bytes"


def read(path: Path) -> list[Protospec]:
    """Read one protospec file, or every regular file of a folder in name order.

    Hidden files and those ending in ``~`` are passed over.

    Raises
    ------
    ProtospecError
        If a file has faults, two files claim one port, or the folder holds none.
    OSError
        If something cannot be read.
    """
    is_folder = path.is_dir()
    files = sorted(f for f in path.iterdir() if _is_protospec(f)) if is_folder else [path]
    if not files:
        raise ProtospecError([f"{path}:0: the folder holds no protospec file; give a file or a folder with some"])
    faults: list[str] = []
    specs = []
    for file in files:
        try:
            specs.append(parse(_text(file), str(file)))
        except ProtospecError as error:
            faults += error.faults
    owners: dict[int, str] = {}
    for spec in specs:
        for port in spec.ports:
            if port in owners:
                faults.append(f"{spec.name}:1: port {port} is already described by {owners[port]}")
            owners.setdefault(port, spec.name)
    if faults:
        raise ProtospecError(faults)
    return specs


def parse(text: str, name: str) -> Protospec:
    """Understand the text of a protospec.

    Parameters
    ----------
    text : str
        The file's text.
    name : str
        What error messages call it.

    Returns
    -------
    spec : Protospec

    Raises
    ------
    ProtospecError
        With every fault in it.

    Examples
    --------
    >>> parse("Port: 22\\nRange: 1 63 0 4.38", "ssh").ranges
    (Range(start=1, end=63, low=0.0, high=4.38),)
    """
    reader = _Reader(name)
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        reader.line(number, line.split("#", 1)[0].strip())
    return reader.finish(len(lines))


class _Reader:
    """Gathers directives and faults of one file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[str] = []
        self.ports: list[int] = []
        self.ranges: list[Range] = []
        self.words: dict[str, str] = {}
        self.seen_on_line: dict[str, int] = {}

    def line(self, number: int, line: str) -> None:
        """Read one line without its comment."""
        if not line:
            return
        # The colon ends the name whether or not a space follows it.
        name, *words = line.replace(":", " ", 1).split()
        readers: dict[str, Callable[[int, list[str]], None]] = {"port": self._port, "range": self._range}
        if name.lower() in readers:
            readers[name.lower()](number, words)
        elif name.lower() in _CHOICES:
            self._choice(number, name.lower(), words)
        else:
            known = "Port, Direction, Cumulative, RangeUnit or Range"
            self._fault(number, f"unknown directive {_shown(name)}; expected {known}")

    def finish(self, last_line: int) -> Protospec:
        """The protospec, or all faults at once."""
        if not self.ports and not self._has_fault("Port"):
            self._fault(last_line, "no Port directive; add one such as 'Port: 22'")
        if not self.ranges and not self._has_fault("Range"):
            self._fault(last_line, "no Range directive; add one such as 'Range: 1 63 0 4.4'")
        if self.faults:
            raise ProtospecError(self.faults)
        direction, unit = self.words.get("direction", "both"), self.words.get("rangeunit", "bytes")
        return Protospec(
            name=self.name,
            ports=tuple(self.ports),
            ranges=tuple(self.ranges),
            direction="src" if direction == "src" else "dst" if direction == "dst" else "both",
            is_cumulative=self.words.get("cumulative", "yes") == "yes",
            unit="packets" if unit == "packets" else "bytes",
        )

    def _fault(self, number: int, what: str) -> None:
        self.faults.append(f"{self.name}:{number}: {what}")

    def _has_fault(self, directive: str) -> bool:
        """Whether a directive was there but wrong, so that its absence is no second fault."""
        return any(f": {directive} " in fault for fault in self.faults)

    def _port(self, number: int, words: list[str]) -> None:
        ports = [word for part in words for word in part.split(",") if word]
        if not ports:
            self._fault(number, "Port needs a number from 1 to 65535; got nothing")
        for word in ports:
            if not (word.isascii() and word.isdigit() and len(word) <= 5 and 1 <= int(word) <= 65_535):
                self._fault(number, f"Port needs numbers from 1 to 65535; got {_shown(word)}")
            elif int(word) not in self.ports:
                self.ports.append(int(word))

    def _choice(self, number: int, name: str, words: list[str]) -> None:
        title, choices = _CHOICES[name]
        if name in self.seen_on_line:
            self._fault(number, f"{title} is given twice; the first is on line {self.seen_on_line[name]}")
        elif len(words) != 1 or words[0].lower() not in choices:
            got = _shown(" ".join(words)) if words else "nothing"
            self._fault(number, f"{title} is one of {', '.join(choices)}; got {got}")
        else:
            self.words[name] = words[0].lower()
        self.seen_on_line.setdefault(name, number)

    def _range(self, number: int, words: list[str]) -> None:
        if len(words) != 4:
            self._fault(number, f"Range needs start, end, min_ent and max_ent; got {len(words)} values")
            return
        start, end = (_whole(word) for word in words[:2])
        low, high = (_entropy(word) for word in words[2:])
        if start is None or end is None:
            self._fault(
                number, f"Range needs whole start and end below 2^63; got {_shown(words[0])} {_shown(words[1])}"
            )
        elif low is None or high is None:
            got = f"{_shown(words[2])} {_shown(words[3])}"
            self._fault(number, f"Range needs entropies from 0 to 8 bits per byte; got {got}")
        elif start > end:
            self._fault(number, f"Range must not end before it starts; got {start} to {end}")
        elif low > high:
            self._fault(number, f"Range needs min_ent up to max_ent; got {low:g} above {high:g}")
        elif self.ranges and start <= self.ranges[-1].end:
            self._fault(number, f"Range starts at {start}, but the one before it ends at {self.ranges[-1].end}")
        else:
            self.ranges.append(Range(start, end, low, high))


_CHOICES = {
    "direction": ("Direction", ("src", "dst", "both")),
    "cumulative": ("Cumulative", ("yes", "no")),
    "rangeunit": ("RangeUnit", ("bytes", "packets")),
}


def _whole(word: str) -> int | None:
    """A count, or None."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 18 else None


def _entropy(word: str) -> float | None:
    """Bits per byte, or None."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0.0 <= value <= MAX_ENTROPY else None


def _shown(word: str) -> str:
    """A word from a file, made visible and short."""
    return ascii(word if len(word) <= 40 else word[:39] + "...")


def _is_protospec(file: Path) -> bool:
    """Whether a folder's entry is meant to be read."""
    return file.is_file() and not file.name.startswith(".") and not file.name.endswith("~")


def _text(file: Path) -> str:
    """A file's text; a large or undecodable one is a fault."""
    return utf8(read_bytes(file, MAX_FILE_BYTES, ProtospecError, "protospec file"), file, ProtospecError)
