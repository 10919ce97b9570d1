"""The flow record: every column with its type, unit and meaning.

This is the one place that defines what a flow record holds. The measuring core
produces these columns in this order (a test compares the two), `scan` adds those of
alerts, JSON lines use these names, and Parquet files carry `SCHEMA_VERSION` in their metadata.

Types are written as in Arrow's text form. A column is null where the thing it
measures does not exist (the entropy of a direction that sent nothing).
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA_VERSION = 1
"""Raised when a column changes its meaning or goes away; new columns keep it."""

DEFAULT_DEPTH = 65_536
"""Payload bytes measured in each direction unless asked otherwise (the original experiment's 64 KB)."""

DEFAULT_THRESHOLD = 7.9
"""Bits per byte at which the original experiment's checker alarmed."""

FIRST_PACKETS = 64
"""Payload-bearing packets of a flow whose sizes and times are kept."""

HEAD_BYTES = 64
"""First payload bytes of each direction that a record keeps: what a first verdict rests on."""

DENSE_STEP = 32
DENSE_END = 2_048
POINTS_PER_OCTAVE = 8
"""The trajectory grid: every `DENSE_STEP` bytes up to `DENSE_END`, then this many points per doubling."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the flow record.

    Attributes
    ----------
    name : str
        Column name, the same in Arrow, Parquet, JSON and Python.
    type : str
        Arrow type in text form, such as ``uint64`` or ``list<double>``.
    unit : str
        Unit of the values, empty for names and counts.
    meaning : str
        One sentence.
    is_nullable : bool
        Whether a value can be absent.
    """

    name: str
    type: str
    unit: str
    meaning: str
    is_nullable: bool = False


_IDENTITY = (
    Column("uid", "string", "", "Identifier of the flow; the same capture gives the same one."),
    Column("community_id", "string", "", "Community ID v1 with seed 0 (corelight/community-id-spec)."),
    Column("source", "string", "", "Capture file in which the first packet lies, as it was named."),
    Column("ts_first_ns", "int64", "ns", "Time of the first packet since 1970."),
    Column("ts_last_ns", "int64", "ns", "Latest packet time since 1970; never before ts_first_ns."),
    Column("first_packet", "uint64", "", "Number of the first packet in `source`, from 1 as in Wireshark."),
    Column("proto", "string", "", "tcp, udp, sctp, icmp or icmp6."),
    Column("orig_ip", "string", "", "Address of the originator, which sent the first packet seen."),
    Column("orig_port", "uint16", "", "Its port; for ICMP the number that Community ID puts there."),
    Column("resp_ip", "string", "", "Address of the responder."),
    Column("resp_port", "uint16", "", "Its port, likewise."),
    Column("vlan", "uint16", "", "Outer VLAN identifier.", True),
    Column("vlan_inner", "uint16", "", "Inner VLAN identifier (QinQ).", True),
    Column("tunnels", "string", "", "Tunnels unwrapped, outermost first, joined by '/'; empty for none."),
    Column("end_reason", "string", "", "fin, rst, reuse, idle, active-limit, evicted or end-of-capture."),
    Column("history", "string", "", "Zeek-style history letters: upper case originator, lower case responder."),
    Column("is_midstream", "bool", "", "TCP without its opening SYN: the stream begins at the first byte seen."),
    Column("weirds", "list<string>", "", "Protocol oddities met in this flow, each named once."),
    Column("conflicting_overlaps", "uint64", "", "Segments whose second copy of a byte differed; the first was kept."),
    Column(
        "packet_sizes",
        "list<int32>",
        "bytes",
        "Payload of the first 64 packets that bear any; negative from responder.",
    ),
    Column("packet_times_ns", "list<int64>", "ns", "Their times since ts_first_ns."),
)

_TRAFFIC = (
    Column("packets", "uint64", "", "Packets, fragments counted one by one."),
    Column("wire_bytes", "uint64", "bytes", "Frame bytes on the wire (origlen)."),
    Column("payload_bytes", "uint64", "bytes", "Payload seen, each stream byte once; headers and repeats left out."),
    Column("missed_bytes", "uint64", "bytes", "Stream bytes never seen: gaps and what the snaplen cut."),
    Column("retransmitted_bytes", "uint64", "bytes", "Payload bytes seen again."),
)

_MEASURES = (
    Column("measured_bytes", "uint64", "bytes", "Payload bytes that the measures below rest on."),
    Column("entropy", "double", "bits per byte", "Plug-in entropy of the measured bytes.", True),
    Column("trajectory", "list<double>", "bits per byte", "Cumulative entropy at each point of the trajectory grid."),
    Column("block_entropy", "list<double>", "bits per byte", "Entropy of the bytes between two grid points."),
    Column(
        "crossing_offsets",
        "list<uint64>",
        "bytes",
        "Where entropy rose to the threshold, fell below it, rose again, ...: the first 256 places.",
    ),
    Column("crossing_packets", "list<uint64>", "", "Number of the packet that carried that byte."),
    Column("crossing_sources", "list<string>", "", "Capture file in which that packet lies."),
    Column("gap_offsets", "list<uint64>", "bytes", "Measured bytes before each gap, where the trajectory jumps."),
    Column("gap_bytes", "list<uint64>", "bytes", "Stream bytes missing at each gap."),
    Column("head", "binary", "", "First measured bytes, at most 64; hexadecimal digits in JSON."),
    Column(
        "segment_ends",
        "list<uint64>",
        "bytes",
        "Where each segment of like bytes ends, at most 64; the last at measured_bytes.",
    ),
    Column("segment_kinds", "list<string>", "", "What the bytes of each segment look like: opaque, text or binary."),
    Column("segment_packets", "list<uint64>", "", "Number of the packet that carried the first byte of each segment."),
    Column("segment_sources", "list<string>", "", "Capture file in which that packet lies."),
    Column(
        "coding",
        "list<float>",
        "",
        "How the longest opaque segment is coded, in the order of `verdict.coding.coding_names('narrow')`.",
    ),
    Column("coding_bytes", "uint64", "bytes", "Opaque bytes that `coding` rests on, at most 8,192; none below 256."),
    Column("printable_share", "double", "", "Share of bytes 0x20 to 0x7e, tab, line feed and carriage return.", True),
    Column("set_bits_per_byte", "double", "", "Mean number of one bits in a byte.", True),
    Column("distinct_bytes", "uint16", "", "Byte values that occur.", True),
    Column("chi_square", "double", "", "Pearson's statistic against uniform bytes, 255 degrees of freedom.", True),
    Column("serial_correlation", "double", "", "Correlation of successive bytes; null when all are equal.", True),
)

_ONE_SIDED = (
    *("gap_offsets", "gap_bytes", "head"),
    *("segment_ends", "segment_kinds", "segment_packets", "segment_sources", "coding", "coding_bytes"),
)
"""Measures that both directions together do not have."""

_COUNTS = Column("counts", "list<uint64>", "", "How often each of the 256 byte values occurs; only on request.")


_SIDE_ALERTS = (
    Column(
        "alert_id",
        "string",
        "",
        "The gravest alert that this direction raised, as the table and `carve --alert` name it; added by scan.",
        True,
    ),
)

SEGMENT = "struct<side: string, start: uint64, end: uint64, kind: string, packet: uint64, source: string>"
"""Type of a segment of a judged flow: whose, its bytes, what they are, and where the first of them lies."""

SEGMENT_KINDS = ("text", "binary", "encoded", "key material", "encrypted", "compressed", "opaque")
"""What a segment of a judged flow can be."""

_VERDICT = (
    Column("verdict", "string", "", "encrypted, compressed, encoded, text, binary or undecided."),
    Column("verdict_probability", "double", "", "That the verdict is right, calibrated; null for undecided.", True),
    Column("verdict_bytes", "uint64", "bytes", "Payload bytes that the verdict rests on."),
)

_ALERTS = (
    Column("alert_ids", "list<string>", "", "All alerts that the flow raised; added by scan."),
    Column("alert_rules", "list<string>", "", "The rule of each; added by scan."),
)


def _prefixed(prefix: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The same columns for one direction."""
    return tuple(Column(prefix + c.name, c.type, c.unit, c.meaning, c.is_nullable) for c in columns)


VERDICT_COLUMNS = (
    *_VERDICT,
    Column("verdict_missing", "list<string>", "", "What was not seen: gap, snaplen, one-sided, midstream, segments."),
    Column(
        "segments",
        f"list<{SEGMENT}>",
        "bytes",
        "Stretches of like bytes of each side, at most 64, with the packet that carried the first byte of each.",
    ),
    *_prefixed("orig_", _VERDICT),
    *_prefixed("resp_", _VERDICT),
)
"""The columns that `wiretropy.judge` adds."""

VERDICT_NAMES = frozenset(column.name for column in VERDICT_COLUMNS)
"""Their names."""


def columns(*, has_counts: bool = False, has_verdicts: bool = False, has_alerts: bool = False) -> tuple[Column, ...]:
    """All columns of a flow record, in order.

    Parameters
    ----------
    has_counts : bool, default False
        Whether the 256 byte counts were asked for.
    has_verdicts : bool, default False
        Whether the flows were judged (`wiretropy.judge`).
    has_alerts : bool, default False
        Whether the alerts of a policy stand behind what was measured, as `wiretropy scan` writes records.

    Returns
    -------
    tuple of Column
        Identity first, then traffic of originator and responder, then measures of
        originator (``orig_``), responder (``resp_``) and both together in capture
        order (``both_``); then the verdicts, last the alerts.
    """
    alerts = (_prefixed("orig_", _SIDE_ALERTS) + _prefixed("resp_", _SIDE_ALERTS) + _ALERTS) if has_alerts else ()
    measures = _MEASURES + ((_COUNTS,) if has_counts else ())
    return (
        _IDENTITY
        + _prefixed("orig_", _TRAFFIC)
        + _prefixed("resp_", _TRAFFIC)
        + _prefixed("orig_", measures)
        + _prefixed("resp_", measures)
        + _prefixed("both_", tuple(c for c in measures if c.name not in _ONE_SIDED))
        + (VERDICT_COLUMNS if has_verdicts else ())
        + alerts
    )


COLUMNS = columns()
"""The columns of a flow record without byte counts, verdicts and alerts."""
