"""Which flow a packet belongs to: ICMP, Community IDs, fragments, tunnels, link layers."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import communityid
import oracle
import pytest
from bad_input.frames import (
    ETHERTYPE_IPV6,
    FRAGMENT,
    GRE,
    IPIP,
    IPV6_IN_IP,
    TCP,
    UDP,
    ethernet,
    gre,
    gtp,
    ipv4,
    ipv6,
    ipv6_fragment,
    mpls,
    pppoe,
    tcp,
    udp,
    vxlan,
)
from wire import CLIENT, CLIENT6, SERVER, SERVER6, Packet, Wire, frame_of, ip_packet, pcap_bytes

from wiretropy.flows import read_flows

Row = dict[str, Any]
ReadOne = Callable[..., Row]

ICMP, ICMP6, SCTP = 1, 58, 132
TEXT = b"forty-eight bytes of payload, so nothing is padded"[:48]


def only(frame: bytes) -> list[Packet]:
    """A capture of one frame."""
    wire = Wire()
    wire.put(frame)
    return wire.packets


ADDRESSES = [
    ("192.0.2.1", "198.51.100.7"),
    ("198.51.100.7", "192.0.2.1"),
    ("10.0.0.1", "10.0.0.1"),
    ("2001:db8::1", "2001:db8:ffff::2"),
    ("fe80::ffff", "fe80::1"),
]


@pytest.mark.parametrize("ips", ADDRESSES, ids="-".join)
@pytest.mark.parametrize("ports", [(1, 2), (2, 1), (80, 80), (65_535, 0), (256, 1)])
@pytest.mark.parametrize("proto", ["tcp", "udp", "sctp"])
def test_community_id_of_ports_equals_the_reference(
    proto: str, ports: tuple[int, int], ips: tuple[str, str], read_one: ReadOne
) -> None:
    number, inside = {
        "tcp": (TCP, tcp(b"x", *ports, source=ips[0], destination=ips[1])),
        "udp": (UDP, udp(b"x", *ports, source=ips[0], destination=ips[1])),
        "sctp": (SCTP, struct.pack(">HHII", *ports, 1, 0) + bytes(8)),
    }[proto]
    row = read_one(only(frame_of(ip_packet(inside, number, *ips))))
    make = {
        "tcp": communityid.FlowTuple.make_tcp,
        "udp": communityid.FlowTuple.make_udp,
        "sctp": communityid.FlowTuple.make_sctp,
    }
    assert row["community_id"] == communityid.CommunityID().calc(make[proto](*ips, *ports))
    assert (row["orig_ip"], row["resp_ip"], row["orig_port"], row["resp_port"]) == (*ips, *ports)


@pytest.mark.parametrize("is_v6", [False, True])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_community_id_of_every_icmp_type_equals_the_reference(
    is_v6: bool, is_reversed: bool, read: Callable[..., list[Row]]
) -> None:
    wire, expected = Wire(), {}
    proto, name = (ICMP6, "icmp6") if is_v6 else (ICMP, "icmp")
    make = communityid.FlowTuple.make_icmp6 if is_v6 else communityid.FlowTuple.make_icmp
    for kind in range(256):
        for code in (0, 1, 200):
            ips = (f"fe80::{kind:x}:{code:x}", "fe80::5") if is_v6 else (f"10.{code}.7.{kind}", "10.0.8.1")
            ips = ips[::-1] if is_reversed else ips
            wire.put(frame_of(ip_packet(struct.pack(">BBHI", kind, code, 0, 0x1234_0001) + TEXT, proto, *ips)))
            expected[ips] = communityid.CommunityID().calc(make(*ips, kind, code))
    rows = read(wire.packets)
    assert {row["proto"] for row in rows} == {name}
    found = {(row["orig_ip"], row["resp_ip"]): row["community_id"] for row in rows}
    assert found == {tuple(str(ip_address(ip)) for ip in ips): known for ips, known in expected.items()}


@pytest.mark.parametrize(
    ("expected", "ips", "proto", "ports"),
    [
        ("1:LQU9qZlK+B5F3KDmev6m5PMibrg=", ("128.232.110.120", "66.35.250.204"), TCP, (34855, 80)),
        ("1:d/FP5EW3wiY1vCndhwleRRKHowQ=", ("192.168.1.52", "8.8.8.8"), UDP, (54585, 53)),
        ("1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", ("192.168.0.89", "192.168.0.1"), ICMP, (8, 0)),
        ("1:3o2RFccXzUgjl7zDpqmY7yJi8rI=", ("192.168.0.89", "192.168.0.1"), ICMP, (20, 0)),
        ("1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", ("fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea"), ICMP6, (135, 0)),
    ],
)
def test_community_ids_of_the_published_baselines(
    expected: str, ips: tuple[str, str], proto: int, ports: tuple[int, int], read_one: ReadOne
) -> None:
    if proto in (TCP, UDP):
        inside = (tcp if proto == TCP else udp)(b"x", *ports, source=ips[0], destination=ips[1])
    else:
        inside = struct.pack(">BBHI", *ports, 0, 0)
    assert read_one(only(frame_of(ip_packet(inside, proto, *ips))))["community_id"] == expected


def test_an_echo_and_its_reply_are_one_flow(read_one: ReadOne) -> None:
    wire = Wire()
    for kind, ips in ((8, (CLIENT.ip, SERVER.ip)), (0, (SERVER.ip, CLIENT.ip))):
        wire.put(frame_of(ipv4(struct.pack(">BBHI", kind, 0, 0, 1) + TEXT, ICMP, *ips)))
    row = read_one(wire.packets)
    assert (row["orig_packets"], row["resp_packets"], row["orig_port"], row["resp_port"]) == (1, 1, 8, 0)
    assert (row["orig_payload_bytes"], row["resp_payload_bytes"]) == (48, 48)


def test_messages_without_an_answer_keep_their_direction(read: Callable[..., list[Row]]) -> None:
    wire = Wire()
    for ips in ((CLIENT.ip, SERVER.ip), (SERVER.ip, CLIENT.ip)):
        wire.put(frame_of(ipv4(struct.pack(">BBHI", 3, 1, 0, 0) + TEXT, ICMP, *ips)))
    assert [(row["orig_packets"], row["resp_packets"]) for row in read(wire.packets)] == [(1, 0), (1, 0)]


# Fragments.


def fragments(datagram: bytes, sizes: list[int], is_v6: bool, identification: int = 77) -> list[bytes]:
    """Frames of a datagram cut at multiples of 8."""
    frames, at = [], 0
    for size in [*sizes, len(datagram)]:
        piece = datagram[at : at + size]
        has_more = at + len(piece) < len(datagram)
        if is_v6:
            inside = ipv6_fragment(piece, UDP, identification, at, has_more)
            frames.append(ethernet(ipv6(inside, FRAGMENT), ETHERTYPE_IPV6))
        else:
            frames.append(ethernet(ipv4(piece, UDP, identification=identification, offset=at, has_more=has_more)))
        at += size
        if not has_more:
            return frames
    raise AssertionError("unreachable: the last piece takes the rest")


def big_datagram(is_v6: bool, length: int = 4_000) -> tuple[bytes, bytes]:
    """A UDP payload of random bytes, and the datagram around it."""
    payload = random.Random(length).randbytes(length)
    ends = {"source": CLIENT6.ip, "destination": SERVER6.ip} if is_v6 else {}
    return payload, udp(payload, **ends)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ["forwards", "backwards", "shuffled", "repeated"])
@pytest.mark.parametrize("is_v6", [False, True])
def test_fragments_make_one_datagram_in_any_order(is_v6: bool, order: str, read_one: ReadOne) -> None:
    payload, datagram = big_datagram(is_v6)
    frames = fragments(datagram, [1_480, 1_480], is_v6)
    count = len(frames)
    if order == "backwards":
        frames.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(frames)
    elif order == "repeated":
        frames.insert(1, frames[0])
        count += 1
    wire = Wire()
    for frame in frames:
        wire.put(frame)
    row = read_one(wire.packets)
    assert row["orig_packets"] == count
    assert row["orig_wire_bytes"] == sum(map(len, frames))
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"]) == (4_000, 0)
    assert row["orig_trajectory"] == pytest.approx(oracle.trajectory(payload), abs=1e-12)
    assert row["packet_sizes"] == [4_000]


def test_a_flow_that_begins_with_fragments_begins_with_the_first_of_them(read_one: ReadOne) -> None:
    wire = Wire()
    for frame in fragments(big_datagram(False)[1], [1_480, 1_480], is_v6=False):
        wire.put(frame)
    row = read_one(wire.packets)
    assert (row["first_packet"], row["ts_first_ns"]) == (1, wire.packets[0].ts_ns)


def test_fragments_that_never_become_whole_are_accounted_for(tmp_path: Any) -> None:
    wire = Wire()
    for frame in fragments(big_datagram(False)[1], [1_480, 1_480], is_v6=False)[::2]:
        wire.put(frame)
    path = tmp_path / "incomplete.pcap"
    path.write_bytes(pcap_bytes(wire.packets))
    flows = read_flows(path)
    assert len(flows) == 0
    assert flows.summary.packets.undecoded == {"fragment-incomplete": 2}


# Tunnels.


def inner(side: str = "orig") -> bytes:
    """The IP packet that every tunnel below carries."""
    ends = (CLIENT, SERVER) if side == "orig" else (SERVER, CLIENT)
    inside = udp(TEXT, ends[0].port, ends[1].port, source=ends[0].ip, destination=ends[1].ip)
    return ipv4(inside, UDP, ends[0].ip, ends[1].ip)


def inner6() -> bytes:
    """The IPv6 packet of the tunnels that carry no other."""
    return ipv6(udp(TEXT, CLIENT6.port, SERVER6.port, source=CLIENT6.ip, destination=SERVER6.ip), UDP)


OUTER = ("203.0.113.1", "203.0.113.2")


def outer_udp(payload: bytes, sport: int, dport: int) -> bytes:
    """A frame from one tunnel end to the other."""
    return frame_of(ipv4(udp(payload, sport, dport, source=OUTER[0], destination=OUTER[1]), UDP, *OUTER))


def erspan(kind: int) -> bytes:
    """ERSPAN of type I, II or III around an Ethernet frame."""
    frame = ethernet(inner())
    if kind == 1:
        return struct.pack(">HH", 0, 0x88BE) + frame
    if kind == 2:
        return struct.pack(">HHI", 0x1000, 0x88BE, 1) + struct.pack(">HHI", 1 << 12, 1, 0) + frame
    return struct.pack(">HHI", 0x1000, 0x22EB, 1) + struct.pack(">HHIHH", 2 << 12, 1, 0, 0, 0) + frame


TUNNELS: dict[str, tuple[bytes, str, Row | None]] = {
    "vxlan": (outer_udp(vxlan(ethernet(inner())), 50_000, 4_789), "vxlan", {"proto": "udp", "resp_port": 4_789}),
    "geneve": (
        outer_udp(struct.pack(">BBHI", 0, 0, 0x6558, 0x2A00) + ethernet(inner()), 50_000, 6_081),
        "geneve",
        {"proto": "udp", "resp_port": 6_081},
    ),
    "gtp-u": (outer_udp(gtp(inner()), 2_152, 2_152), "gtp", {"proto": "udp", "resp_port": 2_152}),
    "teredo": (outer_udp(inner6(), 50_000, 3_544), "teredo", {"proto": "udp", "resp_port": 3_544}),
    "gre": (frame_of(ipv4(gre(inner()), GRE, *OUTER)), "gre", None),
    "gre-with-key": (frame_of(ipv4(struct.pack(">HHI", 0x2000, 0x0800, 9) + inner(), GRE, *OUTER)), "gre", None),
    "gre-of-ethernet": (frame_of(ipv4(gre(ethernet(inner()), 0x6558), GRE, *OUTER)), "gre", None),
    "erspan-i": (frame_of(ipv4(erspan(1), GRE, *OUTER)), "gre/erspan", None),
    "erspan-ii": (frame_of(ipv4(erspan(2), GRE, *OUTER)), "gre/erspan", None),
    "erspan-iii": (frame_of(ipv4(erspan(3), GRE, *OUTER)), "gre/erspan", None),
    "ip-in-ip": (frame_of(ipv4(inner(), IPIP, *OUTER)), "ip-in-ip", None),
    "ip6-in-ip": (frame_of(ipv4(inner6(), IPV6_IN_IP, *OUTER)), "ip6-in-ip", None),
    "vxlan-in-gre": (
        frame_of(ipv4(gre(ipv4(udp(vxlan(ethernet(inner())), 50_000, 4_789), UDP)), GRE, *OUTER)),
        "gre/vxlan",
        None,
    ),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_the_flow_inside_a_tunnel_is_measured(name: str, read_one: ReadOne) -> None:
    frame, _, _ = TUNNELS[name]
    row = read_one(only(frame))
    ends = (CLIENT6, SERVER6) if name in ("teredo", "ip6-in-ip") else (CLIENT, SERVER)
    assert (row["orig_ip"], row["orig_port"], row["resp_ip"], row["resp_port"]) == (*ends[0], *ends[1])
    assert (row["orig_payload_bytes"], row["orig_wire_bytes"]) == (len(TEXT), len(frame))
    assert row["orig_entropy"] == pytest.approx(oracle.entropy(TEXT), abs=1e-12)


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnels_are_named_outermost_first(name: str, read_one: ReadOne) -> None:
    frame, tunnels, _ = TUNNELS[name]
    assert read_one(only(frame))["tunnels"] == tunnels


@pytest.mark.parametrize("name", TUNNELS)
def test_without_decapsulation_the_outer_packet_is_what_counts(name: str, tmp_path: Any) -> None:
    frame, _, outer = TUNNELS[name]
    path = tmp_path / "tunnel.pcap"
    path.write_bytes(pcap_bytes(only(frame)))
    flows = read_flows(path, decap=False)
    if outer is None:
        assert flows.summary.packets.undecoded == {"transport-other": 1}
        return
    [row] = flows.to_arrow().to_pylist()
    assert {column: row[column] for column in outer} == outer
    assert (row["orig_ip"], row["resp_ip"], row["tunnels"]) == (*OUTER, "")


def test_both_directions_of_a_tunnelled_conversation_are_one_flow(read_one: ReadOne) -> None:
    wire = Wire()
    for side in ("orig", "resp"):
        wire.put(outer_udp(vxlan(ethernet(inner(side))), 50_000, 4_789))
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["resp_payload_bytes"]) == (48, 48)


def test_what_only_looks_like_a_tunnel_by_its_port_stays_a_flow(read_one: ReadOne) -> None:
    row = read_one(only(outer_udp(b"no tunnel at all, just text", 50_000, 4_789)))
    assert (row["resp_port"], row["tunnels"], row["orig_payload_bytes"]) == (4_789, "", 27)


# Link layers.

LINKS: dict[str, tuple[int, bytes]] = {
    "ethernet": (1, frame_of(inner())),
    "mpls": (1, ethernet(mpls(mpls(inner(), 3), 2, is_bottom=False), 0x8847)),
    "pppoe": (1, ethernet(pppoe(inner()), 0x8864)),
    "raw-ip": (101, inner()),
    "ipv4": (228, inner()),
    "ipv6": (229, inner6()),
    "null-little": (0, struct.pack("<I", 2) + inner()),
    "null-big": (0, struct.pack(">I", 2) + inner()),
    "loop": (108, struct.pack(">I", 2) + inner()),
    "sll": (113, struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800) + inner()),
    "sll2": (276, struct.pack(">HHIHBB8s", 0x0800, 0, 3, 1, 0, 6, bytes(8)) + inner()),
    "ppp": (9, b"\xff\x03\x00\x21" + inner()),
    "wireless": (105, b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\x00" + inner()),
    "radiotap": (127, b"\0\0\x08\0\0\0\0\0" + b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\x00" + inner()),
}


@pytest.mark.parametrize("name", LINKS)
def test_every_link_layer_leads_to_the_same_flow(name: str, tmp_path: Any) -> None:
    link, frame = LINKS[name]
    path = tmp_path / "link.pcap"
    path.write_bytes(pcap_bytes(only(frame), link=link))
    [row] = read_flows(path).to_arrow().to_pylist()
    ends = (CLIENT6, SERVER6) if name == "ipv6" else (CLIENT, SERVER)
    assert (row["orig_ip"], row["orig_port"], row["resp_ip"], row["resp_port"]) == (*ends[0], *ends[1])
    assert (row["orig_payload_bytes"], row["orig_wire_bytes"]) == (len(TEXT), len(frame))
