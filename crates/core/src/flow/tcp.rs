//! What a TCP segment does to its flow (RFC 9293, RFC 5961).
//!
//! A passive observer believes what both hosts would: a segment outside the receiver's window is
//! left out, a RST must fit, and whatever is odd is counted as a weird and never ends reading.

use super::{Arrival, Direction, Flow, Opening, PayloadTally, Pool, Side, Weird};
use crate::decode::Tcp;
use crate::limits::UNSEEN_WINDOW_BYTES;
use crate::stream::{Effects, LeftOut, Segment};

/// What a packet between the endpoints of a connection is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It belongs to the connection, if only to be ignored there.
    Member,
    /// It begins the connection after this one.
    Successor,
    /// It begins the connection after this one, or somebody forged it.
    Rival,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

impl Flow {
    /// What a TCP packet between the endpoints of this flow is to it.
    pub(super) fn relation(&self, arrival: &Arrival<'_>) -> Relation {
        let tcp = &arrival.decoded.tcp;
        if tcp.flags & (SYN | RST | FIN) != SYN {
            return Relation::Member;
        }
        let is_orig = self.is_from_originator(&arrival.decoded.endpoints);
        let [side, peer] = self.sides(is_orig);
        if side.stream.is_base(tcp.seq.wrapping_add(1)) {
            return Relation::Member;
        }
        if self.is_closed() {
            return Relation::Successor;
        }
        // In an open connection a SYN inside the window is answered by a challenge and changes
        // nothing (RFC 5961, section 4.2). One outside it begins a new connection or is forged,
        // which the answer of the other side will show.
        let is_pure = tcp.flags & ACK == 0;
        if !is_pure
            || !self.has_talked()
            || !side.stream.has_base()
            || self.is_acceptable(tcp, is_orig)
        {
            return Relation::Member;
        }
        match peer.packets {
            0 => Relation::Successor,
            _ => Relation::Rival,
        }
    }

    /// Whether a TCP packet, which may belong to its rival, acknowledges what was seen of this flow.
    pub(super) fn is_answered_by(&self, arrival: &Arrival<'_>) -> bool {
        let tcp = &arrival.decoded.tcp;
        let [_, peer] = self.sides(self.is_from_originator(&arrival.decoded.endpoints));
        let is_other = peer.other_opening.is_some_and(|syn| syn.base == tcp.ack);
        tcp.flags & ACK != 0 && (peer.stream.has_sent(tcp.ack) || is_other)
    }

    /// Whether a TCP packet, which may belong to its rival, lies in the window of this flow.
    pub(super) fn accepts(&self, arrival: &Arrival<'_>) -> bool {
        let is_orig = self.is_from_originator(&arrival.decoded.endpoints);
        self.is_acceptable(&arrival.decoded.tcp, is_orig)
    }

    /// Whether a SYN is that of the originator.
    pub(super) fn is_begun_by(&self, arrival: &Arrival<'_>) -> bool {
        let is_orig = self.is_from_originator(&arrival.decoded.endpoints);
        is_orig && self.directions[0].stream.is_base(arrival.decoded.tcp.seq.wrapping_add(1))
    }

    /// Whether a TCP packet of the originator lies right where a connection begins of which nothing
    /// more is known.
    pub(super) fn begins_with(&self, arrival: &Arrival<'_>) -> bool {
        let is_orig = self.is_from_originator(&arrival.decoded.endpoints);
        is_orig && self.directions[0].stream.is_near(arrival.decoded.tcp.seq)
    }

    /// Whether a TCP packet has to do with a connection of which little more than its SYN is known.
    pub(super) fn fits(&self, arrival: &Arrival<'_>) -> bool {
        self.is_begun_by(arrival) || self.begins_with(arrival) || self.is_answered_by(arrival)
    }

    /// Whether payload was seen.
    pub(super) fn has_talked(&self) -> bool {
        self.directions.iter().any(|side| side.stream.has_started())
    }

