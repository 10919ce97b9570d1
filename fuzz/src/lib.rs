//! What the fuzz targets share: captures in memory, and an engine run to its end with its sums
//! checked.

use std::io::Cursor;

use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray, RecordBatch};
use wiretropy_core::decode::Decoder;
use wiretropy_core::engine::{Account, Engine, EngineSettings, Output, Summary, TraceRequest};
use wiretropy_core::flow::{ShardSettings, Timeouts};
use wiretropy_core::meter::MeterSettings;
use wiretropy_core::source::{of_reader, Source, SourceSettings};

/// Bytes that a compressed input may unpack to: enough to pass every buffer boundary once, little
/// enough that a bomb does not make the fuzzer slow.
const MAX_DECOMPRESSED: u64 = 4 << 20;

const SECOND_NS: i64 = 1_000_000_000;

/// A source of the packets in `bytes`.
pub fn source_of(bytes: &[u8], resync: bool) -> Box<dyn Source> {
    let settings = SourceSettings {
        resync,
        max_decompressed: Some(MAX_DECOMPRESSED),
        ..SourceSettings::default()
    };
    of_reader("capture", Cursor::new(bytes.to_vec()), settings)
}

/// Choices that decide what an engine does with the same capture.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    pub depth: Option<u64>,
    pub max_flows: usize,
    pub max_held_bytes: usize,
    pub active_ns: Option<i64>,
    pub is_traced: bool,
    pub verify_checksums: bool,
    pub decap: bool,
}

impl Choices {
    /// Settings from one byte, so that a plain capture can be a seed.
    pub fn of(byte: u8) -> Self {
        let bit = |at: u8| byte & (1 << at) != 0;
        Self {
            depth: [Some(65_536), None, Some(100), Some(0)][usize::from(byte & 3)],
            max_flows: if bit(2) { 8 } else { 1 << 20 },
            max_held_bytes: if bit(3) { 4096 } else { 1 << 30 },
            active_ns: bit(4).then_some(SECOND_NS),
            is_traced: bit(5),
            verify_checksums: bit(6),
            decap: !bit(7),
        }
    }

    fn settings(self) -> EngineSettings {
        EngineSettings {
            shard: ShardSettings {
                meter: MeterSettings { depth: self.depth, threshold: 7.9 },
                timeouts: Timeouts {
                    tcp_ns: 300 * SECOND_NS,
                    closed_ns: 10 * SECOND_NS,
                    other_ns: 60 * SECOND_NS,
                    active_ns: self.active_ns,
                },
                max_flows: self.max_flows,
                max_held_bytes: self.max_held_bytes,
            },
            decoder: Decoder { decap: self.decap, verify_checksums: self.verify_checksums },
            filters: None,
            threads: 1,
            has_counts: true,
            trace: if self.is_traced { TraceRequest::Everything } else { TraceRequest::Nothing },
            sources: vec!["capture".into()],
        }
    }
}

/// Run an engine over `source`, check that its sums add up, and return its flow records.
pub fn run(source: Box<dyn Source>, choices: Choices) -> (Vec<RecordBatch>, Summary) {
    let mut engine = Engine::new(source, choices.settings());
    let mut batches = vec![];
    while let Some(output) = engine.next_output() {
        if let Output::Flows(batch) = output {
            batches.push(batch);
        }
    }
    let summary = engine.summary();
    check_sums(&summary, &batches);
    batches.iter().for_each(check_entropies);
    (batches, summary)
}

fn check_sums(summary: &Summary, batches: &[RecordBatch]) {
    for account in [&summary.packets, &summary.bytes] {
        assert_eq!(account.seen, accounted(account), "{account:?}");
    }
    let payload = summary.payload;
    let left_out = payload.beyond_depth
        + payload.repeated
        + payload.before_start
        + payload.out_of_window
        + payload.late;
    assert_eq!(payload.seen, payload.measured + left_out, "{payload:?}");
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(summary.created, rows as u64, "flows created and handed over");
    assert_eq!(summary.created, summary.ended.values().sum::<u64>(), "{:?}", summary.ended);
    let sum = |name: &str| batches.iter().map(|batch| column_sum(batch, name)).sum::<u64>();
    let measured = sum("orig_measured_bytes") + sum("resp_measured_bytes");
    assert_eq!(payload.measured, measured, "measured bytes of the records");
    assert_eq!(payload.measured, sum("both_measured_bytes"));
    let packets = sum("orig_packets") + sum("resp_packets");
    assert_eq!(summary.packets.decoded, packets, "packets of the records");
    let seen = sum("orig_payload_bytes") + sum("resp_payload_bytes");
    assert_eq!(payload.measured + payload.beyond_depth, seen, "payload bytes of the records");
}

fn accounted(account: &Account) -> u64 {
    let undecoded: u64 = account.undecoded.values().sum();
    let skipped: u64 = account.skipped.values().sum();
    account.decoded + undecoded + skipped
}

fn column_sum(batch: &RecordBatch, name: &str) -> u64 {
    numbers::<UInt64Type>(batch, name).iter().flatten().sum()
}

fn numbers<'a, T: ArrowPrimitiveType>(batch: &'a RecordBatch, name: &str) -> &'a PrimitiveArray<T> {
    let column = batch.column_by_name(name).expect("a column of the schema");
    column.as_any().downcast_ref().expect("a column of numbers")
}

fn check_entropies(batch: &RecordBatch) {
    let first = numbers::<arrow_array::types::Int64Type>(batch, "ts_first_ns");
    let last = numbers::<arrow_array::types::Int64Type>(batch, "ts_last_ns");
    assert!(first.values().iter().zip(last.values()).all(|(first, last)| first <= last));
    for side in ["orig", "resp", "both"] {
        let entropy = numbers::<Float64Type>(batch, &format!("{side}_entropy"));
        check_range(entropy);
        for kind in ["trajectory", "block_entropy"] {
            let column = batch.column_by_name(&format!("{side}_{kind}")).expect("a column");
            let lists = column.as_any().downcast_ref::<arrow_array::ListArray>().expect("lists");
            check_range(lists.values().as_any().downcast_ref().expect("numbers"));
        }
    }
}

fn check_range(entropies: &PrimitiveArray<Float64Type>) {
    assert!(entropies.iter().flatten().all(|bits| (0.0..=8.0).contains(&bits)));
}
