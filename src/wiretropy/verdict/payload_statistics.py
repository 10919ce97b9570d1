"""What is counted of a payload to tell text, binary, compressed and encrypted bytes apart.

In: payloads of any length. Out: one row of shares and scores for each. They complement the statistics of the core,
which look at bits: here it is which byte values occur, and how bytes follow each other as characters, samples or
pixels do. Nothing knows a protocol, a magic number or a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wiretropy.entropy import entropy_of_counts, random_z_score
from wiretropy.verdict.raw import PRINTABLE, SET_BITS

Floats = NDArray[np.float32]
Octets = NDArray[np.uint8]
Places = NDArray[np.int64]

LONGEST = 65_536
"""Bytes of a payload that are looked at, as in the core."""

PIECE_BYTES = 1 << 18
"""Payload bytes that are worked on at a time, so that arrays stay in cache."""

RANDOM_STEP = 256 / 3
"""Mean distance of two random bytes, (256^2 - 1) / (3 * 256), but for a hundred-thousandth."""

STRING_BYTES = 4
"""Least length of a run of printable bytes that counts as a string, as the program `strings` has it."""

LAGS = (1, 2, 3, 4)
"""Distances at which neighbours are compared: samples of one or two channels, pixels of three or four."""

_SETS: dict[str, Any] = {
    "printable": np.flatnonzero(PRINTABLE),
    "letters": [*range(0x41, 0x5B), *range(0x61, 0x7B)],
    "capitals": [*range(0x41, 0x5B)],
    "digits": [*range(0x30, 0x3A)],
    "hex": [*range(0x30, 0x3A), *range(0x41, 0x47), *range(0x61, 0x67)],
    "spaces": [9, 10, 13, 32],
    "controls": [*range(9), 11, 12, *range(14, 32), 127],
    "high": [*range(128, 256)],
    "small": [*range(1, 16)],
    "zero": [0],
    "ff": [255],
}
"""Byte values that are counted together."""

STATISTICS: tuple[str, ...] = (
    *(f"share_{name}" for name in _SETS),
    "share_most_frequent", "share_four_most_frequent", "share_sixteen_most_frequent", "distinct", "entropy_z",
    "set_bits", "utf8_proper", "string_share", "zero_at_even", "zero_at_odd", "equal_to_last",
    *(f"step_{lag}" for lag in LAGS),
)  # fmt: skip
"""Names of the statistics, in the order of the columns."""

_MEMBERS = np.zeros((256, len(_SETS)))
for _place, _values in enumerate(_SETS.values()):
    _MEMBERS[_values, _place] = 1

_FOLLOWERS = np.zeros(256, np.uint8)
"""Continuation bytes that a byte asks for in UTF-8 (RFC 3629)."""
_FOLLOWERS[0xC2:0xE0], _FOLLOWERS[0xE0:0xF0], _FOLLOWERS[0xF0:0xF5] = 1, 2, 3


def payload_statistics(payloads: Sequence[bytes]) -> Floats:
    """Count what tells kinds of payloads apart.

    Parameters
    ----------
    payloads : sequence of n bytes
        Of each at most the first 65,536 bytes are looked at.

    Returns
    -------
    ndarray of shape (n, len(STATISTICS)), float32
        Shares in [0, 1]; `entropy_z` in [-30, 30]; `step_*` the mean distance of bytes at that lag over that of random
        bytes, 1 for these. All zero for no bytes.

    Examples
    --------
    >>> text, counter = payload_statistics([b"to be or not to be", bytes(range(256))])
    >>> at = STATISTICS.index("share_printable")
    >>> print(round(float(text[at]), 2), round(float(counter[at]), 2))
    1.0 0.38
    """
    rows = np.zeros((len(payloads), len(STATISTICS)), np.float32)
    waiting: list[int] = []
    size = 0
    for number, payload in enumerate(payloads):
        # An empty payload keeps its zeros.
        if payload:
            waiting.append(number)
            size += min(len(payload), LONGEST)
        if size >= PIECE_BYTES:
            rows[waiting] = _of_piece([payloads[place][:LONGEST] for place in waiting])
            waiting, size = [], 0
    if waiting:
        rows[waiting] = _of_piece([payloads[place][:LONGEST] for place in waiting])
    return rows


def _of_piece(payloads: Sequence[bytes]) -> NDArray[np.float64]:
    """Work on payloads, none empty, laid end to end."""
    lengths = np.array([len(payload) for payload in payloads])
    octets = np.frombuffer(b"".join(payloads), np.uint8)
    starts = np.cumsum(lengths) - lengths
    return np.concatenate([_of_counts(octets, starts, lengths), _of_places(octets, starts, lengths)], axis=1)


def _of_counts(octets: Octets, starts: Places, lengths: Places) -> NDArray[np.float64]:
    """Statistics that do not depend on order."""
    ends = zip(starts, starts + lengths, strict=True)
    counts = np.stack([np.bincount(octets[start:end], minlength=256) for start, end in ends])
    descending = -np.sort(-counts, axis=1)
    top = [descending[:, :many].sum(axis=1) / lengths for many in (1, 4, 16)]
    distinct = (counts > 0).sum(axis=1) / np.minimum(lengths, 256)
    z = np.zeros(len(counts))
    several = lengths > 1
    if several.any():
        z[several] = random_z_score(entropy_of_counts(counts[several]), lengths[several])
    rest = np.column_stack([*top, distinct, np.clip(z, -30, 30), counts @ SET_BITS / (8 * lengths)])
    return np.concatenate([counts @ _MEMBERS / lengths[:, None], rest], axis=1)


def _of_places(octets: Octets, starts: Places, lengths: Places) -> NDArray[np.float64]:
    """Statistics of how bytes follow each other."""
    is_zero = octets == 0
    even, odd = is_zero.copy(), is_zero.copy()
    even[1::2] = odd[0::2] = False
    at_even, at_odd = _sums(even, starts), _sums(odd, starts)
    begins_odd = starts % 2 == 1
    equal = np.append(False, octets[1:] == octets[:-1])
    equal[starts] = False
    shares = [
        _sums(_proper(octets, starts), starts) / np.maximum(_sums(octets >= 128, starts), 1),
        _sums(_in_strings(octets, starts), starts) / lengths,
        2 * np.where(begins_odd, at_odd, at_even) / lengths,
        2 * np.where(begins_odd, at_even, at_odd) / lengths,
        _sums(equal, starts) / lengths,
    ]
    values = octets.astype(np.int16)
    for lag in LAGS:
        steps = np.zeros(len(octets), np.int16)
        np.abs(values[lag:] - values[:-lag], out=steps[lag:])
        for first in range(lag):
            # The first bytes of a payload have no neighbour at this lag.
            inside = starts[lengths > first] + first
            steps[inside] = 0
        shares.append(_sums(steps, starts) / np.maximum(lengths - lag, 1) / RANDOM_STEP)
    return np.column_stack(shares)


def _sums(values: NDArray[Any], starts: Places) -> Places:
    return np.add.reduceat(values, starts, dtype=np.int64)


def _proper(octets: Octets, starts: Places) -> NDArray[np.uint8]:
    """For each byte that begins a whole UTF-8 sequence of several bytes, how many those are."""
    # The first byte of a payload continues nothing. Three zeros at the end end every sequence.
    continues = np.append(octets & 0xC0 == 0x80, [False] * 3)
    continues[starts] = False
    asked = _FOLLOWERS[octets]
    n = len(octets)
    one = continues[1 : n + 1]
    two = one & continues[2 : n + 2]
    three = two & continues[3 : n + 3]
    found = np.where(((asked == 1) & one) | ((asked == 2) & two) | ((asked == 3) & three), asked + 1, 0)
    return found.astype(np.uint8)


def _in_strings(octets: Octets, starts: Places) -> NDArray[np.bool_]:
    """Which bytes stand in runs of at least `STRING_BYTES` printable ones."""
    reach, n = STRING_BYTES - 1, len(octets)
    printable = np.append(PRINTABLE[octets], [False] * reach)
    begins = printable[:n].copy()
    for step in range(1, reach + 1):
        begins &= printable[step : n + step]
        # A run ends where the next payload begins.
        begins[starts[starts >= step] - step] = False
    found = begins.copy()
    for step in range(1, reach + 1):
        found[step:] |= begins[:-step]
    return found
