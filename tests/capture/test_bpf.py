"""Capture filters select what tcpdump selects, and their absence is explained."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bad_input.frames import IPIP, UDP, ipv4, udp
from wire import CLIENT6, SERVER6, Connection, Datagrams, End, Packet, Wire, frame_of, pcap_bytes

from wiretropy.capture import bpf
from wiretropy.errors import MissingDependencyError, RefusedError
from wiretropy.flows import read_flows

HAS_LIBPCAP = ctypes.util.find_library("pcap") is not None
needs_libpcap = pytest.mark.skipif(not HAS_LIBPCAP, reason="libpcap is not installed")
needs_tcpdump = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packets that the expressions below tell apart, in one file."""
    wire = Wire()
    for number in range(6):
        talk = Connection(
            wire, End(f"10.1.0.{number}", 40_000 + number), End("10.2.0.2", 80 + 363 * (number % 2))
        ).open()
        talk.send("orig", b"x" * (20 + 300 * number)).send("resp", b"y" * 900).close()
    Datagrams(wire, CLIENT6, SERVER6).send("orig", b"six")
    Datagrams(wire, tags=(5,)).send("orig", b"tagged")
    Datagrams(wire, tags=(5, 6)).send("orig", b"twice tagged")
    wire.put(frame_of(ipv4(ipv4(udp(b"inside"), UDP), IPIP)))
    wire.put(bytes(12) + b"\x08\x06" + bytes(46))
    path = tmp_path_factory.mktemp("bpf") / "mixture.pcap"
    path.write_bytes(pcap_bytes(wire.packets))
    return path


EXPRESSIONS = [
    "tcp",
    "udp",
    "ip6",
    "arp",
    "port 443",
    "src port 443 or dst host 10.1.0.3",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "greater 500",
    "less 70",
    "len > 100 and ip[2:2] <= 400",
    "not (host 10.1.0.1 or host 10.1.0.2)",
    "net 10.1.0.0/30",
    "portrange 40001-40003",
    "vlan",
    "vlan 5 and vlan 6",
    "ip proto 4",
    "ether[12:2] = 0x0806",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x78787878",
    "ip[8] + ip[9] * 2 > 70 or ip6",
    "ether multicast",
]


@needs_libpcap
@needs_tcpdump
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_filter_selects_the_packets_that_tcpdump_selects(expression: str, mixture: Path) -> None:
    listed = subprocess.run(
        ["tcpdump", "-r", str(mixture), "-n", "-t", expression], capture_output=True, text=True, check=True
    )
    expected = sum(not line.startswith(("\t", " ")) for line in listed.stdout.splitlines())
    summary = read_flows(mixture, bpf=expression).summary
    assert summary.packets.seen - sum(summary.packets.skipped.values()) == expected
    assert set(summary.packets.skipped) <= {"filter"}


@needs_libpcap
@needs_tcpdump
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_filtered_scan_equals_the_scan_of_what_tcpdump_wrote(expression: str, mixture: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "chosen.pcap"
    subprocess.run(["tcpdump", "-r", str(mixture), "-w", str(chosen), expression], capture_output=True, check=True)
    left_out = (
        "uid",
        "source",
        "first_packet",
        "orig_crossing_packets",
        "resp_crossing_packets",
        "both_crossing_packets",
    )

    def rows(path: Path, **changes: Any) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name not in left_out and not name.endswith("_sources")}
            for row in read_flows(path, **changes).to_arrow().to_pylist()
        ]

    assert rows(mixture, bpf=expression) == rows(chosen)


@needs_libpcap
@pytest.mark.parametrize("expression", ["tcp and", "port http-or-so", "host 300.1.1.1", "frobnicate"])
def test_a_filter_that_does_not_parse_is_refused_with_what_libpcap_said(expression: str, mixture: Path) -> None:
    with pytest.raises(RefusedError, match=r"filter .*; see pcap-filter\(7\)"):
        read_flows(mixture, bpf=expression)


@needs_libpcap
def test_a_null_character_in_a_filter_is_refused(mixture: Path) -> None:
    with pytest.raises(RefusedError, match="null character"):
        read_flows(mixture, bpf="tcp\0or anything")


@needs_libpcap
def test_a_filter_without_sense_for_the_link_type_of_a_file_skips_its_packets(tmp_path: Path) -> None:
    path = tmp_path / "raw.pcap"
    path.write_bytes(pcap_bytes([Packet(0, ipv4(udp(b"raw"), UDP))], link=101))
    assert read_flows(path, bpf="udp").summary.packets.decoded == 1
    summary = read_flows(path, bpf="ether host 02:00:00:00:00:01").summary
    assert summary.packets.skipped == {"filter-not-for-link-type": 1}


def test_without_libpcap_the_error_names_the_package(mixture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise OSError("cannot open shared object file")

    bpf._libpcap.cache_clear()
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(MissingDependencyError, match=r"libpcap0\.8 \(Debian, Ubuntu\)"):
        read_flows(mixture, bpf="tcp")
    bpf._libpcap.cache_clear()


def test_without_a_filter_libpcap_is_not_opened(mixture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        pytest.fail("libpcap was opened")

    bpf._libpcap.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", opened)
    assert len(read_flows(mixture)) > 0
