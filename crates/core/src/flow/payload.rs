//! The payload of a flow on its way into the meters.
//!
//! The first bytes of each direction are simply kept, with the turns in which they came, and
//! measured once at the end by meters that are used again and again: that takes less memory than
//! meters for every flow, finds everything in the cache, and needs no order between flows. A flow
//! of which more is measured gets meters of its own. What was kept of a TCP direction is there to
//! be compared with later copies, too.

use super::kept::Kept;
use super::pool::{Block, Pool};
use super::spilled_bytes;
use crate::limits::{KEPT_BYTES, KEPT_DATAGRAM_BYTES, MAX_TURNS, METERS_BYTES};
use crate::meter::{Meters, PacketRef};
use crate::stream::Sink;
use smallvec::SmallVec;

/// Where payload bytes went; `seen` is the sum of all others once every flow has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadTally {
    /// Captured payload bytes of packets that belong to flows.
    pub seen: u64,
    /// Measured.
    pub measured: u64,
    /// Beyond the depth.
    pub beyond_depth: u64,
    /// Copies of bytes seen before.
    pub repeated: u64,
    /// Before the first byte of a stream.
    pub before_start: u64,
    /// Outside the receiver's window.
    pub out_of_window: u64,
    /// In a hole that had been given up.
    pub late: u64,
}

impl PayloadTally {
    /// Add another tally.
    pub fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.measured += other.measured;
        self.beyond_depth += other.beyond_depth;
        self.repeated += other.repeated;
        self.before_start += other.before_start;
        self.out_of_window += other.out_of_window;
        self.late += other.late;
    }
}

/// A run of bytes of one direction as it was delivered.
#[derive(Clone, Copy, Debug)]
struct Turn {
    length: u32,
    is_orig: bool,
    packet: PacketRef,
}

/// The payload of one flow.
#[derive(Default)]
pub struct FlowPayload {
    kept: [Kept; 2],
    turns: SmallVec<[Turn; 1]>,
    meters: Option<Box<Meters>>,
}

impl std::fmt::Debug for FlowPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = (self.kept[0].length(), self.kept[1].length());
        write!(f, "FlowPayload(kept {kept:?}, metered {})", self.meters.is_some())
    }
}

impl FlowPayload {
    /// Bytes of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let kept: usize = self.kept.iter().map(Kept::held_bytes).sum();
        let turns = self.turns.len() * size_of::<Turn>();
        let meters = if self.meters.is_some() { METERS_BYTES } else { 0 };
        kept + turns + meters
    }

    /// Bytes of memory allocated beside blocks and meters.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        let heads: usize = self.kept.iter().map(Kept::head_capacity).sum();
        heads + spilled_bytes(&self.turns)
    }

    /// Give the flow meters of its own now, so that entropy can be asked for at any time.
    pub fn measure_at_once(&mut self, pool: &Pool) {
        if self.meters.is_none() {
            let mut meters = pool.meters();
            replay(&self.turns, &self.kept, &mut meters);
            self.meters = Some(meters);
            self.turns.clear();
        }
    }

    /// Hand the meters over.
    pub fn take_meters(&mut self) -> Option<Box<Meters>> {
        self.meters.take()
    }

    /// Hand the blocks of kept bytes over.
    pub fn take_blocks(&mut self) -> Vec<Block> {
        self.kept.iter_mut().flat_map(Kept::take_blocks).collect()
    }

    /// Forget everything, keep what memory is of use to any flow.
    pub fn clear(&mut self) {
        self.kept.iter_mut().for_each(Kept::clear);
        self.turns.clear();
        self.meters = None;
    }

    /// Running meters, if the flow has its own.
    #[must_use]
    pub fn meters(&self) -> Option<&Meters> {
        self.meters.as_deref()
    }

    /// Finish measuring. `scratch` is used where the flow has no meters of its own.
    pub fn finish<'a>(&'a mut self, scratch: &'a mut Meters) -> &'a Meters {
        let meters = match self.meters.as_deref_mut() {
            Some(own) => own,
            None => {
                scratch.clear();
                replay(&self.turns, &self.kept, scratch);
                scratch
            }
        };
        meters.finish();
        meters
    }
}

