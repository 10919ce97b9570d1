"""Tails of the law of random bytes as curves, from a table that is shipped.

In: a number of bytes and a side. Out: a `Curve`, or for columns of long
payloads one row of positions each. Refused: nothing; `random_quantile` checks.

Three ways lead to the law, and they meet without a step:

* up to `ATOMS_BYTES` bytes every atom is computed when it is first asked for (`random_atoms`);
* up to `STEPS_BYTES` the shipped curves hold every atom that makes up more than
  `HEAVY` of its tail, and a line through the others that stays within `HEAVY / 2`;
* above, the standardised entropy at which a tail has a given probability is a
  smooth function of the length: a polynomial in log2 N through exact values
  (`random_fourier`) up to 65,536 bytes, and from there a straight line in 1/N to
  the chi-squared law with 255 degrees of freedom, of which the term in 1/N^2 is left out.

``make random-law`` writes the table again, and a test computes a sample of it anew.
"""

import math
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from wiretropy.entropy.random_atoms import Atoms, atoms
from wiretropy.entropy.random_fourier import standard_quantiles

Tail = Literal["low", "high"]
TAILS: tuple[Tail, Tail] = ("low", "high")

FLOOR = 1e-7
"""Smallest tail probability that is told. What the atoms leave out is 1e-9 at most."""

ATOMS_BYTES = 128
"""Longest length whose atoms are computed when asked for: 0.05 s."""

STEPS_BYTES = 256
"""Longest length whose atoms are in the curves: one occurrence per byte value."""

SMOOTH_END = 65_536
"""Longest length of the polynomial: the default depth of a direction."""

HEAVY = 0.08
"""Share of the probability from it onwards that makes an atom a step of the table; in between,
the error stays within half of it. Half as much would double the table."""

TIE_BITS = 1e-4
"""Values of R (see `random_atoms`) this close are ties: ten times the rounding of the table,
a hundredth of the usual distance of atoms."""

SCORES = np.linspace(-5.25, 5.25, 71)
"""Normal scores of the probabilities at which the smooth law is kept. The logarithm of a tail
probability bends by 1 per squared score, so lines between them are within 0.15^2/8 = 0.3 %."""

_NODES = 33
"""Exact lengths behind the polynomial: as many leave 1e-4 standard deviations."""

_LOG_STEP = math.log(FLOOR) / 65_535
"""Step in which the table keeps logarithms of probabilities: 0.02 %."""

_FILE = Path(__file__).with_name("random_curves.npz")

Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """The logarithm of P(X >= x) as lines between knots; upright where X has an atom."""

    position: Floats
    """x, ascending: R for the low tail of the entropy and -R for the high one, in bits."""
    log_p: Floats
    """Natural logarithm of the probability, from 0 down to that of `FLOOR`."""


def log_tails() -> tuple[Floats, Floats]:
    """Logarithms of the normal probabilities below and above each of `SCORES`."""
    below = [math.log(math.erfc(-score / math.sqrt(2)) / 2) for score in SCORES]
    return np.array(below), np.array(below[::-1])


@cache
def curve(n: int, tail: Tail) -> Curve:
    """The tail of `n` random bytes, from 1 to `STEPS_BYTES`."""
    if n > ATOMS_BYTES:
        return _table().steps[n, tail]
    return _curve_of(_atoms(n), tail)


def standard_positions(n: Floats) -> Floats:
    """Standardised entropies at `SCORES` for lengths above `STEPS_BYTES`; shape (len(n), len(SCORES))."""
    table = _table()
    within = np.minimum(n, SMOOTH_END)
    z = chebyshev.chebvander(_scaled(within), len(table.smooth) - 1) @ table.smooth
    # Up to the end of the polynomial the limit has no weight.
    return np.asarray(table.limit + (within / n)[:, None] * (z - table.limit))


def _scaled(n: Floats) -> Floats:
    first, last = math.log2(STEPS_BYTES), math.log2(SMOOTH_END)
    return (2 * np.log2(n) - first - last) / (last - first)


@lru_cache(maxsize=2)
def _atoms(n: int) -> Atoms:
    return atoms(n)


