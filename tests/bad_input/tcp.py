"""Classes 61 to 68: faults of TCP, of flows, and of the text that packets carry.

Overlaps in every relation, and resets that must not be believed, are in `evasion`.
"""

import struct
from collections.abc import Mapping
from typing import Any

from .case import WHOLE, Case, content
from .containers import NOON, pcap, pcap_header, pcap_record
from .conversation import CLIENT_ISN, SERVER_ISN, Conversation
from .frames import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, TCP, URG, ethernet, ipv4, tcp, tcp_frame, udp_frame, vlan

REQUEST, REPLY = b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nhello"
XMAS = FIN | PSH | URG
BOTH = {
    "orig_payload_bytes": len(REQUEST),
    "resp_payload_bytes": len(REPLY),
    "orig_missed_bytes": 0,
    "resp_missed_bytes": 0,
}
"""The flow of one request and its reply, all of it seen."""


def talked(conversation: Conversation) -> Conversation:
    """Send the request and the reply."""
    conversation.send("client", REQUEST)
    conversation.send("server", REPLY)
    return conversation


def case(
    number: int,
    name: str,
    conversation: Conversation,
    *records: Mapping[str, Any],
    weirds: tuple[str, ...] = (),
    notes: str = "",
) -> Case:
    """A case of one conversation, all of whose packets belong to flows."""
    count = len(conversation.frames)
    return Case(
        number,
        name,
        content(pcap(conversation.frames)),
        WHOLE,
        count,
        count,
        is_clean=True,
        flows=len(records) or 1,
        records=records,
        weirds=weirds,
        notes=notes,
    )


def frame_case(
    number: int,
    name: str,
    *frames: bytes,
    flows: int = 1,
    weirds: tuple[str, ...] = (),
    records: tuple[Mapping[str, Any], ...] = (),
    notes: str = "",
) -> Case:
    """A case of frames that all belong to flows."""
    return Case(
        number,
        name,
        content(pcap(frames)),
        WHOLE,
        len(frames),
        len(frames),
        is_clean=True,
        flows=flows,
        weirds=weirds,
        records=records,
        notes=notes,
    )


def refused(name: str, reason: str, *frames: bytes) -> Case:
    """A segment whose header is broken."""
    return Case(61, name, content(pcap(frames)), WHOLE, len(frames), 0, {reason: len(frames)}, flows=0)


HEADERS = [
    *(
        refused(f"offset-of-{words}-words", "bad-tcp-offset", tcp_frame(REQUEST, header_words=words))
        for words in (0, 1, 4)
    ),
    refused("offset-beyond-segment", "bad-tcp-offset", tcp_frame(b"short", header_words=15)),
    refused("header-cut", "short-tcp", ethernet(ipv4(tcp()[:13], TCP))),
    frame_case(61, "option-of-length-0", tcp_frame(flags=SYN, options=b"\x05\0\x01\x01")),
    frame_case(61, "option-beyond-header", tcp_frame(flags=SYN, options=b"\x05\xff\x01\x01")),
    frame_case(61, "window-scale-200", tcp_frame(flags=SYN, options=b"\x03\x03\xc8\0")),
    frame_case(61, "flags-null", tcp_frame(flags=0), weirds=("null-flags",)),
    frame_case(61, "flags-xmas", tcp_frame(flags=XMAS)),
    frame_case(61, "flags-all", tcp_frame(flags=0xFF), weirds=("syn-with-end",)),
    frame_case(61, "flags-syn-fin", tcp_frame(flags=SYN | FIN), weirds=("syn-with-end",)),
    frame_case(61, "flags-syn-rst", tcp_frame(flags=SYN | RST), weirds=("syn-with-end",)),
]


def syn_data() -> Conversation:
    """TCP Fast Open: the request comes in the SYN (RFC 7413)."""
    made = Conversation()
    made.segment("client", -1, REQUEST, flags=SYN, options=b"\x22\x06cook\x01\x01")
    made.sent["client"] = len(REQUEST)
    made.segment("server", -1, flags=SYN | ACK, ack=len(REQUEST))
    made.acknowledge("client", 0)
    made.send("server", REPLY)
    return made.close()


def split_in_four() -> Conversation:
    """The server answers a SYN by a SYN of its own, which the client acknowledges."""
    made = Conversation()
    made.segment("client", -1, flags=SYN)
    made.segment("server", -1, flags=SYN)
    made.segment("client", -1, flags=SYN | ACK, ack=0)
    made.segment("server", 0, ack=0)
    return talked(made).close()


def split_in_five() -> Conversation:
    """The server first acknowledges, then opens from its own side."""
    made = Conversation()
    made.segment("client", -1, flags=SYN)
    made.raw("server", seq=SERVER_ISN - 77, ack=CLIENT_ISN + 1, flags=ACK)
    made.segment("server", -1, flags=SYN)
    made.segment("client", -1, flags=SYN | ACK, ack=0)
    made.segment("server", 0, ack=0)
    return talked(made).close()


