"""What is measured of a fragment to tell coded bytes (compressed, media) from encrypted ones.

A fragment of at least 64 bytes enters, 107 numbers leave. Nearly all are scored against uniformly random bytes: mean 0,
and the variance that the docstring of each group states, so that 0 is what encrypted bytes give at any length. Codes
of compressors and media formats are read bit by bit, so words of bits are counted at every bit offset, in both orders
in which a byte is read: `msb` is the most significant bit first (JPEG, MP3, bzip2), `lsb` the least (deflate, brotli).

Definitions, laws and what each group contributes: docs/decisions/0014-encrypted-or-compressed.md. The laws of
chi-square under overlapping words follow Good, "The serial test for sampling numbers" (1953).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ORDERS: tuple[Literal["msb", "lsb"], ...] = ("msb", "lsb")
"""Orders in which the bits of a byte are read."""

SHORTEST = 64
"""Least length of a fragment, in bytes: one block of `blocks`."""

CHI_WIDTHS = (8, 10, 12)
"""Widths of the words of `words`, in bits; 12 is the widest that fits the first-level cache as counts of 16 bits."""

CONTEXTS = range(1, 12)
"""Lengths of the contexts of `next_bits`, in bits: up to one less than the widest word counted."""

BIT_LAGS = range(6, 33)
"""Lags of `bit_lags`; shorter ones are seen by words."""

BYTE_LAGS = range(1, 9)
"""Lags of `byte_lags`."""

LONG_WIDTHS = (18, 22)
"""Widths of the words of `long_repeats`, in bits."""

LONG_LIMIT = 20_000
"""Longest fragment, in bytes, of which 22-bit words are counted: beyond, more than one in 50 repeats by chance."""

SLOTS = 4096
"""Slots of the table of recent strings in `string_repeats`."""

_LAST_FIRST_BIT = 16
"""Words of every width end at this bit or later, so that there are equally many of each width."""


def measure(fragment: bytes) -> dict[str, float]:
    """Measure all statistics of one fragment.

    Parameters
    ----------
    fragment : bytes of length n
        At least `SHORTEST` contiguous bytes, cut anywhere.

    Returns
    -------
    dict of str to float
        Always the same keys in the same order: `NAMES`.

    Raises
    ------
    ValueError
        If the fragment is too short.

    Examples
    --------
    A counter has every byte equally often, which is far from random too:

    >>> round(measure(bytes(range(256)) * 2)["byte_chi2"], 2)
    -11.29
    """
    if len(fragment) < SHORTEST:
        raise ValueError(f"a fragment must have at least {SHORTEST} bytes; got {len(fragment)}")
    octets = np.frombuffer(fragment, np.uint8)
    values = byte_counts(octets) | pairs(octets) | string_repeats(octets) | blocks(octets) | byte_lags(octets)
    for order in ORDERS:
        bits = bits_of(octets, order)
        counts = word_counts(bits)
        of_bits = words(counts) | next_bits(counts) | long_repeats(bits) | bit_lags(bits)
        values |= {f"{order}_{name}": value for name, value in of_bits.items()}
    return values


def table(fragments: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure fragments of one length.

    Parameters
    ----------
    fragments : ndarray of shape (count, n), uint8

    Returns
    -------
    ndarray of shape (count, len(NAMES)), float32
    """
    rows = [list(measure(fragment.tobytes()).values()) for fragment in fragments]
    return np.array(rows, np.float32).reshape(len(fragments), len(NAMES))


def chi_square(counts: NDArray[np.int64]) -> float:
    """Pearson's chi-square of m counts against equal shares, standardised as if it had m - 1 degrees of freedom.

    For N independent uniform draws the mean is exactly 0 and the variance exactly 1 - 1/N. Above 0: uneven.
    For overlapping words of k random bits the mean is still exactly 0, because the covariances of a word's
    occurrences sum to zero over all words, and the variance tends to 1 + 2 sum_{d=1}^{k-1} (2^(k-d) - 1) / (2^k - 1):
    2.94, 2.98 and 2.99 for 8, 10 and 12 bits.
    """
    freedom = len(counts) - 1
    share = counts.sum() / len(counts)
    return float((((counts - share) ** 2).sum() / share - freedom) / np.sqrt(2 * freedom))


