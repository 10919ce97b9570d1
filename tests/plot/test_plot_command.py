"""`wiretropy plot`: arguments, output, exit codes. Most tests replace the engine by made-up flows."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from program import pipeline, wiretropy

from wiretropy.capture.summary import Fault
from wiretropy.cli import plot as cli
from wiretropy.flows import Flows, trace_flows
from wiretropy.plot import plot

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, three_flows: pa.Table, tmp_path: Path) -> list[Any]:
    """What the engine was asked; the current folder is a fresh one."""
    faults: list[Any] = []
    asked: list[Any] = [faults]
    summary: Any = SimpleNamespace(faults=faults, is_partial=False)

    def read(paths: Sequence[str], settings: dict[str, Any], _rows: list[pa.Table] | None) -> Flows:
        asked.append((tuple(paths), settings))
        summary.is_partial = bool(faults)
        return Flows(three_flows, summary)

    def traced(_paths: Sequence[str], uids: list[str], settings: dict[str, Any]) -> list[pa.Table]:
        asked.append(("trace", sorted(set(uids)), settings))
        return []

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
    assert calls[1][0] == ("x.pcap", "y.pcap")
    assert {name: calls[1][1][name] for name in ("depth", "bpf", "threshold")} == {
        "depth": "all",
        "bpf": "tcp",
        "threshold": 7.5,
    }
    assert calls[2] == ("trace", ["Ctext"], calls[1][1])


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
        (["--to", "dat", "-o", "file"], "file: gnuplot files need a folder, but this is a file"),
        (["-o", "file"], "file: gnuplot files need a folder, but this is a file"),
        (["--zoom", "6_000:7_000"], "nothing to see from 6,000 to 7,000: the curves go from byte 32 to 5,000"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    Path("file").touch()
    done = run("x.pcap", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [["--zoom", "5"], ["--zoom", "9:2"], ["--zoom", "a:b"], ["--depth", "0"], ["--depth", "x"], ["--top", "0"],
     ["--threshold", "9"], ["--threshold", "nan"], ["--threshold", "-inf"], ["--tcp-timeout", "0"],
     ["--side", "up"], ["--port", "70000"], ["--entropy-range", "0:inf"]],
)  # fmt: skip
def test_bad_arguments_are_usage_errors(arguments: list[str]) -> None:
    done = run("x.pcap", *arguments)
    assert done.exit_code == 2
    assert "Error: Invalid value for" in done.stderr


def test_partial_input_is_drawn_and_ends_with_3(calls: list[Any]) -> None:
    calls[0].append(Fault("truncated-record", "partial", "x.pcap", 9, 1, "byte 9 claims 4 bytes but 2 remain\x1b[2J"))
    done = run("x.pcap")
    assert done.exit_code == 3
    assert done.stdout == "x-trajectories.png\n"
    assert done.stderr == "x.pcap: byte 9 claims 4 bytes but 2 remain\\x1b[2J\n"


def test_axis_is_chosen_or_told() -> None:
    capture = str(EXAMPLES / "demo.pcap")
    shown = {
        how: "(logarithmic)" in run(capture, "--to", "term", "--side", "orig", *how.split()).stdout
        for how in ("", "--log", "--linear", "--zoom 0:900")
    }
    assert shown == {"": True, "--log": True, "--linear": False, "--zoom 0:900": False}


def test_folder_of_a_scan_is_drawn_like_its_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wiretropy

    monkeypatch.chdir(tmp_path)
    capture = str(EXAMPLES / "ssh2-long.pcap")
    wiretropy.read_flows(capture).save("stored")
    assert run(capture, "-o", "a.svg").exit_code == 0
    assert run("stored", "-o", "b.svg").exit_code == 0
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    assert run("stored", "x.pcap").exit_code == 2


def stored_with(threshold: str, folder: Path) -> dict[str, Any]:
    """A scan of one session with this threshold, stored in a folder; the session's record."""
    done = wiretropy("scan", EXAMPLES / "ssh2-long.pcap", "--threshold", threshold, "--out", folder, "-q")
    assert done.returncode == 0
    [row] = Flows.load(folder)
    return row


def test_stored_flows_are_drawn_with_the_threshold_of_their_scan(tmp_path: Path) -> None:
    row = stored_with("7.5", tmp_path / "stored")
    done = run(str(tmp_path / "stored"), "--side", "resp", "--to", "term")
    assert "threshold 7.5" in done.stdout
    assert f"crosses at {row['resp_crossing_offsets'][0]:,}" in done.stdout
    figure = Flows.load(tmp_path / "stored").plot()
    assert figure.threshold == 7.5
    other = Flows.load(tmp_path / "stored").plot(threshold=7.9)
    assert other.threshold == 7.9
    assert all(c.crossings.size == 0 for c in other.curves)


