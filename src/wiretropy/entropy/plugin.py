"""The plug-in (maximum-likelihood) estimator of byte entropy.

In: byte counts, or payload bytes. Out: bits per byte, from 0 to 8. Negative
counts and prefix lengths outside the payload are refused.

With counts c_i of N bytes in all, H = (1/N) sum c_i log2(N / c_i), which is
log2 N - (1/N) sum c_i log2 c_i written so that constant bytes give exactly 0
and equally frequent bytes exactly 8. The estimator is biased low (Miller,
1955, "Note on the bias of information estimates"); `random_law` says how much.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wiretropy.entropy.grid import trajectory_grid

PREFIXES_AT_ONCE = 1_024
"""Prefixes whose 256 counts are held together: 2 MiB of them, whatever `at` asks for."""


def entropy_of_counts(counts: ArrayLike) -> NDArray[np.float64]:
    """Compute the plug-in entropy of symbol counts.

    Parameters
    ----------
    counts : array_like of shape (..., symbols)
        How often each symbol occurred, each at least 0. Any number of leading
        axes; the last one runs over the symbols (256 of them for bytes).

    Returns
    -------
    entropy : ndarray of shape (...), float64
        Bits per symbol, each in [0, log2(symbols)]. Where nothing was counted
        the entropy is 0: no bytes surprise nobody.

    Raises
    ------
    ValueError
        If a count is negative or there is no axis of symbols.

    Examples
    --------
    >>> entropy_of_counts([[1, 1, 1, 1], [4, 0, 0, 0]])
    array([2., 0.])
    """
    table = checked_counts(counts)
    total = table.sum(axis=-1, keepdims=True)
    # A symbol that never occurred, or a row without any, contributes c log2(1) = 0.
    surprise = np.log2(np.divide(total, table, out=np.ones(table.shape), where=table > 0))
    weighted: NDArray[np.float64] = (table * surprise).sum(axis=-1)
    return np.asarray(weighted / np.maximum(total[..., 0], 1))


def checked_counts(counts: ArrayLike) -> NDArray[Any]:
    """Take symbol counts as an array.

    Raises
    ------
    ValueError
        If a count is negative or there is no axis of symbols.
    """
    table = np.asarray(counts)
    if table.ndim == 0:
        raise ValueError("counts must have an axis of symbols; got a single number")
    if table.size and table.min() < 0:
        raise ValueError(f"counts must be at least 0; got {table.min()}")
    return table


def byte_entropy(payload: bytes | bytearray | memoryview) -> float:
    """Measure the plug-in byte entropy of a whole payload.

    Parameters
    ----------
    payload : bytes of length n
        Any bytes; none at all have entropy 0.

    Returns
    -------
    entropy : float
        Bits per byte, in [0, min(8, log2(n))].

    Examples
    --------
    >>> byte_entropy(b"abab")
    1.0
    """
    counts = np.bincount(np.frombuffer(payload, dtype=np.uint8), minlength=256)
    return float(entropy_of_counts(counts))


def cumulative_entropy(
    payload: bytes | bytearray | memoryview, *, at: Sequence[int] | NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Measure how byte entropy grows along one direction of a flow.

    Takes the plug-in (maximum-likelihood) Shannon entropy of every prefix named
    by `at`. It is biased low: 256 uniformly random bytes average 7.17 bits per
    byte, not 8. Compare prefixes of one length only, or against `random_band`,
    the exact law for random bytes of that length.

    Parameters
    ----------
    payload : bytes of length n
        Contiguous payload bytes; split at gaps first.
    at : sequence of int, optional
        Prefix lengths in bytes, ascending, each in [1, n]. Default: the points
        of `trajectory_grid(n)`.

    Returns
    -------
    entropy : ndarray of shape (len(at),), float64
        Bits per byte, each in [0, min(8, log2(length))].

    Raises
    ------
    ValueError
        If a length is outside [1, n] or not ascending.

    See Also
    --------
    random_band : mean and spread for uniformly random bytes.

    Examples
    --------
    Every byte value once, then zeros:

    >>> cumulative_entropy(bytes(range(256)) + bytes(256), at=[256, 512])
    array([8.        , 4.98155174])
    """
    values = np.frombuffer(payload, dtype=np.uint8)
    lengths = trajectory_grid(len(values)) if at is None else _checked_lengths(at, len(values))
    entropy = np.empty(len(lengths))
    counts = np.zeros(256, dtype=np.int64)
    start = 0
    for first in range(0, len(lengths), PREFIXES_AT_ONCE):
        ends = lengths[first : first + PREFIXES_AT_ONCE]
        table = counts + _cumulative_counts(values[start : ends[-1]], ends - start)
        entropy[first : first + len(ends)] = entropy_of_counts(table)
        counts, start = table[-1], int(ends[-1])
    return entropy


def _checked_lengths(at: Sequence[int] | NDArray[np.int64], available: int) -> NDArray[np.int64]:
    lengths = np.asarray(at, dtype=np.int64)
    if lengths.ndim != 1:
        raise ValueError(f"prefix lengths must be one sequence; got {lengths.ndim} dimensions")
    if lengths.size and (lengths.min() < 1 or lengths.max() > available):
        outside = lengths[(lengths < 1) | (lengths > available)][0]
        raise ValueError(f"a prefix must have 1 to {available:,} bytes, as the payload does; got {outside:,}")
    if (np.diff(lengths) <= 0).any():
        raise ValueError("prefix lengths must ascend, each larger than the one before")
    return lengths


def _cumulative_counts(values: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count byte values in each prefix of `values` named by `ends`; shape (len(ends), 256)."""
    block = np.repeat(np.arange(len(ends)) * 256, np.diff(ends, prepend=0))
    block += values
    return np.cumsum(np.bincount(block, minlength=256 * len(ends)).reshape(-1, 256), axis=0)
