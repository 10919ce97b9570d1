//! Shows what happens to IP fragments: in any order, overlapping, hostile, or never completed.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode_frames;

use decode_frames::*;
use proptest::prelude::*;
use wiretropy_core::decode::{Decoder, Defragmenter, Fragment, FragmentOutcome, Outcome, Reason};
use wiretropy_core::limits::FRAGMENT_TIMEOUT_NS;

const MORE: u16 = 0x2000;

fn fragment(frame: &[u8]) -> Fragment {
    match decode(101, frame) {
        Outcome::Fragment(fragment) => fragment,
        other => panic!("not a fragment: {other:?}"),
    }
}

/// The fragment of `datagram` with the bytes `start..end`, as an IPv4 packet.
fn piece(datagram: &[u8], start: usize, end: usize, id: u16) -> Vec<u8> {
    let more = if end < datagram.len() { MORE } else { 0 };
    let place = more | u16::try_from(start / 8).unwrap();
    ipv4_piece(UDP, id, place, &datagram[start..end])
}

fn insert(table: &mut Defragmenter, frame: &[u8], ts_ns: i64, packet: u64) -> FragmentOutcome {
    let fragment = fragment(frame);
    table.insert(&fragment, fragment.payload(frame), ts_ns, packet)
}

fn sample() -> Vec<u8> {
    let payload: Vec<u8> = (0..92).collect();
    udp(4000, 5000, &payload)
}

#[test]
fn fragments_in_any_order_make_the_datagram() {
    let datagram = sample();
    let parts = [(0, 40), (40, 64), (64, 100)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let mut table = Defragmenter::default();
        let mut last = FragmentOutcome::Held;
        for (packet, index) in (1..).zip(order) {
            assert_eq!(last, FragmentOutcome::Held);
            let (start, end) = parts[index];
            last = insert(&mut table, &piece(&datagram, start, end, 7), 0, packet);
        }
        let FragmentOutcome::Complete { bytes, context, packets } = last else {
            panic!("{last:?}")
        };
        assert_eq!(bytes, datagram);
        assert_eq!(packets, [1, 2, 3]);
        let Outcome::Transport(whole) = Decoder::default().resume(&context, &bytes) else {
            panic!()
        };
        assert_eq!((whole.endpoints.sport, whole.endpoints.dport), (4000, 5000));
        assert_eq!(whole.payload(&bytes), &datagram[8..]);
        assert!(table.is_empty());
        assert_eq!(table.held_bytes(), 0);
    }
}

#[test]
fn ipv6_fragments_take_the_protocol_of_the_first() {
    let datagram = cat(&[&[UDP, 0, 1, 4, 0, 0, 0, 0], &sample()]);
    let mut table = Defragmenter::default();
    let tail = ipv6(44, &ipv6_fragment(99, 1, 48, false, &datagram[48..]));
    let head = ipv6(44, &ipv6_fragment(60, 1, 0, true, &datagram[..48]));
    assert_eq!(insert(&mut table, &tail, 0, 1), FragmentOutcome::Held);
    let outcome = insert(&mut table, &head, 0, 2);
    let FragmentOutcome::Complete { bytes, context, .. } = outcome else { panic!("{outcome:?}") };
    let Outcome::Transport(whole) = Decoder::default().resume(&context, &bytes) else { panic!() };
    assert_eq!(whole.endpoints.proto, UDP);
    assert_eq!(whole.endpoints.src, SRC6);
    assert_eq!(whole.payload(&bytes), &sample()[8..]);
}

#[test]
fn overlapping_fragment_keeps_the_first_copy() {
    let datagram = sample();
    let mut other = datagram.clone();
    other[16..32].fill(0xEE);
    let mut table = Defragmenter::default();
    insert(&mut table, &piece(&datagram, 8, 24, 7), 0, 1);
    insert(&mut table, &piece(&other, 0, 40, 7), 0, 2);
    assert_eq!((table.counters().overlaps, table.counters().conflicting_overlaps), (1, 1));
    insert(&mut table, &piece(&datagram, 8, 16, 7), 0, 3);
    assert_eq!((table.counters().overlaps, table.counters().conflicting_overlaps), (2, 1));
    let outcome = insert(&mut table, &piece(&datagram, 40, 100, 7), 0, 4);
    let FragmentOutcome::Complete { bytes, packets, .. } = outcome else { panic!("{outcome:?}") };
    let mut expected = datagram;
    expected[24..32].fill(0xEE);
    assert_eq!(bytes, expected);
    assert_eq!(packets, [1, 2, 3, 4]);
}

#[test]
fn teardrop_is_refused() {
    let datagram = sample();
    let mut table = Defragmenter::default();
    insert(&mut table, &piece(&datagram, 0, 40, 7), 0, 1);
    let last_inside_first = ipv4_piece(UDP, 7, 3, &datagram[24..28]);
    let outcome = insert(&mut table, &last_inside_first, 0, 2);
    assert_eq!(outcome, FragmentOutcome::Refused(Reason::BadFragment));
    let outcome = insert(&mut table, &piece(&datagram, 40, 100, 7), 0, 3);
    assert!(matches!(outcome, FragmentOutcome::Complete { packets, .. } if packets == [1, 3]));
}

