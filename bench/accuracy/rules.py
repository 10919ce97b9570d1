"""Other ways to call bytes encrypted, as their authors state them, to be measured on the same bytes.

Payloads enter; True leaves where the method says encrypted. None of them says how sure it is.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from wiretropy.entropy import entropy_of_counts
from wiretropy.verdict.full_encryption import published_rule

Payloads = Sequence[bytes]
Verdicts = NDArray[np.bool_]

THRESHOLD_BITS_PER_BYTE = 7.9
"""The threshold of the original experiment."""

FREEDOM = 255

SSH_BANDS = (
    (63, 0.0, 4.38105154), (127, 4.22877741, 4.64838314), (255, 4.95194340, 5.02499151), (511, 4.86894369, 7.28671360),
    (1023, 4.86310673, 7.59574795), (1535, 4.94409609, 7.74570751), (2047, 5.77497149, 7.81915951),
    (3071, 6.44314718, 7.85139179), (4095, 7.17234325, 7.92034960), (8191, 7.46498394, 7.96606302),
    (65_536, 7.82608652, 7.99687433),
)  # fmt: skip
"""net-entropy's protospec of SSH: last byte of a range, least and greatest cumulative entropy in bits per byte."""


def histograms(payloads: Payloads) -> NDArray[np.int64]:
    """Counts of byte values, one row a payload."""
    rows = [np.bincount(np.frombuffer(payload, np.uint8), minlength=256) for payload in payloads]
    return np.array(rows, np.int64).reshape(len(payloads), 256)


def above_threshold(payloads: Payloads) -> Verdicts:
    """Whether the entropy of the whole payload exceeds 7.9 bits per byte."""
    return np.asarray(entropy_of_counts(histograms(payloads)) > THRESHOLD_BITS_PER_BYTE)


def chi_squares(payloads: Payloads) -> NDArray[np.float64]:
    """Pearson's statistic of the byte counts against equal shares."""
    counts = histograms(payloads)
    expected = counts.sum(axis=1, keepdims=True) / 256
    return np.asarray(((counts - expected) ** 2 / expected).sum(axis=1))


def chi_square_one_percent(payloads: Payloads) -> Verdicts:
    """Whether bytes are no less even than all but 1 % of random ones."""
    return np.asarray(chi_squares(payloads) <= chi2.isf(0.01, FREEDOM))


def ent_one_percent(payloads: Payloads) -> Verdicts:
    """Reading of `ent`: random unless its percentage is below 1 or above 99."""
    tail = chi2.sf(chi_squares(payloads), FREEDOM)
    return np.asarray((tail >= 0.01) & (tail <= 0.99))


def ssh_bands(payloads: Payloads) -> Verdicts:
    """Whether cumulative entropy lies within net-entropy's bands of SSH at the end of the payload."""
    entropies = entropy_of_counts(histograms(payloads))
    found = np.zeros(len(payloads), bool)
    for number, payload in enumerate(payloads):
        low, high = next(((low, high) for last, low, high in SSH_BANDS if len(payload) <= last), SSH_BANDS[-1][1:])
        found[number] = low <= entropies[number] <= high
    return found


RULES: Mapping[str, Callable[[Payloads], Verdicts]] = {
    "entropy above 7.9": above_threshold,
    "chi-square at 1 %": chi_square_one_percent,
    "ent, 1 to 99 %": ent_one_percent,
    "net-entropy's bands of SSH": ssh_bands,
    "full-encryption rule": published_rule,
}
"""By the name that tables give them."""


def differences_from_ent(payloads: Payloads, scratch: Path) -> tuple[int, int] | None:
    """Count payloads of which the program `ent` prints another chi-square, and all it was asked; None without it."""
    if shutil.which("ent") is None:
        return None
    ours = chi_squares(payloads)
    other = 0
    for payload, statistic in zip(payloads, ours, strict=True):
        scratch.write_bytes(payload)
        done = subprocess.run(["ent", "-t", str(scratch)], capture_output=True, text=True, check=True)
        theirs = float(done.stdout.splitlines()[1].split(",")[3])
        other += abs(theirs - statistic) > 1e-4 * max(1.0, statistic)
    return other, len(payloads)
