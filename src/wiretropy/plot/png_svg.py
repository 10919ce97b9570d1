"""PNG and SVG by matplotlib, for print and for pages.

A `Figure` goes in; an image file comes out, the same bytes for the same figure: no date, fixed identifiers, and none of
the user's matplotlib settings. The object interface is used throughout, so no window system and no global state of
``pyplot`` is touched. Text is never read as mathematics (``$``) or markup.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from wiretropy.plot.curves import Curve
from wiretropy.plot.figure import BAND_SDS, Band, Figure, in_range, visible
from wiretropy.plot.layout import byte_ticks, end, spread, text_place
from wiretropy.plot.style import BAND_COLOR, THRESHOLD_COLOR, Dash, Marker, Style, legend, styles

DPI = 200
"""Dots per inch of a PNG: a column-wide figure stays sharp in print."""

# Sizes in inches. The panel keeps its size whatever stands beside it, so figures of one report line up.
_PANEL_WIDTH, _PANEL_HEIGHT, _BLOCKS_HEIGHT = 6.4, 4.0, 1.5
_LEFT, _BOTTOM, _BETWEEN, _EDGE, _LAST_TICK = 0.62, 0.55, 0.16, 0.12, 0.3
_KEY_HEIGHT, _TITLE_HEIGHT = 0.30, 0.28
_LEADER, _SAMPLE, _LEGEND_STEP = 0.26, 0.42, 0.148

_DASHES: dict[Dash, Any] = {
    "solid": "solid",
    "dash": (0, (5, 1.6)),
    "dashdot": (0, (6, 1.6, 1.2, 1.6)),
    "dot": (0, (1.3, 1.3)),
    "longdash": (0, (9, 1.6, 3, 1.6)),
}
_MARKERS: dict[Marker, str] = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "down": "v",
    "cross": "X",
    "plus": "P",
}

_SETTINGS = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 8.0,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#333333",
    "axes.labelcolor": "#222222",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "wiretropy",
    "path.simplify": True,
}


def write(figure: Figure, target: Path | IO[bytes], kind: str) -> None:
    """Write an image.

    Parameters
    ----------
    figure : Figure
        What to draw.
    target : Path or binary file
        Where to.
    kind : {'png', 'svg'}
        Format.
    """
    with _settings():
        metadata = {"Date": None, "Creator": "wiretropy"} if kind == "svg" else {"Software": "wiretropy"}
        draw(figure).savefig(target, format=kind, dpi=DPI, metadata=metadata)


def draw(figure: Figure) -> Canvas:
    """Draw with matplotlib and hand over its figure, for those who want to change it.

    Returns
    -------
    canvas : matplotlib.figure.Figure
        Axes 0 holds the trajectories (its lines: curves first, in order), axes 1 the blocks if there are any.
    """
    with _settings():
        entries = legend(figure.curves)
        panel = max(_PANEL_HEIGHT, len(entries) * _LEGEND_STEP)
        canvas, axes = _panels(figure, panel)
        shown = styles(figure.curves)
        for c, style in zip(figure.curves, shown, strict=True):
            _curve(axes[0], figure, c, style)
        for c, style in zip(figure.curves, shown, strict=True):
            _marks(axes[0], figure, c, style)
        _fill(axes[0], figure.band)
        _axis_text(axes, figure)
        if figure.block_band is not None:
            _blocks(axes[1], figure, shown)
        _key(canvas, axes[0], figure)
        _legend(canvas, axes[0], figure, shown, entries)
        _widen(canvas)
        if figure.threshold is not None:
            _threshold(axes[0], figure, figure.threshold)
    return canvas


@contextmanager
def _settings() -> Iterator[None]:
    """Matplotlib's defaults and ours, whatever the user's configuration says."""
    defaults: Any = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
    with mpl.rc_context(defaults | _SETTINGS), warnings.catch_warnings():
        # A label in a script that the font lacks is drawn as boxes; there is nothing the user could do about it here.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _panels(figure: Figure, panel: float) -> tuple[Canvas, list[Axes]]:
    """An empty canvas with one or two panels, placed in inches; the legend widens it later."""
    blocks = _BLOCKS_HEIGHT + _BETWEEN if figure.block_band is not None else 0.0
    title = _TITLE_HEIGHT if figure.title else 0.0
    width, height = _LEFT + _PANEL_WIDTH + _LAST_TICK, _BOTTOM + blocks + panel + _KEY_HEIGHT + title
    canvas = Canvas(figsize=(width, height), dpi=100, facecolor="white")
    FigureCanvasAgg(canvas)

    def add(bottom: float, tall: float) -> Axes:
        return canvas.add_axes((_LEFT / width, bottom / height, _PANEL_WIDTH / width, tall / height))

    axes = [add(_BOTTOM + blocks, panel)]
    if blocks:
        axes.append(add(_BOTTOM, _BLOCKS_HEIGHT))
    return canvas, axes


def _axis_text(axes: list[Axes], figure: Figure) -> None:
    """Scales, ticks, units."""
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="#E4E4E4", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_xscale("log" if figure.is_log else "linear")
        ax.set_xlim(*figure.x_range)
        ax.set_xticks(byte_ticks(figure))
        ax.set_xticks([], minor=True)
        ax.set_xticklabels([f"{tick:,}" for tick in byte_ticks(figure)] if ax is axes[-1] else [])
        ax.tick_params(length=3, width=0.7)
    axes[0].set_ylim(*figure.y_range)
    axes[0].set_ylabel("entropy, bits per byte")
    axes[-1].set_xlabel("payload bytes" + (" (logarithmic)" if figure.is_log else ""))


def _curve(ax: Axes, figure: Figure, c: Curve, style: Style) -> None:
    """One trajectory; a curve of a single point is a marker only."""
    offsets, values = visible(c, figure.x_range)
    ax.plot(
        offsets,
        values,
        color=style.color,
        linestyle=_DASHES[style.dash],
        linewidth=style.width,
        alpha=style.alpha,
        solid_joinstyle="round",
        label=c.label if not c.label.startswith("_") else f" {c.label}",
        zorder=3 + list(_DASHES).index(style.dash) / 10,  # a solid line shows between the dashes of one above it
    )


def _marks(ax: Axes, figure: Figure, c: Curve, style: Style) -> None:
    """A marker where a curve ends inside the panel, a bar at every gap, a dot where it first reaches the threshold."""
    x, _, is_cut = end(figure, c)
    if x >= 0 and not is_cut:
        last = visible(c, figure.x_range)
        ax.plot(last[0][-1:], last[1][-1:], **_marker(style), alpha=style.alpha, zorder=4)
    gaps = in_range(figure, c.gaps)
    if gaps.size:
        at = np.interp(gaps, c.offsets, c.entropy)
        ax.plot(gaps, at, linestyle="none", marker="|", markersize=9, markeredgewidth=1.1, color=style.color, zorder=5)
    first = in_range(figure, c.crossings[:1])
    if figure.threshold is not None and first.size:
        ax.plot(first, [figure.threshold], linestyle="none", marker="o", markersize=3.4, color=style.color, zorder=5)


def _marker(style: Style) -> dict[str, Any]:
    """Marker settings of a style: white inside, so that a curve beneath stays visible."""
    return {
        "linestyle": "none",
        "marker": _MARKERS[style.marker],
        "markersize": 2.6 + style.width,
        "markerfacecolor": "white",
        "markeredgecolor": style.color,
        "markeredgewidth": 0.9,
    }


def _fill(ax: Axes, band: Band, *, is_step: bool = False) -> None:
    """The random band behind the curves; as steps for blocks, each drawn up to its end."""
    step: Any = "pre" if is_step else None
    ax.fill_between(band.offsets, band.low, band.high, color=BAND_COLOR, alpha=0.38, linewidth=0.4, zorder=1, step=step)
    style: Any = "steps-pre" if is_step else "default"
    ax.plot(band.offsets, band.mean, color="#757575", linewidth=0.6, zorder=1.5, drawstyle=style)


def _threshold(ax: Axes, figure: Figure, threshold: float) -> None:
    """The threshold, named where the name hides least."""
    if not figure.y_range[0] <= threshold <= figure.y_range[1]:
        return
    ax.axhline(threshold, color=THRESHOLD_COLOR, linewidth=0.8, linestyle=(0, (4, 3)), zorder=2)
    text = f"threshold {threshold:g}"
    height = 0.10 / (ax.get_position().height * ax.figure.get_figheight())  # type: ignore[union-attr]
    x, y = text_place(figure, threshold, len(text) * 0.062 / _PANEL_WIDTH, height)
    halo = [withStroke(linewidth=2.2, foreground="white")]
    ax.text(x, y, text, transform=ax.transAxes, fontsize=7.5, color=THRESHOLD_COLOR, path_effects=halo, zorder=6)


def _blocks(ax: Axes, figure: Figure, shown: list[Style]) -> None:
    """Entropy of each block as steps, over the band of random blocks of the same lengths."""
    for c, style in zip(figure.curves, shown, strict=True):
        ends = c.offsets[: c.block_entropy.size]
        if ends.size:
            edges = np.concatenate([[0], ends])
            ax.stairs(
                c.block_entropy,
                edges,
                baseline=None,
                color=style.color,
                linewidth=style.width * 0.65,
                linestyle=_DASHES[style.dash],
                alpha=style.alpha,
                zorder=3,
            )
    if figure.block_band is not None:
        _fill(ax, figure.block_band, is_step=True)
    ax.set_ylim(0.0, 8.2)
    ax.set_yticks([0, 2, 4, 6, 8])
    ax.set_ylabel("block entropy,\nbits per byte")


def _key(canvas: Canvas, ax: Axes, figure: Figure) -> None:
    """Title, and under it what the background and the marks mean."""
    top = ax.get_position().y1 * canvas.get_figheight()
    inches = canvas.dpi_scale_trans
    if figure.title:
        place = (_LEFT, top + _KEY_HEIGHT + 0.04)
        canvas.text(*place, figure.title, transform=inches, fontsize=10, weight="bold", va="bottom")
    x, y = _LEFT, top + 0.13
    band = Rectangle((x, y - 0.05), 0.3, 0.1, color=BAND_COLOR, alpha=0.38, linewidth=0, transform=inches)
    canvas.add_artist(band)
    canvas.add_artist(Line2D([x, x + 0.3], [y, y], color="#757575", linewidth=0.6, transform=inches))
    x = _key_text(canvas, x + 0.37, y, f"random bytes, mean ± {BAND_SDS:g} SD")
    marks = {"gaps": ("|", 8.0, "gap: bytes never seen"), "crossings": ("o", 3.4, "first rises to the threshold")}
    for name, (marker, size, text) in marks.items():
        if any(in_range(figure, getattr(c, name)).size for c in figure.curves):
            mark = Line2D([x + 0.05], [y], marker=marker, markersize=size, markeredgewidth=1.1, color="#333333")
            mark.set(transform=inches, linestyle="none")
            canvas.add_artist(mark)
            x = _key_text(canvas, x + 0.15, y, text)


def _key_text(canvas: Canvas, x: float, y: float, text: str) -> float:
    """One text of the key, placed in inches; where the next entry begins."""
    placed = canvas.text(x, y, text, transform=canvas.dpi_scale_trans, fontsize=7.5, va="center")
    return float(placed.get_window_extent().x1) / canvas.dpi + 0.25


def _legend(canvas: Canvas, ax: Axes, figure: Figure, shown: list[Style], entries: list[tuple[str, int]]) -> None:
    """Names beside the panel, each as near as can be to where its curve ends, and joined to it."""
    if not entries:
        canvas.text(
            _LEFT + _PANEL_WIDTH,
            ax.get_position().y1 * canvas.get_figheight() + 0.13,
            f"{len(figure.curves):,} curves",
            transform=canvas.dpi_scale_trans,
            fontsize=7.5,
            ha="right",
            va="center",
        )
        return
    box, tall = ax.get_position(), canvas.get_figheight()
    bottom, height, right = box.y0 * tall, box.height * tall, _LEFT + _PANEL_WIDTH
    ends = [end(figure, figure.curves[i]) for _, i in entries]
    wanted = bottom + height * np.clip([y for _, y, _ in ends], 0.0, 1.0)
    placed = spread(wanted, _LEGEND_STEP, bottom + 0.05, bottom + height - 0.02)
    for (text, i), at, y, (_, _, is_cut) in zip(entries, wanted, placed, ends, strict=True):
        _entry(canvas, text, shown[i], right, float(at) if is_cut else None, float(y))


def _entry(canvas: Canvas, text: str, style: Style, right: float, start: float | None, y: float) -> None:
    """One name with a sample of its line, and a leader from the curve's end if that lies on the panel's edge."""
    inches = canvas.dpi_scale_trans
    x = right + _LEADER
    if start is not None:
        canvas.add_artist(
            Line2D([right + 0.02, x - 0.03], [start, y], color=style.color, linewidth=0.5, alpha=0.8, transform=inches)
        )
    sample = Line2D(
        [x, x + _SAMPLE],
        [y, y],
        color=style.color,
        linestyle=_DASHES[style.dash],
        linewidth=max(style.width, 1.0),
        transform=inches,
    )
    canvas.add_artist(sample)
    if start is None:
        canvas.add_artist(Line2D([x + _SAMPLE], [y], transform=inches, **_marker(style)))
    canvas.text(x + _SAMPLE + 0.09, y, text, transform=inches, fontsize=7, va="center_baseline")


def _widen(canvas: Canvas) -> None:
    """Make room for the texts at the right without moving the panels."""
    old = canvas.get_figwidth()
    widest = max(text.get_window_extent().x1 for text in canvas.texts) / canvas.dpi
    width = max(old, widest + _EDGE)
    canvas.set_figwidth(width)
    for ax in canvas.axes:
        box = ax.get_position()
        ax.set_position((box.x0 * old / width, box.y0, box.width * old / width, box.height))
