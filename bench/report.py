"""Results as text: sections of tables, and in front of them every figure that has a target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Check:
    """A figure that has a target.

    Attributes
    ----------
    what, figure, target : str
        As shown.
    is_met : bool
        Whether the figure reaches the target.
    """

    what: str
    figure: str
    target: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; every row has as many as the header."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(slots=True)
class Section:
    """What one part of the benchmark found.

    Attributes
    ----------
    name : str
        As `--only` names it.
    title : str
        Heading.
    text : list of str
        Paragraphs that say how it was measured.
    tables : list of Table
    checks : list of Check
    measured : str
        When and on what state of the code; filled in by whoever runs it.
    load : float
        Load average when that run began.
    """

    name: str
    title: str
    text: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    measured: str = ""
    load: float = 0.0


def at_most(what: str, value: float, limit: float, unit: str, *, digits: int = 2) -> Check:
    """A figure that must not exceed a limit; compared before it is rounded."""
    return Check(what, f"{value:,.{digits}f} {unit}".strip(), f"at most {limit:,g} {unit}".strip(), value <= limit)


def at_least(what: str, value: float, limit: float, unit: str, *, digits: int = 2) -> Check:
    """A figure that must reach a limit; compared before it is rounded."""
    return Check(what, f"{value:,.{digits}f} {unit}".strip(), f"at least {limit:,g} {unit}".strip(), value >= limit)


def document(sections: Sequence[Section], heading: Sequence[str], *, title: str = "Benchmark results") -> str:
    """The whole report in Markdown.

    Parameters
    ----------
    sections : sequence of Section
        In the order in which they appear.
    heading : sequence of str
        Paragraphs before the first table.
    title : str
        Of the whole.
    """
    checks = [check for section in sections for check in section.checks]
    missed = sum(not check.is_met for check in checks)
    verdict = f"{len(checks) - missed} of {len(checks)} targets met" + (f", {missed} missed." if missed else ".")
    rows = [(c.what, c.figure, c.target, "met" if c.is_met else "**missed**") for c in checks]
    parts = [f"# {title}", *heading]
    if checks:
        parts += ["## Figures against targets", verdict, table(Table(("figure", "measured", "target", ""), rows))]
    for section in sections:
        parts += [f"## {section.title}", *section.text, *map(table, section.tables)]
        if section.measured:
            parts.append(f"*{section.measured}*")
    return "\n\n".join(parts) + "\n"


def table(content: Table) -> str:
    """A Markdown table, columns aligned for reading as plain text."""
    lines = [list(content.header), *map(list, content.rows)]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(3, *(len(line[k]) for line in cells)) for k in range(len(cells[0]))]

    def row(line: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"

    return "\n".join([row(cells[0]), row(["-" * width for width in widths]), *map(row, cells[1:])])


def save(section: Section, path: Path) -> None:
    """Keep a section for a later report."""
    path.write_text(json.dumps(asdict(section), indent=1), encoding="utf-8")


def load(path: Path) -> Section | None:
    """A section that was kept, or None."""
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["tables"] = [Table(**one) for one in kept["tables"]]
    kept["checks"] = [Check(**one) for one in kept["checks"]]
    return Section(**kept)
