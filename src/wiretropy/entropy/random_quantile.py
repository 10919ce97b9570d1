"""Quantiles and tail probabilities of the entropy of random bytes, for whole columns of lengths.

In: arrays of byte counts, with levels or entropies. Out: thresholds in bits per
byte, or p-values. Refused: negative lengths, levels outside of 2e-7 to 1/2.

The *low* tail holds payload that is less random than random bytes, as text and
encodings are; the *high* tail holds what is more even, as counters are.

Short payloads have few possible entropies: a third of all random payloads of 32
bytes have one and the same, and 62 % of those of 16 bytes are as even as can be. No threshold
then has a false-alarm rate of 1 %. Two answers are given. *Beyond the quantile*
alone, the rate is at most the level (`RandomQuantile.beyond` says how much); and
if the share `RandomQuantile.ties` of the payloads *at* the quantile is counted too,
drawn by lot, the rate is the level. `random_tail_probability` with lots does that by itself.

`random_curves` says where the law comes from, and how exact it is: to 1e-8 up to
128 bytes, within 4 % of each probability up to 256 bytes, and within 1 % of the
smoothed law above. The steps that are smoothed shrink from 7 % of a probability of
1e-4 at 257 bytes (1 % in the low tail) to nothing; `random_fourier` has the figures.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wiretropy.entropy.random_band import random_band
from wiretropy.entropy.random_curves import (
    FLOOR,
    STEPS_BYTES,
    TIE_BITS,
    Curve,
    Tail,
    curve,
    log_tails,
    standard_positions,
)

LEAST_LEVEL = 2e-7
"""Smallest false-alarm rate for which there is a quantile."""

_ROWS_AT_ONCE = 4_096
"""Long payloads looked up together: 2 MB of curves."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class RandomQuantile(NamedTuple):
    """A threshold that random bytes pass with a stated rate."""

    quantile: Floats
    """Bits per byte. Entropies within 1e-4/n bits of it are at it."""
    ties: Floats
    """Share of the payloads at the quantile to be counted as beyond it, in [0, 1], so that the
    rate is the level; 1 where so few are at it that it does not matter."""
    beyond: Floats
    """Probability to be beyond the quantile and not at it: the rate of the plain rule, at most the level."""


def random_quantile(n: ArrayLike, level: ArrayLike, *, tail: Tail = "low") -> RandomQuantile:
    """Look up the entropy that random bytes pass with a given probability.

    Parameters
    ----------
    n : array_like of int
        Numbers of bytes, each at least 0.
    level : array_like of float
        False-alarm rates, each in [2e-7, 0.5]; broadcasts against `n`.
    tail : "low" or "high", optional
        "low" for payload less random than random bytes, "high" for payload that is more even.

    Returns
    -------
    quantile : RandomQuantile
        Three arrays of the common shape; NaN where `n` is 0.

    Raises
    ------
    ValueError
        If a length is negative, a level is out of range, or the tail is neither.

    See Also
    --------
    random_tail_probability : the p-value of an entropy.
    random_band : mean and standard deviation.

    Examples
    --------
    One payload of 4,096 random bytes in a thousand lies below 7.9411 bits per byte:

    >>> low = random_quantile([64, 4_096], 1e-3)
    >>> low.quantile.round(4), low.ties.round(2)
    (array([5.4959, 7.9411]), array([0.71, 1.  ]))
    """
    lengths, levels = np.broadcast_arrays(_checked_lengths(n), np.asarray(level, dtype=np.float64))
    if levels.size and not ((levels >= LEAST_LEVEL) & (levels <= 0.5)).all():
        raise ValueError(f"a level must be in [{LEAST_LEVEL}, 0.5]; got {levels.min()} to {levels.max()}")
    _check_tail(tail)
    result = RandomQuantile(*(np.full(lengths.shape, np.nan) for _ in range(3)))
    for rows, length in _short(lengths):
        found = _curve_quantile(curve(length, tail), levels[rows])
        sign = -1 if tail == "low" else 1
        for column, values in zip(result, (np.log2(length) + sign * found[0] / length, *found[1:]), strict=True):
            column[rows] = values
    long = lengths > STEPS_BYTES
    result.quantile[long] = _smooth(lengths[long], levels[long], tail, _smooth_quantile)
    result.ties[long] = 1.0
    result.beyond[long] = levels[long]
    return result


