//! Compressed captures: told by their bytes, read as far as they can be, never further than is
//! sane.
#![allow(clippy::unwrap_used)]

mod source_kit;

use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
use source_kit::captures::{
    five_frames, gzip, lz4, pcap, pcap_header, pcapng, record, zstandard, Order,
};
use source_kit::{read_bytes, read_bytes_with, Folder};
use std::io::Write;
use wiretropy_core::error::Severity;
use wiretropy_core::source::SourceSettings;

type Compress = fn(&[u8]) -> Vec<u8>;

const ALL: [(&str, Compress); 3] = [("gzip", gzip), ("Zstandard", zstandard), ("LZ4", lz4)];

/// A capture of several reads' length, whose packets can hardly be compressed.
fn long_capture() -> Vec<u8> {
    let mut state = 1u32;
    let mut bytes = pcap_header(Order::Little, false, 65_535, 1);
    for second in 1..3_000 {
        let body: Vec<u8> = (0..1_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        bytes.extend(record(Order::Little, [second, 0, 1_000, 1_000], &body));
    }
    bytes
}

#[test]
fn a_compressed_capture_gives_the_same_packets() {
    for capture in [
        pcap(Order::Little, false, &five_frames()),
        pcapng(Order::Big, true, &five_frames()),
        long_capture(),
    ] {
        let expected = read_bytes(&capture);
        assert_eq!(expected.faults, []);
        for (_, compress) in ALL {
            assert_eq!(read_bytes(&compress(&capture)), expected);
        }
    }
}

#[test]
fn members_one_after_another_are_one_capture() {
    let capture = long_capture();
    let expected = read_bytes(&capture);
    let (a, b) = capture.split_at(1_234_567);
    for (_, compress) in ALL {
        assert_eq!(read_bytes(&[compress(a), compress(b)].concat()), expected);
        assert_eq!(read_bytes(&[compress(b""), compress(a), compress(b)].concat()), expected);
    }
    let skippable = [&0x184d_2a53_u32.to_le_bytes()[..], &4u32.to_le_bytes(), b"skip"].concat();
    let mixed = [skippable.clone(), zstandard(a), skippable, lz4(b)].concat();
    assert_eq!(read_bytes(&mixed), expected);
}

#[test]
fn truncated_data_give_what_could_be_unpacked_and_one_fault() {
    let capture = long_capture();
    for (name, compress) in ALL {
        let whole = compress(&capture);
        let reading = read_bytes(&whole[..whole.len() / 2]);
        let fault = reading.fault();
        assert_eq!((fault.id, fault.severity), ("truncated-compression", Severity::Partial));
        assert!(fault.message.contains(name), "{}", fault.message);
        assert_eq!(fault.packets, reading.packets.len() as u64);
        assert!(name == "LZ4" || fault.cut_packet.is_some(), "{name}");
        // LZ4 unpacks blocks of 4 MiB at most; the others nearly every byte.
        let least = if name == "LZ4" { 0 } else { 1_300 };
        assert!(reading.packets.len() >= least, "{name}: {}", reading.packets.len());
    }
}

#[test]
fn truncation_at_every_byte_is_a_fault() {
    let capture = pcap(Order::Little, false, &five_frames());
    for (name, compress) in ALL {
        let whole = compress(&capture);
        for length in 4..whole.len() {
            let reading = read_bytes(&whole[..length]);
            assert_eq!(reading.ids(), ["truncated-compression"], "{name} at {length}");
        }
        assert_eq!(read_bytes(&whole).faults, []);
    }
}

#[test]
fn a_wrong_checksum_is_named_after_all_packets_were_read() {
    for capture in [pcap(Order::Little, false, &five_frames()), long_capture()] {
        let count = read_bytes(&capture).packets.len();
        for (name, compress) in ALL {
            let mut bytes = compress(&capture);
            // The checksum is last, but for the length that gzip appends.
            let at = bytes.len() - if name == "gzip" { 5 } else { 1 };
            bytes[at] ^= 0x55;
            let reading = read_bytes(&bytes);
            assert_eq!((name, reading.packets.len()), (name, count));
            let fault = reading.fault();
            assert_eq!((fault.id, fault.severity), ("checksum-mismatch", Severity::Partial));
        }
    }
}

#[test]
fn a_wrong_length_of_a_gzip_member_is_a_wrong_checksum() {
    let mut bytes = gzip(&pcap(Order::Little, false, &five_frames()));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let reading = read_bytes(&bytes);
    assert_eq!((reading.packets.len(), reading.fault().id), (5, "checksum-mismatch"));
}

#[test]
fn damaged_data_give_what_came_before_the_damage() {
    let capture = long_capture();
    for (name, compress) in ALL {
        let mut bytes = compress(&capture);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0xff);
        let reading = read_bytes(&bytes);
        let expected = ["corrupt-compression", "checksum-mismatch"];
        assert!(expected.contains(&reading.fault().id), "{name}: {:?}", reading.faults);
        let least = if name == "LZ4" { 0 } else { 1_300 };
        assert!(reading.packets.len() >= least, "{name}: {}", reading.packets.len());
    }
}

