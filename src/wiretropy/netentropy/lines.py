"""Log lines in the words of the old program, and where they go.

Events go in; lines come out, exactly as scripts that watched net-entropy expect them::

    RISING ALARM on SRC:SPORT -> DST:DPORT offset=N packets=N entropy=F
    Falling alarm on SRC:SPORT -> DST:DPORT offset=N packets=N entropy=F
    Stop tracking SRC:SPORT -> DST:DPORT offset=N packets=N
    End of connection SRC:SPORT -> DST:DPORT offset=N packets=N (REASON)

with the tag ``net-entropy[PID]:`` before them. Rising means that the alarm rises, whichever way the entropy went.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable
from logging.handlers import SysLogHandler

from wiretropy.netentropy.alarm import Event, Kind

SYSLOG_SOCKET = "/dev/log"

_BEGINNINGS = {
    Kind.RISING: "RISING ALARM on",
    Kind.FALLING: "Falling alarm on",
    Kind.STOP: "Stop tracking",
    Kind.END: "End of connection",
}

_LEVELS = {Kind.RISING: logging.WARNING}
"""Severity of each kind; the others are for information."""


def endpoint(address: str, port: int) -> str:
    """Address and port as one word, IPv6 in brackets (RFC 5952, section 6).

    Examples
    --------
    >>> endpoint("10.0.0.5", 22), endpoint("2001:db8::1", 22)
    ('10.0.0.5:22', '[2001:db8::1]:22')
    """
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def line(event: Event, source: str, destination: str) -> str:
    """One event as a line without tag.

    Parameters
    ----------
    event : Event
        What happened.
    source, destination : str
        Originator and responder as `endpoint` writes them.

    Returns
    -------
    line : str
        Without a line feed; entropy with the eight decimals that protospec files use.
    """
    text = f"{_BEGINNINGS[event.kind]} {source} -> {destination} offset={event.offset} packets={event.packets}"
    if event.entropy is not None:
        text += f" entropy={event.entropy:.8f}"
    if event.kind is Kind.END:
        text += f" ({event.reason})"
    return text


def tag() -> str:
    """What stands before every line of this process."""
    return f"net-entropy[{os.getpid()}]: "


class _Handler(SysLogHandler):
    """A handler that reports a failure instead of printing a traceback and going on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        """Let the failure that is being handled out."""
        raise  # noqa: PLE0704 - logging calls this from its exception handler


def _probe(address: str) -> None:
    """Connect once: `SysLogHandler` keeps silent about a service that does not listen (as openlog does)."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_UNIX, kind) as probe:
            try:
                probe.connect(address)
            except OSError as error:
                if error.errno != errno.EPROTOTYPE or kind == socket.SOCK_STREAM:
                    raise
            else:
                return


def syslog(address: str = SYSLOG_SOCKET) -> Callable[[Kind, str], None]:
    """Open the syslog socket.

    Parameters
    ----------
    address : str, default '/dev/log'
        Path of the socket.

    Returns
    -------
    send : callable of (kind, line)
        Sends one line to the facility ``daemon``, alarms as warnings, the rest as information.

    Raises
    ------
    OSError
        If no syslog service listens there.
    """
    _probe(address)
    handler = _Handler(address=address, facility=SysLogHandler.LOG_DAEMON)
    handler.ident = tag()
    handler.append_nul = False

    def send(kind: Kind, text: str) -> None:
        handler.emit(logging.LogRecord("net-entropy", _LEVELS.get(kind, logging.INFO), "", 0, text, None, None))

    return send
