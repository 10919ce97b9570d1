//! One input as a source: opened, told apart, unpacked and parsed.
//!
//! The bytes are read straight into the buffer that a chunk then owns, so a packet is never
//! copied. What a chunk leaves over is carried to the next one: the shorter of the two parts
//! moves, and buffers change hands with their lengths, so that nothing is zeroed again.

use super::compressed::{Decompressor, Packed, Stop};
use super::container::{self, Container, Format, Pause, Sink, Window};
use super::faults::{id, FaultLog};
use super::opening::{self, Input, Stored};
use super::{Source, SourceSettings};
use crate::error::{Fault, Severity};
use crate::limits::{FOLLOW_POLL_MS, READ_BYTES};
use crate::packet::Chunk;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// Fewest bytes that are read at a time.
const MIN_READ_BYTES: usize = 64 << 10;

/// A buffer above this is not kept for the next chunk: one large packet must not cost its memory
/// for the rest of the file.
const MAX_KEPT_BYTES: usize = 4 << 20;

/// Where the bytes of the container come from.
enum Feed {
    Closed,
    Stored(Stored),
    Unpacked(Box<Decompressor>),
}

/// How far the input is understood.
enum Stage {
    Unopened,
    Detecting,
    Parsing(Container),
    Over,
}

/// What an attempt to read more came to.
#[derive(PartialEq, Eq)]
enum Supply {
    Bytes,
    End,
    /// Nothing yet, but the file may grow.
    Wait,
}

/// A source of the packets of one input.
pub(crate) struct FileSource {
    input: Input,
    file: u32,
    settings: SourceSettings,
    /// Bytes read at a time.
    read_bytes: usize,
    feed: Feed,
    /// Whether reading may wait for a writer at the other end.
    is_pipe: bool,
    stage: Stage,
    /// Bytes of the container: `buffer[at..filled]` are still to be parsed.
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    /// Offset in the container of the first byte of the buffer.
    base: u64,
    is_at_end: bool,
    /// Why the bytes ended, where that is a fault.
    stop: Option<Stop>,
    /// Compressed bytes consumed.
    packed: Arc<AtomicU64>,
    log: FaultLog,
}

impl FileSource {
    /// A source of the packets of `input`, which is the one numbered `file`; nothing is opened
    /// before the first packet is asked for.
    pub fn new(input: Input, file: u32, settings: SourceSettings) -> Self {
        Self {
            log: FaultLog::new(file, input.name()),
            input,
            file,
            settings,
            read_bytes: READ_BYTES,
            feed: Feed::Closed,
            is_pipe: false,
            stage: Stage::Unopened,
            buffer: Vec::new(),
            at: 0,
            filled: 0,
            base: 0,
            is_at_end: false,
            stop: None,
            packed: Arc::new(AtomicU64::new(0)),
        }
    }

    /// A source of what `reader` yields, as if it were read from a pipe named `name`.
    pub fn of_reader(name: &str, reader: Box<dyn Read + Send>, settings: SourceSettings) -> Self {
        let mut source = Self::new(Input::File(name.into()), 0, settings);
        source.feed = Feed::Stored(Stored::Stream(reader));
        source.is_pipe = true;
        source.stage = Stage::Detecting;
        source
    }

    /// Read at most this many bytes at a time from now on.
    pub fn set_read_bytes(&mut self, read_bytes: usize) {
        self.read_bytes = read_bytes;
    }

    /// Parse and read until there is something to hand over; whether more may come.
    fn advance(&mut self, chunk: &mut Chunk, max: usize) -> bool {
        let mut has_read = false;
        loop {
            if self.settings.is_stopped() {
                self.stop_on_request();
            }
            let pause = match self.stage {
                Stage::Over => return false,
                Stage::Unopened => {
                    self.open();
                    continue;
                }
                Stage::Detecting => {
                    if self.detect() {
                        continue;
                    }
                    Pause::NeedsBytes
                }
                Stage::Parsing(_) => self.parse(chunk, max),
            };
            match pause {
                Pause::Full => return true,
                Pause::Over => {
                    self.finish();
                    return false;
                }
                // What is there is handed over before a second read, and before a read from a
                // pipe, which may block.
                Pause::NeedsBytes if !chunk.packets.is_empty() && (has_read || self.is_pipe) => {
                    return true;
                }
                Pause::NeedsBytes => {}
            }
            has_read = true;
            if self.supply(chunk.packets.len(), max) == Supply::Wait {
                if chunk.packets.is_empty() && !self.settings.is_stopped() {
                    std::thread::sleep(Duration::from_millis(FOLLOW_POLL_MS));
                }
                return true;
            }
        }
    }

