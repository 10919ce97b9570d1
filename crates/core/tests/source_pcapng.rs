//! pcapng: known answers, and every way in which such a file can be broken.
#![allow(clippy::unwrap_used)]

mod source_kit;

use source_kit::captures::{
    block, enhanced, enhanced_with, five_frames, interface, option, pcap, pcapng, section, simple,
    Frame, Order,
};
use source_kit::{read_bytes, Reading};
use std::time::{Duration, Instant};
use wiretropy_core::error::Severity;
use wiretropy_core::packet::LinkType;

const LITTLE: Order = Order::Little;

fn frame() -> Frame {
    Frame::new(1_700_000_000_123_456_789, b"abcdefg")
}

/// A section with one Ethernet interface, and `blocks`.
fn with_blocks(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = section(LITTLE, 1);
    bytes.extend(interface(LITTLE, 1, 0, &[]));
    blocks.iter().for_each(|block| bytes.extend(block));
    bytes
}

/// A packet, `something`, and another packet.
fn around(something: Vec<u8>) -> Reading {
    let packet = enhanced(LITTLE, 0, 1_000, &frame());
    read_bytes(&with_blocks(&[packet.clone(), something, packet]))
}

/// Replace the 32 bits at `at`, in the byte order of this file.
fn patched(mut bytes: Vec<u8>, at: usize, value: u32) -> Vec<u8> {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn a_file_gives_the_same_packets_as_pcap_in_any_byte_order_and_resolution() {
    let expected = read_bytes(&pcap(LITTLE, false, &five_frames()));
    for order in [Order::Little, Order::Big] {
        for nanoseconds in [false, true] {
            assert_eq!(read_bytes(&pcapng(order, nanoseconds, &five_frames())), expected);
        }
    }
}

#[test]
fn truncation_at_every_byte_gives_a_prefix_and_a_named_fault() {
    let whole = pcapng(LITTLE, false, &five_frames());
    let mut boundaries = vec![];
    let mut at = 0;
    while at < whole.len() {
        boundaries.push(at);
        at += u32::from_le_bytes(whole[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    boundaries.push(at);
    for length in 0..=whole.len() {
        let reading = read_bytes(&whole[..length]);
        let blocks = boundaries.iter().filter(|&&end| end <= length).count() - 1;
        assert_eq!(reading.packets.len(), blocks.saturating_sub(2), "at {length}");
        let expected: &[&str] = match length {
            0 => &["empty-file"],
            1..=3 => &["truncated-header"],
            _ if boundaries.contains(&length) => &[],
            _ => &["truncated-record"],
        };
        assert_eq!(reading.ids(), expected, "at {length}");
        let begun = boundaries[blocks];
        let cut = reading.faults.first().and_then(|fault| fault.cut_packet);
        // Type, length and fields take 28 bytes; what follows the packet is none of it.
        let there = (length - begun).checked_sub(28).filter(|_| blocks >= 2);
        let frame = five_frames().get(blocks.wrapping_sub(2)).map_or(0, |frame| frame.bytes.len());
        assert_eq!(cut, there.map(|bytes| bytes.min(frame) as u32), "at {length}");
    }
}

#[test]
fn a_fault_says_what_was_claimed_and_what_was_there() {
    let whole = with_blocks(&[
        enhanced(LITTLE, 0, 1_000, &frame()),
        enhanced(LITTLE, 0, 1_000, &Frame::new(0, &[7; 5_000])),
    ]);
    let reading = read_bytes(&whole[..whole.len() - 4_001]);
    assert_eq!(
        reading.fault().to_string(),
        "capture: block at byte 88 claims 5,032 bytes but 1,031 remain; \
         the 1 packet before it was read"
    );
}

#[test]
fn a_section_alone_is_whole() {
    let reading = read_bytes(&section(Order::Big, 1));
    assert!(reading.packets.is_empty() && reading.faults.is_empty());
}

#[test]
fn packets_before_their_interface_cannot_be_decoded_but_count() {
    let mut bytes = section(LITTLE, 1);
    bytes.extend(enhanced(LITTLE, 0, 5, &frame()));
    bytes.extend(simple(LITTLE, 3, b"abc"));
    bytes.extend(interface(LITTLE, 1, 0, &[]));
    bytes.extend(enhanced(LITTLE, 0, 5, &frame()));
    bytes.extend(enhanced(LITTLE, 7, 5, &frame()));
    let reading = read_bytes(&bytes);
    let unknown = LinkType::UNKNOWN.0;
    let links: Vec<u16> = reading.packets.iter().map(|p| p.link).collect();
    assert_eq!(links, [unknown, unknown, 1, unknown]);
    assert_eq!(reading.ids(), ["unknown-interface", "no-timestamp"]);
    assert_eq!(reading.severity(), Some(Severity::Partial));
    assert!(reading.faults[0].message.starts_with("3 packets"));
}

#[test]
fn impossible_block_lengths_end_the_file() {
    for length in [0, 8, 11, 13, 34, 0xffff_fffc, u32::MAX] {
        let reading = around(patched(enhanced(LITTLE, 0, 1, &frame()), 4, length));
        assert_eq!((reading.packets.len(), reading.fault().id), (1, "bad-block-length"));
    }
    let reading = around(patched(block(LITTLE, 0, b"abcd"), 4, 0));
    assert_eq!((reading.packets.len(), reading.fault().id), (1, "bad-block-length"));
}

#[test]
fn two_lengths_that_differ_end_the_file() {
    let good = enhanced(LITTLE, 0, 1, &frame());
    let last = good.len() - 4;
    let reading = around(patched(good, last, 44));
    assert_eq!((reading.packets.len(), reading.fault().id), (1, "block-length-mismatch"));
    assert_eq!(
        reading.fault().message,
        "block at byte 88 claims 40 bytes before its body and 44 after it; \
         the 1 packet before it was read"
    );
}

#[test]
fn a_packet_that_overruns_its_block_costs_only_itself() {
    for caplen in [9, 4_096, u32::MAX] {
        let reading = around(patched(enhanced(LITTLE, 0, 1, &frame()), 20, caplen));
        assert_eq!((reading.packets.len(), reading.fault().id), (2, "packet-overruns-block"));
        assert_eq!(reading.fault().severity, Severity::Partial);
        assert_eq!(reading.packets[1].number, 3);
    }
}

#[test]
fn blocks_too_short_for_their_fields_cost_only_themselves() {
    for kind in [2, 3, 6] {
        let reading = around(block(LITTLE, kind, &[]));
        assert_eq!((reading.packets.len(), reading.fault().id), (2, "short-block"));
    }
    let reading = around(block(LITTLE, 1, &[1, 0]));
    assert_eq!((reading.packets.len(), reading.fault().id), (2, "short-block"));
}

#[test]
fn options_that_overrun_their_block_are_ignored() {
    let mut bytes = section(LITTLE, 1);
    bytes.extend(interface(LITTLE, 1, 0, &[9, 0, 200, 0, 9, 0, 0, 0]));
    bytes.extend(enhanced_with(LITTLE, 0, 1_000_000, &frame(), &[2, 0, 99, 0]));
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets[0].ts_ns, reading.fault().id), (1_000_000_000, "bad-option"));
}

#[test]
fn every_resolution_gives_a_time_without_overflow() {
    let second = 1_000_000_000i64;
    let cases: [(u8, u64, i64, &[&str]); 14] = [
        (6, 1, 1_000, &[]),
        (9, 1, 1, &[]),
        (3, 5, 5_000_000, &[]),
        (12, 1_500, 1, &[]),
        (18, 4_000_000_000, 4, &[]),
        (0, 7, 7 * second, &["odd-resolution"]),
        (0x8a, 1_024, second, &[]),
        (0x80, 3, 3 * second, &[]),
        (0xa0, 1 << 31, second / 2, &[]),
        (0xff, u64::MAX, 0, &["odd-resolution"]),
        (0x7f, u64::MAX, 0, &["odd-resolution"]),
        (0xbf, 1 << 62, second / 2, &["odd-resolution"]),
        (6, u64::MAX, i64::MAX, &["odd-timestamp"]),
        (9, u64::MAX, i64::MAX, &["odd-timestamp"]),
    ];
    for (resolution, ticks, ts_ns, ids) in cases {
        let mut bytes = section(LITTLE, 1);
        bytes.extend(interface(LITTLE, 1, 0, &option(LITTLE, 9, &[resolution])));
        bytes.extend(enhanced(LITTLE, 0, ticks, &frame()));
        let reading = read_bytes(&bytes);
        assert_eq!(reading.packets[0].ts_ns, ts_ns, "resolution {resolution:#x}");
        assert_eq!(reading.ids(), ids, "resolution {resolution:#x}");
    }
}

#[test]
fn an_offset_of_the_clock_is_added_and_saturates() {
    let second = 1_000_000_000i64;
    for (offset, ts_ns, ids) in [
        (100i64, 101 * second, vec![]),
        (-1, 0, vec![]),
        (i64::MIN, i64::MIN, vec!["odd-timestamp"]),
        (i64::MAX, i64::MAX, vec!["odd-timestamp"]),
    ] {
        for order in [Order::Little, Order::Big] {
            let mut bytes = section(order, 1);
            let value = order.u64(offset as u64);
            bytes.extend(interface(order, 1, 0, &option(order, 14, &value)));
            bytes.extend(enhanced(order, 0, 1_000_000, &frame()));
            let reading = read_bytes(&bytes);
            assert_eq!((reading.packets[0].ts_ns, reading.ids()), (ts_ns, ids.clone()));
        }
    }
}

#[test]
fn interfaces_beyond_the_cap_end_the_file() {
    let mut bytes = with_blocks(&[enhanced(LITTLE, 0, 1, &frame())]);
    for _ in 1..=65_536 {
        bytes.extend(interface(LITTLE, 1, 0, &[]));
    }
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.fault().id), (1, "too-many-interfaces"));
}

