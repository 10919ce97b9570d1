//! Frames of a capture by number: the last pass, when it is known which packets are wanted.

use std::sync::Arc;

use arrow_array::types::{Int64Type, UInt16Type, UInt32Type, UInt64Type, UInt8Type};
use arrow_array::{ArrayRef, BinaryArray, RecordBatch};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::columns::Numbers;
use crate::error::Fault;
use crate::limits::{EPOCH_PACKETS, READ_BYTES};
use crate::packet::{Chunk, RawPacket};
use crate::source::Source;

/// Reads the wanted frames of one capture.
pub struct FrameReader {
    source: Box<dyn Source>,
    numbers: std::vec::IntoIter<u64>,
    wanted: Option<u64>,
    chunk: Chunk,
    has_more: bool,
}

#[derive(Default)]
struct Rows {
    number: Numbers<UInt64Type>,
    ts_ns: Numbers<Int64Type>,
    link_type: Numbers<UInt16Type>,
    fcs_len: Numbers<UInt8Type>,
    origlen: Numbers<UInt32Type>,
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl FrameReader {
    /// A reader of the packets with these numbers, counted from 1 and ascending.
    #[must_use]
    pub fn new(source: Box<dyn Source>, numbers: Vec<u64>) -> Self {
        let mut numbers = numbers.into_iter();
        let wanted = numbers.next();
        Self { source, numbers, wanted, chunk: Chunk::default(), has_more: true }
    }

    /// The next frames, about a megabyte at a time; none when all were read.
    ///
    /// # Errors
    ///
    /// If the columns do not fit the schema, which would be a mistake in this module.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let mut rows = Rows { offsets: vec![0], ..Rows::default() };
        while self.has_more && self.wanted.is_some() && rows.bytes.len() < READ_BYTES {
            self.has_more = self.source.fill(&mut self.chunk, EPOCH_PACKETS);
            for packet in &self.chunk.packets {
                // Numbers that the capture does not have are passed over.
                while self.wanted.is_some_and(|wanted| wanted < packet.number) {
                    self.wanted = self.numbers.next();
                }
                if self.wanted == Some(packet.number) {
                    rows.push(packet, self.chunk.bytes(packet));
                    self.wanted = self.numbers.next();
                }
            }
        }
        if rows.bytes.is_empty() && rows.offsets.len() == 1 {
            return Ok(None);
        }
        rows.finish().map(Some)
    }

    /// Faults of the capture met so far; each is handed over once.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        self.source.take_faults()
    }
}

impl Rows {
    fn push(&mut self, packet: &RawPacket, frame: &[u8]) {
        self.number.push(packet.number);
        self.ts_ns.push(packet.ts_ns);
        self.link_type.push(packet.link.0);
        self.fcs_len.push(packet.fcs_len);
        self.origlen.push(packet.origlen);
        self.bytes.extend_from_slice(frame);
        self.offsets.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
    }

    fn finish(self) -> Result<RecordBatch, ArrowError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let frames = BinaryArray::new(offsets, Buffer::from_vec(self.bytes), None);
        let arrays: Vec<ArrayRef> = vec![
            self.number.into_array(),
            self.ts_ns.into_array(),
            self.link_type.into_array(),
            self.fcs_len.into_array(),
            self.origlen.into_array(),
            Arc::new(frames),
        ];
        let fields = [
            ("number", DataType::UInt64),
            ("ts_ns", DataType::Int64),
            ("link_type", DataType::UInt16),
            ("fcs_len", DataType::UInt8),
            ("origlen", DataType::UInt32),
            ("frame", DataType::Binary),
        ];
        let fields = fields.map(|(name, kind)| Field::new(name, kind, false)).to_vec();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}
