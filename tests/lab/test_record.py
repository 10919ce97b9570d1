"""A class is recorded from end to end, and nothing of it stays behind. Needs root, namespaces and the programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lab import __main__, network
from lab.catalogue import TrafficClass
from lab.errors import LabError
from lab.manifest import read_manifest
from lab.pcap import read_packets, tcp_flows
from lab.stage import Stage

PROGRAMS = ("ip", "ethtool", "tcpdump", "openssl", "nginx", "curl", "wget")


def what_is_missing() -> str:
    """Why the lab cannot record here; empty if it can."""
    if os.geteuid() != 0:
        return "not root"
    if absent := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"not installed: {', '.join(absent)}; see lab/install.sh"
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode:
        return "namespaces are not allowed here"
    return ""


pytestmark = pytest.mark.skipif(bool(what_is_missing()), reason=f"cannot record: {what_is_missing()}")


def left_behind() -> list[str]:
    """Namespaces and folders that carry this process's id."""
    mine = network.scratch_name()
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
    folders = [
        path.name for parent in (network.ETC_NETNS, Path(tempfile.gettempdir())) for path in parent.glob(f"{mine}*")
    ]
    return [name for name in [*listed, *folders] if name.startswith(mine)]


def test_class_is_recorded_with_its_truth_and_leaves_nothing_behind(tmp_path: Path) -> None:
    assert __main__.main(["--out", str(tmp_path), "--only", "http-plain"]) == 0
    rows = read_manifest(tmp_path / "manifest.csv")
    flows = tcp_flows(read_packets(tmp_path / "http-plain.pcap"))
    assert [row.orig for row in rows] == [f"{flow.orig[0]}:{flow.orig[1]}" for flow in flows]
    assert [row.client.split()[0] for row in rows] == ["curl", "wget"]
    assert left_behind() == []


def test_class_that_fails_is_reported_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def record(stage: Stage) -> None:
        stage.write("numbers", "1")
        stage.background(["sleep", "60"], at_server=True)
        stage.run(["sh", "-c", "echo no such number >&2; exit 3"])

    failing = TrafficClass("failing", "none", "Fails.", "10.0.0.5", "203.0.113.9", record)
    monkeypatch.setattr(__main__, "choose", lambda _names: [failing])
    assert __main__.main(["--out", str(tmp_path)]) == 1
    assert "sh ended with status 3, expected (0,); its last words: no such number" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert left_behind() == []


def test_client_has_a_route_to_the_server_and_to_nothing_else() -> None:
    with Stage(client="10.0.0.5", server="203.0.113.9") as stage:
        stage.run(["ip", "route", "get", "203.0.113.9"])
        with pytest.raises(LabError, match="Network is unreachable"):
            stage.run(["ip", "route", "get", "203.0.113.10"])


def test_user_of_the_lab_exists_inside_only() -> None:
    with Stage(client="10.0.0.5", server="203.0.113.9") as stage:
        stage.run(["id", network.USER])
    assert subprocess.run(["id", network.USER], capture_output=True, check=False).returncode != 0
