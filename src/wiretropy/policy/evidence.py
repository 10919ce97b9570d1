"""What an alert rests on, in words: the numbers beside what random bytes would show, and the commands that show more.

In: numbers of a flow record, and what a scan was given. Out: sentences of inert text, and commands ready to be pasted
into a shell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wiretropy.capture.inputs import source_name
from wiretropy.entropy import random_band
from wiretropy.inert import inert, shell_word
from wiretropy.limits import MAX_CROSSINGS
from wiretropy.policy.hits import BLOCK, CLEARTEXT, SIDES
from wiretropy.policy.model import RULES, Policy
from wiretropy.policy.segments import JudgedSegments
from wiretropy.schema import SEGMENT_KINDS
from wiretropy.wording import counted

_SIDE_NAMES = {"orig": "the originator's", "resp": "the responder's", "both": "the two sides'"}


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where the evidence lies.

    Attributes
    ----------
    packet : int
        Number of a packet in `source`.
    source : str
        Capture file; text from outside.
    offset : int or None
        At which byte of the side the packet lies, where it is not the very packet but the nearest known before.
    """

    packet: int
    source: str
    offset: int | None = None

    def __str__(self) -> str:
        where = f"packet {self.packet:,} of {source_name(self.source)}"
        return where if self.offset is None else f"nearest known packet before, at byte {self.offset:,}: {where}"


def reason(row: Mapping[str, Any], policy: Policy, hit: Any, segments: JudgedSegments, place: Place) -> str:
    """Why a hit is worth an alert, in one sentence with the numbers that it rests on.

    Parameters
    ----------
    row : mapping
        The flow record.
    policy : Policy
        The policy.
    hit : one of Hits
        Where the flow breaks it.
    segments : JudgedSegments
        Of the batch.
    place : Place
        The packet.

    Returns
    -------
    reason : str
        One line of inert text.
    """
    side = SIDES[hit["side"]]
    what = _SENTENCES[tuple(RULES)[hit["rule"]]](row, policy, hit, segments, place)
    measured = row[f"{side}_measured_bytes"]
    [random] = expected([measured])
    return (
        f"{_SIDE_NAMES[side]} {what}; {random.shown(row[f'{side}_entropy'])} over {counted(measured, 'byte')}, "
        f"where random bytes average {random}"
    )


def _encrypted(row: Mapping[str, Any], _policy: Policy, hit: Any, _segments: JudgedSegments, place: Place) -> str:
    where = "on traffic where no encryption is expected"
    return f"payload looks encrypted from byte {hit['offset']:,} on ({place}; {_surety(row, hit)}), {where}"


_REQUIRED = "on traffic that must be encrypted"


def _plaintext(row: Mapping[str, Any], _policy: Policy, hit: Any, segments: JudgedSegments, place: Place) -> str:
    if hit["value"]:
        kind = SEGMENT_KINDS[segments.kind[int(hit["segment"])]]
        stretch = f"{counted(int(hit['value']), 'byte')} in a row"
        return f"payload is {kind} from byte {hit['offset']:,} on ({place}), {stretch}, {_REQUIRED}"
    verdict = row[f"{SIDES[hit['side']]}_verdict"]
    return f"payload is {verdict} from byte {hit['offset']:,} on ({place}; {_surety(row, hit)}), {_REQUIRED}"


def _weak(row: Mapping[str, Any], _policy: Policy, hit: Any, _segments: JudgedSegments, place: Place) -> str:
    measured = counted(row[f"{SIDES[hit['side']]}_coding_bytes"], "byte")
    return (
        f"payload looks opaque from byte {hit['offset']:,} on ({place}), but two of {measured} there are equal "
        f"{1 + hit['value']:.2f} times as often as two random bytes: weak encryption or none, {_REQUIRED}"
    )


