"""Sinks by name: ``eve:/var/log/x.json``, ``syslog:udp://host:514``, ``webhook:https://...``.

A text goes in, an open sink comes out. Refused: unknown kinds, what lacks a place, and whatever cannot be opened.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from wiretropy.errors import RefusedError
from wiretropy.policy.alert import Alert
from wiretropy.sinks import syslog as messages
from wiretropy.sinks import zeek
from wiretropy.sinks.command import CommandTransport
from wiretropy.sinks.ecs import ecs
from wiretropy.sinks.encode import alert_json
from wiretropy.sinks.eve import eve, eve7
from wiretropy.sinks.file import FileTransport, StdoutTransport
from wiretropy.sinks.net_entropy import net_entropy
from wiretropy.sinks.queue import DirectSink, Format, QueuedSink, Sink
from wiretropy.sinks.text import text
from wiretropy.sinks.transport import Transport
from wiretropy.sinks.webhook import WebhookTransport

_LINES = {"eve": eve, "eve7": eve7, "ecs": ecs, "text": text, "net-entropy": net_entropy}
"""Kinds whose place is a file."""

_LOGS: dict[str, tuple[str, Callable[[Alert], list[zeek.Field]], bool]] = {
    "zeek-notice": ("notice", zeek.notice, False),
    "zeek-notice-json": ("notice", zeek.notice, True),
    "zeek-log": ("wiretropy", zeek.wiretropy_log, False),
    "zeek-log-json": ("wiretropy", zeek.wiretropy_log, True),
}
"""Kinds whose place is a folder: Zeek's name of the log, its fields, whether it is JSON."""

KINDS = (*_LINES, *_LOGS, "syslog", "webhook", "command")

_SYSLOG_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
"""Ports of RFC 5426, RFC 3195 (as rsyslog and syslog-ng use it for TCP) and RFC 5425."""


def open_sink(spec: str, *, wait_s: float = 0.0, max_bytes: int | None = None) -> Sink:
    """Open the sink that a spec names.

    Parameters
    ----------
    spec : str
        Kind and place, with a colon between them. Files: ``eve``, ``eve7``, ``ecs``, ``text`` and ``net-entropy`` with
        a path, or ``-`` for standard output. Folders: ``zeek-notice``, ``zeek-log``, both also with ``-json``. Others:
        ``syslog:unix:///dev/log``, ``syslog:udp://HOST:PORT``, ``syslog:tcp://HOST:PORT``,
        ``syslog:tls://HOST:PORT?ca=FILE&cert=FILE&key=FILE``, ``webhook:URL``, ``command:PROGRAM``.
    wait_s : float
        How long a full queue may hold up whoever writes, before an alert is dropped. Files have no queue.
    max_bytes : int, optional
        Rotate files before they grow larger; by default never, since logrotate may.

    Returns
    -------
    sink : Sink

    Raises
    ------
    RefusedError
        If it names no sink, or one that cannot be opened.
    """
    kind, place = _split(spec)
    try:
        form, transport = _parts(kind, place, max_bytes)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise RefusedError(f"{spec}: {reason}") from error
    sink = DirectSink(spec, form, transport)
    return sink if kind in _LINES or kind in _LOGS else QueuedSink(sink, wait_s=wait_s)


def file_of(spec: str) -> Path | None:
    """The file that a spec's sink writes, ``-`` for standard output; None if it writes none."""
    kind, place = _split(spec)
    if kind in _LOGS:
        return Path(place) / _log_name(kind)
    return Path(place) if kind in _LINES else None


def _split(spec: str) -> tuple[str, str]:
    kind, _, place = spec.partition(":")
    if kind not in KINDS:
        raise RefusedError(f"{spec}: no sink is called {kind!r}; there are {', '.join(KINDS)}")
    if not place:
        example = f"{kind}:{_EXAMPLES.get(kind, 'FILE')}"
        raise RefusedError(f"{spec}: a place is missing; write it behind the colon, as in {example}")
    return kind, place


_EXAMPLES = {
    "syslog": "udp://192.0.2.1:514",
    "webhook": "https://example.org/alerts",
    "command": "/usr/local/bin/on-alert",
    **dict.fromkeys(_LOGS, "FOLDER"),
}


def _parts(kind: str, place: str, max_bytes: int | None) -> tuple[Format, Transport]:
    if kind in _LINES:
        return Format(_LINES[kind]), StdoutTransport() if place == "-" else FileTransport(
            Path(place), max_bytes=max_bytes
        )
    if kind in _LOGS:
        return _log_format(kind), FileTransport(Path(place) / _log_name(kind), max_bytes=max_bytes)
    if kind == "syslog":
        host = socket.gethostname() or "-"
        return Format(lambda alert: messages.syslog(alert, host)), messages.SocketTransport(_connect(place))
    if kind == "webhook":
        url = urlsplit(place)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("a webhook is an http or https address")
        return Format(alert_json), WebhookTransport(place)
    program = Path(place)
    if not (program.is_file() and os.access(program, os.X_OK)):
        raise ValueError("is no program that can be run")
    return Format(alert_json), CommandTransport(program.absolute())


def _log_name(kind: str) -> str:
    path, _, is_json = _LOGS[kind]
    return f"json_streaming_{path}.log" if is_json else f"{path}.log"


def _log_format(kind: str) -> Format:
    path, fields, is_json = _LOGS[kind]
    if is_json:
        line = zeek.streaming_line(path)
        return Format(lambda alert: line(fields(alert)))
    return Format(
        lambda alert: zeek.tsv_line(fields(alert)),
        lambda alert: zeek.tsv_header(path, fields(alert)),
    )


def _connect(place: str) -> messages.Connect:
    url = urlsplit(place)
    if url.scheme == "unix" and url.path:
        return messages.unix(url.path)
    if url.scheme not in _SYSLOG_PORTS or not url.hostname:
        raise ValueError("syslog goes to unix:///PATH, udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT")
    port = url.port or _SYSLOG_PORTS[url.scheme]
    if url.scheme == "tls":
        return messages.tls(url.hostname, port, **_tls_files(url))
    return (messages.udp if url.scheme == "udp" else messages.tcp)(url.hostname, port)


def _tls_files(url: SplitResult) -> dict[str, str]:
    files = dict(parse_qsl(url.query, strict_parsing=True)) if url.query else {}
    if unknown := sorted(files.keys() - {"ca", "cert", "key"}):
        raise ValueError(f"{unknown[0]!r} is no option of tls; there are ca, cert and key")
    if missing := [name for name in files.values() if not Path(name).is_file()]:
        raise ValueError(f"there is no file {missing[0]}")
    return files
