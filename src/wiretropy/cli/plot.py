"""`wiretropy plot CAPTURE|DIR`: draw entropy trajectories.

In: captures, or a folder that `wiretropy scan --out` wrote. Out: a picture, whose path is printed, or the picture
itself for the terminal. Refused with exit code 2 and one line: bad arguments, unreadable input, and a selection that no
flow meets, which names what there is.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from wiretropy.capture.inputs import COMPRESSIONS
from wiretropy.cli.options import changes, reading_options
from wiretropy.cli.outcome import exit_code, refusing, report_faults
from wiretropy.cli.progress import progress_bar
from wiretropy.cli.stored import files_read, is_stored, load
from wiretropy.inert import inert

if TYPE_CHECKING:
    import pyarrow as pa

    from wiretropy.flows import Flows, TraceHook
    from wiretropy.plot import Figure

_FORMATS = ("png", "svg", "html", "term", "dat")
_SHOWN = (
    "flow", "community_id", "host", "port", "label", "side", "top", "overlay", "zoom", "entropy_range", "log", "blocks",
    "title",
)  # fmt: skip
"""Options that describe the picture; the others say how captures are read."""

_SUFFIXES = {"png": ".png", "svg": ".svg", "html": ".html", "term": ".txt", "dat": ""}


class _Span(click.ParamType[tuple[float, float]]):
    """Two numbers with a colon between them."""

    name = "A:B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Read ``0:2000`` as (0.0, 2000.0)."""
        if isinstance(value, tuple):
            return value
        first, colon, last = str(value).replace("_", "").partition(":")
        try:
            span = float(first), float(last)
        except ValueError:
            self.fail(f"{value!r} is not a range; write two numbers and a colon between them, as 0:2000", param, ctx)
        if not (colon and 0 <= span[0] < span[1] < float("inf")):
            self.fail(f"{value!r} must rise from 0 or more, as 0:2000", param, ctx)
        return span


@click.command("plot")
@click.argument("paths", metavar="CAPTURE|DIR...", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option("--flow", multiple=True, metavar="ID", help="Draw this flow: its id, or as much of it as no other has.")
@click.option("--community-id", multiple=True, metavar="ID", help="Draw the flows with this Community ID.")
@click.option("--host", multiple=True, metavar="ADDRESS", help="Draw flows of this address or network (10.0.0.0/8).")
@click.option(
    "--port",
    multiple=True,
    metavar="PORT",
    type=click.IntRange(0, 65_535),
    help="Draw flows with this port on either side.",
)
@click.option(
    "--label", multiple=True, metavar="LABEL", help="Draw flows with this label, where flows were classified."
)
@click.option(
    "--side",
    type=click.Choice(("orig", "resp", "both", "all")),
    help="Whose payload: originator, responder, both in capture order, or all three curves (default: all for one flow; "
    "of each of several the sides that crossed the threshold, or else the side that sent more).",
)
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(min=1),
    help="Draw the N selected flows with most payload (default 12, or all selected).",
)
@click.option(
    "--overlay", metavar="COLUMN", help="Give flows with the same value one colour: resp_port, source, label, ..."
)
@click.option("--zoom", type=_Span(), help="Show payload bytes A to B, as 0:2000 (default: all).")
@click.option(
    "--entropy-range", type=_Span(), help="Show A to B bits per byte, as 7.5:8 (default: what the curves need)."
)
@click.option(
    "--log/--linear",
    "log",
    default=None,
    help="Logarithmic or linear payload bytes (default: logarithmic where half of the curves end within the first "
    "quarter of the longest; linear otherwise, and with --zoom).",
)
@click.option("--blocks", is_flag=True, help="Add a panel with the entropy of each block between two points.")
@click.option("--title", help="Title of the picture (default: the flow, or how many flows of which capture).")
@click.option(
    "--to",
    "kind",
    type=click.Choice(_FORMATS),
    help="Format: an image, an interactive page that works offline, the terminal, or a folder with gnuplot data and "
    "script (default: what OUT ends with, else png).",
)
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    type=click.Path(path_type=str),
    help="Write here; '-' is standard output (default: a name made of the input's).",
)
@click.option("--json", "as_json", is_flag=True, help="Print path and curves as one JSON object instead of the path.")
@reading_options
def command(paths: Sequence[str], kind: str | None, out: str | None, as_json: bool, **options: Any) -> None:
    """Draw how the entropy of flows grows, byte by byte.

    Reads captures, folders of them (not of folders below), or a folder that 'wiretropy scan --out' wrote, and lays the
    entropy trajectories of the selected flows over each other. Behind them lie the threshold and the random band: the
    mean of random bytes at every length and 4 standard deviations around it. Conditions of one kind widen the
    selection, different kinds narrow it. The picture's path is printed. Stored flows keep the settings of their scan:
    options of how captures are read, which stand last below, are refused for them.
    """
    shown = {name: options.pop(name) for name in _SHOWN}
    with refusing():
        kind = kind or _kind_of(out)
        target = out or _default_out(paths[0], kind)
        _check_outputs(paths, kind, target)
        is_traced = kind in ("html", "dat") and not is_stored(paths)
        is_once = "-" in paths  # standard input cannot be read again for the packets of the drawn flows
        with progress_bar(is_off=as_json) as on_progress:
            settings = changes(options) | {"on_progress": on_progress}
            rows: list[pa.Table] = []
            flows = _read(paths, settings, rows if is_traced and is_once else None)
            figure = _figure(flows, shown)
            if is_traced:
                rows = rows if is_once else _trace(paths, [c.uid for c in figure.curves], settings)
                figure = _figure(flows, shown, rows)
        _show(figure, kind, out, target, as_json)
    if not is_stored(paths):
        report_faults(flows.summary)
        sys.exit(exit_code(flows.summary))


