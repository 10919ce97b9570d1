"""What the sums of segments say: whether bytes are opaque as a whole, and what cleartext is.

In: `Parts`. Out: probabilities and names. The weights come from the public captures whose labels are sure, each program
and source alike; ``make train-verdict`` (bench/verdict/train_flows.py) makes them again.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict.parts import Parts

FORMAT = 1
"""Version of `flows.json`; raised when its meaning changes."""

FEATURES = ("intercept", "opaque_share", "opaque_to_clear", "ends_opaque", "ends_opaque_by_size", "opaque_size")
"""What the probability rests on, in the order of the weights."""

_FILE = Path(__file__).with_name("flows.json")


@cache
def weights() -> NDArray[np.float64]:
    """The shipped weights of `FEATURES`.

    Raises
    ------
    ValueError
        If they are of a newer version or others.
    """
    stored = json.loads(_FILE.read_text(encoding="utf-8"))
    if stored.get("format") != FORMAT or list(stored["weights"]) != list(FEATURES):
        raise ValueError("flows.json does not hold the weights that this wiretropy knows")
    return np.array(list(stored["weights"].values()))


def features(parts: Parts) -> NDArray[np.float64]:
    """What the probability of opaque rests on.

    Parameters
    ----------
    parts : Parts
        Of n flows or sides.

    Returns
    -------
    features : ndarray of shape (n, 6), float64
        Columns named by `FEATURES`.
    """
    opaque_size = np.log2(1 + parts.opaque)
    clear_size = np.log2(1 + parts.text + parts.binary)
    ends_opaque = parts.ends_opaque.astype(np.float64)
    share = parts.opaque / np.maximum(1, parts.total)
    ones = np.ones(len(share))
    columns = [ones, share, opaque_size - clear_size, ends_opaque, opaque_size * ends_opaque, opaque_size]
    return np.stack(columns, axis=1)


def opaque_log_odds(parts: Parts) -> NDArray[np.float64]:
    """Log-odds that what was sent is opaque as a whole, encrypted or compressed, though there may be cleartext before.

    Parameters
    ----------
    parts : Parts
        Of n flows or sides.

    Returns
    -------
    log_odds : ndarray of shape (n,), float64
    """
    log_odds: NDArray[np.float64] = features(parts) @ weights()
    return log_odds
