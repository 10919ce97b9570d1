//! Decoders of one member that lose nothing: what was unpacked before an error is handed over
//! before the error is.

use super::packed::Packed;
use std::io::{self, BufRead, ErrorKind, Read};
use zstd::stream::raw::{InBuffer, Operation, OutBuffer};

/// What a decoder did in one step.
pub(crate) struct Step {
    consumed: usize,
    produced: usize,
    /// Whether the member is over.
    outcome: io::Result<bool>,
}

/// Turns compressed bytes into others, as many as fit.
pub(crate) trait Decode {
    fn step(&mut self, input: &[u8], into: &mut [u8]) -> Step;
}

/// A gzip member, its checksum included.
pub(crate) struct Gzip(flate2::Decompress);

impl Gzip {
    pub fn new() -> Self {
        // 15: a window of 32 KiB, the largest that deflate has.
        Self(flate2::Decompress::new_gzip(15))
    }
}

impl Decode for Gzip {
    fn step(&mut self, input: &[u8], into: &mut [u8]) -> Step {
        let (consumed, produced) = (self.0.total_in(), self.0.total_out());
        let result = self.0.decompress(input, into, flate2::FlushDecompress::None);
        Step {
            consumed: (self.0.total_in() - consumed) as usize,
            produced: (self.0.total_out() - produced) as usize,
            outcome: match result {
                Ok(status) => Ok(status == flate2::Status::StreamEnd),
                Err(error) => Err(io::Error::new(
                    ErrorKind::InvalidData,
                    error.message().unwrap_or("invalid deflate data").to_owned(),
                )),
            },
        }
    }
}

/// A Zstandard frame.
pub(crate) struct Zstandard {
    decoder: zstd::stream::raw::Decoder<'static>,
    /// Bytes to offer it next.
    portion: usize,
}

/// Bytes of a Zstandard block header.
const BLOCK_HEADER_BYTES: usize = 3;

impl Zstandard {
    pub fn new() -> io::Result<Self> {
        Ok(Self { decoder: zstd::stream::raw::Decoder::new()?, portion: 1 })
    }
}

impl Decode for Zstandard {
    fn step(&mut self, input: &[u8], into: &mut [u8]) -> Step {
        // The decoder forgets what it unpacked in a step that ends in an error. So it is offered
        // what it needs for one block at a time, without the header of the next block that it
        // asks for too: then an error is in a step of its own.
        let portion = input.get(..self.portion).unwrap_or(input);
        let mut input = InBuffer::around(portion);
        let mut output = OutBuffer::around(into);
        let outcome = self.decoder.run(&mut input, &mut output);
        if let Ok(expected) = outcome {
            let without_header = expected.saturating_sub(BLOCK_HEADER_BYTES);
            self.portion = if without_header > 0 { without_header } else { expected.max(1) };
        }
        Step {
            consumed: input.pos(),
            produced: output.pos(),
            // 0 bytes are expected next: the frame is over.
            outcome: outcome.map(|expected| expected == 0),
        }
    }
}

/// Reads one member of a compressed file.
pub(crate) struct MemberReader<D> {
    input: Packed,
    decoder: D,
    is_over: bool,
    failed: Option<io::Error>,
}

impl<D> MemberReader<D> {
    pub fn new(input: Packed, decoder: D) -> Self {
        Self { input, decoder, is_over: false, failed: None }
    }

    pub fn get_ref(&self) -> &Packed {
        &self.input
    }

    pub fn into_inner(self) -> Packed {
        self.input
    }
}

impl<D: Decode> Read for MemberReader<D> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.is_over && !into.is_empty() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let input = self.input.fill_buf()?;
            let is_dry = input.is_empty();
            let step = self.decoder.step(input, into);
            self.input.consume(step.consumed);
            match step.outcome {
                Ok(is_over) => self.is_over = is_over,
                Err(error) => self.failed = Some(error),
            }
            if step.produced > 0 {
                return Ok(step.produced);
            }
            if step.consumed == 0 && !self.is_over && self.failed.is_none() {
                self.failed = Some(if is_dry {
                    ErrorKind::UnexpectedEof.into()
                } else {
                    io::Error::new(ErrorKind::InvalidData, "the decoder makes no progress")
                });
            }
        }
        Ok(0)
    }
}
