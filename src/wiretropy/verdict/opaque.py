"""Whether the first bytes of a direction are opaque, as ciphertext and compressed data are, or clear.

In: first payload bytes. Out: a probability each. After White et al., "Clear and Present
Data: Opaque Traffic and its Security Implications for the Future" (NDSS 2013), who decide
within 16 bytes by a sequential test.

The model is a sum: each of the `head_statistics` adds the log-odds that a table gives for its
value, for each of the lengths in `HEAD_LENGTHS` a table of its own. The tables are data
(`opaque.json`, with where they come from), small enough to be read; ``make train-verdict`` makes
them again. They assume as many opaque as clear directions; with other odds, add their logarithm.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict.head_statistics import STATISTICS, head_statistics

HEAD_LENGTHS = (8, 16, 32, 64)
"""Numbers of bytes that there are tables for; of a head the longest that it reaches is used."""

FORMAT = 1
"""Version of `opaque.json`; raised when its meaning changes."""

_FILE = Path(__file__).with_name("opaque.json")


@dataclass(frozen=True, slots=True)
class OpaqueModel:
    """Log-odds by statistic for heads of one length.

    Attributes
    ----------
    length : int
        Bytes that are looked at.
    intercept : float
        Log-odds before anything was looked at.
    bounds : tuple of ndarray
        For each statistic, ascending values; a statistic at most the first belongs to the first
        score, and so on.
    scores : tuple of ndarray
        For each statistic, the log-odds to add, one more than there are bounds.
    """

    length: int
    intercept: float
    bounds: tuple[NDArray[np.float64], ...]
    scores: tuple[NDArray[np.float64], ...]

    def log_odds(self, heads: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Natural logarithm of the odds that each row, of at least `length` bytes, is opaque."""
        return self.log_odds_of(head_statistics(heads[:, : self.length]))

    def log_odds_of(self, statistics: NDArray[np.int32]) -> NDArray[np.float64]:
        """The same from `head_statistics` of `length` bytes."""
        total = np.full(len(statistics), self.intercept)
        for column, bounds, scores in zip(statistics.T, self.bounds, self.scores, strict=True):
            total += scores[np.searchsorted(bounds, column)]
        return total


@cache
def models() -> dict[int, OpaqueModel]:
    """The shipped tables by length."""
    return parse(json.loads(_FILE.read_text(encoding="utf-8")))


def parse(stored: dict[str, Any]) -> dict[int, OpaqueModel]:
    """Read tables as `opaque.json` holds them.

    Raises
    ------
    ValueError
        If they are of a newer version or not complete.
    """
    if stored.get("format") != FORMAT:
        raise ValueError(f"tables of format {stored.get('format')}, but this wiretropy knows {FORMAT}")
    return {int(length): _model(int(length), entry) for length, entry in stored["lengths"].items()}


def _model(length: int, entry: dict[str, Any]) -> OpaqueModel:
    tables = [entry["statistics"].get(name, {"bounds": [], "scores": [0.0]}) for name in STATISTICS]
    unknown = sorted(set(entry["statistics"]) - set(STATISTICS))
    if unknown:
        raise ValueError(f"no statistics of these names: {', '.join(unknown)}")
    if any(len(table["scores"]) != len(table["bounds"]) + 1 for table in tables):
        raise ValueError(f"for {length} bytes: a table needs one score more than bounds")
    return OpaqueModel(
        length=length,
        intercept=entry["intercept"],
        bounds=tuple(np.array(table["bounds"], dtype=np.float64) for table in tables),
        scores=tuple(np.array(table["scores"], dtype=np.float64) for table in tables),
    )


def opaque_log_odds(heads: NDArray[np.uint8], lengths: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Judge first bytes that lie in one array.

    Parameters
    ----------
    heads : ndarray of shape (n, 64), uint8
        First payload bytes of n directions, filled up with anything.
    lengths : ndarray of shape (n,)
        How many of them there are; more than 64 count as 64.

    Returns
    -------
    log_odds : ndarray of shape (n,), float64
        Natural logarithm of the odds that the bytes are opaque, if it were as likely as not before; 0 below 8
        bytes, too few to tell.
    """
    log_odds = np.zeros(len(heads))
    for length, longer in zip(HEAD_LENGTHS, [*HEAD_LENGTHS[1:], np.inf], strict=True):
        rows = np.flatnonzero((lengths >= length) & (lengths < longer))
        if len(rows):
            log_odds[rows] = models()[length].log_odds(heads[rows])
    return log_odds


def opaque_probability(heads: Sequence[bytes]) -> NDArray[np.float64]:
    """Judge first bytes: opaque (encrypted, compressed, random) or clear (text, binary protocols).

    Parameters
    ----------
    heads : sequence of n bytes
        First payload bytes of n directions, in stream order and without a gap. More than 64 are not
        looked at.

    Returns
    -------
    probability : ndarray of shape (n,), float64
        That the bytes are opaque, if it were as likely as not before; NaN below 8 bytes, too few
        to tell.

    Examples
    --------
    >>> opaque_probability([b"GET /index.html HTTP/1.1", b"short"]).round(3)
    array([0.001,   nan])
    """
    longest = HEAD_LENGTHS[-1]
    lengths = np.fromiter(map(len, heads), dtype=np.int64, count=len(heads))
    joined = b"".join(head[:longest].ljust(longest) for head in heads)
    log_odds = opaque_log_odds(np.frombuffer(joined, dtype=np.uint8).reshape(-1, longest), lengths)
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-log_odds))
    probability[lengths < HEAD_LENGTHS[0]] = np.nan
    return probability
