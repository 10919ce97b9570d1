"""Measurements of raw bytes, as `ent` gives them, with the random band.

In: a payload, or a binary stream of any length. Out: one `RawMeasurement`.
Refused: no bytes at all, which have nothing to measure.

A stream is read in pieces of 1 MiB and only sums are kept, so a file larger
than memory is measured in constant memory. The statistics are those of John
Walker's `ent` (https://www.fourmilab.ch/random/) to its last printed digit; the
mean and spread of random bytes of that length come from `entropy.random_law`.
No verdict is given here: numbers only.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wiretropy.entropy import entropy_of_counts, random_mean, random_sd

CHUNK_BYTES = 1 << 20
"""Bytes read at a time: large enough for whole-array arithmetic, small enough to stay in
cache. Also what keeps the float64 sums of byte products exact (2^20 * 255^2 < 2^53)."""

POINT_BYTES = 6
"""Bytes that make one Monte Carlo point, as in `ent`: 24 bits for each coordinate."""

PRINTABLE = np.zeros(256, dtype=bool)
"""Byte values counted as printable: ASCII 0x20 to 0x7E, tab, line feed and carriage return."""
PRINTABLE[0x20:0x7F] = PRINTABLE[[0x09, 0x0A, 0x0D]] = True

SET_BITS = np.array([value.bit_count() for value in range(256)])
"""Set bits of each byte value."""


@dataclass(frozen=True, slots=True)
class RawMeasurement:
    """What was measured over all bytes of one input.

    Attributes
    ----------
    bytes : int
        Number of bytes, at least 1.
    entropy : float
        Plug-in entropy in bits per byte, in [0, 8].
    random_mean : float
        Mean entropy of uniformly random bytes of this number, in bits per byte.
    random_sd : float
        Standard deviation of it, in bits per byte; 0 for a single byte.
    z : float or None
        `(entropy - random_mean) / random_sd`: negative means less random than
        random bytes. None for a single byte, whose entropy has no spread.
    chi_square : float
        Pearson's statistic of the byte counts against equal frequencies.
    chi_square_p_value : float
        Probability that random bytes exceed it (255 degrees of freedom); near 0
        for uneven bytes, near 1 for bytes more even than chance.
    mean : float
        Arithmetic mean of the byte values, 127.5 for random bytes.
    monte_carlo_pi : float or None
        Four times the share of 6-byte points that fall in the quarter circle; pi
        for random bytes. None below 6 bytes.
    serial_correlation : float or None
        Correlation of each byte with its successor, the last with the first, in
        [-1, 1]; 0 for random bytes. None where all bytes are equal.
    printable_share : float
        Share of bytes that are printable ASCII, tab, line feed or carriage return, in [0, 1].
    distinct_bytes : int
        Number of different byte values, 1 to 256.
    set_bits_per_byte : float
        Mean number of one bits in a byte, in [0, 8]; 4 for random bytes.
    optimum_compression_percent : float
        By how much an ideal order-0 coder would shrink the input: 100 (1 - entropy / 8).
    """

    bytes: int
    entropy: float
    random_mean: float
    random_sd: float
    z: float | None
    chi_square: float
    chi_square_p_value: float
    mean: float
    monte_carlo_pi: float | None
    serial_correlation: float | None
    printable_share: float
    distinct_bytes: int
    set_bits_per_byte: float
    optimum_compression_percent: float


def measure_bytes(payload: bytes | bytearray | memoryview) -> RawMeasurement:
    """Measure a payload held in memory.

    Parameters
    ----------
    payload : bytes of length n
        At least one byte.

    Returns
    -------
    measurement : RawMeasurement
        Entropy, its random band and the statistics of `ent`.

    Raises
    ------
    ValueError
        If there are no bytes.

    Examples
    --------
    >>> measured = measure_bytes(bytes(range(256)))
    >>> measured.entropy, measured.chi_square, measured.mean
    (8.0, 0.0, 127.5)
    """
    sums = _Sums()
    view = memoryview(payload).cast("B")
    for start in range(0, len(view), CHUNK_BYTES):
        sums.add(np.frombuffer(view[start : start + CHUNK_BYTES], dtype=np.uint8))
    return sums.measurement()


class Readable(Protocol):
    """What `measure_stream` needs of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def measure_stream(stream: Readable, *, progress: Callable[[int], object] | None = None) -> RawMeasurement:
    """Measure everything that a binary stream has left, in constant memory.

    Parameters
    ----------
    stream : binary file object
        Read to its end; not closed.
    progress : callable, optional
        Called after each piece with the number of bytes in it.

    Returns
    -------
    measurement : RawMeasurement
        The same as `measure_bytes` of the whole, however the stream cuts its reads.

    Raises
    ------
    ValueError
        If the stream ends before its first byte.
    OSError
        If reading fails.
    """
    sums = _Sums()
    for chunk in _chunks(stream):
        sums.add(np.frombuffer(chunk, dtype=np.uint8))
        if progress is not None:
            progress(len(chunk))
    return sums.measurement()


