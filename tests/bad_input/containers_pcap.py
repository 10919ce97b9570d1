"""Classes 1 to 24: faults of the pcap container."""

import struct
from pathlib import Path
from typing import Any

from .case import PARTIAL, REFUSED, WHOLE, Case, content
from .containers import (
    KUZNETZOV,
    MICROSECONDS,
    NANOSECONDS,
    NOON,
    PACKETS,
    PACKETS_PAYLOAD_BYTES,
    pcap,
    pcap_header,
    pcap_record,
)
from .frames import ethernet, ipv4, udp_frame

WHOLE_FILE = pcap(PACKETS)
GARBAGE = b"\xff" * 100

PLAIN_FLOW = {"orig_payload_bytes": PACKETS_PAYLOAD_BYTES, "orig_missed_bytes": 0}
"""The one flow of `PACKETS`, when all three were read."""


def record(frame: bytes = PACKETS[0], seconds: int = NOON, fraction: int = 0, **lengths: Any) -> bytes:
    """A file of one record."""
    return pcap_header() + pcap_record(frame, seconds, fraction, **lengths)


def with_times(*seconds: int) -> bytes:
    """A file of one flow whose packets have these times."""
    return pcap_header() + b"".join(pcap_record(PACKETS[i % 3], time) for i, time in enumerate(seconds))


def flipped_midway() -> bytes:
    """Three little-endian records, then three big-endian ones."""
    return WHOLE_FILE + b"".join(pcap_record(frame, NOON + 1, 0, ">") for frame in PACKETS)


def million_empty_records() -> bytes:
    """A million records of no bytes: 16 MB that hold nothing."""
    return pcap_header() + pcap_record(b"", NOON, 0, origlen=60) * 1_000_000


def with_fcs() -> bytes:
    """Frames with their check sequence; the link type says that it takes two 16-bit words."""
    return pcap([frame + b"\xde\xad\xbe\xef" for frame in PACKETS], link=2 << 28 | 1 << 26 | 1)


def growing_file(directory: Path) -> Path:
    """A file as it lies on disk between two writes of its writer."""
    return content(WHOLE_FILE[:-5])(directory)


def four_gigabytes_on_the_wire() -> bytes:
    """A record cut to 60 bytes that claims 4 GiB - 1 on the wire; its headers tell 28 bytes more."""
    frame = ethernet(ipv4(udp_frame(b"x" * 46)[34:], 17))
    return record(frame[:60], caplen=60, origlen=0xFFFFFFFF)


EMPTY_AND_HEADERS = [
    Case(1, "empty-file", content(b""), REFUSED, fault_id="empty-file"),
    Case(2, "three-bytes", content(b"\xd4\xc3\xb2"), REFUSED, fault_id="truncated-header"),
    Case(2, "header-of-23-bytes", content(pcap_header()[:23]), REFUSED, fault_id="truncated-header"),
    Case(3, "header-only", content(pcap_header()), WHOLE, 0, flows=0, is_clean=True),
    Case(4, "bad-magic", content(b"\x11\x22\x33\x44" + WHOLE_FILE[4:]), REFUSED, fault_id="unknown-format"),
    Case(4, "text-file", content(b"This is not a capture.\n" * 1000), REFUSED, fault_id="unknown-format"),
    Case(
        5,
        "version-2.3",
        content(pcap(PACKETS, version=(2, 3))),
        WHOLE,
        3,
        fault_id="odd-version",
        records=(PLAIN_FLOW,),
    ),
    Case(
        5,
        "version-99.7",
        content(pcap(PACKETS, version=(99, 7))),
        WHOLE,
        3,
        fault_id="odd-version",
        records=(PLAIN_FLOW,),
    ),
    Case(15, "snaplen-0", content(pcap(PACKETS, snaplen=0)), WHOLE, 3, is_clean=True, records=(PLAIN_FLOW,)),
    Case(15, "snaplen-huge", content(pcap(PACKETS, snaplen=0xFFFFFFFF)), WHOLE, 3, is_clean=True),
    Case(16, "link-type-unknown", content(pcap(PACKETS, link=4242)), WHOLE, 3, 0, {"link-type": 3}, flows=0),
    Case(
        17,
        "link-type-with-fcs",
        content(with_fcs()),
        WHOLE,
        3,
        is_clean=True,
        records=(PLAIN_FLOW,),
        notes="The four bytes of check sequence are no payload.",
    ),
    Case(
        17,
        "link-type-reserved-bits",
        content(pcap(PACKETS, link=0x0001_0001)),
        WHOLE,
        3,
        fault_id="reserved-link-bits",
        records=(PLAIN_FLOW,),
    ),
    Case(22, "nanoseconds", content(pcap(PACKETS, magic=NANOSECONDS)), WHOLE, 3, is_clean=True, records=(PLAIN_FLOW,)),
    Case(22, "big-endian", content(pcap(PACKETS, ">")), WHOLE, 3, is_clean=True, records=(PLAIN_FLOW,)),
    Case(
        22,
        "big-endian-nanoseconds",
        content(pcap(PACKETS, ">", magic=NANOSECONDS)),
        WHOLE,
        3,
        is_clean=True,
        records=(PLAIN_FLOW,),
    ),
    Case(
        22,
        "kuznetzov",
        content(pcap(PACKETS, magic=KUZNETZOV)),
        REFUSED,
        fault_id="unsupported-format",
        notes="Its records are laid out differently, so it is refused by name.",
    ),
]

