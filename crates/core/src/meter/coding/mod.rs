//! What tells compressed bytes from encrypted ones.
//!
//! Contiguous opaque bytes enter; numbers leave, nearly all scored against uniformly random bytes: mean 0 and a variance
//! near 1 at any length. Codes are written bit by bit, so words of bits are counted at every bit offset, in both orders in
//! which a byte is read: `msb` begins with the most significant bit (JPEG, MP3, bzip2), `lsb` with the least (deflate,
//! brotli). What each number is, its law and what it contributes: docs/decisions/0014-encrypted-or-compressed.md.
//!
//! The first [`NARROW`] numbers are cheap enough for every flow. The wide ones take several times as long.

mod bits;
mod octets;

use bits::BitOrder;

/// Fewest bytes that are measured: one block of `block_variance`.
pub const SHORTEST: usize = 64;

/// Most bytes that are measured: with more, sums of squares would not be exact.
pub const LONGEST: usize = 65_536;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The first [`NARROW`] numbers.
    Narrow,
    /// All of them.
    Wide,
}

/// Numbers that every flow gets.
pub const NARROW: usize = octets::NARROW.len() + 2 * bits::NARROW_PER_ORDER;

/// Names of the numbers, in the order in which [`measure`] gives them.
#[must_use]
pub fn names(extent: Extent) -> Vec<String> {
    let orders = [BitOrder::Msb, BitOrder::Lsb];
    let of_orders = |wide| orders.into_iter().flat_map(move |order| bits::names(order, wide));
    let mut names: Vec<String> = octets::NARROW.iter().map(ToString::to_string).collect();
    names.extend(of_orders(false));
    if extent == Extent::Wide {
        names.extend(octets::WIDE.iter().map(ToString::to_string));
        names.extend(of_orders(true));
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
    let reversed: Vec<u8> = bytes.iter().map(|byte| byte.reverse_bits()).collect();
    octets::narrow(bytes, numbers);
    match extent {
        Extent::Narrow => {
            bits::narrow(bytes, numbers);
            bits::narrow(&reversed, numbers);
        }
        Extent::Wide => {
            let (mut msb, mut lsb) = (vec![], vec![]);
            bits::all(bytes, numbers, &mut msb);
            bits::all(&reversed, numbers, &mut lsb);
            octets::wide(bytes, numbers);
            numbers.extend(msb);
            numbers.extend(lsb);
        }
    }
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
        assert_eq!(names(Extent::Narrow).len(), NARROW);
        assert_eq!(names(Extent::Narrow), names(Extent::Wide)[..NARROW]);
    }

    #[test]
    fn narrow_numbers_are_the_first_of_the_wide_ones() {
        for length in [64, 65, 511, 4096] {
            let (mut narrow, mut wide) = (vec![], vec![]);
            measure(&random(length), Extent::Narrow, &mut narrow);
            measure(&random(length), Extent::Wide, &mut wide);
            assert_eq!(narrow, wide[..NARROW]);
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
    fn too_few_bytes_give_no_numbers() {
        let mut numbers = vec![];
        measure(&random(63), Extent::Wide, &mut numbers);
        assert_eq!(numbers, []);
    }
}
