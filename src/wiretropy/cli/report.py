"""`wiretropy report CAPTURE|DIR`: one HTML page with what was found and the evidence.

In: captures, or a folder that `wiretropy scan --out` wrote. Out: a page that works offline, whose path is printed, or
the page itself on standard output. Refused with exit code 2 and one line: bad arguments and unreadable input.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from wiretropy.capture.inputs import COMPRESSIONS, source_name
from wiretropy.cli.options import (
    changes,
    exit_code_option,
    expectation_options,
    reading_options,
    reading_words,
    words_of,
)
from wiretropy.cli.outcome import FINDINGS, exit_code, refusing, report_faults
from wiretropy.cli.policy_used import look_for_threshold, policy_of, stored_policy
from wiretropy.cli.progress import progress_bar
from wiretropy.cli.stored import files_read, is_stored, load
from wiretropy.inert import inert

if TYPE_CHECKING:
    import pyarrow as pa

    from wiretropy.capture.run import ProgressHook
    from wiretropy.capture.settings import ScanSettings
    from wiretropy.capture.summary import ScanSummary
    from wiretropy.plot.report import Found, Gathering
    from wiretropy.policy.model import Policy


@dataclass(frozen=True, slots=True)
class _Rules:
    """By what flows are judged, and how to get them again."""

    policy: Policy
    threshold: float
    inputs: Sequence[str]
    options: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Given:
    """Rules that the command was given."""

    policy: Path | None
    expected_ports: frozenset[int] | None

    @property
    def is_empty(self) -> bool:
        """Whether none were."""
        return self.policy is None and self.expected_ports is None


@click.command("report")
@click.argument("paths", metavar="CAPTURE|DIR...", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    type=click.Path(path_type=str),
    help="Write here; '-' is standard output (default: a name made of the input's).",
)
@click.option("--title", help="Title of the page (default: 'wiretropy report' and the input's name).")
@expectation_options(
    no_ports=None,
    ports_default="none, or those of the scan that stored the flows",
    policy_default="the threshold alone, or the policy of the scan that stored the flows",
)
@click.option("--json", "as_json", is_flag=True, help="Print path and numbers as one JSON object instead of the path.")
@exit_code_option
@reading_options
def command(
    paths: Sequence[str],
    out: str | None,
    title: str | None,
    expected_ports: frozenset[int] | None,
    policy_path: Path | None,
    as_json: bool,
    wants_findings: bool,
    **options: Any,
) -> None:
    """Write one HTML page: what was found, the curves, the evidence.

    Reads captures, folders of them (not of folders below), or a folder that 'wiretropy scan --out' wrote. Alerts come
    first, each with its curves against random bytes and the commands that show more; then a table of flows that sorts
    and filters. The page loads nothing from anywhere, and is whole without JavaScript. Its path is printed. Stored
    flows keep the settings of their scan: options of how captures are read, which stand last below, are refused for
    them.
    """
    if out == "-" and as_json:
        raise click.UsageError("--json and the page cannot both go to standard output; name a file with -o")
    with refusing():
        from wiretropy.capture.outputs import refuse_overwriting

        target = out or _default_out(paths[0])
        refuse_overwriting([*files_read(paths), *([] if policy_path is None else [policy_path])], [Path(target)])
        given = _Given(policy_path, expected_ports)
        if is_stored(paths):
            found, rules, settings = _found_in_store(paths, given)
        else:
            with progress_bar(is_off=as_json) as on_progress:
                found, rules, settings = _found_in_captures(paths, given, changes(options), on_progress)
        _write(_page(found, rules, settings, title or f"wiretropy report: {_name(paths)}"), target)
    if out != "-":
        click.echo(_summary(found, target) if as_json else inert(target))
    sys.exit(_end(found.summary, wants_findings and found.alerted > 0))


def _found_in_captures(
    paths: Sequence[str], given: _Given, options: dict[str, Any], on_progress: ProgressHook | None
) -> tuple[Found, _Rules, ScanSettings]:
    """Read captures batch by batch."""
    import pyarrow as pa

    from wiretropy.capture.run import CaptureRun
    from wiretropy.capture.settings import ScanSettings

    policy, words = policy_of(given.policy, given.expected_ports or frozenset(), options["threshold"]), reading_words()
    if given.policy is not None and "--threshold" not in words:
        words = look_for_threshold(policy, options, words)
    settings = ScanSettings.of("report", options)
    rules = _Rules(policy, settings.threshold, paths, words)
    run = CaptureRun(paths, settings, on_progress=on_progress)
    gathered = _gathered((pa.Table.from_batches([batch]) for batch in run), rules)
    run.summary.raise_if_refused()
    return gathered.found(run.summary), rules, settings


def _found_in_store(paths: Sequence[str], given: _Given) -> tuple[Found, _Rules, ScanSettings | None]:
    """Take stored flows with the settings, and unless others are given the rules, of their scan."""
    from wiretropy.schema import DEFAULT_THRESHOLD

    flows = load(paths, "report on")
    table, settings = flows.to_arrow(), flows.settings
    threshold = DEFAULT_THRESHOLD if settings is None else settings.threshold
    policy = stored_policy(table, paths[0]) if given.is_empty else None
    summary = flows.summary if flows.has_summary else None
    rules = _Rules(
        policy or policy_of(given.policy, given.expected_ports or frozenset(), threshold),
        threshold,
        [] if summary is None else json.loads(summary.text).get("sources", []),
        [] if settings is None else words_of(settings),
    )
    parts = (table.slice(at, _STORED_ROWS) for at in range(0, table.num_rows, _STORED_ROWS))
    return _gathered(parts, rules).found(summary), rules, settings


_STORED_ROWS = 8_192
"""Stored flows looked at together, so that of a large store little is copied."""


def _gathered(tables: Iterable[pa.Table], rules: _Rules) -> Gathering:
    """Gather flows and their alerts, and what the policy's limits held back."""
    import pyarrow as pa

    from wiretropy.plot.report import Gathering
    from wiretropy.policy.apply import PolicyRun

    gathering, run = Gathering(), PolicyRun(rules.policy, rules.threshold)
    for flows in tables:
        for batch in map(_judged, flows.combine_chunks().to_batches()):
            gathering.add(pa.Table.from_batches([batch]), run.findings(batch).alerts(rules.inputs, rules.options))
    gathering.suppressed = run.suppressed
    return gathering