#[test]
fn sections_may_differ_in_byte_order_and_interfaces_in_everything() {
    let mut bytes = section(Order::Big, 1);
    bytes.extend(interface(Order::Big, 101, 4, &option(Order::Big, 9, &[9])));
    bytes.extend(interface(Order::Big, 1, 0, &option(Order::Big, 13, &[4])));
    bytes.extend(enhanced(Order::Big, 1, 2_000, &frame()));
    bytes.extend(enhanced(Order::Big, 0, 2_000, &frame()));
    bytes.extend(pcapng(LITTLE, false, &five_frames()));
    let reading = read_bytes(&bytes);
    assert_eq!(reading.packets.len(), 7);
    let first: Vec<_> = reading.packets[..3].iter().map(|p| (p.link, p.fcs_len)).collect();
    assert_eq!(first, [(1, 4), (101, 0), (1, 0)]);
    assert_eq!((reading.packets[0].ts_ns, reading.packets[1].ts_ns), (2_000_000, 2_000));
    assert_eq!(reading.ids(), ["caplen-above-snaplen"]);
}

#[test]
fn the_length_of_a_section_is_not_believed() {
    for length in [0u64, 4, 1 << 40, u64::MAX - 1] {
        let mut bytes = pcapng(LITTLE, false, &five_frames());
        bytes[16..24].copy_from_slice(&length.to_le_bytes());
        assert_eq!((read_bytes(&bytes).packets.len(), read_bytes(&bytes).faults.len()), (5, 0));
    }
}

