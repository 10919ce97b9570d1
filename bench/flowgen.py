"""Captures of many flows that are all open at once, streamed to a file.

Every flow is a SYN and, after the SYNs of all others, one segment with payload; none ever ends. Classic pcap,
Ethernet, IPv4, valid checksums, all within `SPAN_S` of packet time so that no time-out ends a flow. The choice
of tuples makes easy, usual or hostile work for a flow table.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

ADDRESSES = ("random", "sequential", "colliding")
"""Kinds of tuples: `random`; `sequential`, sources counted up and all else constant; `colliding`, see `tuples`."""

SPAN_S = 60
"""Packet time from first to last packet; TCP that is silent stays open for five minutes by default."""

COLLIDING_BITS = 21
"""Free bits of colliding tuples: 2,097,152 different ones."""

_SYN, _PSH_ACK = 0x02, 0x18
_T0_S = 1_700_000_000
_RECORD, _ETHERNET, _IP, _TCP = 16, 14, 20, 20
_HEADERS = _RECORD + _ETHERNET + _IP + _TCP
_CHUNK_BYTES = 32 << 20
_POOL_ROWS = 4_093  # different payloads; a prime, so that no power of two lines up with it
_ISN = 1_000
_FILE_HEADER = np.array([0xA1B2C3D4, 0x00040002, 0, 0, 262_144, 1], "<u4").tobytes()

Words = NDArray[np.int64]
Octets = NDArray[np.uint8]


class Tuples(NamedTuple):
    """Addresses as 32-bit numbers and ports, one element a flow."""

    source: Words
    destination: Words
    source_port: Words
    destination_port: Words


def tuples(addresses: str, flows: int, *, seed: int = 1) -> Tuples:
    """Choose the tuples of a capture, all different and none the reverse of another.

    Colliding tuples differ, but are equal under every unkeyed hash that adds or xors their words, be those of 8,
    16 or 32 bits: a bit that is set in the source address is clear in the destination address and the reverse,
    so that both sum and xor stay the same whatever the bits are.

    Parameters
    ----------
    addresses : str
        One of `ADDRESSES`.
    flows : int
        How many; at most 2**21 colliding ones.
    seed : int, default 1
        The same seed gives the same tuples.
    """
    random = np.random.Generator(np.random.PCG64([seed, ADDRESSES.index(addresses)]))
    number = np.arange(flows, dtype=np.int64)
    net = 10 << 24
    if addresses == "random":
        ports = random.integers(1_024, 65_536, (2, flows))
        hosts = net + random.integers(1, 1 << 24, flows), (172 << 24 | 16 << 16) + random.integers(1, 1 << 20, flows)
        return Tuples(*hosts, ports[0], ports[1])
    fixed = np.full(flows, 40_000, np.int64), np.full(flows, 443, np.int64)
    if addresses == "sequential":
        return Tuples(net + 1 + number, np.full(flows, 172 << 24 | 16 << 16 | 1, np.int64), *fixed)
    ones = (1 << COLLIDING_BITS) - 1
    if flows > ones + 1:
        raise ValueError(f"at most {ones + 1:,} colliding tuples exist; got {flows:,}")
    free = random.permutation(ones + 1)[:flows].astype(np.int64)
    return Tuples(net + free, net + (1 << 23) + (free ^ ones), *fixed)


def write_open_flows(path: Path, addresses: str, flows: int, payload_bytes: int) -> None:
    """Write a capture of `2 * flows` packets in which every flow stays open.

    Parameters
    ----------
    path : Path
        Written in chunks: memory stays small however many flows there are.
    addresses : str
        One of `ADDRESSES`.
    flows : int
        At least 1.
    payload_bytes : int
        Random bytes that each originator sends, at most 1,460.
    """
    chosen = tuples(addresses, flows)
    random = np.random.Generator(np.random.PCG64(flows))
    pool = random.integers(0, 256, (_POOL_ROWS, payload_bytes), dtype=np.uint8)
    with path.open("wb") as file:
        file.write(_FILE_HEADER)
        _write_phase(file, chosen, pool[:, :0], _SYN, 0)
        _write_phase(file, chosen, pool, _PSH_ACK, SPAN_S * 500_000)


def write_one_packet(path: Path) -> None:
    """Write a capture of one packet with 64 bytes of payload: what a scan of it costs is start-up."""
    pool = np.arange(64, dtype=np.uint8)[np.newaxis, :]
    with path.open("wb") as file:
        file.write(_FILE_HEADER)
        _write_phase(file, tuples("sequential", 1), pool, _PSH_ACK, 0)


def _write_phase(file: BinaryIO, chosen: Tuples, pool: Octets, flags: int, start_us: int) -> None:
    """One packet of every flow, evenly over half of the time."""
    flows = chosen.source.size
    step = max(1, _CHUNK_BYTES // (_HEADERS + pool.shape[1]))
    for first in range(0, flows, step):
        number = np.arange(first, min(first + step, flows), dtype=np.int64)
        part = Tuples(*(column[number] for column in chosen))
        time_us = start_us + number * (SPAN_S * 500_000) // flows
        file.write(_records(part, pool[number % len(pool)], flags, time_us).tobytes())


def _records(part: Tuples, payload: Octets, flags: int, time_us: Words) -> Octets:
    """Whole pcap records of one packet per tuple, as rows."""
    count, size = payload.shape
    rows = np.zeros((count, _HEADERS + size), np.uint8)
    caplen = _ETHERNET + _IP + _TCP + size
    seconds, micros = np.divmod(time_us, 1_000_000)
    sizes = np.full(count, caplen, np.int64)
    little = np.stack([_T0_S + seconds, micros, sizes, sizes], axis=1).astype("<u4")
    rows[:, :_RECORD] = little.view(np.uint8)
    rows[:, 16:30] = np.frombuffer(bytes.fromhex("0200000000020200000000010800"), np.uint8)
    ip, tcp = rows[:, 30:50], rows[:, 50:70]
    ip[:, 0], ip[:, 6], ip[:, 8], ip[:, 9] = 0x45, 0x40, 64, 6
    ip[:, 2:4] = _big(np.full(count, _IP + _TCP + size), 2)
    ip[:, 12:16], ip[:, 16:20] = _big(part.source, 4), _big(part.destination, 4)
    ip[:, 10:12] = _big(_checksum(_word_sum(ip)), 2)
    tcp[:, 0:2], tcp[:, 2:4] = _big(part.source_port, 2), _big(part.destination_port, 2)
    tcp[:, 4:8] = _big(np.full(count, _ISN if flags == _SYN else _ISN + 1), 4)
    tcp[:, 8:12] = _big(np.full(count, 0 if flags == _SYN else 1), 4)
    tcp[:, 12], tcp[:, 13] = 5 << 4, flags
    tcp[:, 14:16] = _big(np.full(count, 64_240), 2)
    rows[:, _HEADERS:] = payload
    pseudo = _word_sum(ip[:, 12:20]) + 6 + _TCP + size
    tcp[:, 16:18] = _big(_checksum(pseudo + _word_sum(rows[:, 50:])), 2)
    return rows


def _big(values: NDArray[np.integer], width: int) -> Octets:
    """Unsigned numbers as rows of `width` bytes, most significant first."""
    return np.stack([(values >> 8 * k) & 255 for k in reversed(range(width))], axis=-1).astype(np.uint8)


def _word_sum(rows: Octets) -> Words:
    """Sum of the 16-bit words of each row; an odd last byte counts as the upper half."""
    upper: Words = rows[:, 0::2].sum(axis=1, dtype=np.int64)
    lower: Words = rows[:, 1::2].sum(axis=1, dtype=np.int64)
    return upper * 256 + lower


def _checksum(total: Words) -> Words:
    """Internet checksum (RFC 1071) of a sum of words."""
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