def _judged(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Flow records with verdicts; those that have them already, or were stored without segments, as they are."""
    from wiretropy.verdict.flows import judge

    names = batch.schema.names
    return batch if "verdict" in names or "orig_segment_ends" not in names else judge(batch)


def _page(found: Found, rules: _Rules, settings: ScanSettings | None, title: str) -> str:
    from wiretropy.plot.report import page
    from wiretropy.policy.show import policy_toml

    return page(
        found,
        title=title,
        settings=_settings(settings, rules),
        policy=policy_toml(rules.policy),
        inputs=rules.inputs,
        options=rules.options,
    )


def _settings(settings: ScanSettings | None, rules: _Rules) -> str:
    """How the captures were read, in a sentence."""
    depth = ""
    if settings is not None:
        every = settings.depth == "all"
        depth = "; all payload was measured" if every else f"; at most {settings.depth:,} payload bytes of each side"
    options = f"; read with {' '.join(rules.options)}" if rules.options else ""
    return f"Crossings of {rules.threshold:g} bits per byte were looked for{depth}{options}."


def _write(page: str, target: str) -> None:
    """Write the page to a file or standard output."""
    if target == "-":
        click.echo(page.encode(), nl=False)
    else:
        Path(target).write_bytes(page.encode())


def _summary(found: Found, target: str) -> str:
    """Path and numbers for programs."""
    path = os.fsencode(target).decode("utf-8", "backslashreplace")
    numbers = {"flows": found.all.flows, "alerts": sum(found.severities.values()), "flows_with_alerts": found.alerted}
    return json.dumps({"path": path, **numbers}, allow_nan=False)


def _end(summary: ScanSummary | None, has_findings: bool) -> int:
    """Tell the faults; the exit code."""
    if summary is None:
        return FINDINGS if has_findings else 0
    report_faults(summary)
    return exit_code(summary, has_findings=has_findings)


def _name(paths: Sequence[str]) -> str:
    """The inputs as the title names them."""
    first = source_name(_own_name(paths[0]))
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1:,} more"


def _own_name(path: str) -> str:
    """An input without the folders above it; '.' has the name of the current one."""
    return path if path == "-" else PurePath(os.path.abspath(path)).name or path


def _default_out(path: str) -> str:
    """A name in the current folder made of the input's."""
    name = "stdin" if path == "-" else _own_name(path)
    for suffix in COMPRESSIONS:
        name = name.removesuffix(suffix)
    return f"{PurePath(name).stem or 'flows'}-report.html"
