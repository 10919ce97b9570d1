"""What an alert rests on, in words: the numbers beside what random bytes would show, and the commands that show more.

In: numbers of a flow record, and what a scan was given. Out: sentences of inert text, and commands ready to be pasted
into a shell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wiretropy.capture.inputs import source_name
from wiretropy.entropy import random_band
from wiretropy.inert import inert, shell_word
from wiretropy.limits import MAX_CROSSINGS
from wiretropy.policy.threshold import Crossing
from wiretropy.wording import counted

_SIDE_NAMES = {"orig": "originator", "resp": "responder"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What random bytes of one length show: mean and standard deviation of their entropy; NaN of no bytes."""

    mean: float
    sd: float

    def shown(self, entropy: float | None) -> str:
        """An entropy of these bytes, with as many digits as show two figures of the standard deviation."""
        if entropy is None or math.isnan(entropy):
            return "-"
        digits = max(3, 1 - math.floor(math.log10(self.sd))) if self.sd else 3
        return f"{entropy:.{digits}f}"

    def __str__(self) -> str:
        return "-" if math.isnan(self.mean) else f"{self.shown(self.mean)} ± {self.shown(self.sd)}"


def expected(measured: Sequence[int]) -> list[Expected]:
    """What random bytes of these numbers would show."""
    band = random_band(np.array(measured, dtype=np.int64))
    return [Expected(*each) for each in zip(band.mean.tolist(), band.sd.tolist(), strict=True)]


def endpoint(address: str, port: int, max_length: int | None = None) -> str:
    """Address and port, bracketed for IPv6 as in RFC 5952; the address shortened to `max_length` characters."""
    address = inert(address, max_length=max_length)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def crossing_reason(row: Mapping[str, Any], crossing: Crossing, threshold: float) -> str:
    """Why a crossing is worth an alert, in one sentence with the numbers that it rests on.

    Parameters
    ----------
    row : mapping
        The flow record.
    crossing : Crossing
        Where one of its sides crossed.
    threshold : float
        Bits per byte.

    Returns
    -------
    reason : str
        One line of inert text.
    """
    measured = row[f"{crossing.side}_measured_bytes"]
    [random] = expected([measured])
    more = " or more" if crossing.crossings == MAX_CROSSINGS else ""
    again = f", {crossing.crossings}{more} crossings in all" if crossing.crossings > 1 else ""
    return (
        f"the {_SIDE_NAMES[crossing.side]}'s payload reached {threshold:g} bits per byte at byte {crossing.offset:,} "
        f"(packet {crossing.packet:,} of {source_name(crossing.source)}{again}); "
        f"{random.shown(row[f'{crossing.side}_entropy'])} over {counted(measured, 'byte')}, "
        f"where random bytes average {random}"
    )


@dataclass(frozen=True, slots=True)
class Commands:
    """The two commands that show a flow.

    Attributes
    ----------
    plot : str
        Draws its curves.
    carve : str
        Takes its packets.
    """

    plot: str
    carve: str


def commands_of(uid: str, inputs: Sequence[str], options: Sequence[str] = ()) -> Commands | None:
    """How to draw a flow and how to take its packets, ready to be pasted into a shell.

    Parameters
    ----------
    uid : str
        The flow.
    inputs, options : sequence of str
        Captures and reading options that the scan was given.

    Returns
    -------
    commands : Commands or None
        None where no captures were named, or standard input is one, which can be read only once.

    Examples
    --------
    >>> commands_of("CyX9", ["my file.pcap"]).plot
    "wiretropy plot 'my file.pcap' --flow CyX9"
    """
    if not inputs or "-" in inputs:
        return None
    # A name that begins with a hyphen would be taken for an option.
    names = [f"./{name}" if name.startswith("-") else name for name in inputs]
    words = " ".join(map(shell_word, [*names, "--flow", uid, *options]))
    return Commands(f"wiretropy plot {words}", f"wiretropy carve {words}")
