"""Text that stands for other bytes, and what is inside: base64, hexadecimal digits, UTF-16, and what `armour` knows.

In: payload bytes, from the middle of something or whole. Out: the encoding and the bytes beneath, or None. What is
looked for are alphabets, never names of formats or protocols.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict import armour
from wiretropy.verdict.armour import (
    IN_COLUMNS,
    LEAST_ESCAPED,
    LEAST_HEX_DIGITS,
    is_uneven,
    likeliest,
    printable_share,
)

SHORTEST = 16
"""Fewest characters that are taken for an encoding: eight letters and digits can be a word."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(rb"(?:[0-9a-f]+|[0-9A-F]+)")
_BASE32 = re.compile(rb"[A-Z2-7]+=*")
_BREAKS = re.compile(rb"[\r\n\t ]+")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")

LEAST_LETTERS, LEAST_DIGITS = 0.12, 0.02
"""Shares of letters of either case, and of digits, in base64, at least: of 64 characters 26 are capitals, 26 small
letters and 10 digits."""

_RANGES = tuple((ord(first), ord(last)) for first, last in ("AZ", "az", "09"))
_HEX_DIGITS = np.isin(np.arange(256), list(b"0123456789abcdefABCDEF"))

_LAST_BLOCK = 0x30
_NO_BLOCKS = (0x01, 0x02, 0x20)
"""High bytes of UTF-16 in which most characters of a text can lie, up to that of Japanese syllables; but in these lie
letters with marks and punctuation, of which no text consists: rather they are small numbers, or blanks."""

_LEAST_STEP = 2.5
"""Mean distance of characters from the next and from the next but one: of numbers in text it is 3, of words 20, of
16-bit samples of sound that is not loud one or two."""

_BREAK = np.isin(np.arange(256), list(b"\r\n\t "))

FEWEST_WITH_SIGNS = 20
"""Characters but blanks in first bytes that can be Ascii85, of which 48 are asked for, or uuencode, of 40 of which half
may be blanks."""

_IN_DIGITS, _IN_PAIRS, _IN_NO_BLANKS, _IN_NO_SMALL = 1, 2, 4, 8
_SETS = np.zeros(256, dtype=np.uint8)
"""Which sets of characters each byte belongs to, line breaks and filling to all: of base64, base32 and hexadecimal
digits with what may stand between them; of pairs of digits; of Ascii85; of uuencode."""

