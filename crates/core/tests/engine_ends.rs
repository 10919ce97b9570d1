//! How streams end where the capture lost a part of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine_kit;

use engine_kit::{measure, Tcp, Timed, ACK, FIN, RST, SYN};

const CLIENT_ISN: u32 = 1000;
const SERVER_ISN: u32 = 9000;

fn client(seq: u32, flags: u8, payload: &[u8]) -> Timed {
    let (from, to) = ((1, 40_000), (2, 80));
    let ack = if flags & ACK == 0 { 0 } else { SERVER_ISN + 1 };
    Tcp { from, to, seq, ack, flags, window: 1000, payload, beyond: 0 }.packet(0)
}

fn server(seq: u32, ack: u32, flags: u8) -> Timed {
    let (from, to) = ((2, 80), (1, 40_000));
    Tcp { from, to, seq, ack, flags, window: 1000, payload: &[], beyond: 0 }.packet(0)
}

#[test]
fn a_reset_behind_a_hole_larger_than_the_window_is_believed() {
    let lost = 1 << 20;
    let behind = CLIENT_ISN + 1 + lost;
    let run = measure(&[
        client(CLIENT_ISN, SYN, &[]),
        server(SERVER_ISN, CLIENT_ISN + 1, SYN | ACK),
        client(behind, ACK, b"after the hole"),
        client(behind + 14, RST, &[]),
    ]);
    run.assert_adds_up();
    assert_eq!(run.texts("end_reason"), ["rst"]);
    assert_eq!(run.numbers("orig_missed_bytes"), [u64::from(lost)]);
}

#[test]
fn an_acknowledged_fin_that_was_not_seen_is_no_missed_byte() {
    // Of the client nothing was captured but its SYN; it sent 7 bytes and a FIN.
    let run = measure(&[
        client(CLIENT_ISN, SYN, &[]),
        server(SERVER_ISN, CLIENT_ISN + 1, SYN | ACK),
        server(SERVER_ISN + 1, CLIENT_ISN + 8, ACK),
        server(SERVER_ISN + 1, CLIENT_ISN + 9, FIN | ACK),
    ]);
    assert_eq!(run.numbers("orig_missed_bytes"), [7]);
}

#[test]
fn while_the_other_side_still_sends_what_it_acknowledged_counts_whole() {
    let run = measure(&[
        client(CLIENT_ISN, SYN, &[]),
        server(SERVER_ISN, CLIENT_ISN + 1, SYN | ACK),
        server(SERVER_ISN + 1, CLIENT_ISN + 8, ACK),
    ]);
    assert_eq!(run.numbers("orig_missed_bytes"), [7]);
}
