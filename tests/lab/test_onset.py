"""Encryption begins where the protocols' cleartext framing says, and nowhere in cleartext."""

from __future__ import annotations

from lab import onset

BANNER = b"SSH-2.0-test\r\n"


def ssh2_packet(kind: int, size: int) -> bytes:
    body = bytes([4, kind]) + bytes(size)
    return len(body).to_bytes(4, "big") + body


def tls_record(kind: int, size: int) -> bytes:
    return bytes([kind, 3, 3]) + size.to_bytes(2, "big") + bytes(size)


def test_ssh2_is_encrypted_after_newkeys() -> None:
    clear = BANNER + ssh2_packet(20, 300) + ssh2_packet(31, 90) + ssh2_packet(21, 10)
    assert onset.ssh2(clear + b"\xaa" * 50) == len(clear)


def test_ssh2_that_ends_at_or_before_newkeys_is_never_encrypted() -> None:
    assert onset.ssh2(BANNER + ssh2_packet(20, 300)) is None
    assert onset.ssh2(BANNER + ssh2_packet(21, 10)) is None
    assert onset.ssh2(b"no line end") is None


def test_ssh1_is_encrypted_after_the_first_padded_packet() -> None:
    banner = b"SSH-1.5-test\n"
    packet = (13).to_bytes(4, "big") + bytes(3) + bytes(13)  # 3 bytes of padding make 13 a multiple of 8
    assert onset.ssh1(banner + packet + b"\xaa" * 30) == len(banner + packet)


def test_ssh1_length_that_is_a_multiple_of_8_has_8_bytes_of_padding() -> None:
    banner = b"SSH-1.5-test\n"
    packet = (16).to_bytes(4, "big") + bytes(8) + bytes(16)
    assert onset.ssh1(banner + packet + b"\xaa") == len(banner + packet)


def test_tls13_is_encrypted_from_its_first_application_data() -> None:
    clear = tls_record(22, 118) + tls_record(20, 1)
    assert onset.tls(clear + tls_record(23, 40)) == len(clear)


def test_tls12_is_encrypted_from_the_finished_message_after_change_cipher_spec() -> None:
    clear = tls_record(22, 500) + tls_record(20, 1)
    assert onset.tls(clear + tls_record(22, 40) + tls_record(23, 900)) == len(clear)


def test_tls_handshake_that_breaks_off_is_never_encrypted() -> None:
    assert onset.tls(tls_record(22, 500)) is None


def rdp_pdu(choice: int, flags: int, payload: bytes) -> bytes:
    inner = (
        b"\x02\xf0\x80"
        + bytes([choice, 0, 7, 3, 0xEB, 0x70])
        + (0x8000 | len(payload) + 4).to_bytes(2, "big")
        + flags.to_bytes(4, "little")
        + payload
    )
    return b"\x03\x00" + (len(inner) + 4).to_bytes(2, "big") + inner


CONNECT = b"\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00"
EXCHANGE = rdp_pdu(0x64, 0x0201, bytes(72))


def test_rdp_is_encrypted_behind_the_flags_of_the_first_encrypted_pdu() -> None:
    clear = CONNECT + EXCHANGE
    assert onset.rdp(clear + rdp_pdu(0x64, 0x0048, b"\xaa" * 80)) == len(clear) + 4 + 3 + 6 + 2 + 4


def test_rdp_fast_path_is_encrypted_behind_its_length() -> None:
    assert onset.rdp(CONNECT + b"\x80\x0a" + b"\xaa" * 8) == len(CONNECT) + 2
    assert onset.rdp(CONNECT + b"\x80\x80\x0b" + b"\xaa" * 8) == len(CONNECT) + 3


def test_rdp_without_an_encrypted_pdu_is_never_encrypted() -> None:
    assert onset.rdp(CONNECT + EXCHANGE + rdp_pdu(0x68, 0x0080, bytes(90)) + b"\x00\x0a" + bytes(8)) is None


def test_rdp_cut_inside_a_header_is_never_encrypted() -> None:
    assert onset.rdp(CONNECT + b"\x00\x00\x00") is None
    assert onset.rdp(CONNECT + b"\x00\x00\x00\x00\x00") is None
