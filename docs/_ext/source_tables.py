"""Tables of the documentation that are read from the code, so that they cannot differ from it.

`flow-record` lists the columns of `wiretropy.schema`; `faults`, `undecoded-reasons` and `weirds` list what the
measuring core names, from the comments in its sources.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from wiretropy import schema

CORE = Path(__file__).parents[2] / "crates/core/src"

Row = Sequence[str]


class _Table(SphinxDirective, ABC):
    """A table made of rows of text; text between backquotes is literal."""

    headings: Row = ()

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """Cells, row by row."""

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        group = nodes.tgroup("", cols=len(self.headings))
        group.extend(nodes.colspec(colwidth=1) for _ in self.headings)
        group += nodes.thead("", _row(self.headings))
        group += nodes.tbody("", *map(_row, self.rows()))
        return [nodes.table("", group, classes=["colwidths-auto"])]


def _row(cells: Row) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *_inline(cell))) for cell in cells))


def _inline(text: str) -> Iterator[nodes.Node]:
    """Text with literals between backquotes."""
    for place, part in enumerate(text.split("`")):
        if part:
            yield nodes.literal(part, part) if place % 2 else nodes.Text(part)


class FlowRecord(_Table):
    """The columns of a flow record; the columns that exist for each direction are shown once."""

    headings = ("column", "type", "unit", "meaning")

    def rows(self) -> Iterator[Row]:
        """One row a column, or for all of its directions."""
        found: dict[str, list[str]] = {}
        columns = schema.columns(has_counts=True, has_alerts=True)
        for column in columns:
            side, _, rest = column.name.partition("_")
            is_measured = side in {"orig", "resp", "both"} and rest not in {"ip", "port"}
            found.setdefault(rest if is_measured else column.name, []).append(column.name)
        by_name = {column.name: column for column in columns}
        for names in found.values():
            column = by_name[names[0]]
            null = " Null where it does not exist." if column.is_nullable else ""
            yield ", ".join(f"`{name}`" for name in names), f"`{column.type}`", column.unit, column.meaning + null


class Faults(_Table):
    """Identifiers of what may be wrong with a capture."""

    headings = ("identifier", "meaning")

    def rows(self) -> Iterator[Row]:
        """Read them from the macro that defines them."""
        text = (CORE / "source/fault_ids.rs").read_text(encoding="utf-8")
        for comment, name in re.findall(r'((?:    ///.*\n)+)    [A-Z_]+ = "([a-z0-9-]+)";', text):
            yield f"`{name}`", _sentences(comment)


class UndecodedReasons(_Table):
    """Reasons for which a packet belongs to no flow."""

    headings = ("reason", "meaning")

    def rows(self) -> Iterator[Row]:
        """Read them from the enumeration and the table of names."""
        text = (CORE / "decode/reason.rs").read_text(encoding="utf-8")
        names = dict(re.findall(r'\(Reason::(\w+), "([a-z0-9-]+)"\)', text))
        return _variants(text, "pub enum Reason {", names)


class Weirds(_Table):
    """Protocol oddities of a flow."""

    headings = ("name", "meaning")

    def rows(self) -> Iterator[Row]:
        """Read them from the enumeration and the match of names."""
        text = (CORE / "flow/weird.rs").read_text(encoding="utf-8")
        names = dict(re.findall(r'Self::(\w+) => "([a-z0-9-]+)"', text))
        return _variants(text, "pub enum Weird {", names)


def _variants(text: str, start: str, names: dict[str, str]) -> Iterator[Row]:
    """Name and comment of each variant of an enumeration."""
    body = text.split(start, 1)[1].split("\n}", 1)[0]
    for comment, variant in re.findall(r"((?:    ///.*\n)+)    (\w+),", body):
        yield f"`{names[variant]}`", _sentences(comment)


def _sentences(comment: str) -> str:
    """The text of a Rust comment in one line."""
    return " ".join(line.strip().removeprefix("///").strip() for line in comment.splitlines())


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    app.add_directive("flow-record", FlowRecord)
    app.add_directive("faults", Faults)
    app.add_directive("undecoded-reasons", UndecodedReasons)
    app.add_directive("weirds", Weirds)
    return {"parallel_read_safe": True}
