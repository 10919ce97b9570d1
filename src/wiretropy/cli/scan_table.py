"""The table that `wiretropy scan` shows: what matters first, in bounded memory.

Only the rows that can still be shown are kept, so a scan of any size can end in
a table.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wiretropy import arrays
from wiretropy.entropy import max_entropy, min_bytes_to_cross, random_band
from wiretropy.inert import inert
from wiretropy.policy.threshold import SIDES, Crossing, crossings_of, unexpected_crossings

if TYPE_CHECKING:
    from wiretropy.capture.summary import Account, ScanSummary

_SIDE_NAMES = {"orig": "originator", "resp": "responder"}
_BARS = " ▁▂▃▄▅▆▇█"
_SPARK_POINTS = 12


class ScanTable:
    """Collects flow records and shows the most notable.

    Parameters
    ----------
    threshold : float
        Bits per byte that the scan looked for.
    expected_ports : frozenset of int
        Ports whose flows raise no alert.
    rows : int
        Rows to show.
    """

    def __init__(self, threshold: float, expected_ports: frozenset[int], rows: int) -> None:
        self._threshold = threshold
        self._expected_ports = expected_ports
        self._rows = rows
        self._kept: pa.Table | None = None
        self._flows = 0
        self._alerts = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take more flows, and forget those that cannot be among the first rows any more."""
        self._flows += batch.num_rows
        self._alerts += int(unexpected_crossings(batch, self._expected_ports).sum())
        new = pa.Table.from_batches([batch])
        both = new if self._kept is None else pa.concat_tables([self._kept, new])
        self._kept = both.take(arrays.row_numbers(self._order(both)[: self._rows])).combine_chunks()

    def _order(self, table: pa.Table) -> Any:
        """Row numbers: alerts, then other crossings, then what looks most random for its length, then size."""
        alert = unexpected_crossings(table, self._expected_ports)
        crossed = unexpected_crossings(table, frozenset())
        payload = np.sum(
            [arrays.values(table.column(f"{side}_payload_bytes")) for side in SIDES], axis=0, dtype=np.float64
        )
        closeness = np.max([_closeness(table, side) for side in SIDES], axis=0)
        return np.lexsort((-payload, -np.round(closeness, 1), ~crossed, ~alert))

    def show(self, summary: ScanSummary, *, is_quiet: bool) -> None:
        """Print table, alerts and totals."""
        width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "170"))
        console = Console(width=width, highlight=False)
        rows = [] if self._kept is None else self._kept.to_pylist()
        if rows:
            console.print(self._table(rows))
            self._print_alerts(console, rows)
        if not is_quiet:
            _print_totals(console, summary)

    def _table(self, rows: list[dict[str, Any]]) -> Table:
        shown = f"{len(rows):,} of {self._flows:,} flows" if len(rows) < self._flows else f"{self._flows:,} flows"
        table = Table(title=f"{shown}, {self._alerts:,} crossed {self._threshold:g} bits per byte unexpectedly")
        table.add_column("flow", no_wrap=True)
        table.add_column("originator", overflow="fold")
        table.add_column("responder", overflow="fold")
        table.add_column("bytes", justify="right")
        table.add_column("entropy", justify="right", no_wrap=True)
        table.add_column("random bytes", justify="right", no_wrap=True)
        table.add_column("curve", no_wrap=True)
        table.add_column("note")
        for row in rows:
            is_alert = self._is_alert(row)
            cells = [self._cells(row, side) for side in SIDES]
            columns = ["\n".join(lines) for lines in zip(*cells, strict=True)]
            name = escape(f"{row['uid']}\n{row['proto']} {row['end_reason']}")
            style = "bold red" if is_alert else ""
            table.add_row(name, _end(row, "orig"), _end(row, "resp"), *columns, style=style)
        return table

    def _is_alert(self, row: dict[str, Any]) -> bool:
        has_crossing = any(row[f"{side}_crossing_offsets"] for side in SIDES)
        return has_crossing and not self._expected_ports & {row["orig_port"], row["resp_port"]}

    def _cells(self, row: dict[str, Any], side: str) -> tuple[str, str, str, str, str]:
        """Bytes, entropy, random band, curve and note of one direction."""
        measured = row[f"{side}_measured_bytes"]
        total = f"{row[f'{side}_payload_bytes']:,}"
        if not measured:
            return total, "-", "-", "", ""
        band = random_band(np.array([measured]))
        expected = f"{band.mean[0]:.3f} ± {band.sd[0]:.3f}"
        entropy = f"{row[f'{side}_entropy']:.3f}"
        return total, entropy, expected, _spark(row[f"{side}_trajectory"]), self._note(row, side)

    def _note(self, row: dict[str, Any], side: str) -> str:
        notes = []
        offsets = row[f"{side}_crossing_offsets"]
        if offsets:
            notes.append(f"{self._threshold:g} at byte {offsets[0]:,}, packet {row[f'{side}_crossing_packets'][0]:,}")
        elif max_entropy(row[f"{side}_measured_bytes"]) < self._threshold:
            notes.append(f"too short ever to cross ({min_bytes_to_cross(self._threshold)} bytes)")
        if row[f"{side}_missed_bytes"]:
            notes.append(f"{row[f'{side}_missed_bytes']:,} bytes missed")
        return "; ".join(notes)

    def _print_alerts(self, console: Console, rows: list[dict[str, Any]]) -> None:
        alerts = [row for row in rows if self._is_alert(row)]
        for row in alerts:
            for crossing in crossings_of(row):
                console.print(escape(_evidence(row, crossing, self._threshold)), soft_wrap=True)
        if alerts and self._alerts > len(alerts):
            console.print(f"{self._alerts - len(alerts):,} more alerts; --rows shows more of them, --json all")
        if alerts:
            source, uid = alerts[0]["source"], alerts[0]["uid"]
            console.print(
                escape(
                    f"\nto draw one:        wiretropy plot {inert(source)} --flow {uid}"
                    f"\nto take its packets: wiretropy carve {inert(source)} --flow {uid}"
                ),
                soft_wrap=True,
            )


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


