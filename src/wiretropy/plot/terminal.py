"""A picture in the terminal by plotille, in braille dots.

A `Figure` goes in; text comes out, with or without ANSI colour. Every curve carries its letter at a few points, so that
the picture reads without colour too; the letters are explained below it, highest curve first.
"""

from __future__ import annotations

from itertools import pairwise
from string import ascii_letters

import numpy as np
import plotille
from numpy.typing import NDArray

from wiretropy.plot.curves import Curve
from wiretropy.plot.figure import BAND_SDS, Figure, in_range, visible
from wiretropy.plot.layout import across, byte_ticks, end, up
from wiretropy.plot.style import BAND_COLOR, legend, styles

_SCALE_COLUMNS = 6
"""Columns of the entropy scale at the left, its line included."""

_LEAST_COLUMNS, _LEAST_ROWS = 30, 8

_LETTER_COLUMNS = 16
"""Columns between two letters of one curve."""

_LEGEND_ROWS = 3
"""Height of the scale below the panel: line, numbers, unit."""


def text(figure: Figure, *, columns: int = 100, rows: int = 28, has_color: bool = False) -> str:
    """Draw with characters.

    Parameters
    ----------
    figure : Figure
        What to draw.
    columns, rows : int, default 100 and 28
        Size of the panel with its scales, in characters.
    has_color : bool, default False
        Whether the terminal shows ANSI colours; plotille leaves them out by itself where standard output is no
        terminal or NO_COLOR is set.

    Returns
    -------
    text : str
        Lines, without a line feed at the end.
    """
    width, height = max(columns - _SCALE_COLUMNS, _LEAST_COLUMNS), max(rows - _LEGEND_ROWS, _LEAST_ROWS)
    canvas = plotille.Canvas(width, height, mode="rgb")
    _background(canvas, figure, width, has_color)
    shown = styles(figure.curves)
    entries = sorted(legend(figure.curves), key=lambda entry: -end(figure, figure.curves[entry[1]])[1])
    for c, style in zip(figure.curves, shown, strict=True):
        _curve(canvas, figure, c, _rgb(style.color) if has_color else None)
    for letter, (_, i) in zip(ascii_letters, entries, strict=False):
        _letters(canvas, figure, figure.curves[i], letter, width, _rgb(shown[i].color) if has_color else None)
    for c in figure.curves:
        _gaps(canvas, figure, c)
    panel = [scale + row for scale, row in zip(_entropy_scale(figure, height), canvas.plot().split("\n"), strict=True)]
    head = ([figure.title] if figure.title else []) + ["entropy, bits per byte"]
    names = [f"  {letter}  {name}" for letter, (name, _) in zip(ascii_letters, entries, strict=False)]
    return "\n".join([*head, *panel, *_byte_scale(figure, width), *_background_words(figure), *names])


def _background(canvas: plotille.Canvas, figure: Figure, width: int, has_color: bool) -> None:
    """Edges of the random band, and the threshold as a dashed line."""
    band, grey = figure.band, _rgb(BAND_COLOR) if has_color else None
    for edge in (band.low, band.high):
        _line(canvas, across(figure, band.offsets.astype(np.float64)), up(figure, edge), grey)
    if figure.threshold is not None:
        level = float(up(figure, np.array([figure.threshold]))[0])
        for column in range(0, width, 2):
            dash = np.array([column, column + 0.8]) / width
            _line(canvas, dash, np.full(2, level), None)


def _curve(canvas: plotille.Canvas, figure: Figure, c: Curve, color: tuple[int, int, int] | None) -> None:
    """One trajectory."""
    offsets, values = visible(c, figure.x_range)
    _line(canvas, across(figure, offsets.astype(np.float64)), up(figure, values), color)


def _line(
    canvas: plotille.Canvas, x: NDArray[np.float64], y: NDArray[np.float64], color: tuple[int, int, int] | None
) -> None:
    """Segments between points given as fractions of the panel; what lies outside is left out."""
    inside = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if 0 <= a <= 1 and 0 <= b <= 1]
    for (x0, y0), (x1, y1) in pairwise(inside):
        canvas.line(x0, y0, x1, y1, color=color)
    if len(inside) == 1:
        canvas.point(*inside[0], color=color)


def _letters(
    canvas: plotille.Canvas, figure: Figure, c: Curve, letter: str, width: int, color: tuple[int, int, int] | None
) -> None:
    """The curve's letter along it, begun elsewhere for every letter, and at its end."""
    offsets, values = visible(c, figure.x_range)
    if offsets.size == 0:
        return
    x, y = across(figure, offsets.astype(np.float64)), up(figure, values)
    first = ascii_letters.index(letter) * 5 % _LETTER_COLUMNS
    columns = (np.arange(first, width, _LETTER_COLUMNS) + 0.5) / width
    for place in [*columns[(columns >= x[0]) & (columns < x[-1])], min(float(x[-1]), 1 - 0.5 / width)]:
        level = float(np.interp(place, x, y))
        if 0 <= level <= 1:
            canvas.text(float(place), level, letter, color=color)


def _gaps(canvas: plotille.Canvas, figure: Figure, c: Curve) -> None:
    """A bar at every gap."""
    gaps = in_range(figure, c.gaps)
    levels = up(figure, np.interp(gaps, c.offsets, c.entropy))
    for x, y in zip(across(figure, gaps.astype(np.float64)), levels, strict=True):
        if 0 <= y <= 1:
            canvas.text(float(x), float(y), "|")


def _entropy_scale(figure: Figure, rows: int) -> list[str]:
    """Left margin of every row, top first; a number where a half or whole bit lies."""
    low, high = figure.y_range
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if (high - low) / s <= rows / 2 or s == 2.0)
    marks = {}
    for k in range(int(np.ceil(low / step - 1e-9)), int(high / step + 1e-9) + 1):
        row = rows - 1 - min(rows - 1, int((k * step - low) / (high - low) * rows))
        marks[row] = f"{k * step:.2f}" if step < 0.1 else f"{k * step:.1f}"
    return [f"{marks.get(row, ''):>{_SCALE_COLUMNS - 1}}{'┤' if row in marks else '│'}" for row in range(rows)]


def _byte_scale(figure: Figure, width: int) -> list[str]:
    """Line, numbers and unit below the panel."""
    line, numbers = ["─"] * width, [" "] * (width + _SCALE_COLUMNS)
    end = -1
    for tick in byte_ticks(figure):
        column = min(width - 1, int(float(across(figure, np.array([float(tick)]))[0]) * width))
        mark = f"{tick:,}"
        start = min(max(column + _SCALE_COLUMNS - len(mark) // 2, 0), len(numbers) - len(mark))
        if start > end:
            line[column] = "┴"
            numbers[start : start + len(mark)] = mark
            end = start + len(mark)
    axis = " " * (_SCALE_COLUMNS - 1) + "└" + "".join(line)
    unit = "payload bytes" + (" (logarithmic)" if figure.is_log else "")
    return [axis, "".join(numbers).rstrip(), unit.rjust(width + _SCALE_COLUMNS)]


def _background_words(figure: Figure) -> list[str]:
    """What the lines behind the curves are."""
    threshold = "" if figure.threshold is None else f"; dashes: threshold {figure.threshold:g}"
    gaps = "; |: gap" if any(in_range(figure, c.gaps).size for c in figure.curves) else ""
    return [f"  thin lines: random bytes, mean ± {BAND_SDS:g} SD{threshold}{gaps}"]


def _rgb(color: str) -> tuple[int, int, int]:
    """A hexadecimal colour as three numbers."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
