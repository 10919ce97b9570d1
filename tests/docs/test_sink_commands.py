"""Commands, and settings of rsyslog, on the page with how-tos: run as they stand there, where the programs are."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from program import wiretropy

PAGE = (Path(__file__).resolve().parents[2] / "docs/sink-how-tos.md").read_text(encoding="utf-8")


def command(start: str) -> str:
    """The lines of one command on the page: indented, up to the next line that is none of it."""
    found = re.search(rf"^    ({re.escape(start)}.*\n(?:      .*\n)*)", PAGE, re.MULTILINE)
    assert found is not None
    return found[1]


def shell(line: str, folder: Path, *programs: Path) -> str:
    """Run a line in bash, with programs put on its path."""
    path = ":".join([*map(str, programs), "/usr/local/bin", "/usr/bin", "/bin", "/opt/zeek/bin"])
    done = subprocess.run(
        ["bash", "-ec", line], cwd=folder, env={"PATH": path, "LC_ALL": "C"}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.fixture(scope="module")
def sensor(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the alerts of a scan, and the flows of some other sensor that they are about."""
    folder = tmp_path_factory.mktemp("sensor")
    sinks = (f"eve:{folder}/eve-wiretropy.json", f"zeek-log:{folder}")
    done = wiretropy("scan", examples / "demo.pcap", *(word for sink in sinks for word in ("--alerts-to", sink)))
    assert done.returncode == 0, done.stderr
    ids = sorted({str(alert["community_id"]) for alert in alerts(folder)})
    flows = [{"event_type": "flow", "community_id": each, "app_proto": "ssh", "flow": {"age": 1}} for each in ids]
    flows.append({"event_type": "flow", "community_id": "1:other", "app_proto": "dns", "flow": {"age": 2}})
    (folder / "eve.json").write_text("".join(f"{json.dumps(flow)}\n" for flow in flows))
    names = ("uid", "service", "duration", "conn_state", "community_id")
    rows = [
        ("#fields", *names),
        ("#types", *["string"] * len(names)),
        *(("C1", "ssh", "0.5", "SF", each) for each in [*ids, "1:other"]),
    ]
    head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    (folder / "conn.log").write_text(head + "".join("\t".join(row) + "\n" for row in rows))
    return folder


def alerts(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "eve-wiretropy.json").read_text().splitlines()]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_shows_alerts_and_joins_them_to_flows(sensor: Path) -> None:
    shown = [json.loads(line) for line in shell(command("jq -c 'select"), sensor).splitlines()]
    assert [each["timestamp"] for each in shown] == [each["timestamp"] for each in alerts(sensor)]
    assert all("payload reached" in each["reason"] and each["entropy"]["random_mean"] < 8 for each in shown)
    joined = [json.loads(line) for line in shell(command("jq -c --slurpfile"), sensor).splitlines()]
    assert [each["community_id"] for each in joined] == [each["community_id"] for each in alerts(sensor)]
    assert {each["app_proto"] for each in joined} == {"ssh"}


@pytest.fixture
def zeek_cut(tmp_path: Path) -> Path:
    """A folder with zeek-cut, which older packages call bro-cut."""
    found = shutil.which("zeek-cut", path="/opt/zeek/bin:/usr/bin:/usr/local/bin") or shutil.which("bro-cut")
    if found is None:
        pytest.skip("neither zeek-cut nor bro-cut is installed (Debian: bro-aux)")
    (tmp_path / "zeek-cut").symlink_to(found)
    return tmp_path


def test_zeek_cut_reads_the_log_and_join_finds_the_connections(sensor: Path, zeek_cut: Path) -> None:
    shown = shell(command("zeek-cut -d"), sensor, zeek_cut).splitlines()
    assert len(shown) == len(alerts(sensor))
    assert all(re.match(r"2026-11-24T\d\d:\d\d:\d\d\S*\tthreshold_crossed\t10\.0\.0\.\d+\t", line) for line in shown)
    joined = [line.split("\t") for line in shell(command("join"), sensor, zeek_cut).splitlines()]
    assert sorted(line[0] for line in joined) == sorted(str(each["community_id"]) for each in alerts(sensor))
    assert {tuple(line[4:]) for line in joined} == {("C1", "ssh", "0.5", "SF")}


@contextmanager
def rsyslog(settings: str, folder: Path, name: str, port: int) -> Iterator[None]:
    """rsyslog with these settings, once it listens."""
    path = folder / f"{name}.conf"
    path.write_text(f'global(workDirectory="{folder}")\n{settings}')
    program = subprocess.Popen(["rsyslogd", "-n", "-f", path, "-i", folder / f"{name}.pid"])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        program.terminate()
        program.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lines_of(path: Path, count: int) -> list[str]:
    """The lines of a file, once there are so many."""
    for _ in range(100):
        if path.exists() and len(lines := path.read_text(encoding="utf-8").splitlines()) >= count:
            return lines
        time.sleep(0.1)
    raise AssertionError(path)


@pytest.mark.skipif(shutil.which("rsyslogd") is None, reason="rsyslog is not installed")
def test_rsyslog_makes_json_of_alerts_and_passes_them_on(examples: Path, tmp_path: Path) -> None:
    [settings] = [block for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if "omfwd" in block]
    first, second = free_port(), free_port()
    for theirs, ours in (
        ('target="192.0.2.2" port="601"', f'target="127.0.0.1" port="{second}"'),
        ('port="601" ruleset', f'port="{first}" address="127.0.0.1" ruleset'),
        ("/var/log/wiretropy", str(tmp_path)),
    ):
        assert theirs in settings
        settings = settings.replace(theirs, ours)
    behind = f"""global(maxMessageSize="16k")
module(load="imtcp")
input(type="imtcp" port="{second}" address="127.0.0.1")
action(type="omfile" file="{tmp_path}/behind.log" template="RSYSLOG_SyslogProtocol23Format")
"""
    with rsyslog(behind, tmp_path, "behind", second), rsyslog(settings, tmp_path, "sensor", first):
        spec = f"syslog:tcp://127.0.0.1:{first}"
        done = wiretropy("scan", examples / "https.pcap", "--alerts-to", spec, "--alerts-to", f"eve:{tmp_path}/eve")
        assert done.returncode == 0, done.stderr
        made = [json.loads(line) for line in lines_of(tmp_path / "syslog.json", 2)]
        passed = lines_of(tmp_path / "behind.log", 2)
    events = [json.loads(line) for line in (tmp_path / "eve").read_text().splitlines()]
    assert [each["wiretropy"]["community_id"] for each in made] == [each["community_id"] for each in events]
    assert [each["@timestamp"].rstrip("Z") for each in made] == [each["timestamp"][:26] for each in events]
    assert all(each["message"].startswith("tcp 10.0.0.5:") for each in made)
    assert all(float(each["wiretropy"]["random_mean"]) < 8 for each in made)
    assert all(line.startswith("<28>1 2026-11-24T") and " [wiretropy@32473 id=" in line for line in passed)