def simultaneous_open() -> Conversation:
    """Both sides send SYN, then both SYN and ACK (RFC 9293, section 3.5, figure 7)."""
    made = Conversation()
    made.segment("client", -1, flags=SYN)
    made.segment("server", -1, flags=SYN)
    made.segment("client", -1, flags=SYN | ACK, ack=0)
    made.segment("server", -1, flags=SYN | ACK, ack=0)
    return talked(made).close()


def syn_again_elsewhere() -> Conversation:
    """The SYN is sent again with another sequence number, which the server answers."""
    made = Conversation(client_isn=CLIENT_ISN - 500_000)
    made.segment("client", -1, flags=SYN)
    made.isn["client"] = CLIENT_ISN
    return talked(made.open()).close()


OPENINGS = [
    case(62, "syn-data", syn_data(), BOTH, weirds=("syn-data",)),
    case(62, "split-handshake-of-4", split_in_four(), BOTH, weirds=("simultaneous-open",)),
    case(62, "split-handshake-of-5", split_in_five(), BOTH),
    case(62, "simultaneous-open", simultaneous_open(), BOTH, weirds=("simultaneous-open",)),
    case(62, "syn-again-with-other-sequence", syn_again_elsewhere(), BOTH, weirds=("syn-changed",)),
]


def out_of_window() -> Conversation:
    """A segment half the sequence space ahead, then the real ones."""
    made = Conversation().open()
    made.segment("client", 1 << 30, b"elsewhere")
    return talked(made).close()


def before_start() -> Conversation:
    """A segment that begins ten bytes before the stream does; its last eight belong to it."""
    made = Conversation().open()
    made.segment("client", -10, b"0123456789" + REQUEST[:8])
    made.sent["client"] = 8
    made.send("client", REQUEST[8:])
    made.send("server", REPLY)
    return made.close()


def wrapped() -> Conversation:
    """Sequence numbers pass through zero in the middle of the request."""
    return talked(Conversation(client_isn=2**32 - 9, server_isn=2**32 - 1).open()).close()


LONG_SEGMENT = 65_495
LONG_SEGMENTS = (2**32 + 2**20) // LONG_SEGMENT
"""Segments of the largest size that IPv4 allows: a megabyte more than 4 GiB."""


def four_gigabytes() -> bytes:
    """A stream that passes 4 GiB, captured with 54 bytes of each packet; its last bytes are whole."""
    made = Conversation().open()
    records = [pcap_header(), *(pcap_record(frame) for frame in made.frames)]
    for number in range(LONG_SEGMENTS):
        header = tcp(seq=CLIENT_ISN + 1 + number * LONG_SEGMENT, ack=SERVER_ISN + 1, flags=ACK)
        frame = ethernet(ipv4(header, TCP, total_length=65_535))
        records.append(pcap_record(frame, NOON, number, origlen=14 + 65_535))
        if number % 8 == 7:
            back = tcp(
                sport=80,
                dport=40000,
                seq=SERVER_ISN + 1,
                ack=CLIENT_ISN + 1 + (number + 1) * LONG_SEGMENT,
                source=SERVER,
                destination=CLIENT,
            )
            records.append(pcap_record(ethernet(ipv4(back, TCP, SERVER, CLIENT)), NOON, number))
    made.frames.clear()
    made.sent["client"] = LONG_SEGMENTS * LONG_SEGMENT
    talked(made).close()
    return b"".join([*records, *(pcap_record(frame, NOON + 1) for frame in made.frames)])


def old_timestamp() -> Conversation:
    """A copy of the request with other bytes and a timestamp from the past, which PAWS would drop."""

    def stamp(value: int) -> bytes:
        return struct.pack(">BBBBII", 1, 1, 8, 10, value, 0)

    made = Conversation().open()
    made.segment("client", 0, REQUEST, options=stamp(1000))
    made.segment("client", 0, b"#" * len(REQUEST), options=stamp(10))
    made.sent["client"] = len(REQUEST)
    made.send("server", REPLY)
    return made.close()


STREAMS = [
    case(63, "out-of-window", out_of_window(), BOTH, weirds=("out-of-window",)),
    case(63, "before-first-byte", before_start(), BOTH, weirds=("before-start",)),
    case(63, "wrap-through-zero", wrapped(), BOTH),
    Case(
        63,
        "stream-above-4-gib",
        content(four_gigabytes),
        WHOLE,
        is_clean=True,
        flows=1,
        weirds=("snapped",),
        records=({**BOTH, "orig_missed_bytes": LONG_SEGMENTS * LONG_SEGMENT},),
    ),
    case(
        63,
        "old-timestamp",
        old_timestamp(),
        {**BOTH, "conflicting_overlaps": 1},
        notes="Timestamps are not judged: the first copy stays and the other one is counted.",
    ),
]


def urgent() -> Conversation:
    """One byte is marked urgent; it stays part of the stream (RFC 6093)."""
    made = Conversation().open()
    made.segment("client", 0, REQUEST, flags=ACK | URG, urgent=1)
    made.sent["client"] = len(REQUEST)
    made.send("server", REPLY)
    return made.close()


def reset_with_text() -> Conversation:
    """A RST that explains itself in its payload, which is no part of the stream."""
    made = talked(Conversation().open())
    made.reset("server", len(REPLY), b"go away")
    return made


