"""The truth about each flow, and the CSV file that keeps it.

One row per flow of interest. `label` is a path from the general to the special, such as `ssh/ssh-1`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

CONTENTS = ("encrypted", "compressed", "text", "binary")


@dataclass(frozen=True)
class Truth:
    """What a class knows about a session before a packet has flowed.

    Attributes
    ----------
    label : str
        Class path, such as `ssh/ssh-1`.
    client, server : str
        Program and version of either side.
    content : str
        What most of the payload is, one of `CONTENTS`.
    settings : str
        `name=value` words: what was varied.
    onset : str
        Which rule of `lab.onset` finds the first encrypted byte; empty if nothing is encrypted.
    note : str
        What else a reader should know.
    """

    label: str
    client: str
    server: str
    content: str
    settings: str = ""
    onset: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.content not in CONTENTS:
            raise ValueError(f"content must be one of {', '.join(CONTENTS)}; got {self.content!r}")

    def but(self, **changes: str) -> Truth:
        """The same truth with some attributes changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Row:
    """One line of the manifest. Addresses are `address:port`; an empty `*_encrypted_from` means never."""

    file: str
    label: str
    orig: str
    resp: str
    client: str
    server: str
    settings: str
    content: str
    orig_encrypted_from: str
    resp_encrypted_from: str
    note: str


# `class` is the manifest's word for the label; Python keeps that word for itself.
COLUMNS = tuple("class" if column.name == "label" else column.name for column in fields(Row))


def read_manifest(path: Path) -> list[Row]:
    """Read the rows of a manifest. Raises ValueError if its columns are not `COLUMNS`."""
    with path.open(newline="", encoding="utf-8") as lines:
        header, *rows = list(csv.reader(lines))
    if tuple(header) != COLUMNS:
        raise ValueError(f"{path.name}: columns {', '.join(header)}; expected {', '.join(COLUMNS)}")
    return [Row(*row) for row in rows]


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, sorted by file and kept in the order given within one file."""
    ordered = sorted(rows, key=lambda row: row.file)
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([getattr(row, column.name) for column in fields(Row)] for row in ordered)


def replace_rows(path: Path, fresh: Iterable[Row]) -> None:
    """Put `fresh` into the manifest at `path` in place of what it said about the same files; make it if missing."""
    fresh = list(fresh)
    renewed = {row.file for row in fresh}
    kept = [row for row in read_manifest(path) if row.file not in renewed] if path.exists() else []
    write_manifest(path, kept + fresh)
