//! Classic pcap: known answers, and every way in which such a file can be broken.
#![allow(clippy::unwrap_used)]

mod source_kit;

use source_kit::captures::{self, five_frames, frame_record, pcap, pcap_header, record, Order};
use source_kit::{read_bytes, read_bytes_with, resync, Reading};
use std::time::{Duration, Instant};
use wiretropy_core::error::Severity;

const SECOND: i64 = 1_000_000_000;

fn good(fields: [u32; 4]) -> Vec<u8> {
    record(Order::Little, fields, &vec![0x55; fields[2] as usize])
}

fn with_records(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = pcap_header(Order::Little, false, 65_535, 1);
    records.iter().for_each(|record| bytes.extend(record));
    bytes
}

fn assert_is_five_frames(reading: &Reading) {
    assert_eq!(reading.faults, []);
    assert_eq!(reading.packets.len(), 5);
    for (i, (packet, frame)) in reading.packets.iter().zip(five_frames()).enumerate() {
        assert_eq!(packet.ts_ns, frame.ts_ns as i64);
        assert_eq!((packet.number, packet.file), (i as u64 + 1, 0));
        assert_eq!((packet.link, packet.fcs_len), (1, 0));
        assert_eq!(packet.origlen, frame.origlen);
        assert_eq!(packet.bytes, frame.bytes);
    }
}

#[test]
fn every_byte_order_and_resolution_gives_the_same_packets() {
    for order in [Order::Little, Order::Big] {
        for nanoseconds in [false, true] {
            assert_is_five_frames(&read_bytes(&pcap(order, nanoseconds, &five_frames())));
        }
    }
}

#[test]
fn nanoseconds_are_kept() {
    let mut bytes = pcap_header(Order::Big, true, 0, 1);
    bytes.extend(record(Order::Big, [5, 999_999_999, 1, 1], b"a"));
    assert_eq!(read_bytes(&bytes).packets[0].ts_ns, 5 * SECOND + 999_999_999);
}

#[test]
fn truncation_at_every_byte_gives_a_prefix_and_a_named_fault() {
    let whole = pcap(Order::Little, false, &five_frames());
    let ends: Vec<usize> = five_frames()
        .iter()
        .scan(24, |end, frame| {
            *end += 16 + frame.bytes.len();
            Some(*end)
        })
        .collect();
    for length in 0..=whole.len() {
        let reading = read_bytes(&whole[..length]);
        let expected = ends.iter().filter(|&&end| end <= length).count();
        assert_eq!(reading.packets.len(), expected, "at {length}");
        let ids = reading.ids();
        match length {
            0 => assert_eq!(ids, ["empty-file"]),
            1..=23 => assert_eq!(ids, ["truncated-header"]),
            24 => assert_eq!(ids, [""; 0]),
            _ if ends.contains(&length) => assert_eq!(ids, [""; 0]),
            _ => {
                assert_eq!(ids, ["truncated-record"], "at {length}");
                assert_eq!(reading.fault().severity, Severity::Partial);
                assert_eq!(reading.fault().packets, expected as u64);
                let begun = ends[..expected].last().copied().unwrap_or(24);
                let there = (length - begun).checked_sub(16).map(|bytes| bytes as u32);
                assert_eq!(reading.fault().cut_packet, there, "at {length}");
            }
        }
    }
}

#[test]
fn an_empty_file_and_a_piece_of_a_header_are_refused() {
    for length in [0, 3, 23] {
        let reading = read_bytes(&pcap_header(Order::Little, false, 0, 1)[..length]);
        assert_eq!(reading.fault().severity, Severity::Refused);
    }
    assert_eq!(read_bytes(b"").fault().to_string(), "capture: the file is empty");
}

#[test]
fn a_file_of_a_header_alone_is_whole() {
    let reading = read_bytes(&with_records(&[]));
    assert!(reading.packets.is_empty() && reading.faults.is_empty());
}

