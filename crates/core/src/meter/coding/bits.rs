//! Numbers from bits read in one order: words at every bit offset, contexts, lags, repeats.
//!
//! What enters is read with the most significant bit first; for the other order its bytes come reversed.

use std::ops::RangeInclusive;

/// In which order the bits of a byte are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BitOrder {
    /// The most significant bit first.
    Msb,
    /// The least significant bit first.
    Lsb,
}

/// Width of the words that are counted for every flow, in bits.
const NARROW_WIDTH: u32 = 8;
/// Width of the widest words that are counted.
const WIDE_WIDTH: u32 = 12;
const WIDE_CHI_WIDTHS: [u32; 2] = [10, 12];
const NARROW_CONTEXTS: RangeInclusive<u32> = 1..=7;
const WIDE_CONTEXTS: RangeInclusive<u32> = 8..=11;
/// Lags, in bits, of the order that says more; those of the other order are wide.
const NARROW_LAGS: RangeInclusive<u32> = 6..=16;
const WIDE_LAGS: RangeInclusive<u32> = 17..=32;
/// Widths of the words of `repeats`.
const LONG_WIDTHS: [u32; 2] = [18, 22];
/// Most bytes of which 22-bit words are counted: beyond, more than one in 50 repeats by chance.
const LONG_LIMIT: usize = 20_000;

/// Numbers that [`narrow`] appends: chi-square, contexts, and lags of one order.
pub(super) const NARROW: usize = 2 * NARROW_COUNTED + 11;

/// Those of them that follow from the counts of one order: chi-square first, and contexts.
pub(super) const NARROW_COUNTED: usize = 1 + 7;

impl BitOrder {
    const BOTH: [Self; 2] = [Self::Msb, Self::Lsb];

    const fn name(self) -> &'static str {
        match self {
            Self::Msb => "msb",
            Self::Lsb => "lsb",
        }
    }

    /// Lags that are measured only where everything is. Those of whole bytes are the same in both orders.
    fn wide_lags(self) -> impl Iterator<Item = u32> {
        let lags = NARROW_LAGS.chain(WIDE_LAGS);
        lags.filter(move |lag| match self {
            Self::Msb => lag % 8 != 0,
            Self::Lsb => WIDE_LAGS.contains(lag),
        })
    }
}

pub(super) fn narrow_names() -> Vec<String> {
    let mut names = vec![];
    for order in BitOrder::BOTH {
        names.push(format!("{}_chi_{NARROW_WIDTH}", order.name()));
        names.extend(NARROW_CONTEXTS.map(|length| format!("{}_next_bit_{length}", order.name())));
    }
    names.extend(NARROW_LAGS.map(|lag| format!("lsb_bit_lag_{lag}")));
    names
}

pub(super) fn wide_names() -> Vec<String> {
    let mut names = vec![];
    for order in BitOrder::BOTH {
        let name = order.name();
        names.extend(WIDE_CHI_WIDTHS.map(|width| format!("{name}_chi_{width}")));
        names.extend(WIDE_CONTEXTS.map(|length| format!("{name}_next_bit_{length}")));
        names.extend(order.wide_lags().map(|lag| format!("{name}_bit_lag_{lag}")));
        names.extend(LONG_WIDTHS.map(|width| format!("{name}_repeats_{width}")));
    }
    names
}

/// What is measured of every flow; `reversed` are the bytes with their bits the other way round.
pub(super) fn narrow(bytes: &[u8], reversed: &[u8], numbers: &mut Vec<f32>) {
    counted(&eight_bit_counts(bytes), numbers);
    counted(&eight_bit_counts(reversed), numbers);
    let words = Words::of(reversed);
    numbers.extend(NARROW_LAGS.map(|lag| words.lag(lag)));
}

