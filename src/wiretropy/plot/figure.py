"""What a picture of entropy trajectories shows, before anything is drawn.

Curves go in; a `Figure` comes out: curves, ranges, threshold and random band, in numbers and text only. Renderers turn
it into files; none of them looks at a flow record. An empty range or no curve at all is a `ValueError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wiretropy.entropy import random_band, trajectory_grid
from wiretropy.inert import inert
from wiretropy.plot.curves import Curve
from wiretropy.schema import DEFAULT_THRESHOLD, DENSE_STEP, POINTS_PER_OCTAVE

MAX_ENTROPY = 8.0
"""Bits per byte that no byte string exceeds."""

BAND_SDS = 4.0
"""Half width of the random band in standard deviations of the entropy of random bytes."""

CROWDED_SHARE = 0.25
"""Share of a linear axis that is too little for half of the curves. A flow with its two sides and both together stays
linear, as the pictures of the original experiment are: two of these three are long."""

HEADROOM = 0.02
"""Share of the panel's height above 8 bits per byte, so that a curve there is not cut in half."""


@dataclass(frozen=True, slots=True)
class Band:
    """Where the entropy of uniformly random bytes lies: mean and `BAND_SDS` standard deviations to each side.

    Attributes
    ----------
    offsets : ndarray of shape (n,), int64
        Payload bytes.
    mean, low, high : ndarray of shape (n,), float64
        Bits per byte.
    """

    offsets: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"<Band: {self.offsets.size:,} points from {self.offsets[0]:,} to {self.offsets[-1]:,} bytes>"


@dataclass(frozen=True, slots=True)
class Figure:
    """Everything that a renderer draws.

    Attributes
    ----------
    title : str
        Inert text, possibly empty.
    curves : tuple of Curve
        At least one.
    x_range : tuple of float
        First and last payload byte shown.
    y_range : tuple of float
        Lowest and highest entropy shown, in bits per byte.
    threshold : float or None
        Line drawn across, in bits per byte.
    band : Band
        Random bytes of each length.
    block_band : Band or None
        Random bytes of each block's length; None when blocks are not drawn.
    is_log : bool
        Whether the x axis is logarithmic.
    """

    title: str
    curves: tuple[Curve, ...]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    threshold: float | None
    band: Band
    block_band: Band | None = None
    is_log: bool = False

    def __repr__(self) -> str:
        first, last = self.x_range
        return f"<Figure {self.title!r}, curves: {len(self.curves):,}, bytes: {first:g} to {last:g}>"

    def save(self, path: str | Path, *, to: str | None = None) -> Path:
        """Write the picture to a file; see `wiretropy.plot.output.save`."""
        from wiretropy.plot.output import save  # renderers load plotting libraries, this module must not

        return save(self, path, to=to)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        from wiretropy.plot.output import image_bytes

        return image_bytes(self, "png")


def build(
    drawn: Sequence[Curve],
    *,
    zoom: tuple[float, float] | None = None,
    entropy_range: tuple[float, float] | None = None,
    threshold: float | None = DEFAULT_THRESHOLD,
    crossing_threshold: float | None = DEFAULT_THRESHOLD,
    is_log: bool | None = None,
    has_blocks: bool = False,
    title: str = "",
) -> Figure:
    """Describe the picture of some curves.

    Parameters
    ----------
    drawn : sequence of Curve
        At least one.
    zoom : (float, float), optional
        First and last payload byte shown. Default: all of the longest curve.
    entropy_range : (float, float), optional
        Lowest and highest entropy shown, in bits per byte. Default: what the visible parts of the curves need.
    threshold : float or None, default 7.9
        Line drawn across, in bits per byte.
    crossing_threshold : float or None, default 7.9
        Threshold against which the crossings of the records were measured. Crossings of another threshold than the
        one drawn are left out.
    is_log : bool, optional
        Whether the x axis is logarithmic. Default: where the curves differ so much in length that most of them would be
        crowded into its left end, unless a zoom is given.
    has_blocks : bool, default False
        Second panel with the entropy of each block between two points.
    title : str, optional
        Made inert.

    Returns
    -------
    figure : Figure

    Raises
    ------
    ValueError
        If a range is empty or outside what can be shown, no curve has a point in it, or there is no curve.
    """
    if not drawn:
        raise ValueError("there is no curve to draw")
    if is_log is None:
        is_log = zoom is None and _is_crowded(drawn)
    x_range = _x_range(drawn, zoom, is_log)
    _check_visible(drawn, x_range)
    last = int(np.ceil(x_range[1]))
    points = np.union1d(trajectory_grid(last), [last])
    return Figure(
        title=inert(title, max_length=120),
        curves=tuple(drawn) if threshold == crossing_threshold else tuple(map(_without_crossings, drawn)),
        x_range=x_range,
        y_range=_y_range(drawn, x_range, entropy_range),
        threshold=threshold,
        band=_band(points, points),
        block_band=_block_band(last) if has_blocks else None,
        is_log=is_log,
    )


