"""Hits: where flow records break a rule, as one array, before any of them becomes an alert.

A hit is a row of a structured array, so that whole columns are compared, excepted and counted without an object for
each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wiretropy.policy.model import RULES

RULE_NUMBERS = {name: number for number, name in enumerate(RULES)}
SIDES = ("orig", "resp", "both")
SIDE_NUMBERS = {side: number for number, side in enumerate(SIDES)}

CUMULATIVE, BLOCK, CLEARTEXT = range(3)
"""What a band bounds: entropy so far, entropy of a block, where cleartext begins."""

HIT = np.dtype(
    [
        ("row", np.int64),  # of the batch
        ("rule", np.int8),  # number in RULES
        ("side", np.int8),  # number in SIDES
        ("offset", np.int64),  # payload bytes of the side when the rule was broken
        ("entry", np.int32),  # number of the threshold or bands in the policy; -1 for rules without such
        ("measure", np.int8),  # of bands
        ("crossing", np.int64),  # number among all crossings of the column; -1 where it is none
        ("segment", np.int64),  # number among the batch's segments; -1 where it is none
        ("before", np.int64),  # segment before it that the rule compares with; -1 likewise
        ("start", np.int64),  # first byte of the block
        ("value", np.float64),  # bits per byte of a band's point, or bytes of cleartext
        ("low", np.float64),  # its bounds
        ("high", np.float64),
    ]
)

Hits = NDArray[Any]
"""An array of `HIT`."""


def hits(rule: str, side: str, rows: NDArray[Any], offsets: NDArray[Any], **more: Any) -> Hits:
    """Hits of one rule and side.

    Parameters
    ----------
    rule, side : str
        Names.
    rows, offsets : ndarray of shape (n,)
        Where.
    **more
        Other fields of `HIT`: one value, or one a hit.
    """
    found = np.zeros(len(rows), dtype=HIT)
    for name in ("entry", "crossing", "segment", "before"):
        found[name] = -1
    found["rule"], found["side"] = RULE_NUMBERS[rule], SIDE_NUMBERS[side]
    found["row"], found["offset"] = rows, offsets
    for name, value in more.items():
        found[name] = value
    return found


def in_order(parts: Sequence[Hits]) -> Hits:
    """All hits by flow, side, offset and rule."""
    found: Hits = np.concatenate([np.empty(0, dtype=HIT), *parts])
    order = np.lexsort((found["entry"], found["rule"], found["offset"], found["side"], found["row"]))
    return found[order]


def first_of_each(groups: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the first member of each group, for group numbers that ascend."""
    first: NDArray[np.int64] = np.unique(groups, return_index=True)[1]
    return first
