"""`wiretropy report`: what it reads and writes, and with which exit code it ends."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from program import conversation, random_bytes, wiretropy, wiretropy_process
from wire import CLIENT, Connection, End, Wire, pcap_bytes

from wiretropy import judge, read_flows

POLICY = """
[[may_be_encrypted]]
ports = [8443]

[[threshold]]
bits_per_byte = 7.5
ports = [443]

[rules.encrypted_unexpected]
enabled = false
"""


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random bytes from ports 443 and 8443, and text from 80; the current folder is theirs."""
    monkeypatch.chdir(tmp_path)
    packets = [
        *conversation(random_bytes(9_000), port=1_001, server_port=443),
        *conversation(random_bytes(8_000), port=1_002, server_port=8_443),
        *conversation(b"all work and no play " * 400, port=1_003),
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(packets))
    return path


def alert_ids(page: str) -> list[str]:
    return re.findall(r"Alert <code>(A[0-9a-f]{16})</code>", page)


def test_page_is_named_after_the_capture_and_its_path_is_printed(capture: Path) -> None:
    done = wiretropy("report", capture)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a-report.html\n", "")
    assert Path("a-report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_alerts_are_those_that_scan_tells(capture: Path) -> None:
    wiretropy("report", capture, "--expected-ports", "443")
    rows = map(json.loads, wiretropy("scan", capture, "--json", "--expected-ports", "443").stdout.splitlines())
    told = [row[f"{side}_alert_id"] for row in rows for side in ("orig", "resp")]
    ids = alert_ids(Path("a-report.html").read_text(encoding="utf-8"))
    assert ids == [each for each in told if each]
    assert len(ids) == 1


def test_standard_output_gets_the_page_and_nothing_else(capture: Path) -> None:
    wiretropy("report", capture, "-o", "b.html")
    assert wiretropy("report", capture, "-o", "-").stdout == Path("b.html").read_text(encoding="utf-8")


def test_json_tells_path_and_numbers(capture: Path) -> None:
    told = json.loads(wiretropy("report", capture, "--json", "-o", "b.html").stdout)
    assert told == {"path": "b.html", "flows": 3, "alerts": 2, "flows_with_alerts": 2}


def test_json_and_page_cannot_share_standard_output(capture: Path) -> None:
    done = wiretropy("report", capture, "--json", "-o", "-")
    assert (done.returncode, done.stdout) == (2, "")


def test_same_capture_gives_the_same_bytes_whatever_the_hash_seed(capture: Path, tmp_path: Path) -> None:
    pages = [
        wiretropy_process("report", capture.name, "-o", "-", cwd=tmp_path, PYTHONHASHSEED=seed).stdout
        for seed in ("1", "2")
    ]
    assert pages[0] == pages[1] != b""


def test_stored_flows_keep_threshold_expected_ports_and_commands(capture: Path) -> None:
    options = ("--threshold", "7.5", "--depth", "5000", "--no-decap")
    wiretropy("scan", capture, "-q", "--out", "stored", "--expected-ports", "443", *options)
    stored = wiretropy("report", "stored", "-o", "-").stdout
    direct = wiretropy("report", capture, "-o", "-", "--expected-ports", "443", *options).stdout
    assert len(alert_ids(stored)) == 1
    assert alert_ids(stored) == alert_ids(direct)
    carve = re.search(r"wiretropy carve [^<]*", stored)
    assert carve is not None
    assert carve[0].endswith("--threshold 7.5 --depth 5000 --no-decap")
    assert stored.replace("wiretropy report: stored", "wiretropy report: a.pcap") == direct


def test_commands_of_the_page_find_the_flow(capture: Path) -> None:
    page = wiretropy("report", capture, "-o", "-", "--depth", "5000").stdout
    command = re.search(r"wiretropy (carve [^<]*)", page)
    assert command is not None
    done = wiretropy(*command[1].split(), "-o", "one.pcap")
    assert (done.returncode, done.stdout) == (0, "one.pcap\n")


def test_expected_ports_replace_those_of_the_stored_scan(capture: Path) -> None:
    wiretropy("scan", capture, "-q", "--out", "stored", "--expected-ports", "443")
    assert len(alert_ids(wiretropy("report", "stored", "-o", "-", "--expected-ports", "8443,443").stdout)) == 0
    assert len(alert_ids(wiretropy("report", "stored", "-o", "-", "--expected-ports", "1").stdout)) == 2


def test_reading_options_are_refused_for_stored_flows(capture: Path) -> None:
    wiretropy("scan", capture, "-q", "--out", "stored")
    done = wiretropy("report", "stored", "--depth", "10")
    assert done.returncode == 2
    assert "--depth cannot apply" in done.stderr


def test_page_is_not_written_onto_what_is_read(capture: Path) -> None:
    before = capture.read_bytes()
    os.link(capture, "link.html")
    for name in ("a.pcap", "link.html"):
        assert wiretropy("report", capture, "-o", name).returncode == 2
    wiretropy("scan", capture, "-q", "--out", "stored")
    for name in ("flows.parquet", "summary.json"):
        assert wiretropy("report", "stored", "-o", f"stored/{name}").returncode == 2
    assert capture.read_bytes() == before


def test_findings_set_the_exit_code_when_asked(capture: Path) -> None:
    assert wiretropy("report", capture, "--exit-code").returncode == 1
    assert wiretropy("report", capture, "--exit-code", "--expected-ports", "443,8443").returncode == 0


def test_a_part_of_a_capture_is_reported_with_the_fault(capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-20])
    done = wiretropy("report", capture, "--exit-code")
    page = Path("a-report.html").read_text(encoding="utf-8")
    assert done.returncode == 3
    assert "claims 54 bytes but 34 remain" in done.stderr
    assert "A part of the input could not be read" in page
    assert "claims 54 bytes but 34 remain; the 39 packets before it were read (truncated-" in page


