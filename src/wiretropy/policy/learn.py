"""Bands of known traffic, learned so that a stated share of whole flows stays within all of them.

`Sessions` go in, `Bands` and the sessions that violate them come out. A flow is compared with some hundred bounds, so
bounds that each hold for 99 % of flows would together hold for few. Here each flow has one score instead: its largest
distance, over all points, from the median of the others in units of their spread. A bound on the score is a bound on
every point, and holds for as many flows as the score does (split-conformal prediction: Vovk, Gammerman and Shafer,
"Algorithmic Learning in a Random World", 2005; leave-one-out scores as in the jackknife+ of Barber, Candes, Ramdas and
Tibshirani, 2021).

* A handshake varies more than ciphertext does, so scores are kept apart by side, measure and region (`GROUPS`), and the
  share of flows that may leave is divided evenly among them (Bonferroni).
* With n flows, conformal prediction reaches no share beyond n/(n + 1). Behind that, the tail of the scores is continued
  as a power law, whose exponent is Hill's estimate (1975, "A simple general approach to inference about the tail of a
  distribution") over the top tenth, drawn towards `TAIL_PRIOR` where that is few.
* No spread is taken to be smaller than that of random bytes of the block's length: ciphertext cannot vary less.
* Where cleartext ends in a side is a score of its own, and how much of it there is behind `HANDSHAKE_BYTES` another.
  A few bytes beyond either bound are a violation; the entropy of a block of 4,096 bytes hardly shows 100 bytes of text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from wiretropy.entropy import random_band
from wiretropy.policy.bands import GRID, Bands, BandSide, Curve, Measure, Settled
from wiretropy.policy.sessions import HANDSHAKE_BYTES, Matrix, Sessions

DEFAULT_COVERAGE = 0.998
"""Share of flows that stay within all bounds: far enough from 99 % for that to hold of the next thousand flows too."""

MIN_FLOWS = 20
"""Fewer flows have no tail that could be looked at."""

MIN_FLOWS_OF_BOUND = 8
"""Flows that must reach a point of the grid for it to have bounds."""

MIN_SETTLED_BYTES = 512
"""Cleartext before here is a greeting, however short those that were seen."""

TAIL_PRIOR, TAIL_PRIOR_WEIGHT = 0.25, 8.0
"""Exponent that is assumed of a tail before its scores are seen, and the number of scores that weigh as much: normal
scores have 0.1, handshakes up to 0.5."""

SPREAD_WEIGHT = 16.0
"""Flows that must reach a point for its own spread to weigh as much as that of the points before it."""

MAX_FOLDS = 100
"""Up to so many flows, each is compared with all others; of more, each of so many parts with the rest."""

MIN_SPREAD_BITS_PER_BYTE = 0.01
"""Smallest spread of what is not random; measured entropies of equal texts differ by less."""

_SPREAD_QUANTILES = (0.16, 0.02, 0.0)
"""Shares below which the lower spread is measured, each in units of a normal law's distance: the body, the tail, and
the least value, so that a kind of flow that only one in twenty is of does not look like an outlier."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A session that would leave the bands of the others.

    Attributes
    ----------
    name : str
        The session.
    side : {'orig', 'resp', 'both'}
        Whose payload.
    measure : {'cumulative', 'block', 'cleartext'}
        What left its bounds.
    offset : int
        Payload bytes at that point.
    value, low, high : float
        What was measured, and the bounds: bits per byte, or bytes for cleartext.
    """

    name: str
    side: str
    measure: str
    offset: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned.

    Attributes
    ----------
    bands : Bands
        The bands.
    violations : list of Violation
        The sessions that leave the bands of all others, each where it does so most.
    """

    bands: Bands
    violations: list[Violation]


@dataclass(frozen=True, slots=True)
class _Group:
    """Points that are scored together."""

    side: BandSide
    measure: Measure
    first: int
    last: int


_HANDSHAKE_POINTS = GRID.index(HANDSHAKE_BYTES) + 1

GROUPS = tuple(
    group
    for side in ("orig", "resp", "both")
    for group in (
        _Group(side, "cumulative", 0, len(GRID)),
        _Group(side, "block", 0, _HANDSHAKE_POINTS),
        _Group(side, "block", _HANDSHAKE_POINTS, len(GRID)),
    )
)
"""Scores of a flow; where cleartext ends in each side, and how much there is late, are others."""


