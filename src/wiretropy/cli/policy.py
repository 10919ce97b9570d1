"""`wiretropy policy check|show|learn`: policies, and the bands that they use.

In: policy files and captures. Out: every fault of a policy with its line, the policy with its defaults, bands as files.
Refused with exit code 2: policies with faults, captures of which nothing can be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wiretropy.cli.options import Number, Ports, changes, reading_options
from wiretropy.cli.outcome import REFUSED, exit_code, refusing, report_faults
from wiretropy.cli.progress import progress_bar
from wiretropy.inert import inert
from wiretropy.wording import counted

if TYPE_CHECKING:
    from wiretropy.capture.run import CaptureRun
    from wiretropy.policy.bands import Bands
    from wiretropy.policy.learn import Learned, Violation
    from wiretropy.policy.model import Policy
    from wiretropy.policy.sessions import Sessions


@click.group("policy")
def command() -> None:
    """Say what traffic is expected, and learn what is normal.

    A policy is one TOML file; wiretropy scan --policy FILE raises its alerts.
    """


class _Day(click.ParamType["date"]):
    """A day."""

    name = "DAY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read ``2027-01-31``."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day; write it as 2027-01-31", param, ctx)


@command.command("check")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--at", "day", type=_Day(), help="Tell the exceptions that have expired on this day (default: today).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(path: Path, day: date | None, as_json: bool) -> None:
    """List every fault of a policy with file and line.

    Exit code 0 if it has none, 2 otherwise. Exceptions whose last day is over are
    told, and are no fault.
    """
    from wiretropy.policy.read import PolicyError, read_policy

    expired: list[str] = []
    faults: tuple[str, ...] = ()
    with refusing():
        try:
            policy = read_policy(path)
            expired = _expired(policy, day or datetime.now(UTC).date())
        except PolicyError as error:
            faults = error.faults
    if as_json:
        click.echo(json.dumps({"faults": list(map(inert, faults)), "expired": expired}))
    else:
        for line in faults:
            click.echo(inert(line), err=True)
        for line in expired:
            click.echo(f"{inert(str(path))}: warning: {line}", err=True)
        if not faults:
            click.echo(f"{inert(str(path))}: {_counts(policy)}")
    sys.exit(REFUSED if faults else 0)


def _expired(policy: Policy, day: date) -> list[str]:
    """What no longer holds."""
    return [
        f"the exception of {', '.join(each.rules)} expired on {each.until} and no longer holds ({inert(each.reason)}); "
        "remove it or move its day"
        for each in policy.exception
        if each.until < day
    ]


def _counts(policy: Policy) -> str:
    """What there is in a policy."""
    enabled = sum(rule.enabled for rule in policy.rules.values())
    parts = [counted(enabled, "rule"), counted(len(policy.threshold), "threshold")]
    parts.append(f"bands of {counted(len(policy.band), 'file')}")
    return f"no fault; {', '.join([*parts, counted(len(policy.exception), 'exception')])}"


@command.command("show")
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of TOML.")
def show(path: Path | None, as_json: bool) -> None:
    """Print a policy with every default that holds.

    Without FILE it is the policy of wiretropy scan without --policy. What is
    printed is a policy itself, and means the same.
    """
    from wiretropy.policy.model import without_file
    from wiretropy.policy.read import read_policy
    from wiretropy.policy.show import policy_record, policy_toml

    with refusing():
        policy = without_file() if path is None else read_policy(path)
    click.echo(json.dumps(policy_record(policy)) if as_json else policy_toml(policy), nl=as_json)


@command.command("learn")
@click.argument("paths", metavar="CAPTURE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    metavar="BANDS",
    required=True,
    type=click.Path(path_type=Path),
    help="Write the bands here, as JSON, and beside it a protospec of each side for net-entropy.",
)
@click.option("--name", help="What alerts call this kind of traffic (default: the name of BANDS).")
@click.option("--port", "ports", type=Ports(), default=frozenset(), help="Learn from flows to these ports: 22,2222.")
@click.option(
    "--coverage",
    type=Number("a share between 0.5 and 0.9999", 0.5, 0.9999),
    default=0.998,
    show_default=True,
    metavar="SHARE",
    help="Share of such flows that stay within all bounds; fewer false alarms for more, smaller changes seen for less.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@reading_options
def learn(
    paths: tuple[Path, ...],
    out: Path,
    name: str | None,
    ports: frozenset[int],
    coverage: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Learn the bands of a kind of traffic from captures of it.

    Tells how many flows stand behind the bounds, and which flows leave the bands of
    all others: look at those before the bands are used.
    """
    with refusing():
        from wiretropy.policy.band_file import MAX_NAME, is_name

        if not is_name(name or out.stem):
            raise click.UsageError(f"bands need a name of 1 to {MAX_NAME} characters that are text; write it as --name")
        outputs = _outputs(paths, out)
        with progress_bar(is_off=as_json) as on_progress:
            sessions, run = _read_sessions(paths, ports, changes(options), on_progress)
        from wiretropy.policy.learn import learn as learn_bands

        learned = learn_bands(sessions, name or out.stem, tuple(sorted(ports)) or _common_ports(sessions), coverage)
        written = _write_bands(learned, outputs)
    _tell_learned(learned, sessions, written, as_json)
    report_faults(run.summary)
    sys.exit(exit_code(run.summary))


