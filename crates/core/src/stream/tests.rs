use super::*;

#[derive(Default)]
struct Tape {
    bytes: Vec<u8>,
    skipped: u64,
    is_full: bool,
}

impl Sink for Tape {
    fn data(&mut self, bytes: &[u8], _: PacketRef) {
        self.bytes.extend_from_slice(bytes);
    }
    fn skipped(&mut self, length: u64) {
        self.skipped += length;
    }
    fn wants_data(&self) -> bool {
        !self.is_full
    }
    fn differs(&self, at: u64, bytes: &[u8]) -> bool {
        let first = &self.bytes[at as usize..];
        first.iter().zip(bytes).any(|(old, new)| old != new)
    }
}

struct Bench {
    stream: Stream,
    tape: Tape,
    left_out: LeftOut,
    isn: u32,
}

impl Bench {
    fn new(isn: u32) -> Self {
        let mut stream = Stream::default();
        stream.set_base(isn);
        Self { stream, tape: Tape::default(), left_out: LeftOut::default(), isn }
    }

    fn send(&mut self, offset: u32, bytes: &[u8]) -> Effects {
        let seq = self.isn.wrapping_add(offset);
        let claimed = bytes.len() as u32;
        let segment = Segment { seq, bytes, claimed, packet: PacketRef::default() };
        self.stream.accept(segment, 65_535, &mut self.left_out, &mut self.tape)
    }
}

#[test]
fn out_of_order_segments_come_out_in_order() {
    let mut bench = Bench::new(u32::MAX - 2);
    assert!(bench.send(3, b"def").is_early);
    assert!(bench.send(6, b"ghi").is_early);
    assert_eq!(bench.send(0, b"abc"), Effects::default());
    assert_eq!(bench.tape.bytes, b"abcdefghi");
    assert_eq!(bench.stream.payload_bytes(), 9);
    let nothing = Trouble::default().held_bytes();
    assert_eq!(bench.stream.held_bytes(), nothing);
}

#[test]
fn overlapping_segment_keeps_the_first_copy() {
    let mut bench = Bench::new(7);
    bench.send(0, b"abcd");
    let effects = bench.send(2, b"CDef");
    assert!(effects.is_conflicting && effects.is_retransmission);
    assert_eq!(bench.tape.bytes, b"abcdef");
    assert_eq!((bench.stream.conflicts(), bench.stream.retransmitted_bytes()), (1, 2));
}

#[test]
fn same_bytes_again_are_no_conflict() {
    let mut bench = Bench::new(7);
    bench.send(0, b"abcd");
    let effects = bench.send(0, b"abcdef");
    assert!(!effects.is_conflicting && effects.is_retransmission);
    assert_eq!(bench.tape.bytes, b"abcdef");
    assert_eq!(bench.stream.conflicts(), 0);
}

#[test]
fn waiting_pieces_win_over_later_copies() {
    let mut bench = Bench::new(7);
    bench.send(2, b"cd");
    bench.send(6, b"gh");
    let effects = bench.send(1, b"bXXefYYi");
    assert!(effects.is_conflicting);
    bench.send(0, b"a");
    assert_eq!(bench.tape.bytes, b"abcdefghi");
    assert_eq!(bench.stream.conflicts(), 1);
}

#[test]
fn a_hole_becomes_a_gap_at_the_end() {
    let mut bench = Bench::new(7);
    bench.send(0, b"ab");
    bench.send(5, b"fg");
    bench.stream.finish(false, &mut bench.tape);
    assert_eq!(bench.tape.bytes, b"abfg");
    assert_eq!((bench.stream.missed_bytes(), bench.stream.payload_bytes()), (3, 4));
    assert_eq!(bench.stream.gaps(), [(2, 3)]);
}

#[test]
fn a_late_segment_in_a_given_up_hole_is_left_out() {
    let mut bench = Bench::new(7);
    bench.send(0, b"ab");
    bench.send(5, b"fg");
    bench.stream.skip_hole(&mut bench.tape);
    let effects = bench.send(1, b"bcdeF");
    assert!(effects.is_late && effects.is_conflicting);
    assert_eq!(bench.left_out, LeftOut { repeated: 2, late: 3, ..LeftOut::default() });
    assert_eq!(bench.tape.bytes, b"abfg");
}

#[test]
fn acknowledged_hole_is_given_up_sooner() {
    let mut bench = Bench::new(7);
    let piece = [1_u8; 1000];
    for number in 1..80 {
        bench.send(number * 1000, &piece);
    }
    assert!(bench.tape.bytes.is_empty());
    assert!(bench.stream.acknowledge(7 + 80_000, 65_535, &mut bench.tape));
    assert_eq!(bench.tape.bytes.len(), 79_000);
    assert_eq!(bench.stream.gaps(), [(0, 1000)]);
}

#[test]
fn keep_alive_is_no_conflict() {
    let mut bench = Bench::new(7);
    bench.send(0, b"ab");
    assert!(bench.stream.acknowledge(7 + 2, 65_535, &mut bench.tape));
    assert!(bench.send(1, b"\0").is_keep_alive);
    assert_eq!(bench.stream.conflicts(), 0);
}

#[test]
fn a_single_byte_that_differs_before_it_is_acknowledged_is_a_conflict() {
    let mut bench = Bench::new(7);
    bench.send(0, b"ab");
    let effects = bench.send(1, b"X");
    assert!(effects.is_conflicting && !effects.is_keep_alive);
    assert!(!bench.send(1, b"b").is_conflicting);
    assert_eq!((bench.stream.conflicts(), bench.tape.bytes.as_slice()), (1, &b"ab"[..]));
}

