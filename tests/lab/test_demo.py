"""The demo moves flows in time and changes nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.demo import STAGGER_NS, interleave, main, moved
from lab.manifest import write_manifest
from lab.pcap import Packet, write_packets


def packets(*times_ns: int, mark: bytes = b"a") -> list[Packet]:
    return [Packet(time_ns, mark, 1) for time_ns in times_ns]


def test_moved_packets_keep_their_distances() -> None:
    assert [packet.time_ns for packet in moved(packets(100, 107, 150), 1000)] == [1000, 1007, 1050]


def test_flows_begin_a_stagger_apart_and_packets_are_sorted() -> None:
    mixed = interleave([packets(1000, 1000 + 2 * STAGGER_NS, mark=b"a"), packets(5, 6, mark=b"b")])
    assert [packet.frame for packet in mixed] == [b"a", b"b", b"b", b"a"]
    assert [packet.time_ns - 1000 for packet in mixed] == [0, STAGGER_NS, STAGGER_NS + 1, 2 * STAGGER_NS]


def test_missing_session_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_manifest(tmp_path / "manifest.csv", [])
    write_packets(tmp_path / "rdp-rdesktop.pcap", [])
    assert main([str(tmp_path)]) == 1
    assert "rdp-rdesktop.pcap holds 0 flows; the demo needs number 1" in capsys.readouterr().err
