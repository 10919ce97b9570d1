"""Encodings of bytes in most of the characters of a keyboard, or in columns.

In: payload bytes, cut anywhere. Out: the bytes beneath, or None. Text uses the same characters, so each encoding is
asked for more than its alphabet: lines that add up (uuencode, dumps), escapes of bytes that plain text does not have
(quoted-printable, RFC 2045, section 6.7), groups of five that fit into 32 bits (Ascii85). Work grows with the length.
"""

from __future__ import annotations

import binascii
import re
import string
from functools import cache

import numpy as np
from numpy.typing import NDArray

from wiretropy.verdict.raw import PRINTABLE

CLEARLY = 0.3
"""Share of printable bytes by which one way to cut groups must be better than the first."""

LEAST_ESCAPED = 1 / 6
"""Share of characters that belong to escapes where bytes are escaped, at least: more than in links and in prose."""

LEAST_HEX_DIGITS = 6
"""Different hexadecimal digits that are asked for: of 16 random ones fewer occur once in ten thousand times."""

FEWEST_PAIRS = 12
"""Pairs of hexadecimal digits that are taken for an encoding: addresses of hardware have six or eight."""

FEWEST_PAIRS_OF_LINE = 8
"""Pairs in each line but the outer ones, so that a list of such addresses is none."""

SHORTEST_85 = 48
"""Characters from which Ascii85 is told from names and links."""

FEWEST_SIGNS, FEWEST_CHARACTERS = 6, 30
"""Different signs, and characters of all kinds, that Ascii85 has: of 64 of random bytes it has about 16 and 45."""

FEWEST_ESCAPES = 6
"""Escapes that are taken for an encoding."""

_UPPER, _LOWER, _DIGITS = (
    np.array([ord(each) for each in kind]) for kind in (string.ascii_uppercase, string.ascii_lowercase, string.digits)
)
_SIGNS = np.array([ord(each) for each in string.punctuation])

_LINE_END = re.compile(rb"\r?\n")

_PAIRS = re.compile(rb"[0-9a-f]{0,2}(?:([ :-])[0-9a-f]{2})(?:\1[0-9a-f]{2})*(?:\1[0-9a-f]?)?")
_PAIR_BREAK = re.compile(rb"([ :-]?)[\r\n][\r\n\t ]*")
_DUMP_LINE = re.compile(rb"([0-9a-f]{4,16}):?[ \t]{1,3}([^\r\n]+)")
_WIDEST_DUMP = 64
_HEX_DIGITS = re.compile(rb"[0-9a-f]+")

IN_COLUMNS = np.isin(np.arange(256), list(b"0123456789abcdefABCDEF :-"))
LEAST_IN_COLUMNS = 0.6
"""Hexadecimal digits and what stands between them, and their share in a dump, at least: beside them stands text."""

_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\r\n]{1,255}\r?\n")
_UU_CHARACTERS = re.compile(rb"[ -`]*")
_UU_ENDS = (b"", b" ", b"`", b"e", b"en", b"end")
_SHORTEST_UU = 40
"""Characters, of lines of uuencode together, below which capitals and signs of text and markup are taken for it."""

_UU_LENGTH = 61
"""Characters of a full line of uuencode: `M` for 45 bytes, and 60 for these."""

