//! Byte counts and the measures that follow from them alone.

use super::tables::Tables;

/// How often each byte value occurred.
pub type Counts = [u64; 256];

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

/// Sum of g over counts of `total` bytes, in bits; always added in the same order.
pub(super) fn sum_g(counts: &Counts, total: u64, tables: &Tables) -> f64 {
    if Tables::is_small(total) {
        return sum_by(counts, |count| tables.small_g(count));
    }
    sum_by(counts, |count| tables.g(count))
}

/// Sums over counts and what they grew by.
pub(super) struct Growth {
    /// Of g over the counts, in bits.
    pub sum: f64,
    /// Of g over what they grew by.
    pub grown_sum: f64,
    /// Of what they grew by, each times its weight.
    pub weighted: f64,
}

/// Sums over `counts` of `total` bytes and what they grew by since `last`; `weight` is asked for
/// each with g(n) - g(n - 1) for the count and with the same for the count that came after `last`.
pub(super) fn growth(
    counts: &Counts,
    last: &Counts,
    total: u64,
    tables: &Tables,
    weight: impl Fn(f64, f64) -> f64,
) -> Growth {
    if Tables::is_small(total) {
        let weight = |now, last: u64| weight(tables.small_rise(now), tables.small_rise(last + 1));
        return growth_by(counts, last, |count| tables.small_g(count), weight);
    }
    let weight = |now, last: u64| weight(tables.rise(now), tables.rise(last + 1));
    growth_by(counts, last, |count| tables.g(count), weight)
}

/// In four chains, so that additions need not wait for each other.
fn sum_by(counts: &Counts, g: impl Fn(u64) -> f64) -> f64 {
    let mut sums = [0.0; 4];
    for four in counts.chunks_exact(4) {
        for (sum, &count) in sums.iter_mut().zip(four) {
            *sum += g(count);
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

fn growth_by(
    counts: &Counts,
    last: &Counts,
    g: impl Fn(u64) -> f64,
    weight: impl Fn(u64, u64) -> f64,
) -> Growth {
    let (mut sums, mut grown_sums, mut weighted) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    for (four, last) in counts.chunks_exact(4).zip(last.chunks_exact(4)) {
        for at in 0..4 {
            // Counts only grow.
            let grown = four[at].wrapping_sub(last[at]);
            sums[at] += g(four[at]);
            grown_sums[at] += g(grown);
            // Signed numbers convert in one instruction.
            weighted[at] += grown as i64 as f64 * weight(four[at], last[at]);
        }
    }
    let total = |sums: [f64; 4]| (sums[0] + sums[1]) + (sums[2] + sums[3]);
    Growth { sum: total(sums), grown_sum: total(grown_sums), weighted: total(weighted) }
}

/// Integer sums over the counted bytes; exact, so that the order of bytes cannot matter.
#[derive(Default)]
pub(super) struct Sums {
    total: u64,
    printable: u64,
    set_bits: u64,
    values: u64,
    value_squares: u64,
    distinct: u16,
    squares: u128,
}

impl Sums {
    /// The sums over counts of fewer than 2^48 bytes, so that 64 bits hold all but the squares.
    pub fn of(counts: &Counts) -> Self {
        let mut sums = Self::default();
        // Adding from the back, a count is in `total` once for each value up to its own, and in
        // `values` once for each of these again: the triangular number v (v + 1) / 2.
        let mut triangles = 0_u64;
        for &count in counts[1..].iter().rev() {
            sums.total = sums.total.wrapping_add(count);
            sums.values = sums.values.wrapping_add(sums.total);
            triangles = triangles.wrapping_add(sums.values);
        }
        sums.value_squares = triangles.wrapping_mul(2).wrapping_sub(sums.values);
        sums.total = sums.total.wrapping_add(counts[0]);
        for (value, &count) in (0_u32..).zip(counts) {
            let ones = u64::from(value.count_ones());
            sums.set_bits = sums.set_bits.wrapping_add(ones.wrapping_mul(count));
            sums.distinct += u16::from(count != 0);
            sums.squares = sums.squares.wrapping_add(u128::from(count) * u128::from(count));
        }
        let printable = (0..=255_u8).zip(counts).filter(|(value, _)| is_printable(*value));
        sums.printable = printable.map(|(_, count)| count).sum();
        sums
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
        let square = u128::from(self.values) * u128::from(self.values);
        let below = total * u128::from(self.value_squares) - square;
        if below == 0 {
            return None;
        }
        let above = (total * neighbour_sum) as i128 - square as i128;
        Some(above as f64 / below as f64)
    }
}

/// Sums over up to [`PackedSums::MAX_BYTES`] bytes: one addition a byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PackedSums(u64);

impl PackedSums {
    /// So many bytes of any value fit the fields: 9 bits for printable bytes, 12 for set bits, 17
    /// for values and 26 for their squares.
    pub const MAX_BYTES: u64 = 511;

    const SET_BITS: u32 = 9;
    const VALUES: u32 = 21;
    const VALUE_SQUARES: u32 = 38;
    const OF_BYTE: [u64; 256] = Self::of_each_byte();

    const fn of_each_byte() -> [u64; 256] {
        let mut packed = [0; 256];
        let mut value = 0;
        while value < 256 {
            packed[value] = is_printable(value as u8) as u64
                | (value.count_ones() as u64) << Self::SET_BITS
                | (value as u64) << Self::VALUES
                | (value as u64 * value as u64) << Self::VALUE_SQUARES;
            value += 1;
        }
        packed
    }

    /// Add the next bytes; with more than fit, the sums are lost.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.wrapping_add(Self::OF_BYTE[usize::from(byte)]);
        }
    }

    /// The sums over these bytes and those of another series.
    pub fn with(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// All sums of `total` bytes, at most as many as fit, that were counted.
    pub fn unpack(self, total: u64, counts: &[u16; 256]) -> Sums {
        let field = |from: u32, to: u32| (self.0 >> from) & ((1 << (to - from)) - 1);
        // At most 511 squared in all; 32 bits do not wrap.
        let squares = counts.iter().map(|&count| i32::from(count as i16).wrapping_pow(2));
        let distinct = counts.iter().map(|&count| u16::from(count != 0));
        Sums {
            total,
            printable: field(0, Self::SET_BITS),
            set_bits: field(Self::SET_BITS, Self::VALUES),
            values: field(Self::VALUES, Self::VALUE_SQUARES),
            value_squares: field(Self::VALUE_SQUARES, 64),
            distinct: distinct.fold(0, u16::wrapping_add),
            squares: squares.fold(0, i32::wrapping_add).unsigned_abs().into(),
        }
    }
}

const fn is_printable(value: u8) -> bool {
    matches!(value, 0x20..=0x7e | b'\t' | b'\n' | b'\r')
}
