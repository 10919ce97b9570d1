//! A finished flow becomes a row of columns.
//!
//! `schema.py` defines the columns with their units and meanings; a test compares the two.

use std::fmt::Write;
use std::net::Ipv6Addr;
use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, UInt16Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::columns::{item_field, Blobs, Flags, NumberLists, Numbers, TextLists, Texts};
use crate::decode::{Endpoints, Tunnel};
use crate::flow::{Direction, EndReason, Flow, Weird};
use crate::identity::{community_id, uid};
use crate::meter::{Meter, Meters, Segments};

/// Rows of finished flows.
#[derive(Default)]
pub struct Records {
    has_counts: bool,
    rows: usize,
    uid: Texts,
    community_id: Texts,
    source: Texts,
    ts_first_ns: Numbers<Int64Type>,
    ts_last_ns: Numbers<Int64Type>,
    first_packet: Numbers<UInt64Type>,
    proto: Texts,
    orig_ip: Texts,
    orig_port: Numbers<UInt16Type>,
    resp_ip: Texts,
    resp_port: Numbers<UInt16Type>,
    vlan: Numbers<UInt16Type>,
    vlan_inner: Numbers<UInt16Type>,
    tunnels: Texts,
    end_reason: Texts,
    history: Texts,
    is_midstream: Flags,
    weirds: TextLists,
    conflicting_overlaps: Numbers<UInt64Type>,
    packet_sizes: NumberLists<Int32Type>,
    packet_times_ns: NumberLists<Int64Type>,
    traffic: [Traffic; 2],
    measures: [Measures; 3],
    sides: [Side; 2],
    text: String,
}

#[derive(Default)]
struct Traffic {
    packets: Numbers<UInt64Type>,
    wire_bytes: Numbers<UInt64Type>,
    payload_bytes: Numbers<UInt64Type>,
    missed_bytes: Numbers<UInt64Type>,
    retransmitted_bytes: Numbers<UInt64Type>,
}

#[derive(Default)]
struct Side {
    gap_offsets: NumberLists<UInt64Type>,
    gap_bytes: NumberLists<UInt64Type>,
    head: Blobs,
    segment_ends: NumberLists<UInt64Type>,
    segment_kinds: TextLists,
    segment_packets: NumberLists<UInt64Type>,
    segment_sources: TextLists,
    coding: NumberLists<Float32Type>,
    coding_bytes: Numbers<UInt64Type>,
}

#[derive(Default)]
struct Measures {
    measured_bytes: Numbers<UInt64Type>,
    entropy: Numbers<Float64Type>,
    trajectory: NumberLists<Float64Type>,
    block_entropy: NumberLists<Float64Type>,
    crossing_offsets: NumberLists<UInt64Type>,
    crossing_packets: NumberLists<UInt64Type>,
    crossing_sources: TextLists,
    printable_share: Numbers<Float64Type>,
    set_bits_per_byte: Numbers<Float64Type>,
    distinct_bytes: Numbers<UInt16Type>,
    chi_square: Numbers<Float64Type>,
    serial_correlation: Numbers<Float64Type>,
    counts: NumberLists<UInt64Type>,
}

impl Records {
    /// No rows yet; `has_counts` adds the 256 byte counts.
    #[must_use]
    pub fn new(has_counts: bool) -> Self {
        Self { has_counts, ..Self::default() }
    }