/// What is measured beside it of one order.
pub(super) fn wide(bytes: &[u8], order: BitOrder, numbers: &mut Vec<f32>) {
    let counts = twelve_bit_counts(bytes);
    let mut by_width = vec![counts];
    while let Some(last) = by_width.last().filter(|last| last.len() > 1 << NARROW_WIDTH) {
        by_width.push(without_first_bit(last));
    }
    let of_width = |width: u32| &by_width[(WIDE_WIDTH - width) as usize];
    numbers.extend(WIDE_CHI_WIDTHS.map(|width| chi_square(of_width(width))));
    numbers.extend(WIDE_CONTEXTS.map(|length| next_bit(of_width(length + 1))));
    let words = Words::of(bytes);
    numbers.extend(order.wide_lags().map(|lag| words.lag(lag)));
    numbers.extend(LONG_WIDTHS.map(|width| repeats(bytes, width)));
}

/// Chi-square and contexts from the counts of words.
fn counted(counts: &[u32], numbers: &mut Vec<f32>) {
    numbers.push(chi_square(counts));
    let at = numbers.len();
    let mut counts = counts.to_vec();
    for _ in NARROW_CONTEXTS {
        numbers.push(next_bit(&counts));
        counts = without_first_bit(&counts);
    }
    numbers[at..].reverse();
}

/// How often each word of 12 bits stands at any bit offset, those that end before bit 16 left out.
fn twelve_bit_counts(bytes: &[u8]) -> Vec<u32> {
    const MASK: usize = (1 << WIDE_WIDTH) - 1;
    let mut counts = vec![0_u32; MASK + 1];
    let mut last_bits = u32::from(bytes[0]) << 8 | u32::from(bytes[1]);
    counts[last_bits as usize & MASK] += 1;
    for &byte in &bytes[2..] {
        last_bits = last_bits << 8 | u32::from(byte);
        for shift in (0..8).rev() {
            counts[(last_bits >> shift) as usize & MASK] += 1;
        }
    }
    counts
}

/// How often each word of 8 bits stands at any bit offset, those that end before bit 16 left out.
///
/// A word of 11 bits holds four words of 8, so two of them a byte are counted and taken apart at the end.
fn eight_bit_counts(bytes: &[u8]) -> Vec<u32> {
    // A table each, so that an addition need not wait for the one before it; of at most 65,534 words.
    let mut counts = [[0_u16; 1 << 11]; 2];
    let mut count = |bits: u64, end: u32| {
        for (counts, shift) in counts.iter_mut().zip([5, 1]) {
            let count = &mut counts[(bits >> (end + shift)) as usize & 0x7ff];
            *count = count.wrapping_add(1);
        }
    };
    // Eight bytes hold six windows of three.
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let bits = u64::from_be_bytes(*eight);
        (0..6).rev().for_each(|window| count(bits, 8 * window));
        at += 6;
    }
    for three in bytes[at..].windows(3) {
        count(u32::from_be_bytes([0, three[0], three[1], three[2]]).into(), 0);
    }
    let [some, others] = counts;
    let counts: Vec<u32> =
        some.iter().zip(&others).map(|(a, b)| u32::from(*a).wrapping_add(u32::from(*b))).collect();
    // With F and L for leaving out the first and the last bit, the four words are LLL, FLL, FFL and FFF.
    let first = without_first_bit(&counts);
    let mut words = sum(without_last_bit(&counts), &first);
    let second = without_first_bit(&first);
    words = sum(without_last_bit(&words), &second);
    words = sum(without_last_bit(&words), &without_first_bit(&second));
    if let Some(&last) = bytes.last() {
        words[usize::from(last)] += 1;
    }
    words
}

// No count of at most 65,536 bytes and no sum of them can wrap; without checks they are added four at a time.

fn without_first_bit(counts: &[u32]) -> Vec<u32> {
    let (zero, one) = counts.split_at(counts.len() / 2);
    zero.iter().zip(one).map(|(a, b)| a.wrapping_add(*b)).collect()
}

fn without_last_bit(counts: &[u32]) -> Vec<u32> {
    counts.chunks_exact(2).map(|pair| pair[0].wrapping_add(pair[1])).collect()
}

fn sum(mut counts: Vec<u32>, others: &[u32]) -> Vec<u32> {
    for (count, other) in counts.iter_mut().zip(others) {
        *count = count.wrapping_add(*other);
    }
    counts
}

