"""What a report tells, gathered from batches of flows in bounded memory.

Flow records and their alerts go in; totals, the flows of the table and those to be drawn come out. Of the flows only
as many are kept as the table shows: those with the most severe alerts first, then those with most payload.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.capture.summary import ScanSummary
from wiretropy.limits import REPORT_ALERTS, REPORT_FLOWS, REPORT_PICTURES
from wiretropy.plot.select import payload_bytes
from wiretropy.policy.alert import Alert
from wiretropy.policy.model import SEVERITIES

_RANK = "report_rank"
"""Column of a flow's worst alert: 0 for none, else its place in `SEVERITIES`, counted from 1."""

_ORDER = "report_order"
"""Column of a flow's number in the input, which settles ties."""

_SHOWN = (
    *("uid", "community_id", "source", "ts_first_ns", "ts_last_ns", "first_packet", "proto", "vlan", "tunnels"),
    *("orig_ip", "orig_port", "resp_ip", "resp_port", "end_reason", "history", "is_midstream", "weirds"),
    *(f"{side}_{what}" for side in ("orig", "resp") for what in ("payload_bytes", "missed_bytes")),
    *(
        f"{side}_{what}"
        for side in ("orig", "resp", "both")
        for what in ("measured_bytes", "entropy", "trajectory", "block_entropy", "gap_offsets", "gap_bytes")
    ),
    *("verdict", "verdict_probability", "verdict_bytes", "verdict_missing", "segments"),
)
"""Columns that rows and pictures are made of, where they are there; the others are not kept."""


@dataclass(frozen=True, slots=True)
class FlowAlerts:
    """A flow with alerts.

    Attributes
    ----------
    record : mapping
        The flow record, column name to value.
    alerts : tuple of Alert
        The most severe first, at most `REPORT_ALERTS`.
    more : int
        Alerts that are left out.
    """

    record: Mapping[str, Any]
    alerts: tuple[Alert, ...]
    more: int = 0

    @property
    def severity(self) -> str:
        """Of its worst alert."""
        return self.alerts[0].severity