#[test]
fn second_end_of_a_datagram_is_refused() {
    let datagram = sample();
    let mut table = Defragmenter::default();
    insert(&mut table, &piece(&datagram, 40, 100, 7), 0, 1);
    for (place, length) in [(9, 8), (20, 8), (MORE | 12, 8)] {
        let outcome = insert(&mut table, &ipv4_piece(UDP, 7, place, &[0; 8][..length]), 0, 2);
        assert_eq!(outcome, FragmentOutcome::Refused(Reason::BadFragment));
    }
}

#[test]
fn impossible_fragments_are_refused_by_the_decoder() {
    assert_refused(101, &ipv4_piece(UDP, 7, MORE, &[0; 12]), Reason::BadFragment);
    assert_refused(101, &ipv4_piece(UDP, 7, 5, &[]), Reason::BadFragment);
    assert_refused(101, &ipv4_piece(UDP, 7, 0x1FFF, &[0; 8]), Reason::FragmentOverrun);
    let whole = ipv4_piece(UDP, 7, MORE, &[0; 16]);
    assert_refused(101, &whole[..30], Reason::FragmentCut);
}

#[test]
fn fragment_inside_a_reassembled_datagram_is_refused() {
    let inner = ipv4_piece(UDP, 9, MORE, &[0; 16]);
    let mut table = Defragmenter::default();
    let head = ipv4_piece(4, 7, MORE, &inner[..24]);
    let tail = ipv4_piece(4, 7, 3, &inner[24..]);
    insert(&mut table, &head, 0, 1);
    let outcome = insert(&mut table, &tail, 0, 2);
    let FragmentOutcome::Complete { bytes, context, .. } = outcome else { panic!("{outcome:?}") };
    let outcome = Decoder::default().resume(&context, &bytes);
    assert_eq!(outcome, Outcome::Undecoded(Reason::NestedFragment));
}

#[test]
fn tunnels_inside_a_reassembled_datagram_are_opened() {
    let inner = hello();
    let mut table = Defragmenter::default();
    insert(&mut table, &ipv4_piece(4, 7, MORE, &inner[..24]), 0, 1);
    let outcome = insert(&mut table, &ipv4_piece(4, 7, 3, &inner[24..]), 0, 2);
    let FragmentOutcome::Complete { bytes, context, .. } = outcome else { panic!("{outcome:?}") };
    let Outcome::Transport(whole) = Decoder::default().resume(&context, &bytes) else { panic!() };
    assert_eq!(whole.payload(&bytes), b"hello");
    assert_ne!(whole.tunnels, 0);
}

#[test]
fn late_fragments_do_not_join_and_every_packet_comes_back() {
    let datagram = sample();
    let mut table = Defragmenter::default();
    insert(&mut table, &piece(&datagram, 0, 40, 7), 0, 1);
    assert_eq!(table.expire(FRAGMENT_TIMEOUT_NS), 0);
    // The identifier is used again after the timeout: a new datagram.
    let late = FRAGMENT_TIMEOUT_NS + 1;
    assert_eq!(insert(&mut table, &piece(&datagram, 40, 100, 7), late, 2), FragmentOutcome::Held);
    assert_eq!(table.take_dropped(), [(1, Reason::FragmentIncomplete)]);
    assert_eq!(table.expire(3 * FRAGMENT_TIMEOUT_NS), 1);
    assert_eq!(table.take_dropped(), [(2, Reason::FragmentIncomplete)]);
    insert(&mut table, &piece(&datagram, 0, 40, 7), late, 3);
    assert_eq!(table.flush(), 1);
    assert_eq!(table.take_dropped(), [(3, Reason::FragmentIncomplete)]);
}

#[test]
fn times_that_jump_do_not_overflow() {
    let datagram = sample();
    let mut table = Defragmenter::default();
    insert(&mut table, &piece(&datagram, 0, 40, 7), i64::MAX, 1);
    insert(&mut table, &piece(&datagram, 40, 48, 7), i64::MIN, 2);
    table.expire(i64::MIN);
    assert_eq!(table.len(), 1);
}

#[test]
fn oldest_datagram_makes_room() {
    let datagram = sample();
    let mut table = Defragmenter::with_limits(2, 1 << 20);
    for id in 1..=3 {
        insert(&mut table, &piece(&datagram, 0, 40, id), 0, id.into());
    }
    assert_eq!(table.len(), 2);
    assert_eq!(table.take_dropped(), [(1, Reason::FragmentEvicted)]);
    assert_eq!(table.counters().evicted, 1);
}

