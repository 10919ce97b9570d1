"""The loop that a Python user writes today, with dpkt and NumPy, to get the entropy of each direction.

    python3 bench/peer_dpkt.py FILE

Packets in order of capture, the first 64 KiB of payload of each direction, histogram by NumPy. It neither puts
late segments in order nor drops repeated ones, knows no time-outs, and writes one line: a yardstick of cost only.
"""

from __future__ import annotations

import sys

import dpkt
import numpy as np

DEPTH = 65_536


def entropy(payload: bytearray) -> float:
    """Shannon entropy in bits per byte."""
    counts = np.bincount(np.frombuffer(payload, np.uint8), minlength=256)
    shares = counts[counts > 0] / len(payload)
    return float(-(shares * np.log2(shares)).sum())


def directions(path: str) -> dict[tuple[bytes, int, bytes, int, int], bytearray]:
    """First payload bytes of every direction that sent any."""
    payloads: dict[tuple[bytes, int, bytes, int, int], bytearray] = {}
    with open(path, "rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            packet = dpkt.ethernet.Ethernet(frame).data
            segment = packet.data
            if not isinstance(segment, dpkt.tcp.TCP | dpkt.udp.UDP) or not segment.data:
                continue
            kept = payloads.setdefault((packet.src, segment.sport, packet.dst, segment.dport, packet.p), bytearray())
            if len(kept) < DEPTH:
                kept += segment.data[: DEPTH - len(kept)]
    return payloads


def main() -> None:
    """Print how many directions there are and their mean entropy."""
    entropies = [entropy(payload) for payload in directions(sys.argv[1]).values()]
    print(f"{len(entropies)} directions, mean entropy {np.mean(entropies):.6f}")


if __name__ == "__main__":
    main()
