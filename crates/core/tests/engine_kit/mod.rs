//! What the tests of the engine share: frames of conversations, captures, and whole runs.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow_array::{Array, ArrayRef, RecordBatch};
use wiretropy_core::decode::Decoder;
use wiretropy_core::engine::{Engine, EngineSettings, Output, Summary, TraceRequest};
use wiretropy_core::error::Fault;
use wiretropy_core::flow::{ShardSettings, Timeouts};
use wiretropy_core::meter::MeterSettings;
use wiretropy_core::packet::{Chunk, LinkType, RawPacket};
use wiretropy_core::source::Source;

pub const SECOND_NS: i64 = 1_000_000_000;
pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

/// A frame with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    pub ts_ns: i64,
    pub frame: Vec<u8>,
    pub origlen: u32,
}

/// A TCP segment on its way to becoming a raw IPv4 packet.
#[derive(Clone, Debug)]
pub struct Tcp<'a> {
    pub from: (u32, u16),
    pub to: (u32, u16),
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub payload: &'a [u8],
    /// Payload bytes that the IP header claims beyond those that are there.
    pub beyond: u16,
}

impl Tcp<'_> {
    pub fn packet(&self, ts_ns: i64) -> Timed {
        let length = 40 + self.payload.len() + usize::from(self.beyond);
        let mut frame = ipv4(self.from.0, self.to.0, 6, length as u16, 0);
        frame.extend(self.from.1.to_be_bytes());
        frame.extend(self.to.1.to_be_bytes());
        frame.extend(self.seq.to_be_bytes());
        frame.extend(self.ack.to_be_bytes());
        frame.extend([0x50, self.flags]);
        frame.extend(self.window.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(self.payload);
        Timed { ts_ns, origlen: length as u32, frame }
    }
}

/// An IPv4 header; `fragment` is the field with flags and offset.
pub fn ipv4(from: u32, to: u32, proto: u8, total_len: u16, fragment: u16) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend(total_len.to_be_bytes());
    header.extend([0, 7]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, proto, 0, 0]);
    header.extend(from.to_be_bytes());
    header.extend(to.to_be_bytes());
    header
}

/// A UDP datagram in IPv4.
pub fn udp(from: (u32, u16), to: (u32, u16), payload: &[u8], ts_ns: i64) -> Timed {
    let length = 8 + payload.len() as u16;
    let mut frame = ipv4(from.0, to.0, 17, 20 + length, 0);
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    Timed { ts_ns, origlen: frame.len() as u32, frame }
}

/// Yields raw IP packets, at most `portion` at a time; they are made when they are asked for.
pub struct Script<I: Iterator<Item = Timed>> {
    packets: std::iter::Peekable<I>,
    portion: usize,
    given: u64,
}

impl<I: Iterator<Item = Timed> + Send + 'static> Script<I> {
    // Engines take sources boxed, so that is what a script is made as.
    #[allow(clippy::new_ret_no_self)]
    pub fn new<P>(packets: P, portion: usize) -> Box<dyn Source>
    where
        P: IntoIterator<IntoIter = I, Item = Timed>,
        I::Item: Send,
    {
        Box::new(Self { packets: packets.into_iter().peekable(), portion, given: 0 })
    }
}

