"""The logarithm of the gamma function and its derivative, for whole arrays.

In: positive numbers. Out: their ln Gamma and digamma, accurate to 1e-14 relative
to their size. Refused: nothing; not defined at 0 and below.

NumPy has neither, and scipy is not needed by anything else that runs. Both are
Stirling's series (Abramowitz and Stegun, 1964, 6.1.41 and 6.3.18), after small
arguments are moved above `_SERIES_FROM` by the recurrence.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SERIES_FROM = 10
"""Argument from which the terms taken leave out less than 1e-15."""

Floats = NDArray[np.float64]


def log_gamma(x: ArrayLike) -> Floats:
    """Compute ln Gamma(x).

    Parameters
    ----------
    x : array_like of float
        Positive numbers.

    Returns
    -------
    value : ndarray of float64, shape of `x`

    Examples
    --------
    >>> log_gamma([1, 5]).round(4)
    array([0.    , 3.1781])
    """
    number = np.asarray(x, dtype=np.float64)
    steps = np.maximum(np.ceil(_SERIES_FROM - number), 0.0)
    product = np.ones(number.shape)
    for k in range(int(steps.max(initial=0.0))):
        product *= np.where(k < steps, number + k, 1.0)
    high = number + steps
    square = 1 / high**2
    series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188))))) / high
    stirling = (high - 0.5) * np.log(high) - high + 0.5 * math.log(2 * math.pi) + series
    return np.asarray(stirling - np.log(product))


def digamma(x: ArrayLike) -> Floats:
    """Compute the derivative of ln Gamma at x.

    Parameters
    ----------
    x : array_like of float
        Positive numbers.

    Returns
    -------
    value : ndarray of float64, shape of `x`

    Examples
    --------
    >>> digamma([1, 2]).round(4)
    array([-0.5772,  0.4228])
    """
    number = np.asarray(x, dtype=np.float64)
    steps = np.maximum(np.ceil(_SERIES_FROM - number), 0.0)
    reciprocals = np.zeros(number.shape)
    for k in range(int(steps.max(initial=0.0))):
        reciprocals += np.where(k < steps, 1 / (number + k), 0.0)
    high = number + steps
    square = 1 / high**2
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square * (1 / 132)))))
    return np.asarray(np.log(high) - 0.5 / high - series - reciprocals)
