"""What thresholds ask of a payload's length."""

import math

import numpy as np
import pytest

from wiretropy.entropy import first_crossing_mean, max_entropy, min_bytes_to_cross, random_mean


def test_random_bytes_reach_the_old_threshold_at_1890_bytes() -> None:
    assert first_crossing_mean(7.9) == 1_890
    assert random_mean(1_889) < 7.9 <= random_mean(1_890)


@pytest.mark.parametrize("threshold", [0.5, 3.0, 7.0, 7.99, 7.9999, 7.9999999])
def test_first_crossing_is_the_first_length_whose_mean_reaches_it(threshold: float) -> None:
    n = first_crossing_mean(threshold)
    assert random_mean(n - 1) < threshold <= random_mean(n)


def test_every_length_reaches_a_threshold_of_zero_or_less() -> None:
    assert first_crossing_mean(-1.0) == 1
    assert min_bytes_to_cross(-1.0) == min_bytes_to_cross(0.0) == 1


@pytest.mark.parametrize("threshold", [8.0, 9.0, math.nan])
def test_no_length_averages_eight_bits(threshold: float) -> None:
    with pytest.raises(ValueError, match="less than 8 bits"):
        first_crossing_mean(threshold)


@pytest.mark.parametrize(("threshold", "n"), [(7.9, 239), (8.0, 256), (3.0, 8), (7.0, 128), (1.5, 3)])
def test_shortest_payload_that_can_cross(threshold: float, n: int) -> None:
    assert min_bytes_to_cross(threshold) == n


@pytest.mark.parametrize("threshold", [8.000001, math.nan])
def test_nothing_crosses_more_than_eight_bits(threshold: float) -> None:
    with pytest.raises(ValueError, match="at most 8 bits"):
        min_bytes_to_cross(threshold)


def test_ceiling_grows_with_length_and_stops_at_eight() -> None:
    assert max_entropy([0, 1, 2, 100, 256, 257, 10**12]).tolist() == [0, 0, 1, np.log2(100), 8, 8, 8]


def test_ceiling_of_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="got -3"):
        max_entropy([5, -3])