/// Measure what was kept, in the order in which it came.
fn replay(turns: &[Turn], kept: &[Kept; 2], meters: &mut Meters) {
    let mut at = [0; 2];
    for turn in turns {
        let side = usize::from(!turn.is_orig);
        let end = at[side] + turn.length as usize;
        for piece in kept[side].pieces(at[side], end) {
            meters.update(turn.is_orig, piece, turn.packet);
        }
        at[side] = end;
    }
}

/// One direction of a flow as the place where its stream delivers.
pub struct Side<'a> {
    payload: &'a mut FlowPayload,
    side: usize,
    pool: &'a Pool,
    /// Whether later copies will be compared with what was kept.
    keeps: bool,
    tally: &'a mut PayloadTally,
}

impl<'a> Side<'a> {
    /// Deliver into `payload`; `keeps` for protocols that can repeat bytes.
    pub fn new(
        payload: &'a mut FlowPayload,
        is_orig: bool,
        keeps: bool,
        pool: &'a Pool,
        tally: &'a mut PayloadTally,
    ) -> Self {
        Self { payload, side: usize::from(!is_orig), pool, keeps, tally }
    }

    /// Bytes of this direction within the depth so far.
    fn taken(&self) -> u64 {
        match self.payload.meters.as_deref() {
            Some(meters) => meters.lengths()[self.side],
            None => self.payload.kept[self.side].length() as u64,
        }
    }

    fn room(&self) -> u64 {
        self.pool.settings().depth.unwrap_or(u64::MAX).saturating_sub(self.taken())
    }

    /// Whether `more` bytes can wait to be measured at the end.
    fn can_wait(&self, more: usize) -> bool {
        let cap = if self.keeps { KEPT_BYTES } else { KEPT_DATAGRAM_BYTES };
        self.payload.meters.is_none()
            && self.payload.kept[self.side].length() + more <= cap
            && self.payload.turns.len() < MAX_TURNS
    }

    fn keep_turn(&mut self, bytes: &[u8], packet: PacketRef) {
        self.payload.kept[self.side].extend(bytes, self.pool);
        let turn = Turn { length: bytes.len() as u32, is_orig: self.side == 0, packet };
        self.payload.turns.push(turn);
    }

    fn measure(&mut self, bytes: &[u8], packet: PacketRef) {
        if self.payload.meters.is_none() {
            self.payload.measure_at_once(self.pool);
            if !self.keeps {
                self.payload.kept.iter_mut().for_each(Kept::clear);
            }
        }
        if let Some(meters) = self.payload.meters.as_deref_mut() {
            meters.update(self.side == 0, bytes, packet);
        }
        if self.keeps {
            let kept = &mut self.payload.kept[self.side];
            let room = KEPT_BYTES.saturating_sub(kept.length()).min(bytes.len());
            kept.extend(&bytes[..room], self.pool);
        }
    }
}

impl Sink for Side<'_> {
    fn data(&mut self, bytes: &[u8], packet: PacketRef) {
        let taken = usize::try_from(self.room()).unwrap_or(usize::MAX).min(bytes.len());
        if taken == 0 {
            // Beyond the depth, or nothing but headers was captured.
        } else if self.can_wait(taken) {
            self.keep_turn(&bytes[..taken], packet);
        } else {
            self.measure(&bytes[..taken], packet);
        }
        self.tally.measured += taken as u64;
        self.tally.beyond_depth += (bytes.len() - taken) as u64;
    }

    fn skipped(&mut self, length: u64) {
        self.tally.beyond_depth += length;
    }

    fn wants_data(&self) -> bool {
        self.room() > 0
    }

    fn differs(&self, at: u64, bytes: &[u8]) -> bool {
        self.payload.kept[self.side].differs(at, bytes)
    }
}
