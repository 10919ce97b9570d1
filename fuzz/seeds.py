"""Make seed corpora for the fuzz targets from the captures in `examples/`.

Writes `fuzz/corpus/TARGET/...`, which is not committed: whole small captures, the first packets of
larger ones, single frames, and gzip of them. Run it from the root: `python3 fuzz/seeds.py`.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PREFIX_BYTES = 16_384
"""Bytes of each capture that are used: enough for a handshake, few enough to mutate fast."""

FRAMES = 40
"""Frames of each capture that become seeds of the decoder."""


def frames(capture: bytes) -> Iterator[bytes]:
    """Yield the frames of a little-endian pcap file."""
    at = 24
    while at + 16 <= len(capture):
        (caplen,) = struct.unpack_from("<I", capture, at + 8)
        frame = capture[at + 16 : at + 16 + caplen]
        if len(frame) < caplen:
            return
        yield frame
        at += 16 + caplen


def pcapng(link_type: int, packets: list[bytes]) -> bytes:
    """Write a pcapng file of one interface."""
    blocks = [(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    blocks.append((1, struct.pack("<HHI", link_type, 0, 262_144)))
    for number, packet in enumerate(packets):
        head = struct.pack("<IIIII", 0, 0, number * 1000, len(packet), len(packet))
        blocks.append((6, head + packet + bytes(-len(packet) % 4)))
    out = b""
    for kind, body in blocks:
        length = struct.pack("<I", len(body) + 12)
        out += struct.pack("<I", kind) + length + body + length
    return out


def write(target: str, name: str, seed: bytes) -> None:
    """Write one seed."""
    folder = ROOT / "fuzz" / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(seed)


def main() -> None:
    """Write all seeds."""
    for path in sorted((ROOT / "examples").glob("*.pcap")):
        capture = path.read_bytes()
        (link_type,) = struct.unpack_from("<I", capture, 20)
        packets = list(frames(capture))[:FRAMES]
        prefix = capture[:PREFIX_BYTES]
        ng = pcapng(link_type, packets)[:PREFIX_BYTES]
        for target in ("containers", "engine"):
            write(target, path.stem, b"\0" + prefix)
            write(target, f"{path.stem}-ng", b"\x06" + ng)
        write("containers", f"{path.stem}-gz", b"\x03" + gzip.compress(prefix, mtime=0))
        for number, packet in enumerate(packets):
            write("decode", f"{path.stem}-{number}", packet)


if __name__ == "__main__":
    main()
