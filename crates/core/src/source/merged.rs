//! Several inputs read as one stream in time order.
//!
//! Files are put in the order of their first packets. As long as a file ends before the next
//! begins, its chunks pass through untouched. Where files overlap, their packets are merged by
//! the running maximum of the time within each file, so that no file's own order changes; ties
//! go to the file that began first. The stream is the same however it is cut into chunks.

use super::faults::{id, FaultLog};
use super::file::FileSource;
use super::opening::Input;
use super::{Source, SourceSettings};
use crate::error::{Fault, Severity};
use crate::limits::{EPOCH_PACKETS, MAX_OPEN_FILES, MERGE_READ_BYTES, READ_BYTES};
use crate::packet::{Chunk, RawPacket};
use std::collections::VecDeque;

/// A file whose time has not come.
struct Waiting {
    /// Time of its first packet; the largest there is if it has none.
    first_ns: i64,
    file: u32,
    input: Input,
    /// Pipes cannot be opened twice: they stay open from the first look on, with the packets
    /// that it took.
    opened: Option<Box<Open>>,
}

/// A file being read.
struct Open {
    source: FileSource,
    /// Place in the order of the files.
    rank: u32,
    /// Packets taken from the source but not yet yielded: those from `next` on.
    head: Chunk,
    next: usize,
    /// Largest time up to the packet before `next`.
    latest_ns: i64,
    is_over: bool,
}

impl Open {
    fn new(input: Input, file: u32, settings: SourceSettings) -> Self {
        Self {
            source: FileSource::new(input, file, settings),
            rank: 0,
            head: Chunk::default(),
            next: 0,
            latest_ns: i64::MIN,
            is_over: false,
        }
    }

    /// The next packet that was taken from the source.
    fn packet(&self) -> Option<&RawPacket> {
        self.head.packets.get(self.next)
    }

    /// What the next packet is sorted by.
    fn key(&self) -> Option<(i64, u32)> {
        let packet = self.packet()?;
        Some((packet.ts_ns.max(self.latest_ns), self.rank))
    }

    /// Take packets from the source if there are none left; `false` if it has none at present.
    fn refill(&mut self, max: usize) -> bool {
        while self.packet().is_none() && !self.is_over {
            self.next = 0;
            self.is_over = !self.source.fill(&mut self.head, max);
            if self.head.packets.is_empty() && !self.is_over {
                return false;
            }
        }
        true
    }
}

/// A source of the packets of several inputs.
pub(crate) struct Merged {
    settings: SourceSettings,
    /// Inputs that were not looked at yet.
    unseen: Vec<Input>,
    waiting: VecDeque<Waiting>,
    open: Vec<Open>,
    next_rank: u32,
    faults: Vec<Fault>,
    has_warned: bool,
    /// Stored bytes of files that are done, and of all files.
    done_bytes: u64,
    total_bytes: Option<u64>,
}

impl Merged {
    /// A source of the packets of `inputs`; nothing is opened before the first is asked for.
    pub fn new(inputs: Vec<Input>, settings: SourceSettings) -> Self {
        let sizes: Option<Vec<u64>> = inputs.iter().map(Input::size).collect();
        let follow = settings.follow;
        Self {
            settings,
            unseen: inputs,
            waiting: VecDeque::new(),
            open: Vec::new(),
            next_rank: 0,
            faults: Vec::new(),
            has_warned: false,
            done_bytes: 0,
            total_bytes: sizes.map(|sizes| sizes.iter().sum()).filter(|_| !follow),
        }
    }

    /// Look at the first packet of every input, and put them in order.
    fn look(&mut self) {
        let mut waiting = Vec::new();
        for (file, input) in std::mem::take(&mut self.unseen).into_iter().enumerate() {
            if !self.settings.is_stopped() {
                waiting.extend(self.look_at(input, file as u32));
            }
        }
        // The sort is stable: files that begin at one time keep the order in which they were
        // given.
        waiting.sort_by_key(|file: &Waiting| file.first_ns);
        self.waiting.extend(waiting);
    }

    /// Look at the first packet of `input`; `None` if it has none, and why was reported.
    fn look_at(&mut self, input: Input, file: u32) -> Option<Waiting> {
        let is_regular = input.is_regular();
        let settings = SourceSettings { follow: false, ..self.settings.clone() };
        let mut open = Open::new(input.clone(), file, settings);
        open.source.set_read_bytes(MERGE_READ_BYTES);
        open.refill(1);
        let first_ns = open.packet().map(|packet| packet.ts_ns);
        if first_ns.is_none() && is_regular {
            let faults = open.source.take_faults();
            if !self.settings.follow || faults.iter().any(is_final) {
                self.faults.extend(faults);
                self.done_bytes += open.source.progress().0;
                return None;
            }
        }
        Some(Waiting {
            first_ns: first_ns.unwrap_or(i64::MAX),
            file,
            input,
            opened: (!is_regular).then(|| Box::new(open)),
        })
    }

    /// Open the file whose time has come. Only the last one can still be growing.
    fn open_next(&mut self) {
        let Some(waiting) = self.waiting.pop_front() else {
            return;
        };
        let settings = SourceSettings {
            follow: self.settings.follow && self.waiting.is_empty(),
            ..self.settings.clone()
        };
        let mut open = match waiting.opened {
            Some(open) => *open,
            None => Open::new(waiting.input, waiting.file, settings),
        };
        open.rank = self.next_rank;
        self.next_rank += 1;
        self.open.push(open);
    }