for _set, _members in (
    (_IN_DIGITS, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=:\t "),
    (_IN_PAIRS, bytes(np.flatnonzero(IN_COLUMNS).tolist()) + b"\t"),
    (_IN_NO_BLANKS, bytes(range(33, 127)) + b"\t"),
    (_IN_NO_SMALL, bytes(range(32, 97)) + b"\t"),
):
    _SETS[np.frombuffer(_members + b"\r\n\0", np.uint8)] |= _set

PROBABILITY_LENGTHS = (16, 32, 64, 512)
"""Bytes from which each of the probabilities holds."""

PROBABILITIES: Mapping[str, tuple[float, ...]] = {
    "UTF-16": (0.9, 0.95, 0.975, 0.995),
    "base64": (0.965, 0.975, 0.98, 0.985),
    "hex": (0.97, 0.985, 0.998, 0.998),
}
"""How likely it is that what is found is encoded, on the training side of the material that `bench.verdict` makes, with
as many texts, binaries and encoded ones (`python -m bench.verdict.measure_encodings train`, 23,000 clear fragments of
each length). Small numbers look like UTF-16; what is found as base64 in text mostly is base64: pictures in markup."""

OTHERS_PROBABILITY = 0.996
"""The same of the encodings of which one fragment at most was found where there is none: three could have been."""

_ARMOURS: tuple[tuple[str, Callable[[bytes], bytes | None]], ...] = (
    ("hex", armour.hex_pairs),
    ("hex dump", armour.hex_dump),
    ("quoted-printable", armour.quoted_printable),
    ("uuencode", armour.uuencode),
    ("ascii85", armour.ascii85),
    ("base85", armour.base85),
)
"""Encodings that are looked for where no alphabet alone tells, the ones with the strictest form first."""

_WORD = re.compile(rb"[a-z]{5,}|[A-Z][a-z]{4,}")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What text stands for.

    Attributes
    ----------
    encoding : str
        ``base64``, ``base32``, ``hex``, ``hex dump``, ``percent``, ``quoted-printable``, ``uuencode``, ``ascii85``,
        ``base85`` or ``UTF-16``.
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
    return _utf16(payload) or _digits(payload) or _percent(payload) or _armoured(payload)


def probability(encoding: str, length: int) -> float:
    """Probability that what is found as an encoding in so many bytes, at least `SHORTEST`, is encoded."""
    place = bisect_right(PROBABILITY_LENGTHS, length) - 1
    return PROBABILITIES[encoding][place] if encoding in PROBABILITIES else OTHERS_PROBABILITY


def may_be_encoded(heads: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which first bytes are worth the work of `decoded`; of those that are not, it finds next to nothing.

    Parameters
    ----------
    heads : ndarray of shape (n, width), uint8
        First bytes, filled with zeros.

    Returns
    -------
    may_be : ndarray of shape (n,), bool
    """
    length = (heads != 0).sum(axis=1)
    escapes = np.maximum((heads == ord("%")).sum(axis=1), (heads == ord("=")).sum(axis=1))
    has_escapes = (escapes > 0) & (3 * escapes >= LEAST_ESCAPED * length)
    # Dumps are told by three whole lines, for which first bytes are too few.
    in_all = np.bitwise_and.reduce(_SETS[heads], axis=1)
    has_pairs_of_digits = in_all & _IN_PAIRS > 0
    is_named = (heads[:, :6] == np.frombuffer(b"begin ", np.uint8)).all(axis=1)
    result: NDArray[np.bool_] = has_escapes | has_pairs_of_digits | is_named
    # Of two bytes of a character one repeats in four of five places, so neighbours of it are equal in three.
    repeats = [(heads[:, first + 2 :: 2] == heads[:, first:-2:2]).mean(axis=1) for first in (0, 1)]
    for is_likely, look in (
        (in_all & _IN_DIGITS > 0, _may_be_digits),
        (in_all & (_IN_NO_BLANKS | _IN_NO_SMALL) > 0, _have_signs),
        ((repeats[0] > 0.5) ^ (repeats[1] > 0.5), _may_be_utf16),
    ):
        rows = np.flatnonzero(is_likely & ~result)
        result[rows] = look(heads[rows])
    return result


def _may_be_digits(heads: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether lines are long, and characters those of hexadecimal digits or base32, or mixed as in base64."""
    is_break = _BREAK[heads]
    breaks = (is_break[:, 1:] & ~is_break[:, :-1]).cumsum(axis=1, dtype=np.uint8)
    # Behind the first of three breaks stands a line that is neither the first nor the last.
    has_lines = (breaks[:, -1] < 3) | ((breaks == 1).sum(axis=1) > SHORTEST)
    is_filling = is_break | (heads == 0)
    length = (~is_filling).sum(axis=1)
    upper, lower, digits = (((heads >= first) & (heads <= last)).sum(axis=1) for first, last in _RANGES)
    is_mixed = (upper >= LEAST_LETTERS * length) & (lower >= LEAST_LETTERS * length) & (digits >= LEAST_DIGITS * length)
    is_of_few = (_HEX_DIGITS[heads] | is_filling).all(axis=1) | (lower == 0)
    return np.asarray(has_lines & (is_mixed | is_of_few))


def _have_signs(heads: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether there are as many letters and signs as in Ascii85 or uuencode, and as many characters."""
    length = ((heads > 32) & (heads < 127)).sum(axis=1)
    letters = (((heads | 32) >= ord("a")) & ((heads | 32) <= ord("z"))).sum(axis=1)
    digits = ((heads >= ord("0")) & (heads <= ord("9"))).sum(axis=1)
    # Of uuencode some of what is no letter or digit are blanks, and its shares are counted with them.
    is_spread = (letters >= 0.08 * length) & (length - letters - digits >= 0.05 * length)
    return np.asarray(is_spread & (length >= FEWEST_WITH_SIGNS))


def _may_be_utf16(heads: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether one half has few zeros: the high bytes, where they are of another block, else the low ones."""
    width = heads.shape[1]
    last = width - (heads[:, ::-1] != 0).argmax(axis=1)
    zeros = np.stack([(heads[:, first::2] == 0).sum(axis=1) for first in (0, 1)])
    filling = width - last
    # The commonest high byte may stand in a fifth of the low ones, and a last one may be cut off.
    fewest = zeros.min(axis=0) - filling // 2
    return np.asarray(fewest <= 0.1 * last + 1)


def _armoured(payload: bytes) -> Encoded | None:
    for encoding, look in _ARMOURS:
        inside = look(payload)
        if inside is not None:
            return Encoded(encoding, inside)
    return None


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
        is_number = text.isdigit() or text.isalpha() or len(set(text)) < LEAST_HEX_DIGITS
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
    is_balanced = upper >= LEAST_LETTERS * length and lower >= LEAST_LETTERS * length
    is_balanced = is_balanced and digits >= LEAST_DIGITS * length
    words = sum(len(word) for word in _WORD.findall(text))
    return is_balanced and words < 0.4 * length


def _base64(text: bytes) -> bytes:
    standard = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    # A piece can begin within a group of four: another cut than the first is right where it is far more cleartext.
    return likeliest([_base64_from(standard[start:]) for start in range(4)])


def _base64_from(text: bytes) -> bytes:
    """As many bytes as the characters hold: four are three bytes, and the rest of three or two are two or one."""
    text = text[:-1] if len(text) % 4 == 1 else text
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def _base32(text: bytes) -> bytes:
    text = text.rstrip(b"=")
    return base64.b32decode(text[: len(text) // 8 * 8])


def _percent(payload: bytes) -> Encoded | None:
    escapes = len(_ESCAPE.findall(payload))
    if 3 * escapes < LEAST_ESCAPED * len(payload) or not payload.isascii() or b" " in payload:
        return None
    return Encoded("percent", unquote_to_bytes(payload.replace(b"+", b" ")))


def _utf16(payload: bytes) -> Encoded | None:
    """Text with two bytes a character: every other byte comes from few blocks of characters."""
    if printable_share(payload) == 1:
        # Blanks and letters in turn, as from a keyboard: of UTF-16 at least the blanks have another byte.
        return None
    for first in (0, 1):
        high, low = payload[first::2], payload[1 - first :: 2]
        commonest = max(set(high), key=high.count)
        if high.count(commonest) < 0.8 * len(high) or low.count(commonest) > 0.2 * len(low):
            continue
        if commonest > _LAST_BLOCK or commonest in _NO_BLOCKS:
            continue
        if len(set(low)) < 4 or (commonest == 0 and printable_share(low) < 0.8) or not is_uneven(low, _LEAST_STEP, 2):
            continue
        return Encoded("UTF-16", _as_utf8(payload, is_big=first == 0))
    return None


def _as_utf8(payload: bytes, *, is_big: bool) -> bytes:
    whole = payload[: len(payload) // 2 * 2]
    return whole.decode("utf-16-be" if is_big else "utf-16-le", "replace").encode()