def _check_outputs(paths: Sequence[str], kind: str, target: str) -> None:
    """Refuse to draw onto what is read."""
    from wiretropy.capture.outputs import refuse_overwriting
    from wiretropy.plot.output import files_of

    refuse_overwriting(files_read(paths), files_of(Path(target), kind))


def _read(paths: Sequence[str], settings: dict[str, Any], rows: list[pa.Table] | None) -> Flows:
    """Flows of captures, or of what a scan stored; the packets of all flows in `rows`, if given."""
    if is_stored(paths):
        return load(paths, "plot")
    from wiretropy.flows import read_flows

    return read_flows(paths, on_trace=None if rows is None else _keeping(rows), **settings)


def _keeping(rows: list[pa.Table]) -> TraceHook:
    """Keep what curves need of packet rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def keep(new: pa.Table) -> None:
        has_payload = pc.greater(new.column("payload_bytes"), pa.scalar(0, pa.uint32()))
        rows.append(new.filter(has_payload).select(["uid", "number", "orig_offset", "resp_offset"]))

    return keep


def _trace(paths: Sequence[str], uids: list[str], settings: dict[str, Any]) -> list[pa.Table]:
    """Packet rows of the drawn flows, so that every point of the curves can name its packet."""
    from wiretropy.flows import trace_flows

    return list(trace_flows(paths, sorted(set(uids)), **settings))


def _figure(flows: Flows, shown: dict[str, Any], rows: Sequence[pa.Table] = ()) -> Figure:
    """The picture that the options describe."""
    import pyarrow as pa

    from wiretropy.plot import plot

    trace = pa.concat_tables(rows) if rows else None
    return plot(flows, trace=trace, **shown)


def _kind_of(out: str | None) -> str:
    """The format that the output's name asks for."""
    if out is None or out == "-":
        return "png"
    from wiretropy.plot.output import format_of

    return format_of(Path(out))


def _default_out(path: str, kind: str) -> str:
    """A name in the current folder made of the input's."""
    name = "stdin" if path == "-" else PurePath(path).name or "flows"
    for suffix in COMPRESSIONS:
        name = name.removesuffix(suffix)
    return f"{PurePath(name).stem}-trajectories{_SUFFIXES[kind]}"


def _show(figure: Figure, kind: str, out: str | None, target: str, as_json: bool) -> None:
    """Write the picture and print where, or print the picture."""
    from wiretropy.plot.output import rendered, save, terminal_text

    if kind == "term" and out in (None, "-"):
        size = shutil.get_terminal_size((100, 32))
        has_color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        click.echo(terminal_text(figure, columns=size.columns, rows=max(size.lines - 8, 16), has_color=has_color))
    elif out == "-":
        click.echo(rendered(figure, kind), nl=False)
    else:
        written = save(figure, target, to=kind)
        click.echo(_summary(figure, kind, written) if as_json else inert(str(written)))


def _summary(figure: Figure, kind: str, written: Path) -> str:
    """Path and curves for programs."""
    curves = [
        {
            "uid": c.uid,
            "side": c.side,
            "label": c.label,
            "measured_bytes": int(c.offsets[-1]),
            "entropy": float(c.entropy[-1]),
        }
        for c in figure.curves
    ]
    path = os.fsencode(written).decode("utf-8", "backslashreplace")
    return json.dumps({"path": path, "format": kind, "title": figure.title, "curves": curves}, allow_nan=False)
