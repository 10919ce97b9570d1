"""`wiretropy scan`: what it prints and writes, and with which exit code it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bad_input.scan import FORBIDDEN, check_accounts
from program import conversation, random_bytes, wiretropy, wiretropy_process
from wire import Packet, pcap_bytes

from wiretropy.entropy import min_bytes_to_cross
from wiretropy.flows import Flows, read_flows
from wiretropy.verdict import judge


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Random bytes from ports 443 and 8443, text from 80, and a session too short to cross."""
    folder = tmp_path / "captures"
    folder.mkdir()
    packets = [
        *conversation(random_bytes(9_000), port=1_001, server_port=443),
        *conversation(random_bytes(8_000), port=1_002, server_port=8_443),
        *conversation(b"all work and no play " * 400, port=1_003),
        *conversation(random_bytes(200), port=1_004, server_port=22),
        Packet(1_700_000_000_000_000_000, bytes(12) + b"\x08\x06" + bytes(28)),
    ]
    path = folder / "a.pcap"
    path.write_bytes(pcap_bytes(packets))
    return path


def stored(row: dict[str, Any]) -> dict[str, Any]:
    """A JSON record with bytes again where it has digits."""
    return row | {name: bytes.fromhex(row[name]) for name in ("orig_head", "resp_head")}


ALERTS = ["orig_alert_id", "resp_alert_id", "alert_ids", "alert_rules"]
"""What the policy adds to a record."""


def measured(row: dict[str, Any]) -> dict[str, Any]:
    """The same without what the policy added to it."""
    return {name: value for name, value in stored(row).items() if name not in ALERTS}


# What is printed.


def test_json_has_one_object_a_line_and_nothing_else(capture: Path) -> None:
    done = wiretropy("scan", capture, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [measured(row) for row in rows] == judge(read_flows(capture)).to_arrow().to_pylist()


def test_the_table_puts_alerts_first_and_names_byte_and_packet(capture: Path) -> None:
    done = wiretropy("scan", capture)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row["orig_port"]: row for row in read_flows(capture).to_arrow().to_pylist()}
    lines = done.stdout.splitlines()
    order = [next(n for n, line in enumerate(lines) if rows[port]["uid"] in line) for port in (1_001, 1_002, 1_003)]
    assert max(order[:2]) < order[2]
    for port in (1_001, 1_002):
        offset, packet = rows[port]["resp_crossing_offsets"][0], rows[port]["resp_crossing_packets"][0]
        assert f"7.9 at byte {offset:,}, packet {packet:,}" in done.stdout
        assert f"payload reached 7.9 bits per byte at byte {offset:,} (packet {packet:,} of" in done.stdout
    assert "4 flows; 2 alerts in 2 flows, one for each side that reached 7.9 bits per byte unexpectedly" in done.stdout


def test_the_table_says_where_random_bytes_of_that_length_would_lie(capture: Path) -> None:
    out = wiretropy("scan", capture).stdout
    assert re.search(r"9,000  7\.9\d{3}   7\.9795 ± 0\.0018", out), out


def test_flows_too_short_ever_to_cross_are_marked(capture: Path) -> None:
    out = wiretropy("scan", capture).stdout
    assert f"too short ever to cross ({min_bytes_to_cross(7.9)} bytes)" in out
    assert min_bytes_to_cross(7.9) == 239
    assert "too short" not in wiretropy("scan", capture, "--threshold", "4").stdout


def totals(text: str, what: str) -> tuple[int, list[int]]:
    """A line of totals: what was seen, and its parts."""
    [line] = [line for line in text.splitlines() if line.startswith(f"{what}: ")]
    seen, parts = line.removeprefix(f"{what}: ").split(" seen = ")
    return int(seen.replace(",", "")), [int(part.split()[0].replace(",", "")) for part in parts.split(" + ")]


@pytest.mark.parametrize("name", ["a.pcap", "demo"])
def test_printed_totals_add_up(name: str, capture: Path, examples: Path) -> None:
    path = capture if name == "a.pcap" else examples / "demo.pcap"
    out = wiretropy("scan", path, "--depth", "1000").stdout
    for what in ("packets", "captured bytes", "payload bytes"):
        seen, parts = totals(out, what)
        assert seen == sum(parts) > 0
    summary = read_flows(path).summary
    assert totals(out, "packets")[0] == summary.packets.seen
    assert totals(out, "captured bytes")[0] == summary.bytes.seen
    assert totals(out, "payload bytes")[0] == summary.payload_seen


