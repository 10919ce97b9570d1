//! The dense part of the grid, where sums of g are kept up to date byte by byte.

use super::tables::{from_fixed, Tables, STEPS};

/// How far from the threshold a fixed-point sum counts as on it: neither rounding nor a tie, 1e-10
/// bits of up to 2,048 bytes, must hide a crossing, and what is found is judged again.
const SLACK: i64 = 1 << 22;

/// Counts of the dense part of the grid, where they are small.
pub(super) struct Dense {
    pub counts: [u16; 256],
    /// Counts since the last grid point.
    block: [u8; 256],
    /// Fixed-point sums of g over both.
    sum: u64,
    block_sum: u64,
    /// Bytes so far.
    length: u16,
    /// Whether the threshold may be crossed before the next grid point.
    is_watched: bool,
    /// Whether it was, since the last grid point.
    has_crossed: bool,
}

impl Default for Dense {
    fn default() -> Self {
        Self {
            counts: [0; 256],
            block: [0; 256],
            sum: 0,
            block_sum: 0,
            length: 0,
            is_watched: true,
            has_crossed: false,
        }
    }
}

impl Dense {
    /// Count bytes of one block, keep both sums up to date, and note whether entropy met the
    /// threshold, in fixed point, from below or above.
    pub fn count(&mut self, bytes: &[u8], threshold: i64, is_above: bool, tables: &Tables) {
        if !self.is_watched {
            self.count_each(bytes, tables, |_| {});
            return;
        }
        // Entropy log2 N - S / N is at the threshold where S = g(N) - N * threshold.
        let slack = if is_above { -SLACK } else { SLACK };
        let mut taken = i64::from(self.length).wrapping_mul(threshold).wrapping_sub(slack);
        let mut length = self.length;
        let mut has_crossed = false;
        self.count_each(bytes, tables, |sum| {
            length = length.wrapping_add(1);
            taken = taken.wrapping_add(threshold);
            has_crossed |= (sum as i64 <= tables.fixed_g(length).wrapping_sub(taken)) != is_above;
        });
        self.has_crossed |= has_crossed;
    }

    fn count_each(&mut self, bytes: &[u8], tables: &Tables, mut look: impl FnMut(u64)) {
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
            look(sum);
        };
        let mut eights = bytes.chunks_exact(8);
        for eight in &mut eights {
            let word = eight.iter().rev().fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
            (0..8).for_each(|at| take((word >> (8 * at)) as u8));
        }
        eights.remainder().iter().for_each(|&byte| take(byte));
        (self.sum, self.block_sum) = (sum, block_sum);
        // At most 2,048.
        self.length = self.length.wrapping_add(bytes.len() as u16);
    }

    /// The sum of g over all bytes, in bits.
    pub fn sum(&self) -> f64 {
        from_fixed(self.sum)
    }

    /// The sum of g over the bytes of the block so far, in bits.
    pub fn block_sum(&self) -> f64 {
        from_fixed(self.block_sum)
    }

    /// Let the next block begin.
    pub fn end_block(&mut self) {
        self.block.fill(0);
        self.block_sum = 0;
    }

    /// Whether entropy met the threshold since the last call.
    pub fn has_crossed(&mut self) -> bool {
        std::mem::take(&mut self.has_crossed)
    }

    /// Decide whether bytes up to `end` must be watched.
    ///
    /// From below, entropy gets highest if the sum stays as it is; where that leads is a convex
    /// function of the length, so that its ends bound it.
    pub fn watch(&mut self, end: u64, threshold: i64, is_above: bool, tables: &Tables) {
        let room = |length: u16| {
            let taken = i64::from(length).wrapping_mul(threshold);
            tables.fixed_g(length).wrapping_sub(taken).wrapping_add(SLACK)
        };
        let reach = room(self.length.wrapping_add(1)).max(room(end as u16));
        self.is_watched = is_above || self.sum as i64 <= reach;
    }
}
