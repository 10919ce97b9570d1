"""The exact law of random bytes: known answers, enumeration, textbook formula, simulation."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from wiretropy.entropy import entropy_of_counts, random_band, random_law, random_mean, random_sd


@pytest.mark.parametrize(
    ("n", "mean", "digits"),
    [(100, 6.286, 3), (256, 7.175, 3), (1_024, 7.809, 3), (4_096, 7.9546, 4), (65_536, 7.9972, 4)],
)
def test_mean_agrees_with_the_design(n: int, mean: float, digits: int) -> None:
    assert round(random_mean(n), digits) == mean


@pytest.mark.parametrize(
    ("n", "sd", "digits"),
    [(100, 0.0712, 4), (256, 0.0524, 4), (1_024, 0.01725, 5), (4_096, 0.00402, 5), (65_536, 0.00025, 5)],
)
def test_sd_agrees_with_the_design(n: int, sd: float, digits: int) -> None:
    assert round(random_sd(n), digits) == sd


def test_one_byte_always_has_entropy_zero() -> None:
    assert random_mean(1) == pytest.approx(0.0, abs=1e-12)
    assert random_sd(1) == 0.0


def test_two_bytes_differ_255_times_in_256() -> None:
    assert random_mean(2) == pytest.approx(255 / 256, abs=1e-12)
    assert random_sd(2) == pytest.approx(math.sqrt(255) / 256, abs=1e-12)


def test_three_bytes_have_three_patterns() -> None:
    pair, distinct = 3 * 255 / 256**2, 255 * 254 / 256**2
    pair_entropy, distinct_entropy = math.log2(3) - 2 / 3, math.log2(3)
    mean = pair * pair_entropy + distinct * distinct_entropy
    square = pair * pair_entropy**2 + distinct * distinct_entropy**2
    assert random_mean(3) == pytest.approx(mean, abs=1e-12)
    assert random_sd(3) == pytest.approx(math.sqrt(square - mean**2), abs=1e-12)


@pytest.mark.parametrize(("symbols", "n"), [(3, 2), (3, 7), (4, 6), (5, 5), (6, 4)])
def test_law_equals_enumeration_of_every_string(symbols: int, n: int) -> None:
    patterns = Counter(
        tuple(sorted(Counter(string).values())) for string in itertools.product(range(symbols), repeat=n)
    )
    entropies = {pattern: float(entropy_of_counts(pattern)) for pattern in patterns}
    share = {pattern: float(Fraction(number, symbols**n)) for pattern, number in patterns.items()}
    mean = math.fsum(share[p] * entropies[p] for p in patterns)
    variance = math.fsum(share[p] * (entropies[p] - mean) ** 2 for p in patterns)
    assert random_mean(n, symbols=symbols) == pytest.approx(mean, abs=1e-12)
    assert random_sd(n, symbols=symbols) == pytest.approx(math.sqrt(variance), abs=1e-12)


def designed_law(n: int) -> tuple[float, float]:
    """The closed forms as the design writes them, with scipy's binomial law over every count."""
    count = np.arange(n + 1)
    g = count * np.log2(np.maximum(count, 1))
    first = stats.binom.pmf(count, n, 1 / 256)
    mean_g = first @ g
    product = math.fsum(
        first[k] * g[k] * (stats.binom.pmf(count[: n - k + 1], n - k, 1 / 255) @ g[: n - k + 1]) for k in count
    )
    variance = (256 * (first @ g**2) + 256 * 255 * product - 256**2 * mean_g**2) / n**2
    return math.log2(n) - 256 / n * mean_g, math.sqrt(variance)


@pytest.mark.parametrize("n", [2, 17, 100, 256, 700, 1_500])
def test_law_equals_the_designs_formula_summed_in_full(n: int) -> None:
    mean, sd = designed_law(n)
    assert random_mean(n) == pytest.approx(mean, abs=1e-9)
    assert random_sd(n) == pytest.approx(sd, abs=1e-9)


