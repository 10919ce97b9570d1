"""Classes 25 to 47: faults of the pcapng container."""

import struct
from collections.abc import Callable
from pathlib import Path

from .case import PARTIAL, REFUSED, WHOLE, Case, content
from .compressed_formats import ZSTD_BLOCK, zst, zst_zeros
from .containers import (
    CUSTOM,
    ENHANCED_PACKET,
    INTERFACE,
    NAMES,
    NOON,
    PACKETS,
    SECRETS,
    SECTION,
    block,
    enhanced_packet,
    interface,
    option,
    section,
    simple_packet,
    start,
)
from .containers_pcap import PLAIN_FLOW

NAME = "capture.pcapng"
SECRET = "CLIENT_RANDOM 00112233 8899aabbccddeeff"
HOSTILE_TEXT = "\x1b[31mred\x1b[0m<script>alert(1)</script>../../etc/passwd\u202eevil\x9b2J"
ESCAPES = ("\x1b", "\u202e", "\x9b")
"""What a terminal acts on: the escape character, a bidirectional override, the one-byte CSI."""


def ng(data: bytes) -> Callable[[Path], Path]:
    """Build a pcapng file."""
    return content(data, NAME)


def raw_block(kind: int, length: int, body: bytes = b"") -> bytes:
    """The beginning of a block, with whatever length it claims."""
    return struct.pack("<II", kind, length) + body


def after_prefix(data: bytes) -> Callable[[Path], Path]:
    """Three good packets, then `data`."""
    return ng(start() + data)


def clocked(resolution: bytes = b"", offset: bytes = b"", ticks: int = NOON * 1_000_000) -> bytes:
    """One packet of an interface with this if_tsresol and if_tsoffset."""
    options = (option(9, resolution) if resolution else b"") + (option(14, offset) if offset else b"")
    return section() + interface(options=options) + enhanced_packet(PACKETS[0], ticks=ticks)


def mixed_endian_sections() -> bytes:
    """Sections of either byte order, one packet each."""
    return b"".join(
        section(order) + interface(order) + enhanced_packet(frame, order)
        for order, frame in zip("<><", PACKETS, strict=True)
    )


def mixed_interfaces() -> bytes:
    """The same flow over Ethernet, raw IP (101) and a snapped interface of one section."""
    whole, cut = PACKETS[0], PACKETS[2]
    interfaces = interface() + interface(link=101) + interface(snaplen=len(cut))
    packets = [
        enhanced_packet(whole),
        enhanced_packet(PACKETS[1][14:], interface_id=1),
        enhanced_packet(cut, interface_id=2),
    ]
    return section() + interfaces + b"".join(packets)


def huge_secrets() -> bytes:
    """A decryption secrets block of 4 GiB, with packets before and after; packed, it takes 150 KB."""
    length, first = 0xFFFF_FFFC, struct.pack("<II", 0x544C534B, 0xFFFF_FFE8) + SECRET.encode()
    runs, rest = divmod(length - 12 - len(first), ZSTD_BLOCK)
    begin = start() + raw_block(SECRETS, length, first) + bytes(rest)
    return zst(begin) + zst_zeros(runs) + zst(struct.pack("<I", length) + enhanced_packet(PACKETS[0]))


def commented() -> bytes:
    """Names and comments made to act on a terminal, a page and a path."""
    text = HOSTILE_TEXT.encode()
    names = option(2, text) + option(3, text) + option(12, text)
    header = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(1, text) + option(4, text)
    packets = b"".join(enhanced_packet(frame, options=option(1, text)) for frame in PACKETS)
    return block(SECTION, header) + interface(options=names) + packets


def cut_off(
    number: int, name: str, data: bytes, fault_id: str, *, hidden: tuple[str, ...] = (), notes: str = ""
) -> Case:
    """Three good packets, then something behind which nothing can be read."""
    return Case(
        number,
        name,
        after_prefix(data),
        PARTIAL,
        3,
        3,
        fault_id=fault_id,
        records=(PLAIN_FLOW,),
        hidden=hidden,
        notes=notes,
    )


