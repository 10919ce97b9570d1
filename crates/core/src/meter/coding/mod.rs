//! What tells compressed bytes from encrypted ones.
//!
//! Contiguous opaque bytes enter; numbers leave, nearly all scored against uniformly random bytes: mean 0 and a variance
//! near 1 at any length. Codes are written bit by bit, so words of bits are counted at every bit offset, in both orders in
//! which a byte is read: `msb` begins with the most significant bit (JPEG, MP3, bzip2), `lsb` with the least (deflate,
//! brotli). What each number is, its law and what it contributes: docs/decisions/0014-encrypted-or-compressed.md.
//!
//! The first [`NARROW`] numbers are cheap enough for every flow. In flows, remains of cleartext blur what is opaque: where
//! numbers are unusual, they are measured a second time without it. The wide ones take several times as long.

mod bits;
mod cleartext;
mod framing;
mod octets;

use bits::BitOrder;

/// Fewest bytes that are measured: one block of `block_variance`.
pub const SHORTEST: usize = 64;

/// Most bytes that are measured: with more, sums of squares would not be exact.
pub const LONGEST: usize = 65_536;

/// Chi-squares, standardised, from which on framing is looked for: random bytes stay below it nearly always, so that
/// they are measured once.
const UNEVEN: f32 = 4.0;

/// Any number from which on remains of cleartext are looked for: of random bytes one in twelve has such a number.
const UNUSUAL: f32 = 3.5;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The first [`NARROW`] numbers, and the same without cleartext where they are [`UNUSUAL`]: of flows.
    Narrow,
    /// All numbers, of the bytes as they are.
    Wide,
}

/// Numbers that are cheap enough for flows.
pub const NARROW: usize = octets::NARROW.len() + bits::NARROW;

/// Names of the numbers, in the order in which [`measure`] gives them.
#[must_use]
pub fn names(extent: Extent) -> Vec<String> {
    let mut names: Vec<String> = octets::NARROW.iter().map(ToString::to_string).collect();
    names.extend(bits::narrow_names());
    match extent {
        Extent::Narrow => names.extend(names.clone().iter().map(|name| format!("cleared_{name}"))),
        Extent::Wide => {
            names.extend(octets::WIDE.iter().map(ToString::to_string));
            names.extend(bits::wide_names());
        }
    }
    names
}

/// Measure bytes and append the numbers; of more than [`LONGEST`] the first are measured, of fewer
/// than [`SHORTEST`] nothing is appended.
pub fn measure(bytes: &[u8], extent: Extent, numbers: &mut Vec<f32>) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    if bytes.len() < SHORTEST {
        return;
    }
    let from = numbers.len();
    measure_framed(bytes, extent, numbers);
    if extent == Extent::Narrow {
        let is_unusual = numbers[from..].iter().any(|&number| number > UNUSUAL);
        let rest = if is_unusual { cleartext::without_cleartext(bytes) } else { None };
        match rest.filter(|rest| rest.len() >= SHORTEST) {
            Some(rest) => measure_framed(&rest, extent, numbers),
            None => numbers.extend_from_within(from..),
        }
    }
}

/// Measure bytes; where single bytes, pairs of zeros or words of 8 bits are [`UNEVEN`], framing is taken out before, as
/// far as there is any.
fn measure_framed(bytes: &[u8], extent: Extent, numbers: &mut Vec<f32>) {
    let from = numbers.len();
    let mut reversed = measure_narrow(bytes, numbers);
    let scores = [
        octets::BYTE_CHI2,
        octets::ZERO_PAIR,
        octets::NARROW.len(),
        octets::NARROW.len() + bits::NARROW_COUNTED,
    ];
    let is_uneven = scores.iter().any(|at| numbers[from + at] > UNEVEN);
    let rest = if is_uneven { framing::without_framing(bytes) } else { None };
    let bytes = rest.as_deref().filter(|rest| rest.len() >= SHORTEST).unwrap_or(bytes);
    if rest.is_some() {
        numbers.truncate(from);
        reversed = measure_narrow(bytes, numbers);
    }
    if extent == Extent::Wide {
        octets::wide(bytes, numbers);
        bits::wide(bytes, BitOrder::Msb, numbers);
        bits::wide(&reversed, BitOrder::Lsb, numbers);
    }
}

/// Append the narrow numbers, and return the bytes with their bits reversed.
fn measure_narrow(bytes: &[u8], numbers: &mut Vec<f32>) -> Vec<u8> {
    let reversed: Vec<u8> = bytes.iter().map(|byte| byte.reverse_bits()).collect();
    octets::narrow(bytes, numbers);
    bits::narrow(bytes, &reversed, numbers);
    reversed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(count: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn every_number_has_a_name() {
        for (extent, length) in [(Extent::Narrow, 64), (Extent::Wide, 64), (Extent::Wide, 70_000)] {
            let mut numbers = vec![];
            measure(&random(length), extent, &mut numbers);
            assert_eq!(numbers.len(), names(extent).len());
        }
        assert_eq!(names(Extent::Narrow).len(), 2 * NARROW);
        assert_eq!(names(Extent::Narrow)[..NARROW], names(Extent::Wide)[..NARROW]);
    }

    #[test]
    fn narrow_numbers_are_the_first_of_the_wide_ones() {
        for length in [64, 65, 511, 4096] {
            let (mut narrow, mut wide) = (vec![], vec![]);
            measure(&random(length), Extent::Narrow, &mut narrow);
            measure(&random(length), Extent::Wide, &mut wide);
            assert_eq!(narrow[..NARROW], wide[..NARROW]);
        }
    }

    #[test]
    fn random_bytes_score_near_zero_and_constant_ones_do_not() {
        let mut numbers = vec![];
        measure(&random(8192), Extent::Narrow, &mut numbers);
        assert!(numbers.iter().all(|number| number.abs() < 6.0), "{numbers:?}");
        numbers.clear();
        measure(&[0; 8192], Extent::Wide, &mut numbers);
        assert!(numbers.iter().all(|number| number.is_finite()));
        assert!(numbers[0] > 1e4);
    }

    #[test]
    fn cleartext_counts_once() {
        // No string of three stands there twice.
        let clear: Vec<u8> = (0x20..0x7f).chain((0x20..0x7f).rev()).collect();
        let bytes = [&random(2000)[..], &clear].concat();
        let mut numbers = vec![];
        measure(&bytes, Extent::Narrow, &mut numbers);
        let mut cleared = vec![];
        measure(&random(2000), Extent::Narrow, &mut cleared);
        assert!(numbers[..NARROW] != numbers[NARROW..]);
        assert_eq!(cleared[..NARROW], cleared[NARROW..]);
        // A window that begins before the cleartext may go with it.
        assert!(numbers[NARROW].abs() < 3.0, "{}", numbers[NARROW]);
        assert!(numbers[0] > numbers[NARROW] + 0.3, "{} {}", numbers[0], numbers[NARROW]);
    }

    #[test]
    fn too_few_bytes_give_no_numbers() {
        let mut numbers = vec![];
        measure(&random(63), Extent::Wide, &mut numbers);
        assert_eq!(numbers, []);
    }
}
