//! What goes into a stream, and what comes of it.

use crate::meter::PacketRef;

/// Receives what a stream delivers.
pub trait Sink {
    /// The next bytes of the stream.
    fn data(&mut self, bytes: &[u8], packet: PacketRef);
    /// The next bytes of the stream were seen, but nobody wants to look at them.
    fn skipped(&mut self, length: u64);
    /// Whether bytes that come next would still be looked at.
    fn wants_data(&self) -> bool;
    /// Whether `bytes` differ from those delivered from place `at` on, as far as these were kept.
    fn differs(&self, at: u64, bytes: &[u8]) -> bool;
}

/// One TCP segment's payload.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sequence number of its first byte.
    pub seq: u32,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// Bytes that were sent; more than captured where the snaplen cut.
    pub claimed: u32,
    /// The packet that it came in.
    pub packet: PacketRef,
}

/// What a segment did; several may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// It repeated bytes that were seen before.
    pub is_retransmission: bool,
    /// It repeated bytes with other values; the first copy stays.
    pub is_conflicting: bool,
    /// It came before bytes that precede it.
    pub is_early: bool,
    /// It began before the first byte of the stream.
    pub is_before_start: bool,
    /// It lay far outside what its receiver could accept, and was left out.
    pub is_out_of_window: bool,
    /// It was a keep-alive probe: one byte already acknowledged (RFC 9293, section 3.8.4).
    pub is_keep_alive: bool,
    /// It filled a hole after that had been given up.
    pub is_late: bool,
}

/// Captured payload bytes that were not delivered, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Seen before, keep-alive probes included.
    pub repeated: u64,
    /// Before the first byte of the stream.
    pub before_start: u64,
    /// Outside the receiver's window.
    pub out_of_window: u64,
    /// In a hole that had been given up.
    pub late: u64,
}
