"""Shares of right verdicts, with intervals, and what probabilities are worth.

Verdicts on measured fragments enter, numbers leave. Intervals of 95 % come from resampling sources, each with all of
its fragments: fragments of one source are alike, so resampling fragments would promise too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.coding import formats
from bench.verdict.samples import Rows

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RESAMPLES = 1000

BINS = 10
"""Bins of equal width that probabilities are put into."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share or another number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def times_drawn(sources: NDArray[np.str_], draw: np.random.Generator) -> Floats:
    """How often each row counts in one resample of sources."""
    names, places = np.unique(sources, return_inverse=True)
    return np.bincount(draw.integers(len(names), size=len(names)), minlength=len(names))[places].astype(float)


def balanced(is_right: Flags, rows: Rows, weights: Floats | None = None) -> float:
    """Half the mean over the formats of `formats.BASE`, half over ciphertext."""
    w = np.ones(len(rows)) if weights is None else weights
    recalls = []
    for name in formats.BASE:
        of_format = rows.formats == name
        if w[of_format].sum():
            recalls.append(np.average(is_right[of_format], weights=w[of_format]))
    encrypted = ~rows.is_coded
    return float(np.mean(recalls) + np.average(is_right[encrypted], weights=w[encrypted])) / 2


def balanced_share(is_right: Flags, rows: Rows) -> Share:
    """`balanced` with its interval; ciphertext is resampled by fragment, for its bytes know nothing of their source."""
    draw = np.random.default_rng(0)
    coded = rows.is_coded
    weights, found = np.zeros(len(rows)), []
    for _ in range(RESAMPLES // 4):
        weights[coded] = times_drawn(rows.sources[coded], draw)
        ciphertexts = int((~coded).sum())
        weights[~coded] = np.bincount(draw.integers(ciphertexts, size=ciphertexts), minlength=ciphertexts)
        found.append(balanced(is_right, rows, weights))
    return Share(balanced(is_right, rows), *map(float, np.percentile(found, [2.5, 97.5])))


def share(is_right: Flags, sources: NDArray[np.str_]) -> Share:
    """A plain share with its interval over sources."""
    if not len(is_right):
        return Share(float("nan"), float("nan"), float("nan"))
    draw = np.random.default_rng(0)
    names, places = np.unique(sources, return_inverse=True)
    hits, seen = np.bincount(places, is_right), np.bincount(places)
    found = []
    for _ in range(RESAMPLES):
        times = np.bincount(draw.integers(len(names), size=len(names)), minlength=len(names))
        found.append(hits @ times / (seen @ times))
    return Share(float(is_right.mean()), *map(float, np.percentile(found, [2.5, 97.5])))


def even_weights(rows: Rows) -> Floats:
    """Both kinds alike and the 17 formats alike; other formats nothing."""
    w = np.zeros(len(rows))
    for name in formats.BASE:
        of_format = rows.formats == name
        w[of_format] = 1 / max(1, of_format.sum())
    w /= w.sum()
    encrypted = ~rows.is_coded
    w[encrypted] = 1 / encrypted.sum()
    return w / 2


@dataclass(frozen=True, slots=True)
class Bin:
    """Fragments with about the same probability: its mean, the share that it came true for, and their weight."""

    stated: float
    found: float
    weight: float
    count: int


def reliability(probability: Floats, is_coded: Flags, weights: Floats) -> list[Bin]:
    """Bins of the probability of the verdict that is more probable, from one half to one."""
    of_verdict = np.maximum(probability, 1 - probability)
    is_right = (probability > 0.5) == is_coded
    place = np.minimum(((of_verdict - 0.5) * 2 * BINS).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        inside = (place == number) & (weights > 0)
        total = weights[inside].sum()
        if total:
            stated = float(np.average(of_verdict[inside], weights=weights[inside]))
            found = float(np.average(is_right[inside], weights=weights[inside]))
            bins.append(Bin(stated, found, float(total / weights.sum()), int(inside.sum())))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: mean distance of stated and found, by weight."""
    return sum(one.weight * abs(one.stated - one.found) for one in bins)


def roc(score: Floats, is_coded: Flags, weights: Floats) -> tuple[Floats, Floats]:
    """False alarms and recall as the threshold falls; a higher score is more like compressed."""
    order = np.argsort(-score, kind="stable")
    w = weights[order]
    hits, alarms = np.cumsum(w * is_coded[order]), np.cumsum(w * ~is_coded[order])
    return np.concatenate([[0], alarms / alarms[-1]]), np.concatenate([[0], hits / hits[-1]])


def area(false_alarms: Floats, recall: Floats) -> float:
    """Area under the curve."""
    return float(np.trapezoid(recall, false_alarms))


def recall_at(score: Floats, rows: Rows, false_alarms: float, format_: str) -> float:
    """Recall of one format where that share of ciphertext is called compressed."""
    limit = np.quantile(score[~rows.is_coded], 1 - false_alarms)
    return float((score[rows.formats == format_] > limit).mean())
