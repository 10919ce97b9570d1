"""Alerts: what broke a rule, where, by which numbers, and how to see it.

In: flow records, where they break a rule, and what the scan was given. Out: an `Alert` for each hit, and the ids that
`wiretropy scan` and `wiretropy carve --alert` know. An id is made of flow, rule and place alone, so the same capture
gives the same alerts, whatever else is asked of a scan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from wiretropy import arrays
from wiretropy.policy.evidence import Commands, Place, commands_of, expected, reason
from wiretropy.policy.hits import SIDES, Hits
from wiretropy.policy.model import RULES, Policy, Severity
from wiretropy.policy.segments import JudgedSegments
from wiretropy.schema import SEGMENT_KINDS


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
    side : {'orig', 'resp', 'both'}
        Whose payload it is about.
    offset : int
        Payload bytes of that side when the rule was broken.
    packet : int
        Number of a packet in `source`: the one that carried the last of them where the flow record names that packet
        (crossings of the scan's threshold) or the first byte of what broke the rule (segments); else, where
        `packet_offset` is not None, the nearest packet before that it names, which is not the very packet.
    source : str
        Capture file of that packet; text from outside.
    measured_bytes : int
        Payload bytes that the next three rest on.
    entropy_bits_per_byte : float
        What was measured over them.
    random_mean, random_sd : float
        Mean and standard deviation of as many random bytes, bits per byte.
    threshold : float or None
        What `threshold_crossed` compares with, bits per byte.
    reason : str
        Why the rule fired, in one sentence with these numbers.
    commands : Commands or None
        How to draw the flow and how to take its packets; None for standard input.
    packet_offset : int or None
        At which byte the packet lies, where it is not the very packet but the nearest known before; None where it is.
    verdict : str or None
        What the side was judged to be; None where flows were not judged, and for both sides together.
    verdict_probability : float or None
        Calibrated probability of the verdict.
    verdict_bytes : int or None
        Bytes that it rests on.
    segment : str or None
        Kind of the segment that broke the rule.
    segment_start, segment_end : int or None
        Its first byte and the byte behind its last; of a block of the trajectory grid that left its band, likewise.
    segment_before : str or None
        Kind of the segment before it that the rule compares with.
    band : str or None
        Name of the bands that were left or regained.
    band_entropy, band_low, band_high : float or None
        Entropy at that point and its bounds, bits per byte; None where cleartext began behind its bound.
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
    threshold: float | None
    reason: str
    commands: Commands | None = None
    packet_offset: int | None = None
    verdict: str | None = None
    verdict_probability: float | None = None
    verdict_bytes: int | None = None
    segment: str | None = None
    segment_start: int | None = None
    segment_end: int | None = None
    segment_before: str | None = None
    band: str | None = None
    band_entropy: float | None = None
    band_low: float | None = None
    band_high: float | None = None


_RULE_NAMES = tuple(RULES)

_FLOW_MARK = 11
"""Characters of an id that are the same for all alerts of a flow: 40 bits, by which a flow of millions is found."""


def flow_mark(uid: str) -> str:
    """What the ids of all alerts of a flow begin with."""
    return "A" + _digest(uid)[: _FLOW_MARK - 1]


def flow_mark_of(alert_id: str) -> str:
    """The mark of the flow that an alert is about."""
    return alert_id[:_FLOW_MARK]


def alert_ids(batch: pa.RecordBatch, policy: Policy, found: Hits) -> list[str]:
    """Identifiers of alerts, which a replay gives again: of flow, rule, side, place and what the rule compares with.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Flow records.
    policy : Policy
        The policy.
    found : Hits
        Where they break it.
    """
    uids = batch.column("uid")
    columns = [found[name].tolist() for name in ("row", "rule", "side", "offset", "entry")]
    return [
        flow_mark(uids[row].as_py())
        + _digest(f"{_RULE_NAMES[rule]} {SIDES[side]} {offset}{_compared(policy, rule, entry)}")[: 17 - _FLOW_MARK]
        for row, rule, side, offset, entry in zip(*columns, strict=True)
    ]


def _compared(policy: Policy, rule: int, entry: int) -> str:
    """What else tells alerts of one place apart, whose order in the policy does not matter."""
    if entry < 0:
        return ""
    if _RULE_NAMES[rule] == "threshold_crossed":
        threshold = policy.threshold[entry]
        return f" {threshold.direction} {repr(threshold.bits_per_byte).removesuffix('.0')}"
    return f" {policy.band[entry].bands.name}"


def _digest(text: str) -> str:
    # Names of files that are no UTF-8 have surrogates.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_FLOW_COLUMNS = ("uid", "community_id", "proto", "orig_ip", "orig_port", "resp_ip", "resp_port", "vlan")

_COLUMNS = frozenset(
    {
        *_FLOW_COLUMNS,
        *("source", "first_packet", "ts_first_ns", "ts_last_ns", "packet_sizes", "packet_times_ns"),
        *(
            f"{side}_{what}"
            for side in SIDES
            for what in (
                *("crossing_offsets", "crossing_packets", "crossing_sources"),
                *("measured_bytes", "entropy", "missed_bytes", "retransmitted_bytes"),
                *("verdict", "verdict_probability", "verdict_bytes", "coding_bytes"),
            )
        ),
    }
)
"""What an alert is made of, where flow records have it; the rest of a record is not turned into Python objects."""


def evidence_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Flow records with the columns that alerts are made of."""
    return batch.select([column for column in batch.schema.names if column in _COLUMNS])