def sound(number: int, name: str, data: bytes, *, hidden: tuple[str, ...] = (), notes: str = "") -> Case:
    """A file of the three packets that is unusual and right."""
    return Case(number, name, ng(data), WHOLE, 3, 3, is_clean=True, records=(PLAIN_FLOW,), hidden=hidden, notes=notes)


def one_packet(number: int, name: str, data: bytes, fault_id: str | None = None, notes: str = "") -> Case:
    """A file of one packet, all of which can be read."""
    return Case(number, name, ng(data), WHOLE, 1, 1, fault_id=fault_id, notes=notes)


def homeless(number: int, name: str, data: bytes, seen: int, fault_id: str = "unknown-interface") -> Case:
    """A file whose last packet belongs to no interface that was described."""
    return Case(number, name, ng(data), PARTIAL, seen, seen - 1, {"link-type": 1}, fault_id=fault_id)


def skipped(number: int, name: str, data: bytes, fault_id: str) -> Case:
    """Three good packets, then a block that is framed well and cannot be a packet."""
    return Case(number, name, after_prefix(data), PARTIAL, decoded=3, fault_id=fault_id, records=(PLAIN_FLOW,))


FRAME = PACKETS[0]
PACKET = enhanced_packet(FRAME)
ALL_PACKETS = b"".join(map(enhanced_packet, PACKETS))
SECRETS_BODY = struct.pack("<II", 0x544C534B, len(SECRET)) + SECRET.encode()
BAD_NAMES = struct.pack("<HH", 1, 60_000) + b"\x7f\0\0\1unterminated"
OTHER_MAJOR = section(major=2) + interface() + PACKET
OVERLONG_OPTION = option(1, b"text", length=60_000)

BLOCKS = [
    Case(25, "section-header-only", ng(section()), WHOLE, 0, flows=0, is_clean=True),
    homeless(26, "packet-before-interface", section() + PACKET, 1),
    homeless(26, "interface-block-without-fields", section() + block(INTERFACE, b"") + PACKET, 1, "short-block"),
    *(
        cut_off(27, f"block-length-{length}", raw_block(CUSTOM, length, bytes(40)), "bad-block-length")
        for length in (0, 4, 8, 11)
    ),
    cut_off(28, "block-length-not-a-multiple-of-4", raw_block(CUSTOM, 33, bytes(40)), "bad-block-length"),
    cut_off(
        29,
        "packet-block-of-4-gib",
        raw_block(ENHANCED_PACKET, 0xFFFFFFFC, bytes(40)),
        "bad-block-length",
        notes="No packet is so long; nothing is allocated for it.",
    ),
    cut_off(29, "unknown-block-of-4-gib", raw_block(CUSTOM, 0xFFFFFFFC, bytes(40)), "truncated-record"),
    cut_off(30, "trailer-differs", block(CUSTOM, bytes(20), trailer=36), "block-length-mismatch"),
    homeless(31, "interface-out-of-range", start() + enhanced_packet(FRAME, interface_id=7), 4),
    homeless(31, "interface-2-to-32-less-1", start() + enhanced_packet(FRAME, interface_id=0xFFFFFFFF), 4),
    Case(
        31,
        "good-packet-after-a-bad-interface",
        ng(section() + interface() + enhanced_packet(FRAME, interface_id=1) + PACKET),
        PARTIAL,
        2,
        1,
        {"link-type": 1},
        fault_id="unknown-interface",
        flows=1,
    ),
    skipped(32, "packet-longer-than-block", enhanced_packet(FRAME, caplen=5000), "packet-overruns-block"),
    skipped(32, "packet-of-4-gib-in-a-small-block", enhanced_packet(FRAME, caplen=0xFFFFFFFF), "packet-overruns-block"),
    skipped(32, "packet-block-without-fields", block(ENHANCED_PACKET, bytes(8)), "short-block"),
    one_packet(
        33,
        "interface-option-past-block",
        section() + interface(options=option(2, b"eth0", length=5000)) + PACKET,
        "bad-option",
    ),
    one_packet(
        33, "packet-option-past-block", section() + interface() + enhanced_packet(FRAME, options=OVERLONG_OPTION)
    ),
    Case(
        36,
        "hundred-thousand-interfaces",
        content(lambda: section() + interface() * 100_000 + PACKET, NAME),
        PARTIAL,
        fault_id="too-many-interfaces",
    ),
    Case(
        36,
        "sixty-thousand-interfaces",
        content(lambda: section() + interface() * 60_000 + enhanced_packet(FRAME, interface_id=59_999), NAME),
        WHOLE,
        1,
        1,
        is_clean=True,
    ),
]

