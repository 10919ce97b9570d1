"""Quantiles and tail probabilities of random bytes: realised rates against the exact law, simulation, properties."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from wiretropy.entropy import (
    entropy_of_counts,
    max_entropy,
    random_mean,
    random_quantile,
    random_sd,
    random_tail_probability,
    trajectory_grid,
)
from wiretropy.entropy.random_atoms import atoms
from wiretropy.entropy.random_curves import TAILS, Tail, log_tails, standard_positions, stored_curve
from wiretropy.entropy.random_curves import curve as curve_of
from wiretropy.entropy.random_fourier import distribution, standard_quantiles

LEVELS = np.array([1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
NOMINAL = LEVELS[1:4]
"""The rates that are promised within 10 %."""

SHORT = [16, 20, 32, 48, 64, 96, 100, 128, 129, 144, 160, 192, 200]
LONG = [288, 320, 384, 512, 777, 1_024, 2_048, 4_096, 9_216, 20_480, 65_536, 98_304, 262_144]


def rates(n: int, threshold: NDArray[np.float64], tail: Tail) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities to be beyond each threshold and at it, from the atoms of the law."""
    law = atoms(n)
    distance = (math.log2(n) - law.bits / n) - threshold[:, None]
    if tail == "high":
        distance = -distance
    beyond, at = distance < -1e-4 / n, np.abs(distance) <= 1e-4 / n
    return beyond @ law.probability, at @ law.probability


def law_rate(n: int, threshold: NDArray[np.float64], tail: Tail) -> Any:
    """Probabilities to be beyond each threshold, from the characteristic function."""
    z, below, above = distribution(n)
    standardised = (threshold - random_mean(n)) / random_sd(n)
    return np.interp(standardised, z, below if tail == "low" else above)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("n", SHORT)
def test_rate_of_short_payloads_with_ties_by_lot_is_the_level(n: int, tail: Tail) -> None:
    found = random_quantile(n, NOMINAL, tail=tail)
    beyond, at = rates(n, found.quantile, tail)
    realised = beyond + found.ties * at
    # Up to 128 bytes the law is exact; above, the table keeps it within a few per cent.
    assert realised == pytest.approx(NOMINAL, rel=1e-3 if n <= 128 else 0.09)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("n", SHORT)
def test_plain_rule_of_short_payloads_has_the_rate_that_is_told_and_at_most_the_level(n: int, tail: Tail) -> None:
    found = random_quantile(n, NOMINAL, tail=tail)
    beyond, _ = rates(n, found.quantile, tail)
    assert (found.beyond <= NOMINAL).all()
    assert beyond == pytest.approx(found.beyond, rel=1e-3 if n <= 128 else 0.09, abs=1e-9)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("n", LONG)
def test_rate_of_long_payloads_is_the_level(n: int, tail: Tail) -> None:
    found = random_quantile(n, LEVELS, tail=tail)
    assert law_rate(n, found.quantile, tail) == pytest.approx(LEVELS, rel=0.01)


@pytest.mark.parametrize("tail", TAILS)
def test_rate_at_every_grid_point_up_to_4_kb_is_within_a_tenth(tail: Tail) -> None:
    for n in trajectory_grid(4_096):
        found = random_quantile(n, NOMINAL, tail=tail)
        if n <= 160:
            beyond, at = rates(int(n), found.quantile, tail)
            assert beyond + found.ties * at == pytest.approx(NOMINAL, rel=0.09), n
        elif n > 256:
            assert law_rate(int(n), found.quantile, tail) == pytest.approx(NOMINAL, rel=0.01), n


def test_smooth_law_stays_within_a_tenth_of_the_atoms_where_it_takes_over() -> None:
    law = atoms(256)
    z = ((8 - law.bits / 256) - random_mean(256)) / random_sd(256)
    smooth = np.array([standard_quantiles(256, *np.log([[p], [1 - p]]))[0] for p in NOMINAL])
    assert (z <= smooth[:, None]) @ law.probability == pytest.approx(NOMINAL, rel=0.02)
    smooth = np.array([standard_quantiles(256, *np.log([[1 - p], [p]]))[0] for p in NOMINAL])
    assert (z >= smooth[:, None]) @ law.probability == pytest.approx(NOMINAL, rel=0.05)


@pytest.mark.parametrize("n", [16, 40, 64, 150, 256, 300, 1_000, 20_000])
def test_rate_equals_simulation(n: int) -> None:
    trials = 20_000
    generator = np.random.default_rng(20_240_911 + n)
    entropy = entropy_of_counts(generator.multinomial(n, np.full(256, 1 / 256), size=trials))
    lots = generator.random(trials)
    for tail in TAILS:
        p_value = random_tail_probability(entropy, n, tail=tail, ties=lots)
        for level in (1e-1, 1e-2):
            # Four and a half standard errors; the seed is fixed, so this never fails by chance.
            margin = 4.5 * math.sqrt(level / trials)
            assert (p_value < level).mean() == pytest.approx(level, abs=margin + 0.04 * level)


def test_two_bytes_are_the_same_once_in_256() -> None:
    assert random_tail_probability([0.0, 1.0], 2) == pytest.approx([1 / 256, 1])
    assert random_tail_probability([0.0, 1.0], 2, tail="high") == pytest.approx([1, 255 / 256])
    assert random_tail_probability([0.0], 2, ties=0.5) == pytest.approx(1 / 512)