    fn open(&mut self) {
        match opening::open(&self.input, &self.settings.stop) {
            Ok(stored) => {
                self.is_pipe = matches!(stored, Stored::Stream(_));
                self.feed = Feed::Stored(stored);
                self.stage = Stage::Detecting;
            }
            Err((id, text)) => self.refuse(id, text),
        }
    }

    /// Find out what the bytes are; `false` if more of them are needed first.
    fn detect(&mut self) -> bool {
        let data = self.buffer.get(self.at..self.filled).unwrap_or_default();
        match container::detect(data, self.is_at_end, self.settings.resync) {
            Format::Unknown => return false,
            Format::Container(container) => self.stage = Stage::Parsing(container),
            Format::Compressed => self.unpack(),
            Format::Refused(id, text) => match self.stop.take() {
                // Nothing came out because of a fault that says more.
                Some(stop) if stop.severity > Severity::Warning => self.refuse(stop.id, stop.text),
                _ => self.refuse(id, text),
            },
        }
        true
    }

    /// The bytes are compressed: put a decompressor between them and the parser.
    fn unpack(&mut self) {
        let stored = match std::mem::replace(&mut self.feed, Feed::Closed) {
            Feed::Stored(stored) => stored,
            Feed::Closed | Feed::Unpacked(_) => {
                let text = "the compressed file holds a compressed file: unpack it once";
                return self.refuse(id::NESTED_COMPRESSION, text.into());
            }
        };
        if self.settings.follow && matches!(stored, Stored::File(_)) {
            let text = "a compressed file cannot be followed; it is read as it is";
            self.log.warn(id::CANNOT_FOLLOW, 0, text);
        }
        let first = self.buffer.get(..self.filled).unwrap_or_default().to_vec();
        let packed = Packed::new(first, stored.into_reader(), Arc::clone(&self.packed));
        let grace = self.settings.max_decompressed;
        self.feed = Feed::Unpacked(Box::new(Decompressor::new(packed, grace)));
        (self.at, self.filled, self.base) = (0, 0, 0);
        self.is_at_end = false;
    }

    fn parse(&mut self, chunk: &mut Chunk, max: usize) -> Pause {
        let Stage::Parsing(container) = &mut self.stage else {
            return Pause::Over;
        };
        let window = Window {
            data: self.buffer.get(..self.filled).unwrap_or_default(),
            base: self.base,
            is_last: self.is_at_end,
        };
        let mut sink =
            Sink { packets: &mut chunk.packets, max, file: self.file, log: &mut self.log };
        container.parse(&window, &mut self.at, &mut sink)
    }

    /// Read once, behind what is there; `packets` of `max` are in the chunk already.
    fn supply(&mut self, packets: usize, max: usize) -> Supply {
        if packets == 0 && self.at > 0 {
            self.buffer.copy_within(self.at..self.filled, 0);
            self.base += self.at as u64;
            self.filled -= self.at;
            self.at = 0;
        }
        let room = self.filled + self.wanted(max.saturating_sub(packets));
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let into = self.buffer.get_mut(self.filled..room).unwrap_or_default();
        let result = match &mut self.feed {
            Feed::Closed => Ok(0),
            Feed::Stored(stored) => stored.read(into).map_err(|e| Stop::read_error(&e)),
            Feed::Unpacked(decompressor) => decompressor.read(into),
        };
        match result {
            Ok(0) => self.end_of_bytes(),
            Ok(count) => {
                self.filled += count;
                Supply::Bytes
            }
            Err(stop) => {
                self.log.is_cut = stop.severity > Severity::Warning;
                self.stop = Some(stop);
                self.is_at_end = true;
                Supply::End
            }
        }
    }

    /// Bytes that about `packets` more packets take, as far as packets of this file tell.
    fn wanted(&self, packets: usize) -> usize {
        let seen = self.base + self.at as u64;
        let wanted = match seen.checked_div(self.log.packets) {
            Some(mean) => (packets as u64).saturating_mul(mean + 1),
            None => u64::MAX,
        };
        let most = self.read_bytes.max(MIN_READ_BYTES) as u64;
        wanted.clamp(MIN_READ_BYTES as u64, most) as usize
    }

