"""Byte entropy: estimators, trajectories, and the exact law for random bytes.

Everything here is in bits per byte and works on NumPy arrays; it knows nothing
of packets, flows or files.
"""

from wiretropy.entropy.estimators import chao_shen, grassberger, james_stein, miller_madow
from wiretropy.entropy.grid import trajectory_grid
from wiretropy.entropy.plugin import byte_entropy, cumulative_entropy, entropy_of_counts
from wiretropy.entropy.random_band import RandomBand, random_band, random_z_score
from wiretropy.entropy.random_law import random_mean, random_sd
from wiretropy.entropy.random_quantile import RandomQuantile, random_quantile, random_tail_probability
from wiretropy.entropy.sequential import anytime_p_value, log_e_value, sequential_quantile, spent_levels
from wiretropy.entropy.threshold import first_crossing_mean, max_entropy, min_bytes_to_cross

__all__ = [
    "RandomBand",
    "RandomQuantile",
    "anytime_p_value",
    "byte_entropy",
    "chao_shen",
    "cumulative_entropy",
    "entropy_of_counts",
    "first_crossing_mean",
    "grassberger",
    "james_stein",
    "log_e_value",
    "max_entropy",
    "miller_madow",
    "min_bytes_to_cross",
    "random_band",
    "random_mean",
    "random_quantile",
    "random_sd",
    "random_tail_probability",
    "random_z_score",
    "sequential_quantile",
    "spent_levels",
    "trajectory_grid",
]
