"""Estimators of entropy: values worked out by hand, then properties, then their bias on random bytes."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from wiretropy.entropy import chao_shen, entropy_of_counts, grassberger, james_stein, miller_madow

Estimator = Callable[[ArrayLike], NDArray[np.float64]]
ALL = [miller_madow, chao_shen, grassberger, james_stein]
EULER = 0.577_215_664_901_532_9
LN2 = math.log(2)


def binary_entropy(p: float) -> float:
    """Entropy of two symbols in bits."""
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def test_miller_madow_adds_half_a_nat_for_each_further_symbol_and_byte() -> None:
    assert miller_madow([2, 2]) == pytest.approx(1 + 1 / (8 * LN2))
    assert miller_madow([4, 2, 2, 0]) == pytest.approx(1.5 + 2 / (16 * LN2))


def test_chao_shen_sets_aside_the_share_of_singletons() -> None:
    # Coverage 1 - 2/4, so the shares are 1/4, 1/8, 1/8.
    often, seldom = 0.25 * 2 / (1 - 0.75**4), 0.125 * 3 / (1 - 0.875**4)
    assert chao_shen([2, 1, 1]) == pytest.approx(often + 2 * seldom)


def test_chao_shen_takes_one_singleton_off_where_there_is_nothing_else() -> None:
    # Coverage 1 - 1/2, so the shares are 1/4 each.
    assert chao_shen([1, 1]) == pytest.approx(2 * 0.25 * 2 / (1 - 0.75**2))


def test_grassberger_uses_the_numbers_of_the_paper() -> None:
    one, two = -EULER - LN2, 2 - EULER - LN2  # G(1) = G(2) - 2, G(2) = G(3)
    assert grassberger([1, 1]) == pytest.approx(1 - one / LN2)
    assert grassberger([2, 1]) == pytest.approx(math.log2(3) - (2 * two + one) / (3 * LN2))
    assert grassberger([3, 2]) == pytest.approx(math.log2(5) - two / LN2)


def test_james_stein_draws_towards_equal_frequencies() -> None:
    # Spread 1 - 0.68, distance 9 * 2 * 0.3^2.
    weight = 0.32 / 1.62
    assert james_stein([8, 2]) == pytest.approx(binary_entropy(weight / 2 + (1 - weight) * 0.8))
    assert james_stein([3, 1]) == pytest.approx(1)  # 3/8 over 3/8: drawn all the way


@pytest.mark.parametrize("estimate", ALL)
def test_nothing_counted_has_entropy_zero(estimate: Estimator) -> None:
    assert (estimate(np.zeros((2, 256), dtype=int)) == 0).all()


@pytest.mark.parametrize("estimate", [miller_madow, chao_shen, james_stein])
def test_constant_bytes_have_entropy_zero(estimate: Estimator) -> None:
    assert estimate([1_000, 0, 0]) == 0


@pytest.mark.parametrize("estimate", ALL)
def test_many_bytes_give_the_plug_in_entropy(estimate: Estimator) -> None:
    counts = np.array([500_000, 300_001, 200_002, 7_000])
    assert estimate(counts) == pytest.approx(entropy_of_counts(counts), abs=1e-5)


@pytest.mark.parametrize("estimate", ALL)
def test_rows_are_estimated_one_by_one_and_order_of_symbols_does_not_matter(estimate: Estimator) -> None:
    counts = np.random.default_rng(7).poisson(1.5, size=(2, 3, 256))
    whole = estimate(counts)
    assert whole.shape == (2, 3)
    assert whole[1, 2] == estimate(counts[1, 2])
    assert estimate(counts[..., ::-1]) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("estimate", ALL)
@pytest.mark.parametrize("n", [256, 1_024])
def test_bias_on_random_bytes_is_a_fraction_of_the_plug_ins(estimate: Estimator, n: int) -> None:
    counts = np.random.default_rng(n).multinomial(n, np.full(256, 1 / 256), size=400)
    plug_in = abs(entropy_of_counts(counts).mean() - 8)
    assert abs(estimate(counts).mean() - 8) < plug_in / 2


def test_james_stein_never_exceeds_the_alphabet() -> None:
    counts = np.random.default_rng(3).poisson(0.3, size=(1_000, 256))
    assert james_stein(counts).max() <= 8 + 1e-12


@pytest.mark.parametrize("estimate", ALL)
@pytest.mark.parametrize(("counts", "message"), [(3, "axis"), ([1, -2], "got -2"), ([0.5, 1], "got 0.5")])
def test_what_is_no_counts_is_refused(estimate: Estimator, counts: ArrayLike, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate(counts)
