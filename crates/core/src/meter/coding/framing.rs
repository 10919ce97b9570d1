//! Framing taken out of opaque bytes.
//!
//! Ciphertext comes in messages, each behind a few bytes that tell kind and length. These are no part of how the rest
//! is coded, but they repeat, which random bytes hardly do: of three-byte strings one in 2^24 equals a given other.

/// Strings that are remembered, by hash: the last that fell into each slot.
const SLOTS: usize = 16_384;

/// Bytes behind a repeated string that are left out with it: what it frames often begins with a length of two bytes.
const BEHIND: usize = 2;

/// Most of the bytes that framing may be, as one in so many; where more repeats, it is contents.
const MOST: usize = 2;

/// The bytes without strings of three that stood there before and without runs of zeros; none where framing does not explain what repeats.
pub(super) fn without_framing(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut last = vec![u32::MAX; SLOTS];
    let mut rest = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&[first, second, third]) = bytes.get(at..at + 3) {
        if first == 0 && second == 0 {
            // Counters and lengths: the zeros before their last byte, and that.
            let zeros = bytes[at..].iter().take_while(|&&byte| byte == 0).count();
            at += zeros + 1;
            continue;
        }
        let word = u32::from_be_bytes([0, first, second, third]);
        // Knuth's multiplicative hash: 2^32 over the golden ratio, the upper 14 bits of the product.
        let slot = &mut last[(word.wrapping_mul(2_654_435_761) >> 18) as usize];
        if *slot == word {
            at += 3 + BEHIND;
        } else {
            *slot = word;
            rest.push(first);
            at += 1;
        }
    }
    rest.extend_from_slice(bytes.get(at..).unwrap_or(&[]));
    let is_framing = rest.len() < bytes.len() && rest.len() >= bytes.len() / MOST;
    is_framing.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_headers_are_left_out_with_the_length_behind_them() {
        let bytes =
            [&[9, 3, 3, 0, 40][..], &[1; 1], &[2, 5, 7, 11], &[9, 3, 3, 0, 41], &[13, 17]].concat();
        let rest = without_framing(&bytes);
        assert_eq!(rest, Some([&[9, 3, 3, 0, 40][..], &[1], &[2, 5, 7, 11], &[13, 17]].concat()));
    }

    #[test]
    fn bytes_that_do_not_repeat_are_left_alone() {
        assert_eq!(without_framing(&(0..=255).collect::<Vec<u8>>()), None);
        assert_eq!(without_framing(&[]), None);
    }

    #[test]
    fn numbers_that_begin_with_zeros_are_left_out() {
        let bytes = [&[5, 9, 0, 0, 0, 0, 7, 11, 13][..], &[0, 17, 19, 0]].concat();
        assert_eq!(without_framing(&bytes), Some(vec![5, 9, 11, 13, 0, 17, 19, 0]));
    }

    #[test]
    fn what_repeats_more_than_it_does_not_is_contents() {
        assert_eq!(without_framing(&[0; 1000]), None);
    }
}
