"""Conversations made to be read differently by the observer and by the receiver.

Every session declares what its flow must show. All sessions go into one capture,
each on a port of its own, so that one run of the program judges them all. The
outcomes come from an oracle that keeps a byte for each stream offset: the first
copy of a byte stays, and a segment that brings another value for a byte that is
there is a conflicting overlap.

What is claimed is that ambiguity is *flagged*, not that evasion is impossible: what
a router drops on the way cannot be known from one place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from .conversation import CLIENT_ISN, Conversation
from .frames import ACK, FIN, RST, SYN

SERVER_PORT = 80
FIRST_PORT = 20_000

BASE = (32, 64)
"""The first copy: stream offsets 32 to 64."""

RELATIONS = {
    "before": (72, 88),
    "meets": (64, 80),
    "overlaps": (48, 80),
    "starts": (32, 80),
    "during": (16, 80),
    "finishes": (16, 64),
    "equals": (32, 64),
    "finished-by": (48, 64),
    "contains": (40, 56),
    "started-by": (32, 48),
    "overlapped-by": (16, 48),
    "met-by": (16, 32),
    "after": (8, 24),
}
"""Allen's thirteen relations (1983, "Maintaining knowledge about temporal intervals") of `BASE`
to a second segment, which comes later in time: where that one begins and ends."""

STREAM_END = 96

STATES = ("waiting", "delivered", "acknowledged")
"""What became of the first copy before the second comes: it waits behind a hole, it was
delivered, or the receiver acknowledged it as well."""


@dataclass(frozen=True)
class Session:
    """One conversation and what its flow must show.

    Attributes
    ----------
    name : str
        What is done, in words joined by hyphens.
    frames : tuple of bytes
        The frames, in the order of the capture.
    port : int
        The client's port.
    columns : mapping
        Columns of the one flow record.
    has_conflict : bool
        Whether there must be, or must not be, a conflicting overlap.
    payload : bytes
        What the originator's stream must be, byte for byte; judged by its trajectory.
    last_copies : bytes
        What it would be if the last copy of a byte stayed.
    weirds : tuple of str
        Oddities that the record must name.
    """

    name: str
    frames: tuple[bytes, ...]
    port: int
    columns: Mapping[str, Any]
    has_conflict: bool
    payload: bytes
    last_copies: bytes = b""
    weirds: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name the session as test reports show it."""
        return self.name


class Stream:
    """The oracle: bytes by stream offset, the first and the last copy of each."""

    def __init__(self) -> None:
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}

    def take(self, offset: int, payload: bytes) -> None:
        """Take a segment."""
        for at, byte in enumerate(payload, offset):
            self.first.setdefault(at, byte)
            self.last[at] = byte

    def missing(self, end: int) -> list[tuple[int, int]]:
        """Runs of offsets below `end` that were never seen."""
        runs: list[tuple[int, int]] = []
        for at in (at for at in range(end) if at not in self.first):
            if runs and runs[-1][1] == at:
                runs[-1] = (runs[-1][0], at + 1)
            else:
                runs.append((at, at + 1))
        return runs


def whole(copies: Mapping[int, int]) -> bytes:
    """The stream that these copies make, once nothing is missing."""
    return bytes(copies[at] for at in range(len(copies)))


