"""The flows of the table: a few cells each for the page, and the rest for whoever opens a row.

Flow records go in; cells, small curves and further details come out as inert text. Whole columns are turned at once;
nothing is looked up per flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.capture.inputs import source_name
from wiretropy.entropy import random_quantile
from wiretropy.inert import inert
from wiretropy.limits import NS_PER_S
from wiretropy.plot.report.chart import BAND_LEVEL
from wiretropy.policy.evidence import endpoint, expected
from wiretropy.policy.model import SEVERITIES
from wiretropy.schema import DENSE_STEP

SPARK_POINTS = 16
"""Points of a small curve, as many as a cell has room for."""

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""Levels of a small curve from 0 to 8 bits per byte, one character a point."""

_DETAIL_SEGMENTS = 8
"""Segments that a row names; the picture of a flow with alerts has more of them."""

LIKE_RANDOM = "●"
"""Stands behind entropies inside the band of random bytes."""

_SIDES = ("orig", "resp")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    name : str
        Its heading.
    cells : sequence of str
        One text a flow.
    kind : {'text', 'number', 'severity'}
        How the cells are ordered.
    meaning : str
        What the heading means.
    """

    name: str
    cells: Sequence[str]
    kind: str
    meaning: str


def columns(table: pa.Table, ranks: NDArray[np.int64]) -> list[Column]:
    """The columns of the table, in order.

    Parameters
    ----------
    table : pyarrow.Table
        Flow records.
    ranks : ndarray of shape (n,), int64
        0 for flows without alerts, else the place of their worst alert in `SEVERITIES`, counted from 1.
    """
    if table.num_rows == 0:
        return []
    ends = {side: _ends(table, side) for side in _SIDES}
    alerts = [SEVERITIES[rank - 1] if rank else "" for rank in ranks.tolist()]
    found = [
        Column("Alert", alerts, "severity", "The worst alert that the flow raised"),
        Column("Flow", _texts(table, "uid"), "text", "Its id, as the commands take it"),
        *(_judgement(table) if "verdict" in table.column_names else ()),
        _began(table),
        Column("Proto", _texts(table, "proto"), "text", "Transport protocol"),
        Column("Originator", ends["orig"], "text", "Who sent the first packet"),
        Column("Responder", ends["resp"], "text", "The other side"),
    ]
    for side, arrow, who in (("orig", "→", "originator"), ("resp", "←", "responder")):
        payload = [f"{each:,}" for each in arrays.values(table.column(f"{side}_payload_bytes")).tolist()]
        found += [
            Column(f"{arrow} bytes", payload, "number", f"Payload bytes of the {who}"),
            Column(f"{arrow} entropy", _entropies(table, side), "number", f"Bits per byte of the {who}'s payload"),
        ]
    return found


def sparks(table: pa.Table) -> list[str]:
    """Small curves: `SPARK_POINTS` characters for the originator, as many for the responder; blanks for no curve."""
    if table.num_rows == 0:
        return []
    sides = [_sparks(table, side) for side in _SIDES]
    return ["".join(pair) for pair in zip(*sides, strict=True)]


def details(table: pa.Table) -> dict[str, list[str]]:
    """What else is known of each flow, by what it is called; empty text where there is nothing to say."""
    if table.num_rows == 0:
        return {}
    records = table.select([name for name in _DETAILS if name in table.column_names]).to_pylist()
    lasts = arrays.values(table.column("ts_last_ns")) - arrays.values(table.column("ts_first_ns"))
    randoms = {side: expected(arrays.values(table.column(f"{side}_measured_bytes")).tolist()) for side in _SIDES}
    found = {
        "Community ID": [inert(str(each["community_id"])) for each in records],
        "First packet": [f"{each['first_packet']:,}" for each in records],
        "Capture": [source_name(str(each["source"])) for each in records],
        "Lasted": [f"{nanoseconds / NS_PER_S:,.3f} s" for nanoseconds in lasts.tolist()],
        "Ended by": [inert(str(each["end_reason"])) for each in records],
        "History": [inert(str(each["history"])) for each in records],
        "Tunnels": [inert(str(each["tunnels"] or "")) for each in records],
        "VLAN": ["" if each["vlan"] is None else str(each["vlan"]) for each in records],
        "Random bytes of the originator's length": [_band_text(each) for each in randoms["orig"]],
        "Random bytes of the responder's length": [_band_text(each) for each in randoms["resp"]],
        "Missing": [_missing(each) for each in records],
        "Oddities": [inert(", ".join(each["weirds"] or [])) for each in records],
    }
    if "segments" in table.column_names:
        found["Segments"] = [_segments(each["segments"] or []) for each in records]
    return {name: values for name, values in found.items() if any(values)}


def _judgement(table: pa.Table) -> list[Column]:
    """Verdicts and how sure they are."""
    return [
        Column("Verdict", _texts(table, "verdict"), "text", "What the payload is"),
        Column("Sure", _probabilities(table, "verdict_probability"), "number", "Probability of the verdict"),
    ]


def _began(table: pa.Table) -> Column:
    """Times of first packets; without the date where all are of one day."""
    texts = times(arrays.values(table.column("ts_first_ns")))
    days = {text[:10] for text in texts}
    if len(days) > 1:
        return Column("Began", texts, "text", "First packet, in UTC")
    return Column("Began", [text[11:] for text in texts], "text", f"First packet, in UTC, on {days.pop()}")


_DETAILS = (
    *("community_id", "source", "first_packet", "end_reason", "history", "tunnels", "vlan", "weirds", "segments"),
    *("is_midstream", "orig_missed_bytes", "resp_missed_bytes"),
)


def times(ns: NDArray[np.int64]) -> list[str]:
    """Times since 1970 in nanoseconds as UTC, to the millisecond."""
    texts: list[str] = np.datetime_as_string(ns.astype("datetime64[ns]"), unit="ms").tolist()
    return [text.replace("T", " ") for text in texts]


def began(ns: int) -> str:
    """One time since 1970 in nanoseconds as UTC."""
    return times(np.array([ns]))[0]


def _texts(table: pa.Table, name: str) -> list[str]:
    return [inert(str(each)) for each in table.column(name).to_pylist()]


def _ends(table: pa.Table, side: str) -> list[str]:
    """Addresses and ports of one side."""
    addresses, ports = table.column(f"{side}_ip").to_pylist(), arrays.values(table.column(f"{side}_port")).tolist()
    return [endpoint(str(address), port) for address, port in zip(addresses, ports, strict=True)]


def _entropies(table: pa.Table, side: str) -> list[str]:
    """Entropies with as many digits as tell them from random bytes, and a mark where they look like those."""
    measured = arrays.values(table.column(f"{side}_measured_bytes")).astype(np.int64)
    entropy = arrays.values(table.column(f"{side}_entropy"))
    enough = measured >= DENSE_STEP
    inside = np.zeros(measured.size, dtype=np.bool_)
    low, high = (random_quantile(measured[enough], BAND_LEVEL / 2, tail=tail).quantile for tail in ("low", "high"))
    slack = 1e-4 / measured[enough]  # entropies that near to a quantile are at it
    inside[enough] = (entropy[enough] >= low - slack) & (entropy[enough] <= high + slack)
    texts = [law.shown(value) for law, value in zip(expected(measured.tolist()), entropy.tolist(), strict=True)]
    return [
        "" if text == "-" else f"{text} {LIKE_RANDOM}" if is_inside else text
        for text, is_inside in zip(texts, inside.tolist(), strict=True)
    ]


def _probabilities(table: pa.Table, name: str) -> list[str]:
    """Probabilities in percent; nothing where there is none."""
    return ["" if each is None else percent(each) for each in table.column(name).to_pylist()]


def percent(probability: float) -> str:
    """A probability in words that never claim certainty."""
    return ">99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"


def _sparks(table: pa.Table, side: str) -> list[str]:
    """One side's curves: points of the trajectory at equal steps."""
    lists: Any = table.column(f"{side}_trajectory").combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    lengths = arrays.lengths(lists).astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    values = np.append(arrays.values(lists.flatten()), 0.0)
    steps = np.linspace(0.0, 1.0, SPARK_POINTS)
    at = starts[:, None] + np.rint(steps * np.maximum(lengths - 1, 0)[:, None]).astype(np.int64)
    levels = np.clip(np.rint(values[np.minimum(at, values.size - 1)] * 63 / 8), 0, 63).astype(np.int64)
    letters = np.array(list(_DIGITS))[levels]
    letters[lengths == 0] = " "
    return ["".join(row) for row in letters.tolist()]


def _band_text(law: Any) -> str:
    """Mean and standard deviation of random bytes, if there are bytes."""
    return "" if str(law) == "-" else str(law)


def _missing(record: dict[str, Any]) -> str:
    """What the capture lacks of a flow."""
    parts = ["its beginning"] if record["is_midstream"] else []
    for side, who in (("orig", "originator"), ("resp", "responder")):
        if record[f"{side}_missed_bytes"]:
            parts.append(f"{record[f'{side}_missed_bytes']:,} bytes of the {who}")
    return ", ".join(parts)


def _segments(segments: list[dict[str, Any]]) -> str:
    """The first segments of both sides in a line."""
    parts = [
        f"{'→' if each['side'] == 'orig' else '←'} {inert(str(each['kind']))} to byte {each['end']:,}"
        for each in segments[:_DETAIL_SEGMENTS]
    ]
    more = len(segments) - _DETAIL_SEGMENTS
    return "; ".join(parts) + (f"; {more:,} more" if more > 0 else "")
