"""`wiretropy policy check|show`: policies, and the bands that they use.

In: policy files and captures. Out: every fault of a policy with its line, the policy with its defaults, bands as files.
Refused with exit code 2: policies with faults, captures of which nothing can be read.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wiretropy.cli.outcome import REFUSED, refusing
from wiretropy.inert import inert
from wiretropy.wording import counted

if TYPE_CHECKING:
    from wiretropy.policy.model import Policy


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
