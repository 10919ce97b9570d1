//! Conversations: what is known of each, and how a packet changes it.

mod history;
mod kept;
mod key;
mod payload;
mod pool;
mod table;
mod tcp;
mod weird;

pub use history::History;
pub use key::{FlowKey, KeyHasher};
pub use payload::{FlowPayload, PayloadTally, Side};
pub use pool::Pool;
use table::Seat;
pub use table::{Ended, Shard, ShardSettings, Timeouts};
pub use weird::{Weird, Weirds};

use crate::decode::Endpoints;
use crate::limits::FIRST_PACKETS;
use crate::meter::PacketRef;
use crate::stream::{LeftOut, Stream};
use smallvec::SmallVec;

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// Both sides sent FIN.
    Fin,
    /// A valid RST was seen.
    Rst,
    /// The same endpoints began anew.
    Reuse,
    /// Nothing was seen for longer than the time-out.
    Idle,
    /// It lasted longer than the active limit, and goes on as another record.
    ActiveLimit,
    /// It had to make room.
    Evicted,
    /// The capture ended.
    EndOfCapture,
}

impl EndReason {
    /// All reasons, in the order of the summary.
    pub const ALL: [Self; 7] = [
        Self::Fin,
        Self::Rst,
        Self::Reuse,
        Self::Idle,
        Self::ActiveLimit,
        Self::Evicted,
        Self::EndOfCapture,
    ];

    /// The name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Reuse => "reuse",
            Self::Idle => "idle",
            Self::ActiveLimit => "active-limit",
            Self::Evicted => "evicted",
            Self::EndOfCapture => "end-of-capture",
        }
    }
}

/// One packet on its way into a flow.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its decoded headers.
    pub decoded: &'a crate::decode::Decoded,
    /// Its captured payload.
    pub payload: &'a [u8],
    /// Nanoseconds since 1970.
    pub ts_ns: i64,
    /// Frame bytes on the wire.
    pub wire_bytes: u64,
    /// Packets that it stands for: 1, or the fragments of a reassembled datagram.
    pub packets: u64,
    /// Its place in its file.
    pub packet: PacketRef,
    /// The first of the packets that it stands for, and its time.
    pub first_packet: PacketRef,
    /// See [`Arrival::first_packet`].
    pub first_ts_ns: i64,
    /// Its place among all packets of the run, from 0; orders flows in the output.
    pub index: u64,
}

/// Traffic of one direction.
#[derive(Debug, Default)]
pub struct Direction {
    /// Packets, fragments one by one.
    pub packets: u64,
    /// Frame bytes on the wire.
    pub wire_bytes: u64,
    /// Where its payload is put in order.
    pub stream: Stream,
    /// Whether a SYN of this side was taken.
    has_syn: bool,
    /// Whether the other side acknowledged that SYN.
    is_syn_acked: bool,
    /// Another SYN of this side, by which the stream would begin elsewhere.
    other_opening: Option<Opening>,
    /// Receive window that this side advertised last, unscaled.
    window: u16,
    /// Window scale from its SYN.
    window_scale: Option<u8>,
}

/// What a SYN says about the stream that it opens.
#[derive(Clone, Copy, Debug)]
struct Opening {
    /// Sequence number of stream offset 0.
    base: u32,
    window_scale: Option<u8>,
}

/// One bidirectional conversation.
#[derive(Debug)]
pub struct Flow {
    /// Endpoints as the originator sees them: it is the source.
    pub endpoints: Endpoints,
    /// Tunnels of the first packet.
    pub tunnels: u16,
    /// Place of the first packet among all packets; unique to the flow.
    pub index: u64,
    /// The first packet.
    pub first_packet: PacketRef,
    /// Time of the first packet.
    pub ts_first_ns: i64,
    /// Latest time seen, never before the first.
    pub ts_last_ns: i64,
    /// Originator and responder.
    pub directions: [Direction; 2],
    /// Zeek-style letters.
    pub history: History,
    /// Oddities met.
    pub weirds: Weirds,
    /// TCP without its opening SYN.
    pub is_midstream: bool,
    /// Sizes (negative from the responder) and times since the first packet.
    pub first_payloads: SmallVec<[(i32, i64); 1]>,
    /// Payload and its meters.
    pub payload: FlowPayload,
    /// Whether each packet is reported with the entropy after it.
    pub is_traced: bool,
    /// The side whose RST was believed.
    reset_by: Option<bool>,
    seat: Seat,
}

impl Flow {
    fn new(arrival: &Arrival<'_>) -> Self {
        Self {
            endpoints: arrival.decoded.endpoints,
            tunnels: arrival.decoded.tunnels,
            index: arrival.index,
            first_packet: arrival.first_packet,
            ts_first_ns: arrival.first_ts_ns.min(arrival.ts_ns),
            ts_last_ns: arrival.ts_ns,
            directions: Default::default(),
            history: History::default(),
            weirds: Weirds::default(),
            is_midstream: false,
            first_payloads: SmallVec::new(),
            payload: FlowPayload::default(),
            is_traced: false,
            reset_by: None,
            seat: Seat::default(),
        }
    }

    /// Become the flow that begins with `arrival`, in the memory of one that has ended.
    fn begin(&mut self, arrival: &Arrival<'_>) {
        let mut first_payloads = std::mem::take(&mut self.first_payloads);
        first_payloads.clear();
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        *self = Self { first_payloads, payload, ..Self::new(arrival) };
    }

