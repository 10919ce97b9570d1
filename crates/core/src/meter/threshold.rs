//! Where cumulative entropy crosses the threshold: every byte is judged, few are looked at.
//!
//! What bytes can add to the excess N (H - threshold), and take from it, is bounded by their
//! counts. Only where the bound reaches the threshold are they walked one by one.

use super::counts::{growth, sum_g, Counts, Growth};
use super::tables::{to_fixed, Tables};
use super::PacketRef;
use crate::limits::{MAX_CROSSINGS, MAX_MARKS};

/// Entropy so little below the threshold counts as on it, so that rounding cannot decide.
const TIE_BITS: f64 = 1e-10;

/// A change of cumulative entropy from one side of the threshold to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Bytes so far when the threshold was crossed.
    pub offset: u64,
    /// The packet that carried the last of them.
    pub packet: PacketRef,
}

/// Cumulative entropy at one place of a series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    /// Bytes so far.
    pub offset: u64,
    /// Bits per byte.
    pub entropy: f64,
}

/// Follows the entropy of a series from look to look.
pub(super) struct Threshold {
    /// Bits per byte, and the same in fixed point.
    pub bits: f64,
    pub fixed: i64,
    pub is_above: bool,
    pub crossings: Vec<Crossing>,
    /// Bytes since the last look, and where the packets begin that they came in.
    pub unjudged: Vec<u8>,
    marks: Vec<(u64, PacketRef)>,
    /// The last look.
    pub latest: Level,
}

impl Threshold {
    pub fn new(bits: f64, reserve: usize) -> Self {
        Self {
            bits,
            fixed: to_fixed(bits),
            is_above: false,
            crossings: vec![],
            unjudged: Vec::with_capacity(reserve),
            marks: vec![],
            latest: Level::default(),
        }
    }

    /// Forget everything, keep the allocations.
    pub fn clear(&mut self) {
        self.is_above = false;
        self.crossings.clear();
        self.unjudged.clear();
        self.marks.clear();
        self.latest = Level::default();
    }

    /// Note that a packet begins at `offset`.
    pub fn mark(&mut self, offset: u64, packet: PacketRef) {
        self.marks.push((offset, packet));
    }

    /// Whether so many packets wait for a look that one must be taken.
    pub fn is_full(&self) -> bool {
        self.marks.len() >= MAX_MARKS
    }

    /// Forget the packets before `offset`, where `packet` goes on.
    pub fn go_on(&mut self, offset: u64, packet: PacketRef) {
        self.unjudged.clear();
        self.marks.clear();
        self.mark(offset, packet);
    }

    pub fn is_changed(&self, entropy: f64) -> bool {
        self.is_met(entropy) != self.is_above
    }

    /// Sums over counts of `total` bytes, with what they grew by since `last`, which they had at
    /// the last look or before it; and whether entropy may have crossed the threshold since then.
    pub fn look(&self, counts: &Counts, last: &Counts, total: u64, t: &Tables) -> (Growth, bool) {
        let Level { offset, entropy } = self.latest;
        let excess = offset as f64 * (entropy - self.bits);
        let slack = TIE_BITS * total as f64;
        // A byte that occurred c times before adds g(N + 1) - g(N) - (g(c + 1) - g(c)), where both
        // differences of g rise with N and c, and takes the threshold once.
        if self.is_above {
            let least = t.rise(offset + 1) - self.bits;
            let growth = growth(counts, last, total, t, |now, _| (now - least).max(0.0));
            let can_fall = excess - growth.weighted < slack;
            return (growth, can_fall);
        }
        let most = t.rise(total + 1) - self.bits;
        if excess + (total - offset) as f64 * most < -slack {
            return (growth(counts, last, total, t, |_, _| 0.0), false);
        }
        let growth = growth(counts, last, total, t, |_, next| (most - next).max(0.0));
        let can_rise = excess + growth.weighted >= -slack;
        (growth, can_rise)
    }

    /// Walk `bytes`, with which the counts became `counts`, and note each crossing. The last byte
    /// is judged by `latest`.
    pub fn walk(&mut self, mut counts: Counts, bytes: &[u8], latest: Level, tables: &Tables) {
        for &byte in bytes {
            counts[usize::from(byte)] -= 1;
        }
        let mut offset = latest.offset - bytes.len() as u64;
        let mut sum = sum_g(&counts, offset, tables);
        for &byte in bytes {
            let count = &mut counts[usize::from(byte)];
            *count += 1;
            sum += tables.rise(*count);
            offset += 1;
            let is_last = offset == latest.offset;
            let entropy = if is_last { latest.entropy } else { tables.entropy(offset, sum) };
            if self.is_changed(entropy) {
                self.is_above = !self.is_above;
                if self.crossings.len() < MAX_CROSSINGS {
                    self.crossings.push(Crossing { offset, packet: self.packet_at(offset - 1) });
                }
            }
        }
    }

    fn is_met(&self, entropy: f64) -> bool {
        entropy >= self.bits - TIE_BITS
    }

    fn packet_at(&self, index: u64) -> PacketRef {
        let after = self.marks.partition_point(|mark| mark.0 <= index);
        let mark = after.checked_sub(1).and_then(|at| self.marks.get(at));
        mark.map_or_else(PacketRef::default, |mark| mark.1)
    }
}
