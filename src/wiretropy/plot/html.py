"""An interactive page by plotly, in one file that works offline.

A `Figure` goes in; HTML text comes out: zoom, hover with offset, entropy, the random band there and the packet number
where it is known, curves switched by a click on their name. The plotting library's JavaScript is inside, compressed,
and unpacked by the browser; a content security policy forbids the page to load anything, so opening it tells nobody.
Text is escaped for HTML, which plotly would otherwise read as markup.
"""

from __future__ import annotations

import base64
import gzip
import html
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from wiretropy.entropy import random_band
from wiretropy.plot.curves import Curve
from wiretropy.plot.figure import BAND_SDS, Band, Figure
from wiretropy.plot.style import BAND_COLOR, THRESHOLD_COLOR, Style, legend, styles

_DASHES = {"solid": "solid", "dash": "dash", "dashdot": "dashdot", "dot": "dot", "longdash": "longdashdot"}
_MARKERS = {
    "circle": "circle",
    "square": "square",
    "triangle": "triangle-up",
    "diamond": "diamond",
    "down": "triangle-down",
    "cross": "x",
    "plus": "cross",
}

_ROW_PIXELS = 19
"""Height of one legend row."""

_LEAST_HEIGHT_PIXELS = 560

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="wiretropy">
<title>{title}</title>
<style>
body {{ font-family: "DejaVu Sans", Verdana, Arial, sans-serif; color: #222; margin: 1rem 1.5rem; }}
h1 {{ font-size: 1.15rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }}
p {{ font-size: .85rem; color: #555; margin: .2rem 0; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>Drag to zoom, double-click to zoom out. Click a name to hide its curve, double-click to show it alone.</p>
<p id="fault">The picture is drawn by JavaScript, which is inside this page.</p>
<div id="trajectories" style="height:{height}px"></div>
<script id="figure" type="application/json">{figure}</script>
<script id="library" type="text/plain">{library}</script>
<script>
(async () => {{
  const fault = document.getElementById("fault");
  try {{
    const packed = Uint8Array.from(atob(document.getElementById("library").textContent), (c) => c.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const library = document.createElement("script");
    library.textContent = await new Response(unpacked).text();
    document.head.append(library);
    const figure = JSON.parse(document.getElementById("figure").textContent);
    await Plotly.newPlot("trajectories", figure.data, figure.layout, figure.config);
    fault.remove();
  }} catch (error) {{
    fault.textContent = "The picture cannot be drawn: " + error +
      ". Browsers from 2023 on can (Firefox 113, Safari 16.4, Chrome or Edge 80).";
  }}
}})();
</script>
</body>
</html>
"""


def page(figure: Figure) -> str:
    """The picture as a whole HTML page.

    Parameters
    ----------
    figure : Figure
        What to draw.

    Returns
    -------
    page : str
        HTML; the same figure gives the same text, with the same plotly and zlib.
    """
    # plotly's default tool bar holds a button that uploads the picture and its data to its makers' server.
    config = {
        "displaylogo": False,
        "showSendToCloud": False,
        "plotlyServerURL": "",
        "modeBarButtonsToRemove": ["lasso2d", "select2d"],
        "responsive": True,
        "scrollZoom": True,
    }
    drawn = draw(figure)
    text = to_json_plotly({**drawn.to_plotly_json(), "config": config}, engine="json")
    return _PAGE.format(
        title=html.escape(figure.title or "entropy trajectories"),
        height=drawn.layout.height,
        # Inside a script element "<" could end it or begin a comment; JSON writes it another way.
        figure=text.replace("<", "\\u003c"),
        library=_library(),
    )


@cache
def _library() -> str:
    """The plotting library in base64, compressed to a third of its size."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode("ascii")


def draw(figure: Figure) -> go.Figure:
    """Draw with plotly and hand over its figure, for notebooks and for those who want to change it."""
    canvas = go.Figure()
    _band(canvas, figure.band, "y", f"random bytes, mean ± {BAND_SDS:g} SD")
    if figure.block_band is not None:
        _band(canvas, figure.block_band, "y2", "")
    texts = {i: text for text, i in legend(figure.curves)}
    for i, (c, style) in enumerate(zip(figure.curves, styles(figure.curves), strict=True)):
        _curve(canvas, c, style, texts.get(i))
        _marks(canvas, figure, c, style)
        if figure.block_band is not None:
            _blocks(canvas, c, style)
    _axes(canvas, figure)
    return canvas


def _band(canvas: go.Figure, band: Band, axis: str, name: str) -> None:
    """The random band as a closed shape behind the curves, and its mean."""
    shape = "vh" if axis == "y2" else "linear"  # blocks are steps, drawn up to the end of each
    common: dict[str, Any] = {"hoverinfo": "skip", "yaxis": axis, "legendgroup": "band", "mode": "lines"}
    x = np.concatenate([band.offsets, band.offsets[::-1]])
    y = np.concatenate([band.high, band.low[::-1]])
    if axis == "y":
        canvas.add_scatter(
            x=x,
            y=y,
            fill="toself",
            line={"width": 0},
            fillcolor="rgba(158, 158, 158, 0.38)",
            name=name,
            showlegend=bool(name),
            **common,
        )
    else:
        for edge, fill in ((band.low, None), (band.high, "tonexty")):
            canvas.add_scatter(
                x=band.offsets,
                y=edge,
                fill=fill,
                line={"width": 0, "shape": shape},
                fillcolor="rgba(158, 158, 158, 0.38)",
                showlegend=False,
                **common,
            )
    canvas.add_scatter(
        x=band.offsets,
        y=band.mean,
        line={"width": 0.8, "color": BAND_COLOR, "shape": shape},
        showlegend=False,
        **common,
    )


def _curve(canvas: go.Figure, c: Curve, style: Style, legend_text: str | None) -> None:
    """One trajectory with everything known about each of its points under the pointer."""
    law = random_band(c.offsets, BAND_SDS)
    packets = np.zeros(c.offsets.size, dtype=np.int64) if c.packets is None else c.packets
    custom = np.array(
        [
            [f"{mean:.4f} ± {BAND_SDS * sd:.4f}", f"<br>packet {packet:,}" if packet else ""]
            for mean, sd, packet in zip(law.mean, law.sd, packets, strict=True)
        ],
        dtype=object,
    )
    canvas.add_scatter(
        x=c.offsets,
        y=c.entropy,
        customdata=custom,
        name=html.escape(legend_text if legend_text is not None else c.label),
        text=html.escape(c.label),
        mode="lines",
        line={"color": style.color, "dash": _DASHES[style.dash], "width": style.width * 1.2},
        opacity=style.alpha,
        legendgroup=_legend_group(c),
        showlegend=legend_text is not None,
        hovertemplate="<b>%{text}</b><br>%{x:,} payload bytes<br>%{y:.4f} bits per byte"
        "<br>random bytes %{customdata[0]}%{customdata[1]}<extra></extra>",
    )


def _marks(canvas: go.Figure, figure: Figure, c: Curve, style: Style) -> None:
    """End, gaps and crossings of a curve, each saying what it is under the pointer."""
    label = html.escape(c.label)
    at = [
        (
            int(c.offsets[-1]),
            float(c.entropy[-1]),
            _MARKERS[style.marker] + "-open",
            f"ends after {c.offsets[-1]:,} bytes",
        )
    ]
    for offset, missing in zip(c.gaps, c.gap_bytes, strict=False):
        height = float(np.interp(offset, c.offsets, c.entropy))
        at.append((int(offset), height, "line-ns-open", f"gap of {missing:,} bytes after {offset:,}"))
    if figure.threshold is not None:
        for i, (offset, packet) in enumerate(zip(c.crossings, c.crossing_packets, strict=False)):
            verb = "rises to" if i % 2 == 0 else "falls below"
            what = f"{verb} {figure.threshold:g} at {offset:,} bytes, packet {packet:,}"
            at.append((int(offset), figure.threshold, "circle", what))
    x, y, symbols, texts = zip(*at, strict=True)
    canvas.add_scatter(
        x=x,
        y=y,
        text=[f"<b>{label}</b><br>{text}" for text in texts],
        mode="markers",
        marker={"symbol": symbols, "size": 7, "color": style.color, "line": {"width": 1.5, "color": style.color}},
        legendgroup=_legend_group(c),
        showlegend=False,
        hovertemplate="%{text}<extra></extra>",
    )


def _blocks(canvas: go.Figure, c: Curve, style: Style) -> None:
    """Entropy of each block between two points, as steps that end where the block ends."""
    canvas.add_scatter(
        x=np.concatenate([[0], c.offsets[: c.block_entropy.size]]),
        y=np.concatenate([c.block_entropy[:1], c.block_entropy]),
        text=html.escape(c.label),
        yaxis="y2",
        mode="lines",
        line={"color": style.color, "dash": _DASHES[style.dash], "width": style.width * 0.8, "shape": "vh"},
        opacity=style.alpha,
        legendgroup=_legend_group(c),
        showlegend=False,
        hovertemplate="<b>%{text}</b><br>block up to %{x:,}<br>%{y:.4f} bits per byte<extra></extra>",
    )


def _legend_group(c: Curve) -> str:
    """What one click in the legend switches."""
    return html.escape(c.group or f"{c.uid} {c.side}")


def _axes(canvas: go.Figure, figure: Figure) -> None:
    """Scales, units, threshold, and the switch between linear and logarithmic offsets."""
    has_blocks = figure.block_band is not None
    linear = list(figure.x_range)
    logarithmic = [float(np.log10(max(linear[0], 32.0))), float(np.log10(linear[1]))]
    axis = {"showline": True, "linecolor": "#333", "ticks": "outside", "zeroline": False, "showgrid": False}
    entropy = axis | {"showgrid": True, "gridcolor": "#E4E4E4"}
    canvas.update_layout(
        template="none",
        height=max(_LEAST_HEIGHT_PIXELS, len(figure.curves) * _ROW_PIXELS + 160) + (170 if has_blocks else 0),
        margin={"l": 70, "r": 20, "t": 40, "b": 60},
        hovermode="closest",
        font={"family": "DejaVu Sans, Verdana, Arial, sans-serif", "size": 12},
        legend={"font": {"size": 11}, "tracegroupgap": 0, "itemwidth": 45, "y": 1, "yanchor": "top"},
        xaxis=axis
        | {
            "title": {"text": "payload bytes"},
            "tickformat": ",",
            "anchor": "y2" if has_blocks else "y",
            "type": "log" if figure.is_log else "linear",
            "range": logarithmic if figure.is_log else linear,
        },
        yaxis=entropy
        | {
            "title": {"text": "entropy, bits per byte"},
            "range": list(figure.y_range),
            "domain": [0.32, 1] if has_blocks else [0, 1],
        },
        updatemenus=[_scale_switch(linear, logarithmic, figure.is_log)],
    )
    if has_blocks:
        canvas.update_layout(
            yaxis2=entropy | {"title": {"text": "block entropy"}, "range": [0, 8.2], "domain": [0, 0.26]}
        )
    if figure.threshold is not None:
        line = {"color": THRESHOLD_COLOR, "width": 1.2, "dash": "dash"}
        canvas.add_shape(
            type="line",
            xref="paper",
            x0=0,
            x1=1,
            yref="y",
            y0=figure.threshold,
            y1=figure.threshold,
            line=line,
            layer="below",
        )
        canvas.add_annotation(
            xref="paper",
            x=1,
            xanchor="right",
            yref="y",
            y=figure.threshold,
            yanchor="top",
            text=f"threshold {figure.threshold:g}",
            showarrow=False,
            font={"size": 11},
        )


def _scale_switch(linear: list[float], logarithmic: list[float], is_log: bool) -> dict[str, Any]:
    """Two buttons above the panel."""

    def button(label: str, scale: str, span: list[float]) -> dict[str, Any]:
        return {"label": label, "method": "relayout", "args": [{"xaxis.type": scale, "xaxis.range": span}]}

    return {
        "type": "buttons",
        "direction": "right",
        "x": 0,
        "xanchor": "left",
        "y": 1.0,
        "yanchor": "bottom",
        "pad": {"b": 6},
        "active": int(is_log),
        "font": {"size": 11},
        "showactive": True,
        "buttons": [button("linear offsets", "linear", linear), button("logarithmic", "log", logarithmic)],
    }
