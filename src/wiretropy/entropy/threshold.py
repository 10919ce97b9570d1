"""What an entropy threshold asks of a payload's length.

In: a threshold in bits per byte, or lengths. Out: the lengths at which random
bytes reach it on average and at which any bytes can; the ceiling of each length.
Refused: thresholds that no payload reaches.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wiretropy.entropy.random_law import random_mean


def first_crossing_mean(threshold: float) -> int:
    """Find the length at which random bytes reach a threshold on average.

    Parameters
    ----------
    threshold : float
        Bits per byte, below 8, which no finite number of random bytes averages.

    Returns
    -------
    n : int
        Smallest number of bytes whose mean entropy is at least `threshold`.

    Raises
    ------
    ValueError
        If no length reaches it.

    Examples
    --------
    >>> first_crossing_mean(7.9)
    1890
    """
    if not threshold < 8:
        raise ValueError(f"random bytes average less than 8 bits per byte at every length; got {threshold}")
    high = 1
    while random_mean(high) < threshold:
        high *= 2
    # The mean grows with every byte (entropy is concave in the counts), so bisection finds the first.
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if random_mean(middle) >= threshold else (middle, high)
    return high


def max_entropy(n: ArrayLike) -> NDArray[np.float64]:
    """Compute the largest entropy that `n` bytes can have: log2(min(n, 256)).

    Parameters
    ----------
    n : array_like of int
        Numbers of bytes, each at least 0. No bytes have entropy 0.

    Returns
    -------
    entropy : ndarray of float64
        Bits per byte, in [0, 8].

    Examples
    --------
    >>> max_entropy([0, 64, 256, 4_096])
    array([0., 6., 8., 8.])
    """
    lengths = np.asarray(n, dtype=np.int64)
    if lengths.size and lengths.min() < 0:
        raise ValueError(f"a number of bytes must be at least 0; got {lengths.min()}")
    return np.asarray(np.log2(np.clip(lengths, 1, 256)))


def min_bytes_to_cross(threshold: float) -> int:
    """Find the shortest payload that can reach a threshold at all.

    Shorter flows stay under it whatever they carry, so an alarm on them never comes.

    Parameters
    ----------
    threshold : float
        Bits per byte, at most 8.

    Returns
    -------
    n : int
        Smallest number of bytes whose `max_entropy` is at least `threshold`.

    Raises
    ------
    ValueError
        If `threshold` is above 8 or not a number.

    Examples
    --------
    >>> min_bytes_to_cross(7.9)
    239
    """
    if not threshold <= 8:
        raise ValueError(f"byte entropy is at most 8 bits per byte; got {threshold}")
    return int(np.searchsorted(max_entropy(np.arange(1, 257)), threshold)) + 1