    /// Whether `endpoints` are those of a packet from the originator.
    #[must_use]
    pub fn is_from_originator(&self, endpoints: &Endpoints) -> bool {
        let own = &self.endpoints;
        own.src == endpoints.src && own.sport == endpoints.sport && own.dst == endpoints.dst
    }

    /// Whether a packet with `endpoints` can belong to this flow, whoever sent it.
    fn is_between(&self, endpoints: &Endpoints) -> bool {
        let own = &self.endpoints;
        own == endpoints || (!own.is_one_way && *own == endpoints.reversed())
    }

    /// Whether TCP has ended on both sides.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.reset_by.is_some() || self.directions.iter().all(|side| side.stream.has_fin())
    }

    /// The reason that its own packets give for the end, if they give one.
    #[must_use]
    pub fn own_end_reason(&self) -> Option<EndReason> {
        let has_fins = self.directions.iter().all(|side| side.stream.has_fin());
        match (self.reset_by.is_some(), has_fins) {
            (_, true) => Some(EndReason::Fin),
            (true, false) => Some(EndReason::Rst),
            (false, false) => None,
        }
    }

    /// Bytes of memory that the flow holds beside its fixed size.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let waiting: usize = self.directions.iter().map(|side| side.stream.held_bytes()).sum();
        waiting + self.payload.held_bytes() + size_of_val(self.first_payloads.as_slice())
    }

    /// Bytes of memory allocated for it, once its meters and blocks were taken.
    fn allocated_bytes(&self) -> usize {
        let streams: usize = self.directions.iter().map(|side| side.stream.held_bytes()).sum();
        let first_payloads = spilled_bytes(&self.first_payloads);
        size_of::<Self>() + streams + self.payload.allocated_bytes() + first_payloads
    }

    /// Take one packet. Returns whether it came from the originator.
    fn take(&mut self, arrival: &Arrival<'_>, pool: &Pool, tally: &mut PayloadTally) -> bool {
        let is_orig = self.is_from_originator(&arrival.decoded.endpoints);
        self.ts_last_ns = self.ts_last_ns.max(arrival.ts_ns);
        let side = &mut self.directions[usize::from(!is_orig)];
        side.packets += arrival.packets;
        side.wire_bytes += arrival.wire_bytes;
        tally.seen += arrival.payload.len() as u64;
        self.note_first_payload(arrival, is_orig);
        let ends = &arrival.decoded.endpoints;
        if ends.src == ends.dst && ends.sport == ends.dport {
            self.weirds.note(Weird::Land);
        }
        if arrival.decoded.endpoints.proto == 6 {
            self.take_tcp(arrival, is_orig, pool, tally);
        } else {
            self.take_datagram(arrival, is_orig, pool, tally);
        }
        is_orig
    }

    fn note_first_payload(&mut self, arrival: &Arrival<'_>, is_orig: bool) {
        let claimed = arrival.decoded.payload_claimed;
        if claimed == 0 || self.first_payloads.len() >= FIRST_PACKETS {
            return;
        }
        let size = i32::try_from(claimed).unwrap_or(i32::MAX);
        let since_first = arrival.ts_ns.saturating_sub(self.ts_first_ns);
        let signed = if is_orig { size } else { -size };
        self.first_payloads.push((signed, since_first));
    }

    fn take_datagram(
        &mut self,
        arrival: &Arrival<'_>,
        is_orig: bool,
        pool: &Pool,
        tally: &mut PayloadTally,
    ) {
        let decoded = arrival.decoded;
        if decoded.payload_claimed > 0 {
            self.history.note('d', is_orig);
        }
        let stream = &mut self.directions[usize::from(!is_orig)].stream;
        let mut side = Side::new(&mut self.payload, is_orig, false, pool, tally);
        stream.append(arrival.payload, decoded.payload_claimed, arrival.packet, &mut side);
    }

    /// Deliver what still waits; no more packets will come.
    pub fn close(&mut self, pool: &Pool, tally: &mut PayloadTally) {
        let missed_before = self.missed_bytes();
        let [orig_done, resp_done] = self.directions.each_ref().map(|side| side.stream.has_fin());
        let ends = [(true, resp_done), (false, orig_done)];
        for ((is_orig, is_peer_done), direction) in ends.into_iter().zip(&mut self.directions) {
            let mut side = Side::new(&mut self.payload, is_orig, true, pool, tally);
            direction.stream.finish(is_peer_done, &mut side);
        }
        self.note_gaps(missed_before);
    }

    fn missed_bytes(&self) -> [u64; 2] {
        self.directions.each_ref().map(|direction| direction.stream.missed_bytes())
    }

    /// History letter of streams in which bytes turned out to be missing.
    fn note_gaps(&mut self, missed_before: [u64; 2]) {
        for (at, (now, before)) in self.missed_bytes().into_iter().zip(missed_before).enumerate() {
            if now > before {
                self.history.note('g', at == 0);
            }
        }
    }
}

/// Bytes of memory that a list takes beside its own size: none while its members lie in place.
fn spilled_bytes<A: smallvec::Array>(list: &SmallVec<A>) -> usize {
    if list.spilled() {
        list.capacity() * size_of::<A::Item>()
    } else {
        0
    }
}

impl PayloadTally {
    fn leave_out(&mut self, left_out: &LeftOut) {
        self.repeated += left_out.repeated;
        self.before_start += left_out.before_start;
        self.out_of_window += left_out.out_of_window;
        self.late += left_out.late;
    }
}
