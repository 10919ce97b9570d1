"""`wiretropy scan --alerts-to`: the alerts of a scan at sinks."""

from __future__ import annotations

import json
from pathlib import Path

from program import wiretropy


def test_alerts_of_a_scan_go_to_every_sink_with_the_ids_of_the_table(examples: Path, tmp_path: Path) -> None:
    eve, text = tmp_path / "eve.json", tmp_path / "a.txt"
    done = wiretropy("scan", examples / "https.pcap", "--alerts-to", f"eve:{eve}", "--alerts-to", f"text:{text}")
    assert done.returncode == 0, done.stderr
    ids = [json.loads(line)["metadata"]["flowvars"][0]["alert_id"] for line in eve.read_text().splitlines()]
    assert len(ids) == 2
    assert all(f"\n{each}  tcp " in done.stdout for each in ids)
    assert [line.split()[3] for line in text.read_text().splitlines()] == ids


def test_standard_output_takes_alerts_instead_of_the_table(examples: Path) -> None:
    done = wiretropy("scan", examples / "https.pcap", "--alerts-to", "ecs:-", "-q")
    assert [json.loads(line)["event"]["kind"] for line in done.stdout.splitlines()] == ["alert"] * 2


def test_expected_ports_send_nothing(examples: Path, tmp_path: Path) -> None:
    path = tmp_path / "a"
    wiretropy("scan", examples / "https.pcap", "--expected-ports", "443", "--alerts-to", f"eve:{path}")
    assert path.read_bytes() == b""


def test_wrong_sinks_and_captures_as_sinks_are_refused(examples: Path, tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    capture.write_bytes((examples / "https.pcap").read_bytes())
    for spec, message in (
        ("x:y", "no sink is called 'x'"),
        (f"eve:{capture}", "is read"),
        (f"eve:{tmp_path}", "Is a directory"),
    ):
        done = wiretropy("scan", capture, "--alerts-to", spec)
        assert done.returncode == 2
        assert message in done.stderr
    assert wiretropy("scan", capture, "--json", "--alerts-to", "eve:-").returncode == 2
    assert capture.read_bytes() == (examples / "https.pcap").read_bytes()


def test_alerts_that_do_not_arrive_are_told(examples: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    done = wiretropy("scan", examples / "https.pcap", "--alerts-to", f"command:{program}")
    assert done.returncode == 3
    assert f"command:{program}: 2 alerts not delivered (the program ended with exit code 1)" in done.stderr


def test_a_file_that_cannot_be_written_is_named(examples: Path) -> None:
    done = wiretropy("scan", examples / "demo.pcap", "--alerts-to", "text:/dev/full")
    assert done.returncode == 2
    assert "text:/dev/full: cannot be written (No space left on device); 0 alerts went there before" in done.stderr
