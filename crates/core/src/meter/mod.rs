//! Meters: what is measured of the payload of one direction, or of both together.
//!
//! Bytes enter in stream order, in pieces of any size; what comes out depends on the bytes alone,
//! never on the pieces. They are counted once for their direction; what both directions come to
//! together follows from the counts of each.

pub mod coding;
mod counts;
mod dense;
pub mod grid;
mod piece;
mod segment_scores;
mod segments;
mod series;
mod tables;
mod threshold;

pub use counts::{Counts, Scalars};
pub use segments::{Kind, Segment, Segments};
pub use series::{Meter, MeterSettings};
pub use threshold::Crossing;

use crate::limits::{HEAD_BYTES, OPAQUE_LEAST_BYTES};
use piece::Piece;

/// Which packet of which input file a byte came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PacketRef {
    /// Index of the file among the inputs.
    pub file: u32,
    /// Position in that file, from 1.
    pub number: u64,
}

/// Meters of originator, responder and both together.
pub struct Meters {
    sides: [Meter; 2],
    both: Meter,
    heads: [Vec<u8>; 2],
    segments: [Segments; 2],
    coding: [Vec<f32>; 2],
}

impl Meters {
    /// Meters that have seen nothing.
    #[must_use]
    pub fn new(settings: MeterSettings) -> Self {
        // What is measured of both together is bounded by what is measured of each.
        let both = MeterSettings { depth: None, ..settings };
        Self {
            sides: [Meter::new(settings), Meter::new(settings)],
            both: Meter::new(both),
            heads: [0; 2].map(|_| Vec::with_capacity(HEAD_BYTES)),
            segments: Default::default(),
            coding: Default::default(),
        }
    }

    /// Forget everything, keep the allocations.
    pub fn clear(&mut self) {
        self.sides.iter_mut().for_each(Meter::clear);
        self.both.clear();
        self.heads.iter_mut().for_each(Vec::clear);
        self.segments.iter_mut().for_each(Segments::clear);
        self.coding.iter_mut().for_each(Vec::clear);
    }

    /// Take the next bytes of one side, and return how many were within the depth.
    pub fn update(&mut self, is_orig: bool, bytes: &[u8], packet: PacketRef) -> usize {
        let side = usize::from(!is_orig);
        let taken = self.sides[side].within_depth(bytes);
        let head = &mut self.heads[side];
        let room = HEAD_BYTES - head.len();
        head.extend_from_slice(&taken[..room.min(taken.len())]);
        self.segments[side].update(taken, packet);
        for piece in Piece::cut(taken, packet) {
            self.sides[side].begin(&piece);
            self.sides[side].add_sums(piece.bytes);
            self.both.adopt_before_look(&self.sides);
            self.both.begin(&piece);
            self.count(side, piece.bytes, packet);
        }
        taken.len()
    }

    fn count(&mut self, side: usize, mut bytes: &[u8], packet: PacketRef) {
        while !bytes.is_empty() {
            let (now, later) = if self.both.is_dense() {
                let room = (grid::DENSE_END - self.both.len()) as usize;
                bytes.split_at(room.min(bytes.len()))
            } else {
                self.both.split_at_check(bytes)
            };
            self.sides[side].extend(now, packet);
            if self.both.is_dense() {
                self.both.extend(now, packet);
            } else {
                self.both.adopt(now, packet, &self.sides);
            }
            bytes = later;
        }
    }

    /// Judge the threshold at the end of the series. Call once, after the last byte.
    pub fn finish(&mut self) {
        self.both.adopt_counts(&self.sides);
        self.both.adopt_sums(&self.sides);
        self.sides.iter_mut().for_each(Meter::finish);
        self.both.finish();
        for (segments, coding) in self.segments.iter_mut().zip(&mut self.coding) {
            segments.finish();
            if segments.opaque().len() >= OPAQUE_LEAST_BYTES {
                coding::measure(segments.opaque(), coding::Extent::Narrow, coding);
            }
        }
    }

    /// Bytes measured of each side.
    #[must_use]
    pub fn lengths(&self) -> [u64; 2] {
        self.sides.each_ref().map(Meter::len)
    }

    /// First measured bytes of each side.
    #[must_use]
    pub fn heads(&self) -> [&[u8]; 2] {
        self.heads.each_ref().map(Vec::as_slice)
    }

    /// Segments of each side; complete after [`Meters::finish`].
    #[must_use]
    pub fn segments(&self) -> [&Segments; 2] {
        self.segments.each_ref()
    }

    /// How the opaque bytes of each side are coded ([`coding::names`]); empty where they are too few.
    #[must_use]
    pub fn coding(&self) -> [&[f32]; 2] {
        self.coding.each_ref().map(Vec::as_slice)
    }

    /// Cumulative entropies so far of originator, responder and both, in bits per byte.
    #[must_use]
    pub fn entropies(&self) -> [Option<f64>; 3] {
        let [orig, resp] = &self.sides;
        [orig.entropy(), resp.entropy(), self.both.entropy_of(&self.sides)]
    }

    /// Originator, responder and both; complete after [`Meters::finish`].
    #[must_use]
    pub fn each(&self) -> [&Meter; 3] {
        [&self.sides[0], &self.sides[1], &self.both]
    }
}
