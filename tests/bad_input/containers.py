"""Builders of capture files: pcap and pcapng, valid unless told otherwise.

pcap follows draft-ietf-opsawg-pcap, pcapng draft-ietf-opsawg-pcapng.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .frames import udp_frame

MICROSECONDS, NANOSECONDS, KUZNETZOV = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
ETHERNET = 1
NOON = 1_700_000_000
"""Seconds since 1970 of every first packet that does not say otherwise."""

SECTION, INTERFACE, SIMPLE_PACKET, NAMES, ENHANCED_PACKET, SECRETS, CUSTOM = (
    0x0A0D0D0A,
    1,
    3,
    4,
    6,
    10,
    0x0BAD,
)


def pcap_header(
    order: str = "<",
    *,
    magic: int = MICROSECONDS,
    version: tuple[int, int] = (2, 4),
    snaplen: int = 262144,
    link: int = ETHERNET,
) -> bytes:
    """The 24 bytes before the first record; `order` is '<' or '>' as in `struct`."""
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, link)


def pcap_record(
    frame: bytes,
    seconds: int = NOON,
    fraction: int = 0,
    order: str = "<",
    *,
    caplen: int | None = None,
    origlen: int | None = None,
) -> bytes:
    """One packet with its record header; either length may lie."""
    caplen = len(frame) if caplen is None else caplen
    return struct.pack(order + "IIII", seconds, fraction, caplen, caplen if origlen is None else origlen) + frame


def pcap(frames: Iterable[bytes], order: str = "<", **header: Any) -> bytes:
    """A whole file whose packets are a millisecond apart."""
    records = (
        pcap_record(frame, NOON + number // 1000, number % 1000 * 1000, order) for number, frame in enumerate(frames)
    )
    return pcap_header(order, **header) + b"".join(records)


def block(kind: int, body: bytes, order: str = "<", *, length: int | None = None, trailer: int | None = None) -> bytes:
    """A pcapng block; either of its two lengths may lie."""
    padded = body + b"\0" * (-len(body) % 4)
    length = 12 + len(padded) if length is None else length
    end = length if trailer is None else trailer
    return struct.pack(order + "II", kind, length) + padded + struct.pack(order + "I", end)


def section(order: str = "<", *, major: int = 1, length: int = -1) -> bytes:
    """A section header block; `length` is what the section claims to take (-1: not said)."""
    return block(SECTION, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, length), order)


def option(code: int, value: bytes, order: str = "<", *, length: int | None = None) -> bytes:
    """One option with its padding; its length may lie."""
    stated = len(value) if length is None else length
    return struct.pack(order + "HH", code, stated) + value + b"\0" * (-len(value) % 4)


def interface(order: str = "<", *, link: int = ETHERNET, snaplen: int = 0, options: bytes = b"") -> bytes:
    """An interface description block."""
    return block(INTERFACE, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced_packet(
    frame: bytes,
    order: str = "<",
    *,
    interface_id: int = 0,
    ticks: int = NOON * 1_000_000,
    caplen: int | None = None,
    options: bytes = b"",
) -> bytes:
    """An enhanced packet block; its captured length may lie."""
    caplen = len(frame) if caplen is None else caplen
    fields = struct.pack(order + "IIIII", interface_id, ticks >> 32, ticks & 0xFFFFFFFF, caplen, len(frame))
    return block(ENHANCED_PACKET, fields + frame + b"\0" * (-len(frame) % 4) + options, order)


def simple_packet(frame: bytes, *, origlen: int | None = None) -> bytes:
    """A simple packet block, which has neither time nor captured length."""
    return block(SIMPLE_PACKET, struct.pack("<I", len(frame) if origlen is None else origlen) + frame)


PACKETS = tuple(udp_frame(b"packet %d of a plain text" % number) for number in range(3))
"""Three datagrams of one flow, for files whose fault lies in the container."""

PACKETS_PAYLOAD_BYTES = 3 * len(b"packet 0 of a plain text")


def start(order: str = "<") -> bytes:
    """A pcapng file up to its first packets: section, interface, the three packets."""
    packets = b"".join(enhanced_packet(frame, order) for frame in PACKETS)
    return section(order) + interface(order) + packets


def write(directory: Path, name: str, content: bytes) -> Path:
    """Write a file and return its path."""
    path = directory / name
    path.write_bytes(content)
    return path
