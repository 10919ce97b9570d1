"""`wiretropy plot`: arguments, output, exit codes. The engine is replaced by made-up flows."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from wiretropy.cli import plot as cli


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, three_flows: pa.Table, tmp_path: Path) -> list[Any]:
    """What the engine was asked; the current folder is a fresh one."""
    asked: list[Any] = []

    class Read(SimpleNamespace):
        """Flows as the command sees them."""

        def __arrow_c_stream__(self, schema: object = None) -> object:
            return three_flows.__arrow_c_stream__(schema)

    def read(paths: Sequence[str], **options: Any) -> Read:
        asked.append((tuple(paths), options))
        return Read(summary=SimpleNamespace(faults=faults))

    def traced(paths: Sequence[str], uids: list[str], reading: dict[str, Any]) -> None:
        asked.append(("trace", sorted(set(uids)), reading))

    faults: list[Any] = []
    asked.append(faults)
    monkeypatch.setattr(cli, "_read", read)
    monkeypatch.setattr(cli, "_trace", traced)
    monkeypatch.chdir(tmp_path)
    return asked


def run(*arguments: str) -> Result:
    """One call of the command."""
    return CliRunner().invoke(cli.command, list(arguments))


@pytest.mark.usefixtures("calls")
def test_picture_is_named_after_the_capture_and_its_path_is_printed(tmp_path: Path) -> None:
    done = run("captures/office.pcap.gz")
    assert (done.exit_code, done.stdout) == (0, "office-trajectories.png\n")
    assert (tmp_path / "office-trajectories.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("arguments", "name", "begins"),
    [
        (["-o", "a.svg"], "a.svg", b"<?xml"),
        (["--to", "html"], "x-trajectories.html", b"<!DOCTYPE html>"),
        (["--to", "dat"], "x-trajectories/trajectories.gp", b"# Entropy"),
        (["--to", "term", "-o", "a.txt"], "a.txt", b"3 flows"),
    ],
)
def test_format_follows_option_or_name(arguments: list[str], name: str, begins: bytes) -> None:
    done = run("x.pcap", *arguments)
    assert (done.exit_code, done.stdout) == (0, f"{name}\n")
    assert Path(name).read_bytes().startswith(begins)


@pytest.mark.usefixtures("calls")
def test_terminal_picture_goes_to_standard_output() -> None:
    done = run("x.pcap", "--to", "term", "--zoom", "0:500")
    assert done.exit_code == 0
    assert "┤" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.usefixtures("calls")
def test_dash_sends_the_picture_to_standard_output() -> None:
    done = run("x.pcap", "--to", "svg", "-o", "-")
    assert done.stdout_bytes.startswith(b"<?xml")


def test_reading_options_reach_the_engine_and_packets_are_traced_for_html(calls: list[Any]) -> None:
    done = run("x.pcap", "y.pcap", "--depth", "all", "-f", "tcp", "--threshold", "7.5", "--to", "html", "--flow", "Ct")
    assert done.exit_code == 0, done.output
    assert calls[1] == (("x.pcap", "y.pcap"), {"depth": "all", "bpf": "tcp", "threshold": 7.5})
    assert calls[2] == ("trace", ["Ctext"], {"depth": "all", "bpf": "tcp"})


@pytest.mark.usefixtures("calls")
def test_json_names_path_and_curves() -> None:
    done = run("x.pcap", "--flow", "Crandom", "--side", "resp", "--json")
    told = json.loads(done.stdout)
    assert told["path"] == "x-trajectories.png"
    assert [(c["uid"], c["side"], c["measured_bytes"]) for c in told["curves"]] == [("Crandom", "resp", 5_000)]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "22"], "no flow of 3 meets the selection; responder ports there are 443, 80, 53"),
        (["--label", "ssh"], "no 'label' column"),
        (["--host", "nowhere"], "neither an address nor a network"),
        (["--flow", "C"], "give more characters"),
        (["-o", "a.jpg"], "cannot tell the format of a picture from '.jpg'"),
        (["-o", "no/such/folder/a.png"], "no/such/folder/a.png: No such file or directory"),
        (["--to", "dat", "-o", "-"], "name a folder with -o"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    done = run("x.pcap", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [["--zoom", "5"], ["--zoom", "9:2"], ["--zoom", "a:b"], ["--depth", "0"], ["--depth", "x"], ["--top", "0"],
     ["--threshold", "9"], ["--side", "up"], ["--port", "70000"], ["--entropy-range", "0:inf"]],
)  # fmt: skip
def test_bad_arguments_are_usage_errors(arguments: list[str]) -> None:
    done = run("x.pcap", *arguments)
    assert done.exit_code == 2
    assert "Error: Invalid value for" in done.stderr


def test_partial_input_is_drawn_and_ends_with_3(calls: list[Any]) -> None:
    calls[0].append(SimpleNamespace(path="x.pcap", message="byte 9 claims 4 bytes but 2 remain\x1b[2J"))
    done = run("x.pcap")
    assert done.exit_code == 3
    assert done.stdout == "x-trajectories.png\n"
    assert done.stderr == "x.pcap: byte 9 claims 4 bytes but 2 remain\\x1b[2J\n"
