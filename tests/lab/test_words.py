"""Synthetic text is repeatable, of exact size, and as random as written language."""

from __future__ import annotations

from collections import Counter
from math import log2

from lab.words import text


def test_same_seed_gives_the_same_text_and_another_seed_another() -> None:
    assert text(500, "a") == text(500, "a") != text(500, "b")


def test_text_has_exactly_the_size_asked_for() -> None:
    assert [len(text(size, "a")) for size in (0, 1, 999)] == [0, 1, 999]


def test_text_has_the_byte_entropy_of_written_english() -> None:
    octets = text(50_000, "a").encode()
    entropy = -sum(n / len(octets) * log2(n / len(octets)) for n in Counter(octets).values())
    assert 4.0 < entropy < 4.7
