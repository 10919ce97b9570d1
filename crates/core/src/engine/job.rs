//! One chunk on its way through the stages.

use std::collections::HashMap;

use super::summary::Summary;
use super::trace::{TraceRequest, TraceRow, TraceState};
use super::EngineSettings;
use crate::decode::{Decoded, Defragmenter, Fragment, FragmentOutcome, Outcome};
use crate::flow::{Arrival, Ended, FlowKey, KeyHasher, Shard};
use crate::limits::SHARDS;
use crate::meter::PacketRef;
use crate::packet::{Chunk, RawPacket};

/// What the reader says of a chunk beside its packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ticket {
    /// Place among all chunks, from 0.
    pub number: u64,
    /// Place of its first packet among all packets.
    pub first_index: u64,
    /// Whether an epoch ends with this chunk, and the earliest time in the epoch.
    pub epoch_end: Option<i64>,
    /// Whether no chunk follows.
    pub is_last: bool,
}

/// A decoded packet on its way to its shard.
struct Item {
    decoded: Decoded,
    hash: u64,
    bytes: Bytes,
    index: u64,
}

/// Where the decoded bytes of an item lie.
enum Bytes {
    /// In the chunk: the packet with this place.
    Packet(usize),
    /// In a datagram put together from fragments.
    Datagram(usize),
}

/// A datagram put together from fragments, with the packets that carried it.
struct Datagram {
    bytes: Vec<u8>,
    parts: Vec<Part>,
}

/// What must be remembered of a packet whose fragment waits.
#[derive(Clone, Copy)]
pub struct Part {
    packet: PacketRef,
    ts_ns: i64,
    wire_bytes: u64,
    caplen: u32,
}

/// The defragmenter with what must be known of the packets in it.
#[derive(Default)]
pub struct Fragments {
    /// The defragmenter itself.
    pub defragmenter: Defragmenter,
    parts: HashMap<u64, Part>,
}

/// Working memory of one worker, used for one chunk after the other.
#[derive(Default)]
pub struct Job {
    /// The chunk.
    pub chunk: Chunk,
    /// Its ticket.
    pub ticket: Ticket,
    /// What it contributes to the summary.
    pub summary: Summary,
    /// Flows that it ended.
    pub ended: Vec<Ended>,
    /// Flows that were open when the capture ended.
    pub left: Vec<Ended>,
    /// Packets of traced flows.
    pub trace: Vec<TraceRow>,
    items: [Vec<Item>; SHARDS],
    fragments: Vec<(usize, Fragment)>,
    datagrams: Vec<Datagram>,
}

impl Job {
    /// Forget the last chunk's results.
    pub fn clear(&mut self) {
        self.summary = Summary::default();
        self.ended.clear();
        self.left.clear();
        self.trace.clear();
        self.items.iter_mut().for_each(Vec::clear);
        self.fragments.clear();
        self.datagrams.clear();
    }

    /// Filter and decode every packet, and sort them by shard.
    pub fn decode(&mut self, settings: &EngineSettings, hasher: &KeyHasher) {
        for (at, packet) in self.chunk.packets.iter().enumerate() {
            let frame = self.chunk.bytes(packet);
            self.summary.packets.seen += 1;
            self.summary.bytes.seen += u64::from(packet.caplen);
            if let Some(reason) = reason_to_skip(settings, packet, frame) {
                self.summary.note_skipped(reason, packet.caplen);
                continue;
            }
            let outcome =
                settings.decoder.decode(packet.link, packet.fcs_len, frame, packet.origlen);
            match outcome {
                Outcome::Transport(decoded) => {
                    self.summary.note_decoded(1, u64::from(packet.caplen));
                    let index = self.ticket.first_index + at as u64;
                    sort_in(&mut self.items, decoded, Bytes::Packet(at), index, hasher);
                }
                Outcome::Fragment(fragment) => self.fragments.push((at, fragment)),
                Outcome::Undecoded(reason) => {
                    self.summary.note_undecoded(reason.name(), packet.caplen)
                }
            }
        }
    }

    /// Put fragments together; to be called in the order of tickets.
    pub fn defragment(
        &mut self,
        settings: &EngineSettings,
        hasher: &KeyHasher,
        waiting: &mut Fragments,
    ) {
        for (at, fragment) in std::mem::take(&mut self.fragments) {
            self.insert_fragment(at, &fragment, settings, hasher, waiting);
        }
        if let Some(now_ns) = self.ticket.epoch_end {
            waiting.defragmenter.expire(now_ns);
        }
        if self.ticket.is_last {
            waiting.defragmenter.flush();
        }
        for (index, reason) in waiting.defragmenter.take_dropped() {
            let part = waiting.parts.remove(&index);
            self.summary.note_undecoded(reason.name(), part.map_or(0, |part| part.caplen));
        }
        if !self.datagrams.is_empty() {
            // Datagrams were completed after the whole packets of the chunk had been sorted in.
            for items in &mut self.items {
                items.sort_by_key(|item| item.index);
            }
        }
    }

