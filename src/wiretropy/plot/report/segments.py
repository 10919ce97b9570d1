"""The segments of a flow, as judging found them, in words.

A flow record with a `segments` column goes in; `Segment`s of one side come out, in order, at most as many as are
drawn. Records that were not judged have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiretropy.capture.inputs import source_name
from wiretropy.inert import inert
from wiretropy.limits import REPORT_SEGMENTS
from wiretropy.plot.curves import Side

KINDS = ("text", "binary", "encoded", "key material", "encrypted", "compressed", "opaque")
"""What a segment can be, and thereby what has a colour and a pattern."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of one side whose coding does not change.

    Attributes
    ----------
    kind : str
        One of `KINDS`, or what a later version calls it; inert text.
    start, end : int
        First payload byte, counted from 0, and the one behind the last.
    packet : int
        Number of the packet with the first byte.
    source : str
        Capture that holds it, if not the one with the flow's first packet; inert text.
    """

    kind: str
    start: int
    end: int
    packet: int
    source: str

    @property
    def slug(self) -> str:
        """Name of its pattern; kinds that are not known look opaque."""
        return self.kind.replace(" ", "-") if self.kind in KINDS else "opaque"

    @property
    def described(self) -> str:
        """One line with everything."""
        where = f" of {self.source}" if self.source else ""
        return f"{self.kind}, bytes {self.start + 1:,} to {self.end:,}, from packet {self.packet:,}{where}"


def segments_of(record: Mapping[str, Any], side: Side) -> list[Segment]:
    """The first segments of one side, in order."""
    found = [each for each in record.get("segments") or [] if each["side"] == side and each["start"] < each["end"]]
    return [
        Segment(
            kind=inert(str(each["kind"])),
            start=each["start"],
            end=each["end"],
            packet=each["packet"],
            source="" if each["source"] == record["source"] else source_name(str(each["source"])),
        )
        for each in found[:REPORT_SEGMENTS]
    ]


def more_segments(record: Mapping[str, Any], side: Side) -> int:
    """How many segments of one side `segments_of` leaves out."""
    found = [each for each in record.get("segments") or [] if each["side"] == side and each["start"] < each["end"]]
    return max(0, len(found) - REPORT_SEGMENTS)


def sides_with_segments(record: Mapping[str, Any]) -> list[Side]:
    """Sides that have a segment."""
    sides: tuple[Side, ...] = ("orig", "resp")
    return [side for side in sides if segments_of(record, side)]