def test_rows_limits_the_table_and_says_of_how_many(capture: Path) -> None:
    assert "4 flows, 1 shown" in wiretropy("scan", capture, "--rows", "1").stdout


def test_the_alerts_that_are_counted_are_the_alerts_that_are_told(tmp_path: Path) -> None:
    """Also when the table has fewer rows than there are alerts."""
    packets = [each for port in range(50) for each in conversation(random_bytes(4_000), port=2_000 + port)]
    path = tmp_path / "many.pcap"
    path.write_bytes(pcap_bytes(packets))
    out = wiretropy("scan", path, "--rows", "10").stdout
    assert "50 flows, 10 shown; 50 alerts in 50 flows" in out
    assert len(re.findall(r"payload reached", out)) == 10
    assert "40 more alerts; --rows shows more of them, --json names all" in out
    lines = wiretropy("scan", path, "--json").stdout.splitlines()
    assert len(set(alerts_of([json.loads(line) for line in lines]))) == 50


def alerts_of(rows: list[dict[str, Any]]) -> list[str]:
    """Ids of all alerts in records."""
    return [row[name] for row in rows for name in ("orig_alert_id", "resp_alert_id") if row[name] is not None]


def test_json_and_parquet_name_every_alert_as_the_table_does_and_carve_takes_them(
    capture: Path, tmp_path: Path
) -> None:
    done = wiretropy("scan", capture, "--json", "--expected-ports", "443", "--out", tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert pq.read_table(tmp_path / "flows.parquet").to_pylist() == [stored(row) for row in rows]
    shown = wiretropy("scan", capture, "--expected-ports", "443").stdout
    told = re.findall(r"^(A[0-9a-f]{16})  tcp", shown, re.MULTILINE)
    assert alerts_of(rows) == told
    assert {row["resp_port"]: row["resp_alert_id"] for row in rows} == {443: None, 8_443: told[0], 80: None, 22: None}
    carved = tmp_path / "carved.pcap"
    assert wiretropy("carve", capture, "--alert", told[0], "-o", carved).returncode == 0
    assert read_flows(carved)["resp_port"].tolist() == [8_443]


def test_both_sides_of_a_flow_have_alerts_of_their_own(capture: Path) -> None:
    done = wiretropy("scan", capture, "--json", "--threshold", "3")
    alerts = alerts_of([json.loads(line) for line in done.stdout.splitlines()])
    assert len(alerts) == len(set(alerts)) == 8


def test_quiet_prints_no_totals(capture: Path) -> None:
    assert not re.search(
        r"^(packets|captured bytes|payload bytes): ", wiretropy("scan", capture, "-q").stdout, re.MULTILINE
    )


def test_a_pipe_gets_no_control_characters(capture: Path) -> None:
    done = wiretropy("scan", capture)
    assert FORBIDDEN.search(done.stdout + done.stderr) is None


# What is written.


def test_out_writes_the_same_flows_and_totals(capture: Path, tmp_path: Path) -> None:
    done = wiretropy("scan", capture, "--out", tmp_path / "out", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["flows.parquet", "summary.json"]
    loaded = Flows.load(tmp_path / "out")
    assert loaded.to_arrow().drop_columns(ALERTS).equals(judge(read_flows(capture)).to_arrow())
    check_accounts(json.loads((tmp_path / "out" / "summary.json").read_text()))


def test_out_with_counts_carries_the_counts(capture: Path, tmp_path: Path) -> None:
    assert wiretropy("scan", capture, "--out", tmp_path / "out", "--counts").returncode == 0
    assert "both_counts" in pq.read_schema(tmp_path / "out" / "flows.parquet").names


def test_summary_goes_to_a_file_or_to_standard_output(capture: Path, tmp_path: Path) -> None:
    assert wiretropy("scan", capture, "--summary", tmp_path / "s.json").returncode == 0
    written = json.loads((tmp_path / "s.json").read_text())
    check_accounts(written)
    assert written["flows"]["emitted"] == 4
    out = wiretropy("scan", capture, "--json", "-q", "--summary", "-").stdout
    assert json.loads(out[out.index("{\n") :]) == written


@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_output_is_the_same_bit_for_bit_in_every_process(threads: str, examples: Path, tmp_path: Path) -> None:
    def output(name: str, seed: str, number: str) -> tuple[bytes, bytes, bytes]:
        options = ["--out", str(tmp_path / name), "--json", "--threads", number]
        names = ("demo.pcap", "ssh1.pcap", "rtmp.pcap")
        done = wiretropy_process("scan", *names, *options, cwd=examples, PYTHONHASHSEED=seed)
        assert (done.returncode, done.stderr) == (0, b"")
        folder = tmp_path / name
        return done.stdout, (folder / "flows.parquet").read_bytes(), (folder / "summary.json").read_bytes()

    assert output("a", "1", "1") == output("b", "2", threads)


# Exit codes.


def test_whole_input_ends_with_0_also_when_there_are_alerts(capture: Path) -> None:
    assert wiretropy("scan", capture).returncode == 0


@pytest.mark.parametrize("how", [[], ["--json"], ["-q"], ["--out", "out", "-q"]])
def test_alerts_end_with_1_when_asked_for(
    how: list[str], capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert wiretropy("scan", capture, "--exit-code", *how).returncode == 1


@pytest.mark.parametrize(
    ("ports", "alerts"),
    [("", 2), ("443", 1), ("443,8443", 0), ("440-450", 1), ("1-65535", 0), ("1002", 1), (" 443 , 8443 ", 0)],
)
def test_expected_ports_of_either_side_raise_no_alert(ports: str, alerts: int, capture: Path) -> None:
    done = wiretropy("scan", capture, "--exit-code", "--expected-ports", ports)
    assert f"4 flows; {alerts or 'no'} alert" in done.stdout
    assert done.returncode == (1 if alerts else 0)


def test_a_threshold_decides_what_crosses(capture: Path) -> None:
    assert "4 flows; no alerts: no side reached 7.99 bits" in wiretropy("scan", capture, "--threshold", "7.99").stdout
    assert (
        "4 flows; 8 alerts in 4 flows, one for each side that reached 3 bits"
        in wiretropy("scan", capture, "--threshold", "3").stdout
    )


def test_a_part_read_ends_with_3_whether_there_are_alerts_or_not(capture: Path, tmp_path: Path) -> None:
    """And the help says which of the two codes goes first."""
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(capture.read_bytes()[:-100])
    for more in ([], ["--exit-code"], ["--exit-code", "--expected-ports", "1-65535"]):
        assert wiretropy("scan", cut, *more).returncode == 3
    assert "3 a usable part was read, and the reason given on stderr, whether there are findings or not" in " ".join(
        wiretropy("--help").stdout.split()
    )
    assert "unless only a part of the input could be read: that is 3" in " ".join(
        wiretropy("scan", "--help").stdout.split()
    )


def test_a_part_read_ends_with_3_and_names_file_offset_and_packet(capture: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(capture.read_bytes()[:-100])
    done = wiretropy("scan", cut, "--json", "--exit-code")
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{cut}: ")
    assert len(done.stdout.splitlines()) >= 3
    fault = read_flows(cut).summary.faults[0]
    assert f"{fault.offset:,}" in line
    assert f"{fault.packets:,}" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["absent.pcap"],
        [],
        ["--depth", "0", "a.pcap"],
        ["--depth", "1e3", "a.pcap"],
        ["--threshold", "9", "a.pcap"],
        ["--threshold", "nan", "a.pcap"],
        ["--expected-ports", "http", "a.pcap"],
        ["--expected-ports", "70000", "a.pcap"],
        ["--expected-ports", "9-1", "a.pcap"],
        ["--rows", "0", "a.pcap"],
        ["--threads", "0", "a.pcap"],
        ["--tcp-timeout", "0", "a.pcap"],
        ["--tcp-timeout", "nan", "a.pcap"],
        ["--tcp-timeout", "1e12", "a.pcap"],
        ["--udp-timeout", "-1", "a.pcap"],
        ["--active-limit", "inf", "a.pcap"],
        ["-f", "tcp and", "a.pcap"],
        ["--no-such-option", "a.pcap"],
        ["text.txt"],
        ["empty.pcap"],
        ["."],
        ["-", "-"],
        ["a.pcap", "--out", "text.txt"],
        ["a.pcap", "--summary", "absent/summary.json"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_or_read_ends_with_2_and_a_reason(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if "a.pcap" in arguments:
        (folder / "a.pcap").write_bytes(pcap_bytes(conversation(b"x")))
    (folder / "text.txt").write_text("this is no capture at all")
    (folder / "empty.pcap").touch()
    done = wiretropy("scan", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
    assert not list(folder.rglob("*.partial"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "--tcp-timeout 0",
            "Invalid value for '--tcp-timeout': '0' is not a positive number of seconds, at most 9,000,",
        ),
        ("--udp-timeout nan", "Invalid value for '--udp-timeout': 'nan' is not a positive"),
        ("--active-limit inf", "Invalid value for '--active-limit': 'inf' is not a positive"),
        ("--threshold nan", "Invalid value for '--threshold': 'nan' is not a number of bits per byte from 0 to 8"),
        ("--threshold high", "Invalid value for '--threshold': 'high' is not a number of bits"),
    ],
)
def test_a_number_that_cannot_be_meant_is_told_with_its_option(arguments: str, said: str, capture: Path) -> None:
    for command in (["scan"], ["plot"], ["carve", "--flow", "C"]):
        done = wiretropy(*command, capture, *arguments.split())
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


# Names from outside.

HOSTILE = "a\x1b[31m\u202e[bold]x[red]\n:smile:<b>\x9b.pcap"


@pytest.mark.parametrize("options", [[], ["--json"], ["--summary", "-"]], ids=["table", "json", "summary"])
def test_hostile_file_names_are_inert(options: list[str], tmp_path: Path) -> None:
    path = tmp_path / HOSTILE
    path.write_bytes(pcap_bytes(conversation(random_bytes(5_000)))[:-9])
    done = wiretropy("scan", path, *options)
    assert done.returncode == 3
    assert FORBIDDEN.search(done.stdout + done.stderr) is None
    if options == []:
        assert "[bold]x[red]" in done.stdout + done.stderr
        assert ":smile:" in done.stdout + done.stderr


def test_a_name_that_is_no_text_is_read_and_shown(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\xfe.pcap"
    with open(path, "wb") as file:
        file.write(pcap_bytes(conversation(random_bytes(5_000))))
    for options in ([], ["--json"], ["--out", tmp_path / "out"]):
        done = wiretropy("scan", Path(os.fsdecode(path)), *options)
        assert (done.returncode, done.stderr) == (0, "")


# What is loaded.


def loaded_after(statement: str) -> set[str]:
    """Names of the modules that Python has loaded after a statement."""
    lines = ["import sys", "try:", f"    {statement}", "except SystemExit:", "    pass"]
    program = "\n".join([*lines, "print('|'.join(sys.modules), file=sys.stderr)"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.strip().splitlines()[-1].split("|"))


HEAVY = {
    "numpy",
    "pyarrow",
    "rich",
    "rich.table",
    "matplotlib",
    "plotly",
    "plotille",
    "scipy",
    "pandas",
    "polars",
    "http.server",
}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
def test_help_loads_no_heavy_module(arguments: list[str]) -> None:
    loaded = loaded_after(f"sys.argv = ['wiretropy', *{arguments!r}]; from wiretropy.cli import main; main()")
    assert loaded & HEAVY == set()
    assert not {f"wiretropy.cli.{name}" for name in ("scan", "plot", "carve", "judge")} & loaded


@pytest.mark.parametrize("command", ["scan", "plot", "judge"])
def test_help_of_a_command_loads_no_plotting_library(command: str) -> None:
    loaded = loaded_after(f"sys.argv = ['wiretropy', {command!r}, '--help']; from wiretropy.cli import main; main()")
    assert loaded & {"matplotlib", "plotly", "plotille", "scipy", "pandas", "polars"} == set()


def test_import_loads_no_heavy_library() -> None:
    assert loaded_after("import wiretropy") & HEAVY == set()


def test_reading_flows_loads_no_plotting_or_learning_library() -> None:
    loaded = loaded_after("import wiretropy; wiretropy.read_flows; wiretropy.Flows")
    assert loaded & {"matplotlib", "plotly", "plotille", "scipy", "pandas", "polars", "sklearn", "fastapi"} == set()


def test_every_public_name_can_be_loaded() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import wiretropy as w; print([getattr(w, n) for n in w.__all__ if n != '__version__'])",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_help_names_every_command_and_exit_code() -> None:
    out = wiretropy("--help").stdout
    for word in ("scan", "plot", "carve", "judge", "Exit codes"):
        assert word in out


def test_row_values_survive_json(examples: Path) -> None:
    """No value of any record is lost or changed on its way through a JSON line."""
    path = examples / "demo.pcap"
    rows: list[dict[str, Any]] = [json.loads(line) for line in wiretropy("scan", path, "--json").stdout.splitlines()]
    assert [measured(row) for row in rows] == judge(read_flows(path)).to_arrow().to_pylist()
