"""Where things go in a picture: ticks, labels, the legend beside the curves.

Figures and sizes go in, positions come out; nothing is drawn here. Positions in the panel are fractions of its width
and height, from its lower left corner.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wiretropy.plot.curves import Curve
from wiretropy.plot.figure import Figure, visible

_PROBES = 256
"""Places along the x axis at which the curves are asked whether a text would cover them."""


def across(figure: Figure, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fraction of the panel's width at which offsets (in bytes) lie."""
    first, last = figure.x_range
    if figure.is_log:
        return np.log(np.maximum(offsets, 1e-9) / first) / math.log(last / first)
    return (offsets - first) / (last - first)


def up(figure: Figure, entropy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fraction of the panel's height at which entropies (in bits per byte) lie."""
    low, high = figure.y_range
    return (entropy - low) / (high - low)


def end(figure: Figure, c: Curve) -> tuple[float, float, bool]:
    """Where the visible part of a curve ends, and whether it goes on to the panel's right edge.

    Returns
    -------
    x, y : float
        Fractions of width and height; a curve without a visible point ends at its last entropy, left of the panel.
    is_cut : bool
        Whether the curve reaches the right edge.
    """
    offsets, values = visible(c, figure.x_range)
    if offsets.size == 0:
        return -1.0, float(up(figure, c.entropy[-1:])[0]), False
    x = float(across(figure, offsets[-1:].astype(np.float64))[0])
    return x, float(up(figure, values[-1:])[0]), x > 0.995


def text_place(figure: Figure, level: float, width: float, height: float) -> tuple[float, float]:
    """Lower left corner for a text beside a horizontal line, where it covers least of the curves.

    Parameters
    ----------
    figure : Figure
        The picture.
    level : float
        The line, in bits per byte.
    width, height : float
        Size of the text as fractions of the panel.

    Returns
    -------
    x, y : float
        Fractions; right of the middle before left, below the line before above, when the cover is equal.
    """
    probes = np.linspace(0.0, 1.0, _PROBES)
    first, last = figure.x_range
    offsets = first * (last / first) ** probes if figure.is_log else first + (last - first) * probes
    heights = [up(figure, np.interp(offsets, c.offsets, c.entropy, left=-1.0, right=-1.0)) for c in figure.curves]
    line = float(up(figure, np.array([level]))[0])
    places = [(x, y) for y in (line - height - 0.012, line + 0.012) for x in np.linspace(0.985 - width, 0.015, 12)]

    def cover(place: tuple[float, float]) -> float:
        x, y = place
        if not 0.0 <= y <= 1.0 - height:
            return math.inf
        over = (probes >= x - 0.01) & (probes <= x + width + 0.01)
        return sum(float(np.mean((h[over] > y - 0.01) & (h[over] < y + height + 0.01))) for h in heights)

    x, y = min(places, key=cover)
    return float(x), float(y)


def byte_ticks(figure: Figure) -> list[int]:
    """Offsets to mark on the x axis.

    Steps are powers of two when the range ends on one (a depth of 65,536 bytes does), round decimal numbers otherwise;
    on a logarithmic axis powers of two or four.
    """
    first, last = figure.x_range
    if figure.is_log:
        low, high = math.ceil(math.log2(first)), math.floor(math.log2(last))
        step = 1 if high - low <= 8 else 2
        return [2**k for k in range(high, low - 1, -step)][::-1]
    width = last - first
    if width >= 4096 and last % 4096 == 0 and first % 4096 == 0:
        step = 2 ** math.ceil(math.log2(width / 8))
    else:
        magnitude = 10 ** math.floor(math.log10(width / 6))
        step = max(1, int(next(m for m in (1, 2, 2.5, 5, 10) if m * magnitude >= width / 7) * magnitude))
    return [int(v) for v in range(math.ceil(first / step) * step, math.floor(last) + 1, step)]


def spread(wanted: NDArray[np.float64], gap: float, low: float, high: float) -> NDArray[np.float64]:
    """Move label positions apart, as little as possible.

    Minimises the sum of squared moves subject to a least distance between neighbours (isotonic regression by pooling
    adjacent violators), then shifts what leaves the range back into it.

    Parameters
    ----------
    wanted : ndarray of shape (n,), float64
        Positions, in any order.
    gap : float
        Least distance between two labels; shrinks when n of them do not fit.
    low, high : float
        Range of positions.

    Returns
    -------
    placed : ndarray of shape (n,), float64
        New positions in the order of `wanted`, each at least `gap` from the next and in [low, high].

    Examples
    --------
    >>> spread(np.array([0.5, 0.5, 0.1]), 0.2, 0.0, 1.0)
    array([0.4, 0.6, 0.1])
    """
    count = wanted.size
    if count == 0:
        return wanted.copy()
    gap = min(gap, (high - low) / max(count - 1, 1))
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(count)
    # With the steps taken off, "at least a gap apart" becomes "not descending".
    pools: list[list[float]] = []
    for value in wanted[order] - steps:
        pools.append([float(value), 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight = pools.pop()
            before = pools[-1]
            before[0] = (before[0] * before[1] + mean * weight) / (before[1] + weight)
            before[1] += weight
    level = np.concatenate([np.full(int(weight), mean) for mean, weight in pools])
    placed = np.empty(count)
    placed[order] = np.clip(level, low, high - steps[-1]) + steps
    return placed
