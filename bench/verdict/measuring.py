"""The statistics that tell compressed from encrypted bytes, as the core measures them.

Fragments enter, a table leaves. Names and laws are in `bench.coding.statistics`, the slow twin, which tests hold the
core to.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict.coding import coding_names, coding_statistics

WIDE: tuple[str, ...] = tuple(coding_names("wide"))
"""The statistics of raw payloads."""

NARROW: tuple[str, ...] = tuple(coding_names("narrow"))
"""Those that flow records carry."""

NAMES: tuple[str, ...] = (*WIDE, *(name for name in NARROW if name not in WIDE))
"""All of them, in the order of the columns."""


def table(fragments: Sequence[bytes]) -> NDArray[np.float32]:
    """Measure fragments of at least 64 bytes, of each at most the first 65,536; one row each."""
    halves = [list(fragments[0::2]), list(fragments[1::2])]
    with ThreadPoolExecutor(2) as pool:
        measured = list(pool.map(_measured, halves))
    numbers = np.empty((len(fragments), len(NAMES)), np.float32)
    for place, half in enumerate(measured):
        numbers[place::2] = half
    return numbers


def _measured(fragments: list[bytes]) -> NDArray[np.float32]:
    only_narrow = coding_statistics(fragments, "narrow")[:, [name not in WIDE for name in NARROW]]
    return np.hstack([coding_statistics(fragments, "wide"), only_narrow])
