"""Write captures: pcap with nanoseconds, and pcapng with a comment for each packet.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from wiretropy.errors import RefusedError
from wiretropy.limits import NS_PER_S

_SNAPLEN = 262_144
"""Snap length stated in files written; the maximum of libpcap for Ethernet. Longer frames are kept whole."""

_OPT_END = 0
_OPT_COMMENT = 1
_IF_TSRESOL = 9
_SHB_USERAPPL = 4


class PcapWriter:
    """Writes classic pcap with nanosecond time stamps.

    Parameters
    ----------
    file : binary file
        Where to write; the header goes out with the first packet.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._link: tuple[int, int] | None = None

    def write(self, ts_ns: int, link_type: int, origlen: int, frame: bytes, comment: str, fcs_len: int = 0) -> None:
        """Add a packet; the comment has no place in this format.

        Raises
        ------
        RefusedError
            If the packet has another link type than the first.
        """
        del comment
        if self._link is None:
            # The upper bits say how long the frame check sequence is, in 16-bit words.
            network = link_type | (0x0400_0000 | (fcs_len // 2) << 28 if fcs_len else 0)
            self._file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _SNAPLEN, network))
            self._link = (link_type, fcs_len)
        if self._link != (link_type, fcs_len):
            raise RefusedError(
                f"the packets have link types {self._link[0]} and {link_type}, but a pcap file has one; write pcapng"
            )
        seconds, nanoseconds = divmod(ts_ns, NS_PER_S)
        self._file.write(struct.pack("<IIII", seconds & 0xFFFFFFFF, nanoseconds, len(frame), origlen))
        self._file.write(frame)


class PcapngWriter:
    """Writes pcapng: one interface for each link type, nanoseconds, comments.

    Parameters
    ----------
    file : binary file
        Where to write.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interfaces: dict[tuple[int, int], int] = {}
        body = (
            struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(_SHB_USERAPPL, b"wiretropy") + _option(_OPT_END, b"")
        )
        self._block(0x0A0D0D0A, body)

    def write(self, ts_ns: int, link_type: int, origlen: int, frame: bytes, comment: str, fcs_len: int = 0) -> None:
        """Add a packet with a comment, which may be empty."""
        interface = self._interface(link_type, fcs_len)
        stamp = ts_ns & 0xFFFFFFFFFFFFFFFF
        head = struct.pack("<IIIII", interface, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), origlen)
        options = _option(_OPT_COMMENT, comment.encode()) + _option(_OPT_END, b"") if comment else b""
        self._block(6, head + _padded(frame) + options)

    def _interface(self, link_type: int, fcs_len: int) -> int:
        """Number of the interface with this link type, described when it is first needed."""
        key = (link_type, fcs_len)
        if key not in self._interfaces:
            options = _option(_IF_TSRESOL, bytes([9]))
            if fcs_len:
                options += _option(13, bytes([fcs_len * 8]))
            self._block(1, struct.pack("<HHI", link_type, 0, 0) + options + _option(_OPT_END, b""))
            self._interfaces[key] = len(self._interfaces)
        return self._interfaces[key]

    def _block(self, kind: int, body: bytes) -> None:
        length = struct.pack("<I", 12 + len(body))
        self._file.write(struct.pack("<I", kind) + length + body + length)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(value: bytes) -> bytes:
    """Fill up to a multiple of four bytes."""
    return value + bytes(-len(value) % 4)
