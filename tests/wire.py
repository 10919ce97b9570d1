"""Packets with times, TCP conversations between any two addresses, and the files that hold them.

Frames come from `bad_input.frames`; here they get a time and a direction. A
capture is a list of `Packet`, so that a test can split, reorder, repeat, shift or
rename before it is written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bad_input.containers import MICROSECONDS, NANOSECONDS, NOON, block, interface, option, pcap_header, section
from bad_input.frames import (
    ACK,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    FIN,
    PSH,
    RST,
    SYN,
    TCP,
    UDP,
    ethernet,
    ipv4,
    ipv6,
    tcp,
    udp,
    vlan,
)

NS = 1_000_000_000
START_NS = NOON * NS

Side = Literal["orig", "resp"]


class Packet(NamedTuple):
    """A frame with its time; `origlen` only where the capture cut it."""

    ts_ns: int
    frame: bytes
    origlen: int | None = None

    @property
    def wire_bytes(self) -> int:
        """Bytes that the frame had on the wire."""
        return len(self.frame) if self.origlen is None else self.origlen


class End(NamedTuple):
    """One end of a conversation."""

    ip: str
    port: int


CLIENT, SERVER = End("10.1.0.1", 40_000), End("10.2.0.2", 80)
CLIENT6, SERVER6 = End("2001:db8::1", 40_000), End("2001:db8::2", 80)


def ip_packet(payload: bytes, protocol: int, source: str, destination: str) -> bytes:
    """An IP packet of the family of its addresses."""
    return (ipv6 if ":" in source else ipv4)(payload, protocol, source, destination)


def frame_of(packet: bytes, *tags: int) -> bytes:
    """An Ethernet frame around an IP packet, behind VLAN tags, outermost first."""
    kind = ETHERTYPE_IPV6 if packet[0] >> 4 == 6 else ETHERTYPE_IPV4
    for tag in reversed(tags):
        packet, kind = vlan(packet, tag, kind), 0x8100
    return ethernet(packet, kind)


class Wire:
    """A place where packets are captured; time passes by a millisecond a packet, or as told."""

    def __init__(self, *, start_ns: int = START_NS, step_ns: int = 1_000_000) -> None:
        self.now_ns = start_ns
        self.step_ns = step_ns
        self.packets: list[Packet] = []

    def put(self, frame: bytes, origlen: int | None = None) -> None:
        """Capture a frame now."""
        self.packets.append(Packet(self.now_ns, frame, origlen))
        self.now_ns += self.step_ns

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * NS)


class Datagrams:
    """A conversation over UDP."""

    def __init__(self, wire: Wire, client: End = CLIENT, server: End = SERVER, *, tags: Sequence[int] = ()) -> None:
        self.wire, self.tags = wire, tags
        self.ends: dict[Side, tuple[End, End]] = {"orig": (client, server), "resp": (server, client)}

    def send(self, side: Side, payload: bytes) -> None:
        """Send one datagram."""
        source, destination = self.ends[side]
        inside = udp(payload, source.port, destination.port, source=source.ip, destination=destination.ip)
        self.wire.put(frame_of(ip_packet(inside, UDP, source.ip, destination.ip), *self.tags))


class Connection:
    """A conversation over TCP, written segment by segment.

    Offsets are stream offsets: 0 is the first byte after the SYN of that side.
    Nothing is answered by itself; `send`, `open` and `close` keep account of what
    was sent and acknowledge all of it.
    """

    def __init__(
        self,
        wire: Wire,
        client: End = CLIENT,
        server: End = SERVER,
        *,
        isn: tuple[int, int] = (1_000_000, 5_000_000),
        tags: Sequence[int] = (),
    ) -> None:
        self.wire, self.tags = wire, tags
        self.ends: dict[Side, tuple[End, End]] = {"orig": (client, server), "resp": (server, client)}
        self.isn: dict[Side, int] = {"orig": isn[0], "resp": isn[1]}
        self.sent: dict[Side, int] = {"orig": 0, "resp": 0}

    def segment(
        self, side: Side, offset: int, payload: bytes = b"", *, flags: int = ACK, ack: int | None = None, **more: Any
    ) -> None:
        """Send a segment; `ack` is the stream offset of the other side that it acknowledges."""
        source, destination = self.ends[side]
        other: Side = "resp" if side == "orig" else "orig"
        acknowledged = self.isn[other] + 1 + (self.sent[other] if ack is None else ack) if flags & ACK else 0
        inside = tcp(
            payload,
            source.port,
            destination.port,
            seq=self.isn[side] + 1 + offset,
            ack=acknowledged,
            flags=flags,
            source=source.ip,
            destination=destination.ip,
            **more,
        )
        self.wire.put(frame_of(ip_packet(inside, TCP, source.ip, destination.ip), *self.tags))

    def open(self) -> Connection:
        """Shake hands in three steps."""
        self.segment("orig", -1, flags=SYN)
        self.segment("resp", -1, flags=SYN | ACK, ack=0)
        self.segment("orig", 0, ack=0)
        return self

    def send(self, side: Side, payload: bytes, mss: int = 1400) -> Connection:
        """Send the next bytes of a stream in segments of at most `mss` bytes."""
        for at in range(0, len(payload), mss):
            piece = payload[at : at + mss]
            self.segment(side, self.sent[side], piece, flags=ACK | PSH)
            self.sent[side] += len(piece)
        return self

    def lose(self, side: Side, length: int) -> Connection:
        """Pass over bytes that were sent but not captured."""
        self.sent[side] += length
        return self

    def acknowledge(self, side: Side, upto: int | None = None) -> Connection:
        """Acknowledge the other side's stream up to this offset, or all of it."""
        self.segment(side, self.sent[side], ack=upto)
        return self

    def close(self) -> Connection:
        """End both sides with FIN behind their last bytes."""
        self.segment("orig", self.sent["orig"], flags=FIN | ACK)
        self.segment("resp", self.sent["resp"], flags=FIN | ACK, ack=self.sent["orig"] + 1)
        self.segment("orig", self.sent["orig"] + 1, ack=self.sent["resp"] + 1)
        return self

    def reset(self, side: Side, offset: int | None = None, payload: bytes = b"") -> Connection:
        """Send a RST at this stream offset, or at the right one."""
        self.segment(side, self.sent[side] if offset is None else offset, payload, flags=RST | ACK)
        return self


