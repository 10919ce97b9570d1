//! What is measured depends on the bytes that were sent, never on how they travelled or were read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine_kit;

use engine_kit::{
    measure, measure_columns, run, settings, stream_columns, Run, Script, Tcp, Timed, ACK, FIN,
    SECOND_NS, SYN,
};
use proptest::prelude::*;
use wiretropy_core::engine::EngineSettings;

/// What one side says before the other answers.
#[derive(Clone, Debug)]
struct Turn {
    is_orig: bool,
    bytes: Vec<u8>,
}

/// How a conversation travels.
#[derive(Clone, Debug)]
struct Way {
    /// Payload bytes of successive segments, used in rotation.
    cuts: Vec<usize>,
    /// Keys by which the segments of one turn are ordered; none to keep their order.
    order: Vec<u8>,
    /// Segments that are sent again, in rotation.
    repeats: Vec<bool>,
    isns: [u32; 2],
    start_ns: i64,
}

impl Way {
    fn plain() -> Self {
        let isns = [1000, 5000];
        Self { cuts: vec![1460], order: vec![], repeats: vec![], isns, start_ns: SECOND_NS }
    }
}

struct Wire {
    port: u16,
    way: Way,
    sent: [u32; 2],
    packets: Vec<Timed>,
    segments: usize,
}

impl Wire {
    fn new(port: u16, way: Way) -> Self {
        Self { port, way, sent: [0, 0], packets: vec![], segments: 0 }
    }

    /// Send one segment at a stream offset that counts the SYN as its first place.
    fn send(&mut self, is_orig: bool, offset: u32, flags: u8, payload: &[u8]) {
        let (client, server) = ((0x0a00_0001, self.port), (0x0a00_0002, 443));
        let (from, to) = if is_orig { (client, server) } else { (server, client) };
        let (own, peer) = (usize::from(!is_orig), usize::from(is_orig));
        let segment = Tcp {
            from,
            to,
            seq: self.way.isns[own].wrapping_add(offset),
            ack: self.way.isns[peer].wrapping_add(self.sent[peer]),
            flags,
            window: 65_535,
            payload,
            beyond: 0,
        };
        let ts_ns = self.way.start_ns + self.packets.len() as i64 * 1_000_000;
        self.packets.push(segment.packet(ts_ns));
    }

    fn take_turn(&mut self, turn: &Turn) {
        let own = usize::from(!turn.is_orig);
        let mut pieces = vec![];
        let mut at = 0;
        while at < turn.bytes.len() {
            let cut = self.way.cuts[self.segments % self.way.cuts.len()];
            let end = (at + cut).min(turn.bytes.len());
            let again = self.way.repeats.get(self.segments % self.way.repeats.len().max(1));
            let copies = if again == Some(&true) { 2 } else { 1 };
            pieces.extend(std::iter::repeat_n((at, end), copies));
            self.segments += 1;
            at = end;
        }
        if !self.way.order.is_empty() {
            let key = |number: usize| self.way.order[number % self.way.order.len()];
            let mut keyed: Vec<_> = pieces.into_iter().enumerate().collect();
            keyed.sort_by_key(|(number, _)| key(*number));
            pieces = keyed.into_iter().map(|(_, piece)| piece).collect();
        }
        for (at, end) in pieces {
            let offset = self.sent[own] + at as u32;
            self.send(turn.is_orig, offset, ACK, &turn.bytes[at..end]);
        }
        self.sent[own] += turn.bytes.len() as u32;
    }
}

/// The packets of a conversation from SYN to FIN.
fn travel(port: u16, turns: &[Turn], way: &Way) -> Vec<Timed> {
    let mut wire = Wire::new(port, way.clone());
    wire.send(true, 0, SYN, &[]);
    wire.sent[0] = 1;
    wire.send(false, 0, SYN | ACK, &[]);
    wire.sent[1] = 1;
    wire.send(true, 1, ACK, &[]);
    for turn in turns {
        wire.take_turn(turn);
    }
    wire.send(true, wire.sent[0], FIN | ACK, &[]);
    wire.send(false, wire.sent[1], FIN | ACK, &[]);
    wire.packets
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![1..64_usize, 1..3000_usize, 1..20_000_usize];
    (length, any::<u64>(), 0..8_u32).prop_map(|(length, seed, shift)| {
        // Fewer different values for larger shifts.
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 32) as u8) >> shift
        };
        (0..length).map(|_| next()).collect()
    })
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = (any::<bool>(), bytes()).prop_map(|(is_orig, bytes)| Turn { is_orig, bytes });
    prop::collection::vec(turn, 1..5)
}

