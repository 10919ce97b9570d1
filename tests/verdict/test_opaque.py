"""Opaque or clear, by the first bytes."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiretropy import read_flows
from wiretropy.verdict import opaque, opaque_probability
from wiretropy.verdict.head_statistics import STATISTICS, head_statistics

LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
PRINTED = frozenset([*range(0x20, 0x7F), 9, 10, 13])


def by_hand(head: bytes) -> dict[str, int]:
    """The statistics of one head, written down a second time, byte by byte."""
    ascending, pairs = sorted(head), list(itertools.pairwise(head))
    gaps = [b - a for a, b in itertools.pairwise(ascending)]
    nibbles = [Counter(byte >> 4 for byte in head), Counter(byte & 15 for byte in head)]
    return {
        "printable": sum(byte in PRINTED for byte in head),
        "letters": sum(byte in LETTERS for byte in head),
        "digits": sum(byte in b"0123456789" for byte in head),
        "spaces": head.count(b" "),
        "zeros": head.count(0),
        "all_ones": head.count(255),
        "high": sum(byte > 127 for byte in head),
        "control": sum(0 < byte < 32 and byte not in (9, 10, 13) for byte in head),
        "small": sum(0 < byte < 16 for byte in head),
        "set_bits": sum(byte.bit_count() for byte in head),
        "set_bits_squared": sum(byte.bit_count() ** 2 for byte in head),
        "high_nibble_pairs": sum(n * (n - 1) // 2 for n in nibbles[0].values()),
        "high_nibble_most": max(nibbles[0].values()),
        "low_nibble_pairs": sum(n * (n - 1) // 2 for n in nibbles[1].values()),
        "low_nibble_most": max(nibbles[1].values()),
        "equal": gaps.count(0),
        "successive": gaps.count(1),
        "close": sum(gap <= 2 for gap in gaps),
        "widest_gap": max(gaps),
        "least": min(head),
        "greatest": max(head),
        "sum": sum(head),
        "sum_of_squares": sum(byte * byte for byte in head),
        "median": ascending[len(head) // 2],
        "most": max(Counter(head).values()),
        "equal_neighbours": sum(a == b for a, b in pairs),
        "close_neighbours": sum(abs(a - b) <= 4 for a, b in pairs),
        "near_neighbours": sum(abs(a - b) <= 16 for a, b in pairs),
        "total_step": sum(abs(a - b) for a, b in pairs),
        "same_block": sum(a ^ b < 16 for a, b in pairs),
        "printable_pairs": sum(a in PRINTED and b in PRINTED for a, b in pairs),
        "zero_ends": sum(a == 0 and b != 0 for a, b in pairs),
    }


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=5))
def test_statistics_are_what_counting_byte_by_byte_gives(heads: list[bytes]) -> None:
    matrix = np.frombuffer(b"".join(heads), np.uint8).reshape(-1, 16)
    for row, head in zip(head_statistics(matrix).tolist(), heads, strict=True):
        assert dict(zip(STATISTICS, row, strict=True)) == by_hand(head)


@pytest.mark.parametrize("length", opaque.HEAD_LENGTHS)
def test_random_bytes_are_opaque(length: int) -> None:
    drawn = np.random.default_rng(length).bytes(4_000 * length)
    heads = [drawn[at : at + length] for at in range(0, len(drawn), length)]
    # 0.99 of 4,000 with four standard deviations of sampling to spare.
    assert (opaque_probability(heads) > 0.5).sum() > 4_000 * 0.984


CLEAR = {
    "http": b"GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nAccept: */*\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
    "smtp": b"220 mail.example.org ESMTP ready\r\n",
    "dns": bytes.fromhex("a1b2010000010000000000000377777707657861") + b"mple\x03org\x00\x00\x01\x00\x01",
    "tls": bytes.fromhex("160301020001000"[:14] + "01fc0303") + bytes(range(100, 150)),
    "smb": bytes.fromhex("00000054ff534d4272000000001801280000000000000000000000000000fffe"),
}


@pytest.mark.parametrize("name", CLEAR)
def test_beginnings_of_clear_protocols_are_clear(name: str) -> None:
    lengths = [length for length in opaque.HEAD_LENGTHS if length <= len(CLEAR[name])]
    probability = opaque_probability([CLEAR[name][:length] for length in lengths])
    assert (probability < 0.5).all(), dict(zip(lengths, probability.tolist(), strict=True))


def test_of_a_head_the_longest_length_counts_and_more_is_not_looked_at() -> None:
    head = np.random.default_rng(5).bytes(100)
    at = opaque_probability([head[:n] for n in (8, 15, 16, 31, 32, 63, 64, 100)])
    assert (at[::2] == at[1::2]).all()
    assert len(set(at[::2].tolist())) == 4


def test_too_few_bytes_are_not_judged_and_rows_keep_their_places() -> None:
    probability = opaque_probability([b"", b"1234567", CLEAR["http"], b"12345678"])
    assert np.isnan(probability).tolist() == [True, True, False, False]
    assert opaque_probability([]).shape == (0,)


def test_in_the_demo_http_is_clear_and_so_are_banners(examples: Path) -> None:
    flows = read_flows(examples / "demo.pcap")
    heads = [row["orig_head"] for row in flows.to_arrow().to_pylist() if row["resp_port"] in (22, 80)]
    assert len(heads) >= 3
    assert (opaque_probability(heads) < 0.5).all()


def stored() -> Any:
    return json.loads(Path(opaque.__file__).with_name("opaque.json").read_text())


def test_tables_of_another_format_are_refused() -> None:
    with pytest.raises(ValueError, match="tables of format 2, but this wiretropy knows 1"):
        opaque.parse(stored() | {"format": 2})


def test_damaged_tables_are_refused() -> None:
    damaged = stored()
    damaged["lengths"]["8"]["statistics"]["zeros"]["scores"].pop()
    with pytest.raises(ValueError, match="for 8 bytes: a table needs one score more than bounds"):
        opaque.parse(damaged)
    renamed = stored()
    renamed["lengths"]["8"]["statistics"]["port"] = {"bounds": [], "scores": [1.0]}
    with pytest.raises(ValueError, match="no statistics of these names: port"):
        opaque.parse(renamed)
