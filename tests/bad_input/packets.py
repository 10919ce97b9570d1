"""Classes 56 to 60: faults of link layers, IP, tunnels and fragments."""

import struct
from collections.abc import Callable, Sequence
from itertools import pairwise

from .case import WHOLE, Case, content
from .containers import NOON, pcap, pcap_header, pcap_record
from .frames import (
    CLIENT6,
    DESTINATION,
    ETHERTYPE_IPV6,
    FRAGMENT,
    GRE,
    HOP_BY_HOP,
    IPIP,
    SERVER6,
    TCP,
    UDP,
    ethernet,
    gre,
    gtp,
    ipv4,
    ipv6,
    ipv6_extension,
    ipv6_fragment,
    mpls,
    pppoe,
    tcp,
    udp,
    udp_frame,
    vlan,
    vxlan,
)

TEXT = b"forty-eight bytes of payload, so nothing is padded"[:48]
DATAGRAM = ipv4(udp(TEXT), UDP)
DATAGRAM6 = udp(TEXT, source=CLIENT6, destination=SERVER6)
FLOW = {"orig_payload_bytes": len(TEXT), "orig_missed_bytes": 0}
MANY_FRAGMENTS = 1_000_000


def decoded(number: int, name: str, *frames: bytes, notes: str = "", **columns: object) -> Case:
    """A case whose packets all belong to one flow with these columns."""
    count = len(frames)
    return Case(
        number,
        name,
        content(pcap(frames)),
        WHOLE,
        count,
        count,
        is_clean=True,
        flows=1,
        records=(columns or FLOW,),
        notes=notes,
    )


def undecoded(number: int, name: str, reason: str, *frames: bytes, notes: str = "") -> Case:
    """A case whose packets belong to no flow, for this reason."""
    count = len(frames)
    return Case(
        number, name, content(pcap(frames)), WHOLE, count, 0, {reason: count}, is_clean=True, flows=0, notes=notes
    )


def survived(number: int, name: str, *frames: bytes, notes: str = "") -> Case:
    """A case of which only the count of packets is asked: hosts disagree about the rest."""
    return Case(number, name, content(pcap(frames)), WHOLE, len(frames), is_clean=True, notes=notes)


def tagged(count: int) -> bytes:
    """A frame behind so many VLAN tags."""
    inside = vlan(DATAGRAM, 1)
    for identifier in range(2, count + 1):
        inside = vlan(inside, identifier, 0x8100)
    return ethernet(inside, 0x8100)


def labelled(count: int) -> bytes:
    """A frame behind so many MPLS labels."""
    inside = mpls(DATAGRAM, 100)
    for label in range(1, count):
        inside = mpls(inside, label, is_bottom=False)
    return ethernet(inside, 0x8847)


def nested(wrap: Callable[[bytes], bytes], depth: int, inside: bytes = DATAGRAM) -> bytes:
    """IP inside so many tunnels."""
    for _ in range(depth):
        inside = wrap(inside)
    return inside


def in_teredo(packet: bytes) -> bytes:
    """IPv6 in UDP in IPv6, as a chain of Teredo relays would make it."""
    return ipv6(udp(packet, 40000, 3544, source=CLIENT6, destination=SERVER6), UDP)


TUNNELS: dict[str, Callable[[int], bytes]] = {
    "ip-in-ip": lambda depth: ethernet(nested(lambda packet: ipv4(packet, IPIP), depth)),
    "gre": lambda depth: ethernet(nested(lambda packet: ipv4(gre(packet), GRE), depth)),
    "vxlan": lambda depth: ethernet(nested(lambda packet: ipv4(udp(vxlan(ethernet(packet)), 40000, 4789), UDP), depth)),
    "gtp": lambda depth: ethernet(nested(lambda packet: ipv4(udp(gtp(packet), 2152, 2152), UDP), depth)),
    "teredo": lambda depth: ethernet(nested(in_teredo, depth, ipv6(DATAGRAM6, UDP)), ETHERTYPE_IPV6),
}
"""A frame with so many tunnels of one kind inside each other."""

