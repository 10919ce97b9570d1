"""Framing: how protocols cut ciphertext and media into records, with a header before each.

Payload enters; the same bytes leave with headers between them, as a network carries them. Header formats are those of
the protocols that the functions name; record sizes are drawn: of one size (bulk) or of many (interactive). Kinds that
carry either ciphertext or coded bytes serve both classes, so that a header alone tells nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

LEAST_RECORD = 32
MOST_RECORD = 16_384
"""Bounds of drawn record sizes, in bytes; 16,384 is the largest record of TLS (RFC 8446, section 5.1)."""

COMMON_SIZES = (188, 256, 512, 1024, 1200, 1370, 1400, 1448, 4096, 8192, 16_384)
"""Sizes that bulk transfer uses: those that fill a packet, and powers of two."""

DATAGRAMS = frozenset(("dtls", "quic", "wireguard", "esp", "openvpn", "rtp"))
"""Kinds whose records are datagrams, which stay below the size of a packet."""


class Record(NamedTuple):
    """Number and size of a record, and a generator that is seeded alike for each record of a stream."""

    number: int
    size: int
    fixed: np.random.Generator


Header = Callable[[Record], bytes]
"""Bytes before a record."""


def _tls(record: Record) -> bytes:
    return struct.pack(">BHH", 23, 0x0303, record.size)


def _dtls(record: Record) -> bytes:
    return struct.pack(">BHHHIH", 23, 0xFEFD, 1, 0, record.number, record.size)


def _length2(record: Record) -> bytes:
    return struct.pack(">H", record.size)


def _length4(record: Record) -> bytes:
    return struct.pack(">I", record.size)


def _length4_little(record: Record) -> bytes:
    return struct.pack("<I", record.size)


def _quic(record: Record) -> bytes:
    """RFC 9000, section 17.3: the protected bits of the first byte are random; the connection id stays."""
    connection = record.fixed.bytes(8)
    return bytes([0x40 | (record.number * 37 + connection[0]) & 0x3F]) + connection


def _wireguard(record: Record) -> bytes:
    return b"\4\0\0\0" + record.fixed.bytes(4) + struct.pack("<Q", record.number)


def _esp(record: Record) -> bytes:
    return record.fixed.bytes(4) + struct.pack(">I", record.number)


def _openvpn(record: Record) -> bytes:
    return b"\x48\0\0" + record.fixed.bytes(1) + struct.pack(">I", record.number)


def _rtp(record: Record) -> bytes:
    start = int(record.fixed.integers(1 << 31))
    return struct.pack(
        ">BBHI", 0x80, 96, (start + record.number) & 0xFFFF, start + 960 * record.number
    ) + record.fixed.bytes(4)


def _websocket(record: Record) -> bytes:
    if record.size < 126:
        return struct.pack(">BB", 0x82, record.size)
    return struct.pack(">BBH", 0x82, 126, record.size)


def _http2(record: Record) -> bytes:
    stream = 2 * int(record.fixed.integers(50)) + 1
    return struct.pack(">I", record.size)[1:] + struct.pack(">BBI", 0, 0, stream)


def _chunked(record: Record) -> bytes:
    return (b"\r\n" if record.number else b"") + f"{record.size:x}\r\n".encode()


def _rtmp(record: Record) -> bytes:
    channel = int(record.fixed.integers(4, 8))
    if record.number % 8 == 0:
        return (
            struct.pack(">BI", 0x40 | channel, 40 * record.number)[:4]
            + struct.pack(">I", 8 * record.size)[1:]
            + b"\x09"
        )
    return bytes([0xC0 | channel])


def _transport_stream(record: Record) -> bytes:
    pid = int(record.fixed.integers(32, 8000))
    return struct.pack(">BHB", 0x47, pid, 0x10 | record.number & 15)


CIPHERTEXT: Mapping[str, Header] = {
    "tls": _tls, "dtls": _dtls, "length2": _length2, "length4": _length4, "length4-little": _length4_little,
    "quic": _quic, "wireguard": _wireguard, "esp": _esp, "openvpn": _openvpn, "rtp": _rtp, "websocket": _websocket,
}  # fmt: skip
"""Headers that stand before ciphertext in the clear."""

CODED: Mapping[str, Header] = {
    "length2": _length2, "length4": _length4, "length4-little": _length4_little, "rtp": _rtp,
    "websocket": _websocket, "http2": _http2, "chunked": _chunked, "rtmp": _rtmp, "ts": _transport_stream,
}  # fmt: skip
"""Headers that stand before compressed bytes and media."""


def framed(payload: bytes, kind: str, draw: np.random.Generator, length: int) -> bytes:
    """Cut payload into records and put a header before each; begin anywhere in a record.

    Parameters
    ----------
    payload : bytes
        At least `length` of them and room for two records: records become no larger than half of what is more.
    kind : str
        A key of `CIPHERTEXT` or `CODED`.
    draw : Generator
        Draws record sizes, constants of the stream, and where it begins.
    length : int
        Bytes wanted.
    """
    header = CIPHERTEXT.get(kind) or CODED[kind]
    seed = int(draw.integers(1 << 31))
    number = int(draw.integers(2000)) if draw.random() < 0.5 else 0
    most = max(LEAST_RECORD, (len(payload) - length) // 2)
    made, taken, begin = bytearray(), 0, None
    for size in record_sizes(kind, draw):
        part = payload[taken : taken + min(size, most)]
        made += header(Record(number, len(part), np.random.default_rng(seed))) + part
        taken += len(part)
        number += 1
        if begin is None:
            # The cut falls anywhere in the first record.
            begin = int(draw.integers(len(made)))
        if len(made) >= begin + length:
            return bytes(made[begin : begin + length])
        if taken == len(payload):
            break
    raise ValueError(f"{len(payload)} bytes of payload do not fill {length} bytes of records")


def record_sizes(kind: str, draw: np.random.Generator) -> Iterator[int]:
    """Sizes of the records of one stream, without end."""
    most = 1400 if kind in DATAGRAMS else MOST_RECORD
    if kind == "ts":
        style, size = 0.0, 184
    elif kind == "rtmp":
        style, size = 0.0, int(draw.choice([128, 4096]))
    else:
        style = draw.random()
        size = min(most, int(draw.choice(COMMON_SIZES)) - int(draw.integers(0, 40)))
    low = LEAST_RECORD * (most / LEAST_RECORD) ** (draw.random() * 0.9)
    while True:
        # Half of the streams carry bulk, with a shorter record now and then; the others messages of all sizes.
        if style < 0.5:
            yield size if style == 0.0 or draw.random() < 0.9 else int(draw.integers(LEAST_RECORD, size + 1))
        else:
            yield int(np.exp(draw.uniform(np.log(low), np.log(most))))
