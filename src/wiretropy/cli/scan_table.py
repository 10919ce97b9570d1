"""The table that `wiretropy scan` shows: what matters first, in bounded memory and the terminal's width.

Only the rows that can still be shown are kept, so a scan of any size can end in
a table. Where the terminal is narrow, the less important parts are left out
until the rest fits, and a line says which.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pyarrow as pa

from wiretropy import arrays
from wiretropy.entropy import min_bytes_to_cross, random_band
from wiretropy.policy.evidence import commands_of, endpoint, expected
from wiretropy.policy.threshold import SIDES
from wiretropy.wording import counted

if TYPE_CHECKING:
    from wiretropy.capture.summary import Account, ScanSummary
    from wiretropy.policy.alert import Alert
    from wiretropy.policy.apply import Findings

_BARS = " ▁▂▃▄▅▆▇█"
_SPARK_POINTS = 12

_PIPE_COLUMNS = 170
"""Width where there is no terminal to ask: everything fits unless addresses are IPv6 at their longest."""

_SHORT_ID = 8
"""Characters of a flow id that still tell it from millions of others: 62^7 ids after the first letter."""

_SHORT_ADDRESS = 15
"""Characters of a shortened address: the longest IPv4 address."""

_GRAVITY = "gravity"
"""Column that is added to kept flows: how grave their alerts are."""

_LEFT_OUT = {
    "ids": "whole flow ids, why flows ended",
    "packets": "packet numbers",
    "curves": "curves",
    "addresses": "whole addresses",
    "spread": "±",
    "sure": "protocols, how sure verdicts are",
    "notes": "notes",
    "random": "random bytes",
}
"""What gives way on a narrow terminal, the least important first, in words."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table: two lines of heading, two lines of cells a flow."""

    heading: tuple[str, str]
    cells: Sequence[str]
    is_number: bool = False

    @property
    def width(self) -> int:
        """Characters of its widest line."""
        return max(map(len, (*self.heading, *self.cells)))

    def lines(self) -> Iterator[str]:
        """All lines, padded."""
        width = self.width
        for text in (*self.heading, "─" * width, *self.cells):
            yield text.rjust(width) if self.is_number else text.ljust(width)


