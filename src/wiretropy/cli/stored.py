"""Flows that a scan stored, as inputs of commands that take captures too.

Paths as they were given go in. Refused: several folders of stored flows at once, and options of how captures are read,
which stored flows keep from their scan.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wiretropy.cli.options import given_reading_options

if TYPE_CHECKING:
    from wiretropy.flows import Flows


def is_stored(paths: Sequence[str]) -> bool:
    """Whether an input is what `scan --out` writes rather than a capture or a folder of captures."""
    return any(p.endswith(".parquet") or (os.path.isdir(p) and any(Path(p).glob("*.parquet"))) for p in paths)


def files_read(paths: Sequence[str]) -> list[Path]:
    """The files that are read, so that none of them is written onto."""
    if is_stored(paths):
        from wiretropy.store.parquet import files_of

        return [file for path in map(Path, paths) for file in (files_of(path) if path.is_dir() else [path])]
    from wiretropy.capture.inputs import expand

    return expand(paths)


def load(paths: Sequence[str], doing: str) -> Flows:
    """The stored flows.

    Parameters
    ----------
    paths : sequence of str
        One folder or Parquet file.
    doing : str
        What could be done with the captures themselves instead, such as ``plot``.

    Raises
    ------
    ValueError
        If there are several inputs, or options of how captures are read were given.
    RefusedError
        If they cannot be read.
    """
    from wiretropy.flows import Flows

    if len(paths) > 1:
        raise ValueError(f"give one folder of stored flows at a time; got {len(paths)} inputs")
    if given := [option.opts[0] for option in given_reading_options()]:
        raise ValueError(
            f"{paths[0]}: flows that a scan stored keep the settings of that scan, so {', '.join(given)} cannot apply; "
            f"scan the captures again with them, or {doing} the captures themselves"
        )
    return Flows.load(paths[0])