#[test]
fn a_section_of_another_version_is_refused_and_the_next_one_read() {
    let mut unknown = section(LITTLE, 2);
    unknown.extend(enhanced(LITTLE, 0, 1, &frame()));
    let reading = read_bytes(&unknown);
    assert_eq!((reading.packets.len(), reading.fault().id), (0, "unsupported-section"));
    assert_eq!(reading.fault().severity, Severity::Refused);

    unknown.extend(pcapng(Order::Big, false, &five_frames()));
    let reading = read_bytes(&unknown);
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "unsupported-section"));
    assert_eq!(reading.fault().severity, Severity::Partial);
}

#[test]
fn a_section_without_a_byte_order_magic_ends_the_file() {
    let mut bytes = pcapng(LITTLE, false, &five_frames());
    bytes.extend(patched(section(LITTLE, 1), 8, 0x1234_5678));
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "unsupported-section"));
}

#[test]
fn simple_packets_are_cut_by_the_snapshot_length_of_the_first_interface() {
    for (snaplen, expected) in [(0, &b"abcdefgh"[..]), (5, b"abcde"), (100, b"abcdefgh")] {
        let mut bytes = section(LITTLE, 1);
        bytes.extend(interface(LITTLE, 1, snaplen, &[]));
        bytes.extend(simple(LITTLE, 8, b"abcdefgh"));
        let reading = read_bytes(&bytes);
        assert_eq!((&reading.packets[0].bytes[..], reading.packets[0].origlen), (expected, 8));
        assert_eq!((reading.packets[0].ts_ns, reading.ids()), (0, vec!["no-timestamp"]));
    }
}