def _is_crowded(drawn: Sequence[Curve]) -> bool:
    """Whether half of the curves, or more, end within `CROWDED_SHARE` of the longest one."""
    lengths = np.array([c.offsets[-1] for c in drawn])
    return bool(np.median(lengths) < CROWDED_SHARE * lengths.max())


def _without_crossings(c: Curve) -> Curve:
    """The same curve, its crossings forgotten."""
    return replace(c, crossings=c.crossings[:0], crossing_packets=c.crossing_packets[:0])


def _block_band(last: int) -> Band:
    """The random band of whole blocks up to the one that holds the last offset, as steps from 0 on."""
    ends = trajectory_grid(last + last // POINTS_PER_OCTAVE + DENSE_STEP)
    return _band(np.append(0, ends), np.diff(ends, prepend=0)[np.r_[0, : ends.size]])


def _x_range(drawn: Sequence[Curve], zoom: tuple[float, float] | None, is_log: bool) -> tuple[float, float]:
    """The part of the x axis to show."""
    first, last = zoom if zoom is not None else (0.0, _rounded_up(max(int(c.offsets[-1]) for c in drawn)))
    if not 0 <= first < last < 2**63:
        raise ValueError(f"the zoom range must rise from 0 or more; got {first:g}:{last:g}")
    if is_log:
        first = max(first, float(min(c.offsets[0] for c in drawn)), 1.0)
        if first >= last:
            first = last / 2
    return float(first), float(last)


def _check_visible(drawn: Sequence[Curve], x_range: tuple[float, float]) -> None:
    """Refuse a range in which there is nothing to see."""
    if not any(visible(c, x_range)[0].size for c in drawn):
        first, last = min(int(c.offsets[0]) for c in drawn), max(int(c.offsets[-1]) for c in drawn)
        curves = f"curve goes from byte {first:,}" if len(drawn) == 1 else f"curves go from byte {first:,}"
        raise ValueError(
            f"there is nothing to see from {x_range[0]:,.0f} to {x_range[1]:,.0f}: the {curves} to {last:,}"
        )


def _rounded_up(last: int) -> float:
    """End of the x axis: a multiple of 4,096 above 16 KB, so that ticks fall on powers of two."""
    step = 4_096 if last > 16_384 else max(1, 5 * 10 ** (len(str(last)) - 3)) if last >= 100 else 1
    return float(-(-last // step) * step)


def _y_range(
    drawn: Sequence[Curve], x_range: tuple[float, float], asked: tuple[float, float] | None
) -> tuple[float, float]:
    """The part of the y axis to show: whole or half bits around the visible parts of the curves, up to 8."""
    if asked is not None:
        if not 0 <= asked[0] < asked[1] <= MAX_ENTROPY + 1:
            raise ValueError(f"the entropy range must rise within 0:8 bits per byte; got {asked[0]:g}:{asked[1]:g}")
        return asked
    lowest = min(float(np.min(visible(c, x_range)[1], initial=MAX_ENTROPY)) for c in drawn)
    step = 0.5 if lowest < MAX_ENTROPY - 1 else 0.1
    low = max(0.0, float(np.floor(min(lowest - step / 10, MAX_ENTROPY - 0.2) / step) * step))
    return low, MAX_ENTROPY + HEADROOM * (MAX_ENTROPY - low)


def visible(c: Curve, x_range: tuple[float, float]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The points of a curve inside a range of offsets, and its interpolated values where it enters and leaves."""
    inside = (c.offsets >= x_range[0]) & (c.offsets <= x_range[1])
    offsets, values = c.offsets[inside], c.entropy[inside]
    for edge in x_range:
        if c.offsets[0] < edge < c.offsets[-1] and edge not in offsets:
            place = int(np.searchsorted(offsets, edge))
            offsets = np.insert(offsets, place, int(edge))
            values = np.insert(values, place, np.interp(edge, c.offsets, c.entropy))
    return offsets, values


def in_range(figure: Figure, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of some offsets that the figure shows."""
    first, last = figure.x_range
    return offsets[(offsets >= first) & (offsets <= last)]


def _band(offsets: NDArray[np.int64], lengths: NDArray[np.int64]) -> Band:
    """The random band of some lengths, drawn at some offsets."""
    law = random_band(lengths, BAND_SDS)
    return Band(offsets=offsets, mean=law.mean, low=law.low, high=law.high)
