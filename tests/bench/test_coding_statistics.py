"""The statistics that tell coded bytes from random ones: exact laws of small cases, one simulation, and plain loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.coding import statistics


def congruential(count: int) -> bytes:
    """Bytes 16 to 23 of x -> 1103515245 x + 12345 mod 2^31, from 1: the same bytes on every machine."""
    state, made = 1, bytearray()
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        made.append(state >> 16 & 255)
    return bytes(made)


def plain_bits(fragment: bytes, order: str) -> list[int]:
    places = range(8) if order == "lsb" else range(7, -1, -1)
    return [octet >> place & 1 for octet in fragment for place in places]


def plain_counts(bits: list[int], width: int) -> list[int]:
    counts = [0] * (1 << width)
    for end in range(16, len(bits) + 1):
        counts[int("".join(map(str, bits[end - width : end])), 2)] += 1
    return counts


def plain_chi_square(counts: list[int]) -> float:
    share = sum(counts) / len(counts)
    freedom = len(counts) - 1
    return (sum((count - share) ** 2 for count in counts) / share - freedom) / math.sqrt(2 * freedom)


def plain_next_bit(bits: list[int], length: int) -> float:
    counts = plain_counts(bits, length + 1)
    total = variance = 0
    for zeros, ones in zip(counts[::2], counts[1::2], strict=True):
        seen = zeros + ones
        total += (zeros - ones) ** 2 - seen
        variance += 2 * seen * (seen - 1)
    return total / math.sqrt(variance)


def plain_long_repeats(bits: list[int], width: int) -> float:
    seen: set[tuple[int, ...]] = set()
    repeats = 0
    count = len(bits) - width
    for start in range(count):
        word = tuple(bits[start : start + width])
        repeats += word in seen
        seen.add(word)
    expected = count - 2**width * (1 - math.exp(-count / 2**width))
    return (repeats - expected) / math.sqrt(3 * expected + 1)


def plain_bit_lag(bits: list[int], lag: int) -> float:
    agree = sum(1 if bits[at] == bits[at - lag] else -1 for at in range(lag, len(bits)))
    return agree / math.sqrt(len(bits) - lag)


def plain_string_repeats(fragment: bytes, length: int) -> int:
    table: dict[int, int] = {}
    hits = 0
    for end in range(4, len(fragment) + 1):
        string = int.from_bytes(fragment[end - length : end], "big")
        slot = string * 2654435761 % 2**32 >> 20
        hits += table.get(slot) == string
        table[slot] = string
    return hits


def plain_blocks(fragment: bytes) -> list[float]:
    scores = []
    for start in range(0, len(fragment) - 63, 64):
        equal = sum(a == b for a, b in itertools.combinations(fragment[start : start + 64], 2))
        scores.append((equal - 2016 / 256) / math.sqrt(2016 / 256 * 255 / 256))
    return scores


@pytest.fixture(scope="module", params=[512, 4096])
def fragment(request: pytest.FixtureRequest) -> bytes:
    return congruential(request.param)


@pytest.fixture(scope="module")
def simulated() -> dict[str, NDArray[np.float32]]:
    """Statistics of 600 random fragments of 1 KB."""
    random = np.random.default_rng(14)
    table = statistics.table(random.integers(0, 256, (600, 1024), np.uint8))
    return dict(zip(statistics.NAMES, table.T, strict=True))


def moments(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.var(values))


def test_there_are_107_statistics_of_which_seven_are_chi_squares() -> None:
    assert (len(statistics.NAMES), len(set(statistics.NAMES)), len(statistics.CHI_SQUARES)) == (107, 107, 7)


@pytest.mark.parametrize("order", statistics.ORDERS)
def test_words_and_contexts_are_those_of_a_plain_loop(fragment: bytes, order: str) -> None:
    measured, bits = statistics.measure(fragment), plain_bits(fragment, order)
    for width in statistics.CHI_WIDTHS:
        assert measured[f"{order}_chi_{width}"] == pytest.approx(plain_chi_square(plain_counts(bits, width)))
    for length in statistics.CONTEXTS:
        assert measured[f"{order}_next_bit_{length}"] == pytest.approx(plain_next_bit(bits, length))


@pytest.mark.parametrize("order", statistics.ORDERS)
def test_repeats_and_lags_of_bits_are_those_of_a_plain_loop(fragment: bytes, order: str) -> None:
    measured, bits = statistics.measure(fragment), plain_bits(fragment, order)
    for width in statistics.LONG_WIDTHS:
        assert measured[f"{order}_repeats_{width}"] == pytest.approx(plain_long_repeats(bits, width))
    for lag in statistics.BIT_LAGS:
        assert measured[f"{order}_bit_lag_{lag}"] == pytest.approx(plain_bit_lag(bits, lag))


def test_statistics_of_bytes_are_those_of_a_plain_loop(fragment: bytes) -> None:
    measured, count = statistics.measure(fragment), len(fragment)
    assert measured["byte_chi2"] == pytest.approx(plain_chi_square([fragment.count(octet) for octet in range(256)]))
    for name, octet in (("zero_count", 0), ("ff_count", 255)):
        expected = (fragment.count(octet) - count / 256) / math.sqrt(count / 256 * 255 / 256)
        assert measured[name] == pytest.approx(expected)
    for lag in statistics.BYTE_LAGS:
        equal, mean = sum(a == b for a, b in zip(fragment[lag:], fragment, strict=False)), (count - lag) / 256
        assert measured[f"byte_lag_{lag}"] == pytest.approx((equal - mean) / math.sqrt(mean * 255 / 256))
    zeros = max(fragment[start : start + 16].count(0) for start in range(0, count - 15, 4))
    assert measured["zeros_of_16"] == zeros


def test_pairs_strings_and_blocks_are_those_of_a_plain_loop(fragment: bytes) -> None:
    measured, count = statistics.measure(fragment), len(fragment)
    followers = [after for before, after in itertools.pairwise(fragment) if before == 255]
    other = sum(octet != 0 and not 0xD0 <= octet <= 0xD7 for octet in followers)
    chance = 247 / 256
    spread = math.sqrt(len(followers) * chance * (1 - chance) + 0.05)
    assert measured["ff_other"] == pytest.approx((other - len(followers) * chance) / spread)
    expected = sum(1 - (1 - 1 / 4096) ** before for before in range(count - 3)) * 4096 / 256**3
    score = (plain_string_repeats(fragment, 3) - expected) / math.sqrt(expected + 0.5)
    assert measured["repeats_3"] == pytest.approx(score, abs=1e-3)
    assert measured["repeats_4"] == math.log2(1 + plain_string_repeats(fragment, 4))
    scores = plain_blocks(fragment)
    variance = 2016 / 256 * 255 / 256
    spread = math.sqrt((2 + 1 / variance) * len(scores))
    assert measured["block_variance"] == pytest.approx((sum(z * z for z in scores) - len(scores)) / spread)
    assert measured["block_largest"] == pytest.approx(max(scores))


def test_sums_of_squared_word_counts_of_the_reference_bytes() -> None:
    """4,081 and 32,753 words; numbers to check another implementation against."""
    found = []
    for count in (512, 4096):
        octets = np.frombuffer(congruential(count), np.uint8)
        counts = statistics.word_counts(statistics.bits_of(octets, "lsb"))[8]
        found.append((int(counts.sum()), int((counts**2).sum())))
    assert found == [(4081, 69309), (32753, 4223333)]
    assert congruential(4) == bytes([198, 126, 129, 107])


@pytest.mark.parametrize(
    ("name", "count", "value"),
    [
        ("byte_chi2", 512, -0.5314), ("lsb_chi_8", 512, 0.5196), ("lsb_chi_12", 512, 3.3154),
        ("msb_chi_8", 512, 2.1418),
        ("lsb_next_bit_8", 512, 2.2315), ("lsb_bit_lag_9", 512, -0.1408), ("byte_lag_8", 512, -1.4059),
        ("msb_repeats_18", 512, 0.6589), ("block_variance", 512, -0.4443), ("lsb_chi_8", 4096, 0.0841),
        ("msb_next_bit_4", 4096, 0.9797), ("lsb_bit_lag_16", 4096, -1.5361), ("lsb_repeats_18", 4096, -0.1844),
        ("byte_lags_1_to_4", 4096, 0.506),
    ],
)  # fmt: skip
def test_reference_numbers(name: str, count: int, value: float) -> None:
    assert statistics.measure(congruential(count))[name] == pytest.approx(value, abs=1e-4)


def test_chi_square_of_independent_draws_has_mean_0_and_variance_1_less_1_over_n() -> None:
    draws = itertools.product(range(4), repeat=5)
    scores = [statistics.chi_square(np.bincount(draw, minlength=4)) for draw in draws]
    assert moments(scores) == pytest.approx((0, 1 - 1 / 5), abs=1e-12)


def test_chi_square_of_overlapping_words_has_mean_0() -> None:
    """All strings of 10 bits, words of 3 at every offset."""
    scores = []
    for string in itertools.product((0, 1), repeat=10):
        found = statistics.bit_words(np.array(string, np.uint8), 3)
        scores.append(statistics.chi_square(np.bincount(found, minlength=8)))
    assert moments(scores)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("lag", [1, 3, 7])
def test_bit_lags_of_random_bits_have_mean_0_and_variance_1(lag: int) -> None:
    """All strings of 10 bits."""
    scores = [statistics.bit_lag(np.array(string, np.uint8), lag) for string in itertools.product((0, 1), repeat=10)]
    assert moments(scores) == pytest.approx((0, 1), abs=1e-12)


def test_byte_lags_of_random_bytes_have_mean_0_and_variance_1() -> None:
    """All pairs of bytes; of three, a first byte of 0 stands for every other."""
    scores = [statistics.byte_lag(np.array(pair, np.uint8), 1) for pair in itertools.product(range(256), repeat=2)]
    assert moments(scores) == pytest.approx((0, 1), abs=1e-12)
    scores = [
        statistics.byte_lag(np.array((0, *pair), np.uint8), 1) for pair in itertools.product(range(256), repeat=2)
    ]
    assert moments(scores) == pytest.approx((0, 1), abs=1e-12)


def test_agreement_after_equal_contexts_has_mean_0() -> None:
    """All strings of 10 bits, contexts of 2."""
    sums = []
    for string in itertools.product((0, 1), repeat=10):
        found = statistics.bit_words(np.array(string, np.uint8), 3)
        sums.append(statistics.context_agreement(np.bincount(found, minlength=8))[0])
    assert sum(sums) == 0


def test_most_scores_of_random_fragments_have_mean_0_and_variance_1(simulated: dict[str, NDArray[np.float32]]) -> None:
    """Five standard errors of 600 fragments; kurtosis of the scores makes the variance less certain than the mean."""
    scored = [name for name in statistics.NAMES if "lag" in name or "next_bit" in name or name == "byte_chi2"]
    for name in scored:
        mean, variance = moments(simulated[name].tolist())
        assert mean == pytest.approx(0, abs=5 / math.sqrt(600)), name
        assert variance == pytest.approx(1, abs=0.35), name


@pytest.mark.parametrize("width", statistics.CHI_WIDTHS)
@pytest.mark.parametrize("order", statistics.ORDERS)
def test_chi_square_of_overlapping_words_has_the_stated_variance(
    simulated: dict[str, NDArray[np.float32]], order: str, width: int
) -> None:
    mean, variance = moments(simulated[f"{order}_chi_{width}"].tolist())
    stated = 1 + 2 * sum((2 ** (width - shift) - 1) / (2**width - 1) for shift in range(1, width))
    assert mean == pytest.approx(0, abs=5 * math.sqrt(stated / 600))
    assert variance == pytest.approx(stated, rel=0.3)


def test_repeats_of_random_fragments_have_mean_0(simulated: dict[str, NDArray[np.float32]]) -> None:
    for name in ("repeats_3", "msb_repeats_18", "lsb_repeats_22", "ff_00", "ff_other", "zero_pair", "block_variance"):
        values = simulated[name]
        assert float(values.mean()) == pytest.approx(0, abs=5 * float(values.std()) / math.sqrt(600) + 0.01), name
        assert float(values.var()) < 1.4, name


def test_words_of_22_bits_are_left_out_of_long_fragments() -> None:
    measured = statistics.measure(bytes(statistics.LONG_LIMIT + 1))
    assert (measured["msb_repeats_22"], measured["lsb_repeats_22"]) == (0, 0)
    assert measured["msb_repeats_18"] > 100


def test_fragment_shorter_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 64 bytes; got 63"):
        statistics.measure(bytes(63))
