"""Captures of TCP sessions whose coding changes where we say it does.

Pieces of cleartext and ciphertext enter, captures leave: classic pcap, Ethernet, IPv4, one session after the other,
each a handshake and one direction's payload in segments. Cleartext comes from the test side of
`bench.verdict.material`; ciphertext is random bytes, half of it in records with headers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.coding import fetch
from bench.verdict import framing

SEGMENT_BYTES = 1448

FRAMINGS = ("tls", "length4", "length2")
"""Framing of ciphertext over TCP: TLS, SSH-1 and OpenVPN."""


@dataclass(frozen=True, slots=True)
class Session:
    """Payload of one direction and what it is made of.

    Attributes
    ----------
    payload : bytes
    starts : tuple of int
        Where each piece begins.
    kinds : tuple of str
        `clear` or `opaque`, one for each piece.
    source : str
        Where the cleartext comes from.
    """

    payload: bytes
    starts: tuple[int, ...]
    kinds: tuple[str, ...]
    source: str


def joined(pieces: Sequence[tuple[str, bytes]], source: str) -> Session:
    """A session of pieces one after the other."""
    sizes = [len(octets) for _, octets in pieces]
    starts = [0, *np.cumsum(sizes)[:-1].tolist()]
    return Session(b"".join(octets for _, octets in pieces), tuple(starts), tuple(kind for kind, _ in pieces), source)


def ciphertext(length: int, draw: np.random.Generator) -> bytes:
    """Random bytes, half of the time in records."""
    if draw.random() < 0.5:
        return draw.bytes(length)
    payload = draw.bytes(length + 2 * framing.MOST_RECORD)
    return framing.framed(payload, str(draw.choice(FRAMINGS)), draw, length)


def cleartext(length: int, verdicts: Sequence[str], draw: np.random.Generator) -> tuple[str, bytes]:
    """A piece of text or binary of a source that training did not see, and that source."""
    found = sorted(
        path for path in fetch.folder("clear").glob("*/*~*~*")
        if path.parent.name in fetch.TEST and path.name.split("~")[0] in verdicts and path.stat().st_size > length
    )  # fmt: skip
    path = found[draw.integers(len(found))]
    octets = path.read_bytes()
    offset = int(draw.integers(len(octets) - length))
    return path.parent.name, octets[offset : offset + length]


def handshakes(count: int, seed: int) -> Iterator[Session]:
    """Cleartext of 96 to 3,000 bytes, then 2 to 32 KB of ciphertext."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        source, clear = cleartext(_drawn(96, 3000, draw), ("text",), draw)
        yield joined([("clear", clear), ("opaque", ciphertext(_drawn(2000, 32_000, draw), draw))], source)


def relapses(count: int, seed: int, length: int) -> Iterator[Session]:
    """Ciphertext of 4 to 24 KB, `length` bytes of text, ciphertext again."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        source, clear = cleartext(length, ("text",), draw)
        pieces = [("opaque", ciphertext(_drawn(4000, 24_000, draw), draw)), ("clear", clear)]
        yield joined([*pieces, ("opaque", ciphertext(4000, draw))], source)


def undisturbed(total: int, each: int, seed: int) -> Iterator[Session]:
    """Ciphertext without relapse, `total` bytes in sessions of `each`."""
    draw = np.random.default_rng(seed)
    for _ in range(total // each):
        yield joined([("opaque", draw.bytes(each))], "random")


def _drawn(low: int, high: int, draw: np.random.Generator) -> int:
    return int(np.exp(draw.uniform(np.log(low), np.log(high))))


def write(path: Path, sessions: Iterator[Session]) -> list[Session]:
    """Write a capture; the sessions in the order of their source ports, 1 up."""
    written = []
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        for number, session in enumerate(sessions):
            for packet, (flags, sequence, payload) in enumerate(_segments(session.payload)):
                frame = _frame(number, flags, sequence, payload)
                moment = 1_700_000_000 + number
                file.write(struct.pack("<IIII", moment, packet, len(frame), len(frame)) + frame)
            written.append(session)
    return written


def port_of(number: int) -> tuple[str, int]:
    """Address and port of the originator of a session."""
    return f"10.0.{number // 50_000}.1", 1 + number % 50_000


def _segments(payload: bytes) -> Iterator[tuple[int, int, bytes]]:
    yield 0x02, 999, b""
    for start in range(0, len(payload), SEGMENT_BYTES):
        yield 0x18, 1000 + start, payload[start : start + SEGMENT_BYTES]
    yield 0x11, 1000 + len(payload), b""


def _frame(number: int, flags: int, sequence: int, payload: bytes) -> bytes:
    address, port = port_of(number)
    tcp = struct.pack(">HHIIBBHHH", port, 9999, sequence, 1, 0x50, flags, 65_535, 0, 0) + payload
    source = bytes(map(int, address.split(".")))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source + bytes([203, 0, 113, 1])
    return bytes(12) + b"\x08\0" + ip + tcp
