"""The statistics that tell compressed from encrypted bytes, as the core measures them.

Fragments enter, a table leaves. Names and laws are in `bench.coding.statistics`, the slow twin, which tests hold the
core to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wiretropy import _core  # noqa: TID251  training measures bytes that no flow carried

NAMES: tuple[str, ...] = tuple(_core.coding_names(True))
"""The statistics of raw payloads, in the order of the columns."""

NARROW: tuple[str, ...] = tuple(_core.coding_names(False))
"""Those that flow records carry."""


def table(fragments: Sequence[bytes]) -> NDArray[np.float32]:
    """Measure fragments of at least 64 bytes, of each at most the first 65,536; one row each."""
    numbers = np.frombuffer(_core.coding_statistics(list(fragments), True), np.float32)
    return numbers.reshape(len(fragments), len(NAMES))
