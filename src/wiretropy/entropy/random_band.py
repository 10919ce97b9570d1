"""The random band: where the entropy of random bytes lies, for whole columns of lengths.

In: arrays of byte counts (and of entropies, for z-scores). Out: arrays of the
same shape in bits per byte. Refused: negative lengths.

Lengths up to 65,536, the default depth, are looked up in a table; longer ones
come from the series of `random_law`. The table is made on first use from the
nodes that `random_nodes` ships: exactly up to 64 bytes, and above by three
Chebyshev interpolants in log2 N of N (8 - mean) and N sd, both of which stay
between 3 and 190 there. Twenty-five exact nodes each leave an interpolation error below 1e-11 bits: the
standard deviation was compared with the exact sums at all 65,536 lengths once
(largest difference 2.4e-14), and the tests compare 2,400 of them each time.
"""

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import ArrayLike, NDArray

from wiretropy.entropy import random_nodes
from wiretropy.entropy.random_law import series_mean, series_sd
from wiretropy.entropy.random_nodes import PIECES_BYTES, TABLE_BYTES
from wiretropy.entropy.threshold import max_entropy

DEFAULT_WIDTH = 4.0
"""Half-width of the band in standard deviations: random bytes leave it so rarely that
a person who sees it left may look for a reason."""


class RandomBand(NamedTuple):
    """Where the entropy of uniformly random bytes lies; all in bits per byte."""

    mean: NDArray[np.float64]
    """Expected plug-in entropy."""
    sd: NDArray[np.float64]
    """Standard deviation of it."""
    low: NDArray[np.float64]
    """`mean - width * sd`, at least 0."""
    high: NDArray[np.float64]
    """`mean + width * sd`, at most `max_entropy`."""


def random_band(n: ArrayLike, width: float = DEFAULT_WIDTH) -> RandomBand:
    """Look up where random bytes of each length would lie, whole columns at a time.

    The first call fills a table; afterwards a column of 500,000
    lengths takes milliseconds. Against `random_mean` and `random_sd` the error
    is at most 1e-11 bits up to 65,536 bytes and 1e-7 bits above.

    Parameters
    ----------
    n : array_like of int
        Numbers of bytes, each at least 0. Any shape.
    width : float, optional
        Half-width of the band in standard deviations, at least 0.

    Returns
    -------
    band : RandomBand
        Four arrays of the shape of `n`; NaN where `n` is 0, since no bytes have no law.

    Raises
    ------
    ValueError
        If a length or the width is negative.

    Examples
    --------
    >>> band = random_band([256, 4_096])
    >>> band.mean.round(3), band.sd.round(5)
    (array([7.175, 7.955]), array([0.05244, 0.00402]))
    """
    lengths = np.asarray(n, dtype=np.int64)
    if lengths.size and lengths.min() < 0:
        raise ValueError(f"a number of bytes must be at least 0; got {lengths.min()}")
    if not width >= 0:
        raise ValueError(f"width must be at least 0 standard deviations; got {width}")
    mean_table, sd_table = _table()
    row = np.minimum(lengths, TABLE_BYTES)
    mean, sd = np.asarray(mean_table[row]), np.asarray(sd_table[row])
    if (beyond := lengths > TABLE_BYTES).any():
        long = lengths[beyond].astype(np.float64)
        mean[beyond], sd[beyond] = series_mean(long, 256), series_sd(long, 256)
    low = np.maximum(mean - width * sd, 0.0)
    high = np.minimum(mean + width * sd, max_entropy(lengths))
    return RandomBand(mean, sd, low, high)


def random_z_score(entropy: ArrayLike, n: ArrayLike) -> NDArray[np.float64]:
    """Express entropies as distances from the random mean, in standard deviations.

    Negative means less random than random bytes, as plain and encoded payload
    are; around 0 means as random; clearly positive means *more even* than random
    bytes, which counters and tables are.

    Parameters
    ----------
    entropy : array_like of float
        Plug-in entropies in bits per byte.
    n : array_like of int
        Numbers of bytes they were measured over; broadcasts against `entropy`.

    Returns
    -------
    z : ndarray of float64
        Standard deviations above the mean; NaN below 2 bytes, where the law has no spread.

    Examples
    --------
    >>> random_z_score([7.9546, 7.0], 4_096).round(1)
    array([   0. , -237.2])
    """
    band = random_band(n, 0.0)
    spread = np.where(band.sd > 0, band.sd, np.nan)
    return np.asarray((np.asarray(entropy, dtype=np.float64) - band.mean) / spread)


@cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fill mean and standard deviation for 0 to `TABLE_BYTES` bytes; NaN at 0."""
    mean = np.full(TABLE_BYTES + 1, np.nan)
    sd = np.full(TABLE_BYTES + 1, np.nan)
    nodes = random_nodes.load()
    for n in range(1, PIECES_BYTES[0]):
        mean[n], sd[n] = max(nodes[n][0], 0.0), nodes[n][1]
    for first, last in pairwise(PIECES_BYTES):
        at = [n for n in nodes if first <= n <= last]
        lengths = np.arange(first, last + 1)
        x = np.log2(lengths)
        deficit = _interpolant(at, [n * (8 - nodes[n][0]) for n in at], x)
        spread = _interpolant(at, [n * nodes[n][1] for n in at], x)
        mean[lengths] = 8 - deficit / lengths
        sd[lengths] = spread / lengths
    mean.flags.writeable = sd.flags.writeable = False
    return mean, sd


def _interpolant(lengths: list[int], values: list[float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at log2 lengths `x`, the first and last of which bound the piece."""
    fitted = Chebyshev.fit(np.log2(lengths), values, len(lengths) - 1, domain=x[[0, -1]])
    return np.asarray(fitted(x))
