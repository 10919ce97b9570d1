//! Tables of n log2 n, the only transcendental that entropy needs.

use std::sync::OnceLock;

use super::grid::DENSE_END;

/// Entries of the floating-point table: counts of a 64 KiB direction fit.
const TABLE_LEN: usize = 65_537;
/// Fractional bits of the fixed-point table; 2048 log2 2048 = 22,528 needs 15 bits before them.
const FRACTION_BITS: u32 = 44;

/// Entries of the fixed-point table: a power of two, so that a mask keeps an index inside.
pub const STEPS: usize = DENSE_END as usize;

/// Precomputed values of g(n) = n log2 n.
pub struct Tables {
    g: Vec<f64>,
    /// g(n) - g(n - 1), and 0 for n = 0.
    rise: Vec<f64>,
    step: Box<[u64; STEPS]>,
    /// g(n + 1) in fixed point.
    fixed_g: Box<[i64; STEPS]>,
}

impl Tables {
    /// The tables, made on first use.
    #[must_use]
    pub fn get() -> &'static Self {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(Self::new)
    }

    fn new() -> Self {
        let g: Vec<f64> = (0..TABLE_LEN as u64).map(n_log2_n).collect();
        let rises = g.windows(2).map(|pair| pair[1] - pair[0]);
        let rise = [0.0].into_iter().chain(rises).collect();
        let (mut step, mut fixed_g) = (Box::new([0; STEPS]), Box::new([0; STEPS]));
        for n in 0..STEPS {
            fixed_g[n] = to_fixed(g[n + 1]);
            step[n] = (fixed_g[n] - to_fixed(g[n])).unsigned_abs();
        }
        Self { g, rise, step, fixed_g }
    }

    /// g(n) in bits.
    #[must_use]
    pub fn g(&self, n: u64) -> f64 {
        match self.g.get(usize::try_from(n).unwrap_or(usize::MAX)) {
            Some(&value) => value,
            None => n_log2_n(n),
        }
    }

    /// Plug-in entropy in bits per byte of `total` bytes whose counts have the given sum of g.
    ///
    /// log2 N - S / N, written with the table's g(N) = N log2 N in place of the logarithm.
    #[must_use]
    pub fn entropy(&self, total: u64, sum_g: f64) -> f64 {
        // Rounding must not show as an entropy below 0 or above 8.
        ((self.g(total) - sum_g) / total as f64).clamp(0.0, 8.0)
    }

    /// g(n) in bits for counts that cannot exceed 65,536; the rest of the table is not asked.
    #[must_use]
    pub fn small_g(&self, n: u64) -> f64 {
        self.g.get(n as usize).copied().unwrap_or(0.0)
    }

    /// g(n) - g(n - 1) in bits, and 0 for n = 0.
    #[must_use]
    pub fn rise(&self, n: u64) -> f64 {
        match self.rise.get(usize::try_from(n).unwrap_or(usize::MAX)) {
            Some(&value) => value,
            None => self.g(n) - self.g(n - 1),
        }
    }

    /// The same for counts that cannot exceed 65,536.
    #[must_use]
    pub fn small_rise(&self, n: u64) -> f64 {
        self.rise.get(n as usize).copied().unwrap_or(0.0)
    }

    /// Whether [`Tables::small_g`] holds for all counts of `total` bytes.
    #[must_use]
    pub fn is_small(total: u64) -> bool {
        total < TABLE_LEN as u64
    }

    /// g(n + 1) - g(n) in fixed point, for n below 2,048. Sums of these telescope to the rounded
    /// g(n) exactly, so that the order of bytes cannot show in the last digit.
    #[must_use]
    pub fn step(&self) -> &[u64; STEPS] {
        &self.step
    }

    /// g(n) in fixed point, for n from 1 to 2,048.
    #[must_use]
    pub fn fixed_g(&self, n: u16) -> i64 {
        self.fixed_g[usize::from(n.wrapping_sub(1)) % STEPS]
    }
}

fn n_log2_n(n: u64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let n = n as f64;
    n * n.log2()
}

/// Bits in fixed point.
#[must_use]
pub fn to_fixed(bits: f64) -> i64 {
    (bits * (1_u64 << FRACTION_BITS) as f64).round() as i64
}

/// A fixed-point sum of steps as bits.
#[must_use]
pub fn from_fixed(sum: u64) -> f64 {
    // Sums stay below 2^60, and signed numbers convert in one instruction.
    sum as i64 as f64 / (1_u64 << FRACTION_BITS) as f64
}
