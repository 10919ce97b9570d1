//! What a TCP segment does to its flow (RFC 9293, RFC 5961).
//!
//! A passive observer believes what both hosts would: a segment outside the receiver's window is
//! left out, a RST must fit, and whatever is odd is counted as a weird and never ends reading.

use super::{Arrival, Direction, Flow, PayloadTally, Pool, Side, Weird};
use crate::decode::Tcp;
use crate::limits::UNSEEN_WINDOW_BYTES;
use crate::stream::{Effects, LeftOut, Segment};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

impl Flow {
    /// Whether a TCP packet opens a new conversation between the endpoints of this one.
    pub(super) fn is_reused_by(&self, arrival: &Arrival<'_>) -> bool {
        let tcp = &arrival.decoded.tcp;
        if tcp.flags & (SYN | RST | FIN) != SYN {
            return false;
        }
        let is_orig = self.is_from_originator(&arrival.decoded.endpoints);
        let side = &self.directions[usize::from(!is_orig)];
        if side.stream.is_base(tcp.seq.wrapping_add(1)) {
            return false;
        }
        if self.is_closed() {
            return true;
        }
        // In an open connection a SYN inside the window is answered by a challenge and changes
        // nothing (RFC 5961, section 4.2); one outside it can only be a new connection.
        let has_talked = self.directions.iter().any(|side| side.stream.has_started());
        let is_pure = tcp.flags & ACK == 0;
        let offset = side.stream.offset(tcp.seq);
        let is_inside = side.stream.is_acceptable(offset, self.window_towards(is_orig));
        is_pure && has_talked && side.stream.has_base() && !is_inside
    }

    pub(super) fn take_tcp(
        &mut self,
        arrival: &Arrival<'_>,
        is_orig: bool,
        pool: &Pool,
        tally: &mut PayloadTally,
    ) {
        let tcp = arrival.decoded.tcp;
        let mut left_out = LeftOut::default();
        let missed_before = self.missed_bytes();
        self.note_flags(&tcp, is_orig, arrival.decoded.payload_claimed);
        self.note_base(&tcp, is_orig, arrival.decoded.payload_claimed);
        if arrival.decoded.payload_claimed > 0 {
            let effects = self.take_segment(arrival, is_orig, pool, tally, &mut left_out);
            self.note_effects(effects, is_orig);
        }
        self.note_end(&tcp, is_orig, arrival.decoded.payload_claimed);
        self.note_ack(&tcp, is_orig, pool, tally);
        self.note_gaps(missed_before);
        let side = &mut self.directions[usize::from(!is_orig)];
        side.window = tcp.window;
        if tcp.flags & SYN != 0 {
            side.window_scale = tcp.window_scale;
        }
        tally.leave_out(&left_out);
    }

    /// History letters and oddities that the flags alone show.
    fn note_flags(&mut self, tcp: &Tcp, is_orig: bool, claimed: u32) {
        let flags = tcp.flags;
        let is_ack = flags & ACK != 0;
        match flags & (SYN | FIN | RST) {
            SYN if is_ack => self.history.note('h', is_orig),
            SYN => self.history.note('s', is_orig),
            FIN => self.history.note('f', is_orig),
            RST => self.history.note('r', is_orig),
            0 if is_ack && claimed == 0 => self.history.note('a', is_orig),
            0 => {}
            both if both & SYN != 0 => {
                self.history.note('q', is_orig);
                self.weirds.note(Weird::SynWithEnd);
            }
            _ => self.history.note('i', is_orig),
        }
        if claimed > 0 {
            self.history.note('d', is_orig);
        }
        if flags == 0 {
            self.weirds.note(Weird::NullFlags);
        }
        if tcp.window == 0 && is_ack && flags & (SYN | RST) == 0 {
            self.history.note('w', is_orig);
        }
    }

    /// Learn where the stream of this side begins.
    fn note_base(&mut self, tcp: &Tcp, is_orig: bool, claimed: u32) {
        let has_any_syn = self.directions.iter().any(|side| side.has_syn);
        let has_talked = self.directions.iter().any(|side| side.stream.has_started());
        let peer_has_syn = self.directions[usize::from(is_orig)].has_syn;
        let side = &mut self.directions[usize::from(!is_orig)];
        // A SYN consumes one sequence number (RFC 9293, section 3.4), so the first payload byte
        // sits at isn + 1 even when the SYN carries payload.
        let first = tcp.seq.wrapping_add(1);
        if tcp.flags & SYN != 0 {
            if claimed > 0 {
                self.weirds.note(Weird::SynData);
            }
            if side.stream.is_base(first) && side.has_syn {
                return;
            }
            if side.stream.has_started() {
                self.weirds.note(Weird::SynInConnection);
                return;
            }
            if side.has_syn {
                self.weirds.note(Weird::SynChanged);
            }
            if side.is_syn_acked {
                // The other side has settled for another SYN; this one may be forged.
                side.other_base = Some(first);
                return;
            }
            side.other_base = side.stream.base().filter(|_| side.has_syn);
            if tcp.flags & ACK == 0 && peer_has_syn {
                self.weirds.note(Weird::SimultaneousOpen);
            }
            side.stream.set_base(first);
            side.has_syn = true;
            // Acknowledgements that a capture puts before their SYN do not make a flow midstream.
            self.is_midstream &= has_talked;
        } else {
            self.is_midstream |= !has_any_syn;
            if !side.stream.has_base() && (claimed > 0 || tcp.flags & FIN != 0) {
                side.stream.set_base(tcp.seq);
            }
        }
    }

