"""How commands end: exit codes, one-line refusals, faults of the inputs on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wiretropy.inert import inert

if TYPE_CHECKING:
    from wiretropy.capture.summary import ScanSummary

FINDINGS = 1
"""Exit code: alerts were raised, and `--exit-code` asked to say so."""

REFUSED = 2
"""Exit code: wrong usage, or nothing could be read."""

PARTIAL = 3
"""Exit code: a usable part of the input was read."""


class Refused(click.ClickException):
    """Something that cannot be done: lines on stderr, exit code 2."""

    exit_code = REFUSED


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what cannot be read, written or meant into one line and exit code 2."""
    from wiretropy.errors import WiretropyError

    try:
        yield
    except BrokenPipeError:
        # Whoever read our output has seen enough; that is no fault of the input.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives until exit
        raise
    except (WiretropyError, ValueError, ImportError) as error:
        raise Refused("\n".join(inert(line) for line in str(error).split("\n"))) from None
    except OSError as error:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        raise Refused(inert(f"{where}{error.strerror or error}")) from None


def report_faults(summary: ScanSummary) -> None:
    """Say on stderr what was wrong with the inputs, one line each."""
    for fault in summary.faults:
        before = "warning: " if fault.severity == "warning" else ""
        click.echo(inert(f"{before}{fault.path}: {fault.message}"), err=True)


def exit_code(summary: ScanSummary, *, has_findings: bool = False) -> int:
    """The exit code of a command that read `summary`'s captures."""
    if summary.is_partial:
        return PARTIAL
    return FINDINGS if has_findings else 0