fn way() -> impl Strategy<Value = Way> {
    let cut = prop_oneof![1..40_usize, 1..1460_usize];
    let cuts = prop::collection::vec(cut, 1..6);
    let order = prop::collection::vec(any::<u8>(), 0..40);
    let repeats = prop::collection::vec(any::<bool>(), 0..5);
    (cuts, order, repeats, any::<[u32; 2]>()).prop_map(|(cuts, order, repeats, isns)| Way {
        // Tiny cuts of long turns would pass the cap of waiting pieces.
        cuts: [cuts, vec![700]].concat(),
        order,
        repeats,
        isns,
        start_ns: SECOND_NS,
    })
}

/// Columns that say nothing of packets.
fn content_columns() -> Vec<String> {
    let sides = [stream_columns("orig"), stream_columns("resp"), measure_columns("both")];
    let others = ["end_reason", "is_midstream", "conflicting_overlaps", "community_id", "proto"];
    sides.concat().into_iter().chain(others.map(String::from)).collect()
}

fn assert_whole(run: &Run, turns: &[Turn]) {
    run.assert_adds_up();
    assert_eq!(run.rows(), 1);
    let sent = |is_orig| {
        let own = turns.iter().filter(|turn| turn.is_orig == is_orig);
        own.map(|turn| turn.bytes.len() as u64).sum::<u64>()
    };
    assert_eq!(run.numbers("orig_payload_bytes"), [sent(true)]);
    assert_eq!(run.numbers("resp_payload_bytes"), [sent(false)]);
    assert_eq!(run.numbers("orig_missed_bytes"), [0]);
    assert_eq!(run.texts("end_reason"), ["fin"]);
}

/// Many conversations at once; which packet comes next is decided by `picks`.
fn interleave(conversations: Vec<Vec<Timed>>, picks: &[u8]) -> Vec<Timed> {
    let mut rest: Vec<_> = conversations.into_iter().map(Vec::into_iter).collect();
    let mut all = vec![];
    let mut picks = picks.iter().cycle();
    while !rest.is_empty() {
        let at = usize::from(*picks.next().unwrap()) % rest.len();
        match rest[at].next() {
            Some(packet) => all.push(packet),
            None => drop(rest.swap_remove(at)),
        }
    }
    all
}

fn text(turns: &[(bool, &[u8])]) -> Vec<Turn> {
    turns.iter().map(|&(is_orig, bytes)| Turn { is_orig, bytes: bytes.to_vec() }).collect()
}

/// Short conversations one after the other, enough for several epochs.
fn crowd(count: u16) -> Vec<Timed> {
    let conversation = |port: u16| {
        // All sizes of buffers, so that it would show which ones a flow takes over.
        let answer = vec![7; usize::from(port) * 37 % 1800];
        let turns = text(&[(true, b"GET / HTTP/1.1"), (false, &answer), (true, b"thanks")]);
        let start_ns = i64::from(port) * SECOND_NS / 20;
        let mut packets = travel(port, &turns, &Way { start_ns, ..Way::plain() });
        // Some end in the middle and wait for their time-out.
        packets.truncate(if port % 3 == 0 { 5 } else { 8 });
        packets
    };
    let mut packets: Vec<Timed> = (1..=count).flat_map(conversation).collect();
    packets.sort_by_key(|packet| packet.ts_ns);
    packets
}

