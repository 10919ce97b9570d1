"""Raw bytes: known answers, chunking, scipy and the real `ent`."""

import io
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wiretropy.entropy import random_mean, random_sd
from wiretropy.verdict import measure_bytes, measure_stream
from wiretropy.verdict.raw import CHUNK_BYTES, PRINTABLE

RANDOM = np.random.default_rng(3)


class Dribble(io.RawIOBase):
    """A stream whose reads return a few bytes at a time, as pipes do."""

    def __init__(self, payload: bytes, sizes: list[int]) -> None:
        self.left, self.sizes, self.reads = memoryview(payload), sizes, 0

    def read(self, size: int = -1) -> bytes:
        step = self.sizes[self.reads % len(self.sizes)]
        self.reads += 1
        piece, self.left = self.left[:step], self.left[step:]
        return bytes(piece)


def test_every_byte_value_once() -> None:
    measured = measure_bytes(bytes(range(256)))
    assert (measured.bytes, measured.entropy, measured.chi_square, measured.chi_square_p_value) == (256, 8.0, 0.0, 1.0)
    assert (measured.mean, measured.distinct_bytes, measured.set_bits_per_byte) == (127.5, 256, 4.0)
    assert measured.printable_share == 98 / 256
    assert measured.optimum_compression_percent == 0.0


def test_constant_bytes() -> None:
    measured = measure_bytes(b"\xff" * 600)
    assert (measured.entropy, measured.distinct_bytes, measured.set_bits_per_byte) == (0.0, 1, 8.0)
    assert measured.chi_square == 255 * 600
    assert measured.chi_square_p_value == 0.0
    assert measured.serial_correlation is None
    assert measured.optimum_compression_percent == 100.0
    # (2^24 - 1)^2 twice is outside the circle.
    assert measured.monte_carlo_pi == 0.0


def test_alternating_bytes_correlate_negatively() -> None:
    assert measure_bytes(b"\x00\xff" * 50).serial_correlation == -1.0


def test_random_band_is_that_of_the_length() -> None:
    measured = measure_bytes(RANDOM.bytes(3_000))
    assert (measured.random_mean, measured.random_sd) == (random_mean(3_000), random_sd(3_000))
    assert measured.z == (measured.entropy - measured.random_mean) / measured.random_sd


def test_a_single_byte_has_no_spread_and_no_point() -> None:
    measured = measure_bytes(b"x")
    assert (measured.z, measured.monte_carlo_pi, measured.serial_correlation) == (None, None, None)
    assert measured.random_sd == 0.0


@pytest.mark.parametrize(("length", "has_point"), [(5, False), (6, True)])
def test_monte_carlo_takes_six_bytes_a_point(length: int, has_point: bool) -> None:
    assert (measure_bytes(bytes(length)).monte_carlo_pi is not None) == has_point


def test_corner_of_the_circle_counts_as_inside() -> None:
    assert measure_bytes(b"\xff\xff\xff\x00\x00\x00").monte_carlo_pi == 4.0
    assert measure_bytes(b"\xff\xff\xff\x00\x00\x01").monte_carlo_pi == 0.0


def test_printable_is_ascii_with_tab_and_line_ends() -> None:
    assert set(np.flatnonzero(PRINTABLE)) == {0x09, 0x0A, 0x0D, *range(0x20, 0x7F)}


@pytest.mark.parametrize("payload", [b"", bytearray(), memoryview(b"")])
def test_no_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="no bytes"):
        measure_bytes(payload)
    with pytest.raises(ValueError, match="no bytes"):
        measure_stream(io.BytesIO(payload))


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_how_a_stream_cuts_its_reads_changes_nothing(payload: bytes, sizes: list[int]) -> None:
    assert measure_stream(Dribble(payload, sizes)) == measure_bytes(payload)  # type: ignore[arg-type]


def test_payload_longer_than_a_chunk_is_measured_as_one() -> None:
    payload = RANDOM.bytes(CHUNK_BYTES + 12_345)
    numbers = np.frombuffer(payload, dtype=np.uint8).astype(np.int64)
    measured = measure_bytes(payload)
    assert measured == measure_stream(io.BytesIO(payload))
    assert measured.serial_correlation == pytest.approx(np.corrcoef(numbers, np.roll(numbers, -1))[0, 1], abs=1e-12)
    assert measured.mean == numbers.mean()


def test_progress_reports_every_byte_once() -> None:
    seen: list[int] = []
    measure_stream(io.BytesIO(bytes(CHUNK_BYTES * 2 + 7)), progress=seen.append)
    assert seen == [CHUNK_BYTES, CHUNK_BYTES, 7]


@given(st.binary(min_size=1, max_size=2_000))
def test_every_statistic_is_finite_and_in_range(payload: bytes) -> None:
    measured = measure_bytes(payload)
    assert 0 <= measured.entropy <= math.log2(min(len(payload), 256)) + 1e-12
    assert 0 <= measured.chi_square_p_value <= 1
    assert measured.serial_correlation is None or -1 - 1e-9 <= measured.serial_correlation <= 1 + 1e-9
    assert 0 <= measured.printable_share <= 1
    assert all(math.isfinite(value) for value in (measured.chi_square, measured.random_mean, measured.random_sd))


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0, 4.0])
def test_p_value_equals_scipys(spread: float) -> None:
    weights = 1 + spread * RANDOM.random(256)
    payload = RANDOM.choice(256, size=5_000, p=weights / weights.sum()).astype(np.uint8).tobytes()
    measured = measure_bytes(payload)
    oracle = stats.chisquare(np.bincount(np.frombuffer(payload, dtype=np.uint8), minlength=256))
    assert measured.chi_square == pytest.approx(oracle.statistic, rel=1e-12)
    assert measured.chi_square_p_value == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-300)


PAYLOADS = {
    "random": np.random.default_rng(4).bytes(200_003),
    "text": b"It was the best of times, it was the worst of times.\n" * 40,
    "ramp": bytes(range(256)) * 9 + b"tail",
    "short": b"abcdefg",
    "skewed": (np.random.default_rng(5).exponential(20, 70_000) % 256).astype(np.uint8).tobytes(),
}


@pytest.mark.skipif(
    shutil.which("ent") is None, reason="the program ent is not installed (Debian: apt-get install ent)"
)
@pytest.mark.parametrize("name", PAYLOADS)
def test_statistics_equal_ents_to_every_printed_digit(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(PAYLOADS[name])
    printed = subprocess.run(["ent", "-t", path], capture_output=True, text=True, check=True).stdout
    measured = measure_bytes(PAYLOADS[name])
    ours = [measured.entropy, measured.chi_square, measured.mean, measured.monte_carlo_pi, measured.serial_correlation]
    assert printed.splitlines()[1].split(",") == ["1", str(measured.bytes), *(f"{value:.6f}" for value in ours)]
