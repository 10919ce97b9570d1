"""How the programs end when they are interrupted, when nobody reads on, and when nothing can be read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from program import PROGRAM, pipeline, wiretropy
from wire import Datagrams, End, Wire, pcap_bytes

from wiretropy.flows import Flows, read_flows


@pytest.mark.parametrize(
    "command",
    [
        "wiretropy scan demo.pcap",
        "wiretropy scan demo.pcap --json",
        "wiretropy scan demo.pcap --summary -",
        "wiretropy scan demo.pcap --out out",
        "wiretropy plot demo.pcap --to svg -o -",
        "wiretropy plot demo.pcap --to term",
        "wiretropy plot demo.pcap --json",
        "wiretropy carve demo.pcap --flow CyX9",
        "wiretropy carve demo.pcap --flow CyX9 --json",
        "wiretropy judge demo.pcap",
        "wiretropy --help",
        "wiretropy scan --help",
        "net-entropy --help",
    ],
)
def test_a_closed_pipe_ends_quietly_as_the_signal_would(command: str, tmp_path: Path, examples: Path) -> None:
    shutil.copy(examples / "demo.pcap", tmp_path)
    done = pipeline(f"mkfifo pipe; exec 4<>pipe; exec 3>pipe; exec 4<&-; {command} >&3", tmp_path)
    assert (done.returncode, done.stdout, done.stderr.replace("140 packets of 1 flow\n", "")) == (141, "", "")
    assert not list(tmp_path.rglob("*.partial"))


def test_a_reader_that_has_seen_enough_gets_what_it_read(tmp_path: Path) -> None:
    wire = Wire()
    for number in range(20_000):
        Datagrams(wire, End("10.1.0.1", number)).send("orig", b"x")
    (tmp_path / "many.pcap").write_bytes(pcap_bytes(wire.packets))
    done = pipeline("wiretropy scan many.pcap --json | head -n 1", tmp_path)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (141, 1, "")


TELLING = f"""
import sys
from wiretropy.capture import run

class Core:
    def __init__(self, *arguments):
        self.scan = Scan(*arguments)

    def __getattr__(self, name):
        return getattr(self.scan, name)

    def next_output(self):
        output = self.scan.next_output()
        if output == ("idle", None) and self.progress()[2] == 788:
            print("waiting", file=sys.stderr, flush=True)
        return output

Scan, run._core.Scan = run._core.Scan, Core
{PROGRAM}
"""
"""The program; it says when it has read the 788 packets of the capture and waits for more."""


@pytest.mark.parametrize("options", [[], ["--out", "out"], ["--json"]], ids=" ".join)
def test_an_interrupted_scan_gives_what_it_has_and_ends_with_130(
    options: list[str], tmp_path: Path, examples: Path
) -> None:
    """The capture is still being written, so that only the interrupt ends the scan."""
    shutil.copy(examples / "demo.pcap", tmp_path / "growing.pcap")
    process = subprocess.Popen(
        [sys.executable, "-c", TELLING, "scan", "growing.pcap", "--follow", *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "300"},
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.replace("waiting\n", "") == "warning: growing.pcap: following was stopped as asked\n"
    assert not list(tmp_path.rglob("*.partial"))
    flows = set(read_flows(examples / "demo.pcap")["uid"])
    if options == ["--json"]:
        assert {json.loads(line)["uid"] for line in out.splitlines()} == flows
    elif options:
        assert set(Flows.load(tmp_path / "out")["uid"]) == flows
    else:
        assert all(uid in out for uid in flows)


def test_an_interrupt_elsewhere_ends_with_130(monkeypatch: pytest.MonkeyPatch, examples: Path) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wiretropy.carve.carve", interrupted)
    done = wiretropy("carve", examples / "demo.pcap", "--flow", "CyX9")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("options", [[], ["--json"], ["--out", "out"], ["-q"]], ids=" ".join)
def test_a_refused_scan_says_so_once_and_nothing_else(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = wiretropy("scan", "absent.pcap", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: absent.pcap: cannot be opened: No such file or directory\n"


@pytest.mark.parametrize("command", [["plot"], ["carve", "--flow", "C"]], ids=" ".join)
def test_other_commands_say_the_same(command: list[str]) -> None:
    done = wiretropy(*command, "absent.pcap")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: absent.pcap: cannot be opened: No such file or directory\n"


def test_empty_standard_input_is_called_by_its_name(tmp_path: Path) -> None:
    done = pipeline("wiretropy scan - < /dev/null", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: standard input: ")


def test_help_shows_units_and_no_type_names() -> None:
    for command in ("scan", "plot", "carve", "judge"):
        out = " ".join(wiretropy(command, "--help").stdout.split())
        assert "INTEGER" not in out
        if command != "judge":
            assert "(default: 300 s)" in out
            assert "(default: 60 s)" in out
    assert "--out or neither" not in wiretropy("scan", "--help").stdout