def _outputs(paths: tuple[Path, ...], out: Path) -> dict[str, Path]:
    """Where the bands and the protospec of each side go; none of them is what is read."""
    from wiretropy.capture.inputs import expand
    from wiretropy.capture.outputs import refuse_overwriting

    outputs = {"": out} | {side: out.with_suffix(f".{side}.protospec") for side in ("orig", "resp", "both")}
    refuse_overwriting(expand(paths), outputs.values())
    return outputs


def _read_sessions(
    paths: tuple[Path, ...], ports: frozenset[int], settings: dict[str, Any], on_progress: Any
) -> tuple[Sessions, CaptureRun]:
    from wiretropy.capture.run import CaptureRun
    from wiretropy.capture.settings import ScanSettings
    from wiretropy.policy.sessions import sessions_of
    from wiretropy.verdict import judge

    run = CaptureRun(paths, ScanSettings(**settings), on_progress=on_progress)
    sessions = sessions_of(map(judge, run), ports)
    run.summary.raise_if_refused()
    return sessions, run


_COMMON_SHARE = 0.05
"""Share of the flows that a port needs to be one of the protocol's."""


def _common_ports(sessions: Sessions) -> tuple[int, ...]:
    return tuple(sorted(port for port, flows in sessions.ports.items() if flows >= _COMMON_SHARE * len(sessions)))


def _write_bands(learned: Learned, outputs: dict[str, Path]) -> list[Path]:
    """Write the bands, and protospecs of the sides that have any."""
    from wiretropy.policy.band_file import bands_json, protospec_text

    texts = {side: protospec_text(learned.bands, side) for side in ("orig", "resp", "both")}
    texts[""] = bands_json(learned.bands)
    written = []
    for side, path in outputs.items():
        if (text := texts[side]) is not None:
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def _tell_learned(learned: Learned, sessions: Sessions, written: list[Path], as_json: bool) -> None:
    """What was learned, from how many flows, and which of them do not fit."""
    bands, left_out = learned.bands, {reason: n for reason, n in sessions.left_out.items() if n}
    if as_json:
        record = {
            "files": [inert(str(path)) for path in written],
            "flows": bands.flows,
            "left_out": left_out,
            "coverage": bands.coverage,
            "violations": [{**asdict(each), "name": inert(each.name)} for each in learned.violations],
        }
        click.echo(json.dumps(record, allow_nan=False))
        return
    for path in written:
        click.echo(inert(str(path)))
    others = "".join(f"; left out {counted(n, 'flow')} {reason}" for reason, n in left_out.items())
    click.echo(f"learned from {counted(bands.flows, 'flow')}{others}")
    click.echo(f"{bands.coverage:.2%} of such flows stay within all bounds of")
    for line in _told_bounds(bands):
        click.echo(f"  {line}")
    _tell_violations(learned.violations)


def _told_bounds(bands: Bands) -> Iterator[str]:
    from wiretropy.policy.bands import GRID

    for curve in bands.curves:
        bounds = f"{counted(len(curve.points), 'bound')} up to byte {GRID[curve.points[-1]]:,}"
        yield f"{curve.side} {curve.measure}: {bounds}, {min(curve.flows):,} to {max(curve.flows):,} flows behind each"
    for each in bands.settled:
        most = f"at most {counted(each.at_most, 'byte')}" if each.at_most else "none"
        yield f"{each.side} cleartext: {most} behind byte {each.offset:,}; {counted(each.flows, 'flow')} go on there"


def _tell_violations(violations: list[Violation]) -> None:
    if not violations:
        click.echo("no flow leaves the bands of the others")
        return
    verb = "leaves" if len(violations) == 1 else "leave"
    click.echo(f"{counted(len(violations), 'flow')} {verb} the bands of the others:")
    for each in violations:
        unit = "bytes" if each.measure == "cleartext" else "bits per byte"
        bounds = f"{each.value:g} {unit}, bounds {each.low:.4g} to {each.high:.4g}"
        click.echo(f"  {inert(each.name)}: {each.side} {each.measure} at byte {each.offset:,}: {bounds}")
