"""First payload packets: of ordinary traffic from the corpus, of fully encrypted protocols, of compressed payloads.

Captures of the corpus enter, read by tshark once; files `openings/REPOSITORY/LABEL~ITEM` of the cache leave. Ordinary
is what the corpus calls plaintext, and the cleartext handshakes that open TLS, SSH and RDP. Fully encrypted protocols
(Shadowsocks, VMess, obfs4) send random bytes from the first on, so random bytes stand for them.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.coding import fetch
from bench.verdict.traffic import directions
from bench.verdict.train_opaque import NOT_CLEAR, corpus

OPEN_WITH_HANDSHAKE = frozenset(("TLS", "SSH-2", "SSH-1", "RDP", "DTLS"))
"""Encrypted protocols whose first packet is a handshake in the clear."""

LEAST_BYTES = 16

HOLD_CIPHERTEXT = frozenset("KERBEROS SNMP RADIUS DCERPC LDAP".split())
"""Labels of protocols whose messages are tickets, hashes or ciphertext for the most part now and then."""

PACKET_BYTES = 1460
"""Payload of a full TCP packet on Ethernet."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Payload of the first packet that carried any, of the flow's originator."""

    octets: bytes
    label: str
    source: str

    @property
    def is_sure(self) -> bool:
        """Whether its protocol sends cleartext alone, without tickets, hashes or ciphertext within."""
        return self.label.upper() not in HOLD_CIPHERTEXT


def ordinary() -> list[Opening]:
    """Ordinary first packets, equal ones once."""
    folder = fetch.folder("openings")
    if not any(folder.iterdir()):
        _extract(folder)
    return [
        Opening(path.read_bytes(), path.name.split("~")[0], path.parent.name) for path in sorted(folder.glob("*/*~*"))
    ]


def _extract(folder: Path) -> None:
    seen: set[bytes] = set()
    for name, labels in sorted(_wanted().items()):
        for (transport, stream, address, port), way in directions(corpus() / name).items():
            label = labels.get((transport, stream, address, port))
            if label is None:
                continue
            first = way.segments[0][1][:PACKET_BYTES]
            digest = hashlib.sha256(first).digest()
            if len(first) >= LEAST_BYTES and digest not in seen:
                seen.add(digest)
                target = folder / name.split("/")[0]
                target.mkdir(exist_ok=True)
                (target / f"{label.lower()}~{len(seen)}").write_bytes(first)


def _wanted() -> dict[str, dict[tuple[str, str, str, str], str]]:
    """By file: transport, stream, address and port of the originator, to the label."""
    wanted: dict[str, dict[tuple[str, str, str, str], str]] = {}
    with (corpus() / "flows.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            is_doubtful = row["label_src"] == "filename" or row["agree"] == "0" or row["label"] in NOT_CLEAR
            is_ordinary = row["coarse"] == "plaintext" or row["label"] in OPEN_WITH_HANDSHAKE
            # TCP that was seen from its SYN on: otherwise the first packet seen is not the first.
            is_whole = row["transport"] == "UDP" or row["syn"] not in ("", "0")
            if is_ordinary and is_whole and not is_doubtful:
                key = (row["transport"].lower(), row["stream"], row["client_ip"], row["client_port"])
                wanted.setdefault(row["file"], {})[key] = row["label"]
    return wanted


def fully_encrypted(count: int, seed: int) -> list[bytes]:
    """Random first packets of 64 bytes to a full packet, sizes log-uniform."""
    draw = np.random.default_rng(seed)
    sizes = np.exp(draw.uniform(np.log(64), np.log(PACKET_BYTES + 1), count)).astype(int)
    return [draw.bytes(int(size)) for size in sizes]


def sources(openings: Sequence[Opening]) -> np.ndarray:
    """The repository of each."""
    return np.array([one.source for one in openings])