@pytest.mark.parametrize(
    "options", [["--threshold", "7.9"], ["--depth", "all"], ["-f", "tcp"], ["--no-decap", "--tcp-timeout", "3"]]
)
def test_options_of_reading_are_refused_for_stored_flows(options: list[str], tmp_path: Path) -> None:
    stored_with("7.5", tmp_path / "stored")
    done = run(str(tmp_path / "stored"), *options, "-o", str(tmp_path / "a.svg"))
    assert done.exit_code == 2
    assert "keep the settings of that scan" in done.stderr
    assert all(option in done.stderr for option in options if option.startswith("-"))
    assert not (tmp_path / "a.svg").exists()


def test_crossings_against_an_unknown_threshold_are_not_marked(three_flows: pa.Table) -> None:
    crossed = three_flows.set_column(
        three_flows.schema.get_field_index("resp_crossing_offsets"),
        three_flows.schema.field("resp_crossing_offsets"),
        pa.array([[5]] * 3, pa.list_(pa.uint64())),
    )
    figure = plot(crossed, side="resp")
    assert figure.threshold == 7.9
    assert all(c.crossings.size == 0 for c in figure.curves)


def test_page_of_a_real_session_names_the_packet_that_crossed(tmp_path: Path) -> None:
    """The packet under the pointer at the first grid point past the crossing is not before the crossing's packet."""
    import wiretropy

    capture = EXAMPLES / "https.pcap"
    flows = wiretropy.read_flows(capture)
    row = int(np.argmax(flows["resp_payload_bytes"]))
    uid = str(flows["uid"][row])
    trace = pa.concat_tables(list(wiretropy.trace_flows(capture, [uid])))
    drawn = flows.plot(flow=uid, side="resp", trace=trace).curves[0]
    assert drawn.packets is not None
    after = int(np.searchsorted(drawn.offsets, drawn.crossings[0]))
    assert drawn.packets[after - 1] <= drawn.crossing_packets[0] <= drawn.packets[after]
    assert drawn.entropy[after - 1] < 7.9 <= drawn.entropy[after]
    assert np.all(np.diff(drawn.packets) >= 0)

    done = run(str(capture), "--flow", uid, "--to", "html", "-o", str(tmp_path / "a.html"))
    assert done.exit_code == 0, done.output
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"packet {drawn.packets[after]:,}" in page


def test_gnuplot_data_of_a_capture_name_the_packet_of_every_point(tmp_path: Path) -> None:
    """Also when the capture comes from standard input; those of stored flows do not know it."""
    shutil.copy(EXAMPLES / "ssh2-long.pcap", tmp_path / "a.pcap")
    for name, words in (("file", "a.pcap"), ("piped", "- < a.pcap")):
        done = pipeline(f"wiretropy plot --side resp --to dat -o {name} {words}", tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in (tmp_path / "file/curve-001-resp.dat").read_text().splitlines() if line[0] != "#"]
    assert (tmp_path / "piped/curve-001-resp.dat").read_text() == (tmp_path / "file/curve-001-resp.dat").read_text()
    rows = pa.concat_tables(list(trace_flows(tmp_path / "a.pcap"))).to_pylist()
    reached = {
        int(line[0]): next(row["number"] for row in rows if row["resp_offset"] >= int(line[0])) for line in lines
    }
    assert {int(line[0]): int(line[3]) for line in lines} == reached
    assert len(lines) > 50

    stored_with("7.9", tmp_path / "stored")
    assert run(str(tmp_path / "stored"), "--side", "resp", "-o", str(tmp_path / "c")).exit_code == 0
    assert (tmp_path / "c/curve-001-resp.dat").read_text().splitlines()[-1].endswith(" NaN")


def test_page_of_standard_input_is_that_of_the_file(tmp_path: Path) -> None:
    """Standard input is read once, and the page still names the packet at every point."""
    shutil.copy(EXAMPLES / "demo.pcap", tmp_path / "a.pcap")
    for name, words in (("file", "a.pcap"), ("piped", "- < a.pcap")):
        options = f"--side resp --top 3 --title x -o {name}.html"
        done = pipeline(f"wiretropy plot {options} {words}", tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "file.html").read_text(encoding="utf-8")
    assert (tmp_path / "piped.html").read_text(encoding="utf-8") == page
    assert page.count("packet ") > 100


def test_picture_of_standard_input_is_titled_by_its_name(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "demo.pcap", tmp_path / "a.pcap")
    done = pipeline("wiretropy plot - --to term < a.pcap", tmp_path)
    assert done.stdout.startswith("9 flows of standard input\n")
