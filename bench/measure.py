"""What a program costs, and what several runs of it say together."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 900.0
"""Wall time after which a run of wiretropy or the floor is given up: far above what any should take."""

_LAUNCHER = Path(__file__).with_name("launch.py")


class BenchError(Exception):
    """The benchmark cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took.

    Attributes
    ----------
    cpu_s : float
        User and system seconds of the whole process, start-up included.
    wall_s : float
        Seconds from start to end.
    peak_bytes : int
        Largest resident set.
    exit_code : int
        Negative for a signal.
    is_timed_out : bool
        Whether it was stopped at the time limit.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int
    exit_code: int
    is_timed_out: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and least of several runs."""

    median: float
    best: float


def attempt(command: Sequence[str | Path], *, limit_s: float = LIMIT_S) -> tuple[Cost, str]:
    """Run a program to its end or the limit, whatever comes of it.

    Returns
    -------
    cost : Cost
    last_words : str
        Last line of what it wrote to standard error.
    """
    with tempfile.NamedTemporaryFile() as errors:
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(limit_s), errors.name]
        done = subprocess.run([*launcher, *map(str, command)], capture_output=True, text=True, check=False)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    if done.returncode:
        raise BenchError(f"{command[0]} could not be started: {done.stderr.strip().splitlines()[-1:]}")
    return Cost(**json.loads(done.stdout)), lines[-1] if lines else ""


def run(command: Sequence[str | Path]) -> Cost:
    """Run a program that has to succeed.

    Raises
    ------
    BenchError
        If it fails or takes longer than `LIMIT_S`.
    """
    cost, last_words = attempt(command)
    if cost.is_timed_out:
        raise BenchError(f"{' '.join(map(str, command))}: not done after {LIMIT_S:.0f} s")
    if cost.exit_code:
        raise BenchError(f"{' '.join(map(str, command))}: exit code {cost.exit_code}: {last_words}")
    return cost


def spread(values: Sequence[float]) -> Spread:
    """Median and least of at least one value."""
    return Spread(statistics.median(values), min(values))


def ratio(ours: Sequence[float], base: Sequence[float], fixed: Sequence[float] | None = None) -> Spread:
    """How many times `base` ours took, run by run.

    Parameters
    ----------
    ours, base : sequence of float
        Seconds of runs made in turn: the k-th of each ran one after the other, under the same disturbance.
    fixed : sequence of float, optional
        Seconds to take off ours, likewise paired: what a capture of one packet costs.

    Returns
    -------
    Spread
        Median of the paired ratios; and the ratio of the least values, which disturbance reaches least.
    """
    if fixed is None:
        fixed = [0.0] * len(ours)
    paired = [(a - c) / b for a, b, c in zip(ours, base, fixed, strict=True)]
    return Spread(statistics.median(paired), (min(ours) - min(fixed)) / min(base))