    fn take_segment(
        &mut self,
        arrival: &Arrival<'_>,
        is_orig: bool,
        pool: &Pool,
        tally: &mut PayloadTally,
        left_out: &mut LeftOut,
    ) -> Effects {
        let decoded = arrival.decoded;
        let has_syn = decoded.tcp.flags & SYN != 0;
        let window = self.window_towards(is_orig);
        let segment = Segment {
            seq: decoded.tcp.seq.wrapping_add(u32::from(has_syn)),
            bytes: arrival.payload,
            claimed: decoded.payload_claimed,
            packet: arrival.packet,
        };
        if self.reset_by == Some(is_orig) && decoded.tcp.flags & RST == 0 {
            // A host that had closed would not go on talking: the RST was forged.
            self.weirds.note(Weird::DataAfterRst);
            self.reset_by = None;
        }
        if arrival.payload.len() < decoded.payload_claimed as usize {
            self.weirds.note(Weird::Snapped);
        }
        let stream = &mut self.directions[usize::from(!is_orig)].stream;
        if decoded.tcp.flags & RST != 0 {
            // Some hosts explain a RST in its payload (RFC 9293, section 3.5.3); it is no stream.
            left_out.out_of_window += arrival.payload.len() as u64;
            return Effects::default();
        }
        let mut side = Side::new(&mut self.payload, is_orig, true, pool, tally);
        stream.accept(segment, window, left_out, &mut side)
    }

    fn note_effects(&mut self, effects: Effects, is_orig: bool) {
        if effects == Effects::default() {
            return;
        }
        let weirds = [
            (effects.is_conflicting, Weird::ConflictingOverlap),
            (effects.is_out_of_window, Weird::OutOfWindow),
            (effects.is_before_start, Weird::BeforeStart),
            (effects.is_late, Weird::LateSegment),
        ];
        for (_, weird) in weirds.into_iter().filter(|(happened, _)| *happened) {
            self.weirds.note(weird);
        }
        if effects.is_retransmission {
            self.history.note('t', is_orig);
        }
    }

    /// FIN and RST, where they fit.
    fn note_end(&mut self, tcp: &Tcp, is_orig: bool, claimed: u32) {
        let window = self.window_towards(is_orig);
        let side = &mut self.directions[usize::from(!is_orig)];
        let has_syn = side.has_syn;
        let stream = &mut side.stream;
        let after = tcp.seq.wrapping_add(claimed);
        if tcp.flags & RST != 0 {
            let offset = stream.offset(tcp.seq);
            // A side that refuses a SYN has sent none and answers with sequence number 0. One whose
            // SYN was seen is judged by its window, even if it has sent nothing since.
            let answers_syn = !has_syn && !stream.has_started();
            if stream.can_end_at(offset, window) || answers_syn {
                self.reset_by = Some(is_orig);
            } else {
                self.weirds.note(Weird::BadRst);
            }
        } else if tcp.flags & FIN != 0 {
            if !stream.fin_at(after.wrapping_add(u32::from(tcp.flags & SYN != 0)), window) {
                self.weirds.note(Weird::BadFin);
            }
        } else if claimed > 0 && stream.is_past_fin(after) {
            self.weirds.note(Weird::DataAfterFin);
        }
    }

    fn note_ack(&mut self, tcp: &Tcp, is_orig: bool, pool: &Pool, tally: &mut PayloadTally) {
        if tcp.flags & (ACK | RST) != ACK {
            return;
        }
        let peer = &mut self.directions[usize::from(is_orig)];
        peer.settle_base(tcp.ack);
        let stream = &mut peer.stream;
        if !stream.has_base() {
            // The peer's SYN was not captured; the first acknowledgement, that of a SYN with ACK
            // included, says where it began. In the middle of a conversation it does not.
            if !self.is_midstream {
                stream.set_base(tcp.ack);
            }
            return;
        }
        let mut side = Side::new(&mut self.payload, !is_orig, true, pool, tally);
        stream.acknowledge(tcp.ack, &mut side);
    }

    /// Bytes that the receiver of this side's data can take.
    fn window_towards(&self, is_orig: bool) -> u64 {
        let receiver = &self.directions[usize::from(is_orig)];
        match receiver.window_scale {
            _ if receiver.packets == 0 || self.is_midstream => UNSEEN_WINDOW_BYTES,
            // A shift above 14 counts as 14 (RFC 7323, section 2.3).
            Some(scale) => u64::from(receiver.window) << scale.min(14),
            None => u64::from(receiver.window),
        }
    }
}

impl Direction {
    /// Of several SYNs the one counts that the other side acknowledges.
    fn settle_base(&mut self, ack: u32) {
        if !self.has_syn || self.stream.has_started() {
            return;
        }
        if self.other_base == Some(ack) {
            self.stream.set_base(ack);
            self.other_base = None;
        }
        self.is_syn_acked |= self.stream.is_base(ack);
    }
}
