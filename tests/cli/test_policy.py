"""`wiretropy policy`, and `wiretropy scan --policy`: exit codes, what is told, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from program import conversation, random_bytes, wiretropy
from wire import pcap_bytes

from wiretropy.policy.band_file import read_bands
from wiretropy.policy.model import without_file
from wiretropy.policy.protospec import read as read_protospec
from wiretropy.policy.read import read_policy
from wiretropy.policy.show import POLICY_KEY, policy_toml

EXCEPTION = """
[[exception]]
rules = ["threshold_crossed"]
until = 2026-12-31
reason = "until the appliance is gone"
ports = [443]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


# check and show


def test_check_of_a_policy_without_faults_ends_with_0(tmp_path: Path) -> None:
    path = written(tmp_path, EXCEPTION + "[[threshold]]\nbits_per_byte = 7.5\n")
    done = wiretropy("policy", "check", path, "--at", "2026-12-31")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: no fault; 7 rules, 1 threshold, bands of 0 files, 1 exception\n"


def test_check_lists_every_fault_and_ends_with_2(tmp_path: Path) -> None:
    path = written(tmp_path, "a = 1\n[suppression]\nby = 'x'\nspan_s = 0\n")
    done = wiretropy("policy", "check", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [f"{path}:{line}" for line in (1, 3, 4)]
    record = json.loads(wiretropy("policy", "check", path, "--json").stdout)
    assert record == {"faults": done.stderr.splitlines(), "expired": []}


def test_check_tells_exceptions_that_have_expired(tmp_path: Path) -> None:
    path = written(tmp_path, EXCEPTION)
    done = wiretropy("policy", "check", path, "--at", "2027-01-01")
    assert done.returncode == 0
    assert "the exception of threshold_crossed expired on 2026-12-31 and no longer holds (until the app" in done.stderr
    assert len(json.loads(wiretropy("policy", "check", path, "--at", "2027-01-01", "--json").stdout)["expired"]) == 1


@pytest.mark.parametrize("command", ["check", "show"])
def test_an_absent_policy_is_refused(command: str, tmp_path: Path) -> None:
    done = wiretropy("policy", command, tmp_path / "none")
    assert done.returncode == 2
    assert "No such file" in done.stderr


def test_what_show_prints_is_the_same_policy(tmp_path: Path) -> None:
    path = written(tmp_path, EXCEPTION)
    shown = tmp_path / "shown.toml"
    shown.write_text(wiretropy("policy", "show", path).stdout)
    assert read_policy(shown) == read_policy(path)
    assert wiretropy("policy", "show").stdout == policy_toml(without_file())
    assert json.loads(wiretropy("policy", "show", path, "--json").stdout)["exception"][0]["until"] == "2026-12-31"


# scan


def test_a_scan_with_the_policy_that_show_prints_is_the_scan_without(examples: Path, tmp_path: Path) -> None:
    path = written(tmp_path, wiretropy("policy", "show").stdout)
    plain, with_policy = (wiretropy("scan", examples / "demo.pcap", *more) for more in ((), ("--policy", path)))
    assert plain.stdout.splitlines()[1:] == with_policy.stdout.splitlines()[1:]


def test_exceptions_and_ports_that_may_be_encrypted_raise_no_alerts(examples: Path, tmp_path: Path) -> None:
    capture = examples / "https.pcap"
    threshold = "[[threshold]]\n"
    assert "2 alerts in 2 flows" in wiretropy("scan", capture, "--policy", written(tmp_path, threshold)).stdout
    for text in (EXCEPTION, "[[may_be_encrypted]]\nports = [443]\n", "[[must_be_encrypted]]\nports = [443]\n"):
        done = wiretropy("scan", capture, "--policy", written(tmp_path, threshold + text))
        assert "no alerts: nothing breaks the policy" in done.stdout
    done = wiretropy("scan", capture, "--policy", written(tmp_path, threshold), "--expected-ports", "443")
    assert "no alerts" in done.stdout


def test_the_scan_looks_for_the_policy_s_threshold_at_every_byte(examples: Path, tmp_path: Path) -> None:
    capture, path = examples / "https.pcap", written(tmp_path, "[[threshold]]\nbits_per_byte = 7.5\n")
    told = wiretropy("scan", capture, "--policy", path).stdout
    assert "7.5 at byte 501, packet 6" in told
    assert " --threshold 7.5" in told
    given = wiretropy("scan", capture, "--policy", path, "--threshold", "7.9").stdout
    assert "reached 7.5 bits per byte at byte 512 (nearest known packet before, at byte " in given


def test_the_alerts_of_a_flow_are_in_its_record_with_rules_and_policy(examples: Path, tmp_path: Path) -> None:
    text = "[[threshold]]\n[[threshold]]\nbits_per_byte = 6\n"
    path = written(tmp_path, text)
    assert wiretropy("scan", examples / "https.pcap", "--policy", path, "--out", tmp_path).returncode == 0
    table = pq.read_table(tmp_path / "flows.parquet")
    for row in table.to_pylist():
        assert row["alert_rules"] == ["threshold_crossed"] * len(row["alert_ids"])
        assert row["resp_alert_id"] in row["alert_ids"]
        assert len(set(row["alert_ids"])) == len(row["alert_ids"]) >= 2
    assert table.schema.metadata[POLICY_KEY].decode() == policy_toml(read_policy(path))


def test_what_limits_hold_back_is_told(tmp_path: Path) -> None:
    packets = [p for i in range(4) for p in conversation(random_bytes(4_096), port=40_000 + i, server_port=8_443)]
    capture = tmp_path / "a.pcap"
    capture.write_bytes(pcap_bytes(packets))
    path = written(tmp_path, "[[threshold]]\n[suppression]\nat_most = 1\n")
    done = wiretropy("scan", capture, "--policy", path)
    assert "1 alert in 1 flow, threshold_crossed 1" in done.stdout
    assert done.stderr == ("3 more alerts held back by the policy's suppression and rate_limit: threshold_crossed 3\n")


def test_a_policy_with_faults_is_refused_before_anything_is_written(examples: Path, tmp_path: Path) -> None:
    path, out = written(tmp_path, "a = 1\nb = 2\n"), tmp_path / "out"
    done = wiretropy("scan", examples / "https.pcap", "--policy", path, "--out", out)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert not out.exists()


def test_a_policy_is_not_overwritten(examples: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "[[threshold]]\n")
    done = wiretropy("scan", examples / "https.pcap", "--policy", path, "--alerts-to", f"text:{path}")
    assert done.returncode == 2
    assert path.read_text() == "[[threshold]]\n"


# learn


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty conversations that are alike, and one to another port."""
    packets = [
        packet
        for i in range(30)
        for packet in conversation(
            b"HELLO %d\r\n" % i * 20 + random_bytes(6_000 + i), port=40_000 + i, server_port=7_000
        )
    ]
    path = tmp_path_factory.mktemp("learn") / "a.pcap"
    path.write_bytes(pcap_bytes([*packets, *conversation(b"x" * 9_000, server_port=80)]))
    return path


def test_bands_are_learned_and_hold_for_what_they_were_learned_from(capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "hello.json"
    done = wiretropy("policy", "learn", capture, "-o", out, "--port", "7000")
    assert done.returncode == 0, done.stderr
    assert "learned from 30 flows; left out 1 flow another port" in done.stdout
    assert "99.80% of such flows stay within all bounds of" in done.stdout
    assert "no flow leaves the bands of the others" in done.stdout
    bands = read_bands(out)
    assert (bands.name, bands.ports, bands.flows, bands.coverage) == ("hello", (7_000,), 30, 0.998)
    [spec] = read_protospec(tmp_path / "hello.resp.protospec")
    assert (spec.direction, spec.ports) == ("dst", (7_000,))
    path = written(tmp_path, '[[band]]\nfile = "hello.json"\n')
    assert "no alerts: nothing breaks the policy" in wiretropy("scan", capture, "--policy", path).stdout


def test_traffic_of_another_kind_leaves_the_bands(capture: Path, tmp_path: Path) -> None:
    assert wiretropy("policy", "learn", capture, "-o", tmp_path / "hello.json", "--port", "7000").returncode == 0
    path = written(tmp_path, '[[band]]\nfile = "hello.json"\nports = [80]\n')
    done = wiretropy("scan", capture, "--policy", path)
    assert "1 flow, band_left" in done.stdout
    assert "payload leaves the bands of hello: " in done.stdout


def test_learning_tells_numbers_as_json_and_writes_the_same_again(capture: Path, tmp_path: Path) -> None:
    words = ("policy", "learn", capture, "--json", "--name", "h", "-o")
    first, second = (json.loads(wiretropy(*words, tmp_path / name).stdout) for name in ("a.json", "b.json"))
    assert first["flows"] == 31
    assert first["files"][0] == str(tmp_path / "a.json")
    assert first["violations"] == second["violations"]
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_too_few_flows_and_captures_as_output_are_refused(examples: Path, capture: Path, tmp_path: Path) -> None:
    done = wiretropy("policy", "learn", examples / "https.pcap", "-o", tmp_path / "a.json")
    assert done.returncode == 2
    assert "2 flows are too few to learn from; at least 20 are needed" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert wiretropy("policy", "learn", capture, "-o", capture).returncode == 2


# rules on judged flows


def test_cleartext_in_a_recorded_ssh_session_is_a_relapse_at_its_byte_and_packet(tmp_path: Path) -> None:
    cipher, text = random_bytes(6_000), b"uid=0(root) gid=0(root) groups=0(root)\n" * 6
    capture = tmp_path / "a.pcap"
    capture.write_bytes(pcap_bytes(conversation(cipher + text + cipher, server_port=22)))
    lines = tmp_path / "alerts.json"
    path = written(tmp_path, "[[may_be_encrypted]]\nports = [22]\n")
    done = wiretropy("scan", capture, "--policy", path, "--alerts-to", f"ecs:{lines}", "--exit-code")
    assert done.returncode == 1
    [alert] = [json.loads(line) for line in lines.read_text().splitlines()]
    place = alert["wiretropy"]
    assert (alert["rule"]["name"], place["side"], place["segment"]) == ("relapse", "resp", "text")
    assert 5_936 <= place["offset"] <= 6_064
    assert place["packet"] == 5 + place["offset"] // 1_400
    assert "behind" in alert["message"]
    carved = wiretropy("carve", capture, "--alert", alert["event"]["id"], "-o", tmp_path / "b.pcapng")
    assert carved.returncode == 0, carved.stderr


def test_encryption_and_plaintext_where_they_are_not_expected_are_told(examples: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "[[may_be_encrypted]]\nports = [22]\n[[must_be_encrypted]]\nports = [80]\n")
    assert "encrypted_unexpected" in wiretropy("scan", examples / "https.pcap", "--policy", path).stdout
    assert "plaintext_unexpected" in wiretropy("scan", examples / "http-plain.pcap", "--policy", path).stdout
    assert "no alerts" in wiretropy("scan", examples / "ssh2-long.pcap", "--policy", path).stdout


def test_a_name_that_alerts_could_not_carry_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    out = tmp_path / "a.json"
    done = wiretropy("policy", "learn", tmp_path / "none.pcap", "-o", out, "--name", "x" * 256)
    assert done.returncode == 2
    assert "bands need a name of 1 to 255 characters" in done.stderr
    assert not out.exists()