    /// No bytes came: this is the end, unless the file is one that may grow.
    fn end_of_bytes(&mut self) -> Supply {
        if let (true, Feed::Stored(Stored::File(file))) = (self.settings.follow, &self.feed) {
            if !self.has_shrunk(file) {
                return Supply::Wait;
            }
            self.stop = Some(Stop {
                id: id::FILE_SHRANK,
                text: "the file became shorter while it was followed".into(),
                severity: Severity::Partial,
            });
            self.log.is_cut = true;
        }
        self.is_at_end = true;
        Supply::End
    }

    fn has_shrunk(&self, file: &File) -> bool {
        let read = self.base + self.filled as u64;
        file.metadata().is_ok_and(|metadata| metadata.len() < read)
    }

    /// Give the chunk the bytes of its packets, and keep what it leaves over.
    fn hand_over(&mut self, chunk: &mut Chunk, from: usize) {
        let rest = self.filled - self.at;
        if chunk.packets.is_empty() {
            return;
        }
        let taken = self.at - from;
        if rest > taken {
            copy_to_front(&mut chunk.data, self.buffer.get(from..self.at).unwrap_or_default());
            for packet in &mut chunk.packets {
                packet.start = packet.start.saturating_sub(from as u32);
            }
            return;
        }
        if chunk.data.capacity() > MAX_KEPT_BYTES && rest < MAX_KEPT_BYTES {
            chunk.data = Vec::new();
        }
        copy_to_front(&mut chunk.data, self.buffer.get(self.at..self.filled).unwrap_or_default());
        std::mem::swap(&mut chunk.data, &mut self.buffer);
        self.base += self.at as u64;
        (self.at, self.filled) = (0, rest);
    }

    fn refuse(&mut self, id: &'static str, text: String) {
        self.log.refuse(id, 0, text);
        self.finish();
    }

    fn stop_on_request(&mut self) {
        // What a pipe or its decoder says of an end that was asked for is no news.
        self.stop = None;
        if matches!(self.stage, Stage::Parsing(_)) {
            let offset = self.base + self.at as u64;
            // One who follows a file ends that by stopping; others leave something unread.
            if self.settings.follow {
                self.log.warn(id::STOPPED, offset, "following was stopped as asked");
            } else {
                self.log.end(id::STOPPED, offset, "reading was stopped as asked");
            }
        }
        self.finish();
    }

    /// Report what is still to be reported, and let go of the input.
    fn finish(&mut self) {
        let offset = self.base + self.at as u64;
        match self.stop.take() {
            Some(stop) if stop.severity == Severity::Warning => {
                self.log.warn(stop.id, offset, stop.text);
            }
            Some(stop) => self.log.end(stop.id, offset, stop.text),
            None => {}
        }
        self.log.close();
        self.feed = Feed::Closed;
        self.stage = Stage::Over;
    }
}

impl Source for FileSource {
    fn fill(&mut self, chunk: &mut Chunk, max_packets: usize) -> bool {
        // The bytes are not cleared: the buffer would have to be zeroed again.
        chunk.packets.clear();
        if self.at > 0 && self.at == self.filled {
            self.base += self.at as u64;
            (self.at, self.filled) = (0, 0);
        }
        let mut from = self.at;
        let base = self.base;
        let more = self.advance(chunk, max_packets.max(1));
        if self.base != base {
            from = 0;
        }
        self.hand_over(chunk, from);
        more
    }

    fn may_wait(&self) -> bool {
        self.is_pipe || !self.input.is_regular()
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        self.log.take()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let done = match self.packed.load(Ordering::Relaxed) {
            0 => self.base + self.at as u64,
            packed => packed,
        };
        let total = if self.settings.follow { None } else { self.input.size() };
        (done, total)
    }
}

/// Write `bytes` to the front of `buffer`, whose length never shrinks.
fn copy_to_front(buffer: &mut Vec<u8>, bytes: &[u8]) {
    match buffer.get_mut(..bytes.len()) {
        Some(front) => front.copy_from_slice(bytes),
        None => {
            buffer.clear();
            buffer.extend_from_slice(bytes);
        }
    }
}
