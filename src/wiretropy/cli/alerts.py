"""Alerts on their way from a scan to where `--alerts-to` says.

Specs of sinks go in, and what breaks the policy; alerts come out at the sinks, and what was not delivered is told
on standard error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wiretropy.errors import RefusedError
from wiretropy.inert import inert
from wiretropy.limits import SINK_CLOSE_S
from wiretropy.wording import counted

if TYPE_CHECKING:
    from wiretropy.policy.alert import Alert
    from wiretropy.policy.apply import Findings
    from wiretropy.sinks import Sink


class AlertSender:
    """Sends the alerts of flow records to sinks.

    Parameters
    ----------
    sinks : sequence of Sink
        Where to.
    inputs, options : sequence of str
        Captures and reading options that the scan was given, for the commands of the alerts.
    """

    def __init__(self, sinks: Sequence[Sink], inputs: Sequence[str], options: Sequence[str]) -> None:
        self._sinks, self._inputs, self._options = sinks, inputs, options

    def send(self, findings: Findings) -> None:
        """Send the alerts of more flows."""
        for alert in findings.alerts(self._inputs, self._options):
            for sink in self._sinks:
                _write(sink, alert)


def _write(sink: Sink, alert: Alert) -> None:
    try:
        sink.write(alert)
    except BrokenPipeError:
        # Who read standard output went away; that ends the run quietly.
        raise
    except OSError as error:
        sent = counted(sink.delivery.sent, "alert")
        raise RefusedError(
            f"{sink.spec}: cannot be written ({error.strerror or error}); {sent} went there before"
        ) from error


@contextmanager
def opened(specs: Sequence[str]) -> Iterator[list[Sink]]:
    """Open sinks, and close them in the end; what was not delivered is told then."""
    sinks: list[Sink] = []
    try:
        for spec in specs:
            from wiretropy.sinks import open_sink

            # A scan can wait for slow receivers, which a sensor cannot.
            sinks.append(open_sink(spec, wait_s=SINK_CLOSE_S))
        yield sinks
    finally:
        for sink in sinks:
            sink.close()
            _report(sink)


def undelivered(sinks: Sequence[Sink]) -> int:
    """Alerts that did not arrive."""
    return sum(sink.delivery.failed + sink.delivery.dropped for sink in sinks)


def _report(sink: Sink) -> None:
    lost = sink.delivery.failed + sink.delivery.dropped
    if lost:
        why = f" ({sink.delivery.reason})" if sink.delivery.reason else ""
        click.echo(f"{inert(sink.spec)}: {counted(lost, 'alert')} not delivered{why}", err=True)
