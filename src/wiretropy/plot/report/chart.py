"""The picture of one flow with alerts: curves of both sides against random bytes, and its segments as strips below.

A flow with its alerts goes in; SVG text comes out, to stand inside an HTML page whose style sheet has the colours.
Nothing is loaded and no style attribute is used, which the page's policy would forbid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from wiretropy.entropy import random_band, random_quantile
from wiretropy.plot.curves import Curve, Side, curve
from wiretropy.plot.figure import Figure, build
from wiretropy.plot.layout import across, byte_ticks, spread, up
from wiretropy.plot.report.gather import FlowAlerts
from wiretropy.plot.report.segments import Segment, segments_of, sides_with_segments
from wiretropy.policy.alert import Alert

BAND_LEVEL = 1e-3
"""Share of random payloads outside of the shaded band, half of it on each side."""

SIDE_NAMES: dict[Side, str] = {"orig": "originator", "resp": "responder", "both": "both sides"}

_WIDTH = 860
_LEFT, _RIGHT, _TOP, _HEIGHT = 48, 764, 10, 260
"""The panel in the picture's own units, CSS pixels where the page is wide enough. Right of it stand labels."""

_STRIP_HEIGHT, _STRIP_STEP = 20, 28
_BELOW = 46
"""From the panel to the first strip: ticks and the axis' name."""

_LETTER = 6.4
"""Width of a letter of the strips, on the safe side; a name that does not fit is left out."""


_FIRST_BYTE = 16.0
"""Left end of the picture: half of where curves begin, so that a segment which ends before is still seen."""

_LABEL_WIDTH = 76
"""Width of the longest name of a curve."""

_LABEL_HEIGHT = 8
"""From the middle of a name to what it may not touch."""


def chart(flow: FlowAlerts, name: str) -> Markup | None:
    """Draw a flow.

    Parameters
    ----------
    flow : FlowAlerts
        The flow and its alerts.
    name : str
        Prefix of the element ids inside, unique in the page.

    Returns
    -------
    svg : Markup or None
        None where no payload was measured.
    """
    # Both sides together are drawn only for alerts that are about them: their curve would cross the others.
    sides = [side for side in SIDE_NAMES if side != "both" or any(alert.side == side for alert in flow.alerts)]
    drawn = [c for side in sides if (c := curve(flow.record, side, SIDE_NAMES[side])) is not None]
    if not drawn:
        return None
    threshold = next((alert.threshold for alert in flow.alerts if alert.threshold is not None), None)
    figure = _figure(drawn, threshold)
    strips = sides_with_segments(flow.record)
    height = _TOP + _HEIGHT + _BELOW + len(strips) * _STRIP_STEP
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="{name}-t {name}-d">',
        f'<title id="{name}-t">Entropy of the payload, byte by byte</title>',
        f'<desc id="{name}-d">{escape(_described(drawn, flow.alerts))}</desc>',
        _band(figure),
        _axes(figure),
        _threshold(figure),
        *(_curve(figure, c) for c in drawn),
        *(_alert(figure, alert) for alert in flow.alerts),
        _labels(figure),
        *(_strip(figure, side, segments_of(flow.record, side), at) for at, side in enumerate(strips)),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - numbers and own words; what comes from outside is escaped above


def _figure(drawn: Sequence[Curve], threshold: float | None) -> Figure:
    """Ranges and band; offsets are logarithmic, so that a handshake is as wide as the long part behind it."""
    figure = build(drawn, threshold=threshold, crossing_threshold=threshold, is_log=True)
    first = min(_FIRST_BYTE, figure.x_range[1] / 2)
    return replace(figure, x_range=(first, figure.x_range[1]))


def _described(drawn: Sequence[Curve], alerts: Sequence[Alert]) -> str:
    """The picture in words, for those who do not see it."""
    ends = [f"{c.label} {c.entropy[-1]:.3f} bits per byte after {c.offsets[-1]:,} bytes" for c in drawn]
    means = [f"random bytes would average {random_band(c.offsets[-1:]).mean[0]:.3f}" for c in drawn]
    curves = "; ".join(f"{end}, where {mean}" for end, mean in zip(ends, means, strict=True))
    marks = ", ".join(f"byte {alert.offset:,} of {SIDE_NAMES[_side(alert)]}" for alert in alerts)
    return f"{curves}. Marked: {marks}."