def _curve_of(law: Atoms, tail: Tail) -> Curve:
    """Turn atoms into steps: at each a knot with it and a knot without."""
    position, probability = law if tail == "low" else (-law.bits[::-1], law.probability[::-1])
    beyond = np.append(np.cumsum(probability[::-1])[::-1], 0.0)
    with np.errstate(divide="ignore"):
        log_p = np.clip(np.log(beyond / beyond[0]), math.log(FLOOR), 0.0)
    knots = Curve(np.repeat(position, 2), np.stack([log_p[:-1], log_p[1:]], axis=1).ravel())
    end = int(np.flatnonzero(knots.log_p > math.log(FLOOR))[-1]) + 2
    return Curve(*(part[:end] for part in knots))


class _Table(NamedTuple):
    """What the shipped file holds."""

    steps: dict[tuple[int, Tail], Curve]
    smooth: Floats
    """Chebyshev coefficients in log2 N; shape (terms, len(SCORES))."""
    limit: Floats
    """Standardised entropies at `SCORES` in the limit."""


@cache
def _table() -> _Table:
    with np.load(_FILE, allow_pickle=False) as stored:
        cuts = np.cumsum(stored["knots"])[:-1]
        position = np.split(np.repeat(stored["position"].astype(np.float64), 2), 2 * cuts)
        log_p = np.split(stored["log_p"].ravel() * _LOG_STEP, 2 * cuts)
        steps = {key: Curve(*pair) for key, *pair in zip(_stored_keys(), position, log_p, strict=True)}
        return _Table(steps, stored["smooth"], stored["limit"])


def _stored_keys() -> list[tuple[int, Tail]]:
    return [(n, tail) for n in range(ATOMS_BYTES + 1, STEPS_BYTES + 1) for tail in TAILS]


def stored_curve(n: int, tail: Tail) -> Curve:
    """Compute a curve of the table: the heavy atoms and a line through the others.

    Parameters
    ----------
    n : int
        Number of bytes, at most `STEPS_BYTES`.
    tail : "low" or "high"
        Side of the entropy.

    Returns
    -------
    curve : Curve
        Within `HEAVY / 2` of the whole curve wherever that has no step.
    """
    whole = _curve_of(_atoms(n), tail)
    drop = whole.log_p[:-1:2] - whole.log_p[1::2]
    heavy = np.flatnonzero(drop > HEAVY)
    kept = np.zeros(len(whole.position), dtype=bool)
    ends = np.unique(np.concatenate([[0, len(kept) - 1], 2 * heavy, 2 * heavy + 1]))
    kept[ends] = True
    spans = [(int(a), int(b)) for a, b in pairwise(ends) if b - a > 1]
    while spans:
        first, last = spans.pop()
        inside = slice(first + 1, last)
        line = np.interp(whole.position[inside], whole.position[[first, last]], whole.log_p[[first, last]])
        error = np.abs(line - whole.log_p[inside])
        if error.max() > HEAVY / 2:
            worst = first + 1 + int(error.argmax())
            kept[worst] = True
            spans += [(a, b) for a, b in ((first, worst), (worst, last)) if b - a > 1]
    return Curve(whole.position[kept], whole.log_p[kept])


def smooth_coefficients() -> Floats:
    """Fit the polynomial in log2 N through exact quantiles at rounded Chebyshev nodes."""
    middle = (math.log2(STEPS_BYTES) + math.log2(SMOOTH_END)) / 2
    half = math.log2(SMOOTH_END) - middle
    angles = np.pi * np.arange(_NODES) / (_NODES - 1)
    lengths = np.unique(np.round(2 ** (middle + half * np.cos(angles)))).astype(int)
    exact = np.array([standard_quantiles(int(n), *log_tails()) for n in lengths])
    return np.asarray(chebyshev.chebfit(_scaled(lengths.astype(np.float64)), exact, len(lengths) - 1))


def save() -> None:
    """Compute the table and write the file that is shipped; some minutes."""
    packed = [_packed(stored_curve(n, tail)) for n, tail in _stored_keys()]
    np.savez_compressed(
        _FILE,
        knots=np.array([len(position) for position, _ in packed], dtype=np.int32),
        position=np.concatenate([position for position, _ in packed]),
        log_p=np.concatenate([log_p for _, log_p in packed]),
        smooth=smooth_coefficients(),
        limit=standard_quantiles(None, *log_tails()),
    )


def _packed(knots: Curve) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Positions once each, and in whole steps the logarithms before and behind them."""
    position, first = np.unique(knots.position, return_index=True)
    last = np.append(first[1:], len(knots.position)) - 1
    both = np.stack([knots.log_p[first], knots.log_p[last]], axis=1)
    return position.astype(np.float32), np.round(both / _LOG_STEP).astype(np.uint16)