_ASCII85 = bytes(range(ord("!"), ord("u") + 1))
_BASE85 = (string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~").encode()
_ADOBE_MARKS = re.compile(rb"\A<?~|~>?\Z")
_PLACES = np.array([85**4, 85**3, 85**2, 85, 1], dtype=np.int64)
_SHORTEST_LINE_85 = 40
"""Characters of lines of Ascii85, which are equally long but for the outer ones."""

LEAST_STEP = 8
"""Mean distance of characters from the first to the fourth behind each: of random ones it is 28, of samples of sound
and of colours that happen to be printable one or two."""

_WORD = re.compile(rb"[a-z]{4,}|[A-Z][a-z]{3,}")
_CAPITALS = re.compile(rb"[A-Z]{5,}")

_ESCAPE = re.compile(rb"=([0-9A-F]{2})")
_NO_ESCAPE = re.compile(rb"=(?![0-9A-F]{2}|[ \t]*\r?\n|[0-9A-F\r]?\Z)")
"""An equals sign that is neither an escape nor a soft line break nor cut off from one."""


def hex_pairs(payload: bytes) -> bytes | None:
    """Bytes of pairs of hexadecimal digits with blanks, colons or hyphens between, in one line or in many."""
    text = payload.strip()
    if text != text.lower() and text != text.upper():
        return None
    text = text.lower()
    lines = _LINE_END.split(text)
    # Behind the last pair of a line the separator stands, or it does not.
    separator = next((text[at : at + 1] for at in range(min(3, len(text))) if text[at] in b" :-"), b"")
    if not separator:
        return None
    text = _PAIR_BREAK.sub(separator, text)
    # The outer lines may be cut; of two at least one has to be long.
    inner = lines[1:-1] or [max(lines, key=len)]
    if not _PAIRS.fullmatch(text) or any(line.count(separator) < FEWEST_PAIRS_OF_LINE - 1 for line in inner):
        return None
    digits = b"".join(pair for pair in text.split(separator) if len(pair) == 2)
    is_number = digits.isdigit() or digits.isalpha() or len(set(digits)) < LEAST_HEX_DIGITS
    return None if is_number or len(digits) < 2 * FEWEST_PAIRS else binascii.unhexlify(digits)


def hex_dump(payload: bytes) -> bytes | None:
    """Bytes of lines that begin with the offset of their first byte, as xxd and hexdump write them.

    Whole lines only, of which offsets say how many bytes they have: what else stands in them does not count.
    """
    if IN_COLUMNS[np.frombuffer(payload, np.uint8)].sum() < LEAST_IN_COLUMNS * len(payload):
        return None
    lines = [_DUMP_LINE.fullmatch(line) for line in _LINE_END.split(payload.lower())]
    # The first line is cut in any place; the last ones are, or are an offset, or nothing.
    whole = [line for line in lines if line]
    if len(whole) < 3 or not all(lines[1:-2]):
        return None
    offsets = [int(line[1], 16) for line in whole]
    width = offsets[2] - offsets[1]
    if offsets[1] - offsets[0] != width:
        whole, offsets = whole[1:], offsets[1:]
    if not 1 <= width <= _WIDEST_DUMP or offsets[:-1] != [offsets[0] + width * n for n in range(len(offsets) - 1)]:
        return None
    digits = [re.sub(rb"[ -]", b"", line[2])[: 2 * width] for line in whole[:-1]]
    is_of_digits = all(len(line) == 2 * width and _HEX_DIGITS.fullmatch(line) for line in digits)
    return binascii.unhexlify(b"".join(digits)) if is_of_digits else None


def uuencode(payload: bytes) -> bytes | None:
    """Bytes of lines that begin with their number, 45 of them in all but the last; a name may stand before."""
    begin = _BEGIN.match(payload)
    lines = _LINE_END.split(payload[begin.end() if begin else 0 :].removesuffix(b"\r"))
    while lines and lines[-1] in _UU_ENDS:
        lines.pop()
    if not lines or not all(map(_UU_CHARACTERS.fullmatch, lines)):
        return None
    is_full = [line.startswith(b"M") and len(line) == _UU_LENGTH for line in lines]
    # The first line is whole, or the rest of one; the last is whole, or cut, or has fewer bytes.
    is_whole = is_full[0] or (begin is not None and len(lines) == 1)
    is_known = is_whole or len(lines) > 2 or (len(lines) == 2 and _is_line_of_uuencode(lines[-1]))
    if len(lines[0]) >= _UU_LENGTH and not is_whole:
        return None
    if not is_known or not all(is_full[1:-1]) or not (is_full[-1] or _may_end_uuencode(lines[-1])):
        return None
    first = lines[0][1:] if is_whole else lines[0][len(lines[0]) % 4 :]
    parts = [first, *(line[1:] for line in lines[1:])]
    if not _is_uuencoded(b"".join(parts)):
        return None
    inside = b"".join(map(_uu_bytes, parts))
    surplus = max(0, len(parts[-1]) // 4 * 3 - (lines[-1][0] - 32)) if len(lines) > 1 or is_whole else 0
    return inside[: len(inside) - surplus]


def _may_end_uuencode(line: bytes) -> bool:
    """Whether a line is full, or the last with fewer bytes, or the beginning of either."""
    length = line[0] - 32
    return length <= 45 and len(line) <= 1 + (length + 2) // 3 * 4


def _is_line_of_uuencode(line: bytes) -> bool:
    """Whether a line is full, if it was not cut, or has fewer bytes and is whole."""
    return line.startswith(b"M") or len(line) == 1 + (line[0] - 32 + 2) // 3 * 4


def _is_uuencoded(text: bytes) -> bool:
    """Whether letters and signs are as mixed as six bits have them; capitals and numbers use the same characters."""
    counts = np.bincount(np.frombuffer(text, np.uint8), minlength=128)
    letters, signs = int(counts[_UPPER].sum()), int(counts[_SIGNS].sum())
    words = sum(map(len, _CAPITALS.findall(text)))
    is_long = len(text) >= _SHORTEST_UU
    return is_long and letters >= 0.08 * len(text) and signs >= 0.12 * len(text) and words < 0.4 * len(text)


def _uu_bytes(characters: bytes) -> bytes:
    groups = len(characters) // 4
    return binascii.a2b_uu(bytes([32 + 3 * groups]) + characters[: 4 * groups])


def ascii85(payload: bytes) -> bytes | None:
    """Bytes of groups of five characters from `!` to `u`, `z` for four zeros, with or without the marks of Adobe."""
    # Of either mark, which can stand in a line of its own, a half can be cut off; `~` is none of the characters.
    text = _lines_of_85(_ADOBE_MARKS.sub(b"", payload.strip()).strip())
    return _of_fives(text, _ASCII85, zeros=b"z") if text else None


def base85(payload: bytes) -> bytes | None:
    """The same of the 85 characters that Git and Mercurial use."""
    text = _lines_of_85(payload.strip())
    return _of_fives(text, _BASE85) if text else None


def _lines_of_85(text: bytes) -> bytes | None:
    lines = _LINE_END.split(text)
    width = len(lines[1]) if len(lines) > 2 else max(map(len, lines))
    if width < _SHORTEST_LINE_85 or max(len(lines[0]), len(lines[-1])) > width:
        return None
    if any(len(line) != width for line in lines[1:-1]):
        return None
    return b"".join(lines)


def _of_fives(text: bytes, alphabet: bytes, *, zeros: bytes = b"") -> bytes | None:
    if len(text) < SHORTEST_85 or text.translate(None, alphabet + zeros) or not _is_spread(text):
        return None
    starts = range(5)
    if zeros and zeros in text:
        # It stands between groups, so what is before it tells where groups begin.
        first, *others = text.split(zeros)
        if any(len(run) % 5 for run in others[:-1]):
            return None
        starts = range(len(first) % 5, len(first) % 5 + 1)
        text = text.replace(zeros, alphabet[:1] * 5)
    insides = [inside for inside in (_fives(text[start:], alphabet) for start in starts) if inside is not None]
    return likeliest(insides) if insides else None


def _fives(text: bytes, alphabet: bytes) -> bytes | None:
    """Bytes of whole groups, and of the rest one less than it has characters; None if a group exceeds 32 bits."""
    rest = len(text) % 5
    filled = text + alphabet[-1:] * (-len(text) % 5)
    groups = _values_of(alphabet)[np.frombuffer(filled, np.uint8)].reshape(-1, 5) @ _PLACES
    # A group that was cut off can exceed them by what fills it.
    if (groups[: len(text) // 5] >> 32).any():
        return None
    whole = (groups & 0xFFFFFFFF).astype(">u4").tobytes()
    return whole[: len(text) // 5 * 4 + max(0, rest - 1)]


@cache
def _values_of(alphabet: bytes) -> NDArray[np.int64]:
    """What each character counts, by its byte."""
    values = np.zeros(256, dtype=np.int64)
    values[np.frombuffer(alphabet, np.uint8)] = np.arange(85)
    return values


def _is_spread(text: bytes) -> bool:
    """Whether capitals, small letters and signs of many kinds are mixed, as text without blanks hardly does."""
    counts, length = np.bincount(np.frombuffer(text, np.uint8), minlength=128), len(text)
    upper, lower, digits, signs = (int(counts[kind].sum()) for kind in (_UPPER, _LOWER, _DIGITS, _SIGNS))
    is_balanced = upper >= 0.1 * length and lower >= 0.05 * length and digits > 0 and signs >= 0.1 * length
    is_varied = int((counts[_SIGNS] > 0).sum()) >= FEWEST_SIGNS and int((counts > 0).sum()) >= FEWEST_CHARACTERS
    is_wordless = sum(map(len, _WORD.findall(text))) <= 0.25 * length
    return is_balanced and is_varied and is_wordless and is_uneven(text, LEAST_STEP, 4)


def quoted_printable(payload: bytes) -> bytes | None:
    """Bytes of text in which those that plain text does not have are escaped (RFC 2045, section 6.7)."""
    escapes = np.array([int(digits, 16) for digits in _ESCAPE.findall(payload)], dtype=np.uint8)
    if len(escapes) < FEWEST_ESCAPES or 3 * len(escapes) < LEAST_ESCAPED * len(payload):
        return None
    # Numbers behind equals signs look like escapes of control characters, and have no letters.
    if 2 * (escapes >= 0x80).sum() < len(escapes) or 4 * ((escapes >> 4 > 9) | (escapes & 15 > 9)).sum() < len(escapes):
        return None
    if not PRINTABLE[np.frombuffer(payload, np.uint8)].all() or _NO_ESCAPE.search(payload):
        return None
    return binascii.a2b_qp(payload)


def is_uneven(text: bytes, least: float, lags: int) -> bool:
    """Whether characters are that far, on average, from each of so many behind them, and half differ from the next."""
    values = np.frombuffer(text, np.uint8).astype(np.int64)
    is_varied = bool((values[1:] == values[:-1]).mean() <= 0.5)
    return is_varied and all(np.abs(values[lag:] - values[:-lag]).mean() >= least for lag in range(1, lags + 1))


def likeliest(insides: list[bytes]) -> bytes:
    """Of several ways to cut groups the first, or another where that is far more cleartext."""
    best = max(insides, key=printable_share)
    return best if printable_share(best) > printable_share(insides[0]) + CLEARLY else insides[0]


def printable_share(inside: bytes) -> float:
    """Share of printable bytes; 0 of none."""
    values: NDArray[np.bool_] = PRINTABLE[np.frombuffer(inside, np.uint8)]
    return float(values.mean()) if inside else 0.0
