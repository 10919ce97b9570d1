"""What the first bytes of a direction are, whatever protocol they belong to: counts for `opaque`.

In: bytes of one length, a row each. Out: one number for every statistic, a row each.
All but those of neighbours are the same for any order of the bytes, and none asks for
a certain byte at a certain place, so no protocol is recognised by its signature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict.raw import PRINTABLE, SET_BITS

STATISTICS = (
    "printable", "letters", "digits", "spaces", "zeros", "all_ones", "high", "control", "small",
    "set_bits", "set_bits_squared",
    "high_nibble_pairs", "high_nibble_most", "low_nibble_pairs", "low_nibble_most",
    "equal", "successive", "close", "widest_gap", "least", "greatest", "sum", "sum_of_squares", "median", "most",
    "equal_neighbours", "close_neighbours", "near_neighbours", "total_step", "same_block", "printable_pairs",
    "zero_ends",
)  # fmt: skip
"""Names, in the order of the columns of `head_statistics`."""

_VALUES = np.arange(256)
_KINDS = np.stack(
    [
        PRINTABLE,
        np.isin(_VALUES, np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", np.uint8)),
        np.isin(_VALUES, np.frombuffer(b"0123456789", np.uint8)),
        _VALUES == 0x20,
        _VALUES == 0,
        _VALUES == 0xFF,
        _VALUES >= 0x80,
        (_VALUES > 0) & (_VALUES < 0x20) & ~PRINTABLE,
        (_VALUES > 0) & (_VALUES < 0x10),
        SET_BITS,
        SET_BITS**2,
    ],
    axis=1,
).astype(np.int32)
"""What each byte value adds to the first eleven statistics."""

_CLOSE = 4
_NEAR = 16
"""Differences of neighbours that count as small: of counters, and of text."""


def head_statistics(heads: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Count what the bytes of each row are.

    Parameters
    ----------
    heads : ndarray of shape (n, length), uint8
        First bytes of n directions; a length of at least 2.

    Returns
    -------
    statistics : ndarray of shape (n, 32), int32
        Columns named by `STATISTICS`.

    Examples
    --------
    >>> row = head_statistics(np.frombuffer(b"GET / HT", np.uint8)[None])[0]
    >>> dict(zip(STATISTICS, row.tolist()))["printable"], dict(zip(STATISTICS, row.tolist()))["letters"]
    (8, 5)
    """
    # Sums over contiguous rows of one byte position at a time are ten times as fast as over short rows.
    by_place = np.ascontiguousarray(heads.T)
    kinds = np.zeros((len(heads), _KINDS.shape[1]), dtype=np.int32)
    for place in by_place:
        kinds += _KINDS[place]
    ascending = np.ascontiguousarray(np.sort(heads, axis=1).T).astype(np.int32)
    columns = [*kinds.T, *_nibbles(by_place >> 4), *_nibbles(by_place & 15), *_spread(ascending)]
    columns += _neighbours(by_place.astype(np.int32))
    return np.stack(columns, axis=1).astype(np.int32)


def _nibbles(places: NDArray[np.integer[Any]]) -> list[NDArray[np.int64]]:
    """Pairs of places with the same nibble, and how often the commonest occurs."""
    pairs = np.zeros(places.shape[1], dtype=np.int64)
    most = np.zeros(places.shape[1], dtype=np.int64)
    for nibble in range(16):
        count = (places == nibble).sum(axis=0)
        pairs += count * (count - 1) // 2
        np.maximum(most, count, out=most)
    return [pairs, most]


def _spread(ascending: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """How the values lie among 0 to 255, which for random bytes is evenly."""
    steps = np.diff(ascending, axis=0)
    return [
        (steps == 0).sum(axis=0),
        (steps == 1).sum(axis=0),
        (steps <= 2).sum(axis=0),
        steps.max(axis=0),
        ascending[0],
        ascending[-1],
        ascending.sum(axis=0),
        (ascending**2).sum(axis=0),
        ascending[len(ascending) // 2],
        _longest_run(ascending),
    ]


def _longest_run(ascending: NDArray[np.int32]) -> NDArray[np.int32]:
    """How often the commonest value of each column of ascending values occurs."""
    most = np.ones(ascending.shape[1], dtype=np.int32)
    for length in range(2, len(ascending) + 1):
        has_run = (ascending[length - 1 :] == ascending[: 1 - length]).any(axis=0)
        if not has_run.any():
            break
        most[has_run] = length
    return most


def _neighbours(places: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """How each byte differs from the one before."""
    before, after = places[:-1], places[1:]
    step = np.abs(after - before)
    return [
        (step == 0).sum(axis=0),
        (step <= _CLOSE).sum(axis=0),
        (step <= _NEAR).sum(axis=0),
        step.sum(axis=0),
        ((before ^ after) < _NEAR).sum(axis=0),
        (PRINTABLE[before] & PRINTABLE[after]).sum(axis=0),
        ((before == 0) & (after != 0)).sum(axis=0),
    ]
