"""A mixed capture for a first look: sessions of the other examples, laid over each other in time.

    python -m lab.demo examples        writes examples/demo.pcap and its rows of the manifest

Packets are those of the other captures, byte for byte; only their times are moved, all of a flow by the same amount.
No root is needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.errors import LabError
from lab.manifest import Row, read_manifest, replace_rows
from lab.pcap import Packet, TcpFlow, read_packets, tcp_flows, tcp_segment, write_packets

NAME = "demo.pcap"

# In order of appearance: a capture, and which of its flows (0 is the oldest). Long, slow ones come early, so that
# others happen while they last.
CAST = (
    ("rdp-rdesktop.pcap", 1),
    ("rtmp.pcap", 0),
    ("https.pcap", 0),
    ("ssh2-short.pcap", 3),
    ("http-gzip.pcap", 0),
    ("ssh1.pcap", 1),
    ("ssh2-short.pcap", 2),
    ("http-plain.pcap", 1),
    ("ssh1.pcap", 5),
)
STAGGER_NS = 300_000_000  # from one flow's first packet to the next one's


def moved(packets: Sequence[Packet], first_ns: int) -> list[Packet]:
    """The same packets, moved in time so that the first is at `first_ns`."""
    shift = first_ns - packets[0].time_ns
    return [replace(packet, time_ns=packet.time_ns + shift) for packet in packets]


def interleave(flows: Sequence[Sequence[Packet]]) -> list[Packet]:
    """Let the flows begin `STAGGER_NS` apart, the first at its own time, and sort all packets by time."""
    begin_ns = flows[0][0].time_ns
    staggered = (moved(packets, begin_ns + order * STAGGER_NS) for order, packets in enumerate(flows))
    return sorted((packet for packets in staggered for packet in packets), key=lambda packet: packet.time_ns)


def make_demo(folder: Path) -> None:
    """Write the demo capture and its rows into a folder of examples. Raises LabError if one of the cast is missing."""
    rows = read_manifest(folder / "manifest.csv")
    flows: list[list[Packet]] = []
    played: list[Row] = []
    for name, number in CAST:
        packets = list(read_packets(folder / name))
        found = tcp_flows(packets)
        if number >= len(found):
            raise LabError(f"{name} holds {len(found)} flows; the demo needs number {number}")
        flows.append(_packets_of(found[number], packets))
        played.append(replace(_row_of(found[number], name, rows), file=NAME))
    write_packets(folder / NAME, interleave(flows))
    replace_rows(folder / "manifest.csv", played)


def _packets_of(flow: TcpFlow, packets: Sequence[Packet]) -> list[Packet]:
    ends = {flow.orig, flow.resp}
    segments = ((packet, tcp_segment(packet)) for packet in packets)
    return [packet for packet, segment in segments if segment and {segment.source, segment.destination} == ends]


def _row_of(flow: TcpFlow, name: str, rows: Sequence[Row]) -> Row:
    orig = f"{flow.orig[0]}:{flow.orig[1]}"
    return next(row for row in rows if (row.file, row.orig) == (name, orig))


def main(argv: list[str] | None = None) -> int:
    """Make the demo; return 0, or 1 with a message if the examples do not hold what it needs."""
    parser = argparse.ArgumentParser(
        prog="python -m lab.demo", description="Lay sessions of the examples over each other in one capture."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the examples and their manifest.csv")
    try:
        make_demo(parser.parse_args(argv).folder)
    except (LabError, OSError) as error:
        print(f"lab.demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
