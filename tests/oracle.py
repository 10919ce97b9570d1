"""What the meters must say of a series of bytes, computed another way and exactly.

The entropy of a whole series is a decimal number of 40 digits, trajectories are
floating-point sums without rounding between terms (`math.fsum`, good to 1e-14),
all else is integers and fractions. Nothing is shared with the program but the
definition.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache

DIGITS = 40


@cache
def _log2(n: int) -> Decimal:
    with localcontext(prec=DIGITS):
        return Decimal(n).ln() / Decimal(2).ln()


def _entropy(counts: Iterable[int], total: int) -> float:
    weighted = math.fsum(count * math.log2(count) for count in counts)
    return math.log2(total) - weighted / total


def entropy(payload: bytes) -> float | None:
    """Plug-in entropy in bits per byte; None of no bytes."""
    if not payload:
        return None
    with localcontext(prec=DIGITS):
        weighted = sum((count * _log2(count) for count in Counter(payload).values()), Decimal(0))
        return float(_log2(len(payload)) - weighted / len(payload))


def grid(length: int) -> list[int]:
    """The points of the trajectory grid that a series of this length reaches.

    As the documents say: every 32 bytes up to 2,048, then 8 points for each doubling.
    """
    points = list(range(32, 2049, 32))
    start = 2048
    while start < length:
        points += [start + start * eighth // 8 for eighth in range(1, 9)]
        start *= 2
    return [point for point in points if point <= length]


def trajectory(payload: bytes) -> list[float]:
    """Cumulative entropy at each grid point."""
    counts: Counter[int] = Counter()
    found, last = [], 0
    for point in grid(len(payload)):
        counts.update(payload[last:point])
        found.append(_entropy(counts.values(), point))
        last = point
    return found


def block_entropy(payload: bytes) -> list[float]:
    """Entropy of the bytes between each two grid points."""
    points = grid(len(payload))
    blocks = [payload[begin:end] for begin, end in zip([0, *points], points, strict=False)]
    return [_entropy(Counter(block).values(), len(block)) for block in blocks]


def chi_square(payload: bytes) -> float:
    """Pearson's statistic against uniform bytes."""
    counts, expected = Counter(payload), Fraction(len(payload), 256)
    return float(sum((counts[value] - expected) ** 2 / expected for value in range(256)))


def serial_correlation(payload: bytes) -> float | None:
    """Knuth's circular lag-one coefficient (TAOCP 2, 3.3.2 K); None where all bytes are equal."""
    n, total = len(payload), sum(payload)
    following = payload[1:] + payload[:1]
    below = n * sum(value * value for value in payload) - total**2
    above = n * sum(a * b for a, b in zip(payload, following, strict=True)) - total**2
    return float(Fraction(above, below)) if below else None


PRINTABLE = frozenset([*range(0x20, 0x7F), *b"\t\n\r"])


def scalars(payload: bytes) -> dict[str, float | int | None]:
    """The columns that say one number of all measured bytes, without prefix."""
    n = len(payload)
    if not n:
        names = ("entropy", "printable_share", "set_bits_per_byte", "distinct_bytes", "chi_square")
        return {"measured_bytes": 0, "serial_correlation": None, **dict.fromkeys(names)}
    return {
        "measured_bytes": n,
        "entropy": entropy(payload),
        "printable_share": float(Fraction(sum(value in PRINTABLE for value in payload), n)),
        "set_bits_per_byte": float(Fraction(sum(value.bit_count() for value in payload), n)),
        "distinct_bytes": len(set(payload)),
        "chi_square": chi_square(payload),
        "serial_correlation": serial_correlation(payload),
    }


def crossings(payload: bytes, threshold: float) -> list[int]:
    """Numbers of bytes at which cumulative entropy rose to the threshold, fell below it, rose again."""
    counts = [0] * 256
    found: list[int] = []
    is_above, weighted = False, 0.0
    for length, value in enumerate(payload, 1):
        counts[value] += 1
        weighted += _weight(counts[value]) - _weight(counts[value] - 1)
        if (math.log2(length) - weighted / length >= threshold) != is_above:
            is_above = not is_above
            found.append(length)
    return found


def _weight(count: int) -> float:
    return count * math.log2(count) if count else 0.0
