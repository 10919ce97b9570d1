//! One trajectory: cumulative and block entropy along a series of bytes.

use super::counts::{sum_g, sums_since, Counts, PackedSums, Scalars, Sums};
use super::grid::{next_check, next_point, CHECK_BYTES, DENSE_END};
use super::tables::{from_fixed, Tables, STEPS};
use super::PacketRef;
use crate::limits::MAX_CROSSINGS;

/// Bytes over which sums are kept at a time, so that 32 bits hold them.
const SUM_BYTES: usize = 32_768;

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

/// A change of cumulative entropy from one side of the threshold to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Bytes so far when the threshold was crossed.
    pub offset: u64,
    /// The packet that carried the last of them.
    pub packet: PacketRef,
}

/// Measures one series of bytes.
///
/// In the dense part of the grid the sums of g are kept up to date byte by byte; beyond it bytes
/// are only counted, and the sums are taken over the counts at every grid point.
///
/// Whether entropy stands above the threshold is judged at grid points, at checks between far
/// grid points, and at the end; where the answer changed since the last look, the bytes between
/// are walked again to find where.
pub struct Meter {
    limit: u64,
    threshold: f64,
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
    /// Bytes since the last check, and the packets that they came in.
    unchecked: Vec<u8>,
    marks: Vec<(u64, PacketRef)>,
    trajectory: Vec<f64>,
    block_entropy: Vec<f64>,
    crossings: Vec<Crossing>,
    is_above: bool,
    /// Entropy at the last look, and the bytes measured then.
    latest: f64,
    judged: u64,
    neighbours: Neighbours,
}

/// Counts of the dense part of the grid, where they are small.
struct Dense {
    counts: [u16; 256],
    /// Counts since the last grid point.
    block: [u8; 256],
    /// Fixed-point sums of g over both.
    sum: u64,
    block_sum: u64,
}

/// Sum of products of successive bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Neighbours {
    sum: u128,
    first: u8,
    last: u8,
}

/// A piece of a series, with the sum of the products of its successive bytes.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub bytes: &'a [u8],
    pub packet: PacketRef,
    products: u32,
}

impl<'a> Piece<'a> {
    /// Cut the payload of a packet into pieces.
    pub fn cut(bytes: &'a [u8], packet: PacketRef) -> impl Iterator<Item = Self> {
        bytes.chunks(SUM_BYTES).map(move |bytes| {
            // At most 32,768 products of at most 65,025: the sum fits 32 bits and cannot wrap.
            let pairs = bytes.iter().zip(&bytes[1..]);
            let products = pairs.map(|(&a, &b)| u32::from(a) * u32::from(b));
            Self { bytes, packet, products: products.fold(0_u32, u32::wrapping_add) }
        })
    }
}

impl Neighbours {
    fn add(&mut self, piece: &Piece<'_>, is_first: bool) {
        let (Some(&first), Some(&last)) = (piece.bytes.first(), piece.bytes.last()) else {
            return;
        };
        if is_first {
            self.first = first;
        } else {
            self.sum += u128::from(self.last) * u128::from(first);
        }
        self.sum += u128::from(piece.products);
        self.last = last;
    }

    /// The sum with the product of the last and the first byte.
    fn circular(&self) -> u128 {
        self.sum + u128::from(self.last) * u128::from(self.first)
    }
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(settings: MeterSettings) -> Self {
        Self {
            limit: settings.depth.unwrap_or(u64::MAX),
            threshold: settings.threshold,
            tables: Tables::get(),
            dense: Dense::default(),
            counts: [0; 256],
            last_counts: [0; 256],
            sums: PackedSums::default(),
            measured: 0,
            next_point: next_point(0),
            next_check: next_check(0),
            last_point: 0,
            unchecked: Vec::with_capacity(CHECK_BYTES as usize),
            marks: vec![],
            trajectory: Vec::with_capacity(POINTS_RESERVED),
            block_entropy: Vec::with_capacity(POINTS_RESERVED),
            crossings: vec![],
            is_above: false,
            latest: 0.0,
            judged: 0,
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
        self.unchecked.clear();
        self.marks.clear();
        self.trajectory.clear();
        self.block_entropy.clear();
        self.crossings.clear();
        self.is_above = false;
        self.judged = 0;
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
        let unchecked = std::mem::take(&mut self.unchecked);
        if !unchecked.is_empty() {
            self.judge(self.sum_g(), &unchecked);
        }
        self.unchecked = unchecked;
        self.unchecked.clear();
    }

    /// Cumulative entropy in bits per byte; none before the first byte.
    #[must_use]
    pub fn entropy(&self) -> Option<f64> {
        if self.judged == self.measured {
            return (self.measured > 0).then_some(self.latest);
        }
        Some(self.tables.entropy(self.measured, self.sum_g()))
    }

    /// The same where the counts are the sums of those of `parts`.
    pub(super) fn entropy_of(&self, parts: &[Self; 2]) -> Option<f64> {
        if self.judged == self.measured || self.measured <= DENSE_END {
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
        &self.crossings
    }

    /// The first of `bytes`, as many as the depth has room for.
    pub(super) fn within_depth<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let room = usize::try_from(self.limit - self.measured).unwrap_or(usize::MAX);
        &bytes[..room.min(bytes.len())]
    }

    /// Note what a piece tells beside its counts.
    pub(super) fn begin(&mut self, piece: &Piece<'_>) {
        self.neighbours.add(piece, self.is_empty());
        self.marks.push((self.measured, piece.packet));
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
                self.dense.count(now, self.tables);
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
            self.unchecked.extend_from_slice(bytes);
            return;
        }
        if self.unchecked.is_empty() {
            self.check(bytes);
        } else {
            let mut unchecked = std::mem::take(&mut self.unchecked);
            unchecked.extend_from_slice(bytes);
            self.check(&unchecked);
            unchecked.clear();
            self.unchecked = unchecked;
        }
        self.marks.clear();
        self.marks.push((self.measured, packet));
    }

