"""From flow records to a figure in one call.

Flow records (`Flows`, a `pyarrow.Table`, or anything with an Arrow stream) and what to draw of them go in; a `Figure`
comes out. What cannot be drawn is a `ValueError` that says what there is instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy.capture.inputs import source_name
from wiretropy.plot.curves import Sides, curves, flow_title
from wiretropy.plot.figure import Figure, build
from wiretropy.plot.select import DEFAULT_TOP, Selection, select
from wiretropy.schema import DEFAULT_THRESHOLD
from wiretropy.tables import settings_of

if TYPE_CHECKING:
    from pyarrow._stubs_typing import SupportArrowStream

_T = TypeVar("_T", str, int)


def plot(
    flows: object,
    *,
    flow: Sequence[str] | str = (),
    community_id: Sequence[str] | str = (),
    host: Sequence[str] | str = (),
    port: Sequence[int] | int = (),
    label: Sequence[str] | str = (),
    side: Sides | None = None,
    top: int | None = None,
    overlay: str | None = None,
    names: Mapping[str, str] | None = None,
    zoom: tuple[float, float] | None = None,
    entropy_range: tuple[float, float] | None = None,
    threshold: float | Literal["scan"] | None = "scan",
    crossing_threshold: float | None = None,
    log: bool | None = None,
    blocks: bool = False,
    title: str | None = None,
    trace: pa.Table | None = None,
) -> Figure:
    """Draw the entropy trajectories of flows over each other.

    Behind the curves lie the threshold and the random band: mean and 4 standard deviations of the plug-in entropy of
    uniformly random bytes at every length. Conditions of one kind widen the selection, different kinds narrow it.

    Parameters
    ----------
    flows : Flows, pyarrow.Table or Arrow stream
        Flow records with the columns of `wiretropy.schema`.
    flow : str or sequence of str, optional
        Flow ids, or prefixes that one flow only begins with.
    community_id : str or sequence of str, optional
        Community IDs.
    host : str or sequence of str, optional
        Addresses or networks of either side.
    port : int or sequence of int, optional
        Ports of either side.
    label : str or sequence of str, optional
        Values of the ``label`` column.
    side : {'orig', 'resp', 'both', 'all'}, optional
        Whose payload: what the originator sent, the responder, both in capture order, or all three curves. Default:
        all for one flow; of each of several flows the directions that crossed the threshold, or else the one that
        sent more.
    top : int, optional
        Draw at most so many of the selected flows, those with most payload. Default: all that a condition selects,
        12 when there is no condition.
    overlay : str, optional
        Column whose value groups the curves, one colour and legend entry a value.
    names : mapping of uid to str, optional
        Labels instead of addresses and ports.
    zoom : (float, float), optional
        First and last payload byte shown.
    entropy_range : (float, float), optional
        Lowest and highest entropy shown, in bits per byte.
    threshold : float or 'scan' or None, default 'scan'
        Line drawn across, in bits per byte: by default the threshold with which the flows were read, 7.9 where that is
        not known; None for no line.
    crossing_threshold : float, optional
        Threshold with which the flows were read, for tables that do not say it; their crossings are marked when it is
        the one drawn.
    log : bool, optional
        Whether offsets are logarithmic. Default: where half of the curves end within the first quarter of the longest,
        unless `zoom` is given.
    blocks : bool, default False
        Second panel: the entropy of each block between two grid points.
    title : str, optional
        Default: the flow, or how many flows of which capture; an empty text for none.
    trace : pyarrow.Table, optional
        Packet rows (`wiretropy.trace_flows`), which put packet numbers under the pointer.

    Returns
    -------
    figure : Figure
        Shown by a notebook as it is; ``figure.save("curves.svg")`` writes it.

    Raises
    ------
    ValueError
        If nothing is selected or an argument is out of range.
    """
    table = as_table(flows)
    if crossing_threshold is None and (settings := settings_of(table)) is not None:
        crossing_threshold = settings.threshold
    if threshold == "scan":
        threshold = DEFAULT_THRESHOLD if crossing_threshold is None else crossing_threshold
    selection = Selection(_several(flow), _several(community_id), _several(host), _several(port), _several(label))
    if top is not None and top < 1:
        raise ValueError(f"top must be at least 1 flow; got {top}")
    rows = select(table, selection)
    limit = top if top is not None else DEFAULT_TOP if selection.is_empty else rows.size
    drawn = curves(table, rows[:limit], sides=side, names=names, overlay=overlay, trace=trace)
    return build(
        drawn,
        zoom=zoom,
        entropy_range=entropy_range,
        threshold=threshold,
        crossing_threshold=crossing_threshold,
        is_log=log,
        has_blocks=blocks,
        title=_title(table, rows[:limit], rows.size) if title is None else title,
    )


def as_table(flows: object) -> pa.Table:
    """Flow records as an Arrow table, without a copy where possible."""
    return flows if isinstance(flows, pa.Table) else pa.table(cast("SupportArrowStream", flows))


def _several(value: Sequence[_T] | _T) -> Sequence[_T]:
    """One value as a sequence of one."""
    return (value,) if isinstance(value, str | int) else value


def _title(table: pa.Table, rows: NDArray[np.int64], selected: int) -> str:
    """The flow, or how many flows of which captures."""
    if rows.size == 1:
        return flow_title(table.slice(int(rows[0]), 1).to_pylist()[0])
    sources = table.column("source").take(rows).unique().to_pylist()
    where = source_name(PurePath(str(sources[0])).name) if len(sources) == 1 else f"{len(sources):,} captures"
    if rows.size == selected:
        return f"{selected:,} flows of {where}"
    return f"{rows.size:,} flows with most payload, of {selected:,} in {where}"