def copy(name: str, begin: int, end: int) -> bytes:
    """Bytes of one of three versions of a stream.

    At no offset do they agree, and they repeat their bytes unlike each other, so that the entropy
    of a stream tells which version was taken where.
    """
    version, repeats = {"first": (0x00, 1), "second": (0x80, 8), "third": (0x40, 3)}[name]
    return bytes(version | at // repeats % 0x40 for at in range(begin, end))


def overlapping(name: str, port: int, state: str, segments: Iterable[tuple[int, bytes]]) -> Session:
    """Send segments on top of each other, fill what they leave open, and close."""
    made, stream = Conversation(port, SERVER_PORT).open(), Stream()

    def send(offset: int, payload: bytes) -> None:
        made.segment("client", offset, payload)
        stream.take(offset, payload)

    if state != "waiting":
        send(0, copy("first", 0, BASE[0]))
    for number, (offset, payload) in enumerate(segments):
        send(offset, payload)
        if number == 0 and state == "acknowledged":
            made.acknowledge("server", offset + len(payload))
    for begin, end in stream.missing(STREAM_END):
        send(begin, copy("first", begin, end))
    made.acknowledge("server", STREAM_END)
    made.close(client_end=STREAM_END)
    return Session(
        name,
        tuple(made.frames),
        port,
        {"orig_payload_bytes": STREAM_END, "orig_missed_bytes": 0, "end_reason": "fin"},
        has_conflict=stream.last != stream.first,
        payload=whole(stream.first),
        last_copies=whole(stream.last),
    )


def pairs(first_port: int) -> list[Session]:
    """Two segments in each relation, before and after delivery and acknowledgement, same and other bytes."""
    made: list[Session] = []
    for relation, (begin, end) in RELATIONS.items():
        for state in STATES:
            for version, words in (("first", "same"), ("second", "other")):
                segments = [(BASE[0], copy("first", *BASE)), (begin, copy(version, begin, end))]
                made.append(overlapping(f"{relation}-{state}-{words}-bytes", first_port + len(made), state, segments))
    return made


def chunk_triples(first_port: int) -> list[Session]:
    """Three segments in every order, of which one overlaps both others (as PYROLYSE makes them)."""
    chunks = {"left": (16, 48, "first"), "right": (48, 80, "second"), "over": (32, 64, "third")}
    made: list[Session] = []
    for order in permutations(chunks):
        for words in ("same", "other"):
            segments = [
                (begin, copy(version if words == "other" else "first", begin, end))
                for begin, end, version in (chunks[name] for name in order)
            ]
            name = f"{'-'.join(order)}-{words}-bytes"
            made.append(overlapping(name, first_port + len(made), "waiting", segments))
    return made


REQUEST, MORE, REPLY = copy("first", 0, 40), copy("first", 40, 90), copy("second", 0, 50)
WHOLE = {
    "orig_payload_bytes": len(REQUEST + MORE),
    "resp_payload_bytes": len(REPLY),
    "orig_missed_bytes": 0,
    "resp_missed_bytes": 0,
    "end_reason": "fin",
}
"""The flow of a conversation that nothing disturbed."""


class Maker:
    """Makes sessions that a single odd segment disturbs in the middle, each on the next port."""

    def __init__(self, first_port: int) -> None:
        self.port = first_port
        self.sessions: list[Session] = []

    def begin(self, **isn: int) -> Conversation:
        """Open a conversation on the next port."""
        self.port += 1
        return Conversation(self.port, SERVER_PORT, **isn)

    def end(self, name: str, made: Conversation, weirds: tuple[str, ...] = (), **columns: object) -> None:
        """Finish the conversation: the rest of the request, the reply, both FINs."""
        made.send("client", MORE)
        made.acknowledge("server", len(REQUEST + MORE))
        made.send("server", REPLY)
        made.close()
        self.keep(name, made, weirds, payload=REQUEST + MORE, **(WHOLE | columns))

    def keep(self, name: str, made: Conversation, weirds: tuple[str, ...], payload: bytes, **columns: object) -> None:
        """Keep a conversation as it is."""
        self.sessions.append(
            Session(name, tuple(made.frames), self.port, columns, has_conflict=False, payload=payload, weirds=weirds)
        )

    def begun(self, **isn: int) -> Conversation:
        """Open a conversation and send the first part of the request."""
        made = self.begin(**isn).open()
        made.send("client", REQUEST)
        made.acknowledge("server", len(REQUEST))
        return made


def resets(maker: Maker) -> None:
    """RST and FIN whose sequence numbers no receiver accepts (RFC 5961, section 3.2)."""
    far = {"far-ahead": 1 << 24, "behind": -30, "half-way-round": 1 << 31}
    for words, offset in far.items():
        made = maker.begun()
        made.reset("client", offset)
        maker.end(f"reset-{words}", made, ("bad-rst",))
        made = maker.begun()
        made.segment("client", offset, flags=FIN | ACK)
        maker.end(f"fin-{words}", made, ("bad-fin",))
    made = maker.begun()
    made.reset("server", 1 << 24)
    maker.end("reset-far-ahead-from-server", made, ("bad-rst",))
    made = maker.begun()
    made.segment("client", len(REQUEST) - 10, flags=FIN | ACK)
    maker.end("fin-within-bytes-already-sent", made, ("bad-fin",))
    made = maker.begun()
    made.segment("client", 1 << 24, b"forged", flags=RST | ACK)
    maker.end("reset-with-data-far-ahead", made, ("bad-rst",))
    made = maker.begun()
    made.reset("client", len(REQUEST))
    maker.keep(
        "reset-that-fits", made, (), REQUEST, orig_payload_bytes=len(REQUEST), orig_missed_bytes=0, end_reason="rst"
    )


def synchronisations(maker: Maker) -> None:
    """SYN where none belongs, and handshakes that are not the usual one."""
    made = maker.begun()
    made.segment("client", 20, flags=SYN)
    maker.end("syn-inside-the-window", made, ("syn-in-connection",))
    made = maker.begun()
    made.segment("client", -1, flags=SYN)
    maker.end("syn-repeated-exactly", made)
    made = maker.begin()
    made.segment("client", -1, flags=SYN)
    made.segment("server", -1, flags=SYN)
    made.segment("client", -1, flags=SYN | ACK, ack=0)
    made.segment("server", 0, ack=0)
    made.send("client", REQUEST)
    maker.end("handshake-of-4", made, ("simultaneous-open",))
    made = maker.begin()
    made.segment("client", -1, flags=SYN)
    made.raw("server", seq=12_345, ack=CLIENT_ISN + 1, flags=ACK)
    made.segment("server", -1, flags=SYN)
    made.segment("client", -1, flags=SYN | ACK, ack=0)
    made.segment("server", 0, ack=0)
    made.send("client", REQUEST)
    maker.end("handshake-of-5", made)
    made = maker.begin()
    made.segment("client", -1, flags=SYN)
    made.segment("server", -1, flags=SYN)
    made.segment("client", -1, flags=SYN | ACK, ack=0)
    made.segment("server", -1, flags=SYN | ACK, ack=0)
    made.send("client", REQUEST)
    maker.end("simultaneous-open", made, ("simultaneous-open",))
    made = maker.begin()
    made.segment("client", -1, REQUEST, flags=SYN)
    made.sent["client"] = len(REQUEST)
    made.segment("server", -1, flags=SYN | ACK, ack=len(REQUEST))
    maker.end("syn-with-data-taken", made, ("syn-data",))
    made = maker.begin()
    made.segment("client", -1, REQUEST, flags=SYN)
    made.segment("server", -1, flags=SYN | ACK, ack=0)
    made.send("client", REQUEST)
    maker.end("syn-with-data-refused-and-sent-again", made, ("syn-data",))


def oddities(maker: Maker) -> None:
    """Wrap-around, flags that mean nothing, segments from elsewhere, keep-alives."""
    for words, isn in {"wraps": 2**32 - 20, "wraps-at-first-byte": 2**32 - 1, "zero": 0, "half": 2**31 - 20}.items():
        made = maker.begun(client_isn=isn, server_isn=isn)
        maker.end(f"initial-sequence-{words}", made)
    made = maker.begun()
    made.segment("client", len(REQUEST), flags=0)
    maker.end("null-flags", made, ("null-flags",))
    made = maker.begun()
    made.segment("client", len(REQUEST), flags=SYN | FIN)
    maker.end("syn-fin", made, ("syn-with-end",))
    made = maker.begun()
    made.segment("client", 1 << 30, b"elsewhere")
    maker.end("segment-out-of-window", made, ("out-of-window",))
    made = maker.begun()
    made.segment("client", -200, b"before the beginning")
    maker.end("segment-before-first-byte", made, ("before-start",))
    made = maker.begun()
    for _ in range(5):
        made.segment("client", len(REQUEST) - 1)
    maker.end("keep-alives-without-byte", made)
    made = maker.begun()
    for _ in range(5):
        made.segment("client", len(REQUEST) - 1, REQUEST[-1:])
    maker.end("keep-alives-with-byte", made)
    made = maker.begun()
    made.segment("client", 0, REQUEST)
    maker.end("whole-request-again", made)
    made = maker.begun()
    made.segment("server", 10, REPLY[10:])
    made.segment("server", 0, REPLY[:10])
    made.sent["server"] = len(REPLY)
    made.send("client", MORE)
    made.close()
    maker.keep("reply-in-the-wrong-order", made, (), REQUEST + MORE, **WHOLE)


def sessions() -> list[Session]:
    """Make every session, in the order of their ports."""
    made = pairs(FIRST_PORT)
    made += chunk_triples(FIRST_PORT + len(made))
    maker = Maker(FIRST_PORT + len(made))
    for add in (resets, synchronisations, oddities):
        add(maker)
    return made + maker.sessions


SESSIONS = sessions()