    /// Sample the trajectory if this is a grid point, and judge the threshold. `bytes` are those
    /// since the last check.
    fn check(&mut self, bytes: &[u8]) {
        if self.measured == self.next_point {
            let block_bytes = self.measured - self.last_point;
            let (sum, block_sum) = self.sums_at_point();
            self.block_entropy.push(self.tables.entropy(block_bytes, block_sum));
            self.judge(sum, bytes);
            self.trajectory.push(self.latest);
            self.last_point = self.measured;
            self.next_point = next_point(self.measured);
        } else {
            self.judge(self.sum_g(), bytes);
        }
        self.next_check = next_check(self.measured);
    }

    /// Sums of g over all counts and over those since the last point.
    fn sums_at_point(&mut self) -> (f64, f64) {
        if self.measured > DENSE_END {
            return sums_since(&self.counts, &mut self.last_counts, self.measured, self.tables);
        }
        let sums = (from_fixed(self.dense.sum), self.dense.end_block());
        if self.measured == DENSE_END {
            self.counts = self.counts();
            self.last_counts = self.counts;
        }
        sums
    }

    fn sum_g(&self) -> f64 {
        if self.measured <= DENSE_END {
            return from_fixed(self.dense.sum);
        }
        sum_g(&self.counts, self.measured, self.tables)
    }

    /// Compare the entropy with the threshold; `bytes` are those since the last look.
    fn judge(&mut self, sum_g: f64, bytes: &[u8]) {
        self.latest = self.tables.entropy(self.measured, sum_g);
        self.judged = self.measured;
        if (self.latest >= self.threshold) != self.is_above {
            self.is_above = !self.is_above;
            if self.crossings.len() < MAX_CROSSINGS {
                let crossing = self.find_crossing(bytes);
                self.crossings.push(crossing);
            }
        }
    }

    /// Walk the bytes that ended on the other side of the threshold, to find where it was crossed.
    fn find_crossing(&self, bytes: &[u8]) -> Crossing {
        let tables = self.tables;
        let mut counts = self.counts();
        for &byte in bytes {
            counts[usize::from(byte)] -= 1;
        }
        let mut offset = self.measured - bytes.len() as u64;
        let mut sum = sum_g(&counts, offset, tables);
        for &byte in bytes {
            let count = &mut counts[usize::from(byte)];
            sum += tables.g(*count + 1) - tables.g(*count);
            *count += 1;
            offset += 1;
            if (tables.entropy(offset, sum) >= self.threshold) == self.is_above {
                break;
            }
        }
        Crossing { offset, packet: self.packet_at(offset - 1) }
    }

    fn packet_at(&self, index: u64) -> PacketRef {
        let after = self.marks.partition_point(|mark| mark.0 <= index);
        let mark = after.checked_sub(1).and_then(|at| self.marks.get(at));
        mark.map_or_else(PacketRef::default, |mark| mark.1)
    }
}

impl Default for Dense {
    fn default() -> Self {
        Self { counts: [0; 256], block: [0; 256], sum: 0, block_sum: 0 }
    }
}

impl Dense {
    /// Count bytes of one block, and keep both sums up to date.
    fn count(&mut self, bytes: &[u8], tables: &Tables) {
        let step = tables.step();
        let (mut sum, mut block_sum) = (self.sum, self.block_sum);
        // Nothing here can wrap: up to 2,048 bytes, counts stay below 2^12 and sums below 2^60.
        let mut take = |byte: u8| {
            let count = &mut self.counts[usize::from(byte)];
            sum = sum.wrapping_add(step[usize::from(*count) % STEPS]);
            *count = count.wrapping_add(1);
            let count = &mut self.block[usize::from(byte)];
            block_sum = block_sum.wrapping_add(step[usize::from(*count) % STEPS]);
            *count = count.wrapping_add(1);
        };
        let mut eights = bytes.chunks_exact(8);
        for eight in &mut eights {
            let word = eight.iter().rev().fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
            (0..8).for_each(|at| take((word >> (8 * at)) as u8));
        }
        eights.remainder().iter().for_each(|&byte| take(byte));
        (self.sum, self.block_sum) = (sum, block_sum);
    }

    /// The sum of g over the block that ends here, in bits.
    fn end_block(&mut self) -> f64 {
        self.block.fill(0);
        from_fixed(std::mem::take(&mut self.block_sum))
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
