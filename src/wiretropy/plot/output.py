"""From a figure to a file: which renderer writes which format.

A `Figure` and a path go in, the path of what was written comes out. Renderers, and with them the plotting libraries,
are imported only when their format is asked for; a library that is not installed is an `ImportError` that says what to
do.
"""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from types import ModuleType

from wiretropy.plot.figure import Figure

FORMATS = ("png", "svg", "html", "term", "dat")
"""What a picture can be written as. ``dat`` is a folder with gnuplot data files and a script."""

SUFFIXES = {".png": "png", ".svg": "svg", ".html": "html", ".htm": "html", ".txt": "term"}
"""File names that say their format; a name without suffix is a folder for gnuplot."""


def format_of(path: Path) -> str:
    """The format that a file name asks for.

    Raises
    ------
    ValueError
        If the suffix belongs to none.
    """
    suffix = path.suffix.lower()
    if not suffix:
        return "dat"
    if suffix not in SUFFIXES:
        raise ValueError(f"cannot tell the format of a picture from {suffix!r}; use {', '.join(SUFFIXES)} or give --to")
    return SUFFIXES[suffix]


def save(figure: Figure, path: str | Path, *, to: str | None = None) -> Path:
    """Write a picture.

    Parameters
    ----------
    figure : Figure
        What to draw.
    path : str or Path
        File, or folder for ``dat``.
    to : {'png', 'svg', 'html', 'term', 'dat'}, optional
        Format. Default: what the name's suffix says.

    Returns
    -------
    path : Path
        What was written: the file, or the gnuplot script in the folder.

    Raises
    ------
    ValueError
        If the format is not known, or a folder is needed where there is a file.
    ImportError
        If the library that draws it is not installed.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    kind = to or format_of(path)
    if kind not in FORMATS:
        raise ValueError(f"there is no format {kind!r}; choose one of {', '.join(FORMATS)}")
    if kind == "dat":
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path}: gnuplot files need a folder, but this is a file; choose another name")
        written: Path = _renderer("gnuplot").write(figure, path)
        return written
    path.write_bytes(rendered(figure, kind))
    return path


def files_of(path: Path, kind: str) -> list[Path]:
    """The files that `save` writes, or may replace: for gnuplot those of its names that are in the folder."""
    if kind != "dat":
        return [path]
    found: list[Path] = _renderer("gnuplot").files_in(path)
    return found


def rendered(figure: Figure, kind: str) -> bytes:
    """A picture in memory, in a format that takes one file.

    Raises
    ------
    ValueError
        For ``dat``, which is a folder.
    ImportError
        If the library that draws it is not installed.
    """
    if kind == "dat":
        raise ValueError("gnuplot files cannot go to standard output; name a folder with -o")
    if kind == "html":
        page: str = _renderer("html").page(figure)
        return page.encode()
    if kind == "term":
        return terminal_text(figure).encode() + b"\n"
    return image_bytes(figure, kind)


def image_bytes(figure: Figure, kind: str) -> bytes:
    """A PNG or SVG in memory."""
    target = io.BytesIO()
    _renderer("png_svg").write(figure, target, kind)
    return target.getvalue()


def terminal_text(figure: Figure, *, columns: int = 100, rows: int = 28, has_color: bool = False) -> str:
    """The picture in characters; see `wiretropy.plot.terminal.text`."""
    drawn: str = _renderer("terminal").text(figure, columns=columns, rows=rows, has_color=has_color)
    return drawn


def _renderer(name: str) -> ModuleType:
    """One of the modules that import a plotting library."""
    try:
        return importlib.import_module(f"wiretropy.plot.{name}")
    except ImportError as error:
        if error.name is None or error.name.startswith("wiretropy"):
            raise
        package = error.name.split(".")[0]
        raise ImportError(f"this picture needs {package}, which is not installed; pip install {package}") from error
