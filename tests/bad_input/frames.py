"""Builders of frames: Ethernet, VLAN, MPLS, IPv4, IPv6, TCP, UDP and tunnels, valid unless told otherwise.

Each takes the bytes that it is to carry and returns those bytes behind its own
header. Every field that a hostile packet lies about can be given; what is not
given is right, checksums included.
"""

import socket
import struct
from typing import Any

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))

CLIENT, SERVER = "10.1.0.1", "10.2.0.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"

ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
ICMP, IPIP, TCP, UDP, IPV6_IN_IP, GRE = 1, 4, 6, 17, 41, 47
HOP_BY_HOP, FRAGMENT, NO_NEXT_HEADER, DESTINATION = 0, 44, 59, 60


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ethernet(payload: bytes, ethertype: int = ETHERTYPE_IPV4, destination: bytes = b"\x02\0\0\0\0\x02") -> bytes:
    """An Ethernet frame without its check sequence."""
    return destination + b"\x02\0\0\0\0\x01" + struct.pack(">H", ethertype) + payload


def vlan(payload: bytes, identifier: int, ethertype: int = ETHERTYPE_IPV4) -> bytes:
    """An 802.1Q tag's last four bytes; the EtherType before it (0x8100) belongs to what encloses it."""
    return struct.pack(">HH", identifier, ethertype) + payload


def mpls(payload: bytes, label: int, is_bottom: bool = True) -> bytes:
    """One MPLS label (RFC 3032)."""
    return struct.pack(">I", label << 12 | is_bottom << 8 | 64) + payload


def pppoe(payload: bytes, length: int | None = None) -> bytes:
    """A PPPoE session packet with IPv4 inside PPP (RFC 2516)."""
    inside = b"\x00\x21" + payload
    return struct.pack(">BBHH", 0x11, 0, 7, len(inside) if length is None else length) + inside


def ipv4(
    payload: bytes,
    protocol: int,
    source: str = CLIENT,
    destination: str = SERVER,
    *,
    header_words: int | None = None,
    total_length: int | None = None,
    identification: int = 1,
    offset: int = 0,
    has_more: bool = False,
    ttl: int = 64,
    options: bytes = b"",
    wrong_checksum: bool = False,
) -> bytes:
    """An IPv4 packet (RFC 791); `offset` in bytes, a multiple of 8."""
    words = 5 + len(options) // 4 if header_words is None else header_words
    total = 20 + len(options) + len(payload) if total_length is None else total_length
    place = has_more << 13 | offset // 8

    def header(check: int) -> bytes:
        fields = struct.pack(">BBHHHBBH", 4 << 4 | words, 0, total, identification, place, ttl, protocol, check)
        return fields + socket.inet_aton(source) + socket.inet_aton(destination) + options

    return header(checksum(header(0)) ^ (0x1234 if wrong_checksum else 0)) + payload


def ipv6(
    payload: bytes,
    next_header: int,
    source: str = CLIENT6,
    destination: str = SERVER6,
    *,
    payload_length: int | None = None,
) -> bytes:
    """An IPv6 packet (RFC 8200); extension headers are part of `payload`."""
    length = len(payload) if payload_length is None else payload_length
    fixed = struct.pack(">IHBB", 6 << 28, length, next_header, 64)
    return fixed + _address6(source) + _address6(destination) + payload


def ipv6_extension(payload: bytes, next_header: int, *, length_words: int = 0) -> bytes:
    """An extension header of 8 bytes: options that are one padding; `length_words` may lie."""
    return struct.pack(">BB", next_header, length_words) + b"\x01\x04\0\0\0\0" + payload


def ipv6_fragment(payload: bytes, next_header: int, identification: int, offset: int, has_more: bool) -> bytes:
    """An IPv6 fragment header (RFC 8200, section 4.5); `offset` in bytes, a multiple of 8."""
    return struct.pack(">BBHI", next_header, 0, offset | has_more, identification) + payload


def tcp(
    payload: bytes = b"",
    sport: int = 40000,
    dport: int = 80,
    *,
    seq: int = 0,
    ack: int = 0,
    flags: int = ACK,
    window: int = 65535,
    options: bytes = b"",
    header_words: int | None = None,
    urgent: int = 0,
    source: str = CLIENT,
    destination: str = SERVER,
    wrong_checksum: bool = False,
) -> bytes:
    """A TCP segment (RFC 9293) whose checksum is right between the two addresses."""
    words = 5 + len(options) // 4 if header_words is None else header_words

    def segment(check: int) -> bytes:
        ports = struct.pack(">HHII", sport, dport, seq % 2**32, ack % 2**32)
        rest = struct.pack(">BBHHH", words << 4, flags, window, check, urgent)
        return ports + rest + options + payload

    right = checksum(_pseudo_header(source, destination, TCP, len(segment(0))) + segment(0))
    return segment(right ^ (0x1234 if wrong_checksum else 0))


def udp(
    payload: bytes = b"",
    sport: int = 40000,
    dport: int = 9999,
    *,
    length: int | None = None,
    source: str = CLIENT,
    destination: str = SERVER,
) -> bytes:
    """A UDP datagram (RFC 768) whose checksum is right between the two addresses."""

    def datagram(check: int) -> bytes:
        return struct.pack(">HHHH", sport, dport, 8 + len(payload) if length is None else length, check) + payload

    pseudo = _pseudo_header(source, destination, UDP, len(datagram(0)))
    return datagram(checksum(pseudo + datagram(0)) or 0xFFFF)


def tcp_frame(payload: bytes = b"", **fields: Any) -> bytes:
    """An Ethernet frame with one TCP segment from client to server."""
    return ethernet(ipv4(tcp(payload, **fields), TCP))


def udp_frame(payload: bytes = b"", **fields: Any) -> bytes:
    """An Ethernet frame with one UDP datagram from client to server."""
    return ethernet(ipv4(udp(payload, **fields), UDP))


def gre(payload: bytes, ethertype: int = ETHERTYPE_IPV4) -> bytes:
    """A GRE header without options (RFC 2784)."""
    return struct.pack(">HH", 0, ethertype) + payload


def vxlan(payload: bytes) -> bytes:
    """A VXLAN header (RFC 7348); `payload` is an Ethernet frame."""
    return b"\x08\0\0\0\0\0\x2a\0" + payload


def gtp(payload: bytes) -> bytes:
    """A GTP-U header without options (3GPP TS 29.281)."""
    return struct.pack(">BBHI", 0x30, 255, len(payload), 0x2A) + payload


def _address6(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address)


def _pseudo_header(source: str, destination: str, protocol: int, length: int) -> bytes:
    if ":" in source:
        return _address6(source) + _address6(destination) + struct.pack(">II", length, protocol)
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", protocol, length)