#[test]
fn other_formats_are_refused_by_name() {
    let mut tar = vec![0u8; 512];
    tar[0] = b'a';
    tar[257..262].copy_from_slice(b"ustar");
    let cases: [(&[u8], &str); 9] = [
        (&0xa1b2_cd34_u32.to_le_bytes(), "Kuznetzov"),
        (&0xa1b2_cd34_u32.to_be_bytes(), "Kuznetzov"),
        (&0xa1b2_34cd_u32.to_be_bytes(), "Mesquita"),
        (&0xa1e2_cb12_u32.to_le_bytes(), "Navtel"),
        (b"PK\x03\x04 and more", "zip"),
        (b"\xfd7zXZ\0 and more", "xz"),
        (b"snoop\0\0\0 and more", "snoop"),
        (b"Rar! and more", "rar"),
        (&tar, "tar"),
    ];
    for (bytes, name) in cases {
        let reading = read_bytes(bytes);
        let fault = reading.fault();
        assert_eq!((fault.id, fault.severity), ("unsupported-format", Severity::Refused));
        assert!(fault.message.contains(name), "{}", fault.message);
    }
}

#[test]
fn what_is_no_capture_is_refused_at_once() {
    let start = Instant::now();
    let reading = read_bytes(&vec![0x33; 4 << 20]);
    assert_eq!(reading.fault().id, "unknown-format");
    assert_eq!(reading.fault().message, "the first bytes (33 33 33 33) are those of no capture");
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn another_version_is_read_with_a_warning() {
    let mut bytes = pcap(Order::Little, false, &five_frames());
    bytes[6] = 5;
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.ids()), (5, vec!["odd-version"]));
    assert_eq!(reading.fault().message, "pcap version 2.5 is read as 2.4");
}

#[test]
fn old_versions_may_have_the_lengths_in_the_other_order() {
    let mut bytes = with_records(&[record(Order::Little, [1, 2, 90, 5], b"abcde")]);
    bytes[6] = 2;
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets[0].origlen, &reading.packets[0].bytes[..]), (90, &b"abcde"[..]));
}

#[test]
fn a_frame_check_sequence_is_told_by_the_upper_bits_of_the_link_type() {
    for (network, fcs_len, faults) in [
        (0x2400_0001, 4, 0),
        (0x0400_0001, 0, 0),
        (0x4400_0001, 8, 0),
        (0x2000_0001, 0, 0),
        (0x0003_0001, 0, 1),
    ] {
        let mut bytes = pcap_header(Order::Big, false, 65_535, network);
        bytes.extend(record(Order::Big, [9, 9, 3, 3], b"abc"));
        let reading = read_bytes(&bytes);
        assert_eq!(reading.packets[0].link, 1);
        assert_eq!(reading.packets[0].fcs_len, fcs_len);
        assert_eq!(reading.faults.len(), faults);
    }
}

#[test]
fn an_impossible_length_ends_the_file_without_an_allocation() {
    for length in [u32::MAX, 0x7fff_ffff, (16 << 20) + 1] {
        let broken = record(Order::Little, [9, 9, length, length], b"abc");
        let reading = read_bytes(&with_records(&[good([1, 1, 60, 60]), broken]));
        assert_eq!((reading.packets.len(), reading.fault().id), (1, "bad-record"));
    }
    let broken = record(Order::Little, [9, 9, u32::MAX, u32::MAX], b"abc");
    assert_eq!(
        read_bytes(&with_records(&[broken])).fault().message,
        "record at byte 24 claims 4,294,967,295 bytes, more than the 16,777,216 that a record \
         may have; no packet comes before it"
    );
}

