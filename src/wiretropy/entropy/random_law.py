"""The exact law of the plug-in entropy of uniformly random bytes.

In: a number of bytes. Out: mean and standard deviation of the entropy that
random bytes of that length show, in bits per byte. Refused: fewer than 1 byte.
`random_band` gives the same for whole columns.

The counts of N random bytes are multinomial. With lambda = N / 256 and

    h(n) = n log2(n / lambda) - (n - lambda) / ln 2        (never negative)

the entropy is H = 8 - (1/N) sum_i h(n_i): the form of the design with a linear
term taken off, which sums to a constant because the counts sum to N. So

    E[H]   = 8 - (256/N) E[h(n1)]
    Var[H] = (256 E[h(n1)^2] + 256*255 E[h(n1) h(n2)] - 256^2 E[h(n1)]^2) / N^2

where n1 is Binomial(N, 1/256) and n2, given n1, Binomial(N - n1, 1/255). The
products are of order one instead of N log N, so nothing cancels.

* Up to `EXACT_UP_TO_BYTES` these sums are carried out. The counts left out are
  those beyond 9 standard deviations and 30 more, whose probability is below
  1e-17, and every value is accurate to 1e-12 bits.
* Beyond, series in 1/N stand for them. The mean's is Taylor's of h up to the
  seventh central moment: since h'' = 1/(n ln 2), Lagrange's remainder is below
  2^7/(7*8 ln 2) E[(n/lambda - 1)^8] < 350/lambda^4 on n > lambda/2, and counts
  below lambda/2 have probability under exp(-lambda/8): together less than
  3.2e-10 bits at 2^18 bytes, and falling with N^4. The spread's is the
  variance of the likelihood-ratio statistic G^2 = 2 N ln 2 (8 - H),
  2*255 + 2*(256^2 - 1)/(3N) (Cressie and Read, 1984, "Multinomial goodness-of-fit
  tests"). The first term left out is of order 1/N^3 in the standard deviation;
  the exact sums from 2^14 to 2^18 give it as -3.6e5/N^3, which is 2e-11 bits at 2^18.
"""

import math

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO_BYTES = 1 << 18
"""Largest length whose law is summed term by term (10 ms for one); above it the series
are within 1e-9 bits. Smaller alphabets switch at the same 1,024 occurrences per symbol."""


def random_mean(n: int, *, symbols: int = 256) -> float:
    """Compute the mean plug-in entropy of `n` uniformly random bytes.

    Parameters
    ----------
    n : int
        Number of bytes, at least 1.
    symbols : int, optional
        Size of the alphabet, 3 to 256: 256 for bytes, 64 for base64 text.

    Returns
    -------
    mean : float
        Bits per byte, exact to 1e-9.

    Raises
    ------
    ValueError
        If `n` or `symbols` is out of range.

    Examples
    --------
    >>> round(random_mean(100), 3), round(random_mean(65_536), 4)
    (6.286, 7.9972)
    """
    _check_length(n, symbols)
    if n > EXACT_UP_TO_BYTES * symbols // 256:
        return float(series_mean(np.array([float(n)]), symbols)[0])
    count = _count_window(n, symbols)
    probability = _binomial(np.array([n]), count, symbols)[0]
    mean = math.log2(symbols) - symbols / n * float(probability @ _excess(count, n / symbols))
    return max(mean, 0.0)  # of one byte it is 0, which the difference misses by a rounding


def random_sd(n: int, *, symbols: int = 256) -> float:
    """Compute the standard deviation of the plug-in entropy of `n` uniformly random bytes.

    At small `n` the distribution is skewed, so do not turn this into error rates
    by the normal law; take `random_quantile` instead.

    Parameters
    ----------
    n : int
        Number of bytes, at least 1. One byte always has entropy 0, so its
        standard deviation is 0.
    symbols : int, optional
        Size of the alphabet, 3 to 256.

    Returns
    -------
    sd : float
        Bits per byte, exact to 1e-9.

    Raises
    ------
    ValueError
        If `n` or `symbols` is out of range.

    Examples
    --------
    >>> round(random_sd(100), 4), round(random_sd(65_536), 5)
    (0.0712, 0.00025)
    """
    _check_length(n, symbols)
    if n == 1:
        return 0.0
    if n > EXACT_UP_TO_BYTES * symbols // 256:
        return float(series_sd(np.array([float(n)]), symbols)[0])
    count = _count_window(n, symbols)
    excess = _excess(count, n / symbols)
    first = _binomial(np.array([n]), count, symbols)[0]
    # Row i is the law of the second count given that the first is count[i].
    second = _binomial(n - count, count, symbols - 1)
    mean = first @ excess
    square = first @ excess**2
    product = first @ (excess * (second @ excess))
    variance = symbols * (square + (symbols - 1) * product - symbols * mean**2)
    return math.sqrt(max(float(variance), 0.0)) / n