#[test]
fn obsolete_packet_blocks_are_read() {
    let mut body = vec![0, 0, 0xff, 0xff];
    for value in [0u32, 1_000_000, 3, 9] {
        body.extend(value.to_le_bytes());
    }
    body.extend(b"abc");
    let reading = around(block(LITTLE, 2, &body));
    let packet = &reading.packets[1];
    assert_eq!((packet.ts_ns, packet.origlen, &packet.bytes[..]), (1_000_000_000, 9, &b"abc"[..]));
    assert_eq!(reading.faults, []);
}

#[test]
fn other_blocks_are_skipped_whatever_they_hold() {
    let names = [1, 0, 0xff, 0xff, 1, 2, 3, 4];
    let secrets = [b"LKST".as_slice(), &u32::MAX.to_le_bytes(), b"CLIENT_RANDOM"].concat();
    for (kind, body) in [
        (4, &names[..]),
        (5, b"statistics"),
        (10, &secrets),
        (0xbad, b"custom"),
        (0x4000_0bad, b"custom"),
        (0x1234_5678, &[0x1b; 3 << 20]),
    ] {
        let reading = around(block(LITTLE, kind, body));
        assert_eq!((reading.packets.len(), reading.faults), (2, vec![]));
    }
}

#[test]
fn a_skipped_block_of_four_gigabytes_keeps_the_packets_before_it() {
    let reading = around(patched(block(LITTLE, 10, b"LKST"), 4, 0xffff_fffc));
    assert_eq!((reading.packets.len(), reading.fault().id), (1, "truncated-record"));
    let mut large = block(LITTLE, 10, &[0x2a; 4 << 20]);
    let last = large.len() - 4;
    large = patched(large, last, 16);
    assert_eq!(around(large).fault().id, "block-length-mismatch");
}

#[test]
fn a_packet_may_state_its_own_frame_check_sequence() {
    let flags = option(LITTLE, 2, &(4u32 << 5).to_le_bytes());
    let packet = enhanced_with(LITTLE, 0, 1_000, &frame(), &flags);
    assert_eq!(read_bytes(&with_blocks(&[packet])).packets[0].fcs_len, 4);
}

#[test]
fn zeros_at_the_end_are_padding_and_before_anything_else_a_fault() {
    let mut bytes = pcapng(LITTLE, false, &five_frames());
    let end = bytes.len() as u64;
    bytes.resize(bytes.len() + 5_000, 0);
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "zero-padding"));
    assert_eq!((reading.fault().severity, reading.fault().offset), (Severity::Warning, end));
    bytes.extend(b"x");
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "bad-block-length"));
}

#[test]
fn fifty_thousand_sections_take_less_than_a_second() {
    let mut bytes = Vec::new();
    for _ in 0..50_000 {
        bytes.extend(with_blocks(&[enhanced(LITTLE, 0, 1_000, &frame())]));
    }
    let start = Instant::now();
    assert_eq!(read_bytes(&bytes).packets.len(), 50_000);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}