#[test]
fn odd_lengths_are_kept_and_counted_once_per_file() {
    let mut bytes = pcap_header(Order::Little, false, 40, 1);
    for _ in 0..3 {
        bytes.extend(good([1, 1, 60, 60]));
        bytes.extend(good([1, 1, 30, 20]));
    }
    let reading = read_bytes(&bytes);
    assert_eq!(reading.packets.len(), 6);
    assert_eq!(reading.ids(), ["caplen-above-snaplen", "caplen-above-origlen"]);
    assert_eq!(
        reading.faults[0].message,
        "3 packets longer than the snapshot length; the first is at byte 24, before any packet"
    );
    assert_eq!((reading.faults[1].offset, reading.faults[1].packets), (100, 1));
    assert_eq!((reading.packets[1].bytes.len(), reading.packets[1].origlen), (30, 20));
}

#[test]
fn a_snapshot_length_of_zero_or_of_everything_is_no_limit() {
    for snaplen in [0, u32::MAX] {
        let mut bytes = pcap_header(Order::Little, false, snaplen, 1);
        bytes.extend(good([1, 1, 60, 60]));
        assert_eq!(read_bytes(&bytes).faults, []);
    }
}

#[test]
fn a_million_records_without_bytes_take_less_than_a_second() {
    let mut bytes = pcap_header(Order::Little, false, 65_535, 1);
    for _ in 0..1_000_000 {
        bytes.extend(record(Order::Little, [1, 0, 0, 0], b""));
    }
    let start = Instant::now();
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.faults.len()), (1_000_000, 0));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_fraction_of_a_second_or_more_is_carried() {
    let reading = read_bytes(&with_records(&[good([7, 1_500_000, 9, 9])]));
    assert_eq!(reading.packets[0].ts_ns, 8 * SECOND + 500_000_000);
    assert_eq!(reading.ids(), ["fraction-overflow"]);
}

#[test]
fn odd_times_are_kept_as_unsigned() {
    for seconds in [0, 1 << 31, u32::MAX] {
        let reading = read_bytes(&with_records(&[good([seconds, 3, 9, 9])]));
        assert_eq!(reading.packets[0].ts_ns, i64::from(seconds) * SECOND + 3_000);
        assert_eq!(reading.ids(), ["odd-timestamp"]);
    }
}

#[test]
fn an_original_length_of_four_gigabytes_is_kept() {
    let bytes = with_records(&[record(Order::Little, [1, 1, 1, u32::MAX], b"a")]);
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets[0].origlen, reading.faults.len()), (u32::MAX, 0));
}

#[test]
fn trailing_zeros_are_padding_not_packets() {
    for zeros in [16, 17, 31, 4_096, 3 << 20] {
        let mut bytes = pcap(Order::Little, false, &five_frames());
        let end = bytes.len();
        bytes.resize(end + zeros, 0);
        let reading = read_bytes(&bytes);
        assert_eq!(reading.packets.len(), 5);
        let fault = reading.fault();
        assert_eq!((fault.id, fault.severity), ("zero-padding", Severity::Warning));
        assert_eq!(fault.offset, end as u64);
    }
}

#[test]
fn endless_zeros_are_not_read_to_their_end() {
    let folder = source_kit::Folder::new();
    let path = folder.write("sparse", &pcap(Order::Little, false, &five_frames()));
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    if file.set_len(1 << 40).is_err() {
        println!("skipped: the file system holds no sparse file of a terabyte");
        return;
    }
    let reading = source_kit::read(&path);
    assert_eq!((reading.packets.len(), reading.ids()), (5, vec!["zero-padding"]));
    assert_eq!(reading.severity(), Some(Severity::Partial));
}

#[test]
fn zero_records_before_a_record_are_records() {
    let bytes = with_records(&[vec![0; 48], good([1, 1, 9, 9])]);
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.ids()), (4, vec!["odd-timestamp"]));
    assert_eq!(reading.packets[3].number, 4);
}

#[test]
fn zeros_before_garbage_end_the_file() {
    let bytes = with_records(&[good([1, 1, 9, 9]), vec![0; 48], vec![0xee; 64]]);
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.ids()), (1, vec!["zero-filled"]));
}

