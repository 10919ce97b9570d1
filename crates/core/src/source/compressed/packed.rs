//! The stored bytes of a compressed file: buffered, counted, and open to a look ahead.

use crate::source::opening::reason;
use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Bytes read at a time; decoders take them in portions of their own.
const BUFFER_BYTES: usize = 128 << 10;

/// A buffered reader that counts what is consumed.
pub(crate) struct Packed {
    inner: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    consumed: u64,
    ran_dry: bool,
    error: Option<String>,
    progress: Arc<AtomicU64>,
}

impl Packed {
    /// Read `first`, which was read already, and then `inner`; what is consumed is also written
    /// to `progress`.
    pub fn new(first: Vec<u8>, inner: Box<dyn Read + Send>, progress: Arc<AtomicU64>) -> Self {
        let end = first.len();
        let mut buffer = first;
        buffer.resize(end.max(BUFFER_BYTES), 0);
        Self { inner, buffer, start: 0, end, consumed: 0, ran_dry: false, error: None, progress }
    }

    /// Bytes consumed so far.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Whether more was asked for at the end of the input.
    pub fn ran_dry(&self) -> bool {
        self.ran_dry
    }

    /// What the input itself failed with, as opposed to what a decoder made of it.
    pub fn error(&self) -> Option<String> {
        self.error.clone()
    }

    /// The next bytes, at least `count` unless the input ends; `count` must be small.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.refill()? == 0 {
                break;
            }
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn refill(&mut self) -> io::Result<usize> {
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.inner.read(room) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(reason(&error));
                    return Err(error);
                }
            }
        }
    }
}

impl Read for Packed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let here = self.fill_buf()?;
        let count = here.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), here.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.refill()? == 0 {
                self.ran_dry = true;
            }
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.consumed += count as u64;
        self.progress.store(self.consumed, Ordering::Relaxed);
    }
}
