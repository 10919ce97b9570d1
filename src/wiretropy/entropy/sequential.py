"""Tests of "these bytes are uniformly random" that may be looked at again and again.

In: counts of bytes at each look, or the lengths of the looks and an overall
false-alarm rate. Out: evidence that holds at every look together, or a level
for each look. Refused: negative counts, looks out of order, rates outside of (0, 1/2].

A p-value of 1 % is below 1 % once in a hundred looks, so of a stream tested at a hundred
points it says nothing. Two honest ways:

* **Betting** (`log_e_value`, `anytime_p_value`) when the counts are at hand.
  An adaptive code predicts each byte from those before it; E_n is what a gambler
  who bets by it at fair odds has made of 1 after n bytes. While the bytes are
  random nothing is won on average, so E ever exceeds 1/alpha with probability at most alpha (Ville,
  1939; Ramdas et al., 2023, "Game-theoretic statistics and safe anytime-valid
  inference"), wherever and however often one looks, and may stop or go on. The
  code is the Dirichlet-multinomial one (Krichevsky and Trofimov, 1981, "The performance of
  universal encoding") mixed over `CONCENTRATIONS`. Counts for which no code pays, such as counts that are too
  even, win nothing.
* **Alpha spending** (`spent_levels`, `sequential_quantile`) when only the entropies are,
  as in a trajectory, or when the bytes may be too even. The overall rate is dealt
  out over the looks, which must be fixed beforehand, as the trajectory grid is (Lan
  and DeMets, 1983, "Discrete sequential boundaries for clinical trials"); the sum of the levels bounds
  the overall rate whatever the looks have to do with each other. Its rate stays below the
  stated one, since looks at one stream agree.

Both start at the first byte. A stream that is random first and plain later is
found late; test such blocks by themselves.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wiretropy.entropy.plugin import checked_counts
from wiretropy.entropy.random_curves import Tail
from wiretropy.entropy.random_quantile import RandomQuantile, random_quantile

CONCENTRATIONS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0, 64.0)
"""Pseudo-counts per symbol of the codes that share the stake: text uses few values and
is best predicted by the first, compressed data is nearly even and best by the last."""

FIRST_LOOK_BYTES = 32
"""Scale of the spending: half of alpha is spent by this length, the first point of the trajectory grid."""

Floats = NDArray[np.float64]


def log_e_value(counts: ArrayLike) -> Floats:
    """Compute the evidence against uniformly random symbols, as the logarithm of a gain.

    Parameters
    ----------
    counts : array_like of int, shape (..., symbols)
        How often each symbol occurred from the first byte to the look.

    Returns
    -------
    log_e : ndarray of shape (...), float64
        Natural logarithm of E; 0 where nothing was counted, ln 20 = 3.0 is
        evidence at the 5 % level whenever it is reached, and negative is none.

    Raises
    ------
    ValueError
        If a count is negative or there is no axis of symbols.

    See Also
    --------
    anytime_p_value : the same as a p-value over all looks so far.

    Examples
    --------
    Fifty times the same byte; 50 different bytes:

    >>> log_e_value([[50] + 255 * [0], 50 * [1] + 206 * [0]]).round(1)
    array([236.1,  -1.1])
    """
    table = checked_counts(counts)
    symbols = table.shape[-1]
    total = table.sum(axis=-1)
    gains = np.stack([_log_code(table, total, concentration) for concentration in CONCENTRATIONS])
    top = gains.max(axis=0)
    mixed = top + np.log(np.exp(gains - top).mean(axis=0))
    return np.asarray(mixed + total * math.log(symbols))


def anytime_p_value(counts: ArrayLike) -> Floats:
    """Turn the evidence of all looks so far into a p-value that is valid at each of them.

    Under random bytes the probability that it is *ever* at most alpha is at most alpha.

    Parameters
    ----------
    counts : array_like of int, shape (..., looks, symbols)
        Counts from the first byte to each look, looks in order.

    Returns
    -------
    p_value : ndarray of shape (..., looks), float64
        1 / max E so far, at most 1; never rising from look to look.

    Raises
    ------
    ValueError
        If a count is negative, falls from look to look, or an axis is missing.

    Examples
    --------
    >>> anytime_p_value([[2, 0, 1, 0], [6, 0, 1, 1], [30, 2, 3, 1]]).round(4)
    array([1.    , 0.3143, 0.    ])
    """
    table = np.asarray(counts)
    if table.ndim < 2:
        raise ValueError(f"counts must have an axis of looks and one of symbols; got {table.ndim} dimensions")
    if (np.diff(table, axis=-2) < 0).any():
        raise ValueError("counts must grow from look to look, since each look counts from the first byte")
    best = np.maximum.accumulate(log_e_value(table), axis=-1)
    return np.asarray(np.exp(-np.maximum(best, 0.0)))


def spent_levels(n: ArrayLike, alpha: float) -> Floats:
    """Deal an overall false-alarm rate out over looks.

    By length n the share 1 - 1 / (1 + log2(1 + n/32)) of alpha is spent: half of it
    at 32 bytes, 92 % at 65,536, never all. What a look may spend depends on its own
    offset and the look before, so a stream may end anywhere.

    Parameters
    ----------
    n : array_like of int, shape (looks,)
        Lengths in bytes at which the stream is tested, ascending, at least 1.
        They must not depend on the bytes.
    alpha : float
        Probability that random bytes raise an alarm at any look, in (0, 0.5].

    Returns
    -------
    level : ndarray of shape (looks,), float64
        Levels for each look; their sum is below `alpha`.

    Raises
    ------
    ValueError
        If lengths do not ascend or `alpha` is out of range.

    Examples
    --------
    >>> spent_levels([32, 64, 4_096, 65_536], 0.01).round(5)
    array([0.005  , 0.00113, 0.00262, 0.00041])
    """
    lengths = np.asarray(n, dtype=np.int64)
    if lengths.ndim != 1 or (np.diff(lengths, prepend=0) <= 0).any():
        raise ValueError("looks must be one sequence of ascending lengths from 1 byte up")
    if not 0 < alpha <= 0.5:
        raise ValueError(f"alpha must be above 0 and at most 0.5; got {alpha}")
    spent = 1 - 1 / (1 + np.log2(1 + lengths / FIRST_LOOK_BYTES))
    return np.asarray(alpha * np.diff(spent, prepend=0.0))


def sequential_quantile(n: ArrayLike, alpha: float, *, tail: Tail = "low") -> RandomQuantile:
    """Look up thresholds that random bytes pass at *any* look with a stated probability at most.

    Parameters
    ----------
    n : array_like of int, shape (looks,)
        Lengths in bytes at which the stream is tested, as for `spent_levels`;
        `trajectory_grid` gives those of trajectories.
    alpha : float
        Overall false-alarm rate, in (0, 0.5]. For both tails together halve it.
    tail : "low" or "high", optional
        "low" for payload less random than random bytes, "high" for payload that is more even.

    Returns
    -------
    quantile : RandomQuantile
        A threshold for each look; sound the alarm where an entropy is beyond it.

    Raises
    ------
    ValueError
        If lengths do not ascend, the tail is neither, or `alpha` is so small or the looks
        so many that a level is below those of `random_quantile`.

    Examples
    --------
    >>> sequential_quantile([256, 4_096], 0.01).quantile.round(3)
    array([7.044, 7.941])
    """
    return random_quantile(n, spent_levels(n, alpha), tail=tail)


def _log_code(table: NDArray[np.int64], total: NDArray[np.int64], concentration: float) -> Floats:
    """Logarithm of the probability that the Dirichlet-multinomial code gives to a sequence with these counts."""
    from scipy.special import gammaln

    whole = concentration * table.shape[-1]
    seen = gammaln(table + concentration) - gammaln(concentration)
    return np.asarray(seen.sum(axis=-1) - (gammaln(total + whole) - gammaln(whole)))