/// Three records, something, and three more.
fn broken_midway(something: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = with_records(&[1, 2, 3].map(|s| good([s, 1, 60, 60])));
    let place = bytes.len();
    bytes.extend(something);
    for s in [4, 5, 6] {
        bytes.extend(good([s, 1, 80, 80]));
    }
    (bytes, place)
}

#[test]
fn garbage_midway_ends_the_file_or_is_passed_over() {
    let garbage = [0xd7; 777];
    let (bytes, place) = broken_midway(&garbage);
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.fault().id), (3, "bad-record"));
    assert_eq!(reading.fault().offset, place as u64);

    let reading = read_bytes_with(&bytes, resync());
    assert_eq!((reading.packets.len(), reading.fault().id), (6, "skipped-bytes"));
    assert!(reading.fault().message.starts_with("777 bytes that are no records"));
    assert_eq!(reading.packets[3].bytes.len(), 80);
}

#[test]
fn a_change_of_byte_order_midway_is_followed_when_looking_for_records() {
    let (mut bytes, _) = broken_midway(b"");
    for s in [7, 8, 9] {
        bytes.extend(record(Order::Big, [s, 1, 4, 4], b"abcd"));
    }
    assert_eq!(read_bytes(&bytes).packets.len(), 6);
    let reading = read_bytes_with(&bytes, resync());
    let times: Vec<i64> = reading.packets.iter().map(|p| p.ts_ns / SECOND).collect();
    assert_eq!(times, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(reading.ids(), ["byte-order-change"]);
}

#[test]
fn two_joined_files_end_at_the_second_header_or_are_both_read() {
    for second in [
        pcap(Order::Little, false, &five_frames()),
        pcap(Order::Big, false, &five_frames()),
        pcap(Order::Big, true, &five_frames()),
    ] {
        let mut bytes = pcap(Order::Little, false, &five_frames());
        let place = bytes.len();
        bytes.extend(&second);
        let reading = read_bytes(&bytes);
        assert_eq!((reading.packets.len(), reading.fault().id), (5, "second-header"));
        assert_eq!(reading.fault().severity, Severity::Partial);
        assert_eq!(reading.fault().offset, place as u64);

        let reading = read_bytes_with(&bytes, resync());
        assert_eq!((reading.packets.len(), reading.fault().id), (10, "second-header"));
        assert_eq!(reading.fault().severity, Severity::Warning);
        assert_eq!(reading.packets[9].ts_ns, reading.packets[4].ts_ns);
    }
}

#[test]
fn a_pcapng_file_joined_to_a_pcap_file_is_named() {
    let mut bytes = pcap(Order::Little, false, &five_frames());
    bytes.extend(captures::pcapng(Order::Little, false, &five_frames()));
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "second-header"));
}

#[test]
fn a_search_that_finds_nothing_reports_what_it_began_with() {
    let mut bytes = pcap(Order::Little, false, &five_frames());
    bytes.extend([0xd7; 1_000]);
    let reading = read_bytes_with(&bytes, resync());
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "bad-record"));
    let whole = pcap(Order::Little, false, &five_frames());
    let reading = read_bytes_with(&whole[..whole.len() - 3], resync());
    assert_eq!((reading.packets.len(), reading.fault().id), (4, "truncated-record"));
    let last = five_frames()[4].bytes.len() as u32;
    assert_eq!(reading.fault().cut_packet, Some(last - 3));
}

#[test]
fn a_search_ends_after_as_much_as_a_record_may_have() {
    let mut bytes = pcap(Order::Little, false, &five_frames());
    bytes.resize(bytes.len() + (17 << 20), 0xd7);
    bytes.extend(frame_record(Order::Little, false, &five_frames()[0]));
    bytes.extend(frame_record(Order::Little, false, &five_frames()[1]));
    let reading = read_bytes_with(&bytes, resync());
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "bad-record"));
}
