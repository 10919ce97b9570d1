"""What tshark says of a capture, in numbers that can be compared.

`tshark -z conv` rounds bytes to kilobytes, so its conversation tables are added
up here from the same per-packet fields (`frame.len`, addresses, ports).
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

SECONDS = 300
"""More than tshark takes for any file here; a guard against hangs."""

_FIELDS = (
    "frame.protocols",
    "frame.len",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
)


class Way(NamedTuple):
    """One direction of a conversation, whatever its VLAN and however often its ports were reused."""

    proto: str
    source: str
    sport: int
    destination: str
    dport: int


class Traffic(NamedTuple):
    """Packets and frame bytes by direction."""

    packets: Counter[Way]
    wire_bytes: Counter[Way]


def run(*arguments: str | Path) -> str:
    """Run tshark without name resolution or reassembly of what lies above TCP."""
    done = subprocess.run(
        ["tshark", "-n", "-o", "ip.check_checksum:FALSE", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    return done.stdout


def traffic(path: Path) -> Traffic:
    """Add up packets and bytes of TCP and UDP as tshark's conversation tables do; of tunnels the innermost counts."""
    options = [part for field in _FIELDS for part in ("-e", field)]
    text = run("-r", path, "-T", "fields", "-E", "occurrence=l", *options)
    packets: Counter[Way] = Counter()
    wire_bytes: Counter[Way] = Counter()
    for line in text.splitlines():
        columns = dict(zip(_FIELDS, line.split("\t"), strict=False))
        layers = columns["frame.protocols"].split(":")
        transports = [layer for layer in layers if layer in ("tcp", "udp", "icmp", "icmpv6", "sctp")]
        # An ICMP error quotes the packet that it is about: that is no packet of the flow.
        if not transports or "icmp" in transports or "icmpv6" in transports or transports[-1] == "sctp":
            continue
        proto = transports[-1]
        network = [layer for layer in layers[: len(layers) - layers[::-1].index(proto)] if layer in ("ip", "ipv6")]
        if not network or not columns[f"{proto}.srcport"]:
            continue
        way = Way(
            proto,
            columns[f"{network[-1]}.src"],
            int(columns[f"{proto}.srcport"]),
            columns[f"{network[-1]}.dst"],
            int(columns[f"{proto}.dstport"]),
        )
        packets[way] += 1
        wire_bytes[way] += int(columns["frame.len"])
    return Traffic(packets, wire_bytes)


class Stream(NamedTuple):
    """Both ends of a TCP stream, and what each sent."""

    first: str
    second: str
    first_bytes: bytes
    second_bytes: bytes


def follow(path: Path, number: int) -> Stream | None:
    """One TCP stream as `-z follow` shows it; None if there is none with this number."""
    lines = run("-r", path, "-q", "-z", f"follow,tcp,raw,{number}").splitlines()
    ends = [line.partition(": ")[2] for line in lines if line.startswith("Node ")]
    if len(ends) != 2 or ends[0] == ":0":
        return None
    begin = next(at for at, line in enumerate(lines) if line.startswith("Node 1")) + 1
    sent = {"": b"", "\t": b""}
    for line in lines[begin:]:
        if not line.startswith("="):
            sent["\t" if line.startswith("\t") else ""] += bytes.fromhex(line.strip())
    return Stream(ends[0], ends[1], sent[""], sent["\t"])