    /// Rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether the batch has grown so large that it should be handed on.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let points: usize = self.measures.iter().map(|m| m.trajectory.value_count()).sum();
        self.rows >= crate::limits::BATCH_ROWS || points >= crate::limits::BATCH_POINTS
    }

    /// Append a flow whose meters are finished.
    pub fn push(&mut self, flow: &Flow, reason: EndReason, meters: &Meters, sources: &[String]) {
        self.rows += 1;
        self.push_identity(flow, reason, sources);
        for (columns, direction) in self.traffic.iter_mut().zip(&flow.directions) {
            columns.push(direction);
        }
        for ((is_orig, columns), direction) in
            [true, false].into_iter().zip(&mut self.sides).zip(&flow.directions)
        {
            columns.push(direction, meters, is_orig, sources);
        }
        for (columns, meter) in self.measures.iter_mut().zip(meters.each()) {
            columns.push(meter, sources, self.has_counts);
        }
    }

    fn push_identity(&mut self, flow: &Flow, reason: EndReason, sources: &[String]) {
        let endpoints = &flow.endpoints;
        self.uid.push(&uid(flow));
        self.community_id.push(&community_id(endpoints));
        self.source.push(source_name(sources, flow.first_packet.file));
        self.ts_first_ns.push(flow.ts_first_ns);
        self.ts_last_ns.push(flow.ts_last_ns);
        self.first_packet.push(flow.first_packet.number);
        self.proto.push(proto_name(endpoints.proto));
        self.push_address(true, endpoints);
        self.orig_port.push(endpoints.sport);
        self.push_address(false, endpoints);
        self.resp_port.push(endpoints.dport);
        self.vlan.push_option(endpoints.vlan[0].checked_sub(1));
        self.vlan_inner.push_option(endpoints.vlan[1].checked_sub(1));
        self.push_tunnels(flow.tunnels);
        self.end_reason.push(reason.name());
        self.history.push(flow.history.as_str());
        self.is_midstream.push(flow.is_midstream);
        self.weirds.push(flow.weirds.iter().map(Weird::name));
        let conflicts = flow.directions.iter().map(|side| side.stream.conflicts()).sum();
        self.conflicting_overlaps.push(conflicts);
        self.packet_sizes.push(flow.first_payloads.iter().map(|packet| packet.0));
        self.packet_times_ns.push(flow.first_payloads.iter().map(|packet| packet.1));
    }

    fn push_address(&mut self, is_orig: bool, endpoints: &Endpoints) {
        let address = if is_orig { &endpoints.src } else { &endpoints.dst };
        self.text.clear();
        write_address(&mut self.text, address, endpoints.is_v6);
        let column = if is_orig { &mut self.orig_ip } else { &mut self.resp_ip };
        column.push(&self.text);
    }

    fn push_tunnels(&mut self, bits: u16) {
        self.text.clear();
        for tunnel in Tunnel::in_bits(bits) {
            if !self.text.is_empty() {
                self.text.push('/');
            }
            self.text.push_str(tunnel.name());
        }
        self.tunnels.push(&self.text);
    }

    /// The rows as an Arrow record batch.
    ///
    /// # Errors
    ///
    /// If the columns do not fit the schema, which would be a mistake in this module.
    pub fn finish(self) -> Result<RecordBatch, ArrowError> {
        let has_counts = self.has_counts;
        let [orig_traffic, resp_traffic] = self.traffic;
        let [orig, resp, both] = self.measures;
        let [orig_side, resp_side] = self.sides;
        let mut arrays = vec![
            self.uid.into_array(),
            self.community_id.into_array(),
            self.source.into_array(),
            self.ts_first_ns.into_array(),
            self.ts_last_ns.into_array(),
            self.first_packet.into_array(),
            self.proto.into_array(),
            self.orig_ip.into_array(),
            self.orig_port.into_array(),
            self.resp_ip.into_array(),
            self.resp_port.into_array(),
            self.vlan.into_array(),
            self.vlan_inner.into_array(),
            self.tunnels.into_array(),
            self.end_reason.into_array(),
            self.history.into_array(),
            self.is_midstream.into_array(),
            self.weirds.into_array(),
            self.conflicting_overlaps.into_array(),
            self.packet_sizes.into_array(),
            self.packet_times_ns.into_array(),
        ];
        orig_traffic.finish(&mut arrays);
        resp_traffic.finish(&mut arrays);
        orig.finish(&mut arrays, Some(orig_side), has_counts);
        resp.finish(&mut arrays, Some(resp_side), has_counts);
        both.finish(&mut arrays, None, has_counts);
        RecordBatch::try_new(schema(has_counts), arrays)
    }
}

impl Traffic {
    fn push(&mut self, direction: &Direction) {
        self.packets.push(direction.packets);
        self.wire_bytes.push(direction.wire_bytes);
        self.payload_bytes.push(direction.stream.payload_bytes());
        self.missed_bytes.push(direction.stream.missed_bytes());
        self.retransmitted_bytes.push(direction.stream.retransmitted_bytes());
    }

    fn finish(self, arrays: &mut Vec<ArrayRef>) {
        arrays.extend([
            self.packets.into_array(),
            self.wire_bytes.into_array(),
            self.payload_bytes.into_array(),
            self.missed_bytes.into_array(),
            self.retransmitted_bytes.into_array(),
        ]);
    }
}

