//! Numbers from whole bytes: how often they occur, follow each other and repeat.

use std::ops::RangeInclusive;

/// Names of what [`narrow`] appends.
#[rustfmt::skip]
pub(super) const NARROW: &[&str] = &[
    "byte_chi2", "zero_count", "ff_count", "ff_00", "ff_other", "ff_marker", "zero_pair",
    "byte_lag_1", "byte_lag_2", "byte_lag_3", "byte_lag_4", "byte_lags_1_to_4",
];

/// Places of two of them.
pub(super) const BYTE_CHI2: usize = 0;
pub(super) const ZERO_PAIR: usize = 6;

/// Names of what [`wide`] appends.
#[rustfmt::skip]
pub(super) const WIDE: &[&str] = &[
    "byte_lag_5", "byte_lag_6", "byte_lag_7", "byte_lag_8",
    "repeats_3", "repeats_4", "zeros_of_16", "block_variance", "block_largest",
];

const NARROW_LAGS: RangeInclusive<usize> = 1..=4;
const WIDE_LAGS: RangeInclusive<usize> = 5..=8;

/// Slots of the table of recent strings.
const SLOTS: usize = 4096;

/// Bytes of a block of `block_variance`.
const BLOCK: usize = 64;

pub(super) fn narrow(bytes: &[u8], numbers: &mut Vec<f32>) {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        let count = &mut counts[usize::from(byte)];
        *count = count.wrapping_add(1);
    }
    let length = bytes.len() as f64;
    let squares: u64 = counts.iter().map(|&count| u64::from(count) * u64::from(count)).sum();
    numbers.push(((256.0 * squares as f64 / length - length - 255.0) / 510_f64.sqrt()) as f32);
    for value in [0, 255] {
        let expected = length / 256.0;
        let spread = (expected * 255.0 / 256.0).sqrt();
        numbers.push(((f64::from(counts[value]) - expected) / spread) as f32);
    }
    pairs(bytes, numbers);
    lags(bytes, numbers);
}

/// What follows FF and 00, which JPEG and MP3 restrict.
fn pairs(bytes: &[u8], numbers: &mut Vec<f32>) {
    let (mut followers, mut zero, mut other, mut marker, mut zeros) = (0, 0, 0, 0, 0);
    for at in memchr::memchr2_iter(0, 255, &bytes[..bytes.len() - 1]) {
        let next = bytes[at + 1];
        if bytes[at] == 255 {
            followers += 1;
            zero += u32::from(next == 0);
            other += u32::from(next != 0 && next & 0xf8 != 0xd0);
            marker += u32::from((0xe0..=0xfe).contains(&next));
        } else {
            zeros += u32::from(next == 0);
        }
    }
    let expected = (bytes.len() - 1) as f64 / 65_536.0;
    let score = |count: u32| ((f64::from(count) - expected) / (expected + 0.1).sqrt()) as f32;
    numbers.extend([
        score(zero),
        binomial(other, followers, 247.0 / 256.0),
        binomial(marker, followers, 31.0 / 256.0),
        score(zeros),
    ]);
}

/// A count standardised as a binomial number; 0.05 keeps few trials from giving large scores.
fn binomial(count: u32, trials: u32, chance: f64) -> f32 {
    let trials = f64::from(trials);
    ((f64::from(count) - trials * chance) / (trials * chance * (1.0 - chance) + 0.05).sqrt()) as f32
}

/// Equal bytes at each lag, and at all of them together.
fn lags(bytes: &[u8], numbers: &mut Vec<f32>) {
    let mut together = 0.0;
    for score in NARROW_LAGS.map(|lag| lag_score(bytes, lag)) {
        together += score;
        numbers.push(score as f32);
    }
    numbers.push((together / 2.0) as f32);
}

/// A binomial number, standardised.
fn lag_score(bytes: &[u8], lag: usize) -> f64 {
    let expected = (bytes.len() - lag) as f64 / 256.0;
    let equal = f64::from(equal(&bytes[lag..], bytes));
    (equal - expected) / (expected * 255.0 / 256.0).sqrt()
}

/// Places where two series are equal, as far as the first goes.
fn equal(bytes: &[u8], others: &[u8]) -> u32 {
    // Counts of 255 bytes fit a byte, so that sixteen are compared and counted at a time.
    let parts = bytes.chunks(255).zip(others.chunks(255));
    parts
        .map(|(these, those)| {
            let ones = these.iter().zip(those).map(|(a, b)| u8::from(a == b));
            u32::from(ones.fold(0_u8, u8::wrapping_add))
        })
        .sum()
}

pub(super) fn wide(bytes: &[u8], numbers: &mut Vec<f32>) {
    numbers.extend(WIDE_LAGS.map(|lag| lag_score(bytes, lag) as f32));
    string_repeats(bytes, numbers);
    numbers.push(zeros_of_16(bytes));
    blocks(bytes, numbers);
}

/// How often a string of 3 or 4 bytes is the last that fell into its slot.
fn string_repeats(bytes: &[u8], numbers: &mut Vec<f32>) {
    let words =
        || bytes.windows(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
    let count = (bytes.len() - 3) as f64;
    let slots = SLOTS as f64;
    let expected = slots / 256_f64.powi(3) * (count + slots * (-count / slots).exp_m1());
    let of_three = slot_hits(words().map(|word| word & 0x00ff_ffff));
    numbers.push(((f64::from(of_three) - expected) / (expected + 0.5).sqrt()) as f32);
    numbers.push(f64::from(1 + slot_hits(words())).log2() as f32);
}

fn slot_hits(words: impl Iterator<Item = u32>) -> u32 {
    let mut last = vec![None; SLOTS];
    let mut hits = 0;
    for word in words {
        // Knuth's multiplicative hash: 2^32 over the golden ratio, the upper 12 bits of the product.
        let slot = &mut last[(word.wrapping_mul(2_654_435_761) >> 20) as usize];
        hits += u32::from(*slot == Some(word));
        *slot = Some(word);
    }
    hits
}

/// Most zeros among 16 bytes at offsets 0, 4, 8, ...
fn zeros_of_16(bytes: &[u8]) -> f32 {
    let zeros = |part: &[u8]| part.iter().filter(|&&byte| byte == 0).count();
    bytes.windows(16).step_by(4).map(zeros).max().unwrap_or(0) as f32
}

/// Equal pairs of bytes within blocks: how much blocks differ, and the largest.
fn blocks(bytes: &[u8], numbers: &mut Vec<f32>) {
    let mean = (BLOCK * (BLOCK - 1) / 2) as f64 / 256.0;
    let variance = mean * 255.0 / 256.0;
    let (mut sum, mut largest) = (0.0, f64::NEG_INFINITY);
    for block in bytes.chunks_exact(BLOCK) {
        let mut counts = [0_u8; 256];
        let mut equal = 0_u32;
        for &byte in block {
            let count = &mut counts[usize::from(byte)];
            equal += u32::from(*count);
            *count += 1;
        }
        let score = (f64::from(equal) - mean) / variance.sqrt();
        sum += score * score;
        largest = largest.max(score);
    }
    let count = (bytes.len() / BLOCK) as f64;
    numbers.push(((sum - count) / ((2.0 + 1.0 / variance) * count).sqrt()) as f32);
    numbers.push(largest as f32);
}
