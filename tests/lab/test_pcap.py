"""The lab's own reader: files round-trip, flows come back whole, broken input is refused by name."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.pcap import ACK, FIN, RST, SYN, Packet, has_correct_checksums, read_packets, tcp_flows, write_packets

DESK, SERVER = ("10.0.0.5", 50000), ("203.0.113.9", 22)


def checksum(octets: bytes) -> int:
    octets += b"\x00" * (len(octets) % 2)
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(
    source: tuple[str, int],
    destination: tuple[str, int],
    seq: int,
    flags: int,
    payload: bytes = b"",
    *,
    time_ns: int = 0,
) -> Packet:
    """A valid Ethernet, IPv4 and TCP packet."""
    addresses = b"".join(bytes(map(int, side[0].split("."))) for side in (source, destination))
    tcp = (
        struct.pack(">HHIIBBHHH", source[1], destination[1], seq & 0xFFFFFFFF, 0, 5 << 4, flags, 65535, 0, 0) + payload
    )
    tcp_sum = checksum(addresses + struct.pack(">BBH", 0, 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack(">H", tcp_sum) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + addresses
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    frame = bytes(12) + b"\x08\x00" + ip + tcp
    return Packet(time_ns, frame, len(frame))


def conversation(*, isn: int = 1000) -> list[Packet]:
    return [
        packet(DESK, SERVER, isn, SYN),
        packet(SERVER, DESK, 9000, SYN | ACK),
        packet(DESK, SERVER, isn + 1, ACK, b"hello "),
        packet(DESK, SERVER, isn + 7, ACK, b"world"),
        packet(SERVER, DESK, 9001, ACK, b"welcome"),
        packet(DESK, SERVER, isn + 12, FIN | ACK),
        packet(SERVER, DESK, 9008, FIN | ACK),
    ]


def test_written_packets_read_back_the_same(tmp_path: Path) -> None:
    packets = [packet(DESK, SERVER, 1, SYN, time_ns=1_700_000_000_123_456_000)]
    write_packets(tmp_path / "one.pcap", packets)
    assert list(read_packets(tmp_path / "one.pcap")) == packets


def test_payload_of_each_side_comes_in_order() -> None:
    (flow,) = tcp_flows(conversation())
    assert (flow.orig, flow.resp) == (DESK, SERVER)
    assert flow.payload(DESK) == b"hello world"
    assert flow.payload(SERVER) == b"welcome"


def test_repeated_and_reordered_segments_change_nothing() -> None:
    packets = conversation()
    packets[2], packets[3] = packets[3], packets[2]
    (flow,) = tcp_flows(packets[:1] + packets + packets[3:4])
    assert flow.payload(DESK) == b"hello world"


def test_sequence_numbers_may_wrap() -> None:
    (flow,) = tcp_flows(conversation(isn=0xFFFFFFFC))
    assert flow.payload(DESK) == b"hello world"


def test_missing_byte_is_refused_with_its_place() -> None:
    packets = conversation()
    del packets[2]
    (flow,) = tcp_flows(packets)
    with pytest.raises(LabError, match="bytes 0 to 6 are missing"):
        flow.payload(DESK)


def test_flow_is_closed_by_two_fins_or_one_reset() -> None:
    packets = conversation()
    assert tcp_flows(packets)[0].is_closed
    assert not tcp_flows(packets[:-1])[0].is_closed
    assert tcp_flows([*packets[:-2], packet(SERVER, DESK, 9008, RST)])[0].is_closed


def test_new_syn_on_the_same_ports_begins_a_new_flow() -> None:
    assert len(tcp_flows(conversation() + conversation(isn=77))) == 2


def test_damaged_byte_is_seen_by_its_checksum() -> None:
    whole = conversation()[2]
    assert has_correct_checksums(whole)
    damaged = whole.frame[:-1] + bytes([whole.frame[-1] ^ 1])
    assert not has_correct_checksums(Packet(0, damaged, len(damaged)))


def test_file_cut_inside_a_packet_is_refused_with_the_place(tmp_path: Path) -> None:
    write_packets(tmp_path / "cut.pcap", conversation())
    content = (tmp_path / "cut.pcap").read_bytes()
    (tmp_path / "cut.pcap").write_bytes(content[:-3])
    with pytest.raises(LabError, match=r"cut.pcap: the packet at byte \d+ claims 54 bytes but 51 remain"):
        list(read_packets(tmp_path / "cut.pcap"))


def test_other_file_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(b"\x0a\x0d\x0d\x0a" + bytes(40))
    with pytest.raises(LabError, match="expected little-endian pcap of Ethernet"):
        list(read_packets(tmp_path / "x.pcap"))
