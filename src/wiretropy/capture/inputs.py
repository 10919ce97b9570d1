"""From what the user named to the files that are read.

A folder stands for the captures in it, told by their first bytes, so that a
rotated set can be named by its folder whatever else lies there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from wiretropy.errors import RefusedError
from wiretropy.inert import inert

STDIN = Path("-")

_MAGICS = (
    bytes.fromhex("a1b2c3d4"),
    bytes.fromhex("d4c3b2a1"),
    bytes.fromhex("a1b23c4d"),
    bytes.fromhex("4d3cb2a1"),
    bytes.fromhex("0a0d0d0a"),
    bytes.fromhex("1f8b"),
    bytes.fromhex("28b52ffd"),
    bytes.fromhex("04224d18"),
)
"""pcap in both byte orders and resolutions, pcapng, gzip, Zstandard, LZ4."""

_PARQUET_MAGIC = b"PAR1"

COMPRESSIONS = (".gz", ".zst", ".lz4")
"""What names of compressed captures end with."""

PathLike = str | os.PathLike[str]


def expand(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """Name every capture that is to be read.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, folders, or ``-`` for standard input.

    Returns
    -------
    list of Path
        Files as they were named; of a folder, its captures sorted by name, not those of
        folders below it. Not looked at further: what cannot be read becomes a fault of the scan.

    Raises
    ------
    RefusedError
        If nothing was named, a folder holds no capture, flows that a scan stored are
        named as if they were captures, or standard input is named twice.
    """
    named = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not named:
        raise RefusedError("no capture was named; give a file, a folder, or - for standard input")
    expanded: list[Path] = []
    for path in map(Path, named):
        if path.is_file() and _begins_with(path, (_PARQUET_MAGIC,)):
            raise _refusal_of_stored(path)
        expanded.extend(_captures_in(path) if path != STDIN and path.is_dir() else [path])
    if expanded.count(STDIN) > 1:
        raise RefusedError("standard input (-) was named twice; it can be read only once")
    return expanded


def source_name(source: str) -> str:
    """An input as it is called in messages and pictures; inert text."""
    return "standard input" if source == str(STDIN) else inert(source)


def _captures_in(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        captures = [path for path in files if _begins_with(path, _MAGICS, if_unreadable=True)]
    except OSError as error:
        raise RefusedError(f"{folder}: the folder cannot be read ({error.strerror})") from error
    if captures:
        return captures
    if any(_begins_with(path, (_PARQUET_MAGIC,)) for path in files):
        raise _refusal_of_stored(folder)
    raise RefusedError(
        f"{folder}: the folder itself holds no capture (pcap or pcapng, plain or gz, zst, lz4); folders below it are "
        "not searched"
    )


def _begins_with(path: Path, magics: tuple[bytes, ...], *, if_unreadable: bool = False) -> bool:
    """Whether a file begins with one of these; a file that cannot be opened becomes a fault of the scan there."""
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(magics)
    except OSError:
        return if_unreadable


def _refusal_of_stored(path: Path) -> RefusedError:
    return RefusedError(
        f"{path}: holds flows that a scan stored, not packets; wiretropy plot draws them, wiretropy.Flows.load gives "
        "them to Python"
    )
