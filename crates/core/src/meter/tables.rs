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
    step: Box<[u64; STEPS]>,
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
        let mut step = Box::new([0; STEPS]);
        for (n, slot) in step.iter_mut().enumerate() {
            *slot = fixed(n_log2_n(n as u64 + 1)) - fixed(n_log2_n(n as u64));
        }
        Self { g, step }
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
}

fn n_log2_n(n: u64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let n = n as f64;
    n * n.log2()
}

fn fixed(value: f64) -> u64 {
    (value * (1_u64 << FRACTION_BITS) as f64).round() as u64
}

/// A fixed-point sum of steps as bits.
#[must_use]
pub fn from_fixed(sum: u64) -> f64 {
    // Sums stay below 2^60, and signed numbers convert in one instruction.
    sum as i64 as f64 / (1_u64 << FRACTION_BITS) as f64
}