#[test]
fn garbage_behind_the_compressed_data_is_a_warning() {
    for (_, compress) in ALL {
        for garbage in [&b"\0\0\0\0\0\0"[..], b"x", b"<html>"] {
            let mut bytes = compress(&pcap(Order::Little, false, &five_frames()));
            bytes.extend(garbage);
            let reading = read_bytes(&bytes);
            assert_eq!((reading.packets.len(), reading.fault().id), (5, "trailing-garbage"));
            assert_eq!(reading.fault().severity, Severity::Warning);
        }
    }
}

#[test]
fn a_compressed_file_in_a_compressed_file_is_refused_by_name() {
    for (_, outer) in ALL {
        for (_, inner) in ALL {
            let reading = read_bytes(&outer(&inner(&pcap(Order::Little, false, &five_frames()))));
            let fault = reading.fault();
            assert_eq!((fault.id, fault.severity), ("nested-compression", Severity::Refused));
        }
    }
}

#[test]
fn a_compressed_file_of_nothing_is_empty_and_one_of_something_else_no_capture() {
    for (_, compress) in ALL {
        assert_eq!(read_bytes(&compress(b"")).fault().id, "empty-file");
        assert_eq!(read_bytes(&compress(b"hello")).fault().id, "unknown-format");
        assert_eq!(read_bytes(&compress(&[0; 1 << 20])).fault().id, "unknown-format");
    }
}

#[test]
fn data_that_unpack_to_far_more_than_captures_do_are_left() {
    let mut bytes = pcap_header(Order::Little, false, 65_535, 1);
    for second in 1..600 {
        bytes.extend(record(Order::Little, [second, 0, 60_000, 60_000], &[0; 60_000]));
    }
    let settings = |grace| SourceSettings { max_decompressed: grace, ..SourceSettings::default() };
    for (_, compress) in ALL {
        let bomb = compress(&bytes);
        // 30 MB are below the amount that any file may unpack to.
        assert_eq!(read_bytes(&bomb).packets.len(), 599);
        let ratio = bytes.len() / bomb.len();
        let reading = read_bytes_with(&bomb, settings(Some(3 << 20)));
        if ratio > 210 {
            let fault = reading.fault();
            assert_eq!((fault.id, fault.severity), ("decompression-bomb", Severity::Partial));
            assert!((40..200).contains(&reading.packets.len()), "{}", reading.packets.len());
        }
    }
    let modest = gzip(&long_capture());
    assert_eq!(read_bytes_with(&modest, settings(Some(1))).faults, []);
}

#[test]
fn members_that_are_all_buffer_are_left_once_they_ask_for_too_much() {
    let info = FrameInfo::new().block_size(BlockSize::Max4MB);
    let empty = FrameEncoder::with_frame_info(info, vec![]).finish().unwrap();
    assert!(empty.len() < 20);
    let capture = lz4(&pcap(Order::Little, false, &five_frames()));
    let behind = |members| [empty.repeat(members), capture.clone()].concat();
    assert_eq!(read_bytes(&behind(2_000)).packets.len(), 5);
    let reading = read_bytes(&behind(2_100));
    let fault = reading.fault();
    assert_eq!(fault.id, "decompression-bomb");
    assert!(fault.message.contains("2,049 members"), "{}", fault.message);
}

#[test]
fn the_name_of_a_file_says_nothing() {
    let folder = Folder::new();
    let capture = pcap(Order::Little, false, &five_frames());
    for (name, bytes) in [("a.gz", capture.clone()), ("b.txt", gzip(&capture))] {
        assert_eq!(source_kit::read(&folder.write(name, &bytes)).packets.len(), 5);
    }
}

#[test]
fn a_gzip_header_may_have_every_optional_field() {
    let capture = pcap(Order::Little, false, &five_frames());
    let mut writer = flate2::GzBuilder::new()
        .filename("a name")
        .comment("a comment")
        .extra(vec![1; 500])
        .mtime(1)
        .write(Vec::new(), flate2::Compression::best());
    writer.write_all(&capture).unwrap();
    assert_eq!(read_bytes(&writer.finish().unwrap()).packets.len(), 5);
}
