"""Where encryption begins: the offset of the first encrypted payload byte in each direction of a flow.

Read from the protocols' own cleartext framing, so it holds for any key exchange and any message sizes. What lies before
the onset is not all plain: key exchanges carry random-looking numbers. What lies after it is not all encrypted: TLS
record headers, SSH-1 packet lengths and RDP's outer headers stay readable. Each rule returns None if its direction
never turns encrypted.
"""

from __future__ import annotations

from collections.abc import Callable

SSH2_MSG_NEWKEYS = 21  # RFC 4253, section 12
TLS_CHANGE_CIPHER_SPEC, TLS_APPLICATION_DATA = 20, 23  # RFC 8446, appendix B.1

TPKT_VERSION = 3  # RFC 1006, section 6
X224_DATA = b"\x02\xf0\x80"
MCS_SEND_DATA = (0x64, 0x68)  # T.125: SendDataRequest from the client, SendDataIndication from the server
SEC_EXCHANGE_PKT, SEC_ENCRYPT = 0x0001, 0x0008  # MS-RDPBCGR 2.2.8.1.1.2.1
FASTPATH_ENCRYPTED = 0x80  # MS-RDPBCGR 2.2.9.1.2


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

    A packet is its length (4 bytes), 1 to 8 bytes of padding up to a multiple of 8, and as many bytes as the length
    says.
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
        if kind == TLS_APPLICATION_DATA or (ciphers_changed and kind != TLS_CHANGE_CIPHER_SPEC):
            return at
        ciphers_changed = ciphers_changed or kind == TLS_CHANGE_CIPHER_SPEC
        at += 5 + int.from_bytes(payload[at + 3 : at + 5], "big")
    return None


def rdp(payload: bytes) -> int | None:
    """RDP standard security: the first PDU that is marked as encrypted, from behind its flags on.

    MS-RDPBCGR 2.2.8.1.1.2 (security header of PDUs in TPKT, X.224 and MCS) and 2.2.9.1.2, 2.2.8.1.2 (fast path). What
    follows the flags is a keyed digest, then ciphertext; the FIPS level puts four more readable bytes before them.
    """
    at = 0
    while at + 4 <= len(payload):
        slow = payload[at] == TPKT_VERSION
        size = int.from_bytes(payload[at + 2 : at + 4], "big") if slow else _fast_path_size(payload, at)
        if size == 0:
            return None
        found = (
            _slow_path_ciphertext(payload[at : at + size]) if slow else _fast_path_ciphertext(payload[at : at + size])
        )
        if found:
            return at + found
        at += size
    return None


def _fast_path_size(payload: bytes, at: int) -> int:
    """The PDU's size, in one byte or, if its top bit is set, in two."""
    first, second = payload[at + 1], payload[at + 2]
    return (first & 0x7F) << 8 | second if first & 0x80 else first


def _fast_path_ciphertext(pdu: bytes) -> int:
    return (3 if pdu[1] & 0x80 else 2) if pdu[0] & FASTPATH_ENCRYPTED else 0


def _slow_path_ciphertext(pdu: bytes) -> int:
    # TPKT (4 bytes), X.224 data (3), then MCS: choice, initiator (2), channel (2), priority, and its length in one or
    # two bytes.
    if len(pdu) < 19 or pdu[4:7] != X224_DATA or pdu[7] not in MCS_SEND_DATA:
        return 0
    flags_at = 15 if pdu[13] & 0x80 else 14
    flags = int.from_bytes(pdu[flags_at : flags_at + 2], "little")
    return flags_at + 4 if flags & SEC_ENCRYPT and not flags & SEC_EXCHANGE_PKT else 0


def _within(end: int, payload: bytes) -> int | None:
    return end if end < len(payload) else None


RULES: dict[str, Callable[[bytes], int | None]] = {"ssh-2": ssh2, "ssh-1": ssh1, "tls": tls, "rdp": rdp}