impl Side {
    /// Gaps within what was measured, its first bytes, its segments and how its opaque bytes are coded.
    fn push(&mut self, direction: &Direction, meters: &Meters, is_orig: bool, sources: &[String]) {
        let side = usize::from(!is_orig);
        let measured = meters.lengths()[side];
        let gaps = direction.stream.gaps();
        let inside = &gaps[..gaps.partition_point(|gap| gap.0 <= measured)];
        self.gap_offsets.push(inside.iter().map(|gap| gap.0));
        self.gap_bytes.push(inside.iter().map(|gap| gap.1));
        self.head.push(meters.heads()[side]);
        self.push_segments(meters.segments()[side], measured, sources);
        let coding = meters.coding()[side];
        self.coding.push_slice(coding);
        let rests_on = if coding.is_empty() { 0 } else { meters.segments()[side].opaque().len() };
        self.coding_bytes.push(rests_on as u64);
    }

    fn push_segments(&mut self, segments: &Segments, measured: u64, sources: &[String]) {
        let found = segments.found();
        // Each segment ends where the next begins.
        let ends = found.iter().skip(1).map(|next| next.start).chain([measured]);
        self.segment_ends.push(ends.take(found.len()));
        self.segment_kinds.push(found.iter().map(|segment| segment.kind.name()));
        self.segment_packets.push(found.iter().map(|segment| segment.packet.number));
        let files = found.iter().map(|segment| segment.packet.file);
        self.segment_sources.push(files.map(|file| source_name(sources, file)));
    }
}

impl Measures {
    fn push(&mut self, meter: &Meter, sources: &[String], has_counts: bool) {
        self.measured_bytes.push(meter.len());
        self.entropy.push_option(meter.entropy());
        self.trajectory.push_slice(meter.trajectory());
        self.block_entropy.push_slice(meter.block_entropy());
        let crossings = meter.crossings();
        self.crossing_offsets.push(crossings.iter().map(|crossing| crossing.offset));
        self.crossing_packets.push(crossings.iter().map(|crossing| crossing.packet.number));
        let files = crossings.iter().map(|crossing| crossing.packet.file);
        self.crossing_sources.push(files.map(|file| source_name(sources, file)));
        let scalars = meter.scalars();
        self.printable_share.push_option(scalars.map(|s| s.printable_share));
        self.set_bits_per_byte.push_option(scalars.map(|s| s.set_bits_per_byte));
        self.distinct_bytes.push_option(scalars.map(|s| s.distinct_bytes));
        self.chi_square.push_option(scalars.map(|s| s.chi_square));
        self.serial_correlation.push_option(scalars.and_then(|s| s.serial_correlation));
        if has_counts {
            self.counts.push_slice(&meter.counts());
        }
    }

    fn finish(self, arrays: &mut Vec<ArrayRef>, side: Option<Side>, has_counts: bool) {
        arrays.extend([
            self.measured_bytes.into_array(),
            self.entropy.into_array(),
            self.trajectory.into_array(),
            self.block_entropy.into_array(),
            self.crossing_offsets.into_array(),
            self.crossing_packets.into_array(),
            self.crossing_sources.into_array(),
        ]);
        if let Some(side) = side {
            arrays.extend([
                side.gap_offsets.into_array(),
                side.gap_bytes.into_array(),
                side.head.into_array(),
                side.segment_ends.into_array(),
                side.segment_kinds.into_array(),
                side.segment_packets.into_array(),
                side.segment_sources.into_array(),
                side.coding.into_array(),
                side.coding_bytes.into_array(),
            ]);
        }
        arrays.extend([
            self.printable_share.into_array(),
            self.set_bits_per_byte.into_array(),
            self.distinct_bytes.into_array(),
            self.chi_square.into_array(),
            self.serial_correlation.into_array(),
        ]);
        if has_counts {
            arrays.push(self.counts.into_array());
        }
    }
}

/// The name of a transport protocol in records.
#[must_use]
pub fn proto_name(proto: u8) -> &'static str {
    match proto {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        58 => "icmp6",
        132 => "sctp",
        _ => "other",
    }
}

/// The name of an input file by its index.
#[must_use]
pub fn source_name(sources: &[String], file: u32) -> &str {
    sources.get(file as usize).map_or("", String::as_str)
}

