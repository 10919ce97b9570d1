"""Costs of programs, and what several runs say together."""

from __future__ import annotations

import sys

import pytest

from bench.measure import BenchError, Spread, attempt, ratio, run, spread


def test_spread_is_median_and_least() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0)


def test_ratio_pairs_runs_and_takes_off_the_fixed_cost() -> None:
    assert ratio([3.0, 5.0, 9.0], [1.0, 2.0, 2.0], [1.0, 1.0, 1.0]) == Spread(2.0, 2.0)


def test_ratio_without_fixed_cost() -> None:
    assert ratio([4.0, 8.0], [2.0, 2.0]) == Spread(3.0, 2.0)


def test_ratio_of_unpaired_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])


def test_peak_memory_is_the_programs_own_not_the_starters() -> None:
    held = bytearray(300 << 20)
    cost = run(["true"])
    assert cost.peak_bytes < len(held) / 4


def test_program_that_runs_too_long_is_stopped_and_said_so() -> None:
    cost, _ = attempt(["sleep", "60"], limit_s=0.2)
    assert cost.is_timed_out
    assert cost.exit_code < 0


def test_failure_names_exit_code_and_last_words() -> None:
    with pytest.raises(BenchError, match=r"exit code 3: sorry"):
        run([sys.executable, "-c", "import sys; print('sorry', file=sys.stderr); sys.exit(3)"])


def test_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(BenchError, match="could not be started"):
        run(["no-such-program-of-wiretropy"])
