//! Where a stream begins is for both sides to say: a single forged SYN moves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine_kit;

use engine_kit::{measure, Run, Tcp, Timed, ACK, SYN};

const SERVER_ISN: u32 = 9000;

fn packet(is_orig: bool, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Timed {
    let (client, server) = ((1, 40_000), (2, 80));
    let (from, to) = if is_orig { (client, server) } else { (server, client) };
    Tcp { from, to, seq, ack, flags, window: 65_535, payload, beyond: 0 }.packet(0)
}

fn syn(isn: u32) -> Timed {
    packet(true, isn, 0, SYN, &[])
}

/// The server's answer to the SYN with `isn`.
fn answer(isn: u32) -> Timed {
    packet(false, SERVER_ISN, isn + 1, SYN | ACK, &[])
}

fn talk(isn: u32) -> [Timed; 2] {
    let request = packet(true, isn + 1, SERVER_ISN + 1, ACK, b"request");
    let response = packet(false, SERVER_ISN + 1, isn + 8, ACK, b"response");
    [request, response]
}

fn assert_talked(run: &Run) {
    run.assert_adds_up();
    assert_eq!(run.numbers("orig_payload_bytes"), [7]);
    assert_eq!(run.numbers("resp_payload_bytes"), [8]);
    assert_eq!(run.numbers("orig_missed_bytes"), [0]);
}

#[test]
fn a_forged_syn_after_the_handshake_moves_nothing() {
    for forged in [5, 700_000_000, 3_000_000_000] {
        let open = [syn(1000), answer(1000), packet(true, 1001, SERVER_ISN + 1, ACK, &[])];
        let run = measure(&[&open[..], &[syn(forged)], &talk(1000)].concat());
        assert_talked(&run);
    }
}

#[test]
fn of_two_syns_the_acknowledged_one_counts() {
    for (first, second) in [(1000, 3_000_000_000), (3_000_000_000, 1000)] {
        for acked in [first, second] {
            let open = [syn(first), syn(second), answer(acked)];
            assert_talked(&measure(&[&open[..], &talk(acked)].concat()));
        }
    }
}

#[test]
fn a_new_syn_counts_once_the_server_acknowledges_it() {
    let open = [syn(1000), answer(1000), syn(500_000), answer(500_000)];
    assert_talked(&measure(&[&open[..], &talk(500_000)].concat()));
}