@pytest.mark.parametrize("n", [100, 1_024, 20_000])
def test_law_equals_simulation(n: int) -> None:
    trials = 20_000
    counts = np.random.default_rng(20_240_607).multinomial(n, np.full(256, 1 / 256), size=trials)
    entropy = entropy_of_counts(counts)
    # Five standard errors; the seed is fixed, so this never fails by chance.
    assert entropy.mean() == pytest.approx(random_mean(n), abs=5 * random_sd(n) / math.sqrt(trials))
    assert entropy.std(ddof=1) == pytest.approx(random_sd(n), rel=5 / math.sqrt(2 * trials))


@pytest.mark.parametrize("symbols", [3, 16, 64, 256])
def test_series_meet_the_exact_sums_where_they_take_over(symbols: int) -> None:
    last = random_law.EXACT_UP_TO_BYTES * symbols // 256
    n = np.array([float(last)])
    assert random_law.series_mean(n, symbols)[0] == pytest.approx(random_mean(last, symbols=symbols), abs=1e-11)
    assert random_law.series_sd(n, symbols)[0] == pytest.approx(random_sd(last, symbols=symbols), abs=5e-10)


def test_error_of_the_spread_series_falls_with_the_cube_of_the_length() -> None:
    lengths = np.array([2.0**k for k in range(14, 19)])
    exact = np.array([random_sd(int(n)) for n in lengths])
    coefficient = (random_law.series_sd(lengths, 256) - exact) * lengths**3
    assert coefficient == pytest.approx(-3.6e5, rel=0.05)


def test_error_of_the_mean_series_is_the_eighth_moment_that_it_leaves_out() -> None:
    rate = 512.0
    n = np.array([256 * rate])
    left_out = (random_law.series_mean(n, 256)[0] - random_mean(int(n[0]))) * rate**4
    assert left_out == pytest.approx(105 * (255 / 256) ** 4 / (56 * math.log(2)), rel=3e-3)


def test_far_beyond_the_sums_the_deficit_is_255_degrees_of_freedom() -> None:
    n = 10**12
    assert (8 - random_mean(n)) * n == pytest.approx(255 / (2 * math.log(2)), rel=1e-2)
    assert random_sd(n) * n == pytest.approx(math.sqrt(510) / (2 * math.log(2)), rel=1e-8)


def test_mean_never_falls_with_length() -> None:
    lengths = [*range(1, 600), *range(600, 300_000, 9_973)]
    assert (np.diff([random_mean(n) for n in lengths]) > 0).all()


@pytest.mark.parametrize("function", [random_mean, random_sd])
@pytest.mark.parametrize(("n", "symbols", "message"), [(0, 256, "got 0"), (5, 2, "got 2"), (5, 257, "got 257")])
def test_lengths_and_alphabets_without_a_law_are_refused(
    function: type[object], n: int, symbols: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        function(n, symbols=symbols)  # type: ignore[call-arg]


def test_the_mean_of_one_byte_is_zero_and_not_below() -> None:
    assert random_mean(1) == 0
    assert random_band(1).mean == random_band(1).low == random_band(1).high == 0


@pytest.mark.parametrize("exponent", [19, 20, 24, 28, 32])
def test_series_mean_equals_the_sums_up_to_4_gib(exponent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    series = random_mean(2**exponent)
    monkeypatch.setattr(random_law, "EXACT_UP_TO_BYTES", 2**32)
    assert series == pytest.approx(random_mean(2**exponent), abs=1e-9)
    assert 350 / (2**exponent / 256) ** 4 < 1e-9  # and this is the proof, see the module


@pytest.mark.parametrize("exponent", [19, 20, 22])
def test_series_sd_equals_the_sums_beyond_where_it_takes_over(exponent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    series = random_sd(2**exponent)
    monkeypatch.setattr(random_law, "EXACT_UP_TO_BYTES", 2**32)
    assert series == pytest.approx(random_sd(2**exponent), abs=1e-9)


def test_sd_at_4_gib_is_below_what_an_error_of_1e_9_would_show() -> None:
    assert 1e-9 < random_sd(2**32) < 2e-8
    assert random_sd(2**32) == pytest.approx(math.sqrt(510) / (2 * math.log(2) * 2**32), rel=1e-6)
