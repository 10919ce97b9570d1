"""Text taken from packets and file names, made safe to show.

Text goes in; text that neither moves a terminal's cursor nor reorders its neighbours comes out. Every character that
could is written as an escape: C0 and C1 controls (ANSI sequences begin with one), line and paragraph separators,
bidirectional controls (Trojan Source, CVE-2021-42574), zero-width and other format characters, surrogates.
"""

from __future__ import annotations

import os
import shlex
import unicodedata

# Cc controls, Cf format (bidi, zero width), Cs surrogates, Co private use, Zl and Zp separators. Cn (unassigned) stays:
# which characters are unassigned depends on the Python version, and the same input must give the same output.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def inert(text: str, *, max_length: int | None = None) -> str:
    r"""Show a text from outside without obeying it.

    Parameters
    ----------
    text : str
        Any text, also with surrogates of undecodable file names.
    max_length : int, optional
        Characters to keep; a longer text loses its middle, marked by an ellipsis.

    Returns
    -------
    text : str
        One line of visible characters; unsafe ones as ``\x1b`` or ``\u202e``. Markup is left alone: whoever writes
        HTML, SVG or gnuplot strings escapes for that language.

    Examples
    --------
    >>> inert("\x1b[31mred")
    '\\x1b[31mred'
    >>> inert("0123456789", max_length=5)
    '01…89'
    """
    is_plain = text.isascii() and text.isprintable()
    shown = text if is_plain else "".join(_escaped(c) if unicodedata.category(c) in _UNSAFE else c for c in text)
    if max_length is None or len(shown) <= max_length:
        return shown
    tail = max_length // 2
    return f"{shown[: max_length - 1 - tail]}…{shown[len(shown) - tail :]}"


def shell_word(text: str) -> str:
    r"""Quote a text for a shell, without obeying it either.

    Parameters
    ----------
    text : str
        Any text, also with surrogates of undecodable file names.

    Returns
    -------
    word : str
        What a shell reads as the text; where that is not inert, in the quotes ``$'...'`` of bash, zsh, ksh and
        POSIX.1-2024.

    Examples
    --------
    >>> print(shell_word("my file.pcap"), shell_word("\x1b[31mred.pcap"))
    'my file.pcap' $'\033[31mred.pcap'
    """
    if inert(text) == text:
        return shlex.quote(text)
    plain = set(range(0x20, 0x7F)) - set(b"'\\")
    return "$'" + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in os.fsencode(text)) + "'"


def _escaped(character: str) -> str:
    """One character as a Python escape."""
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
