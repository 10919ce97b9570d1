"""Where each key of a TOML document stands: the line of every path.

The text of a document that `tomllib` has accepted goes in, a line number for every key path comes out. Only the grammar
that separates keys from values is followed (TOML 1.0.0); what values mean is left to `tomllib`, so a document that is
not valid TOML gives nothing useful here.
"""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]
"""Names of tables and keys, and the index, from 0, of an element of an array."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_BASIC = re.compile(r'"(?:[^"\\]|\\.)*"')
_LITERAL = re.compile(r"'[^']*'")
_LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"""(?!")', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'''(?!')", re.DOTALL)


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Find the line, from 1, on which each key, table and array element of a document begins.

    Parameters
    ----------
    text : str
        A valid TOML document.

    Returns
    -------
    lines : dict of path to line
        A table that several headers extend has the line of its first.

    Examples
    --------
    >>> key_lines('a = 1\n[[b]]\nc = [\n 2,\n]\n')
    {('a',): 1, ('b',): 2, ('b', 0): 2, ('b', 0, 'c'): 3, ('b', 0, 'c', 0): 4}
    """
    return _Scanner(text).document()


class _Scanner:
    """Walks over a document once."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line, self._counted = 1, 0
        self._lines: dict[KeyPath, int] = {}
        self._sizes: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, int]:
        """All lines."""
        table: KeyPath = ()
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._takes("[["):
                table = self._header(is_array=True)
            elif self._takes("["):
                table = self._header(is_array=False)
            else:
                self._pair(table)
            self._skip(_SPACE)
        return self._lines

    def _header(self, *, is_array: bool) -> KeyPath:
        """Read a table's header behind its brackets."""
        names = self._key()
        path: KeyPath = ()
        for name in names[:-1]:
            path = self._newest((*path, name))
        path = (*path, names[-1])
        if is_array:
            self._note(path)
            self._sizes[path] = self._sizes.get(path, 0) + 1
            path = self._newest(path)
        self._note(path)
        self._at = self._text.index("]", self._at) + (2 if is_array else 1)
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        """A table, or the last of an array of tables by that name so far."""
        self._note(path)
        return (*path, self._sizes[path] - 1) if path in self._sizes else path

    def _pair(self, table: KeyPath) -> None:
        """Read a key and its value."""
        path = table
        for name in self._key():
            path = (*path, name)
            self._note(path)
        self._at = self._text.index("=", self._at) + 1
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> list[str]:
        """Read a dotted key."""
        names: list[str] = []
        while True:
            self._skip(_BLANK)
            if (quoted := self._match(_BASIC) or self._match(_LITERAL)) is not None:
                names.append(tomllib.loads(f"a = {quoted}")["a"])
            else:
                names.append(self._match(_BARE) or "")
            self._skip(_BLANK)
            if not self._takes("."):
                return names

    def _value(self, path: KeyPath) -> None:
        """Pass over a value, noting what lies in it."""
        if self._takes("["):
            self._array(path)
        elif self._takes("{"):
            self._inline_table(path)
        else:
            for pattern in (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL, _SCALAR):
                if self._match(pattern) is not None:
                    return

    def _array(self, path: KeyPath) -> None:
        index = 0
        self._skip(_SPACE)
        while not self._takes("]"):
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            self._skip(_SPACE)
            self._takes(",")
            self._skip(_SPACE)

    def _inline_table(self, path: KeyPath) -> None:
        self._skip(_SPACE)
        while not self._takes("}"):
            self._pair(path)
            self._skip(_SPACE)
            self._takes(",")
            self._skip(_SPACE)

    def _note(self, path: KeyPath) -> None:
        """Remember where a path begins, the first time."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self._lines.setdefault(path, self._line)

    def _takes(self, sign: str) -> bool:
        """Pass over a sign if it is there."""
        if self._text.startswith(sign, self._at):
            self._at += len(sign)
            return True
        return False

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found.group()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._match(pattern)