#[test]
fn a_million_datagrams_that_never_complete_stay_bounded() {
    let mut table = Defragmenter::default();
    let frame = ipv4_piece(UDP, 0, MORE, &[1; 1024]);
    let mut fragment = fragment(&frame);
    let mut dropped = 0;
    for packet in 0..1_000_000u32 {
        fragment.id = packet;
        fragment.offset = 8 * (packet % 7000);
        table.insert(&fragment, fragment.payload(&frame), packet.into(), packet.into());
        assert!(table.held_bytes() <= 32 << 20);
        if packet % 8192 == 0 {
            dropped += table.take_dropped().len();
        }
    }
    table.flush();
    dropped += table.take_dropped().len();
    assert_eq!(dropped, 1_000_000);
    assert_eq!(table.held_bytes(), 0);
}

#[test]
fn a_million_copies_of_one_fragment_stay_bounded() {
    let frame = ipv4_piece(UDP, 0, MORE, &[1; 1024]);
    let fragment = fragment(&frame);
    let mut table = Defragmenter::with_limits(16, 1 << 20);
    let mut dropped = 0;
    for packet in 0..1_000_000 {
        table.insert(&fragment, fragment.payload(&frame), 0, packet);
        assert!(table.held_bytes() <= 1 << 20);
        if packet % 8192 == 0 {
            dropped += table.take_dropped().len();
        }
    }
    table.flush();
    assert_eq!(dropped + table.take_dropped().len(), 1_000_000);
}

#[test]
fn many_tiny_fragments_in_reverse_stay_quick() {
    let datagram: Vec<u8> = (0..65_512u32).map(|n| n as u8).collect();
    let mut table = Defragmenter::default();
    let mut last = FragmentOutcome::Held;
    for (packet, start) in (0..datagram.len()).step_by(8).rev().enumerate() {
        let frame = piece(&datagram, start, start + 8, 7);
        last = insert(&mut table, &frame, 0, packet as u64);
    }
    let FragmentOutcome::Complete { bytes, .. } = last else { panic!("{last:?}") };
    assert_eq!(bytes, datagram);
}

/// The rule in its slow form: one cell per byte, filled once.
fn first_copy_wins(pieces: &[(usize, usize, u8)], length: usize) -> Option<Vec<u8>> {
    let mut cells = vec![None; length];
    for &(start, end, value) in pieces {
        for cell in &mut cells[start..end] {
            cell.get_or_insert(value);
        }
    }
    cells.into_iter().collect()
}

proptest! {
    #[test]
    fn any_overlapping_pieces_give_the_first_copy_of_every_byte(
        cuts in prop::collection::vec((0usize..16, 1usize..16, any::<u8>()), 1..40)
    ) {
        const LENGTH: usize = 128;
        let mut table = Defragmenter::default();
        let mut inserted = Vec::new();
        for (packet, &(start, count, value)) in cuts.iter().enumerate() {
            let (start, end) = (start * 8, (start + count).min(16) * 8);
            let mut datagram = [0; LENGTH];
            datagram[start..end].fill(value);
            inserted.push((start, end, value));
            let has_end = inserted.iter().any(|(_, end, _)| *end == LENGTH);
            match insert(&mut table, &piece(&datagram, start, end, 7), 0, packet as u64) {
                FragmentOutcome::Held => {
                    prop_assert!(!has_end || first_copy_wins(&inserted, LENGTH).is_none());
                }
                FragmentOutcome::Complete { bytes, packets, .. } => {
                    prop_assert_eq!(Some(bytes), first_copy_wins(&inserted, LENGTH));
                    prop_assert_eq!(packets.len(), inserted.len());
                    return Ok(());
                }
                FragmentOutcome::Refused(reason) => prop_assert!(false, "refused: {reason}"),
            }
        }
    }

    #[test]
    fn any_fragments_are_accounted_for(
        fragments in prop::collection::vec((0u32..3, 0u32..70_000, 0usize..40, any::<bool>(), 0i64..100), 0..200)
    ) {
        let frame = ipv4_piece(UDP, 0, MORE, &[1; 64]);
        let model = fragment(&frame);
        let mut table = Defragmenter::with_limits(2, 4096);
        let mut seen = 0;
        for (packet, &(id, offset, length, has_more, seconds)) in fragments.iter().enumerate() {
            let piece = Fragment { id, offset, has_more, payload_len: length as u32, ..model };
            let ts_ns = seconds * 1_000_000_000;
            table.expire(ts_ns);
            match table.insert(&piece, &[1; 64][..length], ts_ns, packet as u64) {
                FragmentOutcome::Held => {}
                FragmentOutcome::Complete { packets, .. } => seen += packets.len(),
                FragmentOutcome::Refused(_) => seen += 1,
            }
        }
        table.flush();
        seen += table.take_dropped().len();
        prop_assert_eq!(seen, fragments.len());
        prop_assert_eq!(table.held_bytes(), 0);
    }
}
