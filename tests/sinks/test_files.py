"""Files of alerts: whole lines, also after a kill; rotation and reopening."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sink_alerts import ALERT

from wiretropy.errors import RefusedError
from wiretropy.sinks import file, file_of, open_sink
from wiretropy.sinks.file import FileTransport

WRITER = """
import sys
from pathlib import Path
from wiretropy.sinks.file import FileTransport
transport = FileTransport(Path(sys.argv[1]))
number = 0
while True:
    transport.send(b'{"number":%d,"filling":"%s"}\\n' % (number, b"x" * 5_000))
    number += 1
    if number == 200:
        print("going", flush=True)
"""


def test_a_killed_writer_tears_no_line_but_its_last_and_the_next_one_ends_that(tmp_path: Path) -> None:
    """The kernel may stop a write of a dying program between two pages."""
    path = tmp_path / "a.json"
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    content = path.read_bytes()
    whole = content.count(b"\n")
    assert whole >= 200
    transport = FileTransport(path)
    transport.send(b'{"number":-1}\n')
    transport.close()
    lines = path.read_bytes().splitlines()
    assert [json.loads(line)["number"] for line in lines[:whole]] == list(range(whole))
    assert json.loads(lines[-1]) == {"number": -1}
    assert len(lines) == whole + 1 + (not content.endswith(b"\n"))


def test_a_torn_line_is_ended_before_the_next_begins(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\ntw")
    transport = FileTransport(path)
    transport.send(b"three\n")
    transport.close()
    assert path.read_bytes() == b"one\ntw\nthree\n"


def test_a_file_that_was_moved_is_opened_anew_with_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a"
    transport = FileTransport(path)
    transport.send(b"1\n", header=b"#\n")
    transport.send(b"2\n", header=b"#\n")
    path.rename(tmp_path / "old")
    transport.send(b"3\n", header=b"#\n")
    path.unlink()
    transport.send(b"4\n", header=b"#\n")
    transport.close()
    assert (tmp_path / "old").read_bytes() == b"#\n1\n2\n"
    assert path.read_bytes() == b"#\n4\n"


def test_a_signal_handler_can_ask_for_the_file_to_be_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = FileTransport(tmp_path / "a")
    opened: list[Path] = []
    monkeypatch.setattr(file, "_opened", lambda path: opened.append(path) or os.open(path, os.O_RDWR | os.O_APPEND))
    previous = signal.signal(signal.SIGHUP, lambda *_: transport.reopen())
    try:
        transport.send(b"1\n")
        assert opened == []
        os.kill(os.getpid(), signal.SIGHUP)
        transport.send(b"2\n")
        transport.send(b"3\n")
    finally:
        signal.signal(signal.SIGHUP, previous)
    transport.close()
    assert opened == [tmp_path / "a"]
    assert (tmp_path / "a").read_bytes() == b"1\n2\n3\n"


def test_files_rotate_by_size_and_the_oldest_goes(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path / "a", max_bytes=6, keep=2)
    for number in range(1, 8):
        transport.send(b"%d\n" % number, header=b"#\n")
    transport.close()
    contents = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert contents == {"a": b"#\n7\n", "a.1": b"#\n5\n6\n", "a.2": b"#\n3\n4\n"}


def test_a_sink_rotates_when_asked_and_each_file_of_a_zeek_log_has_a_header(tmp_path: Path) -> None:
    sink = open_sink(f"zeek-log:{tmp_path}", max_bytes=1)
    sink.write(ALERT)
    sink.write(ALERT)
    sink.close()
    for name in ("wiretropy.log", "wiretropy.log.1"):
        assert (tmp_path / name).read_bytes().startswith(b"#separator \\x09\n")


def test_a_zeek_log_goes_into_its_folder_under_one_header(tmp_path: Path) -> None:
    for _ in range(2):
        sink = open_sink(f"zeek-notice:{tmp_path}")
        sink.write(ALERT)
        sink.close()
    lines = (tmp_path / "notice.log").read_text().splitlines()
    assert [line.startswith("#") for line in lines] == [True] * 8 + [False] * 2
    assert file_of(f"zeek-log-json:{tmp_path}") == tmp_path / "json_streaming_wiretropy.log"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere:x", "nowhere:x: no sink is called 'nowhere'; there are eve, eve7, ecs"),
        ("eve", "eve: a place is missing"),
        ("eve:", "eve:: a place is missing; write it behind the colon, as in eve:FILE"),
        ("eve:/nonexistent/x", "eve:/nonexistent/x: No such file or directory"),
        ("syslog:http://x", "syslog goes to unix:///PATH"),
        ("syslog:udp://x:99999", "Port out of range"),
        ("syslog:unix:///nonexistent", "No such file or directory"),
        ("syslog:tls://x?speed=9", "'speed' is no option of tls"),
        ("syslog:tls://x?ca=/nonexistent", "there is no file /nonexistent"),
        ("webhook:file:///etc/passwd", "a webhook is an http or https address"),
        ("command:/etc/passwd", "is no program that can be run"),
    ],
)
def test_what_is_no_sink_is_refused(spec: str, message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        open_sink(spec)
    assert message in str(refused.value)
