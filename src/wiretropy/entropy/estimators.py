"""Estimators of entropy that are less biased than the plug-in, for bytes that are not random.

In: counts of symbols. Out: bits per symbol. Refused: negative and
fractional counts, and counts without an axis of symbols.

The plug-in estimator of `plugin` is low by about (symbols that occur - 1) / (2 N ln 2)
bits. These repair that in four ways; the page on estimators compares them. None is
without bias for every source (Paninski, 2003, "Estimation of entropy and mutual
information"), and `random_mean` and `random_quantile` are about the plug-in only: do not
compare what comes from here with them.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wiretropy.entropy.plugin import checked_counts, entropy_of_counts

Floats = NDArray[np.float64]


def miller_madow(counts: ArrayLike) -> Floats:
    """Correct the plug-in entropy by the first term of its bias.

    H_MM = H + (K - 1) / (2 N ln 2), where K symbols occurred (Miller, 1955, "Note
    on the bias of information estimates"). Good when most symbols occurred
    several times; the rest of the bias is of order 1/N^2. It may exceed log2(symbols).

    Parameters
    ----------
    counts : array_like of int, shape (..., symbols)
        How often each symbol occurred, each at least 0.

    Returns
    -------
    entropy : ndarray of shape (...), float64
        Bits per symbol; 0 where nothing was counted.

    Raises
    ------
    ValueError
        If a count is negative or fractional, or there is no axis of symbols.

    Examples
    --------
    >>> round(float(miller_madow([2, 2])), 4)
    1.1803
    """
    table, total = _checked(counts)
    seen = (table > 0).sum(axis=-1)
    correction = np.maximum(seen - 1, 0) / (2 * math.log(2) * np.maximum(total, 1))
    return np.asarray(entropy_of_counts(table) + correction)


def chao_shen(counts: ArrayLike) -> Floats:
    """Estimate the entropy with a share set aside for symbols not seen yet.

    The coverage C = 1 - f1/N (Good and Turing), where f1 symbols occurred once,
    scales the frequencies, and each term is divided by the probability that its
    symbol is seen at all (Horvitz and Thompson):

        H_CS = - sum q_i log2 q_i / (1 - (1 - q_i)^N),   q_i = C n_i / N

    (Chao and Shen, 2003, "Nonparametric estimation of Shannon's index of diversity
    when there are unseen species in sample"). Needs no alphabet, and is made for many rare
    symbols. Where none occurred once it corrects
    next to nothing. Where all symbols occurred once, f1 is taken as N - 1, since C would be 0.

    Parameters
    ----------
    counts : array_like of int, shape (..., symbols)
        How often each symbol occurred, each at least 0.

    Returns
    -------
    entropy : ndarray of shape (...), float64
        Bits per symbol; 0 where nothing was counted.

    Raises
    ------
    ValueError
        If a count is negative or fractional, or there is no axis of symbols.

    Examples
    --------
    >>> round(float(chao_shen([2, 1, 1])), 4)
    2.5438
    """
    table, total = _checked(counts)
    size = np.maximum(total, 1)[..., None]
    once = (table == 1).sum(axis=-1, keepdims=True)
    # A single byte tells nothing: C = 1 leaves its entropy at 0.
    once = np.where((once == size) & (size > 1), size - 1, np.where(size == 1, 0, once))
    share = (1 - once / size) * table / size
    seen = -np.expm1(size * np.log1p(-np.minimum(share, 1 - 1e-16)))
    surprise = share * np.log2(share, out=np.zeros(share.shape), where=share > 0)
    terms = np.divide(surprise, seen, out=np.zeros(share.shape), where=table > 0)
    return np.asarray(0.0 - terms.sum(axis=-1))


def grassberger(counts: ArrayLike) -> Floats:
    """Replace the logarithms of the counts by numbers whose average is right.

        H_G = log2 N - (1 / N ln 2) sum n_i G(n_i)
        G(n) = psi(n) + (-1)^n (psi((n + 1)/2) - psi(n/2)) / 2

    with the digamma function psi (Grassberger, 2003, "Entropy estimates from
    insufficient samplings", equations 28 to 30). Its bias is exponentially small in the
    expected counts; the least bad all round when counts are about 1. It may
    exceed log2(symbols).

    Parameters
    ----------
    counts : array_like of int, shape (..., symbols)
        How often each symbol occurred, each at least 0.

    Returns
    -------
    entropy : ndarray of shape (...), float64
        Bits per symbol; 0 where nothing was counted.

    Raises
    ------
    ValueError
        If a count is negative or fractional, or there is no axis of symbols.

    Examples
    --------
    >>> round(float(grassberger([1, 1])), 4)
    2.8327
    """
    from scipy.special import digamma

    table, total = _checked(counts)
    n = np.maximum(table, 1).astype(np.float64)
    sign = np.where(table % 2 == 0, 1.0, -1.0)
    logarithm = digamma(n) + sign * (digamma((n + 1) / 2) - digamma(n / 2)) / 2
    size = np.maximum(total, 1)
    entropy = np.log2(size) - (table * logarithm).sum(axis=-1) / (size * math.log(2))
    return np.asarray(np.where(total > 0, entropy, 0.0))


def james_stein(counts: ArrayLike) -> Floats:
    """Draw the frequencies towards equal ones by as much as they are uncertain.

        p_i = w / S + (1 - w) n_i / N,   w = (1 - sum (n_i/N)^2) / ((N - 1) sum (1/S - n_i/N)^2)

    with w limited to [0, 1] and S the number of symbols (Hausser and Strimmer,
    2009, "Entropy inference and the James-Stein estimator", equations 4 and 6), and the
    plug-in entropy of these. Never above log2(S). Needs the alphabet, and errs
    upwards when most of it is never used, as in text.

    Parameters
    ----------
    counts : array_like of int, shape (..., symbols)
        How often each symbol occurred, each at least 0; the length of the last axis is S.

    Returns
    -------
    entropy : ndarray of shape (...), float64
        Bits per symbol, in [0, log2(S)]; 0 where nothing was counted.

    Raises
    ------
    ValueError
        If a count is negative or fractional, or there is no axis of symbols.

    Examples
    --------
    >>> james_stein([[3, 1], [8, 2]]).round(4)
    array([1.    , 0.8256])
    """
    table, total = _checked(counts)
    symbols = table.shape[-1]
    size = np.maximum(total, 1)[..., None]
    share = table / size
    distance = (size - 1) * ((1 / symbols - share) ** 2).sum(axis=-1, keepdims=True)
    spread = 1 - (share**2).sum(axis=-1, keepdims=True)
    # One symbol, or equal frequencies: nothing to draw, or all the same.
    weight = np.clip(np.divide(spread, distance, out=np.ones(spread.shape), where=distance > 0), 0, 1)
    shrunk = weight / symbols + (1 - weight) * share
    surprise = shrunk * np.log2(shrunk, out=np.zeros(shrunk.shape), where=shrunk > 0)
    return np.asarray(np.where(total > 0, 0.0 - surprise.sum(axis=-1), 0.0))


def _checked(counts: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The counts as integers, and their sums."""
    given = checked_counts(counts)
    table = given.astype(np.int64)
    if (table != given).any():
        raise ValueError(f"counts must be whole numbers; got {given[table != given][0]}")
    return table, table.sum(axis=-1)
