"""Data files and a script for gnuplot.

A `Figure` goes in; a folder comes out: one ``.dat`` file a curve, one for the random band, one for gaps, and
``trajectories.gp``, which gnuplot 5 runs from any working folder. Texts stand in single quotes, where gnuplot
interprets nothing, and are drawn without its enhanced mode.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wiretropy.plot.curves import Curve
from wiretropy.plot.figure import BAND_SDS, Figure
from wiretropy.plot.layout import byte_ticks
from wiretropy.plot.style import CROWD, THRESHOLD_COLOR, Style, legend, styles

SCRIPT = "trajectories.gp"
BAND_FILE = "random-band.dat"
GAP_FILE = "gaps.dat"

_DASHES = {"solid": "1", "dash": "'-'", "dashdot": "'-.'", "dot": "'.'", "longdash": "'_-'"}

# ARG0 is the script's path as it was given; what stands before its last slash is where the data files lie.
_PREAMBLE = """\
# Entropy trajectories. gnuplot {script} draws trajectories.svg beside this file;
# gnuplot -e 'term="dumb size 120,40"' {script} draws on the terminal.
here = ''
do for [i=1:strlen(ARG0)] {{ if (ARG0[i:i] eq '/') {{ here = ARG0[1:i] }} }}
set encoding utf8
if (exists('term')) {{ eval 'set terminal '.term }} else {{
    set terminal svg size {width},{height} dynamic noenhanced background rgb 'white'
    set output here.'trajectories.svg'
}}
set title {title} noenhanced
set xlabel 'payload bytes'
set ylabel 'entropy, bits per byte'
set xrange [{x0:.17g}:{x1:.17g}]
set yrange [{y0:.17g}:{y1:.17g}]
set key outside right top reverse Left noenhanced
set border 3
set tics nomirror out
set xtics ({xtics})
set grid ytics linewidth 0.5
"""


def write(figure: Figure, folder: Path) -> Path:
    """Write data files and script.

    Parameters
    ----------
    figure : Figure
        What to draw.
    folder : Path
        Made when it does not exist; files of the same names are replaced.

    Returns
    -------
    script : Path
        The ``.gp`` file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"curve-{i:03d}-{c.side}.dat" for i, c in enumerate(figure.curves, 1)]
    for name, c in zip(names, figure.curves, strict=True):
        (folder / name).write_text(data(c), encoding="utf-8")
    band = figure.band
    rows = zip(band.offsets, band.mean, band.low, band.high, strict=True)
    lines = [f"# random bytes: offset mean low high ({BAND_SDS:g} standard deviations), bits per byte\n"]
    lines += [f"{offset} {mean:.6f} {low:.6f} {high:.6f}\n" for offset, mean, low, high in rows]
    (folder / BAND_FILE).write_text("".join(lines), encoding="utf-8")
    if any(c.gaps.size for c in figure.curves):
        (folder / GAP_FILE).write_text("".join(map(gap_data, figure.curves)), encoding="utf-8")
    path = folder / SCRIPT
    path.write_text(script(figure, names), encoding="utf-8")
    return path


def files_in(folder: Path) -> list[Path]:
    """The files of a folder that `write` may replace."""
    return [*folder.glob("curve-*.dat"), folder / BAND_FILE, folder / GAP_FILE, folder / SCRIPT]


def data(c: Curve) -> str:
    """One curve as text: a comment, then offset, entropy, block entropy and packet number in columns.

    The packet is the one that completed that many bytes, by its number in its capture. Unknown values are written as
    ``NaN``, which gnuplot skips: the block behind the last whole one, packets where none were traced.
    """
    blocks = np.full(c.offsets.size, np.nan)
    blocks[: c.block_entropy.size] = c.block_entropy
    packets = np.zeros(c.offsets.size, dtype=np.int64) if c.packets is None else c.packets
    rows = [
        f"{offset} {entropy:.6f} {'NaN' if np.isnan(block) else f'{block:.6f}'} {packet or 'NaN'}\n"
        for offset, entropy, block, packet in zip(c.offsets, c.entropy, blocks, packets, strict=True)
    ]
    head = f"# {c.label}\n# flow {c.uid}, {c.side}\n# offset_bytes entropy_bits_per_byte block_entropy packet\n"
    return head + "".join(rows)


def gap_data(c: Curve) -> str:
    """The gaps of one curve as text: measured bytes before the gap, entropy there, missing bytes."""
    levels = np.interp(c.gaps, c.offsets, c.entropy)
    return "".join(f"{at} {level:.6f} {size}\n" for at, level, size in zip(c.gaps, levels, c.gap_bytes, strict=True))


def script(figure: Figure, names: list[str]) -> str:
    """The gnuplot commands.

    Parameters
    ----------
    figure : Figure
        What to draw.
    names : list of str
        Data file of each curve, relative to the script.

    Returns
    -------
    script : str
        Commands for gnuplot 5.
    """
    x0, x1 = figure.x_range
    y0, y1 = figure.y_range
    entries = {i: text for text, i in legend(figure.curves)}
    width, height = 1_200, max(560, 18 * min(len(entries), CROWD) + 80)
    xtics = ", ".join(f"'{tick:,}' {tick}" for tick in byte_ticks(figure))
    lines = [
        _PREAMBLE.format(
            script=SCRIPT,
            title=quoted(figure.title),
            x0=x0,
            x1=x1,
            y0=y0,
            y1=y1,
            xtics=xtics,
            width=width,
            height=height,
        )
    ]
    if figure.is_log:
        lines.append("set logscale x\n")
    band = f"here.'{BAND_FILE}' using"
    plots = [
        f"{band} 1:3:4 with filledcurves linecolor rgb '#D4D4D4' title 'random bytes, mean ± {BAND_SDS:g} SD'",
        f"{band} 1:2 with lines linecolor rgb '#757575' linewidth 0.6 notitle",
    ]
    if figure.threshold is not None:
        level = f"{figure.threshold:.17g} with lines linecolor rgb '{THRESHOLD_COLOR}' dashtype 2"
        plots.append(f"{level} title 'threshold {figure.threshold:g}'")
    for i, (name, style) in enumerate(zip(names, styles(figure.curves), strict=True)):
        plots.append(f"here.'{name}' using 1:2 with {_look(style)} {_title(entries.get(i))}")
    if any(c.gaps.size for c in figure.curves):
        plots.append(f"here.'{GAP_FILE}' using 1:2 with points pointtype '|' linecolor rgb '#333333' title 'gap'")
    return "".join(lines) + "plot \\\n    " + ", \\\n    ".join(plots) + "\n"


def quoted(text: str) -> str:
    """A gnuplot string that holds exactly this text: in single quotes only the quote itself is special."""
    return "'" + text.replace("'", "''") + "'"


def _title(text: str | None) -> str:
    """Key entry of a curve."""
    return "notitle" if text is None else f"title {quoted(text)}"


def _look(style: Style) -> str:
    """Line settings of a curve."""
    return f"lines linecolor rgb '{style.color}' linewidth {style.width:g} dashtype {_DASHES[style.dash]}"
