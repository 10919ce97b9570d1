//! Packet rows of traced flows: where each packet left the entropy of its flow.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::types::{Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::columns::{Flags, Numbers, Texts};
use crate::flow::Flow;
use crate::identity::uid;
use crate::meter::PacketRef;
use crate::record::source_name;

/// Which flows are traced.
#[derive(Clone, Debug, Default)]
pub enum TraceRequest {
    /// None.
    #[default]
    Nothing,
    /// All.
    Everything,
    /// Those with these uids.
    Uids(HashSet<String>),
}

impl TraceRequest {
    /// Whether a flow that begins is wanted.
    #[must_use]
    pub fn wants(&self, flow: &Flow) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Uids(uids) => uids.contains(&uid(flow)),
        }
    }
}

/// One packet of a traced flow.
pub struct TraceRow {
    /// Place among all packets of the one that completed it, which is its own unless it is a fragment.
    pub index: u64,
    /// Where the packet is.
    pub packet: PacketRef,
    /// Its time.
    pub ts_ns: i64,
    /// The state of its flow after it.
    pub state: TraceState,
}

/// A flow's state after a packet.
#[derive(Clone)]
pub struct TraceState {
    uid: String,
    is_orig: bool,
    payload_bytes: u32,
    lengths: [u64; 2],
    entropies: [Option<f64>; 3],
}

impl TraceState {
    /// The state of `flow` after a packet with `payload_bytes` of payload.
    pub fn of(flow: &Flow, is_orig: bool, payload_bytes: u32) -> Option<Self> {
        let meters = flow.payload.meters()?;
        Some(Self {
            uid: uid(flow),
            is_orig,
            payload_bytes,
            lengths: meters.lengths(),
            entropies: meters.entropies(),
        })
    }
}

/// Packet rows as an Arrow record batch.
///
/// # Errors
///
/// If the columns do not fit the schema, which would be a mistake in this module.
pub fn batch(rows: &[TraceRow], sources: &[String]) -> Result<RecordBatch, ArrowError> {
    let (mut uids, mut files) = (Texts::default(), Texts::default());
    let mut number = Numbers::<UInt64Type>::default();
    let mut ts_ns = Numbers::<Int64Type>::default();
    let mut is_orig = Flags::default();
    let mut payload = Numbers::<UInt32Type>::default();
    let mut lengths: [Numbers<UInt64Type>; 2] = Default::default();
    let mut entropies: [Numbers<Float64Type>; 3] = Default::default();
    for row in rows {
        uids.push(&row.state.uid);
        files.push(source_name(sources, row.packet.file));
        number.push(row.packet.number);
        ts_ns.push(row.ts_ns);
        is_orig.push(row.state.is_orig);
        payload.push(row.state.payload_bytes);
        for (column, &value) in lengths.iter_mut().zip(&row.state.lengths) {
            column.push(value);
        }
        for (column, &value) in entropies.iter_mut().zip(&row.state.entropies) {
            column.push_option(value);
        }
    }
    let mut arrays = vec![
        uids.into_array(),
        files.into_array(),
        number.into_array(),
        ts_ns.into_array(),
        is_orig.into_array(),
        payload.into_array(),
    ];
    arrays.extend(lengths.map(Numbers::into_array));
    arrays.extend(entropies.map(Numbers::into_array));
    RecordBatch::try_new(Arc::new(schema()), arrays)
}

fn schema() -> Schema {
    let fields = [
        ("uid", DataType::Utf8),
        ("source", DataType::Utf8),
        ("number", DataType::UInt64),
        ("ts_ns", DataType::Int64),
        ("is_orig", DataType::Boolean),
        ("payload_bytes", DataType::UInt32),
        ("orig_offset", DataType::UInt64),
        ("resp_offset", DataType::UInt64),
        ("orig_entropy", DataType::Float64),
        ("resp_entropy", DataType::Float64),
        ("both_entropy", DataType::Float64),
    ];
    let with_nulls = |name: &str| name.ends_with("entropy");
    Schema::new(fields.map(|(name, kind)| Field::new(name, kind, with_nulls(name))).to_vec())
}
