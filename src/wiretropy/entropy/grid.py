"""The one grid of stream offsets at which every trajectory is sampled.

In: a number of payload bytes. Out: the grid points that it reaches, ascending.

The grid is fixed, so trajectories of different flows can be laid over each
other point by point, and it is a function of the offset alone, never of how
the sender cut the stream into packets.
"""

import numpy as np
from numpy.typing import NDArray

from wiretropy.schema import DENSE_END, DENSE_STEP, POINTS_PER_OCTAVE


def trajectory_grid(n: int) -> NDArray[np.int64]:
    """List the grid points that a stream of `n` bytes reaches.

    Multiples of 32 up to 2,048; then 8 points for each doubling: steps of 256
    up to 4,096, of 512 up to 8,192, of 1,024 up to 16,384, and so on for ever.

    Parameters
    ----------
    n : int
        Length of the stream in bytes, at least 0.

    Returns
    -------
    grid : ndarray of shape (points,), int64
        Offsets in bytes, ascending, each at most `n`. Empty below 32 bytes.

    Raises
    ------
    ValueError
        If `n` is negative.

    Examples
    --------
    >>> trajectory_grid(100)
    array([32, 64, 96])
    >>> len(trajectory_grid(65_536))
    104
    """
    if n < 0:
        raise ValueError(f"a stream has at least 0 bytes; got {n}")
    parts = [np.arange(DENSE_STEP, min(n, DENSE_END) + 1, DENSE_STEP, dtype=np.int64)]
    start = DENSE_END
    while start < n:
        step = start // POINTS_PER_OCTAVE
        parts.append(np.arange(start + step, min(n, 2 * start) + 1, step, dtype=np.int64))
        start *= 2
    return np.concatenate(parts)