/// Pearson's chi-square against equal shares, standardised as if its draws were independent.
fn chi_square(counts: &[u32]) -> f32 {
    let cells = counts.len() as f64;
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let squares: u64 = counts.iter().map(|&count| u64::from(count) * u64::from(count)).sum();
    let (total, freedom) = (total as f64, cells - 1.0);
    ((cells * squares as f64 / total - total - freedom) / (2.0 * freedom).sqrt()) as f32
}

/// Whether equal contexts are followed by equal bits, from the counts of contexts with the bit after them.
fn next_bit(counts: &[u32]) -> f32 {
    let (mut agreement, mut variance) = (0_i64, 0_i64);
    for pair in counts.chunks_exact(2) {
        // Counts stay below 2^20: their squares, summed over 2^12 cells, fit 63 bits.
        let (zeros, ones) = (i64::from(pair[0]), i64::from(pair[1]));
        let seen = zeros + ones;
        agreement += (zeros - ones) * (zeros - ones) - seen;
        variance += 2 * seen * (seen - 1);
    }
    if variance == 0 {
        return 0.0;
    }
    (agreement as f64 / (variance as f64).sqrt()) as f32
}

/// Bits in words of 64, the first bit the most significant, with a word of zeros behind.
struct Words {
    words: Vec<u64>,
    bits: usize,
}

impl Words {
    fn of(bytes: &[u8]) -> Self {
        let mut words = Vec::with_capacity(bytes.len() / 8 + 2);
        let eights = bytes.chunks_exact(8);
        let rest = eights.remainder();
        words.extend(
            eights.map(|eight| eight.iter().fold(0_u64, |word, &byte| word << 8 | u64::from(byte))),
        );
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words.extend([u64::from_be_bytes(last), 0]);
        Self { words, bits: 8 * bytes.len() }
    }

    /// Agreements less disagreements of bits at a lag of 1 to 63, over the root of their number.
    fn lag(&self, lag: u32) -> f32 {
        let compared = self.bits - lag as usize;
        let (whole, rest) = (compared / 64, compared % 64);
        let unlike = |now: u64, next: u64| now ^ (now << lag | next >> (64 - lag));
        let pairs = self.words.iter().zip(&self.words[1..]);
        // At most 8 LONGEST bits are counted.
        let mut count = pairs.take(whole).fold(0_u64, |sum, (&now, &next)| {
            sum.wrapping_add(unlike(now, next).count_ones().into())
        });
        if rest > 0 {
            let last = unlike(self.words[whole], self.words[whole + 1]);
            count += u64::from((last >> (64 - rest)).count_ones());
        }
        ((compared as f64 - 2.0 * count as f64) / (compared as f64).sqrt()) as f32
    }
}

/// How many words of many bits, at every bit offset, stood there before.
fn repeats(bytes: &[u8], width: u32) -> f32 {
    if width > LONG_WIDTHS[0] && bytes.len() > LONG_LIMIT {
        return 0.0;
    }
    // The last word is not counted.
    let count = 8 * bytes.len() - width as usize;
    let mut is_seen = vec![0_u64; 1 << (width - 6)];
    let mut last_bits = 0_u64;
    let mut distinct = 0_usize;
    for (at, &byte) in bytes.iter().enumerate() {
        last_bits = last_bits << 8 | u64::from(byte);
        for shift in (0..8).rev() {
            let end = 8 * (at + 1) - shift;
            if end >= width as usize && end < 8 * bytes.len() {
                let word = (last_bits >> shift) as usize & ((1 << width) - 1);
                let (place, bit) = (&mut is_seen[word / 64], 1 << (word % 64));
                distinct += usize::from(*place & bit == 0);
                *place |= bit;
            }
        }
    }
    let space = f64::from(1_u32 << width);
    let expected = count as f64 + space * (-(count as f64) / space).exp_m1();
    (((count - distinct) as f64 - expected) / (3.0 * expected + 1.0).sqrt()) as f32
}