#[test]
fn segment_far_outside_the_window_is_left_out() {
    let mut bench = Bench::new(7);
    bench.send(0, b"ab");
    assert!(bench.send(100_000_000, b"zz").is_out_of_window);
    bench.stream.finish(false, &mut bench.tape);
    assert_eq!((bench.stream.missed_bytes(), bench.left_out.out_of_window), (0, 2));
}

#[test]
fn offsets_pass_four_gibibytes() {
    let mut bench = Bench::new(12345);
    let piece = vec![3_u8; 1 << 20];
    let mut offset = 0_u32;
    for _ in 0..4100 {
        bench.tape.bytes.clear();
        bench.send(offset, &piece);
        offset = offset.wrapping_add(1 << 20);
    }
    assert_eq!(bench.stream.payload_bytes(), 4100 << 20);
    assert_eq!(bench.stream.missed_bytes(), 0);
}

#[test]
fn snaplen_cut_is_missing_but_the_stream_goes_on() {
    let mut bench = Bench::new(7);
    let segment = Segment { seq: 7, bytes: b"ab", claimed: 10, packet: PacketRef::default() };
    bench.stream.accept(segment, 1000, &mut bench.left_out, &mut bench.tape);
    bench.send(10, b"xy");
    assert_eq!((bench.stream.payload_bytes(), bench.stream.missed_bytes()), (4, 8));
    assert_eq!(bench.stream.gaps(), [(2, 8)]);
}

#[test]
fn bytes_nobody_wants_wait_without_memory() {
    let mut bench = Bench::new(7);
    bench.tape.is_full = true;
    bench.send(5, &[1; 1000]);
    assert!(bench.stream.held_bytes() < Trouble::default().held_bytes() + 200);
    bench.send(0, b"abcde");
    assert_eq!((bench.tape.skipped, bench.stream.payload_bytes()), (1005, 1005));
}

#[test]
fn acknowledged_bytes_never_seen_are_missed() {
    let mut bench = Bench::new(7);
    bench.send(0, b"ab");
    assert!(bench.stream.acknowledge(7 + 50, 65_535, &mut bench.tape));
    bench.stream.finish(false, &mut bench.tape);
    assert_eq!(bench.stream.missed_bytes(), 48);
}

proptest::proptest! {
    /// Any cutting, repeating and reordering of one stream delivers the same bytes.
    #[test]
    fn cutting_repeating_and_reordering_change_nothing(
        isn: u32,
        cuts in proptest::collection::vec((0_usize..400, 1_usize..80), 1..60),
    ) {
        let whole: Vec<u8> = (0..480_u32).map(|i| (i * 7 + i / 13) as u8).collect();
        let mut bench = Bench::new(isn);
        for &(from, length) in &cuts {
            bench.send(from as u32, &whole[from..from + length]);
        }
        for from in (0..480).step_by(48).rev() {
            bench.send(from as u32, &whole[from..from + 48]);
        }
        proptest::prop_assert_eq!(&bench.tape.bytes, &whole);
        proptest::prop_assert_eq!(bench.stream.conflicts(), 0);
        proptest::prop_assert_eq!(bench.stream.missed_bytes(), 0);
    }
}

#[test]
fn bytes_before_the_start_repeat_nothing() {
    let mut bench = Bench::new(1000);
    bench.send(0, b"abcd");
    let effects = bench.send(0_u32.wrapping_sub(10), b"before");
    assert!(effects.is_before_start && !effects.is_retransmission);
    assert_eq!((bench.left_out.before_start, bench.left_out.repeated), (6, 0));
}

#[test]
fn a_segment_that_conflicts_twice_is_one_conflict() {
    let mut bench = Bench::new(7);
    bench.send(0, b"abcd");
    bench.send(6, b"ghij");
    assert!(bench.send(2, b"CDefGHij").is_conflicting);
    assert_eq!(bench.tape.bytes, b"abcdefghij");
    assert_eq!((bench.stream.conflicts(), bench.stream.retransmitted_bytes()), (1, 6));
}

#[test]
fn bytes_that_were_not_captured_claim_their_ends_only() {
    let mut bench = Bench::new(7);
    bench.send(10, b"klm");
    bench.send(16, b"q");
    let packet = PacketRef::default();
    let segment = Segment { seq: 7 + 8, bytes: b"i", claimed: 20, packet };
    bench.stream.accept(segment, 65_535, &mut bench.left_out, &mut bench.tape);
    // Between the others the first copy that was captured still counts.
    bench.send(13, b"nop");
    bench.send(0, b"abcdefgh");
    bench.stream.finish(false, &mut bench.tape);
    assert_eq!(bench.tape.bytes, b"abcdefghiklmnopq");
    assert_eq!(bench.stream.gaps(), [(9, 1), (16, 11)]);
    assert_eq!(bench.stream.missed_bytes(), 12);
}

#[test]
fn the_first_fin_says_where_the_stream_ends() {
    for length in [0, 5] {
        let mut bench = Bench::new(u32::MAX - 2);
        bench.send(0, &b"bytes"[..length]);
        let end = bench.isn.wrapping_add(length as u32);
        assert!(!bench.stream.has_fin());
        assert!(bench.stream.fin_at(end, 65_535), "{length}");
        assert!(bench.stream.has_fin());
        assert!(bench.stream.fin_at(end, 65_535), "a repeat is none the worse");
        assert!(!bench.stream.fin_at(end.wrapping_add(1), 65_535));
        assert!(!bench.stream.fin_at(end.wrapping_sub(1), 65_535));
        assert!(!bench.stream.is_past_fin(end));
        assert!(bench.stream.is_past_fin(end.wrapping_add(1)));
    }
}
