//! Segments through a stream, against a model that keeps the first copy of every byte.
//!
//! In exact mode segments are whole and near enough to the start that no hole is given up, so the
//! model says everything that must come out. Otherwise acknowledgements, FINs, snap lengths and
//! far sequence numbers come in too, and only the sums are checked.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wiretropy_core::meter::PacketRef;
use wiretropy_core::stream::{Effects, LeftOut, Segment, Sink, Stream};

/// Offsets in exact mode stay below this: the hole in front of them is never given up.
const NEAR_BYTES: i64 = 48 << 10;
/// Offsets in exact mode are at least this, so that some segments begin before the stream.
const BEFORE_BYTES: i64 = 64;

#[derive(Arbitrary, Debug)]
enum Event {
    Segment { offset: u16, length: u16, seed: u8, beyond: u8 },
    Far { seq: u32, length: u16, beyond: u32 },
    Ack(u32),
    Fin(u32),
}

#[derive(Arbitrary, Debug)]
struct Conversation {
    isn: u32,
    is_exact: bool,
    wants: u16,
    window: u32,
    events: Vec<Event>,
}

#[derive(Default)]
struct Tape {
    bytes: Vec<u8>,
    skipped: u64,
    wants: usize,
}

impl Sink for Tape {
    fn data(&mut self, bytes: &[u8], _: PacketRef) {
        self.bytes.extend_from_slice(bytes);
    }
    fn skipped(&mut self, length: u64) {
        self.skipped += length;
    }
    fn wants_data(&self) -> bool {
        self.bytes.len() < self.wants
    }
    fn differs(&self, at: u64, bytes: &[u8]) -> bool {
        let first = self.bytes.get(at as usize..).unwrap_or(&[]);
        first.iter().zip(bytes).any(|(old, new)| old != new)
    }
}

/// The first copy of every byte, by stream offset.
#[derive(Default)]
struct Model {
    first: Vec<Option<u8>>,
    next: usize,
    expected: LeftOut,
    conflicts: u64,
}

impl Model {
    fn send(&mut self, offset: i64, bytes: &[u8], effects: Effects) {
        // Nothing is acknowledged here but the SYN, whose place a probe before any payload repeats.
        if bytes.len() == 1 && offset == -1 && self.next == 0 {
            assert!(effects.is_keep_alive);
            self.expected.repeated += 1;
            return;
        }
        let before = bytes.len().min(usize::try_from(-offset).unwrap_or(0));
        self.expected.before_start += before as u64;
        assert_eq!(effects.is_before_start, offset < 0);
        let start = usize::try_from(offset).unwrap_or(0);
        let (mut repeated, mut is_conflicting) = (0, false);
        for (at, &byte) in (start..).zip(&bytes[before..]) {
            if self.first.len() <= at {
                self.first.resize(at + 1, None);
            }
            match self.first[at] {
                Some(first) => {
                    repeated += 1;
                    is_conflicting |= first != byte;
                }
                None => self.first[at] = Some(byte),
            }
        }
        self.expected.repeated += repeated;
        self.conflicts += u64::from(is_conflicting);
        assert_eq!(effects.is_retransmission, repeated > 0, "{effects:?}");
        assert_eq!(effects.is_conflicting, is_conflicting, "{effects:?}");
        while self.first.get(self.next).is_some_and(Option::is_some) {
            self.next += 1;
        }
    }

    fn check(&self, stream: &Stream, tape: &Tape, left_out: &LeftOut) {
        let bytes: Vec<u8> = self.first.iter().flatten().copied().collect();
        assert_eq!(stream.payload_bytes(), bytes.len() as u64);
        assert_eq!(stream.missed_bytes(), (self.first.len() - bytes.len()) as u64);
        assert_eq!(stream.conflicts(), self.conflicts);
        assert_eq!(*left_out, self.expected);
        assert!(tape.bytes == bytes, "the bytes delivered are the first copies in order");
    }
}

fn content(seed: u8, length: u16) -> Vec<u8> {
    // Few seeds, so that copies often agree.
    (0..length).map(|at| (at as u8) & (seed | 1)).collect()
}

fuzz_target!(|conversation: Conversation| {
    let Conversation { isn, is_exact, wants, window, events } = conversation;
    let mut stream = Stream::default();
    stream.set_base(isn);
    let wants = if is_exact { usize::MAX } else { usize::from(wants) };
    let mut tape = Tape { wants, ..Tape::default() };
    let mut left_out = LeftOut::default();
    let mut model = Model::default();
    let mut sent = 0;
    for (number, event) in (1..).zip(&events) {
        let packet = PacketRef { file: 0, number };
        let before = stream.payload_bytes();
        match *event {
            Event::Segment { offset, length, seed, beyond } => {
                let offset = i64::from(offset) % NEAR_BYTES - BEFORE_BYTES;
                let bytes = content(seed, 1 + length % 2000);
                let beyond = if is_exact { 0 } else { u32::from(beyond) };
                let seq = isn.wrapping_add(offset as u32);
                let claimed = bytes.len() as u32 + beyond;
                let segment = Segment { seq, bytes: &bytes, claimed, packet };
                sent += bytes.len() as u64;
                let effects = stream.accept(segment, u64::from(window), &mut left_out, &mut tape);
                if is_exact {
                    model.send(offset, &bytes, effects);
                }
            }
            _ if is_exact => {}
            Event::Far { seq, length, beyond } => {
                let bytes = content(0, length % 200);
                let claimed = (bytes.len() as u32).saturating_add(beyond % (1 << 20)).max(1);
                let segment = Segment { seq, bytes: &bytes, claimed, packet };
                sent += bytes.len() as u64;
                stream.meet_far_ack(seq, u64::from(window));
                stream.accept(segment, u64::from(window), &mut left_out, &mut tape);
            }
            Event::Ack(ack) => {
                stream.acknowledge(ack, u64::from(window), &mut tape);
            }
            Event::Fin(seq) => {
                stream.fin_at(seq, u64::from(window));
            }
        }
        assert!(stream.payload_bytes() >= before);
    }
    stream.finish(false, &mut tape);
    assert!(!stream.has_waiting());
    let delivered = tape.bytes.len() as u64 + tape.skipped;
    assert_eq!(stream.payload_bytes(), delivered);
    let all = left_out.repeated + left_out.before_start + left_out.out_of_window + left_out.late;
    assert_eq!(sent, delivered + all, "{left_out:?}");
    let gaps: u64 = stream.gaps().iter().map(|gap| gap.1).sum();
    assert!(gaps <= stream.missed_bytes());
    assert!(stream.gaps().windows(2).all(|pair| pair[0].0 < pair[1].0));
    if is_exact {
        model.check(&stream, &tape, &left_out);
    }
});