def bits_of(octets: NDArray[np.uint8], order: Literal["msb", "lsb"]) -> NDArray[np.uint8]:
    """Bits in the order in which a decoder takes them from each byte, one a element."""
    return np.unpackbits(octets, bitorder="big" if order == "msb" else "little")


def bit_words(bits: NDArray[np.uint8], width: int) -> NDArray[np.uint32]:
    """Words of `width` bits at every bit offset, the first bit the most significant; M - width + 1 words of M bits."""
    count = len(bits) - width + 1
    found = np.zeros(count, np.uint32)
    for place in range(width):
        found = found << np.uint32(1) | bits[place : place + count]
    return found


def word_counts(bits: NDArray[np.uint8]) -> dict[int, NDArray[np.int64]]:
    """How often each word stands in M bits, at every bit offset, for widths of 1 to 12 bits.

    Returns
    -------
    dict of int to ndarray of shape (2^width,), int64
        By width; only words that end at bit 16 or later are counted, M - 15 of each width.
    """
    widest = CHI_WIDTHS[-1]
    counts = {widest: np.bincount(bit_words(bits, widest)[_LAST_FIRST_BIT - widest :], minlength=1 << widest)}
    for width in range(widest, 1, -1):
        # Words that differ in the first bit only are one word of a bit less.
        counts[width - 1] = counts[width].reshape(2, -1).sum(axis=0)
    return counts


def words(counts: Mapping[int, NDArray[np.int64]]) -> dict[str, float]:
    """Chi-square of words of 8, 10 and 12 bits at every bit offset: see `chi_square` for its law.

    The strongest group: an entropy coder leaves its code words unequally often, wherever they begin.
    """
    return {f"chi_{width}": chi_square(counts[width]) for width in CHI_WIDTHS}


def next_bits(counts: Mapping[int, NDArray[np.int64]]) -> dict[str, float]:
    """Whether equal contexts of k bits are followed by equal bits more often than not.

    With a and b the counts of 0 and 1 after a context and t = a + b, the sum over contexts of (a - b)^2 - t, divided by
    the root of the sum of 2 t (t - 1). The sum counts pairs of equal contexts, plus 2 where the next bits agree and
    minus 2 where not; the later bit of a pair is fair whatever came before, so the mean of the sum is exactly 0, and
    the variance is 1 but for contexts that overlap each other. Above 0: predictable.
    """
    values = {}
    for length in CONTEXTS:
        agreement, variance = context_agreement(counts[length + 1])
        values[f"next_bit_{length}"] = agreement / math.sqrt(variance) if variance else 0.0
    return values


def context_agreement(counts: NDArray[np.int64]) -> tuple[int, int]:
    """The sum of `next_bits` and its variance, from the counts of words of a context and the bit after it."""
    after = counts.reshape(-1, 2)
    seen = after.sum(axis=1)
    agreement = (after[:, 0] - after[:, 1]) ** 2 - seen
    return int(agreement.sum()), int((2 * seen * (seen - 1)).sum())


def long_repeats(bits: NDArray[np.uint8]) -> dict[str, float]:
    """How many words of 18 and 22 bits, at every bit offset, stood in the fragment before.

    Of N words (the last of the fragment is not counted) of m = 2^width, N - m (1 - exp(-N/m)) = r repeat on average.
    The score is (repeats - r) / sqrt(3 r + 1); repeats come in clumps, as for chi-square, hence the 3. Mean about 0,
    variance about 1 or below. 22 bits are 0 above `LONG_LIMIT`.
    """
    values = {}
    for width in LONG_WIDTHS:
        if width > LONG_WIDTHS[0] and len(bits) > 8 * LONG_LIMIT:
            values[f"repeats_{width}"] = 0.0
            continue
        found = bit_words(bits[:-1], width)
        space = float(1 << width)
        expected = len(found) + space * np.expm1(-len(found) / space)
        repeated = len(found) - _distinct(found, width)
        values[f"repeats_{width}"] = float((repeated - expected) / np.sqrt(3 * expected + 1))
    return values


