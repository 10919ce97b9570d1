//! Hostile input costs memory up to the caps, and work in proportion to its length.
//!
//! Allocations are counted instead of seconds: the numbers are the same on every machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine_kit;

use allocation_counter::{measure, AllocationInfo};
use engine_kit::{ipv4, run, settings, udp, Run, Script, Tcp, Timed, ACK, RST, SYN};
use wiretropy_core::engine::{Engine, EngineSettings, Output};
use wiretropy_core::limits::METERS_BYTES;
use wiretropy_core::meter::{MeterSettings, Meters, PacketRef};

const MIB: u64 = 1 << 20;
const HOSTILE: u32 = 100_000;
const CLIENT: (u32, u16) = (0x0a00_0001, 40_000);
const SERVER: (u32, u16) = (0x0a00_0002, 443);

/// Most that was held at a time beside what is left at the end: the records, which a test keeps.
fn held(info: &AllocationInfo) -> u64 {
    info.bytes_max - u64::try_from(info.bytes_current).unwrap_or(0)
}

fn with_flows(max_flows: usize) -> EngineSettings {
    let mut settings = settings();
    settings.shard.max_flows = max_flows;
    settings.has_counts = false;
    settings
}

/// Run made-up packets and count what was allocated meanwhile.
fn count<I>(packets: I, settings: EngineSettings) -> (AllocationInfo, Run)
where
    I: Iterator<Item = Timed> + Send + 'static,
{
    let mut done = None;
    let source = Script::new(packets, 8192);
    let info = measure(|| done = Some(run(source, settings)));
    let done = done.unwrap();
    done.assert_adds_up();
    (info, done)
}

fn assert_linear<I>(packets: impl Fn(u32) -> I, settings: impl Fn() -> EngineSettings)
where
    I: Iterator<Item = Timed> + Send + 'static,
{
    let (once, _) = count(packets(HOSTILE), settings());
    let (twice, _) = count(packets(2 * HOSTILE), settings());
    let (calls, bytes) = (once.count_total, once.bytes_total);
    assert!(twice.count_total <= calls * 22 / 10 + 1000, "{once:?} {twice:?}");
    assert!(twice.bytes_total <= bytes * 22 / 10 + MIB, "{once:?} {twice:?}");
}

fn fragment(id: u32, offset: u16, ts_ns: i64) -> Timed {
    // More fragments follow, and never do.
    let mut frame = ipv4(id, SERVER.0, 17, 20 + 8, 0x2000 | offset);
    frame.extend([7; 8]);
    Timed { ts_ns, origlen: frame.len() as u32, frame }
}

fn segment(seq: u32, flags: u8, payload: &[u8], ts_ns: i64) -> Timed {
    let (from, to) = (CLIENT, SERVER);
    Tcp { from, to, seq, ack: 0, flags, window: 65_535, payload, beyond: 0 }.packet(ts_ns)
}

#[test]
fn fragments_without_end_stay_within_their_caps() {
    let fragments = |count| (0..count).map(|at| fragment(at, 1, 0));
    let (info, run) = count(fragments(HOSTILE), with_flows(1000));
    assert!(held(&info) < 14 * MIB, "{info:?}");
    let undecoded = &run.summary.packets.undecoded;
    assert_eq!(undecoded.values().sum::<u64>(), u64::from(HOSTILE), "{undecoded:?}");
    assert_linear(fragments, || with_flows(1000));
}

#[test]
fn one_fragment_again_and_again_stays_within_the_cap_of_fragments() {
    let repeats = (0..10 * HOSTILE).map(|_| fragment(1, 1, 0));
    let (info, _) = count(repeats, with_flows(1000));
    assert!(held(&info) < 44 * MIB, "{info:?}");
}

#[test]
fn a_flood_of_syns_holds_no_more_flows_than_the_cap() {
    let syns = |count| {
        (0..count).map(|at| {
            let from = (at, 1025);
            let payload = &[];
            let flags = SYN;
            let (seq, ack, window, beyond) = (at, 0, 1024, 0);
            Tcp { from, to: SERVER, seq, ack, flags, window, payload, beyond }.packet(0)
        })
    };
    let (info, run) = count(syns(HOSTILE), with_flows(1000));
    assert_eq!(run.summary.created, u64::from(HOSTILE));
    assert!(held(&info) < 18 * MIB, "{info:?}");
    assert_linear(syns, || with_flows(1000));
}