impl<I: Iterator<Item = Timed> + Send> Source for Script<I> {
    fn fill(&mut self, chunk: &mut Chunk, max_packets: usize) -> bool {
        chunk.clear();
        let count = max_packets.min(self.portion);
        for packet in self.packets.by_ref().take(count) {
            self.given += 1;
            chunk.packets.push(RawPacket {
                ts_ns: packet.ts_ns,
                number: self.given,
                file: 0,
                start: chunk.data.len() as u32,
                caplen: packet.frame.len() as u32,
                origlen: packet.origlen,
                link: LinkType(101),
                fcs_len: 0,
            });
            chunk.data.extend(packet.frame);
        }
        self.packets.peek().is_some()
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        vec![]
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

/// The defaults of a scan.
pub fn settings() -> EngineSettings {
    EngineSettings {
        shard: ShardSettings {
            meter: MeterSettings { depth: Some(65_536), threshold: 7.9 },
            timeouts: Timeouts {
                tcp_ns: 300 * SECOND_NS,
                closed_ns: 10 * SECOND_NS,
                other_ns: 60 * SECOND_NS,
                active_ns: None,
            },
            max_flows: 1 << 20,
            max_held_bytes: 1 << 30,
        },
        decoder: Decoder::default(),
        filters: None,
        threads: 1,
        has_counts: true,
        trace: TraceRequest::Nothing,
        sources: vec!["capture".into()],
    }
}

/// Everything that an engine gave.
pub struct Run {
    pub batches: Vec<RecordBatch>,
    pub traces: Vec<RecordBatch>,
    pub summary: Summary,
}

/// Run to the end.
pub fn run(source: Box<dyn Source>, settings: EngineSettings) -> Run {
    let mut engine = Engine::new(source, settings);
    let (mut batches, mut traces) = (vec![], vec![]);
    while let Some(output) = engine.next_output() {
        match output {
            Output::Flows(batch) => batches.push(batch),
            Output::Trace(batch) => traces.push(batch),
            Output::Failed(error) => panic!("{error}"),
            Output::Idle => {}
        }
    }
    Run { batches, traces, summary: engine.summary() }
}

/// Run packets with the defaults.
pub fn measure(packets: &[Timed]) -> Run {
    run(Script::new(packets.to_vec(), 1000), settings())
}

impl Run {
    /// Flow records.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// One value of each flow, in the order of the output, whatever the batches.
    pub fn values(&self, column: &str) -> Vec<ArrayRef> {
        let mut values = vec![];
        for batch in &self.batches {
            let array = batch.column_by_name(column).expect(column);
            values.extend((0..array.len()).map(|row| array.slice(row, 1)));
        }
        values
    }

    /// Whether the named columns of all flows are the same in both.
    pub fn assert_same(&self, other: &Self, columns: &[String]) {
        for column in columns {
            assert_eq!(self.values(column), other.values(column), "{column}");
        }
    }

    /// Text of one column.
    pub fn texts(&self, column: &str) -> Vec<String> {
        let text = |array: &ArrayRef| {
            let texts = array.as_any().downcast_ref::<arrow_array::StringArray>();
            texts.unwrap().value(0).to_string()
        };
        self.values(column).iter().map(text).collect()
    }

    /// Numbers of one column.
    pub fn numbers(&self, column: &str) -> Vec<u64> {
        let number = |array: &ArrayRef| {
            array.as_any().downcast_ref::<arrow_array::UInt64Array>().unwrap().value(0)
        };
        self.values(column).iter().map(number).collect()
    }

    /// Check that every packet, byte and flow is accounted for.
    pub fn assert_adds_up(&self) {
        for account in [&self.summary.packets, &self.summary.bytes] {
            let others: u64 = account.undecoded.values().chain(account.skipped.values()).sum();
            assert_eq!(account.seen, account.decoded + others);
        }
        let payload = self.summary.payload;
        let left_out = payload.beyond_depth + payload.repeated + payload.before_start;
        let left_out = left_out + payload.out_of_window + payload.late;
        assert_eq!(payload.seen, payload.measured + left_out, "{payload:?}");
        assert_eq!(self.summary.created, self.rows() as u64);
        assert_eq!(self.summary.created, self.summary.ended.values().sum::<u64>());
        let sum = |column: &str| self.numbers(column).iter().sum::<u64>();
        assert_eq!(payload.measured, sum("orig_measured_bytes") + sum("resp_measured_bytes"));
        assert_eq!(self.summary.packets.decoded, sum("orig_packets") + sum("resp_packets"));
    }
}

/// Columns of one side, or of both, that say what was measured.
pub fn measure_columns(side: &str) -> Vec<String> {
    let names = [
        "measured_bytes",
        "entropy",
        "trajectory",
        "block_entropy",
        "crossing_offsets",
        "printable_share",
        "set_bits_per_byte",
        "distinct_bytes",
        "chi_square",
        "serial_correlation",
        "counts",
    ];
    names.iter().map(|name| format!("{side}_{name}")).collect()
}

/// Columns of one side that follow from its stream of bytes.
pub fn stream_columns(side: &str) -> Vec<String> {
    let mut names = measure_columns(side);
    let own = ["payload_bytes", "missed_bytes", "gap_offsets", "gap_bytes"];
    names.extend(own.iter().map(|name| format!("{side}_{name}")));
    names
}
