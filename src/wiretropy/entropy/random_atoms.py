"""Every value that the entropy of a few random bytes can take, with its probability.

In: a number of bytes. Out: the atoms of the law of

    R = N (log2 N - H) = sum_i n_i log2 n_i,

the bits that repeated bytes cost: 0 when all bytes differ, N log2 N when all
are the same. Up to a few hundred bytes the law of H is a set of such atoms,
heavy enough that no smooth curve stands for it. Refused: nothing; the callers
ask for 1 to a few hundred bytes.

R depends on how many byte values occur twice, three times, and so on. If m_c
values occur c times, the probability is the multinomial one of N balls in 256
urns (Johnson and Kotz, 1977, "Urn Models and Their Application", section 3.1).
Those with c > 2 are put together size by size, from the largest down; states
that agree in byte values used, bytes used and R are merged. Then every number
of pairs is added, and the rest occurs once. Partial states less likely than
`NEGLIGIBLE` are dropped: together less than 1e-9 at 256 bytes.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEGLIGIBLE = 1e-15
"""Probability below which a state is dropped; the smallest tail that is told is 1e-9."""

MERGED_BITS = 2e-5
"""Values of R closer than this are one atom. Different values up to 256 bytes are mostly
hundreds of times as far apart."""

_SYMBOLS = 256
_ROWS_AT_ONCE = 20_000

_LOG_FACTORIAL = np.array([math.lgamma(k + 1) for k in range(4 * _SYMBOLS + 1)])

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Atoms(NamedTuple):
    """A discrete law."""

    bits: Floats
    """Values of R, ascending."""
    probability: Floats
    """How likely each is; they sum to 1 but for what was dropped."""


class _States(NamedTuple):
    """Ways to have used some byte values, each at least c times."""

    values: Ints
    """Byte values used."""
    length: Ints
    """Bytes used."""
    bits: Floats
    """R so far."""
    weight: Floats
    """Logarithm of the product of p_c^m / m! over the sizes c so far."""


def atoms(n: int) -> Atoms:
    """List the values of R for `n` random bytes.

    Parameters
    ----------
    n : int
        Number of bytes, at least 1. The cost grows fast: 0.05 s at 128, 5 s at 256.

    Returns
    -------
    law : Atoms
        Values of R in bits and their probabilities.
    """
    none = np.zeros(1, dtype=np.int64)
    states = _States(none, none, np.zeros(1), np.zeros(1))
    log_pmf = _log_poisson(n)
    # Of 256 independent Poisson counts those are wanted that sum to n.
    log_condition = _LOG_FACTORIAL[n] + n - n * math.log(n)
    for size in range(n, 2, -1):
        at_least = float(np.exp(log_pmf[size:]).sum())
        if _SYMBOLS * at_least > NEGLIGIBLE / 1_000:
            log_rest = log_condition, math.log1p(-at_least)
            states = _merged(_with_size(states, size, n, log_pmf[size], log_rest))
    return _with_pairs(states, n, log_pmf, log_condition)


def _log_poisson(n: int) -> Floats:
    rate = n / _SYMBOLS
    return np.asarray(np.arange(n + 1) * math.log(rate) - rate - _LOG_FACTORIAL[: n + 1])


def _with_size(states: _States, size: int, n: int, log_p: float, log_rest: tuple[float, float]) -> _States:
    """Add every number of byte values that occur `size` times, as far as that is likely."""
    log_condition, log_smaller = log_rest
    parts = []
    for number in range(n // size + 1):
        values, length = states.values + number, states.length + number * size
        weight = states.weight + number * log_p - _LOG_FACTORIAL[number]
        free = _SYMBOLS - values
        log_likely = _LOG_FACTORIAL[_SYMBOLS] - _LOG_FACTORIAL[np.maximum(free, 0)] + weight + free * log_smaller
        kept = (free >= 0) & (length <= n) & (log_likely + log_condition > math.log(NEGLIGIBLE))
        bits = states.bits + number * size * math.log2(size)
        parts.append(_States(values[kept], length[kept], bits[kept], weight[kept]))
        if not kept.any() and number > _SYMBOLS * math.exp(log_p):
            break
    return _States(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.length for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _merged(states: _States) -> _States:
    """Join states that have the same future: values and bytes used, and R to a millionth of a bit."""
    rounded = np.round(states.bits * 1e6).astype(np.int64)
    order = np.lexsort((rounded, states.length, states.values))
    values, length = states.values[order], states.length[order]
    bits, weight = states.bits[order], states.weight[order]
    differs = (np.diff(values) != 0) | (np.diff(length) != 0) | (np.diff(rounded[order]) > 1)
    first = np.flatnonzero(np.concatenate([[True], differs]))
    top = np.maximum.reduceat(weight, first)
    scaled = np.exp(weight - np.repeat(top, np.diff(first, append=len(weight))))
    return _States(values[first], length[first], bits[first], top + np.log(np.add.reduceat(scaled, first)))


def _with_pairs(states: _States, n: int, log_pmf: Floats, log_condition: float) -> Atoms:
    """Add every number of byte values that occur twice; the other bytes occur once."""
    pairs = np.arange(n // 2 + 1)
    log_pairs = pairs * log_pmf[2] - _LOG_FACTORIAL[pairs] if n > 1 else np.zeros(1)
    found, likely = [], []
    for start in range(0, len(states.values), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        values, length = states.values[rows, None], states.length[rows, None]
        bits, weight = states.bits[rows, None], states.weight[rows, None]
        single = n - length - 2 * pairs
        absent = _SYMBOLS - values - pairs - single
        possible = (single >= 0) & (absent >= 0)
        single, absent = np.maximum(single, 0), np.maximum(absent, 0)
        log_rest = single * log_pmf[1] - _LOG_FACTORIAL[single] + absent * log_pmf[0] - _LOG_FACTORIAL[absent]
        log_likely = weight + log_pairs + log_rest + _LOG_FACTORIAL[_SYMBOLS] + log_condition
        kept = possible & (log_likely > math.log(NEGLIGIBLE))
        found.append((bits + 2.0 * pairs)[kept])
        likely.append(np.exp(log_likely[kept]))
    every, probability = np.concatenate(found), np.concatenate(likely)
    order = np.argsort(every, kind="stable")
    every, probability = every[order], probability[order]
    first = np.flatnonzero(np.diff(every, prepend=-1.0) > MERGED_BITS)
    return Atoms(every[first], np.add.reduceat(probability, first))
