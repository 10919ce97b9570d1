"""Verdicts on raw payloads: bytes that came from a file, a message or one side of a flow.

In: bytes. Out: one `Verdict` each, with the reason in words. Up to 65,536 bytes of each are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wiretropy.entropy import entropy_of_counts, random_mean, random_sd
from wiretropy.verdict.coding import SHORTEST, coding_statistics, model, payload_model
from wiretropy.verdict.encoding import Encoded, decoded
from wiretropy.verdict.encoding import probability as probability_of
from wiretropy.verdict.opaque import HEAD_LENGTHS, opaque_probability
from wiretropy.verdict.payload_statistics import payload_statistics
from wiretropy.verdict.raw import PRINTABLE
from wiretropy.wording import counted

LONGEST = 65_536
"""Bytes of a payload that a verdict rests on at most: with more, none gets better."""

FEWEST_BYTES = HEAD_LENGTHS[0]
"""Bytes below which nothing is said."""

BATCH = 256
"""Payloads that are judged together: at most 16 MiB of them."""

CLASSES = ("encrypted", "compressed", "text", "binary")
"""What probabilities are given for; `encoded` is known by decoding."""

_CLEAR = 2
"""The first of them that is no opaque one."""

TEXT_SHARE = 0.85
"""Share of printable bytes from which a short clear payload is text."""

ENCRYPTED_SHARE = 0.6
"""Share of short opaque payloads that are encrypted: compressed contents that short hardly occur."""

UTF8_PROBABILITY = 0.99
"""That what is UTF-8 without control characters is text: random bytes of 8 or more hardly ever are."""

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
"""Characters that text does not have (Unicode category Cc, but white space)."""


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
    if isinstance(payloads, (bytes, bytearray, memoryview, str)):
        raise TypeError(f"payloads must be a sequence of bytes, one for each payload; got {type(payloads).__name__}")
    wrong = next((at for at, each in enumerate(payloads) if isinstance(each, (str, int))), None)
    if wrong is not None:
        raise TypeError(f"payload {wrong} must be bytes; got {type(payloads[wrong]).__name__}")
    verdicts: list[Verdict] = []
    for start in range(0, len(payloads), BATCH):
        verdicts += _judged([bytes(payload[:LONGEST]) for payload in payloads[start : start + BATCH]])
    return verdicts


def _judged(payloads: list[bytes]) -> list[Verdict]:
    probabilities = np.full((len(payloads), len(CLASSES)), np.nan)
    is_long = np.array([len(payload) >= SHORTEST for payload in payloads])
    for rows, judged in ((np.flatnonzero(is_long), _of_long), (np.flatnonzero(~is_long), _of_short)):
        if len(rows):
            probabilities[rows] = judged([payloads[row] for row in rows.tolist()])
    return [_verdict(payload, row) for payload, row in zip(payloads, probabilities, strict=True)]


def _of_long(payloads: list[bytes]) -> NDArray[np.float64]:
    """Probabilities of `CLASSES`, of payloads that are long enough for the statistics of the core."""
    lengths = np.array([len(payload) for payload in payloads])
    numbers = coding_statistics(payloads)
    classes = payload_model().classes
    found = payload_model().probabilities(numbers, payload_statistics(payloads), lengths)
    probabilities = found[:, [classes.index(name) for name in CLASSES]]
    # Which of the two opaque classes it is, the model that was trained for that alone tells best.
    compressed = 1 / (1 + np.exp(-np.clip(model("wide").log_odds(numbers, lengths), -50, 50)))
    opaque = probabilities[:, 0] + probabilities[:, 1]
    probabilities[:, 0], probabilities[:, 1] = opaque * (1 - compressed), opaque * compressed
    return probabilities


def _of_short(payloads: list[bytes]) -> NDArray[np.float64]:
    """The same of few bytes, of which nobody can tell whether they are encrypted or compressed; NaN of too few."""
    opaque = opaque_probability(payloads)
    is_text = np.array([float(_printable_share(payload) > TEXT_SHARE) for payload in payloads])
    clear = 1 - opaque
    columns = [opaque * ENCRYPTED_SHARE, opaque * (1 - ENCRYPTED_SHARE), clear * is_text, clear * (1 - is_text)]
    return np.stack(columns, axis=1)


def _printable_share(payload: bytes) -> float:
    return float(PRINTABLE[np.frombuffer(payload, np.uint8)].mean()) if payload else 0.0


def _verdict(payload: bytes, probabilities: NDArray[np.float64]) -> Verdict:
    length = len(payload)
    if length < FEWEST_BYTES:
        return Verdict("undecided", None, 0, f"only {counted(length, 'byte')}; at least {FEWEST_BYTES} are needed")
    encoded = decoded(payload)
    best = int(probabilities.argmax())
    if encoded is not None:
        return Verdict("encoded", probability_of(encoded.encoding, length), length, _encoded_reason(encoded))
    if _is_utf8(payload):
        return Verdict(
            "text", UTF8_PROBABILITY, length, f"{counted(length, 'byte')} of UTF-8 without control characters"
        )
    name, probability = CLASSES[best], float(probabilities[best])
    reason = _opaque_reason(payload, name) if best < _CLEAR else _clear_reason(payload)
    return Verdict(name, probability, length, reason)


def _encoded_reason(encoded: Encoded) -> str:
    [inside] = judge_payloads([encoded.inside])
    looks = "of which too few are left to tell" if inside.verdict == "undecided" else f"that look {inside.verdict}"
    return f"{encoded.encoding} of {counted(len(encoded.inside), 'byte')} {looks}"


def _is_utf8(payload: bytes) -> bool:
    """Whether a payload, which may be cut within a character, is text in any script (RFC 3629)."""
    first = next((at for at in range(min(4, len(payload))) if payload[at] & 0xC0 != 0x80), 0)
    # The last character may be cut: up to three bytes are left out.
    for last in range(len(payload), max(first, len(payload) - 4), -1):
        try:
            text = payload[first:last].decode()
        except UnicodeDecodeError:
            continue
        return not _CONTROLS.search(text)
    return False


def _clear_reason(payload: bytes) -> str:
    return f"{_printable_share(payload):.0%} of {counted(len(payload), 'byte')} are printable"


def _opaque_reason(payload: bytes, name: str) -> str:
    counts = np.bincount(np.frombuffer(payload, np.uint8), minlength=256)
    entropy, length = float(entropy_of_counts(counts)), len(payload)
    band = f"{random_mean(length):.4f} ± {random_sd(length):.4f}"
    if length < SHORTEST:
        told = f"too few to tell encrypted from compressed, which takes {SHORTEST} or more"
    elif name == "encrypted":
        told = "bit by bit as even as random bytes"
    else:
        told = "bit by bit less even than random bytes"
    return f"{entropy:.4f} bits per byte over {counted(length, 'byte')}, where random bytes average {band}; {told}"