#[test]
fn bytes_that_wait_one_by_one_are_bounded() {
    // Every other byte of a stream whose first byte never comes.
    let bytes = |count| {
        let first = std::iter::once(segment(0, SYN, &[], 0));
        first.chain((1..count).map(|at| segment(1 + 2 * at, ACK, b"x", 0)))
    };
    let (info, run) = count(bytes(HOSTILE), with_flows(1000));
    assert!(held(&info) < 4 * MIB, "{info:?}");
    assert_eq!(run.summary.payload.seen, u64::from(HOSTILE) - 1);
    assert_linear(bytes, || with_flows(1000));
}

#[test]
fn a_flow_that_is_reset_and_goes_on_by_turns_costs_no_more_than_others() {
    let turns = |count| {
        (0..count).map(|at| {
            if at % 2 == 0 {
                segment(1000 + at / 2, ACK, b"x", 0)
            } else {
                segment(1001 + at / 2, RST, &[], 0)
            }
        })
    };
    let (info, run) = count(turns(2 * HOSTILE), with_flows(1000));
    assert_eq!(run.summary.created, 1);
    assert!(held(&info) < 4 * MIB, "{info:?}");
    assert_linear(turns, || with_flows(1000));
}

#[test]
fn ports_that_are_used_again_at_every_packet_leave_nothing_behind() {
    let reuse = |count| {
        (0..count).map(|at| {
            let seq = 7919 * (at / 2);
            segment(seq + at % 2, if at % 2 == 0 { SYN } else { RST }, &[], 0)
        })
    };
    let (info, run) = count(reuse(4 * HOSTILE), with_flows(1000));
    assert_eq!(run.summary.created, 2 * u64::from(HOSTILE));
    assert!(held(&info) < 12 * MIB, "{info:?}");
}

#[test]
fn one_packet_from_the_far_future_does_not_keep_other_flows_from_ending() {
    let second = engine_kit::SECOND_NS;
    let far = udp((1, 1), (2, 2), b"far", i64::MAX);
    let others = (0..HOSTILE).map(move |at| udp((at, 7), (1, 9), b"x", i64::from(at) * second));
    let (_, run) = count(std::iter::once(far).chain(others), with_flows(1 << 20));
    let idle = run.texts("end_reason").iter().filter(|reason| *reason == "idle").count();
    assert!(idle as u32 > HOSTILE - 2 * 8192, "{idle} flows ended in time");
}

#[test]
fn times_at_both_ends_of_the_range_are_survived() {
    let times = [i64::MAX, i64::MIN, 0, i64::MAX, -1, i64::MIN, i64::MAX];
    let packets = (0..40_000_usize).map(move |at| {
        let ts_ns = times[at % times.len()];
        match at % 3 {
            0 => udp((at as u32 % 50, 7), (1, 9), b"x", ts_ns),
            1 => segment(at as u32, ACK, b"x", ts_ns),
            _ => fragment(at as u32 % 50, 1, ts_ns),
        }
    });
    for active_ns in [None, Some(1), Some(i64::MAX)] {
        let mut settings = with_flows(100);
        settings.shard.timeouts.active_ns = active_ns;
        count(packets.clone(), settings);
    }
}

#[test]
fn flows_that_end_with_the_capture_are_handed_over_piece_by_piece() {
    let packets = (0..2 * HOSTILE).map(|at| udp((at, 7), (1, 9), &[at as u8; 200], 0));
    let mut engine = Engine::new(Script::new(packets, 8192), with_flows(1 << 20));
    let mut rows = 0;
    let info = measure(|| {
        // Each batch is dropped before the next is asked for.
        while let Some(output) = engine.next_output() {
            if let Output::Flows(batch) = output {
                rows += batch.num_rows();
            }
        }
    });
    // An open flow takes some 1,200 bytes here; its row would add 800 if all were there at once.
    assert!(info.bytes_max < 1400 * rows as u64, "{rows} flows, {info:?}");
}

#[test]
fn meters_take_what_they_are_reckoned_to_take_however_small_the_segments() {
    let settings = MeterSettings { depth: Some(65_536), threshold: 7.9 };
    for segment in [1, 2, 1460] {
        let info = measure(|| {
            let mut meters = Meters::new(settings);
            for number in 0..(2 * 65_536 / segment) {
                let bytes: Vec<u8> = (0..segment).map(|at| (number * 7 + at) as u8).collect();
                meters.update(number % 2 == 0, &bytes, PacketRef { file: 0, number });
            }
            // What finishing takes, it gives back, and flows are finished one at a time.
            std::hint::black_box(&meters);
        });
        let fixed = size_of::<Meters>() as u64;
        let room = METERS_BYTES as u64;
        assert!(info.bytes_max + fixed < room, "{} with {segment}", info.bytes_max + fixed);
    }
}
