"""Captures of open flows hold the packets that they promise."""

from __future__ import annotations

import struct
from functools import reduce
from operator import xor
from pathlib import Path

import numpy as np
import pytest

from bench import flowgen


def words(chosen: flowgen.Tuples, bits: int) -> list[tuple[int, ...]]:
    """Each tuple as the words of its 12 bytes on the wire."""
    kinds = {8: "12B", 16: ">6H", 32: ">3I"}
    packed = [struct.pack(">IIHH", *map(int, row)) for row in zip(*chosen, strict=True)]
    return [struct.unpack(kinds[bits], row) for row in packed]


@pytest.mark.parametrize("addresses", flowgen.ADDRESSES)
def test_tuples_are_all_different(addresses: str) -> None:
    chosen = flowgen.tuples(addresses, 5_000)
    assert len(set(zip(*(column.tolist() for column in chosen), strict=True))) == 5_000


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_colliding_tuples_have_one_sum_and_one_xor(bits: int) -> None:
    rows = words(flowgen.tuples("colliding", 3_000), bits)
    assert len({sum(row) for row in rows}) == 1
    assert len({reduce(xor, row) for row in rows}) == 1


def test_more_colliding_tuples_than_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 2,097,152"):
        flowgen.tuples("colliding", (1 << 21) + 1)


def test_sequential_tuples_count_up_the_source_only() -> None:
    chosen = flowgen.tuples("sequential", 100)
    assert np.all(np.diff(chosen.source) == 1)
    assert all(np.all(column == column[0]) for column in chosen[1:])


def test_every_flow_sends_a_syn_and_then_its_payload(tmp_path: Path) -> None:
    path = tmp_path / "open.pcap"
    flowgen.write_open_flows(path, "random", 7, 101)
    packets = list(records(path.read_bytes()))
    assert [frame[47] for _, frame in packets] == [0x02] * 7 + [0x18] * 7
    assert [len(frame) for _, frame in packets] == [54] * 7 + [54 + 101] * 7
    assert [frame[26:38] for _, frame in packets[:7]] == [frame[26:38] for _, frame in packets[7:]]
    times = [time for time, _ in packets]
    assert times == sorted(times)
    assert times[-1] - times[0] < flowgen.SPAN_S * 1_000_000


def test_checksums_are_valid(tmp_path: Path) -> None:
    path = tmp_path / "open.pcap"
    flowgen.write_open_flows(path, "random", 3, 101)
    for _, frame in records(path.read_bytes()):
        tcp = frame[34:]
        assert checksum(frame[14:34]) == 0
        assert checksum(frame[26:34] + struct.pack(">HH", 6, len(tcp)) + tcp) == 0


def test_one_packet_is_one_packet(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    flowgen.write_one_packet(path)
    assert len(list(records(path.read_bytes()))) == 1


def records(capture: bytes) -> list[tuple[int, bytes]]:
    """Time in microseconds and frame of every packet."""
    at, found = 24, []
    while at < len(capture):
        seconds, micros, caplen, origlen = struct.unpack_from("<4I", capture, at)
        assert caplen == origlen
        found.append((seconds * 1_000_000 + micros, capture[at + 16 : at + 16 + caplen]))
        at += 16 + caplen
    return found


def checksum(octets: bytes) -> int:
    """Internet checksum (RFC 1071); 0 over bytes that include a right one."""
    total = sum(struct.unpack(f">{(len(octets) + 1) // 2}H", octets + bytes(len(octets) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