    fn insert_fragment(
        &mut self,
        at: usize,
        fragment: &Fragment,
        settings: &EngineSettings,
        hasher: &KeyHasher,
        waiting: &mut Fragments,
    ) {
        let Some(packet) = self.chunk.packets.get(at) else {
            return;
        };
        let index = self.ticket.first_index + at as u64;
        let part = Part::of(packet);
        let payload = fragment.payload(self.chunk.bytes(packet));
        waiting.parts.insert(index, part);
        match waiting.defragmenter.insert(fragment, payload, packet.ts_ns, index) {
            FragmentOutcome::Held => {}
            FragmentOutcome::Refused(reason) => {
                waiting.parts.remove(&index);
                self.summary.note_undecoded(reason.name(), part.caplen);
            }
            FragmentOutcome::Complete { bytes: whole, context, packets } => {
                let parts: Vec<_> =
                    packets.iter().filter_map(|at| waiting.parts.remove(at)).collect();
                match settings.decoder.resume(&context, &whole) {
                    Outcome::Transport(decoded) => {
                        let caplen = parts.iter().map(|part| u64::from(part.caplen)).sum();
                        self.summary.note_decoded(parts.len() as u64, caplen);
                        let bytes = Bytes::Datagram(self.datagrams.len());
                        sort_in(&mut self.items, decoded, bytes, index, hasher);
                        self.datagrams.push(Datagram { bytes: whole, parts });
                    }
                    Outcome::Fragment(_) => self.refuse_all(&parts, "nested-fragment"),
                    Outcome::Undecoded(reason) => self.refuse_all(&parts, reason.name()),
                }
            }
        }
    }

    fn refuse_all(&mut self, parts: &[Part], reason: &'static str) {
        for part in parts {
            self.summary.note_undecoded(reason, part.caplen);
        }
    }

    /// Put this chunk's packets of one shard into their flows; to be called in ticket order.
    pub fn visit(&mut self, number: usize, shard: &mut Shard, request: &TraceRequest) {
        let Some(items) = self.items.get_mut(number) else {
            return;
        };
        let created_before = shard.created;
        for item in items.drain(..) {
            let (arrival, parts) = item.arrival(&self.chunk, &self.datagrams);
            let (flow, is_orig) = shard.take(item.hash, &arrival, |flow| request.wants(flow));
            if !flow.is_traced {
                continue;
            }
            let payload_bytes = arrival.payload.len() as u32;
            if let Some(state) = TraceState::of(flow, is_orig, payload_bytes) {
                let packets = parts.iter().map(|part| (part.packet, part.ts_ns));
                let own = parts.is_empty().then_some((arrival.packet, arrival.ts_ns));
                self.trace.extend(packets.chain(own).map(|(packet, ts_ns)| {
                    let state = state.clone();
                    TraceRow { index: arrival.index, packet, ts_ns, state }
                }));
            }
        }
        if let Some(now_ns) = self.ticket.epoch_end {
            shard.end_epoch(now_ns);
        }
        self.ended.append(&mut shard.take_ended());
        if self.ticket.is_last {
            shard.end_all();
            self.left.append(&mut shard.take_ended());
        }
        self.summary.created += shard.created - created_before;
        self.summary.payload.add(&std::mem::take(&mut shard.tally));
    }
}

/// Put a decoded packet to those of its shard.
fn sort_in(
    items: &mut [Vec<Item>; SHARDS],
    decoded: Decoded,
    bytes: Bytes,
    index: u64,
    hasher: &KeyHasher,
) {
    let key = FlowKey::of(&decoded.endpoints);
    let hash = hasher.hash(&key);
    items[key.shard()].push(Item { decoded, hash, bytes, index });
}

impl Item {
    /// The item as its flow will see it, with the fragments that it came in, if it did.
    fn arrival<'a>(
        &'a self,
        chunk: &'a Chunk,
        datagrams: &'a [Datagram],
    ) -> (Arrival<'a>, &'a [Part]) {
        let (bytes, parts, own) = match self.bytes {
            Bytes::Packet(at) => {
                let packet = chunk.packets.get(at);
                let bytes = packet.map_or(&[][..], |packet| chunk.bytes(packet));
                (bytes, &[][..], packet.map(Part::of))
            }
            Bytes::Datagram(at) => match datagrams.get(at) {
                Some(datagram) => {
                    (&datagram.bytes[..], &datagram.parts[..], datagram.parts.last().copied())
                }
                None => (&[][..], &[][..], None),
            },
        };
        let fragments_before = parts.split_last().map_or(&[][..], |(_, before)| before);
        let wire_before: u64 = fragments_before.iter().map(|part| part.wire_bytes).sum();
        let first = parts.first().copied().or(own);
        let arrival = Arrival {
            first_packet: first.map(|part| part.packet).unwrap_or_default(),
            first_ts_ns: first.map_or(0, |part| part.ts_ns),
            decoded: &self.decoded,
            payload: self.decoded.payload(bytes),
            ts_ns: own.map_or(0, |part| part.ts_ns),
            wire_bytes: own.map_or(0, |part| part.wire_bytes) + wire_before,
            packets: 1 + fragments_before.len() as u64,
            packet: own.map(|part| part.packet).unwrap_or_default(),
            index: self.index,
        };
        (arrival, parts)
    }
}

impl Part {
    fn of(packet: &RawPacket) -> Self {
        Self {
            packet: PacketRef { file: packet.file, number: packet.number },
            ts_ns: packet.ts_ns,
            wire_bytes: u64::from(packet.origlen.max(packet.caplen)),
            caplen: packet.caplen,
        }
    }
}

fn reason_to_skip(
    settings: &EngineSettings,
    packet: &RawPacket,
    frame: &[u8],
) -> Option<&'static str> {
    let filters = settings.filters.as_ref()?;
    let found = filters.iter().find(|(link, _)| *link == packet.link);
    let Some((_, program)) = found else {
        return Some("filter-not-for-link-type");
    };
    (program.run(frame, packet.origlen) == 0).then_some("filter")
}
