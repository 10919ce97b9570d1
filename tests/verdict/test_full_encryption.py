"""The published rule at its boundaries, computed by hand, and the rule that spares compressed payloads."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pytest
from cleartext import HTTP, JSON, PROSE, REQUESTS, random
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.verdict import full_encryption
from wiretropy.verdict.full_encryption import is_fully_encrypted, log_odds_limit, published_rule


def flagged(payload: bytes) -> bool:
    [is_flagged] = published_rule([payload]).tolist()
    return bool(is_flagged)


# Bytes that are not printable, by their number of set bits: 0x01 has 1, 0x07 3, 0x0f 4, 0x1f 5, 0x9f 6, 0xbf 7.
FOUR = b"\x0f"


@pytest.mark.parametrize(
    ("payload", "is_flagged"),
    [
        # 34 bits in 10 bytes are exempt, 35 are not.
        (b"\x0f" * 4 + b"\x07" * 6, False),
        (b"\x0f" * 5 + b"\x07" * 5, True),
        # 46 bits in 10 bytes are exempt, 45 are not.
        (b"\x1f" * 6 + b"\x0f" * 4, False),
        (b"\x1f" * 5 + b"\x0f" * 5, True),
        # 17 and 18 bits in 5 bytes, 23 and 22 bits in 5.
        (b"\x0f\x0f\x07\x07\x07", False),
        (b"\x0f\x0f\x0f\x07\x07", True),
        (b"\x1f\x1f\x1f\x0f\x0f", False),
        (b"\x1f\x1f\x0f\x0f\x0f", True),
        (bytes(100), False),
        (b"\xff" * 100, False),
    ],
)
def test_ex1_exempts_at_most_3_4_and_at_least_4_6_set_bits_per_byte(payload: bytes, is_flagged: bool) -> None:
    assert flagged(payload) == is_flagged


# Printable characters with four set bits: 'G' 0x47, 'S' 0x53, 'e' 0x65; '~' 0x7e has six, ' ' 0x20 one.
@pytest.mark.parametrize(
    ("payload", "is_flagged"),
    [
        (b"GGGGGG" + FOUR * 20, False),
        (b"GGGGG" + FOUR + b"G" + FOUR * 20, True),
        (FOUR + b"GGGGGG" + FOUR * 20, True),
        # 0x20 and 0x7e are printable, 0x1f and 0x7f, tab and line feed are not.
        (b" ~GGGG" + FOUR * 20, False),
        (b"GG\x1fGGG" + FOUR * 20, True),
        (b"GG\x7fGGG" + FOUR * 20, True),
        (b"GG\tGGG" + FOUR * 20, True),
        (b"GG\nGGG" + FOUR * 20, True),
    ],
)
def test_ex2_exempts_six_printable_bytes_at_the_beginning(payload: bytes, is_flagged: bool) -> None:
    assert flagged(payload) == is_flagged


@pytest.mark.parametrize(
    ("payload", "is_flagged"),
    [
        ((FOUR + b"G") * 20, True),
        ((FOUR + b"G") * 20 + b"G", False),
        ((FOUR + b"G") * 20 + FOUR, True),
        # Too short for six, but printable.
        (b"GGGGG", False),
        (b"G", False),
        (FOUR, True),
    ],
)
def test_ex3_exempts_more_than_half_printable(payload: bytes, is_flagged: bool) -> None:
    assert flagged(payload) == is_flagged


@pytest.mark.parametrize(
    ("payload", "is_flagged"),
    [
        (FOUR * 30 + b"G" * 20 + FOUR * 30, True),
        (FOUR * 30 + b"G" * 21 + FOUR * 30, False),
        (FOUR * 60 + b"G" * 21, False),
        (FOUR * 60 + b"G" * 20, True),
        (FOUR * 30 + b"G" * 11 + FOUR + b"G" * 11 + FOUR * 30, True),
    ],
)
def test_ex4_exempts_more_than_twenty_printable_in_a_row(payload: bytes, is_flagged: bool) -> None:
    assert flagged(payload) == is_flagged


@pytest.mark.parametrize(
    ("begin", "is_flagged"),
    [
        (b"\x16\x03\x00", False),
        (b"\x16\x03\x09", False),
        (b"\x17\x03\x03", False),
        (b"\x16\x03\x0a", True),
        (b"\x15\x03\x01", True),
        (b"\x18\x03\x01", True),
        (b"\x16\x02\x01", True),
        (b"GET ", False),
        (b"PUT ", False),
        (b"POST ", False),
        (b"HEAD ", False),
        (b"GET\t", True),
        (b"get ", True),
        (b"OPTS ", True),
        (b"\x0fGET ", True),
    ],
)
def test_ex5_exempts_the_beginnings_of_tls_and_http(begin: bytes, is_flagged: bool) -> None:
    assert flagged(begin + FOUR * 40) == is_flagged


def test_no_bytes_are_not_flagged() -> None:
    assert published_rule([]).shape == (0,)
    assert published_rule([b""]).tolist() == [False]


def test_the_rule_flags_what_was_published_of_random_payloads() -> None:
    """99.4 % of random payloads of 100 bytes, with four standard deviations of 4,000 to spare."""
    flags = published_rule([random(100, seed) for seed in range(4_000)])
    assert flags.mean() == pytest.approx(0.994, abs=0.005)


def test_the_rule_flags_compressed_payloads_too() -> None:
    payloads = compressed(1_024, 120)
    assert published_rule(payloads).mean() > 0.85


def by_hand(payload: bytes) -> bool:
    """The rule a second time, in words of strings and digits."""
    bits = "".join(f"{value:08b}" for value in payload)
    marks = "".join("p" if " " <= chr(value) <= "~" else "-" for value in payload)
    exempt = [
        10 * bits.count("1") <= 34 * len(payload),
        10 * bits.count("1") >= 46 * len(payload),
        marks.startswith("p" * 6),
        2 * marks.count("p") > len(payload),
        "p" * 21 in marks,
        payload[:1] in (b"\x16", b"\x17") and payload[1:2] == b"\x03" and payload[2:3] != b"" and payload[2] < 10,
        payload[:4] in (b"GET ", b"PUT ") or payload[:5] in (b"POST ", b"HEAD "),
    ]
    return payload != b"" and not any(exempt)


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_the_rule_is_that_of_words(payloads: list[bytes]) -> None:
    assert published_rule(payloads).tolist() == [by_hand(payload) for payload in payloads]


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_the_rule_is_that_of_words_for_random_bytes(seed: int, length: int) -> None:
    payload = random(length, seed)
    assert flagged(payload) == by_hand(payload)


# The other rule.


@cache
def streams(count: int) -> list[bytes]:
    """Deflated texts of made-up words."""
    found = []
    for seed in range(count):
        draw = np.random.default_rng(seed)
        words = [draw.integers(97, 123, length, np.uint8).tobytes() for length in draw.integers(2, 9, 500)]
        found.append(zlib.compress(b" ".join(words[at] for at in draw.zipf(1.3, 4_000) % len(words)), 6))
    return found


def compressed(length: int, count: int) -> list[bytes]:
    """The beginnings of deflated texts of made-up words."""
    payloads = [stream[:length] for stream in streams(count)]
    assert {len(payload) for payload in payloads} == {length}
    return payloads


@pytest.mark.parametrize("length", [64, 100, 256, 600, 1_460])
def test_of_random_first_packets_99_percent_are_found(length: int) -> None:
    """With four standard deviations of 2,000 to spare."""
    found = is_fully_encrypted([random(length, seed) for seed in range(2_000)])
    assert found.mean() >= 0.99 - 4 * (0.99 * 0.01 / 2_000) ** 0.5


@pytest.mark.parametrize("length", [1_024, 1_460])
def test_of_compressed_payloads_of_1_kb_at_most_10_percent_are_taken_for_it(length: int) -> None:
    assert is_fully_encrypted(compressed(length, 120)).mean() <= 0.1


def test_ordinary_first_packets_are_not_taken_for_it() -> None:
    assert not is_fully_encrypted([HTTP, JSON, PROSE, REQUESTS, bytes(100), HTTP[:20], REQUESTS[:12]]).any()


def test_fewer_than_8_bytes_tell_nothing() -> None:
    found = is_fully_encrypted([b"", *(random(length, seed) for length in (1, 7) for seed in range(20))])
    assert found.tolist() == [False] * 41
    assert is_fully_encrypted([]).tolist() == []


def test_short_payloads_are_found_by_their_first_bytes() -> None:
    found = is_fully_encrypted([random(63, seed) for seed in range(500)])
    assert found.mean() >= 0.97


def test_limits_are_interpolated_and_constant_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_encryption, "_limits", lambda: (np.array([6.0, 8.0, 16.0]), np.array([2.0, 1.0, -3.0])))
    lengths = np.array([0, 1, 64, 128, 256, 4_096, 65_536, 10**6])
    assert log_odds_limit(lengths) == pytest.approx([2, 2, 2, 1.5, 1, -1, -3, -3])