def _end(row: dict[str, Any], side: str) -> str:
    """Address and port, bracketed for IPv6 as in RFC 5952."""
    address = row[f"{side}_ip"]
    shown = f"[{address}]" if ":" in address else address
    return escape(f"{shown}:{row[f'{side}_port']}")


def _spark(trajectory: list[float]) -> str:
    """A small picture of a trajectory, 0 to 8 bits per byte."""
    if not trajectory:
        return ""
    count = min(_SPARK_POINTS, len(trajectory))
    at = np.linspace(0, len(trajectory) - 1, count).round().astype(int)
    return "".join(_BARS[min(8, round(trajectory[point]))] for point in at)


def _evidence(row: dict[str, Any], crossing: Crossing, threshold: float) -> str:
    """An alert in one sentence, with the numbers that it rests on."""
    measured = row[f"{crossing.side}_measured_bytes"]
    band = random_band(np.array([measured]))
    again = f", {crossing.crossings} crossings in all" if crossing.crossings > 1 else ""
    return (
        f"{crossing.id}  {row['proto']} {_plain_end(row, 'orig')} -> {_plain_end(row, 'resp')}: "
        f"the {_SIDE_NAMES[crossing.side]}'s payload reached {threshold:g} bits per byte at byte {crossing.offset:,} "
        f"(packet {crossing.packet:,} of {inert(crossing.source)}{again}); "
        f"{row[f'{crossing.side}_entropy']:.3f} over {measured:,} bytes, "
        f"where random bytes average {band.mean[0]:.3f} ± {band.sd[0]:.3f}"
    )


def _plain_end(row: dict[str, Any], side: str) -> str:
    address = row[f"{side}_ip"]
    return f"[{address}]:{row[f'{side}_port']}" if ":" in address else f"{address}:{row[f'{side}_port']}"


def _print_totals(console: Console, summary: ScanSummary) -> None:
    """Where every packet and byte went."""
    console.print(_account("packets", summary.packets), soft_wrap=True)
    console.print(_account("captured bytes", summary.bytes), soft_wrap=True)
    left_out = {name: count for name, count in summary.payload_not_measured.items() if count}
    parts = [f"{summary.payload_measured:,} measured", *(f"{count:,} {name}" for name, count in left_out.items())]
    console.print(f"payload bytes: {summary.payload_seen:,} seen = {' + '.join(parts)}", soft_wrap=True)
    if summary.weirds:
        weirds = ", ".join(f"{name} in {count:,}" for name, count in summary.weirds.items())
        console.print(f"oddities, by number of flows: {weirds}", soft_wrap=True)


def _account(what: str, account: Account) -> str:
    others = {**account.undecoded, **account.skipped}
    parts = [f"{account.decoded:,} in flows", *(f"{count:,} {name}" for name, count in others.items())]
    return f"{what}: {account.seen:,} seen = {' + '.join(parts)}"
