"""Tests that may be repeated: the martingale by enumeration, false alarms over all looks, power."""

import base64
import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from wiretropy.entropy import (
    anytime_p_value,
    entropy_of_counts,
    log_e_value,
    random_quantile,
    sequential_quantile,
    spent_levels,
    trajectory_grid,
)
from wiretropy.entropy.random_curves import TAILS, Tail
from wiretropy.entropy.sequential import CONCENTRATIONS

STREAMS = 3_000
LOOKS = trajectory_grid(4_096)
ALPHA = 0.05


def counts_at(payload: bytes, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of the prefixes of these lengths."""
    values = np.frombuffer(payload, dtype=np.uint8)
    return np.array([np.bincount(values[:n], minlength=256) for n in lengths])


@pytest.fixture(scope="module")
def random_streams() -> NDArray[np.int16]:
    """Counts of random streams at every look; shape (STREAMS, looks, 256)."""
    generator = np.random.default_rng(20_250_101)
    steps = [generator.multinomial(n, np.full(256, 1 / 256), size=STREAMS) for n in np.diff(LOOKS, prepend=0)]
    return np.cumsum(np.stack(steps, axis=1).astype(np.int16), axis=1, dtype=np.int16)


@pytest.mark.parametrize(("symbols", "length"), [(2, 8), (3, 5), (4, 4)])
def test_evidence_is_a_martingale_under_random_symbols(symbols: int, length: int) -> None:
    for n in range(length):
        for prefix in itertools.product(range(symbols), repeat=n):
            before = np.bincount(np.array(prefix, dtype=int), minlength=symbols)
            after = before + np.eye(symbols, dtype=int)
            assert np.exp(log_e_value(after)).mean() == pytest.approx(math.exp(log_e_value(before)), rel=1e-12)


def test_evidence_is_the_mean_of_sequential_predictions() -> None:
    symbols = [0, 1, 0, 0, 2, 0]
    gains = []
    for concentration in CONCENTRATIONS:
        counts, gain = np.zeros(4), 1.0
        for symbol in symbols:
            gain *= 4 * (counts[symbol] + concentration) / (counts.sum() + 4 * concentration)
            counts[symbol] += 1
        gains.append(gain)
    assert math.exp(log_e_value([4, 1, 1, 0])) == pytest.approx(np.mean(gains), rel=1e-12)


def test_no_bytes_are_no_evidence() -> None:
    assert log_e_value(np.zeros(256, dtype=int)) == pytest.approx(0, abs=1e-12)


def test_betting_raises_few_false_alarms_at_all_looks_together(random_streams: NDArray[np.int16]) -> None:
    # A quarter of the streams will do: the bound is far from being reached.
    p_value = np.concatenate([anytime_p_value(part) for part in np.split(random_streams[: STREAMS // 4], 10)])
    assert (p_value[:, -1] <= ALPHA).mean() <= ALPHA


@pytest.mark.parametrize("tail", TAILS)
def test_spending_raises_few_false_alarms_at_all_looks_together(random_streams: NDArray[np.int16], tail: Tail) -> None:
    entropy = np.concatenate([entropy_of_counts(part.astype(np.int64)) for part in np.split(random_streams, 30)])
    found = sequential_quantile(LOOKS, ALPHA, tail=tail)
    outside = entropy - found.quantile if tail == "high" else found.quantile - entropy
    alarmed = (outside > 1e-4 / LOOKS).any(axis=1).mean()
    # The looks agree with each other, so not all of alpha is used.
    assert ALPHA / 5 < alarmed <= ALPHA


def test_one_looks_level_at_every_look_would_not_hold(random_streams: NDArray[np.int16]) -> None:
    entropy = np.concatenate([entropy_of_counts(part.astype(np.int64)) for part in np.split(random_streams, 30)])
    assert (entropy < random_quantile(LOOKS, ALPHA).quantile).any(axis=1).mean() > 4 * ALPHA


def test_text_is_found_within_a_hundred_bytes_and_base64_within_two_hundred() -> None:
    text = b"GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: something/1.0\r\nAccept: */*\r\n\r\n"
    encoded = base64.b64encode(np.random.default_rng(5).bytes(3_000))
    looks = np.array([64, len(text)])
    assert anytime_p_value(counts_at(text, looks))[-1] < 1e-3
    assert anytime_p_value(counts_at(encoded, np.array([100, 200])))[-1] < 1e-3
    thresholds = sequential_quantile(trajectory_grid(192), 1e-3).quantile
    assert (entropy_of_counts(counts_at(encoded, trajectory_grid(192))) < thresholds).any()


def test_slightly_uneven_bytes_are_found_in_the_end() -> None:
    values = np.random.default_rng(9).integers(0, 256, size=60_000, dtype=np.uint8)
    uneven = np.where(np.random.default_rng(10).random(60_000) < 0.02, np.uint8(0), values).tobytes()
    p_value = anytime_p_value(counts_at(uneven, np.array([100, 60_000])))
    assert p_value[0] > 0.01
    assert p_value[1] < 1e-3


def test_p_value_never_rises_again() -> None:
    payload = b"a" * 40 + np.random.default_rng(1).bytes(2_000)
    p_value = anytime_p_value(counts_at(payload, trajectory_grid(len(payload))))
    assert (np.diff(p_value) <= 0).all()


def test_levels_sum_to_less_than_alpha_and_depend_on_the_past_only() -> None:
    looks = trajectory_grid(1 << 20)
    levels = spent_levels(looks, 0.01)
    assert 0.9 * 0.01 < levels.sum() < 0.01
    assert (levels > 0).all()
    assert spent_levels(looks[:50], 0.01) == pytest.approx(levels[:50], rel=1e-12)


@pytest.mark.parametrize(
    ("looks", "alpha", "message"), [([64, 32], 0.1, "ascending"), ([0, 32], 0.1, "ascending"), ([32], 0.0, "got 0.0")]
)
def test_looks_out_of_order_and_rates_out_of_range_are_refused(looks: list[int], alpha: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spent_levels(looks, alpha)


def test_counts_that_fall_or_lack_an_axis_are_refused() -> None:
    with pytest.raises(ValueError, match="grow"):
        anytime_p_value([[2, 0], [1, 1]])
    with pytest.raises(ValueError, match="axis of looks"):
        anytime_p_value([1, 1])
    with pytest.raises(ValueError, match="got -1"):
        log_e_value([-1, 1])
    with pytest.raises(ValueError, match="single number"):
        log_e_value(3)
