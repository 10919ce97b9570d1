"""Capture files read by hand: what is in them, by nothing but `struct` and the two format documents.

The witness of what `carve` writes; it shares no code with the program.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

NS = 1_000_000_000

_PCAP = {
    bytes.fromhex("d4c3b2a1"): ("<", 1_000),
    bytes.fromhex("a1b2c3d4"): (">", 1_000),
    bytes.fromhex("4d3cb2a1"): ("<", 1),
    bytes.fromhex("a1b23c4d"): (">", 1),
}
"""First bytes of a pcap file: byte order, and nanoseconds of its fractions of a second."""


class Captured(NamedTuple):
    """One packet of a file."""

    ts_ns: int
    link: int
    fcs_len: int
    origlen: int
    frame: bytes
    comment: str = ""


def packets(content: bytes) -> list[Captured]:
    """All packets of a pcap or pcapng file, in its order; a file that ends within one fails."""
    return list(_pcapng(content) if content[:4] == bytes.fromhex("0a0d0d0a") else _pcap(content))


def _pcap(content: bytes) -> Iterator[Captured]:
    order, unit = _PCAP[content[:4]]
    (network,) = struct.unpack_from(order + "I", content, 20)
    # Bit 26 says that bits 28 to 31 count the 16-bit words of a frame check sequence.
    fcs_len = (network >> 28) * 2 if network & 0x0400_0000 else 0
    at = 24
    while at < len(content):
        seconds, fraction, caplen, origlen = struct.unpack_from(order + "IIII", content, at)
        frame = content[at + 16 : at + 16 + caplen]
        assert len(frame) == caplen
        yield Captured(seconds * NS + fraction * unit, network & 0xFFFF, fcs_len, origlen, frame)
        at += 16 + caplen


def _pcapng(content: bytes) -> Iterator[Captured]:
    at, order = 0, "<"
    interfaces: list[tuple[int, int, int]] = []
    while at < len(content):
        if content[at : at + 4] == bytes.fromhex("0a0d0d0a"):
            order = "<" if content[at + 8 : at + 12] == bytes.fromhex("4d3c2b1a") else ">"
            interfaces = []
        kind, length = struct.unpack_from(order + "II", content, at)
        assert struct.unpack_from(order + "I", content, at + length - 4) == (length,)
        body = content[at + 8 : at + length - 4]
        if kind == 1:
            (link,) = struct.unpack_from(order + "H", body)
            options = dict(_options(body[8:], order))
            interfaces.append((link, options.get(13, b"\0")[0] // 8, _ns_per_tick(options.get(9, b"\6")[0])))
        elif kind == 6:
            number, high, low, caplen, origlen = struct.unpack_from(order + "IIIII", body)
            link, fcs_len, unit = interfaces[number]
            comments = [text.decode() for code, text in _options(body[20 + caplen + -caplen % 4 :], order) if code == 1]
            frame = body[20 : 20 + caplen]
            yield Captured((high << 32 | low) * unit, link, fcs_len, origlen, frame, "\n".join(comments))
        at += length


def _ns_per_tick(resolution: int) -> int:
    """Nanoseconds of a tick, of resolutions that are powers of ten."""
    assert resolution <= 9
    return int(10 ** (9 - resolution))


def _options(body: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
