//! Cleartext taken out of opaque bytes.
//!
//! Ciphertext stands between remains of cleartext: messages of the handshake before it, and the first of each kind of header
//! within. They are few, but far from random, and would be taken for how the rest is coded.

use crate::meter::segments::{packed_scores, RAISED};

/// Bytes that are weighed together, and steps between them.
const WINDOW: usize = STEPS * STEP;
const STEPS: usize = 4;
const STEP: usize = 4;

/// Evidence for cleartext from which on a window is left out, in sixteenths of a bit: in random bytes 2 % are.
const LEAST: u64 = 2 * 16;

/// Most of the bytes that may be left out, as one in so many; where more is like cleartext, it is contents.
const MOST: usize = 2;

/// What the raised scores of a window add up to that says nothing.
const NEUTRAL: u64 = RAISED as u64 * WINDOW as u64;

const EACH: u64 = 1 | 1 << 16 | 1 << 32;

/// What takes the sums of windows that are left out, and no others, to the top bit of their 16.
const TO_TOP: u64 = EACH * (0x7fff - NEUTRAL - LEAST);

const TOP: u64 = EACH << 15;

/// The bytes without windows that look like cleartext; none where nothing or most would be left out.
pub(super) fn without_cleartext(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = vec![];
    // Where what is kept begins that is not in `rest` yet.
    let mut from = 0;
    // Sums of the last steps, and of all of them.
    let (mut steps, mut sum) = ([EACH * (RAISED as u64 * STEP as u64); STEPS], EACH * NEUTRAL);
    for (number, step) in bytes.chunks_exact(STEP).enumerate() {
        let of_step = packed_scores(step);
        let oldest = std::mem::replace(&mut steps[number % STEPS], of_step);
        sum = sum.wrapping_add(of_step).wrapping_sub(oldest);
        if sum.wrapping_add(TO_TOP) & TOP != 0 {
            let end = (number + 1) * STEP;
            rest.extend_from_slice(&bytes[from..end.saturating_sub(WINDOW).max(from)]);
            from = end;
        }
    }
    if from == 0 {
        return None;
    }
    rest.extend_from_slice(&bytes[from..]);
    (rest.len() >= bytes.len() / MOST).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that no kind of cleartext has more often than others.
    fn opaque(count: usize) -> Vec<u8> {
        (0..count).map(|at| 0x80 | (at * 37) as u8).collect()
    }

    #[test]
    fn cleartext_is_left_out_and_what_is_around_it_stays() {
        let bytes = [&opaque(400)[..], b"GET /index.html HTTP/1.1", &opaque(400)].concat();
        let rest = without_cleartext(&bytes).unwrap_or_default();
        assert!(rest.len() >= 800 - 2 * WINDOW, "{}", rest.len());
        assert!(!rest.windows(4).any(|four| four.iter().all(u8::is_ascii_graphic)), "{rest:?}");
        assert_eq!(rest[..384], bytes[..384]);
        assert_eq!(rest[rest.len() - 384..], bytes[bytes.len() - 384..]);
    }

    #[test]
    fn opaque_bytes_are_left_alone() {
        assert_eq!(without_cleartext(&opaque(1000)), None);
        assert_eq!(without_cleartext(&[]), None);
    }

    #[test]
    fn what_is_cleartext_for_the_most_part_is_contents() {
        assert_eq!(without_cleartext(&b"what is text".repeat(20)), None);
    }
}
