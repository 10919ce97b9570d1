"""The alarm state of one connection: when its entropy leaves its protocol's band and when it comes back.

Samples of one connection (position, entropy) and a protospec go in, events come out; nothing is read, written or timed
here. A connection begins without alarm. A sample outside the band of its range raises the alarm, a sample inside lowers
it, a sample between two ranges changes nothing. The first sample past the last range ends the tracking, and nothing is
reported afterwards; a connection that ends before is reported with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from wiretropy.policy.protospec import Protospec, Range


class Kind(Enum):
    """What happened to a tracked connection."""

    RISING = "rising"
    FALLING = "falling"
    STOP = "stop"
    END = "end"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log.

    Attributes
    ----------
    kind : Kind
        What happened.
    offset : int
        Payload bytes since the connection began.
    packets : int
        Packets since the connection began.
    ts_ns : int
        Time of the packet, nanoseconds since 1970.
    entropy : float or None
        Bits per byte, for alarms.
    reason : str
        Why the connection ended, for `Kind.END`.
    """

    kind: Kind
    offset: int
    packets: int
    ts_ns: int
    entropy: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """What was measured of one connection, in order of time.

    Attributes
    ----------
    offsets : ndarray of shape (n,), int64
        Payload bytes so far, not descending.
    packets : ndarray of shape (n,), int64
        Packets so far, not descending.
    ts_ns : ndarray of shape (n,), int64
        Time of each sample.
    entropy : ndarray of shape (n,), float64
        Bits per byte.
    """

    offsets: NDArray[np.int64]
    packets: NDArray[np.int64]
    ts_ns: NDArray[np.int64]
    entropy: NDArray[np.float64]


def track(samples: Samples, spec: Protospec | None, *, end: Event) -> list[Event]:
    """Compare a connection with its protocol's bands.

    Parameters
    ----------
    samples : Samples
        The connection.
    spec : Protospec or None
        Its protocol; without one only the end is reported.
    end : Event
        How it ended, reported unless the tracking stopped before.

    Returns
    -------
    events : list of Event
        In order of time.

    Examples
    --------
    >>> spec = Protospec("p", (22,), (Range(1, 10, 0.0, 4.0), Range(11, 20, 5.0, 6.0)))
    >>> at = np.array([5, 12, 15, 30])
    >>> samples = Samples(at, np.arange(1, 5), np.zeros(4, dtype=np.int64), np.array([3.0, 7.0, 5.5, 7.9]))
    >>> [event.kind.value for event in track(samples, spec, end=Event(Kind.END, 30, 4, 0))]
    ['rising', 'falling', 'stop']
    """
    if spec is None:
        return [end]
    positions = samples.packets if spec.unit == "packets" else samples.offsets
    past = np.flatnonzero(positions > spec.ranges[-1].end)
    stop = int(past[0]) if past.size else positions.size
    is_judged, is_outside = _judge(positions[:stop], samples.entropy[:stop], spec.ranges)
    judged = np.flatnonzero(is_judged)
    states = is_outside[judged]
    changed = judged[states != np.concatenate([[False], states[:-1]])]
    events = [_event(Kind.RISING if is_outside[i] else Kind.FALLING, samples, int(i)) for i in changed]
    return [*events, _event(Kind.STOP, samples, stop) if past.size else end]


def _judge(
    positions: NDArray[np.int64], entropy: NDArray[np.float64], ranges: tuple[Range, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which samples lie in a range, and which of them outside its band."""
    starts, ends = (np.array([getattr(r, name) for r in ranges], dtype=np.int64) for name in ("start", "end"))
    lows, highs = (np.array([getattr(r, name) for r in ranges]) for name in ("low", "high"))
    # A position before the first range finds -1, the last range, which it lies before.
    i = np.searchsorted(starts, positions, side="right") - 1
    is_judged = (starts[i] <= positions) & (positions <= ends[i])
    return is_judged, is_judged & ((entropy < lows[i]) | (entropy > highs[i]))


def _event(kind: Kind, samples: Samples, i: int) -> Event:
    """What happened at one sample."""
    entropy = None if kind is Kind.STOP else float(samples.entropy[i])
    return Event(kind, int(samples.offsets[i]), int(samples.packets[i]), int(samples.ts_ns[i]), entropy)
