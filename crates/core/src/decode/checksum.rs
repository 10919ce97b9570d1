//! Internet checksums (RFC 1071), for those who want decoys refused.

use super::walk::{saturate, Walk};
use super::Endpoints;

/// Whether the IPv4 header in `at..end` sums up.
#[cold]
pub(super) fn is_header_right(w: &Walk, at: usize, end: usize) -> bool {
    w.data.get(at..end).is_some_and(|header| folded(sum(header)) == 0xFFFF)
}

/// Whether the TCP, UDP or ICMP packet at `at` sums up with its pseudo header (RFC 9293, section
/// 3.1; RFC 8200, section 8.1). What was cut, or sent without a checksum, passes: it cannot be told.
#[cold]
pub(super) fn is_transport_right(w: &Walk, at: usize, endpoints: Endpoints) -> bool {
    const ICMP: u8 = 1;
    const UDP: u8 = 17;
    let Some(packet) = w.data.get(at..).filter(|_| w.data.len() >= w.end) else {
        return true;
    };
    let proto = endpoints.proto;
    let is_unsummed = proto == UDP && packet.get(6..8) == Some(&[0, 0]);
    if is_unsummed {
        return true;
    }
    let mut total = sum(packet);
    if proto != ICMP {
        total += sum(&endpoints.src) + sum(&endpoints.dst);
        total += u64::from(proto) + u64::from(saturate(packet.len()));
    }
    folded(total) == 0xFFFF
}

/// Sum of the big-endian 32-bit words, the last one filled with zeros; it folds to the same 16 bits
/// as the sum of the 16-bit words.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(4);
    let mut last = [0; 4];
    let rest = words.remainder();
    last[..rest.len()].copy_from_slice(rest);
    words
        .filter_map(|word| word.first_chunk::<4>())
        .chain([&last])
        .map(|word| u64::from(u32::from_be_bytes(*word)))
        .sum()
}

fn folded(mut total: u64) -> u64 {
    while total > 0xFFFF {
        total = (total & 0xFFFF) + (total >> 16);
    }
    total
}