def test_sixteen_bytes_all_differ_as_birthdays_do() -> None:
    distinct = math.prod((256 - k) / 256 for k in range(16))
    assert random_tail_probability(4.0, 16, tail="high") == pytest.approx(distinct, rel=1e-9)
    found = random_quantile(16, 0.01, tail="high")
    assert (float(found.quantile), float(found.beyond)) == (4.0, 0.0)
    assert found.ties == pytest.approx(0.01 / distinct)


def test_far_beyond_the_table_the_law_is_chi_squared() -> None:
    n = 2**32
    deficit = 2 * math.log(2) * n * (8 - random_quantile(n, LEVELS).quantile)
    assert stats.chi2(255).sf(deficit) == pytest.approx(LEVELS, rel=0.01)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("n", [300, 4_096, 10**6])
def test_tail_probability_undoes_the_quantile(n: int, tail: Tail) -> None:
    found = random_quantile(n, LEVELS, tail=tail)
    assert random_tail_probability(found.quantile, n, tail=tail) == pytest.approx(LEVELS, rel=1e-3)


@pytest.mark.parametrize("n", [1, 7, 64, 128, 129, 200, 256, 257, 5_000, 10**7])
def test_p_value_never_falls_as_payload_grows_more_random(n: int) -> None:
    entropy = np.linspace(0, float(max_entropy(n)), 4_001)
    p_value = random_tail_probability(entropy, n)
    assert (np.diff(p_value) >= 0).all()
    assert (np.diff(random_tail_probability(entropy, n, tail="high")) <= 0).all()
    assert p_value.min() >= 1e-7
    assert p_value.max() <= 1 + 1e-12


@pytest.mark.parametrize("n", [30, 90, 140, 220])
def test_the_two_tails_of_short_payloads_are_one_law(n: int) -> None:
    entropy = np.linspace(random_mean(n) - 2 * random_sd(n), random_mean(n) + random_sd(n), 50)
    both = random_tail_probability(entropy, n) + random_tail_probability(entropy, n, tail="high", ties=0)
    assert both == pytest.approx(1, abs=1e-9 if n <= 128 else 0.06)


@pytest.mark.parametrize("tail", TAILS)
def test_quantiles_move_outwards_with_rarer_levels(tail: Tail) -> None:
    lengths = np.concatenate([np.arange(1, 300), [1_000, 70_000]])
    quantile = random_quantile(lengths[:, None], LEVELS, tail=tail).quantile
    assert (np.diff(quantile, axis=1) * (1 if tail == "high" else -1) >= 0).all()


def test_long_quantiles_have_no_step_where_methods_meet() -> None:
    for first in (256, 65_535):
        lengths = np.arange(first, first + 3)
        deficit = lengths * (8 - random_quantile(lengths, 1e-3).quantile)
        assert np.abs(np.diff(deficit)).max() < (2.0 if first == 256 else 1e-3)


@pytest.mark.parametrize(("n", "tail"), [(129, "low"), (141, "high"), (150, "low"), (163, "high")])
def test_shipped_steps_are_what_the_law_gives(n: int, tail: Tail) -> None:
    shipped, computed = curve_of(n, tail), stored_curve(n, tail)
    probe = np.linspace(computed.position[0], computed.position[-1], 3_000)
    # A tenth of the points may lie so close to a step that rounding moves them across.
    error = np.abs(np.interp(probe, *shipped) - np.interp(probe, *computed))
    assert np.quantile(error, 0.99) < 1e-3


@pytest.mark.parametrize("n", [257, 400, 900, 3_333, 12_345, 65_536])
def test_shipped_polynomial_is_what_the_law_gives(n: int) -> None:
    assert standard_positions(np.array([float(n)]))[0] == pytest.approx(standard_quantiles(n, *log_tails()), abs=1e-5)


def test_shape_follows_from_broadcasting_and_no_bytes_have_no_law() -> None:
    found = random_quantile([[0], [500]], [1e-2, 1e-3])
    assert all(column.shape == (2, 2) for column in found)
    assert all(np.isnan(column[0]).all() for column in found)
    assert np.isnan(random_tail_probability(0.0, 0))
    assert random_tail_probability([], 5).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1, "level": 0.1}, "got -1"),
        ({"n": 5, "level": 0.6}, "got 0.6"),
        ({"n": 5, "level": 1e-8}, "got 1e-08"),
        ({"n": 5, "level": math.nan}, "got nan"),
        ({"n": 5, "level": 0.1, "tail": "both"}, "got 'both'"),
    ],
)
def test_levels_and_lengths_without_a_quantile_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_quantile(**arguments)


def test_weights_of_ties_outside_of_0_to_1_are_refused() -> None:
    with pytest.raises(ValueError, match="ties"):
        random_tail_probability(4.0, 16, ties=2)


def test_above_the_default_depth_quantiles_go_to_their_limit() -> None:
    # The curve of 65,536 bytes would be off by 7e-6.
    exact = standard_quantiles(1 << 18, *log_tails())
    assert standard_positions(np.array([2.0**18]))[0] == pytest.approx(exact, abs=3e-6)