LINKS = [
    decoded(56, "vlan-and-qinq", tagged(2)),
    undecoded(56, "vlan-x100", "too-deep", tagged(100)),
    decoded(56, "mpls-x3", labelled(3)),
    undecoded(56, "mpls-x100", "too-deep", labelled(100)),
    decoded(56, "pppoe", ethernet(pppoe(DATAGRAM), 0x8864)),
    undecoded(56, "pppoe-cut", "short-link", ethernet(b"\x11\0\0", 0x8864)),
    survived(56, "pppoe-length-lies", ethernet(pppoe(DATAGRAM, length=7), 0x8864)),
    undecoded(56, "llc-spanning-tree", "not-ip", ethernet(b"\x42\x42\x03" + bytes(35), 38)),
    undecoded(56, "llc-cut", "short-link", ethernet(b"\xaa", 1)),
    undecoded(56, "ethernet-of-10-bytes", "short-ethernet", b"\x02" * 10),
    undecoded(56, "arp", "not-ip", ethernet(bytes(28), 0x0806)),
]

IP4 = [
    *(
        undecoded(57, f"header-of-{words}-words", "bad-ihl", ethernet(ipv4(udp(TEXT), UDP, header_words=words)))
        for words in (0, 1, 4)
    ),
    undecoded(57, "total-length-below-header", "bad-ip-length", ethernet(ipv4(udp(TEXT), UDP, total_length=19))),
    Case(
        57,
        "total-length-beyond-frame",
        content(pcap([ethernet(ipv4(tcp(TEXT), TCP, total_length=1500))])),
        WHOLE,
        1,
        1,
        flows=1,
        records=({"orig_payload_bytes": len(TEXT)},),
        notes="No byte is invented.",
    ),
    decoded(57, "total-length-0-of-offload", ethernet(ipv4(tcp(TEXT), TCP, total_length=0))),
    decoded(
        57,
        "wrong-checksum",
        ethernet(ipv4(udp(TEXT), UDP, wrong_checksum=True)),
        notes="Hosts that leave checksums to their network card are captured with wrong ones.",
    ),
    undecoded(57, "options-beyond-frame", "short-ip", ethernet(ipv4(b"", UDP, header_words=15, total_length=80))),
    decoded(57, "options-of-length-0", ethernet(ipv4(udp(TEXT), UDP, options=b"\x07\0\0\0"))),
    undecoded(57, "version-5", "bad-ip-version", ethernet(b"\x55" + DATAGRAM[1:])),
    undecoded(57, "cut-within-header", "short-ip", ethernet(DATAGRAM[:12])),
]


def chained(count: int) -> bytes:
    """IPv6 with so many extension headers."""
    inside, number = DATAGRAM6, UDP
    for _ in range(count):
        inside, number = ipv6_extension(inside, number), DESTINATION
    return ethernet(ipv6(inside, number), ETHERTYPE_IPV6)


def jumbogram() -> bytes:
    """A payload length of 0 and a jumbo option that says 64 bytes (RFC 2675)."""
    option = struct.pack(">BBBBI", UDP, 0, 0xC2, 4, 8 + len(DATAGRAM6))
    return ethernet(ipv6(option + DATAGRAM6, HOP_BY_HOP, payload_length=0), ETHERTYPE_IPV6)


def fragments6(payload: bytes, next_header: int, *cuts: int, identification: int = 7) -> list[bytes]:
    """IPv6 fragments of a payload, cut at these places."""
    ends = [*cuts, len(payload)]
    begins = [0, *cuts]
    return [
        ethernet(
            ipv6(ipv6_fragment(payload[a:b], next_header, identification, a, b < len(payload)), FRAGMENT),
            ETHERTYPE_IPV6,
        )
        for a, b in zip(begins, ends, strict=True)
    ]


INNER_FRAGMENT = ipv6_fragment(DATAGRAM6[:32], UDP, 9, 0, has_more=True)

IP6 = [
    decoded(58, "extension-headers-x3", chained(3)),
    undecoded(58, "extension-headers-x200", "too-many-extensions", chained(200)),
    decoded(58, "jumbogram", jumbogram()),
    undecoded(
        58,
        "hop-by-hop-beyond-packet",
        "bad-extension",
        ethernet(ipv6(ipv6_extension(DATAGRAM6, UDP, length_words=200), HOP_BY_HOP), ETHERTYPE_IPV6),
    ),
    decoded(58, "atomic-fragment", *fragments6(DATAGRAM6, UDP)),
    decoded(58, "fragments", *fragments6(DATAGRAM6, UDP, 16, 32), orig_packets=3, orig_payload_bytes=len(TEXT)),
    undecoded(58, "fragment-of-a-fragment", "nested-fragment", *fragments6(INNER_FRAGMENT, FRAGMENT, 16)),
    undecoded(58, "cut-within-header", "short-ip", ethernet(ipv6(b"", UDP)[:30], ETHERTYPE_IPV6)),
]

