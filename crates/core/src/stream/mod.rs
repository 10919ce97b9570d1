//! One direction of one TCP stream: segments in; payload, gaps and conflicts out.
//!
//! Stream offset 0 is the first byte after the SYN (RFC 9293, section 3.4), or the first byte
//! seen where there was no SYN. Offsets are 64 bits wide, so a stream may pass 4 GiB. Bytes are
//! delivered in order, each once: the first copy of a byte wins, and a later copy that differs is
//! a *conflicting overlap*. Bytes that arrive early wait; a hole that stays open too long, or to
//! the end, is delivered as a gap.

mod segment;
mod trouble;
mod waiting;

use std::num::NonZeroU64;

use crate::limits::{MAX_WAITING_PIECES, REORDER_ACKED_BYTES, REORDER_BYTES, UNSEEN_WINDOW_BYTES};
use crate::meter::PacketRef;
pub use segment::{Effects, LeftOut, Segment, Sink};
use trouble::Trouble;

/// The state of one direction.
#[derive(Debug, Default)]
pub struct Stream {
    base: Option<u32>,
    next: u64,
    acked: u64,
    /// Offset behind the FIN, which takes a sequence number.
    behind_fin: Option<NonZeroU64>,
    trouble: Option<Box<Trouble>>,
}

impl Stream {
    /// Whether the stream knows where it begins.
    #[must_use]
    pub fn has_base(&self) -> bool {
        self.base.is_some()
    }

    /// Sequence number of stream offset 0, where it is known.
    #[must_use]
    pub fn base(&self) -> Option<u32> {
        self.base
    }

