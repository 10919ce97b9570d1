"""Read, write and merge classic pcap files, and rebuild their TCP flows; standard library only.

This is the lab's own small reader for captures that the lab made: little-endian classic pcap, Ethernet, IPv4, no packet
missing. It refuses anything else. It shares no code with wiretropy, so it can serve as its witness.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError

MAGIC_MICROSECONDS = 0xA1B2C3D4
LINKTYPE_ETHERNET = 1
SNAPLEN = 262144  # tcpdump's own default: no packet is cut

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


@dataclass(frozen=True)
class Packet:
    """One captured frame; `time_ns` is a multiple of 1,000 because the files hold microseconds."""

    time_ns: int
    frame: bytes
    origlen: int


@dataclass(frozen=True)
class Segment:
    """The TCP segment inside one packet; `source` and `destination` are (address, port)."""

    time_ns: int
    source: tuple[str, int]
    destination: tuple[str, int]
    seq: int
    flags: int
    payload: bytes


@dataclass
class TcpFlow:
    """One TCP conversation; the originator is the sender of the SYN."""

    orig: tuple[str, int]
    resp: tuple[str, int]
    first_ns: int
    segments: list[Segment] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """True if both sides sent FIN, or either sent RST."""
        finished = {segment.source for segment in self.segments if segment.flags & FIN}
        return len(finished) == 2 or any(segment.flags & RST for segment in self.segments)

    def payload(self, side: tuple[str, int]) -> bytes:
        """The bytes that `side` sent, in order, each once. Raises LabError if a byte is missing."""
        sent = [segment for segment in self.segments if segment.source == side]
        opening = next((segment for segment in sent if segment.flags & SYN), None)
        if opening is None:
            raise LabError(f"{side[0]}:{side[1]}: no SYN in the capture")
        # A SYN takes one sequence number (RFC 9293, section 3.4); offsets are taken modulo 2**32.
        placed = sorted(
            ((segment.seq - opening.seq - 1) & 0xFFFFFFFF, segment.payload) for segment in sent if segment.payload
        )
        whole = bytearray()
        for offset, payload in placed:
            if offset > len(whole):
                raise LabError(f"{side[0]}:{side[1]}: bytes {len(whole)} to {offset} are missing from the capture")
            whole += payload[len(whole) - offset :]
        return bytes(whole)


def read_packets(path: Path) -> Iterator[Packet]:
    """Yield the packets of a classic pcap file in file order."""
    content = path.read_bytes()
    if len(content) < 24:
        raise LabError(f"{path.name}: {len(content)} bytes, but a pcap file header takes 24")
    magic, _major, _minor, _zone, _sigfigs, _snaplen, linktype = struct.unpack_from("<IHHiIII", content)
    if magic != MAGIC_MICROSECONDS or linktype != LINKTYPE_ETHERNET:
        raise LabError(f"{path.name}: magic {magic:#x}, link type {linktype}; expected little-endian pcap of Ethernet")
    at = 24
    while at < len(content):
        if len(content) - at < 16:
            raise LabError(f"{path.name}: a packet header at byte {at} takes 16 bytes but {len(content) - at} remain")
        seconds, micros, caplen, origlen = struct.unpack_from("<IIII", content, at)
        at += 16
        if len(content) - at < caplen:
            raise LabError(f"{path.name}: the packet at byte {at} claims {caplen} bytes but {len(content) - at} remain")
        yield Packet(seconds * 10**9 + micros * 1000, content[at : at + caplen], origlen)
        at += caplen


def write_packets(path: Path, packets: Iterable[Packet]) -> None:
    """Write packets to a classic pcap file in the order given."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", MAGIC_MICROSECONDS, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET))
        for packet in packets:
            seconds, rest_ns = divmod(packet.time_ns, 10**9)
            out.write(struct.pack("<IIII", seconds, rest_ns // 1000, len(packet.frame), packet.origlen))
            out.write(packet.frame)


def tcp_segment(packet: Packet) -> Segment | None:
    """The TCP segment of one frame, or None if it carries something else."""
    frame = packet.frame
    if len(frame) < 34 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    ip = frame[14 : 14 + int.from_bytes(frame[16:18], "big")]  # without Ethernet's padding
    tcp = ip[(ip[0] & 15) * 4 :]
    sport, dport, seq = struct.unpack_from(">HHI", tcp)
    source, destination = (".".join(map(str, ip[at : at + 4])) for at in (12, 16))
    return Segment(packet.time_ns, (source, sport), (destination, dport), seq, tcp[13], tcp[(tcp[12] >> 4) * 4 :])


def tcp_flows(packets: Iterable[Packet]) -> list[TcpFlow]:
    """Sort packets into TCP flows, oldest first. A new SYN on known addresses and ports begins a new flow."""
    flows: list[TcpFlow] = []
    current: dict[frozenset[tuple[str, int]], TcpFlow] = {}
    for packet in packets:
        segment = tcp_segment(packet)
        if segment is None:
            continue
        key = frozenset((segment.source, segment.destination))
        begins = segment.flags & (SYN | ACK) == SYN
        if begins and not _repeats_syn(current.get(key), segment):
            current[key] = TcpFlow(segment.source, segment.destination, segment.time_ns)
            flows.append(current[key])
        if key not in current:
            raise LabError(f"{segment.source[0]}:{segment.source[1]}: a segment before any SYN")
        current[key].segments.append(segment)
    return flows


def _repeats_syn(flow: TcpFlow | None, segment: Segment) -> bool:
    return flow is not None and flow.segments[0].seq == segment.seq and flow.orig == segment.source


def has_correct_checksums(packet: Packet) -> bool:
    """True if the IPv4 header's and the TCP segment's checksums are right; other frames have none to check."""
    if tcp_segment(packet) is None:
        return True
    ip = packet.frame[14 : 14 + int.from_bytes(packet.frame[16:18], "big")]
    header, tcp = ip[: (ip[0] & 15) * 4], ip[(ip[0] & 15) * 4 :]
    pseudo_header = ip[12:20] + struct.pack(">BBH", 0, 6, len(tcp))
    return _ones_complement_sum(header) == 0xFFFF and _ones_complement_sum(pseudo_header + tcp) == 0xFFFF


def _ones_complement_sum(octets: bytes) -> int:
    """RFC 1071's sum: 0xFFFF over a region that includes its own correct checksum."""
    octets += b"\x00" * (len(octets) % 2)
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total
