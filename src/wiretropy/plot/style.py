"""Colour, line style and marker of every curve, and what the legend says; the same in each renderer.

Colours are those of Okabe and Ito (jfly.uni-koeln.de/color, "Color Universal Design", 2008) without yellow, which
vanishes on white, and black, which the frame uses. Colour never carries alone: line styles cycle with a different
period, so thirty curves differ in both, and end markers with a third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wiretropy.plot.curves import Curve, Side

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
THRESHOLD_COLOR = "#333333"
BAND_COLOR = "#9E9E9E"

Dash = Literal["solid", "dash", "dot", "dashdot", "longdash"]
DASHES: tuple[Dash, ...] = ("solid", "dash", "dashdot", "dot", "longdash")

Marker = Literal["circle", "square", "triangle", "diamond", "down", "cross", "plus"]
MARKERS: tuple[Marker, ...] = ("circle", "square", "triangle", "diamond", "down", "cross", "plus")

_SIDE_ORDER: tuple[Side, ...] = ("both", "resp", "orig")
"""Both directions together get the solid line."""

CROWD = 40
"""Legend entries that still can be read beside a picture; with more curves only groups are named."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one curve is drawn.

    Attributes
    ----------
    color : str
        Hexadecimal RGB.
    dash : Dash
        Line style.
    marker : Marker
        Shape at the end of the curve.
    width : float
        Line width in points.
    alpha : float
        Opacity, 0 to 1.
    """

    color: str
    dash: Dash
    marker: Marker
    width: float
    alpha: float


def styles(drawn: Sequence[Curve]) -> list[Style]:
    """One style a curve, in order.

    Curves of one ``color_key`` share colour and marker. Their line style is the same too when they belong to a group,
    and tells the side when several sides of a flow are drawn.
    """
    width, alpha = _weight(len(drawn))
    keys = {key: i for i, key in enumerate(dict.fromkeys(c.color_key for c in drawn))}
    has_sides = len({c.side for c in drawn}) > 1
    result = []
    for c in drawn:
        key, side = keys[c.color_key], _SIDE_ORDER.index(c.side)
        dash = DASHES[side] if has_sides and not c.group else DASHES[key % len(DASHES)]
        # The sides of a lone flow differ in colour as well.
        color = COLORS[side if len(keys) == 1 and has_sides else key % len(COLORS)]
        result.append(Style(color, dash, MARKERS[key % len(MARKERS)], width, alpha))
    return result


def _weight(curves: int) -> tuple[float, float]:
    """Line width in points and opacity: thinner and fainter the more curves lie over each other."""
    if curves <= 6:
        return 1.5, 1.0
    if curves <= 15:
        return 1.15, 0.95
    if curves <= CROWD:
        return 0.9, 0.9
    return 0.7, max(0.15, 0.9 * (CROWD / curves) ** 0.5)


def legend(drawn: Sequence[Curve]) -> list[tuple[str, int]]:
    """Legend entries as text and number of the curve that shows its style.

    One entry a curve, or one a group with the number of its curves; none for ungrouped curves beyond `CROWD`.
    """
    groups: dict[str, list[int]] = {}
    for i, c in enumerate(drawn):
        groups.setdefault(c.group or f"\x00{i}", []).append(i)
    if len(groups) > CROWD:
        return []
    return [
        (_named(drawn[members[0]]) if name.startswith("\x00") else _counted(name, len(members)), members[0])
        for name, members in groups.items()
    ]


def _named(c: Curve) -> str:
    """A curve's label, and where it first rose to the threshold."""
    return f"{c.label}  crosses at {c.crossings[0]:,}" if c.crossings.size else c.label


def _counted(name: str, curves: int) -> str:
    """A group's name and how many curves it has."""
    return f"{name} ({curves:,})" if curves > 1 else name
