//! One IP datagram while its fragments come in: which bytes are there, and which were there first.

use super::{Context, Fragment};

/// Fragments of one datagram have this in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    src: [u8; 16],
    dst: [u8; 16],
    vlan: [u16; 2],
    id: u32,
    tunnels: u16,
    /// Zero for IPv6, whose later fragments may name another protocol (RFC 8200, section 4.5).
    proto: u8,
    is_v6: bool,
}

impl Key {
    pub fn of(fragment: &Fragment) -> Self {
        let endpoints = &fragment.context.endpoints;
        Self {
            src: endpoints.src,
            dst: endpoints.dst,
            vlan: endpoints.vlan,
            id: fragment.id,
            tunnels: fragment.context.tunnels,
            proto: if endpoints.is_v6 { 0 } else { endpoints.proto },
            is_v6: endpoints.is_v6,
        }
    }
}

/// A run of the datagram that is present: `len` bytes from `start` on, kept at `at` of `bytes`.
#[derive(Clone, Copy)]
struct Piece {
    start: u32,
    len: u32,
    at: u32,
}

impl Piece {
    fn end(&self) -> u32 {
        self.start + self.len
    }

    fn end_at(&self) -> u32 {
        self.at + self.len
    }
}

/// A datagram that waits for fragments.
pub(super) struct Datagram {
    pub key: Key,
    pub context: Context,
    pub began_ns: i64,
    /// Accepted bytes in the order of their arrival, so that memory follows what really came.
    bytes: Vec<u8>,
    /// What is present, ascending and disjoint.
    pieces: Vec<Piece>,
    pub packets: Vec<u64>,
    /// Length of the whole, known from the last fragment.
    total: Option<u32>,
    /// Neighbours in the order of beginning; `NONE` at either end.
    pub older: u32,
    pub newer: u32,
}

/// Memory that a waiting packet costs beside its bytes: its reference here, and what the caller must
/// remember of it in a hash table. Without it, empty repeats of a fragment would cost nothing.
const HELD_PACKET_BYTES: usize = 80;

pub(super) const NONE: u32 = u32::MAX;

/// Whether an accepted fragment repeated or contradicted bytes that were there.
#[derive(Clone, Copy, Default)]
pub(super) struct Overlap {
    pub is_present: bool,
    pub is_conflicting: bool,
}

impl Datagram {
    pub fn new(key: Key, context: Context, began_ns: i64) -> Self {
        Self {
            key,
            context,
            began_ns,
            bytes: Vec::new(),
            pieces: Vec::new(),
            packets: Vec::new(),
            total: None,
            older: NONE,
            newer: NONE,
        }
    }

    /// Bytes of memory, allocations counted as they are.
    pub fn memory(&self) -> usize {
        std::mem::size_of::<Self>()
            + std::mem::size_of::<(Key, u32)>()
            + self.bytes.capacity()
            + self.pieces.capacity() * std::mem::size_of::<Piece>()
            + self.packets.capacity() * HELD_PACKET_BYTES
    }

    /// Whether a fragment agrees with the datagram's end, as far as that is known.
    pub fn admits(&self, fragment: &Fragment, end: u32) -> bool {
        let present = self.pieces.last().map_or(0, Piece::end);
        match (self.total, fragment.has_more) {
            (Some(total), true) => end <= total,
            (Some(total), false) => end == total,
            (None, true) => true,
            (None, false) => end >= present,
        }
    }

    /// Add a fragment that is admitted; its first byte decides what the layers around it said.
    pub fn add(&mut self, fragment: &Fragment, payload: &[u8]) -> Overlap {
        let has_first_byte = self.pieces.first().is_some_and(|piece| piece.start == 0);
        if fragment.offset == 0 && !has_first_byte {
            self.context = fragment.context;
        }
        if !fragment.has_more {
            self.total = Some(fragment.offset + payload.len() as u32);
        }
        self.fill(fragment.offset, payload)
    }

    /// Keep the bytes from `start` on that are not there yet.
    fn fill(&mut self, start: u32, payload: &[u8]) -> Overlap {
        let mut overlap = Overlap::default();
        let end = start + payload.len() as u32;
        let first = self.pieces.partition_point(|piece| piece.end() <= start);
        let behind = self.pieces.partition_point(|piece| piece.start < end);
        let mut merged = Vec::with_capacity(1);
        let mut cursor = start;
        for index in first..behind {
            let piece = self.pieces[index];
            if cursor < piece.start {
                merged.push(self.keep(cursor, &payload[span(cursor - start, piece.start - start)]));
                cursor = piece.start;
            }
            let stop = piece.end().min(end);
            let new = &payload[span(cursor - start, stop - start)];
            let kept = piece.at + (cursor - piece.start);
            overlap.is_present = true;
            overlap.is_conflicting |= &self.bytes[span(kept, kept + new.len() as u32)] != new;
            merged.push(piece);
            cursor = stop;
        }
        if cursor < end {
            merged.push(self.keep(cursor, &payload[span(cursor - start, end - start)]));
        }
        self.pieces.splice(first..behind, merged);
        overlap
    }

    fn keep(&mut self, start: u32, bytes: &[u8]) -> Piece {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        Piece { start, len: bytes.len() as u32, at }
    }

    /// Pieces are disjoint, so the datagram is whole when their bytes add up to its length.
    pub fn is_whole(&self) -> bool {
        self.total.is_some_and(|total| self.bytes.len() == total as usize)
    }

    /// The bytes in their order.
    pub fn payload(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for piece in &self.pieces {
            bytes.extend_from_slice(&self.bytes[span(piece.at, piece.end_at())]);
        }
        bytes
    }
}

fn span(start: u32, end: u32) -> std::ops::Range<usize> {
    start as usize..end as usize
}
