"""Opaque parts of real traffic: what TLS, SSH, QUIC and others send once they are encrypted, as the network carries it.

    python -m bench.verdict.traffic

Captures of the corpus enter, read by tshark; files `traffic/REPOSITORY/LABEL~SIDE~ITEM` of the cache leave, each the
payload of one direction in stream order, from the first encrypted record on, headers of records and datagrams included.
Directions with a gap, or with less than `LEAST_BYTES`, are left out, and equal ones count once. A repository is a
source: `TEST` names those that models do not learn from. Ports play no part; labels are those of the corpus.
"""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.coding import fetch
from bench.verdict.train_opaque import corpus

TEST = frozenset((
    "OISF+suricata-verify", "FoxIO-LLC+ja4", "cisco+joy", "simsong+tcpflow", "CESNET+ipfixprobe", "zeek+zeek",
    "stanford-esrg+retina", "kqdssheng+Pcap", "arkime+arkime", "Raphh1+lereseau", "realjimmy+sample-captures",
    "corelight+zeek-spicy-openvpn", "elcabezzonn+Pcaps", "HelloWorld20240418+boofuzz_nova",
))  # fmt: skip
"""Repositories that models see nothing of. The others share captures with each other; of these single sessions are in
others too, which `bench.accuracy.flows` leaves out."""

LEAST_BYTES = 128

MOST_BYTES = 1_000_000

_FIELDS = (
    "tcp.stream", "udp.stream", "ip.src", "ipv6.src", "tcp.srcport", "udp.srcport", "tcp.seq_raw", "tcp.payload",
    "udp.payload",
)  # fmt: skip


@dataclass
class Direction:
    """Segments of one direction, by their place in the stream for TCP and in order for UDP."""

    is_tcp: bool
    segments: list[tuple[int, bytes]] = field(default_factory=list)

    def datagrams(self) -> list[bytes]:
        """Payloads in the order in which they were captured."""
        return [payload for _, payload in self.segments]

    def stream(self) -> bytes:
        """TCP payload up to the first gap; of bytes seen twice the first copy counts."""
        if not self.segments:
            return b""
        first = self.segments[0][0]
        # Places relative to the first segment wrap at 2^32; what lies before it is as large as 2^31.
        placed = sorted(
            (((place - first + (1 << 31)) % (1 << 32)) - (1 << 31), number, payload)
            for number, (place, payload) in enumerate(self.segments)
        )
        joined = bytearray()
        for place, _, payload in placed:
            at = place - placed[0][0]
            if at > len(joined):
                break
            joined += payload[len(joined) - at :]
        return bytes(joined)


def directions(path: Path) -> dict[tuple[str, str, str, str], Direction]:
    """All directions of a capture that carry payload, by transport, stream of tshark, address and port."""
    options = [part for name in _FIELDS for part in ("-e", name)]
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp.len > 0 or udp.length > 8", "-T", "fields"]
    done = subprocess.run(
        [*command, "-E", "occurrence=l", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    found: dict[tuple[str, str, str, str], Direction] = {}
    for line in done.stdout.splitlines():
        row = dict(zip(_FIELDS, line.split("\t"), strict=False))
        is_tcp = bool(row.get("tcp.payload"))
        hexed = row.get("tcp.payload") or row.get("udp.payload")
        if not hexed:
            continue
        name = "tcp" if is_tcp else "udp"
        address, port = row["ip.src"] or row["ipv6.src"], row[f"{name}.srcport"]
        way = found.setdefault((name, row[f"{name}.stream"], address, port), Direction(is_tcp))
        way.segments.append((int(row["tcp.seq_raw"] or 0) if is_tcp else 0, bytes.fromhex(hexed)))
    return found


def tls(way: Direction) -> bytes:
    """From the first record of application data on, while records follow each other."""
    stream, begin, at = way.stream(), None, 0
    while at + 5 <= len(stream) and 20 <= stream[at] <= 24 and stream[at + 1] == 3:
        if begin is None and stream[at] == 23:
            begin = at
        at += 5 + int.from_bytes(stream[at + 3 : at + 5], "big")
    return b"" if begin is None else stream[begin : min(at, len(stream))]


def ssh(way: Direction) -> bytes:
    """After the message NEWKEYS (RFC 4253, section 7.3)."""
    stream = way.stream()
    at = stream.find(b"\n") + 1
    if not stream.startswith(b"SSH-2"):
        return b""
    while at + 6 <= len(stream):
        length = int.from_bytes(stream[at : at + 4], "big")
        if length > 35_000:
            return b""
        at += 4 + length
        if stream[at - length + 1] == 21:
            return stream[at:]
    return b""


def quic(way: Direction) -> bytes:
    """Packets with a short header."""
    return b"".join(datagram for datagram in way.datagrams() if datagram and datagram[0] & 0xC0 == 0x40)


def dtls(way: Direction) -> bytes:
    """Datagrams that begin with application data."""
    return b"".join(datagram for datagram in way.datagrams() if datagram.startswith((b"\x17\xfe\xfd", b"\x17\xfe\xff")))


def openvpn(way: Direction) -> bytes:
    """Packets of the data channel: opcodes 6 and 9; over TCP each after its length."""
    if not way.is_tcp:
        return b"".join(datagram for datagram in way.datagrams() if datagram and datagram[0] >> 3 in (6, 9))
    stream, at = way.stream(), 0
    while at + 3 <= len(stream) and stream[at + 2] >> 3 not in (6, 9):
        at += 2 + int.from_bytes(stream[at : at + 2], "big")
    return stream[at:]


def esp(way: Direction) -> bytes:
    """ESP in UDP (RFC 3948): datagrams that do not begin with four zeros."""
    found = [datagram for datagram in way.datagrams() if len(datagram) > 28 and datagram[:4] != bytes(4)]
    # Port 500 carries IKE, whose datagrams begin with a cookie and say their length at byte 24.
    return b"".join(one for one in found if int.from_bytes(one[24:28], "big") != len(one))


PARTS: Mapping[str, Callable[[Direction], bytes]] = {
    "TLS": tls, "SSH-2": ssh, "QUIC": quic, "DTLS": dtls, "OPENVPN": openvpn, "IPSEC": esp,
}  # fmt: skip
"""What to take of a direction, by the label of its flow."""


def _labelled(folder: Path) -> dict[str, dict[tuple[str, str], str]]:
    """By file: transport and stream of tshark, to the label."""
    wanted: dict[str, dict[tuple[str, str], str]] = {}
    with (folder / "flows.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["label"] in PARTS and row["label_src"] != "filename" and row["agree"] != "0":
                wanted.setdefault(row["file"], {})[row["transport"].lower(), row["stream"]] = row["label"]
    return wanted


def parts(folder: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Repository, label, side and opaque bytes of every direction that has some."""
    seen: set[bytes] = set()
    for name, labels in sorted(_labelled(folder).items()):
        for (transport, stream, _, port), way in directions(folder / name).items():
            label = labels.get((transport, stream))
            octets = PARTS[label](way)[:MOST_BYTES] if label else b""
            digest = hashlib.sha256(octets[:4096]).digest()
            if label and len(octets) >= LEAST_BYTES and digest not in seen:
                seen.add(digest)
                yield name.split("/")[0], label, port, octets


def main() -> int:
    """Extract all of it into the cache."""
    count = 0
    for repository, label, port, octets in parts(corpus()):
        target = fetch.folder(f"traffic/{repository}") / f"{label.lower()}~{port}~{count}"
        target.write_bytes(octets)
        count += 1
    print(f"{count} directions")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