def bit_lags(bits: NDArray[np.uint8]) -> dict[str, float]:
    """Agreements less disagreements of bits at lags 6 to 32, over the root of their number.

    Mean exactly 0, variance exactly 1: whether two random bits agree is independent between any two pairs. Above 0:
    bits agree. Lags that are multiples of 8 are the same in both orders.
    """
    return {f"bit_lag_{lag}": bit_lag(bits, lag) for lag in BIT_LAGS}


def bit_lag(bits: NDArray[np.uint8], lag: int) -> float:
    """One of `bit_lags`."""
    compared = len(bits) - lag
    unlike = int(np.count_nonzero(bits[lag:] != bits[:-lag]))
    return (compared - 2 * unlike) / math.sqrt(compared)


def byte_counts(octets: NDArray[np.uint8]) -> dict[str, float]:
    """Chi-square of bytes, how often 00 and FF stand, and the most zeros among 16 bytes.

    `byte_chi2`: see `chi_square`. `zero_count`, `ff_count`: (count - n/256) over the root of n (1/256) (255/256);
    mean exactly 0, variance exactly 1. `zeros_of_16`: largest number of zeros in the 16 bytes at offsets 0, 4, 8, ...;
    a plain number, in random bytes 1 to 3, the more the longer the fragment.
    """
    counts = np.bincount(octets, minlength=256)
    expected = len(octets) / 256
    spread = np.sqrt(expected * 255 / 256)
    windows = np.lib.stride_tricks.sliding_window_view(octets == 0, 16)[::4]
    return {
        "byte_chi2": chi_square(counts),
        "zero_count": float((counts[0] - expected) / spread),
        "ff_count": float((counts[255] - expected) / spread),
        "zeros_of_16": float(windows.sum(axis=1).max()),
    }


def pairs(octets: NDArray[np.uint8]) -> dict[str, float]:
    """What follows FF and 00, which JPEG and MP3 restrict.

    `ff_00`, `zero_pair`: (count - e) / sqrt(e + 0.1) with e = (n - 1)/65536 pairs expected; mean exactly 0, variance
    about e / (e + 0.1). `ff_other`, `ff_marker`: of f bytes after an FF, those that a JPEG scan cannot have there (all
    but 00 and D0 to D7; p = 247/256), and those from E0 to FE (p = 31/256), as
    (count - f p) / sqrt(f p (1 - p) + 0.05); mean about 0, variance about 1, below it for few
    FF; 0 where there is none.
    """
    before, after = octets[:-1], octets[1:]
    expected = len(before) / 65536
    followers = after[before == 255]
    other = int(np.count_nonzero((followers != 0) & (followers & 0xF8 != 0xD0)))
    marker = int(np.count_nonzero((followers >= 0xE0) & (followers != 255)))
    zero_pair = np.count_nonzero((before == 0) & (after == 0))
    return {
        "ff_00": float((np.count_nonzero(followers == 0) - expected) / np.sqrt(expected + 0.1)),
        "ff_other": _binomial(other, len(followers), 247 / 256),
        "ff_marker": _binomial(marker, len(followers), 31 / 256),
        "zero_pair": float((zero_pair - expected) / np.sqrt(expected + 0.1)),
    }


def string_repeats(octets: NDArray[np.uint8]) -> dict[str, float]:
    """How often a string of 3 or 4 bytes is the last that fell into its slot of a table of `SLOTS`.

    Strings end at byte 4 or later: N = n - 3. In random bytes e = (S / 256^3) (N - S (1 - exp(-N/S))) of three bytes
    repeat. `repeats_3` is (repeats - e) / sqrt(e + 0.5): mean about 0, variance about e / (e + 0.5). `repeats_4` is
    log2(1 + repeats): 0 in nearly all random fragments.
    """
    four = np.lib.stride_tricks.sliding_window_view(octets, 4).copy().view(">u4").ravel().astype(np.uint32)
    count = len(four)
    expected = SLOTS / 256**3 * (count + SLOTS * np.expm1(-count / SLOTS))
    return {
        "repeats_3": float(
            (_slot_hits(np.bitwise_and(four, 0xFFFFFF, dtype=np.uint32)) - expected) / np.sqrt(expected + 0.5)
        ),
        "repeats_4": float(np.log2(1 + _slot_hits(four))),
    }