def _surety(row: Mapping[str, Any], hit: Any) -> str:
    side = SIDES[hit["side"]]
    count = counted(row[f"{side}_verdict_bytes"], "byte")
    return f"probability {row[f'{side}_verdict_probability']:.3f} from {count}"


def _threshold(row: Mapping[str, Any], policy: Policy, hit: Any, _segments: JudgedSegments, place: Place) -> str:
    threshold = policy.threshold[hit["entry"]]
    verb = "reached" if threshold.direction == "rising" else "fell below"
    crossings = len(row[f"{SIDES[hit['side']]}_crossing_offsets"]) if hit["crossing"] >= 0 else 0
    more = " or more" if crossings == MAX_CROSSINGS else ""
    again = f", {crossings}{more} crossings in all" if crossings > 1 else ""
    return f"payload {verb} {threshold.bits_per_byte:g} bits per byte at byte {hit['offset']:,} ({place}{again})"


def _band_left(_row: Mapping[str, Any], policy: Policy, hit: Any, segments: JudgedSegments, place: Place) -> str:
    bands = policy.band[hit["entry"]].bands
    name = inert(bands.name, max_length=60)
    if hit["measure"] == CLEARTEXT:
        at = int(hit["segment"])
        most = counted(int(hit["high"]), "byte") if hit["high"] else "none"
        return (
            f"payload is {SEGMENT_KINDS[segments.kind[at]]} from byte {hit['offset']:,} on ({place}), in all "
            f"{counted(int(hit['value']), 'byte')} of cleartext behind byte {hit['start']:,}, where {name} sends {most}"
        )
    side = "below" if hit["value"] < hit["low"] else "above"
    return (
        f"payload leaves the bands of {name}: {_band_point(hit)} {side} {hit['low']:.3f} to {hit['high']:.3f} ({place})"
    )


def _band_regained(_row: Mapping[str, Any], policy: Policy, hit: Any, _segments: JudgedSegments, place: Place) -> str:
    name = inert(policy.band[hit["entry"]].bands.name, max_length=60)
    within = f"within {hit['low']:.3f} to {hit['high']:.3f}"
    return f"payload is back in the bands of {name}: {_band_point(hit)} {within} ({place})"


def _band_point(hit: Any) -> str:
    """An entropy and what it is of."""
    of = f"the first {hit['offset']:,} bytes have"
    if hit["measure"] == BLOCK:
        of = f"bytes {hit['start']:,} to {hit['offset']:,} have"
    return f"{of} {hit['value']:.3f} bits per byte,"


def _relapse(_row: Mapping[str, Any], _policy: Policy, hit: Any, segments: JudgedSegments, place: Place) -> str:
    at, before = int(hit["segment"]), int(hit["before"])
    looks = "are encrypted" if SEGMENT_KINDS[segments.kind[before]] == "encrypted" else "look random"
    sizes = [counted(int(segments.length[i]), "byte") for i in (at, before)]
    sizes[0] = "at least " * bool(segments.is_cut_off[at]) + sizes[0]
    return (
        f"payload is {SEGMENT_KINDS[segments.kind[at]]} from byte {hit['offset']:,} on ({place}), "
        f"{sizes[0]} behind {sizes[1]} that {looks}"
    )


def _coding(_row: Mapping[str, Any], _policy: Policy, hit: Any, segments: JudgedSegments, place: Place) -> str:
    before, after = (SEGMENT_KINDS[segments.kind[int(hit[name])]] for name in ("before", "segment"))
    return f"payload changes from {before} to {after} at byte {hit['offset']:,} ({place})"


_SENTENCES: dict[str, Callable[..., str]] = {
    "encrypted_unexpected": _encrypted,
    "plaintext_unexpected": _plaintext,
    "weak_encryption": _weak,
    "threshold_crossed": _threshold,
    "band_left": _band_left,
    "band_regained": _band_regained,
    "relapse": _relapse,
    "coding_changed": _coding,
}
"""What each rule says of a side's payload."""


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
