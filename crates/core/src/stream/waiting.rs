//! Pieces of a stream that arrived before the bytes that precede them.

use std::collections::BTreeMap;

use super::Segment;
use crate::meter::PacketRef;

/// Bytes of bookkeeping that a waiting piece costs beside its payload.
const PIECE_OVERHEAD: usize = 96;

/// Waiting pieces by stream offset; they never overlap.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pieces: BTreeMap<u64, Held>,
    held: usize,
}

/// A run of payload on its way in: borrowed from the packet.
pub(super) struct Piece<'a> {
    bytes: &'a [u8],
    claimed: u64,
    packet: PacketRef,
}

/// A run of payload that waits; its bytes are dropped where nobody will look at them.
#[derive(Debug)]
pub(super) struct Held {
    bytes: Option<Vec<u8>>,
    captured: u64,
    claimed: u64,
    packet: PacketRef,
}

/// What the overlap of a new piece with waiting ones showed.
#[derive(Default)]
pub(super) struct Overlap {
    pub repeated: u64,
    pub is_conflicting: bool,
}

impl<'a> Piece<'a> {
    pub fn of(segment: &Segment<'a>) -> Self {
        Self {
            bytes: segment.bytes,
            claimed: u64::from(segment.claimed).max(segment.bytes.len() as u64),
            packet: segment.packet,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.claimed == 0
    }

    /// Cut `length` claimed bytes off the front and return the captured ones among them.
    pub fn cut_front(&mut self, length: u64) -> &'a [u8] {
        self.claimed = self.claimed.saturating_sub(length);
        let at = usize::try_from(length).unwrap_or(usize::MAX);
        let (front, rest) = self.bytes.split_at(at.min(self.bytes.len()));
        self.bytes = rest;
        front
    }

    fn split_front(&mut self, length: u64) -> Piece<'a> {
        let claimed = self.claimed.min(length);
        let bytes = self.cut_front(length);
        Piece { bytes, claimed, packet: self.packet }
    }

    fn hold(&self, wants_data: bool) -> Held {
        Held {
            bytes: wants_data.then(|| self.bytes.to_vec()),
            captured: self.bytes.len() as u64,
            claimed: self.claimed,
            packet: self.packet,
        }
    }
}

impl Held {
    pub fn has_bytes(&self) -> bool {
        self.bytes.is_some()
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(&[])
    }

    pub fn captured(&self) -> u64 {
        self.captured
    }

    pub fn claimed(&self) -> u64 {
        self.claimed
    }

    pub fn packet(&self) -> PacketRef {
        self.packet
    }

    fn cost(&self) -> usize {
        self.bytes().len() + PIECE_OVERHEAD
    }

    /// Whether `bytes` differ from those that are held from `at` on.
    fn differs(&self, at: u64, bytes: &[u8]) -> bool {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let first = self.bytes().get(from..).unwrap_or(&[]);
        first.iter().zip(bytes).any(|(old, new)| old != new)
    }
}

impl Waiting {
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    pub fn held_bytes(&self) -> usize {
        self.held
    }

    /// Stream offset of the first waiting byte.
    pub fn start(&self) -> Option<u64> {
        self.pieces.first_key_value().map(|(&start, _)| start)
    }

    /// Stream offset behind the last waiting byte; 0 when nothing waits.
    pub fn end(&self) -> u64 {
        let last = self.pieces.last_key_value();
        last.map_or(0, |(start, held)| start + held.claimed)
    }

    /// Take the piece that begins exactly at `offset`.
    pub fn take_at(&mut self, offset: u64) -> Option<Held> {
        let first = self.pieces.first_entry()?;
        if *first.key() != offset {
            return None;
        }
        let held = first.remove();
        self.held -= held.cost();
        Some(held)
    }

    /// Let those parts of `piece` wait that do not wait already; the first copy stays.
    ///
    /// One walk over the pieces that it meets, at most one for each captured byte: behind the last
    /// of these only the end of what was claimed is new.
    pub fn insert(&mut self, start: u64, mut piece: Piece<'_>, wants_data: bool) -> Overlap {
        let mut overlap = Overlap::default();
        let (mut at, end) = (start, start.saturating_add(piece.claimed));
        let before = self.pieces.range(..=at).next_back();
        let covering = before.filter(|(&there, held)| there + held.claimed > at);
        let from = covering.map_or(at, |(&there, _)| there);
        let mut free = vec![];
        for (&there, held) in self.pieces.range(from..end) {
            if there > at {
                free.push((at, piece.split_front(there - at)));
                at = there;
            }
            if piece.bytes.is_empty() {
                break;
            }
            let stop = end.min(there + held.claimed);
            let again = piece.split_front(stop - at);
            overlap.repeated += again.bytes.len() as u64;
            overlap.is_conflicting |= held.differs(at - there, again.bytes);
            at = stop;
        }
        let last = self.end();
        if piece.bytes.is_empty() && last > at {
            piece.cut_front(last - at);
            at = last;
        }
        if !piece.is_empty() {
            free.push((at, piece));
        }
        for (at, piece) in free {
            self.hold(at, &piece, wants_data);
        }
        overlap
    }

    fn hold(&mut self, start: u64, piece: &Piece<'_>, wants_data: bool) {
        let held = piece.hold(wants_data);
        self.held += held.cost();
        self.pieces.insert(start, held);
    }
}
