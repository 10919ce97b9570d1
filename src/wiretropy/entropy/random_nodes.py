"""Exact values of the law of random bytes at the lengths that `random_band` interpolates between.

They take a tenth of a second to compute, longer than most scans, so they are
shipped. ``make random-law`` writes them again, and a test computes them anew.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wiretropy.entropy.random_law import random_mean, random_sd

TABLE_BYTES = 65_536
"""Longest length interpolated to: the default depth of a direction."""

PIECES_BYTES = (64, 512, 4_096, TABLE_BYTES)
"""Ends of the three interpolants. Below 64 bytes every length is a node."""

NODES = 25
"""Exact values behind each interpolant: the fewest, rounded up, for 1e-11 bits."""

_FILE = Path(__file__).with_name("random_nodes.npy")


def _piece_lengths(first: int, last: int) -> list[int]:
    """Round the Chebyshev nodes in log2 N of an interpolant to whole lengths, each once."""
    middle, half = (np.log2(first) + np.log2(last)) / 2, (np.log2(last) - np.log2(first)) / 2
    angles = np.pi * (np.arange(NODES) + 0.5) / NODES
    return sorted({round(2**exponent) for exponent in middle + np.cos(angles) * half})


def compute() -> NDArray[np.float64]:
    """Compute the nodes.

    Returns
    -------
    nodes : ndarray of shape (n, 3)
        Number of bytes, mean and standard deviation in bits per byte.
    """
    lengths = set(range(1, PIECES_BYTES[0]))
    lengths.update(*(_piece_lengths(first, last) for first, last in pairwise(PIECES_BYTES)))
    return np.array([(n, random_mean(n), random_sd(n)) for n in sorted(lengths)])


def load() -> dict[int, tuple[float, float]]:
    """Mean and standard deviation in bits per byte by number of bytes."""
    return {int(n): (mean, sd) for n, mean, sd in np.load(_FILE, allow_pickle=False).tolist()}


def save() -> None:
    """Compute the nodes and write the file that is shipped."""
    np.save(_FILE, compute(), allow_pickle=False)