fn with_caps(max_flows: usize, max_held_bytes: usize) -> EngineSettings {
    let mut settings = settings();
    settings.shard.max_flows = max_flows;
    settings.shard.max_held_bytes = max_held_bytes;
    settings
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..Default::default() })]

    #[test]
    fn splitting_reordering_and_repeating_segments_changes_nothing(
        turns in turns(), way in way(),
    ) {
        let plain = measure(&travel(4000, &turns, &Way::plain()));
        assert_whole(&plain, &turns);
        let other = measure(&travel(4000, &turns, &way));
        assert_whole(&other, &turns);
        plain.assert_same(&other, &content_columns());
    }

    #[test]
    fn initial_sequence_numbers_do_not_show(turns in turns(), way in way(), isns in any::<[u32; 2]>()) {
        let one = measure(&travel(4000, &turns, &way));
        let other = measure(&travel(4000, &turns, &Way { isns, ..way }));
        prop_assert!(one.batches == other.batches);
    }

    #[test]
    fn shifting_time_moves_times_only(turns in turns(), way in way(), start_ns in 0..i64::MAX / 2) {
        let one = measure(&travel(4000, &turns, &way));
        let other = measure(&travel(4000, &turns, &Way { start_ns, ..way }));
        let schema = one.batches[0].schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        let moved = ["uid", "ts_first_ns", "ts_last_ns"];
        let others: Vec<String> = names.filter(|name| !moved.contains(&name.as_str())).collect();
        one.assert_same(&other, &others);
    }

    #[test]
    fn interleaving_of_flows_does_not_matter(
        conversations in prop::collection::vec((turns(), way()), 2..5),
        picks in prop::collection::vec(any::<u8>(), 1..50),
    ) {
        let apart: Vec<_> = (4000..).zip(&conversations)
            .map(|(port, (turns, way))| travel(port, turns, way))
            .collect();
        let together = measure(&interleave(apart.clone(), &picks));
        together.assert_adds_up();
        let mut columns = content_columns();
        columns.extend(["history", "weirds", "packet_sizes", "packet_times_ns"].map(String::from));
        let ids = together.texts("community_id");
        for packets in apart {
            let alone = measure(&packets);
            let id = &alone.texts("community_id")[0];
            let row = ids.iter().position(|other| other == id).unwrap();
            for column in &columns {
                prop_assert_eq!(&alone.values(column)[0], &together.values(column)[row], "{}", column);
            }
        }
    }

    #[test]
    fn lost_segments_are_missed_and_nothing_is_invented(
        turns in turns(), way in way(), losses in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let whole = travel(4000, &turns, &Way { repeats: vec![], ..way });
        let kept = |at: &usize| *at < 3 || !losses[at % losses.len()];
        let rest: Vec<Timed> = (0..whole.len()).filter(kept).map(|at| whole[at].clone()).collect();
        let run = measure(&rest);
        run.assert_adds_up();
        let sum = |name: &str| {
            run.numbers(&format!("orig_{name}")).iter().sum::<u64>()
                + run.numbers(&format!("resp_{name}")).iter().sum::<u64>()
        };
        let sent: usize = turns.iter().map(|turn| turn.bytes.len()).sum();
        prop_assert_eq!(sum("payload_bytes"), run.summary.payload.seen);
        prop_assert!(sum("payload_bytes") + sum("missed_bytes") <= sent as u64);
    }
}

#[test]
fn threads_do_not_show_in_any_batch() {
    // More flows than are measured in one go, so that memory is used again.
    let packets = crowd(20_000);
    for caps in [(1 << 20, 1 << 30), (200, 1 << 30), (1 << 20, 400_000)] {
        let with = |threads| {
            let settings = EngineSettings { threads, ..with_caps(caps.0, caps.1) };
            run(Script::new(packets.clone(), 1000), settings)
        };
        let one = with(1);
        one.assert_adds_up();
        for threads in [2, 4] {
            let other = with(threads);
            assert!(one.batches == other.batches, "{threads} threads, caps {caps:?}");
            assert_eq!(one.summary.ended, other.summary.ended);
            assert_eq!(one.summary.packets, other.summary.packets);
            assert_eq!(one.summary.payload, other.summary.payload);
            assert_eq!(one.summary.weirds, other.summary.weirds);
        }
    }
}

#[test]
fn portions_in_which_packets_are_read_do_not_show() {
    let packets = crowd(3000);
    let with = |portion| run(Script::new(packets.clone(), portion), with_caps(300, 100_000));
    let whole = with(usize::MAX);
    for portion in [1, 7, 1000, 8191] {
        let other = with(portion);
        other.assert_adds_up();
        let schema = whole.batches[0].schema();
        let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        whole.assert_same(&other, &names);
    }
}

#[test]
fn flows_evicted_and_kept_are_those_created() {
    for (flows, held) in [(8, 1 << 30), (100, 1 << 30), (1 << 20, 1), (1 << 20, 50_000)] {
        let run = run(Script::new(crowd(4000), 1000), with_caps(flows, held));
        run.assert_adds_up();
        let evicted = run.summary.ended.iter().find(|(reason, _)| reason.name() == "evicted");
        assert!(evicted.is_some_and(|(_, &count)| count > 0), "{:?}", run.summary.ended);
    }
}