    pub(super) fn take_tcp(
        &mut self,
        arrival: &Arrival<'_>,
        is_orig: bool,
        pool: &Pool,
        tally: &mut PayloadTally,
    ) {
        let tcp = arrival.decoded.tcp;
        let claimed = arrival.decoded.payload_claimed;
        let mut left_out = LeftOut::default();
        let missed_before = self.missed_bytes();
        self.note_flags(&tcp, is_orig, claimed);
        let is_base_set = self.note_base(&tcp, is_orig, claimed);
        let mut is_acceptable = self.is_acceptable(&tcp, is_orig);
        if !is_acceptable && (claimed > 0 || tcp.flags & FIN != 0) {
            let window = self.window_towards(is_orig);
            self.directions[usize::from(!is_orig)].stream.meet_far_ack(tcp.seq, window);
            is_acceptable = self.is_acceptable(&tcp, is_orig);
        }
        if claimed > 0 {
            let effects = self.take_segment(arrival, is_orig, pool, tally, &mut left_out);
            self.note_effects(effects, is_orig);
        }
        self.note_end(&tcp, is_orig, claimed);
        self.note_ack(&tcp, is_orig, is_acceptable, pool, tally);
        self.note_gaps(missed_before);
        // What the receiver would ignore says nothing about its sender's window either.
        let is_heard = if tcp.flags & SYN != 0 { is_base_set } else { is_acceptable };
        if is_heard && tcp.flags & RST == 0 {
            self.directions[usize::from(!is_orig)].window = tcp.window;
        }
        tally.leave_out(&left_out);
    }

    /// The side that sends, and the other.
    fn sides(&self, is_orig: bool) -> [&Direction; 2] {
        let [orig, resp] = &self.directions;
        if is_orig {
            [orig, resp]
        } else {
            [resp, orig]
        }
    }

    /// Whether the receiver would look at a segment: by its sequence number (RFC 9293, section
    /// 3.10.7.4), where it is known what the sender has sent.
    fn is_acceptable(&self, tcp: &Tcp, is_orig: bool) -> bool {
        let [side, _] = self.sides(is_orig);
        let offset = side.stream.offset(tcp.seq);
        !side.stream.has_base() || side.stream.is_acceptable(offset, self.window_towards(is_orig))
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

    /// Learn where the stream of this side begins. Returns whether its SYN did say so.
    fn note_base(&mut self, tcp: &Tcp, is_orig: bool, claimed: u32) -> bool {
        if tcp.flags & SYN != 0 {
            return self.note_syn(tcp, is_orig, claimed);
        }
        self.is_midstream |= !self.directions.iter().any(|side| side.has_syn);
        let side = &mut self.directions[usize::from(!is_orig)];
        if !side.stream.has_base() && (claimed > 0 || tcp.flags & FIN != 0) {
            side.stream.set_base(tcp.seq);
        }
        false
    }

    fn note_syn(&mut self, tcp: &Tcp, is_orig: bool, claimed: u32) -> bool {
        let has_talked = self.has_talked();
        let peer_has_syn = self.directions[usize::from(is_orig)].has_syn;
        let side = &mut self.directions[usize::from(!is_orig)];
        // A SYN consumes one sequence number (RFC 9293, section 3.4), so the first payload byte
        // sits at isn + 1 even when the SYN carries payload.
        let syn = Opening { base: tcp.seq.wrapping_add(1), window_scale: tcp.window_scale };
        if claimed > 0 {
            self.weirds.note(Weird::SynData);
        }
        if side.stream.is_base(syn.base) && side.has_syn {
            return false;
        }
        if side.stream.has_started() {
            self.weirds.note(Weird::SynInConnection);
            return false;
        }
        if side.has_syn {
            self.weirds.note(Weird::SynChanged);
        }
        if side.is_syn_acked {
            // The other side has settled for another SYN; this one may be forged.
            side.other_opening = Some(syn);
            return false;
        }
        let before = side.stream.base().filter(|_| side.has_syn);
        let window_scale = side.window_scale;
        side.other_opening = before.map(|base| Opening { base, window_scale });
        if tcp.flags & ACK == 0 && peer_has_syn {
            self.weirds.note(Weird::SimultaneousOpen);
        }
        side.open(syn);
        side.has_syn = true;
        // Acknowledgements that a capture puts before their SYN do not make a flow midstream.
        self.is_midstream &= has_talked;
        true
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

    fn note_ack(
        &mut self,
        tcp: &Tcp,
        is_orig: bool,
        is_acceptable: bool,
        pool: &Pool,
        tally: &mut PayloadTally,
    ) {
        if tcp.flags & (ACK | RST) != ACK {
            return;
        }
        let window = self.window_towards(!is_orig);
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
        let is_doubted = if is_acceptable {
            let mut side = Side::new(&mut self.payload, !is_orig, true, pool, tally);
            !stream.acknowledge(tcp.ack, window, &mut side)
        } else {
            stream.doubt_ack(tcp.ack, window)
        };
        if is_doubted {
            self.weirds.note(Weird::FarAck);
        }
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
        if let Some(syn) = self.other_opening.take_if(|syn| syn.base == ack) {
            self.open(syn);
        }
        self.is_syn_acked |= self.stream.is_base(ack);
    }

    fn open(&mut self, syn: Opening) {
        self.stream.set_base(syn.base);
        self.window_scale = syn.window_scale;
    }
}