def blocks(octets: NDArray[np.uint8]) -> dict[str, float]:
    """Equal pairs of bytes within blocks of 64: how much blocks differ, and the largest.

    Each block has 2016 pairs, of which 7.875 are equal on average with variance v = 7.844; z is standardised.
    `block_variance` is (sum z^2 - B) / sqrt((2 + 1/v) B) for B blocks, mean exactly 0 and variance about 1;
    `block_largest` is the largest z, which grows with the number of blocks.
    """
    whole = octets[: len(octets) // 64 * 64].reshape(-1, 64).astype(np.int64)
    count = len(whole)
    counts = np.bincount((whole + 256 * np.arange(count)[:, None]).ravel(), minlength=256 * count).reshape(count, 256)
    equal = (counts * (counts - 1) // 2).sum(axis=1)
    mean = 64 * 63 / 2 / 256
    variance = mean * 255 / 256
    scores = (equal - mean) / np.sqrt(variance)
    return {
        "block_variance": float(((scores**2).sum() - count) / np.sqrt((2 + 1 / variance) * count)),
        "block_largest": float(scores.max()),
    }


def byte_lags(octets: NDArray[np.uint8]) -> dict[str, float]:
    """Equal bytes at lags 1 to 8, and of lags 1 to 4 together.

    (equal - N/256) over the root of N (1/256) (255/256), N = n - lag; a binomial number, so mean exactly 0, variance
    exactly 1. `byte_lags_1_to_4` is half the sum of the first four: the same, because they are uncorrelated.
    """
    values = {f"byte_lag_{lag}": byte_lag(octets, lag) for lag in BYTE_LAGS}
    values["byte_lags_1_to_4"] = sum(values[f"byte_lag_{lag}"] for lag in range(1, 5)) / 2
    return values


def byte_lag(octets: NDArray[np.uint8], lag: int) -> float:
    """One of `byte_lags`."""
    equal = int(np.count_nonzero(octets[lag:] == octets[:-lag]))
    expected = (len(octets) - lag) / 256
    return (equal - expected) / math.sqrt(expected * 255 / 256)


def _distinct(found: NDArray[np.uint32], width: int) -> int:
    """How many words differ; sorting is quicker than counting where they fill little of the space."""
    if len(found) < 1 << (width - 2):
        return len(np.unique(found))
    return int(np.count_nonzero(np.bincount(found)))


def _slot_hits(strings: NDArray[np.uint32]) -> int:
    """How many strings equal the one before in their slot."""
    # Knuth's multiplicative hash: 2^32 over the golden ratio, the upper 12 bits of the product.
    slots = (strings * np.uint32(2654435761)) >> np.uint32(20)
    order = np.argsort(slots, kind="stable")
    # Equal strings share a slot, so neighbours in this order that are equal are neighbours in a slot.
    return int(np.count_nonzero(np.diff(strings[order]) == 0))


def _binomial(count: int, trials: int, chance: float) -> float:
    """A count standardised as a binomial number; 0.05 keeps few trials from giving large scores."""
    return float((count - trials * chance) / np.sqrt(trials * chance * (1 - chance) + 0.05))


def _names() -> tuple[str, ...]:
    return tuple(measure(bytes(SHORTEST)))


NAMES = _names()
"""Names of the statistics, in the order of `measure`."""

CHI_SQUARES = tuple(name for name in NAMES if "chi" in name)
"""The seven chi-square statistics: what the simplest good detector needs."""

SETS: Mapping[str, tuple[str, ...]] = {"S": NAMES, "chi-square": CHI_SQUARES, "bytes": ("byte_chi2",)}
"""Sets of statistics that `evaluate` compares."""
