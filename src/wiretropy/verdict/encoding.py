"""Text that stands for other bytes: base64, hexadecimal digits, percent, UTF-16, and what is inside.

In: payload bytes, from the middle of something or whole. Out: the encoding and the bytes beneath, or None. What is
looked for are alphabets, never names of formats or protocols.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

SHORTEST = 16
"""Fewest characters that are taken for an encoding: eight letters and digits can be a word."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(rb"(?:[0-9a-f]+|[0-9A-F]+)")
_BASE32 = re.compile(rb"[A-Z2-7]+=*")
_BREAKS = re.compile(rb"[\r\n\t ]+")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")

_LEAST_HEX_DIGITS = 6
"""Different hexadecimal digits that are asked for: of 16 random ones fewer occur once in ten thousand times."""

_CLEARLY = 0.3
"""Share of printable bytes by which one way to cut base64 must be better than the first."""

_DIGITS = np.zeros(256, dtype=np.bool_)
_DIGITS[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n\t \0", np.uint8)] = True
"""Characters of base64, base32 and hexadecimal digits, what may stand between them, and filling."""

_MOST_ESCAPES = 1 / 6
"""Share of the characters of percent-encoded text that belong to escapes, at least: more than in links."""

_WORD = re.compile(rb"[a-z]{5,}|[A-Z][a-z]{4,}")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What text stands for.

    Attributes
    ----------
    encoding : str
        ``base64``, ``base32``, ``hex``, ``percent`` or ``UTF-16``.
    inside : bytes
        The bytes beneath, as far as they could be decoded.
    """

    encoding: str
    inside: bytes


def decoded(payload: bytes) -> Encoded | None:
    """Look beneath an encoding.

    Parameters
    ----------
    payload : bytes
        Cut anywhere.

    Returns
    -------
    encoded : Encoded or None
        None where the bytes do not look encoded.

    Examples
    --------
    >>> decoded(b"47494638396101000100800000ff")
    Encoded(encoding='hex', inside=b'GIF89a\\x01\\x00\\x01\\x00\\x80\\x00\\x00\\xff')
    >>> decoded(b"just a sentence in English")
    """
    if len(payload) < SHORTEST:
        return None
    return _utf16(payload) or _digits(payload) or _percent(payload)


def may_be_encoded(heads: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which first bytes are worth the work of `decoded`; of those that are not, it would find nothing.

    Parameters
    ----------
    heads : ndarray of shape (n, width), uint8
        First bytes, filled with zeros.

    Returns
    -------
    may_be : ndarray of shape (n,), bool
    """
    has_digits = _DIGITS[heads].all(axis=1)
    has_escapes = 3 * (heads == ord("%")).sum(axis=1) >= _MOST_ESCAPES * (heads != 0).sum(axis=1)
    # Of two bytes of a character one repeats in four of five places, so neighbours of it are equal in three.
    repeats = [(heads[:, first + 2 :: 2] == heads[:, first:-2:2]).mean(axis=1) for first in (0, 1)]
    has_pairs = (repeats[0] > 0.5) ^ (repeats[1] > 0.5)
    result: NDArray[np.bool_] = has_digits | (has_escapes & (heads == ord("%")).any(axis=1)) | has_pairs
    return result


def _digits(payload: bytes) -> Encoded | None:
    """Base64, base32 and hexadecimal digits, in one line or in many."""
    lines = [line for line in _BREAKS.split(payload) if line]
    # Words have blanks between them; lines of an encoding are long, and but for the ends equally so.
    if len(lines) > 1 and min(map(len, lines[1:-1]), default=SHORTEST) < SHORTEST:
        return None
    text = b"".join(lines)
    if len(text) < SHORTEST:
        return None
    if _HEX.fullmatch(text):
        is_number = text.isdigit() or text.isalpha() or len(set(text)) < _LEAST_HEX_DIGITS
        return None if is_number else Encoded("hex", binascii.unhexlify(text[: len(text) // 2 * 2]))
    if _BASE32.fullmatch(text) and not text.isalpha():
        return Encoded("base32", _base32(text))
    if _BASE64.fullmatch(text) and _is_mixed(text):
        return Encoded("base64", _base64(text))
    return None


def _is_mixed(text: bytes) -> bool:
    """Whether letters of both cases and digits stand as mixed as six random bits would have them."""
    upper = sum(65 <= value <= 90 for value in text)
    lower = sum(97 <= value <= 122 for value in text)
    digits = sum(48 <= value <= 57 for value in text)
    length = len(text)
    # Of 64 characters 26 are capital, 26 small letters and 10 digits.
    is_balanced = upper >= 0.12 * length and lower >= 0.12 * length and digits >= 0.02 * length
    words = sum(len(word) for word in _WORD.findall(text))
    return is_balanced and words < 0.4 * length


def _base64(text: bytes) -> bytes:
    standard = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    # A piece can begin within a group of four: another cut than the first is right where it is far more cleartext.
    insides = [_base64_from(standard[start:]) for start in range(4)]
    best = max(insides, key=_printable)
    return best if _printable(best) > _printable(insides[0]) + _CLEARLY else insides[0]


def _base64_from(text: bytes) -> bytes:
    """As many bytes as the characters hold: four are three bytes, and the rest of three or two are two or one."""
    text = text[:-1] if len(text) % 4 == 1 else text
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def _base32(text: bytes) -> bytes:
    text = text.rstrip(b"=")
    return base64.b32decode(text[: len(text) // 8 * 8])


def _printable(inside: bytes) -> float:
    return sum(32 <= value < 127 or value in b"\t\r\n" for value in inside) / max(1, len(inside))


def _percent(payload: bytes) -> Encoded | None:
    escapes = len(_ESCAPE.findall(payload))
    if 3 * escapes < _MOST_ESCAPES * len(payload) or not payload.isascii() or b" " in payload:
        return None
    return Encoded("percent", unquote_to_bytes(payload.replace(b"+", b" ")))


def _utf16(payload: bytes) -> Encoded | None:
    """Text with two bytes a character: every other byte comes from few blocks of characters."""
    for first in (0, 1):
        high, low = payload[first::2], payload[1 - first :: 2]
        commonest = max(set(high), key=high.count)
        if high.count(commonest) < 0.8 * len(high) or low.count(commonest) > 0.2 * len(low) or commonest > 0x30:
            continue
        if len(set(low)) < 4 or (commonest == 0 and _printable(low) < 0.8):
            continue
        return Encoded("UTF-16", _as_utf8(payload, is_big=first == 0))
    return None


def _as_utf8(payload: bytes, *, is_big: bool) -> bytes:
    whole = payload[: len(payload) // 2 * 2]
    return whole.decode("utf-16-be" if is_big else "utf-16-le", "replace").encode()
