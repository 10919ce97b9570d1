"""The law of the entropy of more than a few hundred random bytes, from its characteristic function.

In: a number of bytes. Out: where the tail probabilities of the standardised
entropy take given values. Refused: nothing; the callers ask for 256 bytes and more.

With h as in `random_law`, S = N (8 - H) = sum h(n_i). Were the 256 counts
independent Poisson numbers of mean N/256, each would have the characteristic
function f(t, s) = E exp(i t h(n) + i s n), and that their sum is N is picked
out by one more Fourier integral (Good, 1957, "Saddle-point methods for the
multinomial distribution"; Baglivo, Olivier and Pagano, 1992, "Methods for exact
goodness-of-fit tests"):

    E exp(i t S) = (1 / P(sum = N)) (1/M) sum_{k<M} f(t, 2 pi k / M)^256 exp(-2 pi i k N / M)

The integrand is within 1e-20 a trigonometric polynomial of the M frequencies
taken, so this is exact up to rounding. The function falls below 1e-12 within
40 multiples of 2 pi / (30 sd), and a Fourier series over 30 standard deviations
gives the distribution function to 1e-12. Where it would rise again, because the
law is a set of atoms, the series has ended: it runs through the middle of their
steps. At 256 bytes the steps in the high tail are 2 % of the probability at 1e-2,
7 % at 1e-4 and 14 % at 1e-6, and 1 % in the low tail; they shrink fast.
"""

import math

import numpy as np
from numpy.typing import NDArray

from wiretropy.entropy.random_law import random_mean, random_sd

SYMBOLS = 256

SPAN_SD = 30.0
"""Length of the Fourier series in standard deviations: the law has less than 1e-20 outside of it."""

HARMONICS = 512
"""Terms of the series at most."""

GONE = 1e-15
"""Size below which the characteristic function has ended."""

POINTS = 1 << 14
"""Points at which the distribution function is read; between them its logarithm is linear to 1e-6."""

_ROWS_AT_ONCE = 32

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def standard_quantiles(n: int | None, log_low: Floats, log_high: Floats) -> Floats:
    """Find the standardised entropies at which the tails have given probabilities.

    Parameters
    ----------
    n : int or None
        Number of bytes, at least 256. None stands for the limit of long
        payloads, in which S is chi-squared with 255 degrees of freedom.
    log_low, log_high : ndarray of float64
        Natural logarithms of the probabilities below and above; of each pair
        the smaller one counts. `log_low` ascends.

    Returns
    -------
    z : ndarray of float64
        (entropy - mean) / sd, ascending.
    """
    z, below, above = distribution(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        from_low = np.interp(log_low, *_ascending(np.log(below), z))
        from_high = -np.interp(log_high, *_ascending(np.log(above[::-1]), -z[::-1]))
    return np.where(log_low < log_high, from_low, from_high)


def distribution(n: int | None) -> tuple[Floats, Floats, Floats]:
    """Compute the distribution function of the standardised entropy.

    Parameters
    ----------
    n : int or None
        As in `standard_quantiles`.

    Returns
    -------
    z, below, above : ndarray of shape (POINTS,)
        Standardised entropies, ascending, and the probabilities to be below and
        above each, accurate to about 1e-12.
    """
    phi = _limit_function() if n is None else _characteristic_function(n)
    order = np.arange(1, len(phi) + 1)
    # S grows as the entropy falls: position -z of the standardised S.
    spectrum = np.zeros(POINTS // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(phi) + 1] = np.conj(phi) / (1j * order)
    position = (np.arange(POINTS) / POINTS - 0.5) * SPAN_SD
    signs = (-1.0) ** np.arange(POINTS // 2 + 1)
    wave = np.fft.irfft(spectrum * signs, POINTS) * POINTS / (2 * np.pi)
    cumulative = wave - wave[0] + np.arange(POINTS) / POINTS
    return -position[::-1], np.asarray(1 - cumulative[::-1]), cumulative[::-1]


def _ascending(log_p: Floats, z: Floats) -> tuple[Floats, Floats]:
    """The stretch over which a tail grows from what rounding leaves to its end."""
    start = int(np.flatnonzero(~(log_p > math.log(1e-11)))[-1]) + 1
    return np.maximum.accumulate(log_p[start:]), z[start:]


def _limit_function() -> Complexes:
    """The characteristic function of the standardised chi-squared law."""
    degrees = SYMBOLS - 1
    t = 2 * np.pi * np.arange(1, HARMONICS + 1) / SPAN_SD / math.sqrt(2 * degrees)
    return np.asarray(np.exp(-degrees / 2 * np.log(1 - 2j * t) - 1j * t * degrees))


def _characteristic_function(n: int) -> Complexes:
    """E exp(2 pi i j (S - mean) / (SPAN_SD sd)) for j = 1, 2, ... until it has ended."""
    rate = n / SYMBOLS
    reach = 9 * math.sqrt(rate) + 30
    count = np.arange(max(0, math.floor(rate - reach)), min(n, math.ceil(rate + reach)) + 1, dtype=np.float64)
    log_factorial = np.array([math.lgamma(k + 1) for k in count])
    pmf = np.exp(count * math.log(rate) - rate - log_factorial)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(count > 0, count * np.log2(count / rate), 0.0)
    excess = logarithm - (count - rate) / math.log(2)
    angles = 2 * np.pi * np.arange(_frequencies(n)) / _frequencies(n)
    # Counted from the mean, so that the phases stay small where f is large.
    turns = np.exp(1j * np.outer(count - rate, angles))
    condition = ((pmf @ turns) ** SYMBOLS).sum()  # M P(sum = N), from the same sum, so that rounding cancels
    mean, sd = n * (8 - random_mean(n)), n * random_sd(n)
    t = 2 * np.pi * np.arange(1, HARMONICS + 1) / (SPAN_SD * sd)
    phi = np.zeros(HARMONICS, dtype=np.complex128)
    for start in range(0, HARMONICS, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        single = (pmf * np.exp(1j * np.outer(t[rows], excess - mean / SYMBOLS))) @ turns
        phi[rows] = (single**SYMBOLS).sum(axis=1) / condition
        if np.abs(phi[rows]).max() < GONE:
            break
    return phi


def _frequencies(n: int) -> int:
    """How many terms the sum over s needs: the sum of the counts strays less than 10 sd from N."""
    return 1 << math.ceil(math.log2(min(2 * n + 1, 20 * math.sqrt(n) + 40)))
