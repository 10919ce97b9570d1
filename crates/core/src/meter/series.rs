//! One trajectory: cumulative and block entropy along a series of bytes.

use super::counts::{sum_g, Counts, PackedSums, Scalars, Sums};
use super::dense::Dense;
use super::grid::{next_check, next_point, CHECK_BYTES, DENSE_END};
use super::piece::{Neighbours, Piece};
use super::tables::Tables;
use super::threshold::{Crossing, Level, Threshold};
use super::PacketRef;

/// Room for the grid points of a direction of the default depth; meters are used again and again.
const POINTS_RESERVED: usize = 112;

/// What a meter is told once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeterSettings {
    /// Measure at most this many bytes; none for all.
    pub depth: Option<u64>,
    /// Bits per byte whose crossings are reported.
    pub threshold: f64,
}

/// Measures one series of bytes.
///
/// In the dense part of the grid the sums of g are kept up to date byte by byte; beyond it bytes
/// are only counted, and the sums are taken over the counts at every grid point.
///
/// The threshold is looked at at grid points, at checks between far grid points, and at the end.
pub struct Meter {
    limit: u64,
    threshold: Threshold,
    tables: &'static Tables,
    dense: Dense,
    /// Counts beyond the dense part.
    counts: Counts,
    /// Counts at the last grid point, beyond the dense part.
    last_counts: Counts,
    /// Over the first bytes: most series are so short that walking 256 counts would cost more.
    sums: PackedSums,
    measured: u64,
    next_point: u64,
    next_check: u64,
    last_point: u64,
    trajectory: Vec<f64>,
    block_entropy: Vec<f64>,
    neighbours: Neighbours,
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(settings: MeterSettings) -> Self {
        Self {
            limit: settings.depth.unwrap_or(u64::MAX),
            threshold: Threshold::new(settings.threshold, CHECK_BYTES as usize),
            tables: Tables::get(),
            dense: Dense::default(),
            counts: [0; 256],
            last_counts: [0; 256],
            sums: PackedSums::default(),
            measured: 0,
            next_point: next_point(0),
            next_check: next_check(0),
            last_point: 0,
            trajectory: Vec::with_capacity(POINTS_RESERVED),
            block_entropy: Vec::with_capacity(POINTS_RESERVED),
            neighbours: Neighbours::default(),
        }
    }

    /// Forget everything, keep the allocations.
    pub fn clear(&mut self) {
        self.dense = Dense::default();
        self.sums = PackedSums::default();
        self.measured = 0;
        self.next_point = next_point(0);
        self.next_check = next_check(0);
        self.last_point = 0;
        self.threshold.clear();
        self.trajectory.clear();
        self.block_entropy.clear();
        self.neighbours = Neighbours::default();
    }

