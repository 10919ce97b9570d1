//! One trajectory: cumulative and block entropy along a series of bytes.

use super::counts::{sum_g, Counts, Scalars, Sums};
use super::grid::{next_check, next_point, CHECK_BYTES, ONE_CHECK_END, SHORT_BLOCKS_END};
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
/// Whether entropy stands above the threshold is judged at grid points, at checks between far
/// grid points, and at the end; where the answer changed since the last look, the bytes between
/// are walked again to find where.
pub struct Meter {
    limit: u64,
    threshold: f64,
    /// Whether sums over bytes are kept; a series made of others adopts theirs.
    adds_bytes: bool,
    counts: Counts,
    /// Counts since the last grid point, where that interval takes several checks.
    block: [u32; 256],
    /// Fixed-point sum of g over the counts, kept up to date while blocks are short.
    running_sum: u64,
    /// Other sums, likewise: most flows end while blocks are short, and need no look at 256 counts.
    sums: Sums,
    measured: u64,
    /// Bytes since the last check, and the packets that they came in.
    pending: Vec<u8>,
    marks: Vec<(u64, PacketRef)>,
    trajectory: Vec<f64>,
    block_entropy: Vec<f64>,
    crossings: Vec<Crossing>,
    is_above: bool,
    /// Cumulative entropy after the last whole block.
    latest: f64,
    neighbour_sum: u128,
    first_byte: u8,
    last_byte: u8,
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(settings: MeterSettings) -> Self {
        Self {
            limit: settings.depth.unwrap_or(u64::MAX),
            threshold: settings.threshold,
            adds_bytes: true,
            counts: Counts::default(),
            block: [0; 256],
            running_sum: 0,
            sums: Sums::default(),
            measured: 0,
            pending: Vec::with_capacity(CHECK_BYTES as usize),
            marks: vec![],
            trajectory: Vec::with_capacity(POINTS_RESERVED),
            block_entropy: Vec::with_capacity(POINTS_RESERVED),
            crossings: vec![],
            is_above: false,
            latest: 0.0,
            neighbour_sum: 0,
            first_byte: 0,
            last_byte: 0,
        }
    }

    /// A meter of two series together, which [`Meter::adopt_sums`] tells their sums at the end.
    #[must_use]
    pub fn of_both(settings: MeterSettings) -> Self {
        Self { adds_bytes: false, ..Self::new(settings) }
    }

