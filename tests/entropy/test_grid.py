"""The grid on which every trajectory is sampled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.entropy import trajectory_grid


def test_grid_is_every_32_bytes_up_to_2048() -> None:
    assert trajectory_grid(2_048).tolist() == list(range(32, 2_049, 32))


@pytest.mark.parametrize(
    ("start", "step"),
    [(2_048, 256), (4_096, 512), (8_192, 1_024), (16_384, 2_048), (32_768, 4_096), (1 << 40, 1 << 37)],
)
def test_each_later_doubling_has_8_even_steps(start: int, step: int) -> None:
    grid = trajectory_grid(2 * start)
    assert grid[grid > start].tolist() == list(range(start + step, 2 * start + 1, step))


@pytest.mark.parametrize(("n", "points"), [(0, 0), (31, 0), (32, 1), (33, 1), (2_048, 64), (2_303, 64), (65_536, 104)])
def test_number_of_points(n: int, points: int) -> None:
    assert len(trajectory_grid(n)) == points


@given(st.integers(0, 1 << 50), st.integers(0, 1 << 50))
def test_grid_of_a_shorter_stream_is_the_start_of_a_longer_ones(a: int, b: int) -> None:
    short, long = sorted((a, b))
    grid = trajectory_grid(long)
    assert grid.dtype == np.int64
    assert np.array_equal(trajectory_grid(short), grid[grid <= short])
    assert (np.diff(grid) > 0).all()


def test_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0 bytes; got -1"):
        trajectory_grid(-1)