@dataclass(frozen=True, slots=True)
class Total:
    """Flows of one kind and their payload, in bytes."""

    flows: int = 0
    payload_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a report tells.

    Attributes
    ----------
    all : Total
        Every flow.
    first_ns, last_ns : int or None
        Times of the first and last packet since 1970; None without flows.
    sources : tuple of str
        Captures that hold first packets of flows; text from outside.
    severities, rules : mapping of str to int
        Alerts by severity and by rule.
    suppressed : mapping of str to int
        Alerts that the policy's limits held back, by rule.
    alerted : int
        Flows with alerts.
    verdicts : mapping of str to Total, or None
        Flows by verdict; None where they were not judged.
    incomplete : mapping of str to int
        Flows of which something is missing, by what.
    drawn : tuple of FlowAlerts
        Flows to be drawn, the worst first.
    flows : pyarrow.Table
        Flows of the table, the worst first.
    ranks : ndarray of shape (len(flows),), int64
        0 for flows without alerts, else the place of the worst one in `SEVERITIES`, counted from 1.
    summary : ScanSummary or None
        What the scan saw; None where that is not known.
    """

    all: Total
    first_ns: int | None
    last_ns: int | None
    sources: tuple[str, ...]
    severities: Mapping[str, int]
    rules: Mapping[str, int]
    suppressed: Mapping[str, int]
    alerted: int
    verdicts: Mapping[str, Total] | None
    incomplete: Mapping[str, int]
    drawn: tuple[FlowAlerts, ...]
    flows: pa.Table
    ranks: NDArray[np.int64]
    summary: ScanSummary | None


@dataclass(slots=True)
class Gathering:
    """Takes flows and alerts, and keeps what a report shows of them.

    Parameters
    ----------
    rows : int, optional
        Flows of the table.
    pictures : int, optional
        Flows with alerts to be drawn.
    suppressed : mapping of str to int, optional
        Alerts that a policy's limits held back, by rule; may be set until `found` is called.
    """

    rows: int = REPORT_FLOWS
    pictures: int = REPORT_PICTURES
    suppressed: Mapping[str, int] = field(default_factory=dict)
    _kept: list[pa.Table] = field(default_factory=list)
    _kept_rows: int = 0
    _alerts: dict[str, list[Alert]] = field(default_factory=dict)
    _all: Total = field(default_factory=Total)
    _alerted: int = 0
    _span: list[int] = field(default_factory=list)
    _sources: dict[str, None] = field(default_factory=dict)
    _severities: Counter[str] = field(default_factory=Counter)
    _rules: Counter[str] = field(default_factory=Counter)
    _verdicts: dict[str, Total] | None = None
    _incomplete: Counter[str] = field(default_factory=Counter)

    def add(self, flows: pa.Table, alerts: Iterable[Alert]) -> None:
        """Take more flows, with their alerts.

        Parameters
        ----------
        flows : pyarrow.Table
            Flow records, judged or not; every batch with the same columns.
        alerts : iterable of Alert
            Those of these flows.
        """
        if flows.num_rows == 0:
            return
        raised = self._by_flow(alerts)
        uids = list(map(str, flows.column("uid").to_pylist()))
        worst = {uid: 1 + max(SEVERITIES.index(alert.severity) for alert in each) for uid, each in raised.items()}
        ranks = np.array([worst.get(uid, 0) for uid in uids], dtype=np.int64)
        order = np.arange(self._all.flows, self._all.flows + len(uids))
        self._count(flows, ranks)
        shown = flows.select([name for name in _SHOWN if name in flows.column_names])
        shown = shown.append_column(_RANK, arrays.integers(ranks)).append_column(_ORDER, arrays.integers(order))
        self._kept.append(shown)
        self._kept_rows += shown.num_rows
        self._alerts |= raised
        if self._kept_rows > 2 * self.rows:
            self._forget()

    def found(self, summary: ScanSummary | None) -> Found:
        """What was gathered, with the totals of the scan."""
        table = self._forget() if self._kept else pa.table({_RANK: pa.array([], pa.int64())})
        ranks = arrays.values(table.column(_RANK))
        drawn = min(self.pictures, int(np.count_nonzero(ranks)))
        records = table.slice(0, drawn).to_pylist()
        return Found(
            all=self._all,
            first_ns=min(self._span, default=None),
            last_ns=max(self._span, default=None),
            sources=tuple(self._sources),
            severities={name: self._severities[name] for name in SEVERITIES[::-1] if self._severities[name]},
            rules=dict(sorted(self._rules.items())),
            suppressed=self.suppressed,
            alerted=self._alerted,
            verdicts=self._verdicts,
            incomplete=dict(self._incomplete),
            drawn=tuple(_flow_alerts(record, self._alerts[record["uid"]]) for record in records),
            flows=table,
            ranks=ranks,
            summary=summary,
        )

    def _by_flow(self, alerts: Iterable[Alert]) -> dict[str, list[Alert]]:
        """Alerts by flow, the most severe first; each is counted."""
        raised: dict[str, list[Alert]] = {}
        for alert in alerts:
            self._severities[alert.severity] += 1
            self._rules[alert.rule] += 1
            raised.setdefault(alert.uid, []).append(alert)
        for each in raised.values():
            each.sort(key=lambda alert: -SEVERITIES.index(alert.severity))
        return raised

    def _count(self, flows: pa.Table, ranks: NDArray[np.int64]) -> None:
        """Add a batch to the totals."""
        payload = payload_bytes(flows)
        self._all = _sum(self._all, Total(flows.num_rows, int(payload.sum())))
        self._alerted += int(np.count_nonzero(ranks))
        first, last = (arrays.values(flows.column(f"ts_{which}_ns")) for which in ("first", "last"))
        self._span = [min([*self._span, int(first.min())]), max([*self._span, int(last.max())])]
        self._sources |= dict.fromkeys(map(str, flows.column("source").unique().to_pylist()))
        self._count_missing(flows)
        if "verdict" in flows.column_names:
            totals = {} if self._verdicts is None else self._verdicts
            verdicts = np.array([str(each) for each in flows.column("verdict").to_pylist()])
            for verdict in np.unique(verdicts).tolist():
                of_it = verdicts == verdict
                more = Total(int(np.count_nonzero(of_it)), int(payload[of_it].sum()))
                totals[verdict] = _sum(totals.get(verdict, Total()), more)
            self._verdicts = totals

    def _count_missing(self, flows: pa.Table) -> None:
        """Count flows of which a part is missing."""
        missed, sent = (
            [arrays.values(flows.column(f"{side}_{what}_bytes")) for side in ("orig", "resp")]
            for what in ("missed", "payload")
        )
        tcp = np.array([each == "tcp" for each in flows.column("proto").to_pylist()], dtype=np.bool_)
        self._incomplete["midstream"] += int(np.count_nonzero(arrays.values(flows.column("is_midstream"))))
        self._incomplete["gap"] += int(np.count_nonzero((missed[0] > 0) | (missed[1] > 0)))
        self._incomplete["one-sided"] += int(np.count_nonzero(tcp & ((sent[0] > 0) != (sent[1] > 0))))

    def _forget(self) -> pa.Table:
        """Keep the flows that the table has room for, in its order, and the alerts of those to be drawn."""
        table = pa.concat_tables(self._kept, promote_options="default")
        ranks, order = arrays.values(table.column(_RANK)), arrays.values(table.column(_ORDER))
        rows = np.lexsort((order, -payload_bytes(table), -ranks))[: self.rows]
        table = table.take(arrays.integers(rows)).combine_chunks()
        self._kept, self._kept_rows = [table], table.num_rows
        drawn = set(table.column("uid").slice(0, self.pictures).to_pylist())
        self._alerts = {uid: alerts for uid, alerts in self._alerts.items() if uid in drawn}
        return table


def _flow_alerts(record: Mapping[str, Any], alerts: list[Alert]) -> FlowAlerts:
    return FlowAlerts(record, tuple(alerts[:REPORT_ALERTS]), max(0, len(alerts) - REPORT_ALERTS))


def _sum(one: Total, other: Total) -> Total:
    return Total(one.flows + other.flows, one.payload_bytes + other.payload_bytes)