def talk_after_reset() -> Conversation:
    """A RST that fits, yet its sender goes on: somebody else sent it."""
    made = Conversation().open()
    made.send("client", REQUEST)
    made.reset("server", 0)
    made.send("server", REPLY)
    return made.close()


def gap() -> Conversation:
    """The server acknowledges a request that the capture never saw."""
    made = Conversation().open()
    made.sent["client"] = len(REQUEST)
    made.send("server", REPLY)
    return made.close()


def one_sided() -> Conversation:
    """Only the client's packets."""
    made = talked(Conversation().open()).close()
    made.frames = [frame for frame in made.frames if frame[26:30] == bytes([10, 1, 0, 1])]
    return made


def midstream() -> Conversation:
    """A conversation whose handshake came before the capture."""
    return talked(Conversation()).close()


ENDS = [
    case(64, "urgent-byte", urgent(), BOTH),
    case(64, "reset-with-payload", reset_with_text(), {**BOTH, "end_reason": "rst"}),
    case(64, "talk-after-reset", talk_after_reset(), BOTH, weirds=("data-after-rst",)),
    case(65, "acknowledged-but-unseen", gap(), {**BOTH, "orig_payload_bytes": 0, "orig_missed_bytes": len(REQUEST)}),
    case(
        65,
        "one-sided",
        one_sided(),
        {"orig_payload_bytes": len(REQUEST), "resp_payload_bytes": 0, "orig_missed_bytes": 0},
    ),
    case(65, "midstream", midstream(), {**BOTH, "is_midstream": True}),
]


def decoy(**fields: Any) -> Conversation:
    """A segment of other bytes that the receiver never takes, sent before the real one."""
    made = Conversation().open()
    made.segment("client", 0, b"#" * len(REQUEST), **fields)
    return talked(made).close()


def decoy_from_elsewhere() -> Conversation:
    """A decoy whose Ethernet source is another one."""
    made = decoy()
    made.frames[3] = made.frames[3][:6] + b"\x02\0\0\0\0\x66" + made.frames[3][12:]
    return made


FLAGGED = {"conflicting_overlaps": 1, "orig_payload_bytes": len(REQUEST), "resp_payload_bytes": len(REPLY)}
"""Which copy the receiver took cannot be known from the capture; that there were two is said."""

DECOYS = [
    case(66, "decoy-with-low-ttl", decoy(ttl=1), FLAGGED),
    case(66, "decoy-with-wrong-tcp-checksum", decoy(wrong_checksum=True), FLAGGED),
    case(66, "decoy-with-wrong-ip-checksum", decoy(wrong_ip_checksum=True), FLAGGED),
    case(66, "decoy-from-another-card", decoy_from_elsewhere(), FLAGGED),
]


def ports_reused() -> Conversation:
    """The same ports again after the end, with another sequence number."""
    first = talked(Conversation().open()).close()
    second = talked(Conversation(client_isn=77_000_000, server_isn=99_000_000).open()).close()
    first.frames += second.frames
    return first


def vlan_frames(identifier: int) -> list[bytes]:
    """The same conversation in a VLAN."""
    made = talked(Conversation().open()).close()
    return [ethernet(vlan(frame[14:], identifier), 0x8100) for frame in made.frames]


def land() -> bytes:
    """A SYN whose source is its destination."""
    segment = tcp(sport=139, dport=139, flags=SYN, source=SERVER, destination=SERVER)
    return ethernet(ipv4(segment, TCP, SERVER, SERVER))


HOSTILE_BANNER = b"SSH-2.0-\x1b]0;owned\x07\x1b[31m<script>alert(1)</script>\xc2\x9b2J\xe2\x80\xae\r\n"


def hostile_banner() -> Conversation:
    """A banner that would act on a terminal or a page that showed it."""
    made = Conversation(dport=22).open()
    made.send("server", HOSTILE_BANNER)
    made.send("client", b"GET /\x1b[2J HTTP/1.0\r\nHost: <img src=x onerror=alert(1)>\r\n\r\n")
    return made.close()


FLOWS = [
    case(67, "ports-reused", ports_reused(), BOTH, BOTH),
    frame_case(
        67,
        "same-tuple-in-two-vlans",
        *vlan_frames(10),
        *vlan_frames(20),
        flows=2,
        records=({**BOTH, "vlan": 10}, {**BOTH, "vlan": 20}),
    ),
    frame_case(67, "land", land(), weirds=("land",)),
    frame_case(67, "broadcast", ethernet(udp_frame(b"to everybody")[14:], destination=b"\xff" * 6)),
    frame_case(67, "port-0", udp_frame(b"from nowhere", sport=0, dport=0)),
    Case(
        68,
        "banner-that-acts",
        content(pcap(hostile_banner().frames)),
        WHOLE,
        is_clean=True,
        flows=1,
        hidden=("\x1b", "\x07", "\u202e", "\x9b", "<script>"),
    ),
]

CASES = [*HEADERS, *OPENINGS, *STREAMS, *ENDS, *DECOYS, *FLOWS]
