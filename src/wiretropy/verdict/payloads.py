"""Verdicts on raw payloads: bytes that came from a file, a message or one side of a flow.

In: bytes. Out: one `Verdict` each, with the reason in words. Up to 65,536 bytes of each are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wiretropy.entropy import entropy_of_counts, random_mean, random_sd
from wiretropy.verdict.coding import SHORTEST, coding_statistics, model
from wiretropy.verdict.encoding import Encoded, decoded
from wiretropy.verdict.opaque import HEAD_LENGTHS, opaque_probability
from wiretropy.verdict.raw import PRINTABLE
from wiretropy.wording import counted

LONGEST = 65_536
"""Bytes of a payload that a verdict rests on at most: with more, none gets better."""

FEWEST_BYTES = HEAD_LENGTHS[0]
"""Bytes below which nothing is said."""

BATCH = 256
"""Payloads that are judged together: at most 16 MiB of them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a payload is.

    Attributes
    ----------
    verdict : str
        ``encrypted``, ``compressed``, ``encoded``, ``text``, ``binary`` or ``undecided``.
    verdict_probability : float or None
        That it is right, calibrated for equal odds before; None for ``undecided``.
    verdict_bytes : int
        Bytes that it rests on.
    reason : str
        Why, in one sentence with the numbers.
    """

    verdict: str
    verdict_probability: float | None
    verdict_bytes: int
    reason: str


def judge_payloads(payloads: Sequence[bytes]) -> list[Verdict]:
    """Say what payloads are.

    Parameters
    ----------
    payloads : sequence of n bytes
        Each whole or cut anywhere; of more than 65,536 bytes the first are looked at.

    Returns
    -------
    verdicts : list of n Verdict
        In the same order.

    Examples
    --------
    >>> judge_payloads([b"GET /index.html HTTP/1.1", b"47494638396101000100800000ff"])[0].verdict
    'text'
    >>> judge_payloads([b"short"])[0].reason
    'only 5 bytes; at least 8 are needed'
    """
    verdicts: list[Verdict] = []
    for start in range(0, len(payloads), BATCH):
        verdicts += _judged([bytes(payload[:LONGEST]) for payload in payloads[start : start + BATCH]])
    return verdicts


def _judged(payloads: list[bytes]) -> list[Verdict]:
    opaque = opaque_probability([payload[: HEAD_LENGTHS[-1]] for payload in payloads])
    compressed = _compressed_probability(payloads)
    return [
        _verdict(payload, *evidence)
        for payload, *evidence in zip(payloads, opaque.tolist(), compressed.tolist(), strict=True)
    ]


def _compressed_probability(payloads: list[bytes]) -> NDArray[np.float64]:
    """Probability that each is compressed rather than encrypted; one half where there are too few bytes to tell."""
    probability = np.full(len(payloads), 0.5)
    rows = [row for row, payload in enumerate(payloads) if len(payload) >= SHORTEST]
    if rows:
        chosen = [payloads[row] for row in rows]
        lengths = np.array([len(payload) for payload in chosen])
        log_odds = model("wide").log_odds(coding_statistics(chosen), lengths)
        probability[rows] = 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
    return probability


def _verdict(payload: bytes, opaque: float, compressed: float) -> Verdict:
    length = len(payload)
    if length < FEWEST_BYTES:
        return Verdict("undecided", None, 0, f"only {counted(length, 'byte')}; at least {FEWEST_BYTES} are needed")
    encoded = decoded(payload)
    if encoded is not None:
        return Verdict("encoded", 1 - opaque, length, _encoded_reason(encoded))
    if opaque > 0.5:
        name = "compressed" if compressed > 0.5 else "encrypted"
        probability = opaque * max(compressed, 1 - compressed)
        return Verdict(name, probability, length, _opaque_reason(payload, name))
    share = float(PRINTABLE[np.frombuffer(payload, np.uint8)].mean())
    name = "text" if share > 0.85 else "binary"
    return Verdict(name, 1 - opaque, length, f"{share:.0%} of {counted(length, 'byte')} are printable")


def _encoded_reason(encoded: Encoded) -> str:
    [inside] = judge_payloads([encoded.inside])
    return f"{encoded.encoding} of {counted(len(encoded.inside), 'byte')} that look {inside.verdict}"


def _opaque_reason(payload: bytes, name: str) -> str:
    counts = np.bincount(np.frombuffer(payload, np.uint8), minlength=256)
    entropy, length = float(entropy_of_counts(counts)), len(payload)
    band = f"{random_mean(length):.4f} ± {random_sd(length):.4f}"
    told = "as even, bit by bit, as random bytes" if name == "encrypted" else "less even, bit by bit, than random bytes"
    return f"{entropy:.4f} bits per byte, where random bytes average {band}; {told}"