    /// Forget everything, keep the allocations.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.block.fill(0);
        self.running_sum = 0;
        self.sums = Sums::default();
        self.measured = 0;
        self.pending.clear();
        self.marks.clear();
        self.trajectory.clear();
        self.block_entropy.clear();
        self.crossings.clear();
        self.is_above = false;
        self.neighbour_sum = 0;
    }

    /// Bytes taken so far, whether or not their block is complete.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.measured + self.pending.len() as u64
    }

    /// Whether no byte was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Take the next bytes of the series, and return how many were within the depth.
    pub fn update(&mut self, bytes: &[u8], packet: PacketRef) -> usize {
        let room = self.limit - self.len();
        let taken = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        let mut rest = &bytes[..taken];
        if !rest.is_empty() {
            self.marks.push((self.len(), packet));
        }
        while !rest.is_empty() {
            let (mut now, later) = rest.split_at(rest.len().min(SUM_BYTES));
            self.add_sums(now);
            while !now.is_empty() {
                now = self.take_block(now);
            }
            rest = later;
        }
        taken
    }

    /// Measure what is left of the last block. Call once, after the last byte.
    pub fn finish(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() {
            self.measure_block(&pending, u64::MAX);
        }
        self.pending = pending;
        self.pending.clear();
    }

    /// Cumulative entropy in bits per byte; none before the first byte.
    ///
    /// Cheap after a block's end, else it counts the incomplete block apart.
    #[must_use]
    pub fn entropy(&self) -> Option<f64> {
        let total = self.len();
        if total == 0 {
            return None;
        }
        if self.pending.is_empty() {
            return Some(self.latest);
        }
        let tables = Tables::get();
        let mut counts = self.counts.to_array();
        for &byte in &self.pending {
            counts[usize::from(byte)] += 1;
        }
        Some(entropy(total, counts.iter().map(|&count| tables.g(count)).sum()))
    }

    /// Let the sums that need no order be those of the two series that this one is made of.
    pub fn adopt_sums(&mut self, parts: &[Self]) {
        if self.measured <= SHORT_BLOCKS_END {
            self.sums.adopt(parts.iter().map(|part| &part.sums));
        }
    }

    /// Measures that follow from the counts; complete after [`Meter::finish`].
    #[must_use]
    pub fn scalars(&self) -> Option<Scalars> {
        let wrap = u128::from(self.last_byte) * u128::from(self.first_byte);
        let neighbour_sum = self.neighbour_sum + wrap;
        if self.measured > SHORT_BLOCKS_END {
            return self.counts.scalars(neighbour_sum);
        }
        let (squares, distinct) = self.counts.short_squares();
        let sums = Sums { squares, distinct, ..self.sums.clone() };
        (self.measured > 0).then(|| sums.scalars(neighbour_sum))
    }

    /// The 256 counts; complete after [`Meter::finish`].
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
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

    /// Move bytes into the current block, measure it when it is whole, return the rest.
    fn take_block<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let check = next_check(self.measured);
        let wanted = (check - self.measured) as usize - self.pending.len();
        let Some((now, rest)) = bytes.split_at_checked(wanted) else {
            self.pending.extend_from_slice(bytes);
            return &[];
        };
        if self.pending.is_empty() {
            self.measure_block(now, check);
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(now);
            self.measure_block(&pending, check);
            pending.clear();
            self.pending = pending;
        }
        self.drop_old_marks();
        rest
    }

    /// Count one block; `check` is where it would end if it were whole.
    fn measure_block(&mut self, bytes: &[u8], check: u64) {
        let before = self.measured;
        self.measured += bytes.len() as u64;
        let is_point = self.measured == check && check == next_point(before);
        let sum = if before < SHORT_BLOCKS_END {
            self.count_short(bytes, is_point)
        } else {
            self.count_block(bytes, is_point)
        };
        let now = entropy(self.measured, sum);
        self.latest = now;
        if is_point {
            self.trajectory.push(now);
        }
        if (now >= self.threshold) != self.is_above {
            self.is_above = !self.is_above;
            self.find_crossing(bytes, before);
        }
    }

    /// Count a short block byte by byte, keeping both sums up to date.
    fn count_short(&mut self, bytes: &[u8], is_point: bool) -> f64 {
        let step = Tables::get().step();
        let counts = self.counts.recent_mut(bytes.len() as u64);
        let mut local = [0_u8; 256];
        let (mut sum, mut local_sum) = (self.running_sum, 0_u64);
        // Nothing here can wrap: up to 2,048 bytes, counts stay below 2^12 and sums below 2^60.
        for &byte in bytes {
            let count = &mut counts[usize::from(byte)];
            sum = sum.wrapping_add(step[*count as usize % STEPS]);
            *count = count.wrapping_add(1);
            let count = &mut local[usize::from(byte)];
            local_sum = local_sum.wrapping_add(step[usize::from(*count) % STEPS]);
            *count = count.wrapping_add(1);
        }
        self.running_sum = sum;
        if is_point {
            let block = entropy(bytes.len() as u64, from_fixed(local_sum));
            self.block_entropy.push(block);
        }
        from_fixed(sum)
    }

    /// Count a longer block through a table of its own.
    fn count_block(&mut self, bytes: &[u8], is_point: bool) -> f64 {
        let tables = Tables::get();
        let local = count_bytes(bytes);
        let sum = self.counts.add(&local, bytes.len() as u64, tables);
        if self.measured <= ONE_CHECK_END {
            if is_point {
                let length = bytes.len() as u64;
                let block = entropy(length, sum_g(&local, length, tables));
                self.block_entropy.push(block);
            }
            return sum;
        }
        for (total, count) in self.block.iter_mut().zip(&local) {
            *total += *count;
        }
        if is_point {
            let length = self.block.iter().map(|&count| u64::from(count)).sum();
            self.block_entropy.push(entropy(length, sum_g(&self.block, length, tables)));
            self.block.fill(0);
        }
        sum
    }

    /// Keep up the sums that need no counts, over at most [`SUM_BYTES`].
    fn add_sums(&mut self, bytes: &[u8]) {
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return;
        };
        if self.is_empty() {
            self.first_byte = first;
        } else {
            self.neighbour_sum += u128::from(self.last_byte) * u128::from(first);
        }
        // At most 32,768 products of at most 65,025: the sum fits 32 bits and cannot wrap.
        let products = bytes.iter().zip(&bytes[1..]).map(|(&a, &b)| u32::from(a) * u32::from(b));
        let sum = products.fold(0_u32, u32::wrapping_add);
        self.neighbour_sum += u128::from(sum);
        self.last_byte = last;
        if self.adds_bytes && self.measured < SHORT_BLOCKS_END {
            self.sums.add_bytes(bytes);
        }
    }

    /// Walk the block that ended on the other side of the threshold, to find where it crossed.
    fn find_crossing(&mut self, bytes: &[u8], before: u64) {
        if self.crossings.len() >= MAX_CROSSINGS {
            return;
        }
        let tables = Tables::get();
        let mut counts = self.counts.to_array();
        for &byte in bytes {
            counts[usize::from(byte)] -= 1;
        }
        let mut sum: f64 = counts.iter().map(|&count| tables.g(count)).sum();
        let mut offset = before;
        for &byte in bytes {
            let count = &mut counts[usize::from(byte)];
            sum += tables.g(*count + 1) - tables.g(*count);
            *count += 1;
            offset += 1;
            if (entropy(offset, sum) >= self.threshold) == self.is_above {
                break;
            }
        }
        let packet = self.packet_at(offset - 1);
        self.crossings.push(Crossing { offset, packet });
    }

    fn packet_at(&self, index: u64) -> PacketRef {
        let after = self.marks.partition_point(|mark| mark.0 <= index);
        after
            .checked_sub(1)
            .and_then(|at| self.marks.get(at))
            .map_or_else(PacketRef::default, |mark| mark.1)
    }

    /// Only the packet of the last measured byte and later ones can still be asked for.
    fn drop_old_marks(&mut self) {
        let old = self.marks.partition_point(|mark| mark.0 < self.measured);
        if old > 1 {
            self.marks.drain(..old - 1);
        }
    }
}

