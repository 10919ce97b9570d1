"""Files that people write, read whole, and what is wrong with them, all at once.

A path goes in, bytes or text come out; too large a file, or one that is no UTF-8, is a fault of the kind that the
caller names.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class FaultsError(ValueError):
    """One or more faults in a file.

    Attributes
    ----------
    faults : tuple of str
        One line each, in the order of the file: ``file:line: what is wrong and what to write instead``; without a line
        where the format has none.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def read_bytes(path: Path, at_most: int, kind: type[FaultsError], what: str) -> bytes:
    """The bytes of a file.

    Parameters
    ----------
    path : Path
    at_most : int
        Bytes from which on it is some other file, named by mistake.
    kind : type of FaultsError
        Raised for that.
    what : str
        What it is no file of, for the message.

    Raises
    ------
    FaultsError
        Of that kind, if the file is larger.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(at_most + 1)
    if len(content) > at_most:
        raise kind([f"{path}:1: larger than {at_most:,} bytes; this is no {what}"])
    return content


def utf8(content: bytes, path: Path, kind: type[FaultsError]) -> str:
    """The text of a file, without a byte order mark.

    Raises
    ------
    FaultsError
        Of that kind, if it is no UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise kind([f"{path}:{number}: byte 0x{content[error.start]:02x} is not UTF-8 text"]) from None
