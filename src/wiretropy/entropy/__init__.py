"""Byte entropy: the estimator, its trajectory, and the exact law for random bytes.

Everything here is in bits per byte and works on NumPy arrays; it knows nothing
of packets, flows or files.
"""

from wiretropy.entropy.grid import trajectory_grid
from wiretropy.entropy.plugin import byte_entropy, cumulative_entropy, entropy_of_counts
from wiretropy.entropy.random_band import RandomBand, random_band, random_z_score
from wiretropy.entropy.random_law import random_mean, random_sd
from wiretropy.entropy.threshold import first_crossing_mean, max_entropy, min_bytes_to_cross

__all__ = [
    "RandomBand",
    "byte_entropy",
    "cumulative_entropy",
    "entropy_of_counts",
    "first_crossing_mean",
    "max_entropy",
    "min_bytes_to_cross",
    "random_band",
    "random_mean",
    "random_sd",
    "random_z_score",
    "trajectory_grid",
]