def _side(alert: Alert) -> Side:
    """Whose payload an alert is about."""
    return next(side for side in SIDE_NAMES if side == alert.side)


def _x(figure: Figure, offsets: Any) -> NDArray[np.float64]:
    """Offsets in bytes as places; those left of the panel, as byte 0 is, at its edge."""
    shares = np.clip(across(figure, np.asarray(offsets, dtype=np.float64)), 0.0, 1.0)
    return _LEFT + shares * (_RIGHT - _LEFT)


def _y(figure: Figure, entropy: Any) -> NDArray[np.float64]:
    """Entropies in bits per byte as places; those below the panel at its edge."""
    shares = np.clip(up(figure, np.asarray(entropy, dtype=np.float64)), 0.0, 1.0)
    return _TOP + _HEIGHT - shares * _HEIGHT


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Points of a path, to a tenth of a pixel."""
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


@lru_cache(maxsize=64)
def _law(offsets: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean and both edges of the band of random bytes; flows cut off at one depth share it."""
    low, high = (random_quantile(offsets, BAND_LEVEL / 2, tail=tail).quantile for tail in ("low", "high"))
    return random_band(offsets).mean, low, high


def _band(figure: Figure) -> str:
    """Where random bytes lie: mean, and the band that all but `BAND_LEVEL` of them stay in."""
    offsets = figure.band.offsets
    mean, low, high = _law(tuple(offsets.tolist()))
    x = _x(figure, offsets)
    shape = _points(np.append(x, x[::-1]), np.append(_y(figure, high), _y(figure, low)[::-1]))
    return f'<polygon class="band" points="{shape}"/><polyline class="mean" points="{_points(x, _y(figure, mean))}"/>'


def _axes(figure: Figure) -> str:
    """Frame, grid, ticks and the axes' names."""
    bottom = _TOP + _HEIGHT
    parts = []
    low, high = figure.y_range
    step = 1 if high - low > 2.5 else 0.5 if high - low > 1.2 else 0.1
    for level in np.arange(np.ceil(low / step) * step, 8 + step / 2, step):
        y = float(_y(figure, level))
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level:g}</text>'
        )
    for tick in byte_ticks(figure):
        x = float(_x(figure, tick))
        parts.append(
            f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
            f'<text class="tick" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{tick:,}</text>'
        )
    parts.append(
        f'<rect class="edge" x="{_LEFT}" y="{_TOP}" width="{_RIGHT - _LEFT}" height="{_HEIGHT}" fill="none"/>'
        f'<text class="name" x="{(_LEFT + _RIGHT) / 2}" y="{bottom + 34}" text-anchor="middle">'
        "payload bytes of a side, logarithmic</text>"
        f'<text class="name" transform="translate(13 {_TOP + _HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        "entropy, bits per byte</text>"
    )
    return "".join(parts)


def _threshold(figure: Figure) -> str:
    """The line that the rule compares with, named at its left end, where curves have not risen yet."""
    if figure.threshold is None or not figure.y_range[0] <= figure.threshold <= figure.y_range[1]:
        return ""
    y = float(_y(figure, figure.threshold))
    return (
        f'<line class="threshold" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick halo" x="{_LEFT + 6}" y="{y + 14:.1f}">threshold {figure.threshold:g}</text>'
    )


def _curve(figure: Figure, c: Curve) -> str:
    """One side's trajectory, its end and its gaps."""
    x, y = _x(figure, c.offsets), _y(figure, c.entropy)
    gaps = [
        f'<line class="gap {c.side}" x1="{at:.1f}" x2="{at:.1f}" y1="{height - 7:.1f}" y2="{height + 7:.1f}">'
        f"<title>gap of {missing:,} bytes after {offset:,}</title></line>"
        for offset, missing, at, height in zip(
            c.gaps,
            c.gap_bytes,
            _x(figure, c.gaps),
            _y(figure, np.interp(c.gaps, c.offsets, c.entropy)),
            strict=False,
        )
    ]
    return (
        f'<polyline class="curve {c.side}" points="{_points(x, y)}"/>'
        f'<circle class="end {c.side}" cx="{x[-1]:.1f}" cy="{y[-1]:.1f}" r="2.6"/>{"".join(gaps)}'
    )