def series_mean(n: NDArray[np.float64], symbols: int) -> NDArray[np.float64]:
    """Expand the mean in central moments of one count, up to the seventh.

    Parameters
    ----------
    n : ndarray of float64
        Numbers of bytes, large: the error is below 350 (symbols/n)^4 bits.
    symbols : int
        Size of the alphabet.

    Returns
    -------
    mean : ndarray of float64, shape of `n`
        Bits per byte.
    """
    rate = n / symbols
    p = 1 / symbols
    pq = p * (1 - p)
    skew = 1 - 2 * p
    # Cumulants of the binomial law, divided by rate to the power of their order.
    k2 = (1 - p) / rate
    k3 = k2 * skew / rate
    k4 = k2 * (1 - 6 * pq) / rate**2
    k5 = k3 * (1 - 12 * pq) / rate**2
    k6 = k2 * (1 - 30 * pq + 120 * pq**2) / rate**4
    k7 = k3 * (1 - 60 * pq + 360 * pq**2) / rate**4
    moments = {
        2: k2,
        3: k3,
        4: k4 + 3 * k2**2,
        5: k5 + 10 * k3 * k2,
        6: k6 + 15 * k4 * k2 + 10 * k3**2 + 15 * k2**3,
        7: k7 + 21 * k5 * k2 + 35 * k4 * k3 + 105 * k3 * k2**2,
    }
    excess = sum((-1) ** k * moment / (k * (k - 1)) for k, moment in moments.items())
    return np.asarray(math.log2(symbols) - excess / math.log(2))


def series_sd(n: NDArray[np.float64], symbols: int) -> NDArray[np.float64]:
    """Take the spread from the variance of the likelihood-ratio statistic, to second order.

    Parameters
    ----------
    n : ndarray of float64
        Numbers of bytes, large: the error is about 3.6e5 / n^3 bits for 256 symbols.
    symbols : int
        Size of the alphabet.

    Returns
    -------
    sd : ndarray of float64, shape of `n`
        Bits per byte.
    """
    variance = 2 * (symbols - 1) + 2 * (symbols**2 - 1) / (3 * n)
    return np.asarray(np.sqrt(variance) / (2 * math.log(2) * n))


def _check_length(n: int, symbols: int) -> None:
    if n < 1:
        raise ValueError(f"the law starts at 1 byte; got {n}")
    if not 3 <= symbols <= 256:
        raise ValueError(f"an alphabet of bytes has 3 to 256 symbols here; got {symbols}")


def _count_window(n: int, symbols: int) -> NDArray[np.int64]:
    """List the counts of one symbol that matter: those within 9 standard deviations and 30."""
    rate = n / symbols
    reach = 9 * math.sqrt(rate) + 30
    return np.arange(max(0, math.floor(rate - reach)), min(n, math.ceil(rate + reach)) + 1)


def _binomial(trials: NDArray[np.int64], count: NDArray[np.int64], symbols: int) -> NDArray[np.float64]:
    """Compute Binomial(trials, 1/symbols) at consecutive counts; shape (len(trials), len(count)).

    Built from ratios of neighbours and normalised over the window, which keeps
    full precision where factorials of N would lose six digits.
    """
    left = trials[:, None] - count[:-1]
    with np.errstate(divide="ignore"):
        steps = np.log(np.maximum(left, 0) / (count[1:] * (symbols - 1)))
    log_weight = np.concatenate([np.zeros((len(trials), 1)), np.cumsum(steps, axis=1)], axis=1)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _excess(count: NDArray[np.int64], rate: float) -> NDArray[np.float64]:
    """Compute h(n), by which a symbol seen n times instead of `rate` lowers N times the entropy."""
    ratio = count / rate
    logarithm = np.log2(ratio, out=np.zeros(len(count)), where=count > 0)
    return np.asarray(rate * (ratio * logarithm - (ratio - 1) / math.log(2)))
