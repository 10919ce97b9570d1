//! Tests that neither the portions in which bytes arrive nor those in which packets are asked
//! for change what comes out, whatever the bytes are.
#![allow(clippy::unwrap_used)]

use super::file::FileSource;
use super::test_captures::{five_frames, gzip, lz4, pcap, pcapng, zstandard, Order};
use super::{Source, SourceSettings};
use crate::error::Fault;
use crate::packet::{Chunk, RawPacket};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::Read;

/// Yields `bytes` in portions of the given sizes, again and again.
struct Portions {
    bytes: Vec<u8>,
    at: usize,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Portions {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        let count = size.min(into.len()).min(self.bytes.len() - self.at);
        into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Packets, with their bytes in place of their position, and faults.
type Reading = (Vec<(RawPacket, Vec<u8>)>, Vec<Fault>);

fn read(bytes: &[u8], sizes: &[usize], max: usize, resync: bool) -> Reading {
    let settings = SourceSettings { resync, ..SourceSettings::default() };
    let portions = Portions { bytes: bytes.to_vec(), at: 0, sizes: sizes.to_vec(), turn: 0 };
    let mut source = FileSource::of_reader("capture", Box::new(portions), settings);
    let mut chunk = Chunk::default();
    let mut packets = Vec::new();
    loop {
        let more = source.fill(&mut chunk, max);
        for packet in &chunk.packets {
            let bytes = chunk.bytes(packet).to_vec();
            assert_eq!(bytes.len(), packet.caplen as usize);
            packets.push((RawPacket { start: 0, ..*packet }, bytes));
        }
        if !more {
            return (packets, source.take_faults());
        }
        assert!(!chunk.packets.is_empty(), "nothing came and nothing is awaited");
    }
}

/// Assert that portions change nothing, and return what was read.
fn assert_same(bytes: &[u8], sizes: &[usize], max: usize) -> Reading {
    for resync in [false, true] {
        let whole = read(bytes, &[usize::MAX], 8192, resync);
        assert_eq!(read(bytes, sizes, max, resync), whole);
    }
    read(bytes, sizes, max, false)
}

fn captures() -> Vec<Vec<u8>> {
    let frames = five_frames();
    let mut captures = Vec::new();
    for order in [Order::Little, Order::Big] {
        captures.push(pcap(order, false, &frames));
        captures.push(pcap(order, true, &frames));
        captures.push(pcapng(order, false, &frames));
    }
    let joined: Vec<u8> = captures[2..].concat();
    captures.push(joined);
    let padded = [captures[0].clone(), vec![0; 100]].concat();
    captures.push(padded);
    for compress in [gzip, zstandard, lz4] {
        let one = compress(&captures[0]);
        captures.push([one.clone(), one].concat());
    }
    captures
}

#[test]
fn one_byte_at_a_time_gives_the_same_as_all_at_once() {
    for capture in captures() {
        let (packets, _) = assert_same(&capture, &[1], 1);
        assert!(packets.len() >= 5);
    }
}

#[test]
fn one_byte_at_a_time_gives_the_same_for_every_truncation() {
    for capture in captures() {
        for length in 0..capture.len() {
            assert_same(&capture[..length], &[1], 3);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn portions_change_nothing(
        which in 0usize..11,
        sizes in vec(1usize..200, 1..8),
        max in 1usize..8,
    ) {
        assert_same(&captures()[which], &sizes, max);
    }

    #[test]
    fn portions_change_nothing_in_damaged_captures(
        which in 0usize..11,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        inserted in vec(any::<u8>(), 0..40),
        sizes in vec(1usize..100, 1..8),
        max in 1usize..8,
    ) {
        let mut bytes = captures().swap_remove(which);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let at = cut.index(bytes.len());
        bytes.splice(at..at, inserted);
        assert_same(&bytes, &sizes, max);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        head in prop::sample::select(captures()),
        keep in 0usize..60,
        bytes in vec(any::<u8>(), 0..600),
        sizes in vec(1usize..100, 1..8),
    ) {
        let bytes = [&head[..keep], &bytes].concat();
        assert_same(&bytes, &sizes, 3);
    }
}
