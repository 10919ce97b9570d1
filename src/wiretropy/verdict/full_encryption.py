"""Whether a first packet is fully encrypted: a published rule, and a better one.

In: first payload packets of flows. Out: one truth value each. The published rule is what a national firewall was found
to apply (Wu et al., "How the Great Firewall of China Detects and Blocks Fully Encrypted Traffic", USENIX Security 2023,
section 4): it exempts what has too few or too many set bits, printable bytes, or the beginning of TLS or HTTP, and
flags the rest, compressed payloads with it. It is here to be compared with; no verdict of ours rests on it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict.coding import SHORTEST, coding_statistics, model
from wiretropy.verdict.opaque import HEAD_LENGTHS, opaque_probability
from wiretropy.verdict.raw import PRINTABLE, SET_BITS

FEWEST_SET_BITS, MOST_SET_BITS = 3.4, 4.6
"""Bits per byte: at most the first or at least the second is exempt (Ex1)."""

FIRST_PRINTABLE = 6
"""So many printable bytes at the beginning are exempt (Ex2)."""

MOST_PRINTABLE = 0.5
"""A greater share of printable bytes is exempt (Ex3)."""

LONGEST_PRINTABLE = 20
"""More printable bytes in a row are exempt (Ex4)."""

_ASCII_PRINTABLE = PRINTABLE & (np.arange(256) >= 0x20)
"""What the rule calls printable: 0x20 to 0x7e."""

_METHODS = (b"GET ", b"PUT ", b"POST ", b"HEAD ")
_TLS_FIRST = (0x16, 0x17)
_TLS_MINOR_MOST = 9

_FILE = Path(__file__).with_name("full_encryption.json")


def published_rule(payloads: Sequence[bytes]) -> NDArray[np.bool_]:
    """Apply the published rule.

    Parameters
    ----------
    payloads : sequence of n bytes
        First payload packets of a side.

    Returns
    -------
    is_flagged : ndarray of shape (n,), bool
        Whether nothing exempts each; false for no bytes.

    Examples
    --------
    >>> published_rule([b"GET / HTTP/1.1", bytes(range(5, 256, 8)) * 4]).tolist()
    [False, True]
    """
    return np.array([_is_flagged(payload) for payload in payloads], dtype=np.bool_)


def _is_flagged(payload: bytes) -> bool:
    values = np.frombuffer(payload, np.uint8)
    if len(values) == 0:
        return False
    set_bits = SET_BITS[values].mean()
    printable = _ASCII_PRINTABLE[values]
    return not (
        set_bits <= FEWEST_SET_BITS
        or set_bits >= MOST_SET_BITS
        or (len(values) >= FIRST_PRINTABLE and printable[:FIRST_PRINTABLE].all())
        or printable.mean() > MOST_PRINTABLE
        or _longest_run(printable) > LONGEST_PRINTABLE
        or _begins_like_known(payload)
    )


def _longest_run(is_printable: NDArray[np.bool_]) -> int:
    breaks = np.flatnonzero(np.concatenate([[True], ~is_printable, [True]]))
    return int(np.diff(breaks).max()) - 1


def _begins_like_known(payload: bytes) -> bool:
    """The beginning of TLS (Ex5: type, 0x03, minor version) or of HTTP."""
    is_tls = len(payload) >= 3 and payload[0] in _TLS_FIRST and payload[1] == 3 and payload[2] <= _TLS_MINOR_MOST
    return is_tls or payload.startswith(_METHODS)


def is_fully_encrypted(payloads: Sequence[bytes]) -> NDArray[np.bool_]:
    """Say whether first packets are ciphertext from their first byte on.

    The first 64 bytes must be opaque, and from 64 bytes on the bits so even that of random payloads of that length
    one in a hundred or fewer would be taken for compressed: the limits were simulated (`full_encryption.json`).

    Parameters
    ----------
    payloads : sequence of n bytes
        First payload packets of a side.

    Returns
    -------
    is_encrypted : ndarray of shape (n,), bool
        False below 8 bytes, too few to tell.
    """
    heads = opaque_probability([payload[: HEAD_LENGTHS[-1]] for payload in payloads])
    is_encrypted: NDArray[np.bool_] = heads > 0.5  # false for NaN
    rows = np.array([row for row, payload in enumerate(payloads) if len(payload) >= SHORTEST], dtype=np.int64)
    rows = rows[is_encrypted[rows]]
    if len(rows):
        chosen = [bytes(payloads[row]) for row in rows.tolist()]
        lengths = np.array([len(payload) for payload in chosen])
        log_odds = model("wide").log_odds(coding_statistics(chosen), lengths)
        is_encrypted[rows] = log_odds <= log_odds_limit(lengths)
    return is_encrypted


@cache
def _limits() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stored = json.loads(_FILE.read_text(encoding="utf-8"))
    return np.array(stored["log2_length"]), np.array(stored["log_odds"])


def log_odds_limit(lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log-odds of compressed that random payloads of each length exceed in 0.7 % of cases.

    Parameters
    ----------
    lengths : ndarray of shape (n,)
        Bytes; constant outside 64 to 65,536.

    Returns
    -------
    log_odds : ndarray of shape (n,), float64
    """
    log2_lengths, log_odds = _limits()
    limits: NDArray[np.float64] = np.interp(np.log2(np.maximum(lengths, 1)), log2_lengths, log_odds)
    return limits