RECORDS = [
    Case(6, "record-header-cut", content(WHOLE_FILE + b"\0" * 7), PARTIAL, 3, 3, fault_id="truncated-record"),
    Case(
        7,
        "record-data-cut",
        content(WHOLE_FILE[:-5]),
        PARTIAL,
        3,
        2,
        {"truncated": 1},
        fault_id="truncated-record",
        notes="The cut packet is counted, and not analysed.",
    ),
    Case(
        7,
        "first-record-cut",
        content(record()[:-5]),
        PARTIAL,
        1,
        0,
        {"truncated": 1},
        flows=0,
        fault_id="truncated-record",
    ),
    *(
        Case(
            8,
            f"caplen-{caplen:#x}",
            content(WHOLE_FILE + pcap_record(PACKETS[0], caplen=caplen, origlen=len(PACKETS[0]))),
            PARTIAL,
            3,
            fault_id="bad-record",
            records=(PLAIN_FLOW,),
            notes="The resynchronising option is tested with the reader itself.",
        )
        for caplen in (0xFFFFFFFF, 0x7FFFFFFF)
    ),
    Case(
        8,
        "caplen-within-limits-but-absent",
        content(WHOLE_FILE + pcap_record(PACKETS[0], caplen=1_000_000)),
        PARTIAL,
        4,
        3,
        {"truncated": 1},
        fault_id="truncated-record",
    ),
    Case(
        9,
        "caplen-above-snaplen",
        content(pcap(PACKETS, snaplen=20)),
        WHOLE,
        3,
        fault_id="caplen-above-snaplen",
        records=(PLAIN_FLOW,),
    ),
    Case(
        10,
        "caplen-above-origlen",
        content(record(origlen=10)),
        WHOLE,
        1,
        fault_id="caplen-above-origlen",
        records=({"orig_payload_bytes": PACKETS_PAYLOAD_BYTES // 3, "orig_missed_bytes": 0},),
    ),
    Case(
        11,
        "million-records-of-no-bytes",
        content(million_empty_records),
        WHOLE,
        1_000_000,
        0,
        {"short-ethernet": 1_000_000},
        flows=0,
    ),
    Case(
        12,
        "microseconds-above-a-second",
        content(record(fraction=1_500_000)),
        WHOLE,
        1,
        1,
        fault_id="fraction-overflow",
        records=({"ts_first_ns": (NOON + 1) * 10**9 + 500_000_000},),
    ),
    Case(12, "microseconds-huge", content(record(fraction=0xFFFFFFFF)), WHOLE, 1, 1, fault_id="fraction-overflow"),
    Case(
        13,
        "time-zero",
        content(record(seconds=0)),
        WHOLE,
        1,
        1,
        fault_id="odd-timestamp",
        records=({"ts_first_ns": 0},),
    ),
    *(
        Case(
            13,
            f"time-{name}",
            content(record(seconds=seconds)),
            WHOLE,
            1,
            1,
            fault_id="odd-timestamp",
            records=({"ts_first_ns": seconds * 10**9},),
            notes="Seconds are unsigned, as the draft says.",
        )
        for name, seconds in [("2-to-31", 2**31), ("2-to-32-less-1", 2**32 - 1)]
    ),
    Case(
        14,
        "time-runs-backwards",
        content(with_times(NOON, NOON - 3600, NOON - 7200)),
        WHOLE,
        3,
        3,
        weirds=("time-backwards",),
        records=({"ts_first_ns": NOON * 10**9, "ts_last_ns": NOON * 10**9, "orig_packets": 3},),
        notes="Durations are never negative.",
    ),
    Case(14, "time-leaps-to-both-ends", content(with_times(2**32 - 1, 0, NOON)), WHOLE, 3, 3),
    Case(
        23,
        "four-gigabytes-on-the-wire",
        content(four_gigabytes_on_the_wire()),
        WHOLE,
        1,
        1,
        records=({"orig_wire_bytes": 2**32 - 1, "orig_payload_bytes": 18, "orig_missed_bytes": 28},),
        notes="Wire and captured bytes are kept apart; IP's length, not the record's, says what is missing.",
    ),
]

FILES = [
    Case(
        18, "endianness-flips", content(flipped_midway()), PARTIAL, 3, 3, fault_id="bad-record", records=(PLAIN_FLOW,)
    ),
    Case(
        19,
        "garbage-between-records",
        content(WHOLE_FILE + GARBAGE + WHOLE_FILE[24:]),
        PARTIAL,
        3,
        3,
        fault_id="bad-record",
        records=(PLAIN_FLOW,),
    ),
    Case(
        20,
        "two-files-joined",
        content(WHOLE_FILE + pcap(PACKETS, ">")),
        PARTIAL,
        3,
        3,
        fault_id="second-header",
        records=(PLAIN_FLOW,),
    ),
    Case(
        21,
        "trailing-zeros",
        content(WHOLE_FILE + bytes(4096)),
        WHOLE,
        3,
        3,
        fault_id="zero-padding",
        records=(PLAIN_FLOW,),
        notes="Zeros parse as records of no bytes; other readers report 256 of them.",
    ),
    Case(21, "trailing-zeros-odd-length", content(WHOLE_FILE + bytes(4099)), WHOLE, 3, 3, fault_id="zero-padding"),
    Case(
        24,
        "growing-file",
        growing_file,
        PARTIAL,
        3,
        2,
        {"truncated": 1},
        fault_id="truncated-record",
        notes="Following a file is tested with the reader; that a longer prefix never loses packets, in test_growth.",
    ),
]

LYING_HEADER = struct.pack("<IHHiIII", MICROSECONDS, 2, 4, -(2**31), 0xFFFFFFFF, 65535, 1)
"""Time zone and accuracy, which nobody writes, hold nonsense; they mean nothing."""

FILES.append(
    Case(3, "nonsense-in-unused-fields", content(LYING_HEADER + WHOLE_FILE[24:]), WHOLE, 3, 3, records=(PLAIN_FLOW,))
)

CASES = [*EMPTY_AND_HEADERS, *RECORDS, *FILES]