def learn(sessions: Sessions, name: str, ports: tuple[int, ...], coverage: float = DEFAULT_COVERAGE) -> Learned:
    """Learn bands.

    Parameters
    ----------
    sessions : Sessions
        Flows of one kind of traffic.
    name : str
        What alerts call it.
    ports : tuple of int
        Where the bands apply.
    coverage : float
        Share of flows that stay within all bounds, between 0 and 1.

    Returns
    -------
    learned : Learned

    Raises
    ------
    ValueError
        If there are fewer sessions than `MIN_FLOWS`.
    """
    if len(sessions) < MIN_FLOWS:
        raise ValueError(f"{len(sessions):,} flows are too few to learn from; at least {MIN_FLOWS} are needed")
    share = (1 - coverage) / (len(GROUPS) + len(sessions.clear_end) + len(sessions.clear_late))
    worst: dict[int, tuple[float, Violation]] = {}
    curves: dict[tuple[BandSide, Measure], list[Curve]] = {}
    for group in GROUPS:
        entropy = sessions.entropy[group.side, group.measure][:, group.first : group.last]
        if entropy.shape[1]:
            curve, found = _learn_group(group, entropy, sessions.names, share)
            curves.setdefault((group.side, group.measure), []).append(curve)
            _keep_worst(worst, found)
    settled = []
    for side in sessions.clear_end:
        for bound, found in (_learn_settled(side, sessions, share), _learn_late(side, sessions, share)):
            settled += bound
            _keep_worst(worst, found)
    bands = Bands(name, ports, tuple(_joined(curves)), tuple(settled), coverage, len(sessions))
    return Learned(bands, [worst[i][1] for i in sorted(worst)])


def _keep_worst(worst: dict[int, tuple[float, Violation]], found: Iterator[tuple[int, float, Violation]]) -> None:
    for session, excess, violation in found:
        if session not in worst or excess > worst[session][0]:
            worst[session] = (excess, violation)


def _joined(curves: dict[tuple[BandSide, Measure], list[Curve]]) -> Iterator[Curve]:
    """The curves of one side and measure as one; those without any bound left out."""
    for (side, measure), parts in curves.items():
        fields = [
            tuple(value for part in parts for value in getattr(part, field))
            for field in ("points", "low", "high", "flows")
        ]
        if fields[0]:
            yield Curve(side, measure, *fields)


