"""Where encryption begins: the offset of the first encrypted payload byte in each direction of a flow.

Read from the protocols' own cleartext framing, so it holds for any key exchange and any message sizes. What lies before the
onset is not all plain: key exchanges carry random-looking numbers. What lies after it is not all encrypted: TLS record headers,
SSH-1 packet lengths and RDP's outer headers stay readable. Each rule returns None if its direction never turns encrypted.
"""

from __future__ import annotations

from collections.abc import Callable

SSH2_MSG_NEWKEYS = 21  # RFC 4253, section 12
TLS_CHANGE_CIPHER_SPEC, TLS_APPLICATION_DATA = 20, 23  # RFC 8446, appendix B.1


def ssh2(payload: bytes) -> int | None:
    """SSH-2: everything after SSH_MSG_NEWKEYS (RFC 4253, section 7.3)."""
    at = payload.find(b"\n") + 1
    if not at:
        return None
    while at + 6 <= len(payload):
        end = at + 4 + int.from_bytes(payload[at : at + 4], "big")
        if payload[at + 5] == SSH2_MSG_NEWKEYS:
            return _within(end, payload)
        at = end
    return None


def ssh1(payload: bytes) -> int | None:
    """SSH-1: everything after the first packet of each side, the server's keys and the client's session key.

    A packet is its length (4 bytes), 1 to 8 bytes of padding up to a multiple of 8, and as many bytes as the length says.
    """
    at = payload.find(b"\n") + 1
    if not at or at + 4 > len(payload):
        return None
    length = int.from_bytes(payload[at : at + 4], "big")
    return _within(at + 4 + (8 - length % 8) + length, payload)


def tls(payload: bytes) -> int | None:
    """TLS: the first record after ChangeCipherSpec (1.2), or the first application data record (1.3)."""
    at = 0
    ciphers_changed = False
    while at + 5 <= len(payload):
        kind = payload[at]
        if kind == TLS_APPLICATION_DATA or ciphers_changed and kind != TLS_CHANGE_CIPHER_SPEC:
            return at
        ciphers_changed = ciphers_changed or kind == TLS_CHANGE_CIPHER_SPEC
        at += 5 + int.from_bytes(payload[at + 3 : at + 5], "big")
    return None


def _within(end: int, payload: bytes) -> int | None:
    return end if end < len(payload) else None


RULES: dict[str, Callable[[bytes], int | None]] = {"ssh-2": ssh2, "ssh-1": ssh1, "tls": tls}
