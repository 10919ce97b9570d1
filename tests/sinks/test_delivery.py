"""Alerts over real sockets, to programs and web services, through bounded queues."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sink_alerts import ALERT

from wiretropy.errors import RefusedError
from wiretropy.sinks import Sink, open_sink
from wiretropy.sinks.command import CommandTransport
from wiretropy.sinks.queue import DirectSink, Format, QueuedSink
from wiretropy.sinks.syslog import syslog
from wiretropy.sinks.webhook import WebhookTransport

MESSAGE = syslog(ALERT, socket.gethostname())
WAIT_S = 60.0


def deliver(spec: str) -> None:
    """Send two alerts; both must go out."""
    sink = open_sink(spec)
    sink.write(ALERT)
    sink.write(ALERT)
    sink.close(WAIT_S)
    assert (sink.delivery.sent, sink.delivery.failed, sink.delivery.dropped) == (2, 0, 0), sink.delivery


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback that reads one connection to its end."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            plain, _ = server.accept()
            # A client that does not trust the certificate ends the handshake.
            secured = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) if context else plain
            with secured as connection, suppress(ssl.SSLError):
                while part := connection.recv(65_536):
                    got.append(part)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], got
        thread.join(WAIT_S)


def test_udp_sends_a_datagram_a_message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(WAIT_S)
        deliver(f"syslog:udp://127.0.0.1:{receiver.getsockname()[1]}")
        assert [receiver.recv(65_536) for _ in range(2)] == [MESSAGE] * 2


def test_a_unix_socket_of_datagrams_gets_a_datagram_a_message(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(WAIT_S)
        deliver(f"syslog:unix://{tmp_path / 'log'}")
        assert [receiver.recv(65_536) for _ in range(2)] == [MESSAGE] * 2


def test_a_service_that_was_restarted_gets_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = open_sink_of_a_first_service(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second:
        second.bind(str(path))
        second.settimeout(WAIT_S)
        sink.write(ALERT)
        assert second.recv(65_536) == MESSAGE
        sink.close(WAIT_S)
    assert sink.delivery.sent == 1


def open_sink_of_a_first_service(path: Path) -> Sink:
    """A sink whose service has gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as first:
        first.bind(str(path))
        sink = open_sink(f"syslog:unix://{path}")
    path.unlink()
    return sink


def test_a_unix_stream_gets_lines(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "log"))
        server.listen()
        deliver(f"syslog:unix://{tmp_path / 'log'}")
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            assert stream.read() == (MESSAGE + b"\n") * 2


def test_tcp_counts_octets() -> None:
    with listening() as (port, got):
        deliver(f"syslog:tcp://127.0.0.1:{port}")
    assert b"".join(got) == b"%d %s" % (len(MESSAGE), MESSAGE) * 2


def test_tls_counts_octets_and_refuses_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*words.split(), "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with listening(context) as (port, got):
        deliver(f"syslog:tls://127.0.0.1:{port}?ca={cert}")
    assert b"".join(got) == b"%d %s" % (len(MESSAGE), MESSAGE) * 2
    with listening(context) as (port, got), pytest.raises(RefusedError, match="CERTIFICATE_VERIFY_FAILED"):
        open_sink(f"syslog:tls://127.0.0.1:{port}")
    assert got == []


def test_a_program_gets_the_alert_on_standard_input(tmp_path: Path) -> None:
    program = tmp_path / "on alert; x"
    program.write_text(f"#!/bin/sh\ncat >> '{tmp_path}/got'\n")
    program.chmod(0o755)
    deliver(f"command:{program}")
    lines = (tmp_path / "got").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [ALERT.id] * 2


def test_a_program_that_fails_or_hangs_is_told(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    sink = open_sink(f"command:{program}")
    sink.write(ALERT)
    sink.close(WAIT_S)
    assert (sink.delivery.failed, sink.delivery.reason) == (1, "the program ended with exit code 3")
    program.write_text("#!/bin/sh\nsleep 1000 & wait\n")
    with pytest.raises(TimeoutError, match=r"did not end within 0\.2 s"):
        CommandTransport(program, timeout_s=0.2).send(b"{}\n")


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    program, pipe = tmp_path / "program", tmp_path / "pipe"
    os.mkfifo(pipe)
    program.write_text(f"#!/bin/sh\nsleep 1000 > '{pipe}' & wait\n")
    program.chmod(0o755)
    # Reading ends when nobody has the pipe open for writing any more.
    reader = subprocess.Popen(["cat", pipe])
    with pytest.raises(TimeoutError):
        CommandTransport(program, timeout_s=2.0).send(b"{}\n")
    assert reader.wait(WAIT_S) == 0


@contextmanager
def web(statuses: list[int]) -> Iterator[tuple[str, list[bytes]]]:
    """A web service that answers with these, one a request."""
    got: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(statuses.pop(0))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/x", got
        server.shutdown()
        thread.join(WAIT_S)


def test_a_web_service_gets_json_and_is_asked_again_when_busy() -> None:
    with web([503, 200, 204]) as (url, got):
        deliver(f"webhook:{url}")
    assert [json.loads(body)["uid"] for body in got] == ["CyX9"] * 3


@pytest.mark.parametrize(("statuses", "requests"), [([404], 1), ([302], 1), ([500, 500], 2)])
def test_a_web_service_that_refuses_is_told(statuses: list[int], requests: int) -> None:
    with web(list(statuses)) as (url, got):
        transport = WebhookTransport(url, tries=2, pause_s=0)
        with pytest.raises(OSError, match=str(statuses[0])):
            transport.send(b"{}\n")
    assert len(got) == requests


class Gate:
    """A transport that carries nothing until it is opened."""

    def __init__(self) -> None:
        self.has_begun, self.may_go = threading.Event(), threading.Event()
        self.is_closed = False

    def send(self, record: bytes, *, header: bytes = b"") -> None:
        self.has_begun.set()
        assert self.may_go.wait(WAIT_S)

    def reopen(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


def test_a_full_queue_drops_and_counts() -> None:
    gate = Gate()
    sink = QueuedSink(DirectSink("gate", Format(syslog), gate), capacity=2)
    sink.write(ALERT)
    assert gate.has_begun.wait(WAIT_S)
    for _ in range(5):
        sink.write(ALERT)
    assert sink.delivery.dropped == 3
    gate.may_go.set()
    sink.close(WAIT_S)
    assert (sink.delivery.sent, sink.delivery.dropped) == (3, 3)
    assert gate.is_closed


def test_closing_waits_no_longer_than_allowed() -> None:
    gate = Gate()
    sink = QueuedSink(DirectSink("gate", Format(syslog), gate), capacity=9)
    sink.write(ALERT)
    assert gate.has_begun.wait(WAIT_S)
    sink.write(ALERT)
    sink.close(0)
    assert sink.delivery.dropped == 2
    gate.may_go.set()