def pcap_bytes(
    packets: Iterable[Packet], order: str = "<", *, is_nanoseconds: bool = False, snaplen: int = 262_144, link: int = 1
) -> bytes:
    """A pcap file; microseconds cut what is finer."""
    unit = 1 if is_nanoseconds else 1000
    magic = NANOSECONDS if is_nanoseconds else MICROSECONDS
    parts = [pcap_header(order, magic=magic, snaplen=snaplen, link=link)]
    for packet in packets:
        frame = packet.frame[:snaplen]
        seconds, fraction = divmod(packet.ts_ns, NS)
        parts += [struct.pack(order + "IIII", seconds, fraction // unit, len(frame), packet.wire_bytes), frame]
    return b"".join(parts)


def pcapng_bytes(packets: Iterable[Packet], order: str = "<", *, is_nanoseconds: bool = False, link: int = 1) -> bytes:
    """A pcapng file of one section and interface."""
    options = option(9, bytes([9]), order) + option(0, b"", order) if is_nanoseconds else b""
    parts = [section(order), interface(order, link=link, options=options)]
    for packet in packets:
        ticks = packet.ts_ns // (1 if is_nanoseconds else 1000)
        lengths = (len(packet.frame), packet.wire_bytes)
        fields = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
        parts.append(block(6, fields + packet.frame + bytes(-len(packet.frame) % 4), order))
    return b"".join(parts)


def write_pcap(path: Path, packets: Iterable[Packet], **how: Any) -> Path:
    """Write a pcap file and return its path."""
    path.write_bytes(pcap_bytes(packets, **how))
    return path
