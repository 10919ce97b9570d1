"""The atoms of the law of a few random bytes, against enumeration and the closed forms."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from wiretropy.entropy import random_mean, random_sd
from wiretropy.entropy.random_atoms import atoms


def partitions(n: int, largest: int) -> Iterator[list[int]]:
    """Ways to write n as a sum of numbers up to `largest`, in descending order."""
    if n == 0:
        yield []
    for part in range(min(n, largest), 0, -1):
        for rest in partitions(n - part, part):
            yield [part, *rest]


def enumerated(n: int) -> dict[float, Fraction]:
    """The law of R from every partition, in fractions."""
    law: dict[float, Fraction] = defaultdict(Fraction)
    for parts in partitions(n, n):
        strings = math.factorial(n) * math.comb(256, len(parts)) * math.factorial(len(parts))
        for part in parts:
            strings //= math.factorial(part)
        ways = Fraction(strings, math.prod(math.factorial(m) for m in Counter(parts).values()))
        law[round(sum(part * math.log2(part) for part in parts), 4)] += ways / 256**n
    return law


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 16, 24])
def test_atoms_equal_the_enumeration_of_every_partition(n: int) -> None:
    law = atoms(n)
    wanted = enumerated(n)
    assert sum(wanted.values()) == 1
    found = {round(float(bits), 4): float(p) for bits, p in zip(law.bits, law.probability, strict=True)}
    assert set(found) <= set(wanted)
    for bits, probability in wanted.items():
        assert found.get(bits, 0.0) == pytest.approx(float(probability), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 16, 33, 64, 100, 128, 160])
def test_atoms_have_the_mean_and_spread_of_the_closed_forms(n: int) -> None:
    law = atoms(n)
    mean = law.probability @ law.bits
    assert law.probability.sum() == pytest.approx(1, abs=1e-10)
    assert math.log2(n) - mean / n == pytest.approx(random_mean(n), abs=1e-9)
    assert np.sqrt(law.probability @ (law.bits - mean) ** 2) / n == pytest.approx(random_sd(n), abs=1e-9)
