"""Whole sides to learn from: what the core would keep of them, and how they are made."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from cleartext import HTTP, PROSE, random

from bench.coding.data import Stream
from bench.verdict import sides


def test_of_a_side_the_longest_opaque_segment_is_kept():
    first, second = random(400, 1), random(20_000, 2)
    kept = sides.run(PROSE[:208] + first + PROSE[:208] + second)
    assert kept.has_clear
    assert len(kept.octets) == sides.MOST_BYTES
    assert kept.octets[64:] in second


def test_a_side_without_cleartext_is_kept_from_its_first_byte():
    assert sides.run(random(600, 3)) == (random(600, 3), False)


def test_nothing_is_kept_of_cleartext():
    assert sides.run(PROSE[:2000]) == (b"", True)
    assert sides.run(b"") == (b"", False)


@pytest.mark.parametrize(
    ("coarse", "label", "expected"),
    [
        ("encrypted", "TLS", "encrypted"),
        ("compressed-or-media", "HTTP", "compressed"),
        ("encrypted", "SOMETHING", ""),
        ("plaintext", "HTTP", ""),
    ],
)
def test_only_sure_labels_have_a_truth(coarse, label, expected):
    assert sides.truth(coarse, label) == expected


def _unchunked(body):
    whole = b""
    while body:
        size, rest = body.split(b"\r\n", 1)
        length = int(size, 16)
        whole, body = whole + rest[:length], rest[length + 2 :]
        if not length:
            break
    return whole


def test_responses_carry_their_body_whole_or_in_chunks():
    kinds = set()
    for seed in range(12):
        head, body = sides.http_response(random(9_000, seed), np.random.default_rng(seed)).split(b"\r\n\r\n", 1)
        kinds.add(chunked := b"chunked" in head)
        assert (_unchunked(body) if chunked else body) == random(9_000, seed)
        assert chunked or b"Content-Length: 9000" in head
    assert kinds == {True, False}


def test_records_behind_messages_are_of_coded_and_random_bytes_in_turn(tmp_path: Path):
    path = tmp_path / "deflate6"
    path.write_bytes(zlib.compress(random(3_000, 1).hex().encode() * 30 + random(60_000, 2), 6))
    stream = Stream(path, "source", "deflate6", "zlib", path.stat().st_size)
    made = list(sides.made_framed([stream], [HTTP[:64]], 40, np.random.default_rng(1)))
    assert {source for source, _, _ in made} == {stream, None}
    assert all(one.has_clear and len(one.octets) >= sides.LEAST_BYTES for _, _, one in made)


def test_made_tls_sessions_are_records_from_end_to_end():
    pytest.importorskip("cryptography", reason="certificates are made by it (bench/coding/README.md)")
    from bench.verdict import tls_sessions

    versions = set()
    for client, server in tls_sessions.sessions(24, np.random.default_rng(5)):
        for side in (client, server):
            at = 0
            while at < len(side):
                assert 20 <= side[at] <= 23
                assert side[at + 1] == 3
                at += 5 + int.from_bytes(side[at + 3 : at + 5], "big")
            assert at == len(side)
        assert client[5] == 1  # ClientHello
        assert server[5] == 2  # ServerHello
        # TLS 1.3 names its version in an extension of the ServerHello (RFC 8446, section 4.2.1).
        versions.add(b"\x00\x2b\x00\x02\x03\x04" in server[:200])
    assert versions == {True, False}