/// Plug-in entropy in bits per byte of `total` bytes whose counts have the given sum of g.
///
/// log2 N - S / N, written with the table's g(N) = N log2 N in place of the logarithm.
fn entropy(total: u64, sum_g: f64) -> f64 {
    // Rounding must not show as an entropy below 0 or above 8.
    ((Tables::get().g(total) - sum_g) / total as f64).clamp(0.0, 8.0)
}

/// Count a block in four interleaved tables, so that a repeated byte does not wait for the store
/// of the one before it.
fn count_bytes(bytes: &[u8]) -> [u32; 256] {
    // A block has at most 2,048 bytes, so no count can wrap 16 bits.
    let mut tables = [[0_u16; 256]; 4];
    let mut fours = bytes.chunks_exact(4);
    for four in &mut fours {
        for (table, &byte) in tables.iter_mut().zip(four) {
            let count = &mut table[usize::from(byte)];
            *count = count.wrapping_add(1);
        }
    }
    for &byte in fours.remainder() {
        let count = &mut tables[0][usize::from(byte)];
        *count = count.wrapping_add(1);
    }
    let [a, b, c, d] = &tables;
    std::array::from_fn(|at| {
        let sum = a[at].wrapping_add(b[at]).wrapping_add(c[at]).wrapping_add(d[at]);
        u32::from(sum)
    })
}

#[cfg(test)]
mod tests;
