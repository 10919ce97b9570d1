"""What the core measures of whole sides: the opaque bytes that it cuts out of handshakes, headers and all.

    python -m bench.verdict.sides

Sides of the public captures enter, read by tshark, and leave as files `sides/REPOSITORY/TRUTH~LABEL~ITEM` of the cache.
Made ones are TLS sessions (`tls_sessions`), compressed streams as HTTP/1.1 carries them, and records behind cleartext
messages. Labels are those of the corpus, of which only sure ones are used; repositories of `traffic.TEST` are for
tests. Ports play no part.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.coding import fetch
from bench.coding.data import Stream
from bench.verdict import framing, traffic
from bench.verdict.train_opaque import corpus
from wiretropy.verdict.coding import segments_of_payload

ENCRYPTED = frozenset("TLS QUIC SSH-2 SSH-1 RDP OPENVPN DTLS SKYPE WIREGUARD Telegram Threema IPSEC".split())
COMPRESSED = frozenset(("HTTP", "RTMP", "RTP"))
"""Labels whose opaque bytes are what the corpus says of the flow."""

LEAST_BYTES, MOST_BYTES = 256, 8192
"""Bytes that the core measures of a side (`OPAQUE_LEAST_BYTES`, `OPAQUE_BYTES`)."""

KEPT_BYTES = 1_000_000

HEADERS = (
    "Server: nginx", "Server: Apache/2.4.57 (Debian)", "Date: Mon, 03 Jun 2024 10:11:12 GMT", "Vary: Accept-Encoding",
    "Cache-Control: max-age=3600, public", "Connection: keep-alive", "X-Frame-Options: SAMEORIGIN",
    "Last-Modified: Sat, 01 Jun 2024 08:00:00 GMT", "Accept-Ranges: bytes", 'ETag: "65a-61b2f8c0"',
    "Access-Control-Allow-Origin: *", "Content-Type: application/octet-stream", "Content-Type: text/html;charset=utf-8",
)  # fmt: skip


class Run(NamedTuple):
    """What the core keeps of the longest opaque segment of a side, and whether there is cleartext too."""

    octets: bytes
    has_clear: bool


def run(side: bytes) -> Run:
    """What the core measures of a side; no bytes if nothing is opaque."""
    found = segments_of_payload(side)
    opaque = [(end - start, start) for start, end, kind in found if kind == "opaque"]
    # Of equals the core keeps the last.
    length, start = max(opaque, default=(0, 0))
    return Run(side[start : start + min(length, MOST_BYTES)], len(opaque) < len(found))


def truth(coarse: str, label: str) -> str:
    """`encrypted`, `compressed`, or nothing where the label is not sure."""
    if coarse == "encrypted" and label in ENCRYPTED:
        return "encrypted"
    return "compressed" if coarse == "compressed-or-media" and label in COMPRESSED else ""


def captured(folder: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Repository, truth, label and payload of every side whose truth is sure, equal ones once."""
    wanted: dict[str, dict[tuple[str, str], tuple[str, str]]] = {}
    with (folder / "flows.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            known = truth(row["coarse"], row["label"])
            if known:
                wanted.setdefault(row["file"], {})[row["transport"].lower(), row["stream"]] = known, row["label"]
    seen: set[bytes] = set()
    for name, flows in sorted(wanted.items()):
        for (transport, stream, _, _), way in traffic.directions(folder / name).items():
            if (transport, stream) not in flows:
                continue
            payload = way.stream() if way.is_tcp else b"".join(way.datagrams())
            opaque = run(payload).octets
            digest = hashlib.sha256(opaque).digest()
            if len(opaque) >= LEAST_BYTES and digest not in seen:
                seen.add(digest)
                yield name.split("/")[0], *flows[transport, stream], payload[:KEPT_BYTES]


def stored(*, is_test: bool) -> Iterator[tuple[str, str, str, Run]]:
    """The sides of one part of the repositories: repository, truth, label, and what the core measures of each."""
    for path in sorted(fetch.folder("sides").glob("*/*~*~*")):
        if (path.parent.name in traffic.TEST) == is_test:
            known, label, _ = path.name.split("~")
            yield path.parent.name, known, label, run(path.read_bytes())


def made_tls(count: int, draw: np.random.Generator) -> Iterator[Run]:
    """What the core measures of made TLS sessions, `count` sides."""
    from bench.verdict import tls_sessions  # needs `cryptography`, which tests do without

    sides = (side for pair in tls_sessions.sessions(count, draw) for side in pair)
    fitting = (one for one in map(run, sides) if len(one.octets) >= LEAST_BYTES)
    return itertools.islice(fitting, count)


def _head(draw: np.random.Generator) -> bytes:
    lines = ["HTTP/1.1 200 OK", *map(str, draw.permutation(HEADERS)[: draw.integers(2, 9)])]
    return "\r\n".join(lines).encode()


def http_response(body: bytes, draw: np.random.Generator) -> bytes:
    """A body behind headers, whole or in chunks (RFC 9112, section 7.1)."""
    if draw.random() < 0.5:
        return _head(draw) + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    size = int(draw.choice([1024, 1370, 4096, 8192, 16_384, 32_768]))
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return _head(draw) + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def made_http(among: Sequence[Stream], count: int, draw: np.random.Generator) -> Iterator[tuple[Stream, Run]]:
    """What the core measures of responses that carry these streams from their first byte on, one to three at a time."""
    by_format: dict[str, list[Stream]] = {}
    for stream in among:
        by_format.setdefault(stream.format, []).append(stream)
    names = sorted(by_format)
    for number in range(count):
        of_format = by_format[names[number % len(names)]]
        stream = of_format[draw.integers(len(of_format))]
        side = b""
        for _ in range(int(draw.integers(1, 4))):
            most = int(np.exp(draw.uniform(np.log(LEAST_BYTES), np.log(4 * MOST_BYTES))))
            with stream.path.open("rb") as file:
                side += http_response(file.read(most), draw)
        one = run(side)
        if len(one.octets) >= LEAST_BYTES:
            yield stream, one


def made_framed(
    among: Sequence[Stream], before: Sequence[bytes], count: int, draw: np.random.Generator
) -> Iterator[tuple[Stream | None, str, Run]]:
    """What the core measures of cleartext messages with records behind them, of coded bytes and of random ones in turn.

    Gives the stream (none for random bytes), the kind of records, and what is measured.
    """
    for number in range(count):
        clear = b"".join(before[draw.integers(len(before))] for _ in range(int(draw.integers(1, 4))))
        length = int(np.exp(draw.uniform(np.log(LEAST_BYTES), np.log(3 * MOST_BYTES))))
        room = length + 2 * framing.MOST_RECORD
        stream = among[draw.integers(len(among))] if number % 2 else None
        kind = str(draw.choice(sorted(framing.CODED if stream else framing.CIPHERTEXT)))
        if stream:
            with stream.path.open("rb") as file:
                file.seek(int(draw.integers(max(1, stream.size - room))))
                payload = file.read(room)
            length = min(length, len(payload) // 2)
        else:
            payload = draw.bytes(room)
        one = run(clear + framing.framed(payload, kind, draw, length)) if length >= LEAST_BYTES else Run(b"", False)
        if len(one.octets) >= LEAST_BYTES:
            yield stream, kind, one


def main() -> int:
    """Extract the sides of the corpus into the cache."""
    count = 0
    for repository, known, label, payload in captured(corpus()):
        (fetch.folder(f"sides/{repository}") / f"{known}~{label.lower()}~{count}").write_bytes(payload)
        count += 1
    print(f"{count} sides")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
