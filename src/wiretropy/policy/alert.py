"""Alerts: what broke a rule, where, by which numbers, and how to see it.

In: flow records, and what the scan was given. Out: one `Alert` for each side that broke the rule, in the order of the
records, with the ids that `wiretropy scan` and `wiretropy carve --alert` know. The same capture gives the same alerts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from wiretropy.policy.evidence import Commands, commands_of, crossing_reason, expected
from wiretropy.policy.threshold import SIDES, Crossing, crossings_of, unexpected_crossings

Severity = Literal["low", "medium", "high", "critical"]

THRESHOLD_RULE = "threshold_crossed"
"""Name of the original experiment's rule."""

THRESHOLD_SEVERITY: Severity = "medium"
"""Random-looking payload where none is expected is worth a look, and no proof of anything."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One side of one flow that broke a rule, and the evidence.

    Attributes
    ----------
    id : str
        Identifier; the same capture and rule give the same one.
    rule : str
        The rule that was broken.
    severity : {'low', 'medium', 'high', 'critical'}
        How much it matters.
    ts_ns : int
        Time since 1970 of the packet that is the evidence, where the flow record keeps it (it keeps the first 64
        that bear payload, and offsets can be told from them while nothing was repeated or missed); else the
        flow's last.
    uid, community_id : str
        The flow.
    proto : str
        ``tcp``, ``udp``, ``sctp``, ``icmp`` or ``icmp6``.
    orig_ip, orig_port, resp_ip, resp_port : str, int
        Its ends.
    vlan : int or None
        Outer VLAN identifier.
    side : {'orig', 'resp'}
        Whose payload it is about.
    offset : int
        Payload bytes of that side when the rule was broken.
    packet : int
        Number of the packet that carried the last of them, in `source`.
    source : str
        Capture file of that packet; text from outside.
    measured_bytes : int
        Payload bytes that the next three rest on.
    entropy_bits_per_byte : float
        What was measured over them.
    random_mean, random_sd : float
        Mean and standard deviation of as many random bytes, bits per byte.
    threshold : float
        What the rule compares with, bits per byte.
    reason : str
        Why the rule fired, in one sentence with these numbers.
    commands : Commands or None
        How to draw the flow and how to take its packets; None for standard input.
    """

    id: str
    rule: str
    severity: Severity
    ts_ns: int
    uid: str
    community_id: str
    proto: str
    orig_ip: str
    orig_port: int
    resp_ip: str
    resp_port: int
    vlan: int | None
    side: str
    offset: int
    packet: int
    source: str
    measured_bytes: int
    entropy_bits_per_byte: float
    random_mean: float
    random_sd: float
    threshold: float
    reason: str
    commands: Commands | None = None


def alerts_of(
    batch: pa.RecordBatch,
    expected_ports: frozenset[int],
    *,
    threshold: float,
    inputs: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Iterator[Alert]:
    """The alerts of the threshold rule.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Flow records.
    expected_ports : frozenset of int
        Ports, of either side, on which random-looking payload is expected.
    threshold : float
        Bits per byte that the scan looked for.
    inputs, options : sequence of str
        Captures and reading options that the scan was given, for the commands.

    Yields
    ------
    alert : Alert
        Flows in their order, the originator's side first.
    """
    rows = np.flatnonzero(unexpected_crossings(batch, expected_ports))
    needed = batch.select(_COLUMNS)
    for at in rows.tolist():
        [row] = needed.slice(at, 1).to_pylist()
        commands = commands_of(row["uid"], inputs, options)
        for crossing in crossings_of(row):
            yield _alert(row, crossing, threshold, commands)


_FLOW_COLUMNS = ("uid", "community_id", "proto", "orig_ip", "orig_port", "resp_ip", "resp_port", "vlan")

_COLUMNS = [
    *_FLOW_COLUMNS,
    *("ts_first_ns", "ts_last_ns", "packet_sizes", "packet_times_ns"),
    *(
        f"{side}_{what}"
        for side in SIDES
        for what in (
            *("crossing_offsets", "crossing_packets", "crossing_sources"),
            *("measured_bytes", "entropy", "missed_bytes", "retransmitted_bytes"),
        )
    ),
]
"""What an alert is made of; the rest of a record is not turned into Python objects."""


def _alert(row: Mapping[str, Any], crossing: Crossing, threshold: float, commands: Commands | None) -> Alert:
    measured = row[f"{crossing.side}_measured_bytes"]
    [random] = expected([measured])
    return Alert(
        id=crossing.id,
        rule=THRESHOLD_RULE,
        severity=THRESHOLD_SEVERITY,
        ts_ns=_time_of(row, crossing),
        **{name: row[name] for name in _FLOW_COLUMNS},
        side=crossing.side,
        offset=crossing.offset,
        packet=crossing.packet,
        source=crossing.source,
        measured_bytes=measured,
        entropy_bits_per_byte=row[f"{crossing.side}_entropy"],
        random_mean=random.mean,
        random_sd=random.sd,
        threshold=threshold,
        reason=crossing_reason(row, crossing, threshold),
        commands=commands,
    )


def _time_of(row: Mapping[str, Any], crossing: Crossing) -> int:
    """When the side had sent so many bytes, where the record can tell; else when the flow was last seen."""
    last = int(row["ts_last_ns"])
    if row[f"{crossing.side}_missed_bytes"] or row[f"{crossing.side}_retransmitted_bytes"]:
        return last
    sign = 1 if crossing.side == "orig" else -1
    sent = 0
    for size, time_ns in zip(row["packet_sizes"], row["packet_times_ns"], strict=True):
        sent += max(0, sign * size)
        if sent >= crossing.offset:
            return int(row["ts_first_ns"]) + int(time_ns)
    return last
