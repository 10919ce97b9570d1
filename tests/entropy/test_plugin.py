"""The plug-in estimator: known answers, then properties, then exact arithmetic as an oracle."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.entropy import byte_entropy, cumulative_entropy, entropy_of_counts, trajectory_grid


def exact_entropy(counts: list[int]) -> float:
    """Entropy in 50 decimal digits: log2 N - (1/N) sum c log2 c."""
    with localcontext() as context:
        context.prec = 50
        total = Decimal(sum(counts))
        terms = sum((c * (total / c).ln() for c in map(Decimal, counts) if c), Decimal(0))
        return float(terms / total / Decimal(2).ln()) if total else 0.0


@pytest.mark.parametrize("length", [1, 2, 3, 255, 256, 4_097, 65_536])
def test_entropy_of_constant_bytes_is_exactly_zero(length: int) -> None:
    assert byte_entropy(b"\xa7" * length) == 0.0


@pytest.mark.parametrize("repeats", [1, 3, 256, 1_000])
def test_entropy_of_equally_frequent_bytes_is_exactly_eight(repeats: int) -> None:
    assert byte_entropy(bytes(range(256)) * repeats) == 8.0


def test_entropy_of_no_bytes_is_zero() -> None:
    assert byte_entropy(b"") == 0.0
    assert entropy_of_counts(np.zeros((2, 256), dtype=np.int64)).tolist() == [0.0, 0.0]


def test_half_and_quarter_symbols_have_one_and_a_half_bits() -> None:
    assert byte_entropy(b"aabc") == 1.5


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=256))
def test_entropy_equals_exact_arithmetic_within_1e_12_bits(counts: list[int]) -> None:
    assert entropy_of_counts(counts) == pytest.approx(exact_entropy(counts), abs=1e-12)


@given(st.binary(max_size=600))
def test_entropy_lies_between_zero_and_the_ceiling_of_its_length(payload: bytes) -> None:
    ceiling = math.log2(min(max(len(payload), 1), 256))
    assert 0.0 <= byte_entropy(payload) <= ceiling + 1e-12


@given(st.lists(st.lists(st.integers(0, 1_000), min_size=4, max_size=4), min_size=6, max_size=6))
def test_leading_axes_are_computed_row_by_row(rows: list[list[int]]) -> None:
    table = np.array(rows).reshape(2, 3, 4)
    result = entropy_of_counts(table)
    assert result.shape == (2, 3)
    assert result.ravel().tolist() == [float(entropy_of_counts(row)) for row in rows]


def test_counts_may_be_narrow_unsigned_integers() -> None:
    assert entropy_of_counts(np.full(256, 255, dtype=np.uint8)) == 8.0


@pytest.mark.parametrize(("counts", "message"), [([1, -2], "at least 0; got -2"), (5, "axis of symbols")])
def test_impossible_counts_are_refused(counts: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        entropy_of_counts(counts)  # type: ignore[arg-type]


@given(st.binary(min_size=1, max_size=400), st.data())
def test_trajectory_is_the_entropy_of_each_prefix(payload: bytes, data: st.DataObject) -> None:
    lengths = sorted(data.draw(st.sets(st.integers(1, len(payload)), min_size=1)))
    expected = [byte_entropy(payload[:length]) for length in lengths]
    assert cumulative_entropy(payload, at=lengths).tolist() == expected


def test_trajectory_at_more_prefixes_than_are_held_at_once() -> None:
    payload = np.random.default_rng(1).bytes(5_000)
    every = cumulative_entropy(payload, at=range(1, 5_001))
    some = [1, 1_023, 1_024, 1_025, 2_049, 4_999, 5_000]
    assert every[np.array(some) - 1].tolist() == [byte_entropy(payload[:length]) for length in some]


def test_trajectory_defaults_to_the_grid() -> None:
    payload = np.random.default_rng(2).bytes(65_536)
    default = cumulative_entropy(payload)
    assert np.array_equal(default, cumulative_entropy(payload, at=trajectory_grid(65_536)))
    assert len(default) == 104


def test_trajectory_of_constant_bytes_is_zero() -> None:
    assert not cumulative_entropy(bytes(4_096)).any()


@pytest.mark.parametrize("payload", [b"", b"x" * 31])
def test_payload_below_the_first_grid_point_has_an_empty_trajectory(payload: bytes) -> None:
    assert cumulative_entropy(payload).shape == (0,)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ([0], "must have 1 to 10 bytes, as the payload does; got 0"),
        ([1, 11], "must have 1 to 10 bytes, as the payload does; got 11"),
        ([3, 3], "must ascend"),
        ([5, 2], "must ascend"),
        ([[1, 2]], "one sequence"),
    ],
)
def test_impossible_prefix_lengths_are_refused(at: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cumulative_entropy(bytes(10), at=at)


def test_bytearray_and_memoryview_are_payload_too() -> None:
    payload = b"mirror mirror"
    assert byte_entropy(bytearray(payload)) == byte_entropy(memoryview(payload)) == byte_entropy(payload)