    /// Bytes measured so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.measured
    }

    /// Whether no byte was measured yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.measured == 0
    }

    /// Take the next bytes of the series, and return how many were within the depth.
    pub fn update(&mut self, bytes: &[u8], packet: PacketRef) -> usize {
        let taken = self.within_depth(bytes);
        for piece in Piece::cut(taken, packet) {
            self.begin(&piece);
            self.add_sums(piece.bytes);
            self.extend(piece.bytes, packet);
        }
        taken.len()
    }

    /// Judge the threshold at the end of the series. Call once, after the last byte.
    pub fn finish(&mut self) {
        self.look();
    }

    /// Judge the threshold here, though this is no check.
    fn look(&mut self) {
        let mut unjudged = std::mem::take(&mut self.threshold.unjudged);
        if !unjudged.is_empty() {
            self.judge(&unjudged);
        }
        unjudged.clear();
        self.threshold.unjudged = unjudged;
    }

    /// Cumulative entropy in bits per byte; none before the first byte.
    #[must_use]
    pub fn entropy(&self) -> Option<f64> {
        let latest = self.threshold.latest;
        if latest.offset == self.measured {
            return (self.measured > 0).then_some(latest.entropy);
        }
        Some(self.tables.entropy(self.measured, self.sum_g()))
    }

    /// The same where the counts are the sums of those of `parts`.
    pub(super) fn entropy_of(&self, parts: &[Self; 2]) -> Option<f64> {
        if self.threshold.latest.offset == self.measured || self.measured <= DENSE_END {
            return self.entropy();
        }
        let sum = sum_g(&sum_of(parts), self.measured, self.tables);
        Some(self.tables.entropy(self.measured, sum))
    }

    /// Measures that follow from the counts; none before the first byte.
    #[must_use]
    pub fn scalars(&self) -> Option<Scalars> {
        if self.is_empty() {
            return None;
        }
        let sums = if self.measured <= PackedSums::MAX_BYTES {
            self.sums.unpack(self.measured, &self.dense.counts)
        } else {
            Sums::of(&self.counts())
        };
        Some(sums.scalars(self.neighbours.circular()))
    }

    /// How often each byte value occurred.
    #[must_use]
    pub fn counts(&self) -> Counts {
        if self.measured <= DENSE_END {
            self.dense.counts.map(u64::from)
        } else {
            self.counts
        }
    }

    /// Cumulative entropy at the grid points passed.
    #[must_use]
    pub fn trajectory(&self) -> &[f64] {
        &self.trajectory
    }

    /// Entropy of the bytes between the grid points passed.
    #[must_use]
    pub fn block_entropy(&self) -> &[f64] {
        &self.block_entropy
    }

    /// Crossings of the threshold: rising, falling, rising, ...
    #[must_use]
    pub fn crossings(&self) -> &[Crossing] {
        &self.threshold.crossings
    }

    /// The first of `bytes`, as many as the depth has room for.
    pub(super) fn within_depth<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let room = usize::try_from(self.limit - self.measured).unwrap_or(usize::MAX);
        &bytes[..room.min(bytes.len())]
    }

    /// Note what a piece tells beside its counts.
    pub(super) fn begin(&mut self, piece: &Piece<'_>) {
        self.neighbours.add(piece, self.is_empty());
        if self.threshold.is_full() {
            self.look();
            self.threshold.go_on(self.measured, piece.packet);
        } else {
            self.threshold.mark(self.measured, piece.packet);
        }
    }

    /// Keep up the sums over the first bytes, as long as there are no more.
    pub(super) fn add_sums(&mut self, bytes: &[u8]) {
        let room = PackedSums::MAX_BYTES.saturating_sub(self.measured) as usize;
        self.sums.add_bytes(&bytes[..bytes.len().min(room)]);
    }

    /// Count the next bytes of a piece.
    pub(super) fn extend(&mut self, mut bytes: &[u8], packet: PacketRef) {
        while !bytes.is_empty() {
            let (now, later) = self.split_at_check(bytes);
            if self.is_dense() {
                let Threshold { fixed, is_above, .. } = self.threshold;
                self.dense.count(now, fixed, is_above, self.tables);
            } else {
                count(now, &mut self.counts);
            }
            self.advance(now, packet);
            bytes = later;
        }
    }

    /// Take the next bytes of a piece, up to the next check at most, that were counted elsewhere:
    /// all counts are the sums of those of `parts`.
    pub(super) fn adopt(&mut self, bytes: &[u8], packet: PacketRef, parts: &[Self; 2]) {
        if self.measured + bytes.len() as u64 == self.next_check {
            self.adopt_counts(parts);
        }
        self.advance(bytes, packet);
    }

    /// Let the counts be the sums of those of `parts`.
    pub(super) fn adopt_counts(&mut self, parts: &[Self; 2]) {
        if self.measured >= DENSE_END {
            self.counts = sum_of(parts);
        }
    }

    /// Let the counts be the sums of those of `parts`, if they are about to be looked at.
    pub(super) fn adopt_before_look(&mut self, parts: &[Self; 2]) {
        if self.threshold.is_full() {
            self.adopt_counts(parts);
        }
    }

    /// Let the sums that need no counts be those of `parts`.
    pub(super) fn adopt_sums(&mut self, [a, b]: &[Self; 2]) {
        self.sums = a.sums.with(b.sums);
    }

    /// Whether the next byte lies in the dense part of the grid.
    pub(super) fn is_dense(&self) -> bool {
        self.measured < DENSE_END
    }

    /// The first of `bytes`, up to the next check.
    pub(super) fn split_at_check<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let room = (self.next_check - self.measured) as usize;
        bytes.split_at(room.min(bytes.len()))
    }

    /// Note that `bytes` were counted, and look at the counts if a check is reached.
    fn advance(&mut self, bytes: &[u8], packet: PacketRef) {
        self.measured += bytes.len() as u64;
        if self.measured < self.next_check {
            self.threshold.unjudged.extend_from_slice(bytes);
            return;
        }
        if self.threshold.unjudged.is_empty() {
            self.check(bytes);
        } else {
            let mut unjudged = std::mem::take(&mut self.threshold.unjudged);
            unjudged.extend_from_slice(bytes);
            self.check(&unjudged);
            self.threshold.unjudged = unjudged;
        }
        self.threshold.go_on(self.measured, packet);
    }

    /// Sample the trajectory if this is a grid point, and judge the threshold. `bytes` are those
    /// since the last check.
    fn check(&mut self, bytes: &[u8]) {
        let block_sum = self.judge(bytes);
        if self.measured == self.next_point {
            let block_bytes = self.measured - self.last_point;
            self.block_entropy.push(self.tables.entropy(block_bytes, block_sum));
            self.trajectory.push(self.threshold.latest.entropy);
            self.last_point = self.measured;
            self.next_point = next_point(self.measured);
            self.end_block();
        }
        self.next_check = next_check(self.measured);
        if self.is_dense() {
            let Threshold { fixed, is_above, .. } = self.threshold;
            self.dense.watch(self.next_check, fixed, is_above, self.tables);
        }
    }

    /// Let the next block begin.
    fn end_block(&mut self) {
        if self.is_dense() {
            self.dense.end_block();
            return;
        }
        if self.measured == DENSE_END {
            self.counts = self.counts();
        }
        self.last_counts = self.counts;
    }

    fn sum_g(&self) -> f64 {
        if self.measured <= DENSE_END {
            return self.dense.sum();
        }
        sum_g(&self.counts, self.measured, self.tables)
    }

    /// Compare the entropy with the threshold; `bytes` are those since the last look. Returns the
    /// sum of g over what was counted since the last grid point.
    fn judge(&mut self, bytes: &[u8]) -> f64 {
        let (sum, block_sum, may_be_crossed) = if self.measured <= DENSE_END {
            (self.dense.sum(), self.dense.block_sum(), self.dense.has_crossed())
        } else {
            let (counts, last) = (&self.counts, &self.last_counts);
            let (growth, may) = self.threshold.look(counts, last, self.measured, self.tables);
            (growth.sum, growth.grown_sum, may)
        };
        let entropy = self.tables.entropy(self.measured, sum);
        let now = Level { offset: self.measured, entropy };
        if may_be_crossed || self.threshold.is_changed(entropy) {
            self.walk(bytes, now);
        }
        self.threshold.latest = now;
        block_sum
    }

    #[cold]
    #[inline(never)]
    fn walk(&mut self, bytes: &[u8], now: Level) {
        let counts = self.counts();
        self.threshold.walk(counts, bytes, now, self.tables);
    }
}

fn sum_of([a, b]: &[Meter; 2]) -> Counts {
    let mut counts = a.counts();
    for (count, more) in counts.iter_mut().zip(b.counts()) {
        // A count cannot reach 2^64.
        *count = count.wrapping_add(more);
    }
    counts
}

/// Count bytes.
fn count(bytes: &[u8], counts: &mut Counts) {
    for &byte in bytes {
        let count = &mut counts[usize::from(byte)];
        // A count cannot reach 2^64.
        *count = count.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests;
