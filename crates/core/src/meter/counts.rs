//! Byte counts and the measures that follow from them alone.

use super::tables::Tables;

/// Counts are carried into wide ones before a 32-bit count could overflow.
const CARRY_AT: u64 = 1 << 31;

/// How often each byte value occurred.
pub struct Counts {
    recent: [u32; 256],
    recent_total: u64,
    carried: Option<Box<[u64; 256]>>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { recent: [0; 256], recent_total: 0, carried: None }
    }
}

/// Measures that need nothing but the counts and one sum over neighbouring bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalars {
    /// Share of 0x20..=0x7e, tab, line feed and carriage return.
    pub printable_share: f64,
    /// Mean number of one bits in a byte.
    pub set_bits_per_byte: f64,
    /// Byte values that occur.
    pub distinct_bytes: u16,
    /// Pearson's chi-square against uniform bytes (255 degrees of freedom).
    pub chi_square: f64,
    /// Lag-one circular serial correlation (Knuth, TAOCP 2, 3.3.2 K); none where undefined.
    pub serial_correlation: Option<f64>,
}

impl Counts {
    /// Forget everything, keep the allocation.
    pub fn clear(&mut self) {
        self.recent.fill(0);
        self.recent_total = 0;
        self.carried = None;
    }

    /// Direct access for counting at most `adding` bytes one by one.
    pub fn recent_mut(&mut self, adding: u64) -> &mut [u32; 256] {
        self.carry_if_full(adding);
        self.recent_total += adding;
        &mut self.recent
    }

    /// Add a block's counts and return the sum of g over the new counts, in bits.
    pub fn add(&mut self, block: &[u32; 256], total: u64, tables: &Tables) -> f64 {
        self.carry_if_full(total);
        self.recent_total += total;
        for (count, &more) in self.recent.iter_mut().zip(block) {
            // Cannot wrap: the total was carried before it could reach 2^31.
            *count = count.wrapping_add(more);
        }
        self.sum_g(tables)
    }

    /// Sum of g(n) over all counts, in bits; always added in the same order.
    #[must_use]
    pub fn sum_g(&self, tables: &Tables) -> f64 {
        if self.carried.is_some() {
            return (0..256).map(|value| tables.g(self.get(value))).sum();
        }
        sum_g(&self.recent, self.recent_total, tables)
    }

    /// How often `value` occurred.
    #[must_use]
    pub fn get(&self, value: usize) -> u64 {
        let carried = self.carried.as_ref().map_or(0, |wide| wide[value & 255]);
        carried + u64::from(self.recent[value & 255])
    }

    /// All 256 counts.
    #[must_use]
    pub fn to_array(&self) -> [u64; 256] {
        std::array::from_fn(|value| self.get(value))
    }

    fn carry_if_full(&mut self, adding: u64) {
        if self.recent_total + adding < CARRY_AT {
            return;
        }
        let wide = self.carried.get_or_insert_with(|| Box::new([0; 256]));
        for (sum, count) in wide.iter_mut().zip(&mut self.recent) {
            *sum += u64::from(std::mem::take(count));
        }
        self.recent_total = 0;
    }

    /// Sum of squared counts, and how many are not zero; for at most 65,535 bytes, so that 32 bits
    /// hold the sum and nothing wraps.
    pub(super) fn short_squares(&self) -> (u128, u16) {
        let squares = self.recent.iter().map(|&count| count.wrapping_mul(count));
        let squares = squares.fold(0_u32, u32::wrapping_add);
        let distinct = self.recent.iter().map(|&count| u32::from(count != 0));
        let distinct = distinct.fold(0_u32, u32::wrapping_add);
        (u128::from(squares), distinct as u16)
    }

    /// Measures of the counted bytes; none when there are no bytes.
    ///
    /// `neighbour_sum` is the sum of products of successive bytes, the last with the first.
    #[must_use]
    pub fn scalars(&self, neighbour_sum: u128) -> Option<Scalars> {
        let sums = Sums::of(&self.to_array());
        (sums.total > 0).then(|| sums.scalars(neighbour_sum))
    }
}