    /// Let whole chunks of the only open file through, as long as no other file's time comes.
    fn pass(&mut self, chunk: &mut Chunk, max: usize) -> bool {
        let Some(open) = self.open.first_mut() else {
            return true;
        };
        let is_over = !open.source.fill(chunk, max);
        open.is_over = is_over;
        let times = chunk.packets.iter().map(|packet| packet.ts_ns);
        let latest_ns = times.fold(open.latest_ns, i64::max);
        let next = self.waiting.front();
        if next.is_some_and(|next| latest_ns > next.first_ns) && !chunk.packets.is_empty() {
            // From here on the file is read in smaller portions, as every file of an overlap.
            open.source.set_read_bytes(MERGE_READ_BYTES);
            std::mem::swap(&mut open.head, chunk);
            open.next = 0;
            chunk.clear();
            return self.merge(chunk, max);
        }
        open.latest_ns = latest_ns;
        self.close_finished();
        is_over
    }

    /// Yield packets of all open files in the order of time; whether that can go on.
    fn merge(&mut self, chunk: &mut Chunk, max: usize) -> bool {
        chunk.clear();
        while chunk.packets.len() < max && chunk.data.len() < READ_BYTES {
            if matches!(self.open.as_slice(), [only] if only.packet().is_none()) {
                // No longer a merge: what is left passes through.
                return true;
            }
            for open in &mut self.open {
                if !open.refill(EPOCH_PACKETS) {
                    // A file being followed has nothing yet, so nothing can come after it.
                    return false;
                }
            }
            self.close_finished();
            let keys = self.open.iter().enumerate();
            let first = keys.filter_map(|(i, open)| Some((open.key()?, i))).min();
            let next_ns = self.waiting.front().map(|waiting| waiting.first_ns);
            match (first, next_ns) {
                (None, _) => return true,
                (Some(((ns, _), _)), Some(next_ns)) if next_ns < ns && self.may_open() => {
                    self.open_next();
                }
                (Some((_, i)), next_ns) => self.take_run(i, next_ns, chunk, max),
            }
        }
        true
    }

    /// Whether another file may be open; if not, say so once.
    fn may_open(&mut self) -> bool {
        if self.open.len() < MAX_OPEN_FILES {
            return true;
        }
        if let (false, Some(waiting)) = (self.has_warned, self.waiting.front()) {
            self.has_warned = true;
            let mut log = FaultLog::new(waiting.file, waiting.input.name());
            let text = format!(
                "more than {MAX_OPEN_FILES} files overlap in time; \
                 packets of this one and later ones may come out of order"
            );
            log.warn(id::TOO_MANY_OVERLAPS, 0, text);
            self.faults.append(&mut log.take());
        }
        false
    }

    /// Yield packets of file `i` until another one's turn comes.
    fn take_run(&mut self, i: usize, next_ns: Option<i64>, chunk: &mut Chunk, max: usize) {
        let others = self.open.iter().enumerate().filter(|(other, _)| *other != i);
        let bound = others.filter_map(|(_, open)| open.key()).min();
        let next_ns = next_ns.filter(|_| self.open.len() < MAX_OPEN_FILES);
        let Some(open) = self.open.get_mut(i) else {
            return;
        };
        while let (Some(key), Some(&packet)) = (open.key(), open.packet()) {
            let is_late = bound.is_some_and(|bound| key > bound)
                || next_ns.is_some_and(|next_ns| key.0 > next_ns);
            if is_late || chunk.packets.len() >= max || chunk.data.len() >= READ_BYTES {
                return;
            }
            let start = chunk.data.len() as u32;
            chunk.data.extend_from_slice(open.head.bytes(&packet));
            chunk.packets.push(RawPacket { start, ..packet });
            open.latest_ns = key.0;
            open.next += 1;
        }
    }

    /// Keep the faults of files that are done, and let go of them.
    fn close_finished(&mut self) {
        for open in &mut self.open {
            self.faults.append(&mut open.source.take_faults());
            if open.is_over && open.packet().is_none() {
                self.done_bytes += open.source.progress().0;
            }
        }
        self.open.retain(|open| !open.is_over || open.packet().is_some());
    }
}

/// Whether a file without packets will not have any, even if it grows.
fn is_final(fault: &Fault) -> bool {
    let may_be_begun = [id::EMPTY_FILE, id::TRUNCATED_HEADER];
    fault.severity == Severity::Refused && !may_be_begun.contains(&fault.id)
}

impl Source for Merged {
    fn fill(&mut self, chunk: &mut Chunk, max_packets: usize) -> bool {
        chunk.packets.clear();
        let max = max_packets.max(1);
        if !self.unseen.is_empty() {
            self.look();
        }
        loop {
            if self.settings.is_stopped() {
                self.waiting.clear();
            }
            if self.open.is_empty() {
                self.open_next();
            }
            let can_go_on = match self.open.as_slice() {
                [] => return false,
                [open] if open.packet().is_none() => self.pass(chunk, max),
                _ => self.merge(chunk, max),
            };
            if !chunk.packets.is_empty() || !can_go_on {
                return true;
            }
        }
    }

    fn may_wait(&self) -> bool {
        self.unseen.iter().any(|input| !input.is_regular())
            || self.open.iter().any(|open| open.source.may_wait())
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        for open in &mut self.open {
            self.faults.append(&mut open.source.take_faults());
        }
        std::mem::take(&mut self.faults)
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let open: u64 = self.open.iter().map(|o| o.source.progress().0).sum();
        (self.done_bytes + open, self.total_bytes)
    }
}