NESTED = [
    *(undecoded(59, f"{name}-x100", "too-deep", frame(100)) for name, frame in TUNNELS.items()),
    *(undecoded(59, f"{name}-x17", "too-deep", frame(17)) for name, frame in TUNNELS.items()),
    *(decoded(59, f"{name}-x16", frame(16), notes="The limit is Suricata's.") for name, frame in TUNNELS.items()),
]


def piece(payload: bytes, offset: int, has_more: bool, identification: int = 7, protocol: int = UDP) -> bytes:
    """One IPv4 fragment."""
    return ethernet(ipv4(payload, protocol, identification=identification, offset=offset, has_more=has_more))


def pieces(datagram: bytes, *cuts: int, protocol: int = UDP, identification: int = 7) -> list[bytes]:
    """IPv4 fragments of a datagram, cut at these places."""
    bounds = [0, *cuts, len(datagram)]
    return [piece(datagram[a:b], a, b < len(datagram), identification, protocol) for a, b in pairwise(bounds)]


def pyrolyse(first: bytes, second: bytes) -> list[bytes]:
    """Three chunks of which the second overlaps both others, with other bytes."""
    return [piece(first[0:16], 0, True), piece(first[24:], 24, False), piece(second[8:32], 8, True)]


def million_fragments() -> bytes:
    """First fragments of a million datagrams that are never completed."""
    template = bytearray(pcap_record(piece(b"\0" * 8, 0, True), NOON))
    # Record header 16 bytes, Ethernet 14: the identification is at 4 of IP, the source address at 12.
    identification, source = 16 + 14 + 4, 16 + 14 + 12
    records = [pcap_header()]
    for number in range(MANY_FRAGMENTS):
        struct.pack_into(">H", template, identification, number & 0xFFFF)
        struct.pack_into(">I", template, source, 0x0A000000 + (number >> 16))
        records.append(bytes(template))
    return b"".join(records)


FIRST_COPY = udp(b"A" * 40)
OTHER_COPY = udp(b"B" * 40)


def overlapped(first: Sequence[bytes]) -> Case:
    """The three-chunk overlap; the bytes that came first stay."""
    return decoded(
        60,
        "overlap-of-three-chunks",
        *first,
        orig_packets=3,
        orig_payload_bytes=40,
        notes="8 to 16 and 24 to 32 came first as A; 16 to 24 only came as B.",
        orig_distinct_bytes=2,
    )


FRAGMENTS = [
    decoded(60, "in-order", *pieces(udp(TEXT), 16, 32), orig_packets=3, orig_payload_bytes=len(TEXT)),
    decoded(60, "reversed", *reversed(pieces(udp(TEXT), 16, 32)), orig_packets=3, orig_payload_bytes=len(TEXT)),
    decoded(
        60,
        "tiny",
        *pieces(tcp(TEXT), 8, 16, protocol=TCP),
        orig_packets=3,
        orig_payload_bytes=len(TEXT),
        notes="The TCP header itself is cut, to pass filters that see one packet.",
    ),
    survived(
        60,
        "teardrop",
        piece(udp(TEXT)[:40], 0, True),
        piece(b"x" * 8, 24, False),
        notes="The last fragment ends within the first.",
    ),
    undecoded(60, "ping-of-death", "fragment-overrun", piece(b"x" * 400, 65_528, False)),
    undecoded(60, "length-not-a-multiple-of-8", "bad-fragment", piece(b"x" * 13, 0, True)),
    overlapped(pyrolyse(FIRST_COPY, OTHER_COPY)),
    decoded(
        60,
        "identification-reused",
        *pieces(udp(TEXT), 16),
        *pieces(udp(TEXT), 24),
        orig_packets=4,
        orig_payload_bytes=2 * len(TEXT),
    ),
    Case(
        60,
        "never-completed-x1000000",
        content(million_fragments),
        WHOLE,
        MANY_FRAGMENTS,
        0,
        flows=0,
        seconds=10,
        notes="Some are evicted, the others incomplete: together all of them.",
    ),
    Case(
        60,
        "missing-middle",
        content(pcap([*pieces(udp(TEXT), 16, 32)[::2], udp_frame(TEXT)])),
        WHOLE,
        3,
        1,
        {"fragment-incomplete": 2},
        flows=1,
    ),
]

CASES = [*LINKS, *IP4, *IP6, *NESTED, *FRAGMENTS]