/// Sum of g over 32-bit counts of `total` bytes, in four chains so that additions need not wait
/// for each other.
pub(super) fn sum_g(counts: &[u32; 256], total: u64, tables: &Tables) -> f64 {
    if Tables::is_small(total) {
        return sum_by(counts, |count| tables.small_g(count));
    }
    sum_by(counts, |count| tables.g(u64::from(count)))
}

fn sum_by(counts: &[u32; 256], g: impl Fn(u32) -> f64) -> f64 {
    let mut sums = [0.0; 4];
    for four in counts.chunks_exact(4) {
        for (sum, &count) in sums.iter_mut().zip(four) {
            *sum += g(count);
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// Integer sums over the counted bytes; exact, so that the order of bytes cannot matter.
#[derive(Clone, Default)]
pub(super) struct Sums {
    pub total: u64,
    pub printable: u64,
    pub set_bits: u64,
    pub distinct: u16,
    pub squares: u128,
    pub values: u128,
    pub value_squares: u128,
}

impl Sums {
    fn of(counts: &[u64; 256]) -> Self {
        let mut sums = Self::default();
        for (value, &count) in (0_u64..).zip(counts).filter(|(_, &count)| count > 0) {
            sums.total += count;
            sums.printable += if is_printable(value as u32) { count } else { 0 };
            sums.set_bits += u64::from(value.count_ones()) * count;
            sums.distinct += 1;
            sums.squares += u128::from(count) * u128::from(count);
            sums.values += u128::from(value) * u128::from(count);
            sums.value_squares += u128::from(value * value) * u128::from(count);
        }
        sums
    }

    /// Add the sums over some bytes that need no counts. At most 32,768 bytes at a time, so that 32
    /// bits hold every sum and nothing wraps.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        let sum = |term: fn(u32) -> u32| {
            let terms = bytes.iter().map(|&byte| term(u32::from(byte)));
            terms.fold(0_u32, u32::wrapping_add)
        };
        self.total += bytes.len() as u64;
        self.values += u128::from(sum(|byte| byte));
        self.value_squares += u128::from(sum(|byte| byte * byte));
        self.printable += u64::from(sum(|byte| u32::from(is_printable(byte))));
        let mut eights = bytes.chunks_exact(8);
        for eight in &mut eights {
            let word = eight.iter().fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
            self.set_bits += u64::from(word.count_ones());
        }
        let rest = eights.remainder().iter().map(|byte| u64::from(byte.count_ones()));
        self.set_bits += rest.sum::<u64>();
    }

    /// Take over the sums of parts that do not depend on how these are mixed.
    pub fn adopt<'a>(&mut self, parts: impl Iterator<Item = &'a Self>) {
        for part in parts {
            self.total += part.total;
            self.printable += part.printable;
            self.set_bits += part.set_bits;
            self.values += part.values;
            self.value_squares += part.value_squares;
        }
    }

    pub fn scalars(&self, neighbour_sum: u128) -> Scalars {
        let total = self.total as f64;
        Scalars {
            printable_share: self.printable as f64 / total,
            set_bits_per_byte: self.set_bits as f64 / total,
            distinct_bytes: self.distinct,
            chi_square: 256.0 * self.squares as f64 / total - total,
            serial_correlation: self.serial_correlation(neighbour_sum),
        }
    }

    fn serial_correlation(&self, neighbour_sum: u128) -> Option<f64> {
        let total = u128::from(self.total);
        let square = self.values * self.values;
        let below = total * self.value_squares - square;
        if below == 0 {
            return None;
        }
        let above = (total * neighbour_sum) as i128 - square as i128;
        Some(above as f64 / below as f64)
    }
}

fn is_printable(value: u32) -> bool {
    // Written without branches, so that the compiler can test several bytes at a time.
    (value.wrapping_sub(0x20) < 0x5f) | (value == 0x09) | (value == 0x0a) | (value == 0x0d)
}