def _chunks(stream: Readable) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


class _Sums:
    """The exact integer sums that every statistic follows from."""

    def __init__(self) -> None:
        self.counts = np.zeros(256, dtype=np.int64)
        self.products = 0
        """Sum of each byte times its successor."""
        self.first = self.last = 0
        self.points = self.points_inside = 0
        self.unused = np.zeros(0, dtype=np.uint8)
        """Bytes since the last whole Monte Carlo point; at most five."""

    def add(self, values: NDArray[np.uint8]) -> None:
        """Take in the next bytes of the input, at least one and at most `CHUNK_BYTES`."""
        if self.counts.any():
            self.products += self.last * int(values[0])
        else:
            self.first = int(values[0])
        self.last = int(values[-1])
        self.counts += np.bincount(values, minlength=256)
        numbers = values.astype(np.float64)
        self.products += int(numbers[:-1] @ numbers[1:])
        self._add_points(values)

    def _add_points(self, values: NDArray[np.uint8]) -> None:
        waiting = np.concatenate([self.unused, values])
        points = len(waiting) // POINT_BYTES
        self.unused = waiting[points * POINT_BYTES :]
        a, b, c, d, e, f = waiting[: points * POINT_BYTES].reshape(points, POINT_BYTES).T
        # Coordinates below 2^24 have squares below 2^48: exact in float64.
        x = a * np.float64(65_536) + b * np.float64(256) + c
        y = d * np.float64(65_536) + e * np.float64(256) + f
        inside = np.count_nonzero(x**2 + y**2 <= (2**24 - 1) ** 2)
        self.points += points
        self.points_inside += int(inside)

    def measurement(self) -> RawMeasurement:
        """Turn the sums into statistics."""
        n = int(self.counts.sum())
        if n == 0:
            raise ValueError("there are no bytes to measure")
        entropy = float(entropy_of_counts(self.counts))
        mean, sd = random_mean(n), random_sd(n)
        chi_square = float(((self.counts - n / 256) ** 2).sum() / (n / 256))
        return RawMeasurement(
            bytes=n,
            entropy=entropy,
            random_mean=mean,
            random_sd=sd,
            z=(entropy - mean) / sd if sd else None,
            chi_square=chi_square,
            chi_square_p_value=_chi_square_tail(chi_square),
            mean=float(self.counts @ np.arange(256)) / n,
            monte_carlo_pi=4 * self.points_inside / self.points if self.points else None,
            serial_correlation=self._serial_correlation(n),
            printable_share=int(self.counts[PRINTABLE].sum()) / n,
            distinct_bytes=int(np.count_nonzero(self.counts)),
            set_bits_per_byte=int(self.counts @ SET_BITS) / n,
            optimum_compression_percent=100 * (1 - entropy / 8),
        )

    def _serial_correlation(self, n: int) -> float | None:
        """Compute Knuth's serial correlation (TAOCP vol. 2, section 3.3.2 K) in whole numbers."""
        total = int(self.counts @ np.arange(256))
        squares = int(self.counts @ np.arange(256) ** 2)
        spread = n * squares - total**2
        if spread == 0:
            return None
        return (n * (self.products + self.last * self.first) - total**2) / spread


def _chi_square_tail(statistic: float) -> float:
    """Compute the upper tail of chi-square with 255 degrees of freedom.

    With an odd number of degrees the incomplete gamma function is a finite sum,
    Q(k + 1/2, x) = erfc(sqrt x) + exp(-x) sum_{i=1..k} x^(i - 1/2) / Gamma(i + 1/2)
    (Abramowitz and Stegun 26.4.4); all terms are positive, so nothing cancels.
    """
    x = statistic / 2
    if x == 0:
        return 1.0
    terms = (math.exp((i - 0.5) * math.log(x) - x - math.lgamma(i + 0.5)) for i in range(1, 128))
    return min(1.0, math.erfc(math.sqrt(x)) + math.fsum(terms))
