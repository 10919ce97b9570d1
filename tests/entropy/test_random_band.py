"""The random band of whole columns, against the exact law."""

import subprocess
import sys

import numpy as np
import pytest

from wiretropy.entropy import max_entropy, random_band, random_law, random_mean, random_nodes, random_sd, random_z_score

TABLE_END = 65_536


LENGTHS = np.concatenate([np.arange(1, 2_100), np.arange(2_100, TABLE_END, 211), [4_095, 4_096, 4_097, TABLE_END]])
"""Every short length, then three hundred spread over the table and its joints."""


def test_mean_is_exact_across_the_table() -> None:
    assert random_band(LENGTHS).mean == pytest.approx(np.array([random_mean(int(n)) for n in LENGTHS]), abs=1e-11)


def test_sd_is_exact_across_the_table() -> None:
    assert random_band(LENGTHS).sd == pytest.approx(np.array([random_sd(int(n)) for n in LENGTHS]), abs=1e-11)


def test_error_beyond_the_table_is_below_1e_7_bits() -> None:
    lengths = np.array([65_537, 70_000, 100_000, 131_072, 200_000, 262_144])
    band = random_band(lengths)
    # Proven to be below 350/256^4 = 8.1e-8; measured as below 2e-9.
    assert band.mean == pytest.approx(np.array([random_mean(int(n)) for n in lengths]), abs=2e-9)
    assert band.sd == pytest.approx(np.array([random_sd(int(n)) for n in lengths]), abs=2e-9)
    assert 350 / (TABLE_END / 256) ** 4 < 1e-7


def test_band_continues_without_a_step_where_the_table_ends() -> None:
    band = random_band([TABLE_END - 1, TABLE_END, TABLE_END + 1])
    assert np.diff(band.mean, 2) == pytest.approx(0, abs=2e-9)


def test_band_is_four_standard_deviations_wide() -> None:
    band = random_band([4_096])
    assert band.low == pytest.approx(band.mean - 4 * band.sd)
    assert band.high == pytest.approx(band.mean + 4 * band.sd)
    assert random_band([4_096], width=2).low == pytest.approx(band.mean - 2 * band.sd)


def test_band_never_leaves_what_the_length_allows() -> None:
    lengths = np.arange(1, 2_000)
    band = random_band(lengths)
    assert (band.low >= 0).all()
    assert (band.high <= max_entropy(lengths)).all()


def test_band_keeps_the_shape_of_its_lengths() -> None:
    assert random_band(np.full((2, 3), 500)).mean.shape == (2, 3)
    assert random_band(500).mean.shape == ()
    assert random_band(70_000).mean.shape == ()
    assert random_band([]).mean.shape == (0,)


def test_no_bytes_have_no_band() -> None:
    assert all(np.isnan(value) for value in random_band(0))


def test_result_can_be_changed_without_changing_the_table() -> None:
    band = random_band([1_000])
    band.mean[0] = 0
    assert random_band([1_000]).mean[0] == pytest.approx(random_mean(1_000))


@pytest.mark.parametrize(
    ("n", "width", "message"), [([5, -1], 4, "got -1"), ([5], -1, "width"), ([5], np.nan, "width")]
)
def test_negative_lengths_and_widths_are_refused(n: list[int], width: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_band(n, width)


def test_z_score_is_negative_for_less_random_bytes() -> None:
    z = random_z_score([random_mean(1_000) - random_sd(1_000), random_mean(1_000), 8.0], 1_000)
    assert z[0] == pytest.approx(-1)
    assert z[1] == pytest.approx(0, abs=1e-6)
    assert z[2] > 1


def test_z_score_of_one_byte_or_none_is_absent() -> None:
    assert np.isnan(random_z_score([0.0, 0.0], [0, 1])).all()


def test_entropy_loads_numpy_alone() -> None:
    program = "import sys, wiretropy.entropy; print([m for m in ('scipy', 'pandas', 'matplotlib') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_table_is_built_from_lengths_with_exact_sums() -> None:
    assert TABLE_END <= random_law.EXACT_UP_TO_BYTES


def test_shipped_nodes_are_what_the_exact_law_says() -> None:
    computed = random_nodes.compute()
    shipped = random_nodes.load()
    assert list(shipped) == computed[:, 0].astype(int).tolist()
    np.testing.assert_allclose(list(shipped.values()), computed[:, 1:], rtol=0, atol=1e-13)
