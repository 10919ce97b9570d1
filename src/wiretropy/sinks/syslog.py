"""Syslog messages (RFC 5424) and how they travel: UNIX socket, UDP (RFC 5426), TCP (RFC 6587), TLS (RFC 5425).

TCP and TLS count octets; a UNIX stream socket gets a line feed after each message. Structured data has the evidence, by
the names of the alert's attributes.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Callable

from wiretropy.limits import SINK_TIMEOUT_S, SYSLOG_BYTES
from wiretropy.policy.alert import Alert
from wiretropy.sinks.encode import record_of, utc
from wiretropy.sinks.text import ends

_DAEMON = 3
_SEVERITIES = {"critical": 2, "high": 3, "medium": 4, "low": 5}
"""Critical, error, warning, notice."""

SD_ID = "wiretropy@32473"
"""Name of the structured data; 32473 is the enterprise number that stands in for one (RFC 5612)."""

_HEAD = ("ts_ns", "reason", "proto", "orig_ip", "orig_port", "resp_ip", "resp_port")
"""What stands in the header or the message already."""


def syslog(alert: Alert, hostname: str = "-") -> bytes:
    """An alert as one message without frame.

    Parameters
    ----------
    alert : Alert
        The alert.
    hostname : str
        Who sends; ``-`` for unknown.

    Returns
    -------
    message : bytes
        One line without line feed, in UTF-8 with the byte order mark that RFC 5424 asks for.
    """
    values = {name: value for name, value in record_of(alert).items() if name not in _HEAD and value is not None}
    message = _message(alert, hostname, values)
    if len(message) > SYSLOG_BYTES:
        message = _message(alert, hostname, {k: v for k, v in values.items() if k not in ("plot", "carve")})
    return message


def _message(alert: Alert, hostname: str, values: dict[str, object]) -> bytes:
    data = "".join(f' {name}="{_escaped(str(value))}"' for name, value in values.items())
    priority = _DAEMON * 8 + _SEVERITIES[alert.severity]
    head = f"<{priority}>1 {utc(alert.ts_ns)} {hostname} wiretropy - {alert.rule[:32]} [{SD_ID}{data}] "
    reason = record_of(alert)["reason"]
    return head.encode() + b"\xef\xbb\xbf" + f"{ends(alert)}: {reason}".encode()


def _escaped(text: str) -> str:
    """A parameter value (RFC 5424, section 6.3.3)."""
    return re.sub(r'(["\\\]])', r"\\\1", text)


def octet_counted(message: bytes) -> bytes:
    """A message behind its length (RFC 6587, section 3.4.1)."""
    return b"%d %s" % (len(message), message)


def line(message: bytes) -> bytes:
    """A message before a line feed (RFC 6587, section 3.4.2)."""
    return message + b"\n"


def datagram(message: bytes) -> bytes:
    """A message that is a datagram."""
    return message


Frame = Callable[[bytes], bytes]
Connect = Callable[[], tuple[socket.socket, Frame]]


class SocketTransport:
    """Sends messages; connects anew once where a connection broke.

    Parameters
    ----------
    connect : callable
        Opens a socket and says how it frames messages; called at once.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._open: tuple[socket.socket, Frame] | None = connect()
        self._is_stale = False

    def send(self, record: bytes, *, header: bytes = b"") -> None:
        """Send one message."""
        if self._is_stale:
            self._is_stale = False
            self.close()
        had_connection = self._open is not None
        try:
            self._send(record)
        except OSError:
            self.close()
            if not had_connection:
                raise
            self._retry(record)

    def reopen(self) -> None:
        """Connect anew before the next message."""
        self._is_stale = True

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open[0].close()
            self._open = None

    def _retry(self, record: bytes) -> None:
        try:
            self._send(record)
        except OSError:
            self.close()
            raise

    def _send(self, record: bytes) -> None:
        if self._open is None:
            self._open = self._connect()
        sock, frame = self._open
        sock.sendall(frame(record))


def unix(path: str) -> Connect:
    """A UNIX socket, of datagrams or else a stream."""

    def connect() -> tuple[socket.socket, Frame]:
        try:
            return _unix(path, socket.SOCK_DGRAM), datagram
        except OSError as error:
            # "Protocol wrong type for socket": it is a stream.
            if error.errno != errno.EPROTOTYPE:
                raise
        return _unix(path, socket.SOCK_STREAM), line

    return connect


def _unix(path: str, kind: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.settimeout(SINK_TIMEOUT_S)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


def udp(host: str, port: int) -> Connect:
    """One datagram a message."""

    def connect() -> tuple[socket.socket, Frame]:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(SINK_TIMEOUT_S)
        sock.connect(address)
        return sock, datagram

    return connect


def tcp(host: str, port: int) -> Connect:
    """A connection with counted octets."""
    return lambda: (socket.create_connection((host, port), SINK_TIMEOUT_S), octet_counted)


def tls(host: str, port: int, *, ca: str | None = None, cert: str | None = None, key: str | None = None) -> Connect:
    """A connection over TLS, to a host whose certificate is checked against `ca` or the system's authorities."""
    context = ssl.create_default_context(cafile=ca)
    if cert is not None:
        context.load_cert_chain(cert, key)

    def connect() -> tuple[socket.socket, Frame]:
        plain = socket.create_connection((host, port), SINK_TIMEOUT_S)
        try:
            return context.wrap_socket(plain, server_hostname=host), octet_counted
        except OSError:
            plain.close()
            raise

    return connect
