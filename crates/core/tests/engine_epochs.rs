//! When flows are ended and evicted, and in which order they are written, follows from the packets
//! alone; what is held meanwhile stays near its caps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine_kit;

use allocation_counter::measure;
use engine_kit::{run, settings, udp, Run, Script, Tcp, Timed, ACK, SECOND_NS, SYN};
use wiretropy_core::engine::EngineSettings;
use wiretropy_core::error::Fault;
use wiretropy_core::limits::{EPOCH_BYTES, EPOCH_PACKETS, SHARDS};
use wiretropy_core::packet::Chunk;
use wiretropy_core::source::Source;

const SERVER: (u32, u16) = (0x0a00_0002, 443);

fn segment(from: (u32, u16), seq: u32, flags: u8, payload: &[u8], ts_ns: i64) -> Timed {
    Tcp { from, to: SERVER, seq, ack: 0, flags, window: 100, payload, beyond: 0 }.packet(ts_ns)
}

fn with_caps(max_flows: usize, max_held_bytes: usize) -> EngineSettings {
    let mut settings = settings();
    settings.shard.max_flows = max_flows;
    settings.shard.max_held_bytes = max_held_bytes;
    settings.has_counts = false;
    settings
}

/// Flows in the order of the output, with the reasons for their ends.
fn ends(run: &Run) -> Vec<(u64, String)> {
    let packets = run.numbers("first_packet");
    packets.into_iter().zip(run.texts("end_reason")).collect()
}

/// A source that finds out only when asked again that there is no more.
struct Unsure {
    inner: Box<dyn Source>,
    is_over: bool,
}

impl Source for Unsure {
    fn fill(&mut self, chunk: &mut Chunk, max_packets: usize) -> bool {
        if self.is_over {
            chunk.clear();
            return false;
        }
        self.is_over = !self.inner.fill(chunk, max_packets);
        true
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        vec![]
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

#[test]
fn how_a_source_tells_its_end_does_not_show_in_the_order_of_rows() {
    // One flow is idle when the last epoch ends, which is the end of the capture too; an older one
    // is not.
    let steady = |ts_ns| udp((1, 1), (2, 2), b"steady", ts_ns);
    let epoch =
        |second: i64| (0..EPOCH_PACKETS as i64).map(move |n| steady(second * SECOND_NS + n));
    let mut packets: Vec<Timed> = epoch(0).chain(epoch(50)).chain(epoch(100)).collect();
    packets[1] = udp((3, 3), (4, 4), b"once", 1);
    let sure = run(Script::new(packets.clone(), 1000), settings());
    let inner: Box<dyn Source> = Script::new(packets, 1000);
    let unsure = run(Box::new(Unsure { inner, is_over: false }), settings());
    let expected = [(2, "idle".to_owned()), (1, "end-of-capture".to_owned())];
    assert_eq!(ends(&sure), expected);
    assert_eq!(ends(&unsure), expected);
}

#[test]
fn large_packets_end_epochs_early_and_portions_and_threads_do_not_show() {
    let payload = vec![7_u8; 60_000];
    let count = 5 * EPOCH_BYTES / payload.len();
    let packets: Vec<Timed> = (0..count as u32)
        .map(|n| {
            // One flow lives longer than some that began after it, and is idle when an epoch ends.
            let source = if n % 40 == 0 && n < 400 { 1 } else { 2 + n % 90 };
            udp((source, 1), (500, 2), &payload, i64::from(n) * SECOND_NS)
        })
        .collect();
    let whole = run(Script::new(packets.clone(), EPOCH_PACKETS), settings());
    let order = ends(&whole);
    let place = order.iter().position(|(first, _)| *first == 1).unwrap();
    assert!(place > 100 && order[place].1 == "idle", "{place} {:?}", order[place]);
    for (portion, threads) in [(1, 1), (77, 1), (EPOCH_PACKETS, 2), (100, 3)] {
        let mut settings = settings();
        settings.threads = threads;
        let other = run(Script::new(packets.clone(), portion), settings);
        other.assert_adds_up();
        assert_eq!(ends(&other), order, "portions of {portion}, {threads} threads");
    }
}

#[test]
fn eviction_takes_the_flow_that_was_silent_longest_whatever_its_protocol() {
    let max_flows = 100 * SHARDS;
    let packets: Vec<Timed> = (0..4 * EPOCH_PACKETS as u32 / 2)
        .flat_map(|n| {
            let ts_ns = i64::from(n) * 2000;
            let syn = segment((0x0b00_0000 + n, 5555), 1, SYN, b"", ts_ns);
            [syn, udp((7, 7), (8, 8), b"steady", ts_ns + 1000)]
        })
        .collect();
    let run = run(Script::new(packets, 1000), with_caps(max_flows, 1 << 30));
    run.assert_adds_up();
    let of_udp = run.texts("proto").into_iter().zip(run.texts("end_reason"));
    let of_udp: Vec<String> =
        of_udp.filter(|(proto, _)| proto == "udp").map(|(_, reason)| reason).collect();
    assert_eq!(of_udp, ["end-of-capture"]);
}

#[test]
fn segments_that_wait_are_held_up_to_the_cap_and_what_comes_in_one_epoch() {
    let payload = vec![9_u8; 65_000];
    let max_held = 8 << 20;
    let packets = (0..EPOCH_PACKETS as u32 / 2).flat_map(move |n| {
        let from = (0x0c00_0000 + n, 1);
        let early = segment(from, 1_000_000, ACK, &payload, i64::from(n));
        [segment(from, 999_000, SYN, b"", i64::from(n)), early]
    });
    let mut source = Some(Script::new(packets, 16));
    let info = measure(|| {
        let run = run(source.take().unwrap(), with_caps(1 << 20, max_held));
        run.assert_adds_up();
    });
    // What ended flows held waits until it is measured, and is copied then.
    let most = (max_held + 4 * EPOCH_BYTES) as u64;
    assert!(info.bytes_max < most, "{} MiB", info.bytes_max >> 20);
}