    /// Whether any byte or FIN was taken; until then the base may still move.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.next > 0 || self.has_waiting() || self.has_fin()
    }

    /// Let stream offset 0 be at sequence number `seq`.
    pub fn set_base(&mut self, seq: u32) {
        self.base = Some(seq);
        self.acked = 0;
        self.forget_far_ack();
    }

    /// Whether `seq` is the sequence number of stream offset 0.
    #[must_use]
    pub fn is_base(&self, seq: u32) -> bool {
        self.base == Some(seq)
    }

    /// Stream offset of a sequence number: the one nearest to what is expected next.
    #[must_use]
    pub fn offset(&self, seq: u32) -> i64 {
        let base = self.base.unwrap_or(seq);
        // Truncation to 32 bits is the arithmetic of sequence numbers (RFC 9293, section 3.4).
        let expected = base.wrapping_add(self.next as u32);
        self.next as i64 + i64::from(seq.wrapping_sub(expected) as i32)
    }

    /// Payload bytes seen, each once.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.next - self.missed_bytes()
    }

    /// Stream bytes never seen.
    #[must_use]
    pub fn missed_bytes(&self) -> u64 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.missed)
    }

    /// Payload bytes seen again.
    #[must_use]
    pub fn retransmitted_bytes(&self) -> u64 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.retransmitted)
    }

    /// Segments whose bytes differed from the first copy.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.conflicts)
    }

    /// Gaps: bytes delivered before each, and bytes missing there.
    #[must_use]
    pub fn gaps(&self) -> &[(u64, u64)] {
        self.trouble.as_ref().map_or(&[], |trouble| &trouble.gaps)
    }

    /// Bytes of memory held for segments that wait and for gaps.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.trouble.as_ref().map_or(0, |trouble| trouble.held_bytes())
    }

    /// Whether the sender's FIN was seen.
    #[must_use]
    pub fn has_fin(&self) -> bool {
        self.behind_fin.is_some()
    }

    /// Stream offset of the sender's FIN.
    fn fin(&self) -> Option<u64> {
        Some(self.behind_fin?.get() - 1)
    }

    /// Note the sender's FIN at `seq`; false if it cannot be the end of this stream.
    pub fn fin_at(&mut self, seq: u32, window: u64) -> bool {
        let offset = self.offset(seq);
        let is_plausible = self.base.is_some() && self.can_end_at(offset, window);
        let Ok(offset) = u64::try_from(offset) else {
            return false;
        };
        match self.fin() {
            _ if !is_plausible => false,
            Some(first) => first == offset,
            None if offset < self.next.max(self.waiting_end()) => false,
            None => {
                self.behind_fin = NonZeroU64::new(offset + 1);
                true
            }
        }
    }

    /// Note that the receiver acknowledged everything before `ack`; false if that is too far ahead
    /// to be believed yet.
    pub fn acknowledge(&mut self, ack: u32, window: u64, sink: &mut impl Sink) -> bool {
        if self.doubt_ack(ack, window) {
            return false;
        }
        let offset = self.offset(ack);
        self.forget_far_ack();
        if self.base.is_some() && offset > self.acked as i64 {
            self.acked = offset.unsigned_abs();
            self.give_up_holes(sink);
        }
        true
    }

    /// Whether an acknowledgement lies ahead of all that was seen, and of what the receiver's
    /// window let the sender send beyond that. After a long loss of the capture the sender goes on
    /// from there, so the place is kept.
    pub fn doubt_ack(&mut self, ack: u32, window: u64) -> bool {
        let is_far = self.offset(ack) > 0 && !self.can_acknowledge(ack, window);
        if is_far {
            self.trouble_mut().far_ack = Some(self.offset(ack).unsigned_abs());
        }
        is_far
    }

    /// Whether the receiver can mean everything before `ack`, going by what was seen and what its
    /// window let the sender send beyond that. Where the sender itself is not seen, its window is
    /// all there is to go by.
    fn can_acknowledge(&self, ack: u32, window: u64) -> bool {
        let acked = if self.has_started() { 0 } else { self.acked };
        let end = self.next.max(self.waiting_end()).max(acked);
        self.offset(ack) <= end.saturating_add(window) as i64
    }

    /// Believe a far acknowledgement if the sender's segment at `seq`, which would not be acceptable
    /// without it, lies about there too.
    pub fn meet_far_ack(&mut self, seq: u32, window: u64) {
        let Some(ack) = self.trouble.as_ref().and_then(|trouble| trouble.far_ack) else {
            return;
        };
        let distance = self.offset(seq).abs_diff(ack as i64);
        if distance <= window.max(REORDER_BYTES) {
            self.acked = self.acked.max(ack);
            self.forget_far_ack();
        }
    }

    /// Whether `ack` acknowledges the SYN alone or bytes that were seen lately.
    #[must_use]
    pub fn has_sent(&self, ack: u32) -> bool {
        let end = self.next.max(self.waiting_end()) + u64::from(self.has_fin());
        let offset = self.offset(ack);
        let behind = end as i64 - offset;
        self.base.is_some() && offset >= 0 && (0..=REORDER_BYTES as i64).contains(&behind)
    }

    /// Whether `seq` lies about where the stream stands.
    #[must_use]
    pub fn is_near(&self, seq: u32) -> bool {
        self.base.is_some() && self.offset(seq).abs_diff(self.next as i64) <= REORDER_BYTES
    }

    /// Whether a segment at `offset` could be accepted by the receiver.
    ///
    /// `window` is the receiver's advertised window in bytes; where the receiver is not seen, the
    /// largest window that TCP can have.
    #[must_use]
    pub fn is_acceptable(&self, offset: i64, window: u64) -> bool {
        let reach = self.next.max(self.acked).saturating_add(window.max(REORDER_BYTES));
        let behind = self.next as i64 - offset;
        offset <= reach as i64 && behind <= UNSEEN_WINDOW_BYTES as i64
    }

    /// Whether a RST or FIN at `offset` lies where its receiver would believe it: from what it
    /// acknowledged to the end of its window (RFC 5961, section 3.2).
    #[must_use]
    pub fn fits_window(&self, offset: i64, window: u64) -> bool {
        let reach = self.next.max(self.acked).saturating_add(window);
        offset >= self.acked.min(self.next) as i64 && offset <= reach as i64
    }

    /// Whether a RST or FIN at `offset` can be meant: where its receiver would believe it, or right
    /// behind payload that was taken, though a hole that the capture lost is larger than the window.
    #[must_use]
    pub fn can_end_at(&self, offset: i64, window: u64) -> bool {
        let is_behind_waiting = self.has_waiting() && offset == self.waiting_end() as i64;
        is_behind_waiting || self.fits_window(offset, window)
    }

    /// Whether `seq` lies behind the FIN.
    #[must_use]
    pub fn is_past_fin(&self, seq: u32) -> bool {
        self.fin().is_some_and(|fin| self.offset(seq) > fin as i64)
    }

    /// A datagram of a protocol without sequence numbers: always in order.
    pub fn append(&mut self, bytes: &[u8], claimed: u32, packet: PacketRef, sink: &mut impl Sink) {
        self.deliver(bytes, u64::from(claimed), packet, sink);
    }

    /// Take one segment with payload.
    pub fn accept(
        &mut self,
        segment: Segment<'_>,
        window: u64,
        left_out: &mut LeftOut,
        sink: &mut impl Sink,
    ) -> Effects {
        let mut effects = Effects::default();
        let start = self.offset(segment.seq);
        let captured = segment.bytes.len() as u64;
        if !self.is_acceptable(start, window) {
            left_out.out_of_window += captured;
            effects.is_out_of_window = true;
            return effects;
        }
        if start == self.next as i64 && !self.has_waiting() {
            let claimed = u64::from(segment.claimed).max(captured);
            self.deliver(segment.bytes, claimed, segment.packet, sink);
            return effects;
        }
        // A probe repeats the last acknowledged byte with any value. Before it is acknowledged, the
        // byte may still be refused or replaced, and a copy with another value is a conflict.
        let is_acknowledged = self.acked >= self.next;
        if segment.claimed <= 1 && start + 1 == self.next as i64 && is_acknowledged {
            left_out.repeated += captured;
            self.trouble_mut().retransmitted += captured;
            effects.is_keep_alive = true;
            return effects;
        }
        self.place(segment, start, left_out, &mut effects, sink);
        if effects.is_conflicting {
            self.trouble_mut().conflicts += 1;
        }
        effects
    }

    /// Deliver everything that waits, holes as gaps: no more segments will come.
    ///
    /// `is_peer_done` says that the receiver sent a FIN itself: most likely it then acknowledged
    /// one of this side, seen or not.
    pub fn finish(&mut self, is_peer_done: bool, sink: &mut impl Sink) {
        while self.skip_hole(sink) {}
        // What the receiver acknowledged was sent, though it was never seen here. A FIN takes a
        // sequence number but is no byte.
        let unseen_fin = u64::from(is_peer_done && !self.has_fin());
        let end = self.fin().unwrap_or(u64::MAX).min(self.acked.saturating_sub(unseen_fin));
        if self.base.is_some() && end > self.next {
            self.open_gap(end - self.next);
        }
    }

    /// A segment that is not simply the next: cut off what was seen, let the rest wait.
    fn place(
        &mut self,
        segment: Segment<'_>,
        start: i64,
        left_out: &mut LeftOut,
        effects: &mut Effects,
        sink: &mut impl Sink,
    ) {
        let mut piece = waiting::Piece::of(&segment);
        let mut offset = start;
        if offset < 0 {
            effects.is_before_start = true;
            let cut = piece.cut_front(offset.unsigned_abs());
            left_out.before_start += cut.len() as u64;
            offset = 0;
            if piece.is_empty() {
                return;
            }
        }
        let mut offset = offset.unsigned_abs();
        if offset < self.next {
            let repeated = piece.cut_front(self.next - offset);
            self.compare_with_delivered(offset, repeated, left_out, effects, sink);
            offset = self.next;
        }
        if piece.is_empty() {
            return;
        }
        effects.is_early = offset > self.next;
        let wants_data = sink.wants_data();
        let trouble = self.trouble_mut();
        let overlap = trouble.waiting.insert(offset, piece, wants_data);
        if overlap.repeated > 0 {
            left_out.repeated += overlap.repeated;
            trouble.retransmitted += overlap.repeated;
            effects.is_retransmission = true;
        }
        effects.is_conflicting |= overlap.is_conflicting;
        self.deliver_waiting(sink);
        self.give_up_holes(sink);
    }

    /// Bytes before `next`: repeated, or late in a hole that had been given up.
    fn compare_with_delivered(
        &mut self,
        start: u64,
        bytes: &[u8],
        left_out: &mut LeftOut,
        effects: &mut Effects,
        sink: &impl Sink,
    ) {
        if bytes.is_empty() {
            // Only headers were captured of it; that it repeats is known all the same.
            effects.is_retransmission = true;
            return;
        }
        let mut is_conflicting = false;
        let mut repeated = 0;
        for (at, run) in self.seen_runs(start, bytes) {
            repeated += run.len() as u64;
            is_conflicting |= sink.differs(at, run);
        }
        let end = start + bytes.len() as u64;
        // Behind the last gap that could be placed, a repeat can be counted but not compared.
        let unmapped = self.unmapped_from();
        repeated += unmapped.map_or(0, |from| end.saturating_sub(from.max(start)));
        let late = bytes.len() as u64 - repeated;
        left_out.repeated += repeated;
        left_out.late += late;
        self.trouble_mut().retransmitted += repeated;
        effects.is_late = late > 0;
        effects.is_retransmission = repeated > 0;
        effects.is_conflicting = is_conflicting;
    }

    fn deliver(&mut self, bytes: &[u8], claimed: u64, packet: PacketRef, sink: &mut impl Sink) {
        let captured = bytes.len() as u64;
        self.next += captured;
        sink.data(bytes, packet);
        if claimed > captured {
            self.open_gap(claimed - captured);
        }
    }

    fn deliver_waiting(&mut self, sink: &mut impl Sink) {
        while let Some(piece) = self.take_waiting() {
            if piece.has_bytes() {
                self.deliver(piece.bytes(), piece.claimed(), piece.packet(), sink);
            } else {
                self.next += piece.captured();
                sink.skipped(piece.captured());
                if piece.claimed() > piece.captured() {
                    self.open_gap(piece.claimed() - piece.captured());
                }
            }
        }
    }

    /// Give up holes that stayed open for too many later bytes. Where the receiver acknowledged
    /// the hole, its bytes did arrive there and most likely will not be sent again.
    fn give_up_holes(&mut self, sink: &mut impl Sink) {
        while let Some(waiting) = self.trouble.as_ref().map(|trouble| &trouble.waiting) {
            let Some(first) = waiting.start() else {
                return;
            };
            let beyond = waiting.end() - first;
            let is_acked = self.acked >= first;
            let is_patient = beyond <= REORDER_BYTES && waiting.len() <= MAX_WAITING_PIECES;
            if is_patient && !(is_acked && beyond > REORDER_ACKED_BYTES) {
                return;
            }
            self.skip_hole(sink);
        }
    }

    /// Open a gap up to the first waiting piece and deliver from there; false if none waits.
    pub fn skip_hole(&mut self, sink: &mut impl Sink) -> bool {
        let Some(first) = self.trouble.as_ref().and_then(|trouble| trouble.waiting.start()) else {
            return false;
        };
        if first > self.next {
            self.open_gap(first - self.next);
        }
        self.deliver_waiting(sink);
        true
    }

    fn open_gap(&mut self, missing: u64) {
        let next = self.next;
        self.trouble_mut().note_gap(next, missing);
        self.next += missing;
    }
}

#[cfg(test)]
mod tests;