def test_what_is_no_capture_is_refused_and_nothing_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.pcap").write_text("no capture at all, but long enough to be one")
    done = wiretropy("report", "text.pcap")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert not Path("text-report.html").exists()


def test_a_capture_without_packets_gives_a_page_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.pcap").write_bytes(pcap_bytes([]))
    assert wiretropy("report", "empty.pcap").returncode == 0
    assert "No flow was found." in Path("empty-report.html").read_text(encoding="utf-8")


def test_hostile_file_names_are_inert_in_title_commands_and_path(capture: Path) -> None:
    name = "\x1b[31m<img src=x>\n\u202e.pcap"
    capture.rename(name)
    done = wiretropy("report", name)
    assert done.returncode == 0
    assert done.stdout == "\\x1b[31m<img src=x>\\x0a\\u202e-report.html\n"
    page = Path(f"{name.removesuffix('.pcap')}-report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", page)


def test_both_commands_take_ports_written_the_same_way(capture: Path) -> None:
    for command in ("report", "scan"):
        assert "not within 0 to 65535" in wiretropy(command, capture, "--expected-ports", "70000").stderr


@pytest.mark.usefixtures("capture")
def test_a_folder_named_by_a_dot_gives_its_own_name(tmp_path: Path) -> None:
    assert wiretropy("report", ".").stdout == f"{tmp_path.name}-report.html\n"
    assert f"<title>wiretropy report: {tmp_path.name}</title>" in Path(f"{tmp_path.name}-report.html").read_text()


def test_several_captures_are_read_as_one(capture: Path) -> None:
    Path("b.pcap").write_bytes(pcap_bytes(conversation(b"more text " * 50, port=2_000)))
    told = json.loads(wiretropy("report", capture, "b.pcap", "--json").stdout)
    assert (told["path"], told["flows"]) == ("a-report.html", 4)
    assert "wiretropy report: a.pcap and 1 more" in Path("a-report.html").read_text()


def test_a_policy_decides_what_is_an_alert_and_stands_in_the_page(capture: Path) -> None:
    Path("p.toml").write_text(POLICY)
    page = wiretropy("report", capture, "-o", "-", "--policy", "p.toml").stdout
    scanned = wiretropy("scan", capture, "--json", "--policy", "p.toml").stdout
    told = [each for line in scanned.splitlines() for each in json.loads(line)["alert_ids"]]
    assert alert_ids(page) == told
    assert len(told) == 1
    assert "Crossings of 7.5 bits per byte were looked for" in page
    assert "--threshold 7.5" in page
    assert "bits_per_byte = 7.5" in page


def test_stored_flows_keep_the_policy_of_their_scan(capture: Path) -> None:
    Path("p.toml").write_text(POLICY)
    wiretropy("scan", capture, "-q", "--out", "stored", "--policy", "p.toml")
    stored = wiretropy("report", "stored", "-o", "-", "--title", "x").stdout
    assert stored == wiretropy("report", capture, "-o", "-", "--title", "x", "--policy", "p.toml").stdout


def test_what_the_limits_of_a_policy_held_back_is_told(capture: Path) -> None:
    Path("p.toml").write_text("[suppression]\nat_most = 1\n[[threshold]]\nbits_per_byte = 7.9\n")
    capture.write_bytes(
        pcap_bytes([each for port in range(1_001, 1_005) for each in conversation(random_bytes(9_000), port=port)])
    )
    page = wiretropy("report", capture, "-o", "-", "--policy", "p.toml").stdout
    assert len(alert_ids(page)) == 1
    assert "3 more alerts held back by the policy" in page


def test_a_faulty_policy_is_refused_and_never_written_onto(capture: Path) -> None:
    Path("p.toml").write_text("[[may_be_encripted]]\nports = [1]\n")
    done = wiretropy("report", capture, "--policy", "p.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "p.toml:1:" in done.stderr
    Path("p.toml").write_text("")
    assert wiretropy("report", capture, "--policy", "p.toml", "-o", "p.toml").returncode == 2


def test_flows_are_judged_unless_the_scan_that_stored_them_did(capture: Path) -> None:
    page = wiretropy("report", capture, "-o", "-").stdout
    assert "Flows by verdict" in page
    flows = judge(read_flows(capture))
    flows.save("judged")
    assert (
        page.split("Input</h2>")[0].split("<main>")[1]
        == (wiretropy("report", "judged", "-o", "-").stdout.split("Input</h2>")[0].split("<main>")[1])
    )


def test_a_flow_in_one_direction_is_judged_and_reported(capture: Path) -> None:
    wire = Wire()
    Connection(wire, End(CLIENT.ip, 3_000), End("10.2.0.2", 80)).open().send("orig", b"hello " * 50)
    capture.write_bytes(pcap_bytes(wire.packets))
    page = wiretropy("report", capture, "-o", "-").stdout
    assert "1 flow carry payload in one direction only" not in page
    assert "1 flow carries payload in one direction only (TCP)." in page