def _alert(figure: Figure, alert: Alert) -> str:
    """A ring where the rule was broken."""
    [c] = [c for c in figure.curves if c.side == _side(alert)] or figure.curves[:1]
    x, y = float(_x(figure, alert.offset)), float(_y(figure, np.interp(alert.offset, c.offsets, c.entropy)))
    what = f"{alert.rule}: byte {alert.offset:,}, packet {alert.packet:,}"
    return f'<circle class="alarm" cx="{x:.1f}" cy="{y:.1f}" r="6"><title>{escape(what)}</title></circle>'


def _labels(figure: Figure) -> str:
    """Names of the curves at their ends, kept from covering each other and the curves."""
    ends = [float(_y(figure, c.entropy[-1])) for c in figure.curves]
    places = [float(_x(figure, c.offsets[-1])) + 7 for c in figure.curves]
    places = [x if x + _LABEL_WIDTH < _RIGHT else _RIGHT + 8 for x in places]
    if max(places) - min(places) < _LABEL_WIDTH:
        ends = spread(np.array(ends), 14.0, _TOP + 6.0, _TOP + _HEIGHT - 4.0).tolist()
    return "".join(
        f'<text class="side {c.side} halo" x="{x:.1f}" y="{_clear(figure, x, y) + 4:.1f}">{c.label}</text>'
        for c, x, y in zip(figure.curves, places, ends, strict=True)
    )


def _clear(figure: Figure, x: float, y: float) -> float:
    """The height nearest to `y` at which no curve runs through a name that begins at `x`."""
    if x > _RIGHT:
        return y
    probes = np.linspace(x, x + _LABEL_WIDTH, 16)
    heights = [np.interp(probes, _x(figure, c.offsets), _y(figure, c.entropy), right=np.nan) for c in figure.curves]
    free = [
        y + shift
        for shift in (0, -12, 12, -18, 18, -24, 24)
        if _TOP + 6 <= y + shift <= _TOP + _HEIGHT - 6
        and not any(np.nanmin(np.abs(h - y - shift), initial=np.inf) < _LABEL_HEIGHT for h in heights)
    ]
    return free[0] if free else y


def _strip(figure: Figure, side: Side, segments: Sequence[Segment], at: int) -> str:
    """The segments of one side along the picture's x axis, each with its pattern, and its name where that fits."""
    y = _TOP + _HEIGHT + _BELOW + at * _STRIP_STEP
    parts = [f'<text class="side {side}" x="{_RIGHT + 8}" y="{y + 14}">{SIDE_NAMES[side]}</text>']
    for segment in segments:
        first, last = _x(figure, [segment.start, segment.end])
        width = max(float(last - first), 0.5)
        parts.append(
            f'<g class="kind-{segment.slug}"><title>{escape(segment.described)}</title>'
            f'<rect class="ground" x="{first:.1f}" y="{y}" width="{width:.1f}" height="{_STRIP_HEIGHT}"/>'
            f'<rect class="pattern" x="{first:.1f}" y="{y}" width="{width:.1f}" height="{_STRIP_HEIGHT}"/>'
        )
        if width > len(segment.kind) * _LETTER + 8:
            parts.append(f'<text x="{first + 4:.1f}" y="{y + 14}">{escape(segment.kind)}</text>')
        parts.append("</g>")
    return "".join(parts) + _bounds(figure, segments, y)


def _bounds(figure: Figure, segments: Sequence[Segment], y: int) -> str:
    """Lines between segments, which tell neighbours apart without colour."""
    places = [float(_x(figure, segment.start)) for _, segment in pairwise(segments)]
    return "".join(f'<line class="bound" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + _STRIP_HEIGHT}"/>' for x in places)
