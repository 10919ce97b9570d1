"""Headers between records: what is put there can be taken out again."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from bench.verdict import framing


def test_tls_records_hold_the_payload_in_order():
    payload = np.random.default_rng(1).bytes(200_000)
    stream = framing.framed(payload, "tls", np.random.default_rng(2), 50_000)
    at = stream.index(b"\x17\x03\x03")
    found = stream[:at]
    while at + 5 <= len(stream):
        kind, version, length = struct.unpack_from(">BHH", stream, at)
        assert (kind, version) == (23, 0x0303)
        found += stream[at + 5 : at + 5 + length]
        at += 5 + length
    assert found[5:] in payload


@pytest.mark.parametrize("kind", sorted({*framing.CIPHERTEXT, *framing.CODED}))
def test_every_kind_gives_as_many_bytes_as_asked(kind):
    for seed in range(8):
        stream = framing.framed(b"\x99" * 40_000, kind, np.random.default_rng(seed), 5000)
        assert len(stream) == 5000
        assert b"\x99" in stream


def test_records_of_datagrams_fit_a_packet():
    for seed in range(20):
        sizes = framing.record_sizes("quic", np.random.default_rng(seed))
        assert all(next(sizes) <= 1400 for _ in range(100))


def test_too_little_payload_is_refused():
    with pytest.raises(ValueError, match="do not fill"):
        framing.framed(bytes(100), "length2", np.random.default_rng(0), 5000)


def test_equal_seeds_give_equal_bytes():
    payload = np.random.default_rng(1).bytes(100_000)
    one, two = (framing.framed(payload, "rtp", np.random.default_rng(5), 3000) for _ in range(2))
    assert one == two
