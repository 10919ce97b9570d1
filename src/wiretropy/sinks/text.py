"""Plain text: one line an alert, for people and grep."""

from __future__ import annotations

from wiretropy.inert import inert
from wiretropy.policy.alert import Alert
from wiretropy.policy.evidence import endpoint
from wiretropy.sinks.encode import commands_of, utc


def ends(alert: Alert) -> str:
    """Protocol, originator and responder."""
    return f"{alert.proto} {endpoint(alert.orig_ip, alert.orig_port)} -> {endpoint(alert.resp_ip, alert.resp_port)}"


def text(alert: Alert) -> bytes:
    """An alert as one line in UTF-8."""
    what = f"{alert.severity} {alert.rule} {alert.id} {alert.uid}"
    line = f"{utc(alert.ts_ns)} {what} {ends(alert)}: {inert(alert.reason)}"
    line += "".join(f"; {name}: {command}" for name, command in commands_of(alert).items())
    return line.encode() + b"\n"
