"""What the models of encrypted and compressed are tested on: fragments of sources, encoders and traffic they never saw.

Each function gives fragments in an order that a seed fixes, for any number of uses; `rows` measures them, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.coding import data, formats
from bench.verdict import samples
from bench.verdict.samples import Fragment, Rows

SEED = 77

PER_FORMAT = {512: 600, 2048: 500, 8192: 350, 16_384: 120, 65_536: 100}
CIPHERTEXT = {512: 8000, 2048: 7000, 8192: 5000, 16_384: 2000, 65_536: 1500}
"""Fragments of each format and of ciphertext by length; for lengths between, those of the next shorter one."""

FORMATS = (*formats.BASE, *formats.HARD, *formats.EXTRA)


@dataclass(frozen=True, slots=True)
class Tested:
    """Fragments with what was measured of them, row by row."""

    fragments: Sequence[Fragment]
    rows: Rows

    @property
    def payloads(self) -> list[bytes]:
        """The bytes alone."""
        return [fragment.octets for fragment in self.fragments]


def _measured(name: str, fragments: list[Fragment]) -> Tested:
    return Tested(fragments, samples.measured(f"test-{name}", iter(fragments)))


def _count(counts: dict[int, int], length: int, scale: float) -> int:
    return max(20, int(scale * counts[max((n for n in counts if n <= length), default=512)]))


def plain(length: int, scale: float, *, at_start: bool = False) -> Tested:
    """Every format and ciphertext, cut at random offsets, or at the beginning of streams."""
    draw = np.random.default_rng([SEED, length, at_start])
    found = list(
        samples.coded(
            data.streams(is_test=True), FORMATS, _count(PER_FORMAT, length, scale), draw, length=length,
            at_start=at_start,
        )
    )  # fmt: skip
    found += samples.ciphertext(length, _count(CIPHERTEXT, length, scale))
    return _measured(f"{'start' if at_start else 'plain'}-{length}-{scale:g}", found)


def short(length: int, scale: float) -> list[Fragment]:
    """The 17 formats and random bytes, too short to be measured by the model."""
    draw = np.random.default_rng([SEED, length, 5])
    found = list(samples.coded(data.streams(is_test=True), formats.BASE, int(300 * scale), draw, length=length))
    return found + list(samples.random_bytes(int(3000 * scale), draw, length=length))


def framed(length: int, scale: float) -> Tested:
    """Coded bytes and ciphertext in records with headers between."""
    draw = np.random.default_rng([SEED, length, 2])
    count = _count(PER_FORMAT, length, scale) // 3
    found = list(samples.coded(data.streams(is_test=True), formats.BASE, count, draw, length=length, frame=True))
    found += samples.random_bytes(_count(CIPHERTEXT, length, scale) // 2, draw, length=length, frame=True)
    return _measured(f"framed-{length}-{scale:g}", found)


def traffic(length: int, scale: float) -> Tested:
    """Opaque parts of real traffic from repositories that training did not see."""
    draw = np.random.default_rng([SEED, length, 3])
    found = list(samples.real_traffic(max(20, int(1500 * scale)), draw, is_test=True, length=length))
    return _measured(f"traffic-{length}-{scale:g}", found)


def of_all_lengths(scale: float) -> Tested:
    """The 17 formats and ciphertext at drawn lengths, for calibration."""
    draw = np.random.default_rng([SEED, 4])
    found = list(samples.coded(data.streams(is_test=True), formats.BASE, max(20, int(900 * scale)), draw))
    found += samples.random_bytes(max(100, int(15_000 * scale)), draw)
    return _measured(f"lengths-{scale:g}", found)