def alert_at(
    batch: pa.RecordBatch,
    policy: Policy,
    hit: Any,
    name: str,
    segments: JudgedSegments,
    inputs: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Alert:
    """Make an alert of a hit.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Flow records, as `evidence_rows` gives them.
    policy : Policy
        The policy.
    hit : one of Hits
        Where a flow breaks it.
    name : str
        The alert's id.
    segments : JudgedSegments
        Of the batch.
    inputs, options : sequence of str
        For the commands.
    """
    [row] = batch.slice(int(hit["row"]), 1).to_pylist()
    rule, side, offset = _RULE_NAMES[hit["rule"]], SIDES[hit["side"]], int(hit["offset"])
    place = _place(batch, row, hit, segments)
    measured = row[f"{side}_measured_bytes"]
    [random] = expected([measured])
    names = ("verdict", "verdict_probability", "verdict_bytes")
    fields: dict[str, Any] = {each: row.get(f"{side}_{each}") for each in names}
    fields |= _segment_fields(hit, segments) | _band_fields(policy, hit)
    return Alert(
        id=name,
        rule=rule,
        severity=policy.rules[rule].severity,
        ts_ns=_time_of(row, side, offset),
        **{column: row[column] for column in _FLOW_COLUMNS},
        side=side,
        offset=offset,
        packet=place.packet,
        source=place.source,
        measured_bytes=measured,
        entropy_bits_per_byte=row[f"{side}_entropy"],
        random_mean=random.mean,
        random_sd=random.sd,
        threshold=policy.threshold[hit["entry"]].bits_per_byte if rule == "threshold_crossed" else None,
        reason=reason(row, policy, hit, segments, place),
        commands=commands_of(row["uid"], inputs, options),
        packet_offset=place.offset,
        **fields,
    )


def _place(batch: pa.RecordBatch, row: Mapping[str, Any], hit: Any, segments: JudgedSegments) -> Place:
    """The packet of a hit, or the nearest before it that the record names.

    Nothing here is done for a whole batch, since it is done for each alert.
    """
    side, offset = SIDES[hit["side"]], int(hit["offset"])
    at, crossing = int(hit["segment"]), int(hit["crossing"])
    if at >= 0:
        return Place(int(segments.packet[at]), segments.sources[segments.source[at]])
    if crossing >= 0:
        [first], _ = arrays.spans(batch.column(f"{side}_crossing_offsets").slice(int(hit["row"]), 1))
        nth = crossing - int(first)
        return Place(row[f"{side}_crossing_packets"][nth], row[f"{side}_crossing_sources"][nth])
    known = [(0, row["first_packet"], row["source"])]
    if side != "both":
        names = (f"{side}_crossing_{what}" for what in ("offsets", "packets", "sources"))
        known += list(zip(*(row[name] for name in names), strict=True))
        mine = segments.of_side(int(hit["row"]), int(hit["side"]))
        places = (each[mine].tolist() for each in (segments.start, segments.packet, segments.source))
        known += [(start, packet, segments.sources[source]) for start, packet, source in zip(*places, strict=True)]
    before, packet, source = max(each for each in known if each[0] <= offset)
    return Place(packet, source, before)


def _segment_fields(hit: Any, segments: JudgedSegments) -> dict[str, Any]:
    at, before = int(hit["segment"]), int(hit["before"])
    if at < 0:
        is_block = hit["start"] > 0
        return {"segment_start": int(hit["start"]), "segment_end": int(hit["offset"])} if is_block else {}
    return {
        "segment": SEGMENT_KINDS[segments.kind[at]],
        "segment_start": int(segments.start[at]),
        "segment_end": int(segments.end[at]),
        "segment_before": SEGMENT_KINDS[segments.kind[before]] if before >= 0 else None,
    }


def _band_fields(policy: Policy, hit: Any) -> dict[str, Any]:
    if not _RULE_NAMES[hit["rule"]].startswith("band_"):
        return {}
    fields: dict[str, Any] = {"band": policy.band[hit["entry"]].bands.name}
    if hit["segment"] < 0:
        fields |= {f"band_{ours}": float(hit[theirs]) for ours, theirs in _BAND_NUMBERS}
    return fields


_BAND_NUMBERS = (("entropy", "value"), ("low", "low"), ("high", "high"))


def _time_of(row: Mapping[str, Any], side: str, offset: int) -> int:
    """When the side had sent so many bytes, where the record can tell; else when the flow was last seen."""
    last = int(row["ts_last_ns"])
    sides = ("orig", "resp") if side == "both" else (side,)
    if any(row[f"{each}_missed_bytes"] or row[f"{each}_retransmitted_bytes"] for each in sides):
        return last
    sent = 0
    for size, time_ns in zip(row["packet_sizes"], row["packet_times_ns"], strict=True):
        sent += abs(size) if side == "both" else max(0, size if side == "orig" else -size)
        if sent >= offset:
            return int(row["ts_first_ns"]) + int(time_ns)
    return last
