"""What was found, in plain sentences.

What was gathered goes in; sentences and short lists come out as inert text, which the page escapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from wiretropy.capture.inputs import source_name
from wiretropy.capture.summary import ScanSummary
from wiretropy.inert import inert
from wiretropy.plot.report.gather import Found
from wiretropy.plot.report.rows import times
from wiretropy.wording import counted

_NAMED = 5
"""Captures that the first sentence names before it says how many more there are."""

_PAYLOAD_REASONS: Mapping[str, str] = {
    "beyond-depth": "beyond the depth, counted only",
    "repeated": "sent again",
    "before-start": "before the beginning of their stream",
    "out-of-window": "outside of the receiver's window",
    "late": "late for a gap that had been given up",
}

_INCOMPLETE: Mapping[str, tuple[str, str]] = {
    "midstream": ("began before the capture did", "began before the capture did"),
    "gap": ("lacks bytes that were never seen", "lack bytes that were never seen"),
    "one-sided": ("carries payload in one direction only (TCP)", "carry payload in one direction only (TCP)"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of an input in words; `level` is ``warning``, ``partial`` or ``refused``."""

    level: str
    text: str


def opening(found: Found) -> str:
    """Which captures, how much of it, and when."""
    if found.first_ns is None or found.last_ns is None:
        return "No flow was found."
    first, last = times(np.array([found.first_ns, found.last_ns]))
    packets = "" if found.summary is None else f"{counted(found.summary.packets.seen, 'packet')}, "
    return (
        f"{_sources(found)}: {packets}{counted(found.all.flows, 'flow')} with "
        f"{counted(found.all.payload_bytes, 'payload byte')}, from {first} to {last} UTC."
    )


def _sources(found: Found) -> str:
    """The captures by their file names."""
    names = [source_name(source if source == "-" else PurePath(source).name) for source in found.sources[:_NAMED]]
    more = len(found.sources) - _NAMED
    return ", ".join(names) + (f" and {counted(more, 'more capture')}" if more > 0 else "")


def alarm(found: Found) -> str:
    """How many alerts, how severe."""
    total = sum(found.severities.values())
    if not total:
        return "No alert was raised."
    severities = ", ".join(f"{number:,} {severity}" for severity, number in found.severities.items())
    rules = ", ".join(f"{inert(rule)} {number:,}" for rule, number in found.rules.items())
    held = sum(found.suppressed.values())
    more = f" {counted(held, 'more alert')} held back by the policy's limits." if held else ""
    return f"{counted(total, 'alert')} in {counted(found.alerted, 'flow')}: {severities}. By rule: {rules}.{more}"


def incomplete(found: Found) -> list[str]:
    """What is missing of flows, one sentence each."""
    return [
        f"{counted(found.incomplete[name], 'flow')} {one if found.incomplete[name] == 1 else several}."
        for name, (one, several) in _INCOMPLETE.items()
        if found.incomplete.get(name)
    ]


def unmeasured(summary: ScanSummary) -> list[str]:
    """Where packets and payload went that no entropy rests on, one sentence each."""
    packets = {**summary.packets.undecoded, **summary.packets.skipped}
    lines = [f"{counted(count, 'packet')} in no flow: {inert(reason)}." for reason, count in packets.items() if count]
    lines += [
        f"{counted(count, 'payload byte')} not measured: {_PAYLOAD_REASONS.get(reason, inert(reason))}."
        for reason, count in summary.payload_not_measured.items()
        if count
    ]
    return lines


def account(summary: ScanSummary) -> str:
    """That everything is accounted for."""
    return (
        f"Of {counted(summary.packets.seen, 'packet')}, {summary.packets.decoded:,} are in flows; of "
        f"{counted(summary.payload_seen, 'payload byte')}, {summary.payload_measured:,} were measured."
    )


def faults(summary: ScanSummary) -> list[Fault]:
    """What was wrong with the inputs."""
    return [
        Fault(
            "warning" if fault.severity == "warning" else "partial",
            f"{fault} ({inert(fault.id)} at byte {fault.offset:,}, after {counted(fault.packets, 'packet')})",
        )
        for fault in summary.faults
    ]


def oddities(summary: ScanSummary) -> str:
    """Protocol oddities and the number of flows that showed them."""
    return ", ".join(f"{inert(name)} in {counted(count, 'flow')}" for name, count in summary.weirds.items() if count)
