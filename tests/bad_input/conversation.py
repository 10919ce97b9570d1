"""A TCP conversation as frames, written segment by segment by who sends it.

Offsets are stream offsets: 0 is the first byte after the SYN of that side. What
is sent is only what is asked for; nothing is answered by itself.
"""

from typing import Any

from .frames import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, TCP, ethernet, ipv4, tcp

CLIENT_ISN, SERVER_ISN = 1_000_000, 5_000_000


class Conversation:
    """Frames between a client and a server on one pair of ports."""

    def __init__(
        self, sport: int = 40000, dport: int = 80, *, client_isn: int = CLIENT_ISN, server_isn: int = SERVER_ISN
    ) -> None:
        self.ports = {"client": (sport, dport), "server": (dport, sport)}
        self.isn = {"client": client_isn, "server": server_isn}
        self.sent = {"client": 0, "server": 0}
        """Stream offset behind the last byte that `send` sent in order."""
        self.frames: list[bytes] = []

    def segment(
        self, side: str, offset: int, payload: bytes = b"", *, flags: int = ACK, ack: int | None = None, **more: Any
    ) -> None:
        """Send one segment; `ack` is the stream offset of the other side that it acknowledges."""
        other = "server" if side == "client" else "client"
        seq = self.isn[side] + 1 + offset
        acknowledged = self.isn[other] + 1 + (self.sent[other] if ack is None else ack) if flags & ACK else 0
        self.raw(side, payload, seq=seq, ack=acknowledged, flags=flags, **more)

    def raw(
        self, side: str, payload: bytes = b"", *, ttl: int = 64, wrong_ip_checksum: bool = False, **fields: Any
    ) -> None:
        """Send a segment whose header fields are given as they stand."""
        sport, dport = self.ports[side]
        source, destination = (CLIENT, SERVER) if side == "client" else (SERVER, CLIENT)
        inside = tcp(payload, sport, dport, source=source, destination=destination, **fields)
        packet = ipv4(inside, TCP, source, destination, ttl=ttl, wrong_checksum=wrong_ip_checksum)
        self.frames.append(ethernet(packet))

    def open(self) -> "Conversation":
        """Shake hands in three steps."""
        self.segment("client", -1, flags=SYN)
        self.segment("server", -1, flags=SYN | ACK, ack=0)
        self.segment("client", 0, ack=0)
        return self

    def send(self, side: str, payload: bytes) -> None:
        """Send the next bytes of a stream."""
        self.segment(side, self.sent[side], payload, flags=ACK | PSH)
        self.sent[side] += len(payload)

    def acknowledge(self, side: str, upto: int) -> None:
        """Acknowledge the other side's stream up to this offset."""
        self.segment(side, self.sent[side], ack=upto)

    def close(self, *, client_end: int | None = None, server_end: int | None = None) -> "Conversation":
        """End both sides with FIN behind their last bytes."""
        client = self.sent["client"] if client_end is None else client_end
        server = self.sent["server"] if server_end is None else server_end
        self.segment("client", client, flags=FIN | ACK, ack=server)
        self.segment("server", server, flags=FIN | ACK, ack=client + 1)
        self.segment("client", client + 1, ack=server + 1)
        return self

    def reset(self, side: str, offset: int, payload: bytes = b"") -> None:
        """Send a RST at this stream offset."""
        self.segment(side, offset, payload, flags=RST)
