"""How commands end: exit codes, one-line refusals, faults of the inputs on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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

INTERRUPTED = 130
"""Exit code: the user pressed Ctrl-C (128 and SIGINT, as shells say it)."""

PIPE_CLOSED = 141
"""Exit code: whoever read the output has seen enough (128 and SIGPIPE, as of programs that the signal ends)."""


class Refused(click.ClickException):
    """Something that cannot be done: lines on stderr, exit code 2."""

    exit_code = REFUSED


class Program(click.Command):
    """A command that ends as a shell expects on Ctrl-C and when the reader of its output goes away.

    click ends with 1 then, which means findings here.
    """

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments."""
        with _ending_by_signal():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Do the work."""
        with _ending_by_signal():
            return super().invoke(ctx)


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # What still waits to be written would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(PIPE_CLOSED) from None


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what cannot be read, written or meant into one line and exit code 2."""
    from wiretropy.errors import WiretropyError

    try:
        yield
    except BrokenPipeError:
        raise  # no fault of the input: see `Program`
    except (WiretropyError, ValueError, ImportError) as error:
        raise Refused("\n".join(inert(line) for line in str(error).split("\n"))) from None
    except OSError as error:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        raise Refused(inert(f"{where}{error.strerror or error}")) from None


def report_faults(summary: ScanSummary) -> None:
    """Say on stderr what was wrong with the inputs, one line each."""
    for fault in summary.faults:
        before = "warning: " if fault.severity == "warning" else ""
        click.echo(f"{before}{fault}", err=True)


def exit_code(summary: ScanSummary, *, has_findings: bool = False) -> int:
    """The exit code of a command that read `summary`'s captures; unread input goes before findings in the rest."""
    if summary.is_partial:
        return PARTIAL
    return FINDINGS if has_findings else 0