def random_tail_probability(
    entropy: ArrayLike, n: ArrayLike, *, tail: Tail = "low", ties: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Compute how often random bytes are as far out as a payload: its p-value.

    A small value in the low tail says that the payload is less random than random
    bytes; a large one does not say that it is random.

    Parameters
    ----------
    entropy : array_like of float
        Plug-in entropies in bits per byte, as `entropy_of_counts` gives them.
    n : array_like of int
        Numbers of bytes they were measured over; all arguments broadcast.
    tail : "low" or "high", optional
        "low" counts entropies at most as large, "high" those at least as large.
    ties : array_like of float, optional
        Weight of the payloads with the very same entropy, in [0, 1]: 1 counts
        them (the ordinary, conservative p-value), 1/2 gives the mid-p-value, and uniform random
        numbers, one for each payload, a p-value that is exactly uniform at every length.

    Returns
    -------
    p_value : ndarray of float64
        Probabilities, in [1e-7, 1]: whatever is smaller is given as 1e-7. NaN where `n` is 0.

    Raises
    ------
    ValueError
        If a length is negative, a weight is outside [0, 1], or the tail is neither.

    Examples
    --------
    >>> random_tail_probability([7.9546, 7.9411, 6.0], 4_096).round(4)
    array([0.4888, 0.001 , 0.    ])
    >>> random_tail_probability([4.0], 16, tail="high").round(4)
    array([0.6197])
    """
    weight = np.asarray(ties, dtype=np.float64)
    if weight.size and not ((weight >= 0) & (weight <= 1)).all():
        raise ValueError(f"the weight of ties must be in [0, 1]; got {weight.min()} to {weight.max()}")
    _check_tail(tail)
    values = np.asarray(entropy, dtype=np.float64)
    lengths, values, weight = np.broadcast_arrays(_checked_lengths(n), values, weight)
    result = np.full(lengths.shape, np.nan)
    for rows, length in _short(lengths):
        repeats = length * (np.log2(length) - values[rows])
        position = repeats if tail == "low" else -repeats
        with_ties, without = _beside(curve(length, tail), position)
        result[rows] = without + weight[rows] * (with_ties - without)
    long = lengths > STEPS_BYTES
    result[long] = _smooth(lengths[long], values[long], tail, _smooth_probability)
    return np.asarray(np.maximum(result, FLOOR))


def _checked_lengths(n: ArrayLike) -> Ints:
    lengths = np.asarray(n, dtype=np.int64)
    if lengths.size and lengths.min() < 0:
        raise ValueError(f"a number of bytes must be at least 0; got {lengths.min()}")
    return lengths


def _check_tail(tail: str) -> None:
    if tail not in ("low", "high"):
        raise ValueError(f'tail must be "low" or "high"; got {tail!r}')


def _short(lengths: Ints) -> list[tuple[NDArray[np.bool_], int]]:
    """Where each length with a curve of its own is found."""
    return [(lengths == n, int(n)) for n in np.unique(lengths) if 1 <= n <= STEPS_BYTES]


def _beside(tail: Curve, position: Floats) -> tuple[Floats, Floats]:
    """P(X >= x) and P(X > x), where values within `TIE_BITS` are the same; 0 beyond the curve."""
    with_ties, without = (
        np.exp(np.interp(position + shift, tail.position, tail.log_p)) for shift in (-TIE_BITS, TIE_BITS)
    )
    ended = tail.log_p[-1] <= np.log(FLOOR)
    return with_ties, np.where(ended & (position + TIE_BITS > tail.position[-1]), 0.0, without)


def _curve_quantile(tail: Curve, level: Floats) -> tuple[Floats, Floats, Floats]:
    """Position at which P(X >= x) falls below the level, share of ties, P(X > x)."""
    position = np.interp(-np.log(level), -tail.log_p, tail.position)
    with_ties, without = _beside(tail, position)
    tied = with_ties - without
    # Between steps the curve is a slope, whose fall within TIE_BITS is no tie.
    share = np.divide(level - without, tied, out=np.ones(level.shape), where=tied > 1e-3 * level)
    return position, np.clip(share, 0.0, 1.0), np.minimum(without, level)


def _smooth(
    lengths: Ints, values: Floats, tail: Tail, read: Callable[[Floats, Floats, Floats, Floats], Floats]
) -> Floats:
    """Read the curves of long payloads, some thousand at a time."""
    result = np.empty(lengths.shape)
    low, high = log_tails()
    for start in range(0, len(lengths), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        band = random_band(lengths[rows], 0.0)
        z = standard_positions(lengths[rows].astype(np.float64))
        is_low = tail == "low"
        # In the high tail the axis is turned round, so that both tails fall towards the left.
        knots, log_p = (z, low) if is_low else (-z[:, ::-1], high[::-1])
        sign = 1.0 if is_low else -1.0
        result[rows] = read(values[rows], knots, log_p, np.stack([band.mean, sign * band.sd]))
    return result


def _smooth_quantile(level: Floats, knots: Floats, log_p: Floats, band: Floats) -> Floats:
    """Entropy at which the tail has the probability `level`."""
    below = np.clip(np.searchsorted(log_p, np.log(level)) - 1, 0, len(log_p) - 2)
    part = (np.log(level) - log_p[below]) / (log_p[below + 1] - log_p[below])
    row = np.arange(len(level))
    mean, sd = band
    return np.asarray(mean + sd * (knots[row, below] * (1 - part) + knots[row, below + 1] * part))


def _smooth_probability(entropy: Floats, knots: Floats, log_p: Floats, band: Floats) -> Floats:
    """Probability of the tail up to `entropy`."""
    mean, sd = band
    z = ((entropy - mean) / sd)[:, None]
    below = np.clip((knots < z).sum(axis=1) - 1, 0, len(log_p) - 2)
    row = np.arange(len(entropy))
    left, right = knots[row, below], knots[row, below + 1]
    part = np.clip((z[:, 0] - left) / (right - left), 0.0, 1.0)
    return np.asarray(np.exp(log_p[below] * (1 - part) + log_p[below + 1] * part))