fn write_address(text: &mut String, address: &[u8; 16], is_v6: bool) {
    // Writing to a String cannot fail.
    if is_v6 {
        let _ = write!(text, "{}", Ipv6Addr::from(*address));
        return;
    }
    // The formatter of the standard library takes ten times as long, and this runs twice a flow.
    for (at, &byte) in address[..4].iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        if byte >= 100 {
            text.push(char::from(b'0' + byte / 100));
        }
        if byte >= 10 {
            text.push(char::from(b'0' + byte / 10 % 10));
        }
        text.push(char::from(b'0' + byte % 10));
    }
}

/// The Arrow schema of flow records.
#[must_use]
pub fn schema(has_counts: bool) -> SchemaRef {
    let mut fields = identity_fields();
    for prefix in ["orig_", "resp_"] {
        for name in
            ["packets", "wire_bytes", "payload_bytes", "missed_bytes", "retransmitted_bytes"]
        {
            fields.push(field(prefix, name, DataType::UInt64));
        }
    }
    for prefix in ["orig_", "resp_", "both_"] {
        measure_fields(prefix, has_counts, &mut fields);
    }
    Arc::new(Schema::new(fields))
}

fn field(prefix: &str, name: &str, kind: DataType) -> Field {
    Field::new(format!("{prefix}{name}"), kind, false)
}

fn list(item: DataType) -> DataType {
    DataType::List(item_field(item))
}

fn identity_fields() -> Vec<Field> {
    let kinds = [
        ("uid", DataType::Utf8),
        ("community_id", DataType::Utf8),
        ("source", DataType::Utf8),
        ("ts_first_ns", DataType::Int64),
        ("ts_last_ns", DataType::Int64),
        ("first_packet", DataType::UInt64),
        ("proto", DataType::Utf8),
        ("orig_ip", DataType::Utf8),
        ("orig_port", DataType::UInt16),
        ("resp_ip", DataType::Utf8),
        ("resp_port", DataType::UInt16),
        ("vlan", DataType::UInt16),
        ("vlan_inner", DataType::UInt16),
        ("tunnels", DataType::Utf8),
        ("end_reason", DataType::Utf8),
        ("history", DataType::Utf8),
        ("is_midstream", DataType::Boolean),
        ("weirds", list(DataType::Utf8)),
        ("conflicting_overlaps", DataType::UInt64),
        ("packet_sizes", list(DataType::Int32)),
        ("packet_times_ns", list(DataType::Int64)),
    ];
    let with_nulls = |name: &str| name.starts_with("vlan");
    kinds.into_iter().map(|(name, kind)| Field::new(name, kind, with_nulls(name))).collect()
}

fn measure_fields(prefix: &str, has_counts: bool, fields: &mut Vec<Field>) {
    let nullable = |name: &str, kind| field(prefix, name, kind).with_nullable(true);
    fields.push(field(prefix, "measured_bytes", DataType::UInt64));
    fields.push(nullable("entropy", DataType::Float64));
    fields.push(field(prefix, "trajectory", list(DataType::Float64)));
    fields.push(field(prefix, "block_entropy", list(DataType::Float64)));
    fields.push(field(prefix, "crossing_offsets", list(DataType::UInt64)));
    fields.push(field(prefix, "crossing_packets", list(DataType::UInt64)));
    fields.push(field(prefix, "crossing_sources", list(DataType::Utf8)));
    if prefix != "both_" {
        fields.push(field(prefix, "gap_offsets", list(DataType::UInt64)));
        fields.push(field(prefix, "gap_bytes", list(DataType::UInt64)));
        fields.push(field(prefix, "head", DataType::Binary));
        fields.push(field(prefix, "segment_ends", list(DataType::UInt64)));
        fields.push(field(prefix, "segment_kinds", list(DataType::Utf8)));
        fields.push(field(prefix, "segment_packets", list(DataType::UInt64)));
        fields.push(field(prefix, "segment_sources", list(DataType::Utf8)));
        fields.push(field(prefix, "coding", list(DataType::Float32)));
        fields.push(field(prefix, "coding_bytes", DataType::UInt64));
    }
    fields.push(nullable("printable_share", DataType::Float64));
    fields.push(nullable("set_bits_per_byte", DataType::Float64));
    fields.push(nullable("distinct_bytes", DataType::UInt16));
    fields.push(nullable("chi_square", DataType::Float64));
    fields.push(nullable("serial_correlation", DataType::Float64));
    if has_counts {
        fields.push(field(prefix, "counts", list(DataType::UInt64)));
    }
}
