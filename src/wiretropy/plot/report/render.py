"""What was gathered, as the text of one HTML page.

`Found` goes in, HTML comes out: sections by a template that escapes every value, a style sheet and a script whose
hashes the content security policy names, so that nothing else can run, apply or be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from wiretropy.inert import inert
from wiretropy.limits import REPORT_SEGMENTS
from wiretropy.plot.report import rows, words
from wiretropy.plot.report.chart import SIDE_NAMES, chart
from wiretropy.plot.report.gather import FlowAlerts, Found
from wiretropy.plot.report.palette import style
from wiretropy.plot.report.segments import KINDS, Segment, more_segments, segments_of, sides_with_segments
from wiretropy.policy.evidence import Commands, commands_of, endpoint
from wiretropy.wording import counted

_FOLDER = Path(__file__).parent / "page"

_EARLY_SCRIPT = 'document.documentElement.classList.add("scripted")'
"""Runs before the page is laid out, which then need not be done twice."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A flow with alerts as the template shows it."""

    flow: FlowAlerts
    name: str
    title: str
    began: str
    verdict: str
    svg: Markup | None
    has_both: bool
    strips: Sequence[tuple[str, Sequence[Segment], int]]
    commands: Commands | None


def page(
    found: Found,
    *,
    title: str,
    settings: str = "",
    policy: str = "",
    inputs: Sequence[str] = (),
    options: Sequence[str] = (),
) -> str:
    """The report as a whole HTML page.

    Parameters
    ----------
    found : Found
        What to tell.
    title : str
        Heading; text from outside.
    settings : str, optional
        How the captures were read, in words; text from outside.
    policy : str, optional
        The policy that the alerts come from, as TOML; text from outside.
    inputs, options : sequence of str, optional
        Captures and reading options, for the commands that show more; without inputs there are none.

    Returns
    -------
    page : str
        HTML; the same arguments give the same text, with the same version of wiretropy.
    """
    sheet = style() + _file("page.css")
    script = _file("page.js")
    columns = rows.columns(found.flows, found.ranks)
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            settings=settings,
            policy=policy.splitlines(),
            version=version("wiretropy"),
            found=found,
            words=words,
            counted=counted,
            verdicts=_verdicts(found),
            pictures=[_picture(flow, f"flow-{i}") for i, flow in enumerate(found.drawn, 1)],
            columns=columns,
            rows=zip(*(column.cells for column in columns), strict=True),
            data=_data(found, inputs, options),
            kinds=KINDS,
            most_segments=REPORT_SEGMENTS,
            like_random=rows.LIKE_RANDOM,
            # Own files; everything else goes through the template's escaping.
            style=Markup(sheet),  # noqa: S704
            script=Markup(script),  # noqa: S704
            early_script=Markup(_EARLY_SCRIPT),  # noqa: S704
            style_hash=_hash(sheet),
            script_hash=_hash(script),
            early_hash=_hash(_EARLY_SCRIPT),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    """Templates of this package, which escape values and refuse names that do not exist."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _shown(value: Any) -> Any:
    """Every text that a template writes, inert; own markup is left alone."""
    if not isinstance(value, str) or isinstance(value, Markup) or (value.isascii() and value.isprintable()):
        return value
    return inert(value)


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source expression of a content security policy that allows this text (CSP level 3, section 6.7.2)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _picture(flow: FlowAlerts, name: str) -> Picture:
    record = flow.record
    ends = [endpoint(record[f"{side}_ip"], record[f"{side}_port"]) for side in ("orig", "resp")]
    return Picture(
        flow=flow,
        name=name,
        title=f"{inert(record['proto'])} {ends[0]} → {ends[1]}",
        began=rows.began(record["ts_first_ns"]),
        verdict=_verdict(record),
        svg=chart(flow, name),
        has_both=any(alert.side == "both" for alert in flow.alerts),
        strips=[
            (SIDE_NAMES[side], segments_of(record, side), more_segments(record, side))
            for side in sides_with_segments(record)
        ],
        commands=flow.alerts[0].commands,
    )


def _verdict(record: Any) -> str:
    """The verdict on a flow in words; empty where it was not judged."""
    if "verdict" not in record:
        return ""
    probability = record["verdict_probability"]
    sure = "" if probability is None else f", {rows.percent(probability)} sure"
    missing = ", ".join(map(inert, record["verdict_missing"] or []))
    lacking = f"; missing: {missing}" if missing else ""
    return f"{inert(record['verdict'])}{sure}, on {counted(record['verdict_bytes'], 'byte')}{lacking}"


def _verdicts(found: Found) -> list[tuple[str, int, int, int]]:
    """Verdict, flows, payload bytes and percent of all payload; the largest first."""
    if found.verdicts is None:
        return []
    whole = max(found.all.payload_bytes, 1)
    ordered = sorted(found.verdicts.items(), key=lambda each: (-each[1].payload_bytes, each[0]))
    return [
        (inert(name), total.flows, total.payload_bytes, round(100 * total.payload_bytes / whole))
        for name, total in ordered
    ]


def _packed(values: Sequence[str]) -> dict[str, Any]:
    """Texts as different texts and one number each, where most are repeated; else as they are."""
    different = list(dict.fromkeys(values))
    if len(different) > len(values) / 2:
        return {"texts": list(values)}
    numbers = {text: number for number, text in enumerate(different)}
    return {"texts": different, "at": [numbers[text] for text in values]}


def _data(found: Found, inputs: Sequence[str], options: Sequence[str]) -> Markup:
    """What the script adds to the rows, as JSON that ends no script element."""
    mark = "UID"
    while any(mark in word for word in (*inputs, *options)):
        mark += "D"
    commands = commands_of(mark, inputs, options)
    told = {
        "sparks": rows.sparks(found.flows),
        "details": {name: _packed(values) for name, values in rows.details(found.flows).items()},
        # Each in two parts, between which the flow's id belongs.
        "commands": [] if commands is None else [commands.plot.split(mark), commands.carve.split(mark)],
    }
    text = json.dumps(told, ensure_ascii=True, separators=(",", ":"))
    # Inside a script element "<" could end it or begin a comment; JSON writes it another way.
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704