class ScanTable:
    """Collects flow records and shows the most notable.

    Parameters
    ----------
    threshold : float
        Bits per byte that the scan looked for.
    has_policy : bool
        Whether there are other rules than that threshold.
    rows : int
        Flows to show.
    """

    def __init__(self, threshold: float, rows: int, *, has_policy: bool) -> None:
        self._threshold = threshold
        self._least_bytes = min_bytes_to_cross(threshold)
        self._has_policy = has_policy
        self._rows = rows
        self._kept: pa.Table | None = None
        self._alerts_of: dict[tuple[str, int], list[Alert]] = {}
        self._flows = 0
        self._flows_with_alerts = 0
        self._alerts: Counter[str] = Counter()

    def add(self, findings: Findings) -> None:
        """Take more flows with their alerts, and forget those that cannot be among the first rows any more."""
        batch = findings.batch
        self._flows += batch.num_rows
        self._flows_with_alerts += int(np.count_nonzero(findings.per_flow()))
        self._alerts.update(findings.per_rule())
        new = pa.Table.from_batches([batch.append_column(_GRAVITY, arrays.integers(_gravities(findings)))])
        known = 0 if self._kept is None else self._kept.num_rows
        both = new if self._kept is None else pa.concat_tables([self._kept, new])
        first = self._order(both)[: self._rows]
        if self._kept is None or first.max() >= known:
            # Not by Table.take: it loads pyarrow.compute, a tenth of the time that a small scan takes.
            rows = [both.slice(row, 1) for row in first.tolist()]
            self._kept = pa.concat_tables(rows).combine_chunks()
            self._keep_alerts(findings.of_rows(first[first >= known] - known))

    def _keep_alerts(self, findings: Findings) -> None:
        """Keep the alerts of new rows, and forget those of rows that are gone."""
        assert self._kept is not None
        for hit, alert in zip(findings.found, findings.alerts(), strict=True):
            key = (alert.uid, findings.batch.column("first_packet")[int(hit["row"])].as_py())
            self._alerts_of.setdefault(key, []).append(alert)
        kept = set(map(_key, self._kept.select(["uid", "first_packet"]).to_pylist()))
        self._alerts_of = {key: alerts for key, alerts in self._alerts_of.items() if key in kept}

    def _order(self, table: pa.Table) -> Any:
        """Row numbers: the gravest alerts, then crossings, then what looks most random for its length, then size."""
        gravity = arrays.values(table.column(_GRAVITY))
        has_crossed = np.any([arrays.lengths(table.column(f"{side}_crossing_offsets")) > 0 for side in SIDES], axis=0)
        payload = np.sum(
            [arrays.values(table.column(f"{side}_payload_bytes")) for side in SIDES], axis=0, dtype=np.float64
        )
        closeness = np.max([_closeness(table, side) for side in SIDES], axis=0)
        return np.lexsort((-payload, -np.round(closeness, 1), ~has_crossed, -gravity))

    def show(self, summary: ScanSummary, inputs: Sequence[str], options: Sequence[str], *, is_quiet: bool) -> None:
        """Print table, alerts and totals.

        Parameters
        ----------
        summary : ScanSummary
            The totals.
        inputs, options : sequence of str
            What the scan was given, for the commands that show more.
        is_quiet : bool
            Leave out the totals.
        """
        rows = [] if self._kept is None else self._kept.to_pylist()
        if rows:
            self._print_table(rows)
            self._print_alerts(rows, inputs, options)
        if not is_quiet:
            _print_totals(summary)

    def _print_table(self, rows: list[dict[str, Any]]) -> None:
        width = shutil.get_terminal_size((_PIPE_COLUMNS, 0)).columns
        columns, left_out = self._fitting(rows, width)
        shown = f", {len(rows):,} shown" if len(rows) < self._flows else ""
        click.echo(f"{counted(self._flows, 'flow')}{shown}; {self._count_alerts()}\n")
        lines = ["  ".join(cells).rstrip() for cells in zip(*(column.lines() for column in columns), strict=True)]
        head = len(lines) - 2 * len(rows)
        for number, line in enumerate(lines):
            is_alert = number >= head and self._is_alert(rows[(number - head) // 2])
            has_color = is_alert and not os.environ.get("NO_COLOR")
            click.echo(click.style(line, fg="red", bold=True) if has_color else line)
        click.echo()
        if left_out:
            parts = ", ".join(_LEFT_OUT[name] for name in left_out)
            click.echo(f"not shown at {width} columns: {parts}; a wider terminal shows more, --json everything")

    def _count_alerts(self) -> str:
        """How many alerts there are, and why."""
        reached = f"reached {self._threshold:g} bits per byte unexpectedly"
        if not self._alerts:
            return "no alerts: nothing breaks the policy" if self._has_policy else f"no alerts: no side {reached}"
        total = counted(self._alerts.total(), "alert")
        why = f"one for each side that {reached}"
        if self._has_policy:
            why = ", ".join(f"{rule} {count:,}" for rule, count in self._alerts.most_common())
        return f"{total} in {counted(self._flows_with_alerts, 'flow')}, {why}"

    def _fitting(self, rows: list[dict[str, Any]], width: int) -> tuple[list[_Column], list[str]]:
        """Columns that fit into a width where possible, and what was left out for that."""
        left_out: list[str] = []
        columns = self._columns(rows, left_out)
        for name in _LEFT_OUT:
            if _width(columns) <= width:
                break
            narrower = self._columns(rows, [*left_out, name])
            if _width(narrower) < _width(columns):
                columns = narrower
                left_out.append(name)
        for name in left_out[::-1]:
            # What took more room may leave some for what was left out before it.
            wider = self._columns(rows, [each for each in left_out if each != name])
            if _width(wider) <= width:
                columns = wider
                left_out.remove(name)
        return columns, left_out

    def _columns(self, rows: list[dict[str, Any]], left_out: Sequence[str]) -> list[_Column]:
        has = {name: name not in left_out for name in _LEFT_OUT}
        sides = [(row, side) for row in rows for side in SIDES]
        random = expected([row[f"{side}_measured_bytes"] for row, side in sides])
        address_length = None if has["addresses"] else _SHORT_ADDRESS
        bands = [str(each) if has["spread"] else each.shown(each.mean) for each in random]
        entropies = [each.shown(row[f"{side}_entropy"]) for each, (row, side) in zip(random, sides, strict=True)]
        columns = {
            "flow": _Column(("", "flow"), [line for row in rows for line in _name(row, has)]),
            "end": _Column(("originator", "responder"), [_end(*each, address_length) for each in sides]),
            "sure": _Column(("", "verdict"), [line for row in rows for line in _verdict(row)]),
            "bytes": _Column(("", "bytes"), [f"{row[f'{side}_payload_bytes']:,}" for row, side in sides], True),
            "entropy": _Column(("", "entropy"), entropies),
            "random": _Column(("random", "bytes"), bands),
            "curves": _Column(("", "curve"), [_spark(row[f"{side}_trajectory"]) for row, side in sides]),
            "notes": _Column(("", "note"), [self._note(*each, is_long=has["packets"]) for each in sides]),
        }
        return [column for name, column in columns.items() if has.get(name, True)]

    def _is_alert(self, row: dict[str, Any]) -> bool:
        return _key(row) in self._alerts_of

    def _note(self, row: dict[str, Any], side: str, *, is_long: bool) -> str:
        measured = row[f"{side}_measured_bytes"]
        offsets = row[f"{side}_crossing_offsets"]
        notes = []
        if offsets:
            packet = f", packet {row[f'{side}_crossing_packets'][0]:,}" if is_long else ""
            notes.append(f"{self._threshold:g} at byte {offsets[0]:,}{packet}")
        elif 0 < measured < self._least_bytes:
            enough = f" ever to cross ({self._least_bytes} bytes)" if is_long else ""
            notes.append(f"too short{enough}")
        if row[f"{side}_missed_bytes"]:
            notes.append(f"{row[f'{side}_missed_bytes']:,} bytes missed")
        return "; ".join(notes)

    def _print_alerts(self, rows: list[dict[str, Any]], inputs: Sequence[str], options: Sequence[str]) -> None:
        alerts = [(row, alert) for row in rows for alert in self._alerts_of.get(_key(row), ())]
        for row, alert in alerts:
            click.echo(f"{alert.id}  {row['proto']} {_end(row, 'orig')} -> {_end(row, 'resp')}: {alert.reason}")
        if self._alerts.total() > len(alerts):
            more = counted(self._alerts.total() - len(alerts), "more alert")
            click.echo(f"{more}; --rows shows more of them, --json names all")
        if alerts:
            click.echo(_commands(alerts[0][0]["uid"], inputs, options))


def _gravities(findings: Findings) -> Any:
    """Severity of the gravest alert of each flow, from 1; 0 for flows without."""
    gravity = np.zeros(findings.batch.num_rows, dtype=np.int64)
    np.maximum.at(gravity, findings.found["row"], findings.severities() + 1)
    return gravity


def _key(row: dict[str, Any]) -> tuple[str, int]:
    """What tells a flow record from others, those too that a flow was cut into."""
    return row["uid"], row["first_packet"]


def _commands(uid: str, inputs: Sequence[str], options: Sequence[str]) -> str:
    """How to draw a flow and how to take its packets."""
    commands = commands_of(uid, inputs, options)
    if commands is None:
        return "\nto draw a flow or take its packets, save standard input to a file, and name that and the flow's id"
    return f"\nto draw one:         {commands.plot}\nto take its packets: {commands.carve}"


def _width(columns: Sequence[_Column]) -> int:
    """Characters of a line, two between columns."""
    return sum(column.width + 2 for column in columns) - 2


def _closeness(table: pa.Table, side: str) -> Any:
    """How near the random band each direction lies, in standard deviations below its mean, at most 0."""
    measured = arrays.values(table.column(f"{side}_measured_bytes")).astype(np.int64)
    entropy = arrays.values(table.column(f"{side}_entropy"))
    closeness = np.full(len(measured), -np.inf)
    some = measured >= 32
    if some.any():
        band = random_band(measured[some])
        closeness[some] = np.minimum((entropy[some] - band.mean) / np.maximum(band.sd, 1e-12), 0)
    return np.maximum(closeness, -1e6)


def _name(row: dict[str, Any], has: Mapping[str, bool]) -> tuple[str, str]:
    """Id, and below it what is known of the flow as a whole: its verdict, where that has no column of its own."""
    if has["ids"]:
        return row["uid"], f"{row['proto']} {row['end_reason']}"
    return row["uid"][:_SHORT_ID], row["proto"] if has["sure"] else row["verdict"]


def _verdict(row: dict[str, Any]) -> tuple[str, str]:
    """What the flow is, and below it how sure that is."""
    probability = row["verdict_probability"]
    return row["verdict"], "" if probability is None else f"{100 * probability:.0f} %"


def _end(row: dict[str, Any], side: str, max_length: int | None = None) -> str:
    """Address and port of one side."""
    return endpoint(row[f"{side}_ip"], row[f"{side}_port"], max_length)


def _spark(trajectory: list[float]) -> str:
    """A small picture of a trajectory, 0 to 8 bits per byte."""
    if not trajectory:
        return ""
    count = min(_SPARK_POINTS, len(trajectory))
    at = np.linspace(0, len(trajectory) - 1, count).round().astype(int)
    return "".join(_BARS[min(8, round(trajectory[point]))] for point in at)


def _print_totals(summary: ScanSummary) -> None:
    """Where every packet and byte went."""
    click.echo(_account("packets", summary.packets))
    click.echo(_account("captured bytes", summary.bytes))
    left_out = {name: count for name, count in summary.payload_not_measured.items() if count}
    parts = [f"{summary.payload_measured:,} measured", *(f"{count:,} {name}" for name, count in left_out.items())]
    click.echo(f"payload bytes: {summary.payload_seen:,} seen = {' + '.join(parts)}")
    if summary.weirds:
        weirds = ", ".join(f"{name} in {count:,}" for name, count in summary.weirds.items())
        click.echo(f"oddities, by number of flows: {weirds}")


def _account(what: str, account: Account) -> str:
    others = {**account.undecoded, **account.skipped}
    parts = [f"{account.decoded:,} in flows", *(f"{count:,} {name}" for name, count in others.items())]
    return f"{what}: {account.seen:,} seen = {' + '.join(parts)}"