def _learn_group(
    group: _Group, entropy: Matrix, names: list[str], share: float
) -> tuple[Curve, Iterator[tuple[int, float, Violation]]]:
    """Bounds of one group, and the sessions that leave those of the others."""
    floors = _floors(group, entropy.shape[1])
    scores, points, centres = _left_out_scores(entropy, floors)
    factor = upper_tail(scores, share)
    centre = _centre(entropy, floors)
    known = np.flatnonzero(centre.flows >= MIN_FLOWS_OF_BOUND)
    low = np.clip(centre.median - factor * centre.below, 0, 8)[known]
    high = np.clip(centre.median + factor * centre.above, 0, 8)[known]
    curve = Curve(
        group.side,
        group.measure,
        tuple((known + group.first).tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
        tuple(centre.flows[known].tolist()),
    )

    def violations() -> Iterator[tuple[int, float, Violation]]:
        for i in np.argsort(-scores, kind="stable").tolist():
            bound = upper_tail(np.delete(scores, i), share)
            if scores[i] <= bound:
                # Scores that are smaller meet bounds that are no smaller.
                return
            median, below, above = centres[i]
            low, high = max(0.0, float(median - bound * below)), min(8.0, float(median + bound * above))
            point = int(points[i])
            offset = GRID[group.first + point]
            value = float(entropy[i, point])
            yield i, scores[i] / bound, Violation(names[i], group.side, group.measure, offset, value, low, high)

    return curve, violations()


_Found = tuple[list[Settled], Iterator[tuple[int, float, Violation]]]


def _learn_settled(side: BandSide, sessions: Sessions, share: float) -> _Found:
    """From where on a side sends no cleartext, where enough sessions go on behind that."""
    ends = sessions.clear_end[side]
    offset = max(MIN_SETTLED_BYTES, math.ceil(upper_tail(ends, share)))
    flows = int(np.count_nonzero(sessions.length[side] > offset))
    settled = [Settled(side, offset, 0, flows)] if flows >= MIN_FLOWS_OF_BOUND else []
    return settled, _excesses(side, sessions, ends, share, MIN_SETTLED_BYTES) if settled else iter(())


def _learn_late(side: BandSide, sessions: Sessions, share: float) -> _Found:
    """How much cleartext a side sends behind the handshake, where enough sessions go on there."""
    late = sessions.clear_late[side]
    at_most = math.floor(upper_tail(late, share))
    flows = int(np.count_nonzero(sessions.length[side] > HANDSHAKE_BYTES))
    settled = [Settled(side, HANDSHAKE_BYTES, at_most, flows)] if flows >= MIN_FLOWS_OF_BOUND else []
    return settled, _excesses(side, sessions, late, share, 0) if settled else iter(())


def _excesses(
    side: BandSide, sessions: Sessions, scores: NDArray[np.float64], share: float, least: float
) -> Iterator[tuple[int, float, Violation]]:
    """Sessions whose cleartext is beyond the bound of the others."""
    for i in np.argsort(-scores, kind="stable").tolist():
        bound = max(least, upper_tail(np.delete(scores, i), share))
        if scores[i] <= bound:
            return
        end = int(sessions.clear_end[side][i])
        name = sessions.names[i]
        yield i, scores[i] / bound, Violation(name, side, "cleartext", end, float(scores[i]), 0.0, bound)


def upper_tail(scores: NDArray[np.float64], share: float) -> float:
    """A number that a share of further scores exceeds.

    Parameters
    ----------
    scores : ndarray of shape (n,), float64
        Scores, at least 0, of flows like those to come; n at least 2.
    share : float
        Between 0 and 1.

    Returns
    -------
    bound : float
        The larger of the conformal quantile and the power law fitted to the top tenth.

    Examples
    --------
    A power law with exponent 0.5, of which 1 in 10,000 exceeds 100:

    >>> scores = (np.arange(1, 1_001) / 1_001) ** -0.5
    >>> 80 < upper_tail(scores, 1e-4) < 120
    True
    """
    ordered = np.sort(scores)
    n = len(ordered)
    rank = math.ceil((n + 1) * (1 - share))
    conformal = float(ordered[min(rank, n) - 1])
    top = max(2, n // 10)
    base = max(float(ordered[max(0, n - top - 1)]), _MIN_SCORE)
    ratios = np.log(np.maximum(ordered[-top:], base) / base)
    exponent = (ratios.sum() + TAIL_PRIOR_WEIGHT * TAIL_PRIOR) / (top + TAIL_PRIOR_WEIGHT)
    beyond = max(1.0, top / (n * share))
    return max(conformal, float(base * beyond**exponent))


_MIN_SCORE = 0.5
"""Scores below are none: within half a spread of the median."""


@dataclass(frozen=True, slots=True)
class _Centre:
    """Where flows lie at each point: median, spread below and above it, and how many flows there are."""

    median: NDArray[np.float64]
    below: NDArray[np.float64]
    above: NDArray[np.float64]
    flows: NDArray[np.int64]


def _centre(entropy: Matrix, floors: NDArray[np.float64]) -> _Centre:
    """Where the flows of a matrix lie, each spread at least its floor; NaN where there are too few."""
    ordered = np.sort(entropy, axis=0)  # NaN last
    flows = np.count_nonzero(~np.isnan(entropy), axis=0)
    few = flows < MIN_FLOWS_OF_BOUND - 1
    median = np.where(few, np.nan, _quantile(ordered, flows, 0.5))
    spreads = []
    for sign in (1, -1):
        parts = [floors]
        for share in _SPREAD_QUANTILES:
            at = share if sign == 1 else 1 - share
            # The least of n normal values lies about as deep as their share 1 / (n + 1).
            depth = -ndtri(np.maximum(share, 1 / (flows + 2)))
            parts.append(sign * (median - _quantile(ordered, flows, at)) / depth)
        spreads.append(_steadied(np.fmax.reduce(parts), flows))
    return _Centre(median, spreads[0], spreads[1], flows)


def _steadied(spread: NDArray[np.float64], flows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Spreads where the few flows that reach a point lean on the points before it, which more flows reach."""
    steadied = spread.copy()
    for point in range(1, len(spread)):
        before, own = steadied[point - 1], spread[point]
        if before > own:
            weight = SPREAD_WEIGHT / (SPREAD_WEIGHT + flows[point])
            steadied[point] = math.sqrt(weight * before**2 + (1 - weight) * own**2)
    return steadied


def _quantile(ordered: Matrix, flows: NDArray[np.int64], share: float) -> NDArray[np.float64]:
    """The value at a share of each column, of which the first so many are numbers."""
    at = np.rint(share * np.maximum(flows - 1, 0)).astype(np.int64)
    values: NDArray[np.float64] = np.take_along_axis(ordered, at[np.newaxis, :], axis=0)[0]
    return values


def _floors(group: _Group, points: int) -> NDArray[np.float64]:
    """The least spread at each point of a group: that of as many random bytes."""
    ends = np.array(GRID[group.first : group.first + points], dtype=np.int64)
    starts = np.array([0, *GRID][group.first : group.first + points], dtype=np.int64)
    lengths = ends if group.measure == "cumulative" else ends - starts
    floors: NDArray[np.float64] = random_band(lengths).sd
    return floors if group.first else np.maximum(floors, MIN_SPREAD_BITS_PER_BYTE)


def _left_out_scores(
    entropy: Matrix, floors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Compare each flow with the others.

    Returns
    -------
    scores : ndarray of shape (n,)
        Largest distance from the others' median, in their spreads; 0 where nothing can be compared.
    points : ndarray of shape (n,)
        Where.
    centres : ndarray of shape (n, 3)
        The others' median there, and their spreads below and above.
    """
    n = len(entropy)
    folds = np.arange(n) % min(n, MAX_FOLDS)
    scores, points, centres = np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros((n, 3))
    for fold in range(folds.max() + 1):
        own = np.flatnonzero(folds == fold)
        others = _centre(entropy[folds != fold], floors)
        distance = entropy[own] - others.median
        score = np.where(distance < 0, -distance / others.below, distance / others.above)
        score = np.nan_to_num(score, nan=0.0)
        points[own] = score.argmax(axis=1)
        scores[own] = score.max(axis=1)
        centres[own] = np.stack([others.median, others.below, others.above], axis=1)[points[own]]
    return scores, points, centres