SECTIONS = [
    sound(37, "sections-of-both-endiannesses", mixed_endian_sections()),
    sound(38, "interfaces-of-several-link-types", mixed_interfaces()),
    sound(
        39,
        "unknown-and-custom-blocks",
        start() + block(0x0000_4242, b"?" * 40) + block(CUSTOM, b"?" * 40) + block(0x4000_0BAD, b"\0\0\x80\x8d"),
    ),
    Case(40, "section-of-major-version-2", ng(OTHER_MAJOR), REFUSED, fault_id="unsupported-section"),
    skipped(40, "second-section-of-major-version-2", OTHER_MAJOR, "unsupported-section"),
    sound(
        41,
        "section-length-lies",
        section(length=8) + interface() + ALL_PACKETS,
        notes="The length of a section is a hint; the blocks themselves are believed.",
    ),
    sound(41, "section-length-huge", section(length=2**62) + interface() + ALL_PACKETS),
    Case(
        42,
        "simple-packets",
        ng(section() + interface() + b"".join(map(simple_packet, PACKETS))),
        WHOLE,
        3,
        3,
        fault_id="no-timestamp",
        records=(PLAIN_FLOW,),
    ),
    Case(
        42,
        "simple-packet-cut-by-snaplen",
        ng(section() + interface(snaplen=48) + simple_packet(FRAME[:48], origlen=len(FRAME))),
        WHOLE,
        1,
        1,
        records=({"orig_payload_bytes": 6, "orig_missed_bytes": 18},),
    ),
    sound(43, "names-malformed", start() + block(NAMES, BAD_NAMES)),
    sound(
        44,
        "secrets",
        section() + block(SECRETS, SECRETS_BODY) + start(),
        hidden=(SECRET,),
        notes="Secrets are skipped unread, and stored nowhere.",
    ),
    Case(
        44,
        "secrets-of-4-gib",
        content(huge_secrets, f"{NAME}.zst"),
        WHOLE,
        4,
        4,
        hidden=(SECRET,),
        seconds=30,
        notes="Wireshark refuses the whole file; its packets are good.",
    ),
    cut_off(
        44,
        "secrets-of-4-gib-absent",
        raw_block(SECRETS, 0xFFFFFFFC, SECRET.encode()),
        "truncated-record",
        hidden=(SECRET,),
    ),
    Case(
        45,
        "fifty-thousand-sections",
        content(lambda: (section() + interface() + PACKET) * 50_000, NAME),
        WHOLE,
        50_000,
        50_000,
        is_clean=True,
        flows=1,
    ),
    sound(46, "names-and-comments-that-act", commented(), hidden=ESCAPES),
]

CLOCKS = [
    *(
        one_packet(34, f"resolution-{value:#04x}", clocked(bytes([value])), "odd-resolution")
        for value in (0xFF, 0x7F, 0xBF, 0x00)
    ),
    one_packet(
        35, "time-offset-lowest", clocked(offset=struct.pack("<q", -(2**63))), "odd-timestamp", "The time saturates."
    ),
    one_packet(35, "time-offset-highest", clocked(offset=struct.pack("<q", 2**63 - 1)), "odd-timestamp"),
    one_packet(47, "time-2-to-64-less-1", clocked(ticks=2**64 - 1), "odd-timestamp"),
]

CASES = [*BLOCKS, *SECTIONS, *CLOCKS]
