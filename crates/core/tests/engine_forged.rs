//! What one forged packet can do to a record: as little as it could do to the hosts themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine_kit;

use engine_kit::{ipv4, measure, Run, Tcp, Timed, ACK, FIN, RST, SYN};

const CLIENT: (u32, u16) = (1, 40_000);
const SERVER: (u32, u16) = (2, 80);
const WINDOW: u16 = 8000;
/// Sequence numbers of the first payload byte of each side.
const CLIENT_BASE: u32 = 1001;
const SERVER_BASE: u32 = 5001;
/// Bytes that each side has sent and had acknowledged when [`opened`] ends.
const SENT: u32 = 1000;

fn client(seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Timed {
    let (from, to) = (CLIENT, SERVER);
    Tcp { from, to, seq, ack, flags, window: WINDOW, payload, beyond: 0 }.packet(0)
}

fn server(seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Timed {
    let (from, to) = (SERVER, CLIENT);
    Tcp { from, to, seq, ack, flags, window: WINDOW, payload, beyond: 0 }.packet(0)
}

/// A connection in which both sides have talked, 6 packets.
fn opened() -> Vec<Timed> {
    vec![
        client(CLIENT_BASE - 1, 0, SYN, &[]),
        server(SERVER_BASE - 1, CLIENT_BASE, SYN | ACK, &[]),
        client(CLIENT_BASE, SERVER_BASE, ACK, &[]),
        client(CLIENT_BASE, SERVER_BASE, ACK, &[1; SENT as usize]),
        server(SERVER_BASE, CLIENT_BASE + SENT, ACK, &[2; SENT as usize]),
        client(CLIENT_BASE + SENT, SERVER_BASE + SENT, ACK, &[]),
    ]
}

/// The client goes on with 40 segments behind `missing` bytes, each acknowledged.
fn more_behind(missing: u32) -> Vec<Timed> {
    segments_behind(missing, 40)
}

fn segments_behind(missing: u32, count: u32) -> Vec<Timed> {
    let pair = |n: u32| {
        let seq = CLIENT_BASE + SENT + missing + n * 1000;
        let segment = client(seq, SERVER_BASE + SENT, ACK, &[3; 1000]);
        [segment, server(SERVER_BASE + SENT, seq + 1000, ACK, &[])]
    };
    (0..count).flat_map(pair).collect()
}

fn closed(sent: u32) -> Vec<Timed> {
    let (seq, ack) = (CLIENT_BASE + sent, SERVER_BASE + SENT);
    let fins = [client(seq, ack, FIN | ACK, &[]), server(ack, seq + 1, FIN | ACK, &[])];
    [&fins[..], &[client(seq + 1, ack + 1, ACK, &[])]].concat()
}

/// A SYN with ACK whose window option asks for the largest scale.
fn wide_syn_ack(seq: u32, ack: u32) -> Timed {
    let mut frame = ipv4(SERVER.0, CLIENT.0, 6, 44, 0);
    frame.extend(SERVER.1.to_be_bytes());
    frame.extend(CLIENT.1.to_be_bytes());
    frame.extend(seq.to_be_bytes());
    frame.extend(ack.to_be_bytes());
    frame.extend([0x60, SYN | ACK, 0xff, 0xff, 0, 0, 0, 0, 3, 3, 14, 0]);
    Timed { ts_ns: 0, origlen: 44, frame }
}

/// The record of a connection is what it is without the `forged` packets of [`opened`].
fn assert_unmoved(forged: &[Timed]) -> Run {
    let rest = [more_behind(0), closed(41 * SENT)].concat();
    let run = measure(&[&opened()[..], forged, &rest].concat());
    run.assert_adds_up();
    assert_eq!(run.numbers("orig_payload_bytes")[0], 41_000);
    assert_eq!(run.numbers("resp_payload_bytes")[0], 1000);
    assert_eq!(run.numbers("orig_missed_bytes")[0], 0);
    assert_eq!(run.numbers("resp_missed_bytes")[0], 0);
    assert_eq!(run.texts("end_reason")[0], "fin");
    run
}

#[test]
fn a_forged_syn_outside_the_window_is_a_flow_of_its_own() {
    for isn in [3_000_000_000, 100_000_000, CLIENT_BASE.wrapping_sub(1_500_000_000)] {
        let run = assert_unmoved(&[client(isn, 0, SYN, &[])]);
        assert_eq!(run.texts("history")[1], "S", "isn {isn}");
        assert_eq!(run.numbers("orig_packets")[1], 1);
        assert!(run.summary.weirds["syn-in-connection"] == 1);
    }
}

#[test]
fn a_forged_syn_with_a_forged_segment_behind_it_takes_nothing_away() {
    let isn = 3_000_000_000;
    let forged = [client(isn, 0, SYN, &[]), client(isn + 1, 77, ACK, b"forged")];
    let run = assert_unmoved(&forged);
    assert_eq!(run.numbers("orig_packets")[1], 2);
    assert_eq!(run.numbers("orig_payload_bytes")[1], 6);
}

#[test]
fn a_flow_that_reaches_the_place_of_a_forged_syn_goes_on() {
    let distance = 5_000_000;
    let forged = [client(CLIENT_BASE + SENT + distance, 0, SYN, &[])];
    let rest = [segments_behind(0, 6000), closed(6_001_000)].concat();
    let run = measure(&[&opened()[..], &forged, &rest].concat());
    run.assert_adds_up();
    assert_eq!(run.numbers("orig_payload_bytes"), [6_001_000, 0]);
    assert_eq!(run.numbers("resp_packets"), [6003, 0]);
    assert_eq!(run.texts("end_reason")[0], "fin");
}

#[test]
fn an_acknowledgement_before_the_place_of_a_forged_syn_is_no_answer_to_it() {
    // The acknowledgement is captured before what it acknowledges.
    let ahead = server(SERVER_BASE + SENT, CLIENT_BASE + 2 * SENT, ACK, &[]);
    for distance in [(4 << 20) + 500, (4 << 20) + 100_000] {
        let forged = client(CLIENT_BASE + SENT + distance, 0, SYN, &[]);
        let run = assert_unmoved(&[forged, ahead.clone()]);
        assert_eq!(run.numbers("resp_packets")[1], 0);
    }
}

#[test]
fn a_forged_syn_in_a_long_silence_does_not_swallow_what_comes_after_it() {
    let at = |seconds: i64, packet: Timed| Timed { ts_ns: seconds * 1_000_000_000, ..packet };
    for isn in [3_000_000_000, 100_000_000] {
        let after = more_behind(0).into_iter().map(|packet| at(301, packet));
        let packets = opened().into_iter().chain([at(290, client(isn, 0, SYN, &[]))]).chain(after);
        let run = measure(&packets.collect::<Vec<_>>());
        run.assert_adds_up();
        assert_eq!(run.numbers("orig_payload_bytes"), [1000, 0, 40_000]);
        assert_eq!(run.numbers("orig_missed_bytes"), [0, 0, 0]);
        assert_eq!(run.texts("end_reason"), ["idle", "reuse", "end-of-capture"]);
    }
}

#[test]
fn every_forged_syn_is_accounted_for() {
    let forged: Vec<Timed> = (0..50).map(|n| client(2_000_000_000 + n, 0, SYN, &[])).collect();
    let run = assert_unmoved(&forged);
    assert_eq!(run.numbers("orig_packets")[1..], [50]);
    assert_eq!(run.summary.weirds["syn-changed"], 1);
}

/// Initial sequence numbers of client and server in all parts of the number space, of which the
/// client's lie outside the window of [`opened`], whether or not that is known.
fn distant_isns() -> impl Iterator<Item = (u32, u32)> {
    let client = [1_200_000_000, 2_000_000_000, 3_000_000_000];
    let server = [0, 100_000_000, 1_000_000_000, 2_000_000_000, 3_000_000_000, 4_000_000_000];
    client.into_iter().flat_map(move |isn| server.map(|server_isn| (isn, server_isn)))
}

fn next_connection(isn: u32, server_isn: u32) -> [Timed; 5] {
    [
        client(isn, 0, SYN, &[]),
        client(isn, 0, SYN, &[]),
        server(server_isn, isn + 1, SYN | ACK, &[]),
        client(isn + 1, server_isn + 1, ACK, b"request"),
        server(server_isn + 1, isn + 8, ACK, b"response"),
    ]
}

/// The second flow of a run has the whole of [`next_connection`] but for `lost` packets of the
/// server, and the first has nothing of it.
fn assert_replaced(run: &Run, lost: u64) {
    run.assert_adds_up();
    assert_eq!(run.texts("end_reason"), ["reuse", "end-of-capture"]);
    assert_eq!(run.numbers("orig_packets")[1], 3);
    assert_eq!(run.numbers("resp_packets")[1], 2 - lost);
    assert_eq!(run.numbers("orig_payload_bytes"), [1000, 7]);
    assert_eq!(run.numbers("resp_payload_bytes"), [1000, 8]);
    assert_eq!(run.numbers("orig_missed_bytes"), [0, 0]);
    assert_eq!(run.numbers("resp_missed_bytes"), [0, 0]);
}

#[test]
fn a_connection_that_the_server_answers_replaces_the_one_before() {
    for (isn, server_isn) in distant_isns() {
        let next = next_connection(isn, server_isn);
        assert_replaced(&measure(&[&opened()[..], &next].concat()), 0);
        let mut answer_lost = opened();
        answer_lost.remove(1);
        assert_replaced(&measure(&[&answer_lost[..], &next].concat()), 0);
        assert_replaced(&measure(&[&opened()[3..], &next].concat()), 0);
    }
}

#[test]
fn a_lost_answer_does_not_cost_the_new_connection_its_first_request() {
    for (isn, server_isn) in distant_isns() {
        let mut next = next_connection(isn, server_isn).to_vec();
        next.remove(2);
        assert_replaced(&measure(&[opened(), next].concat()), 1);
    }
}

#[test]
fn of_several_syns_the_answered_one_begins_the_new_connection() {
    let (isn, server_isn) = (3_000_000_000, 2_000_000_000);
    let next = next_connection(isn, server_isn);
    for forged in [1_500_000_000, 2_500_000_000, 3_500_000_000] {
        let forged = [client(forged, 0, SYN, &[])];
        for (before, after) in [(&forged[..], &[][..]), (&[][..], &forged[..])] {
            let run = measure(&[&opened()[..], before, &next[..1], after, &next[2..]].concat());
            run.assert_adds_up();
            assert_eq!(run.texts("end_reason"), ["reuse", "end-of-capture"]);
            assert_eq!(run.numbers("orig_payload_bytes"), [1000, 7]);
            assert_eq!(run.numbers("resp_payload_bytes"), [1000, 8]);
            assert_eq!(run.numbers("resp_missed_bytes"), [0, 0]);
        }
    }
}

#[test]
fn a_refused_connection_ends_the_one_before_as_well() {
    for isn in [2_000_000_000, 3_000_000_000] {
        let refused = [client(isn, 0, SYN, &[]), server(0, isn + 1, RST | ACK, &[])];
        let again = [client(isn + 7, 0, SYN, &[]), server(0, isn + 8, RST | ACK, &[])];
        let run = measure(&[&opened()[..], &refused, &again].concat());
        assert_eq!(run.texts("end_reason"), ["reuse", "rst", "rst"]);
    }
}

#[test]
fn a_host_that_lost_its_memory_resets_the_old_connection_and_opens_the_new_one() {
    // RFC 9293, figure 9, with the challenge of RFC 5961, section 4.2.
    let (isn, server_isn) = (3_000_000_000, 2_000_000_000);
    let next = [
        client(isn, 0, SYN, &[]),
        server(SERVER_BASE + SENT, CLIENT_BASE + SENT, ACK, &[]),
        client(CLIENT_BASE + SENT, 0, RST, &[]),
        client(isn, 0, SYN, &[]),
        server(server_isn, isn + 1, SYN | ACK, &[]),
        client(isn + 1, server_isn + 1, ACK, b"request"),
    ];
    let run = measure(&[&opened()[..], &next].concat());
    assert_eq!(run.texts("end_reason"), ["rst", "end-of-capture"]);
    assert_eq!(run.numbers("orig_packets"), [5, 3]);
    assert_eq!(run.numbers("orig_payload_bytes"), [1000, 7]);
}

#[test]
fn one_side_alone_begins_a_new_connection_at_its_syn() {
    let only_client = |packets: Vec<Timed>| -> Vec<Timed> {
        packets.into_iter().filter(|packet| packet.frame[15] == CLIENT.0 as u8).collect()
    };
    let next = [client(3_000_000_000, 0, SYN, &[]), client(3_000_000_001, 9, ACK, b"request")];
    let run = measure(&[&only_client(opened())[..], &next].concat());
    assert_eq!(run.texts("end_reason"), ["reuse", "end-of-capture"]);
    assert_eq!(run.numbers("orig_payload_bytes"), [1000, 7]);
}

#[test]
fn a_rival_outlives_the_older_flow() {
    let isn = 3_000_000_000;
    let at = |seconds: i64, packet: Timed| Timed { ts_ns: seconds * 1_000_000_000, ..packet };
    // The older flow is silent from 0 s on and over at 302 s, the rival is not.
    let rest = [
        at(10, client(isn, 0, SYN, &[])),
        at(302, client(isn + 1, 9, ACK, b"late request")),
        at(303, client(isn + 13, 9, ACK, b"one more")),
    ];
    let run = measure(&[&opened()[..], &rest].concat());
    run.assert_adds_up();
    assert_eq!(run.numbers("orig_packets"), [4, 3]);
    assert_eq!(run.numbers("orig_payload_bytes"), [u64::from(SENT), 20]);
    assert_eq!(run.texts("end_reason"), ["idle", "end-of-capture"]);
}

#[test]
fn a_rival_that_falls_silent_leaves_the_older_flow_in_peace() {
    let isn = 3_000_000_000;
    let at = |seconds: i64, packet: Timed| Timed { ts_ns: seconds * 1_000_000_000, ..packet };
    let goes_on = |n: u32| client(CLIENT_BASE + SENT + n * 10, SERVER_BASE + SENT, ACK, &[3; 10]);
    let rest = [
        at(10, client(isn, 0, SYN, &[])),
        at(200, goes_on(0)),
        at(400, goes_on(1)),
        // The next one begins a rival again, and is answered.
        at(401, client(isn + 5, 0, SYN, &[])),
        at(402, goes_on(2)),
        at(403, server(9, isn + 6, SYN | ACK, &[])),
    ];
    let run = measure(&[&opened()[..], &rest].concat());
    run.assert_adds_up();
    assert_eq!(run.numbers("orig_packets"), [7, 1, 1]);
    assert_eq!(run.numbers("resp_packets"), [2, 0, 1]);
    assert_eq!(run.numbers("orig_payload_bytes"), [u64::from(SENT) + 30, 0, 0]);
    assert_eq!(run.texts("end_reason"), ["reuse", "idle", "end-of-capture"]);
}

#[test]
fn a_rival_that_has_talked_makes_room_for_the_next() {
    let (first, second) = (3_000_000_000, 2_000_000_000);
    let forged = [
        client(first, 0, SYN, &[]),
        client(first + 1, 77, ACK, b"forged"),
        client(second, 0, SYN, &[]),
        client(second + 1, 77, ACK, b"forged too"),
    ];
    let run = assert_unmoved(&forged);
    assert_eq!(run.numbers("orig_payload_bytes")[1..], [6, 10]);
    assert_eq!(run.texts("end_reason")[1..], ["reuse", "end-of-capture"]);
}

#[test]
fn a_forged_acknowledgement_invents_nothing() {
    for ack in [500_000_000, 1_500_000_000] {
        for seq in [SERVER_BASE + SENT, 4_000_000_000] {
            let run = assert_unmoved(&[server(seq, ack, ACK, &[])]);
            assert!(run.summary.weirds["far-ack"] == 1);
            let end = measure(&[&opened()[..], &[server(seq, ack, ACK, &[])]].concat());
            assert_eq!(end.numbers("orig_missed_bytes"), [0], "at the end of the capture");
        }
    }
}

#[test]
fn forged_acknowledgements_do_not_add_up() {
    let sent = CLIENT_BASE + SENT;
    let forged: Vec<Timed> =
        (1..=250).map(|n| server(SERVER_BASE + SENT, sent + n * 4_000_000, ACK, &[])).collect();
    for count in [1, 250] {
        assert_unmoved(&forged[..count]);
        let end = measure(&[&opened()[..], &forged[..count]].concat());
        assert_eq!(end.numbers("orig_missed_bytes"), [0], "at the end of the capture");
    }
    // As far as the window each, they can be meant: but all of them mean the same window.
    let near = |n: u32| server(SERVER_BASE + SENT, sent + n * u32::from(WINDOW), ACK, &[]);
    let end = measure(&[opened(), (1..=250).map(near).collect()].concat());
    assert_eq!(end.numbers("orig_missed_bytes"), [u64::from(WINDOW)]);
}

#[test]
fn a_far_acknowledgement_is_not_met_by_a_sender_that_simply_goes_on() {
    let far = CLIENT_BASE + SENT + (4 << 20) + 500;
    let segment =
        |n: u32| client(CLIENT_BASE + SENT + n * 1000, SERVER_BASE + SENT, ACK, &[3; 1000]);
    let rest = [server(SERVER_BASE + SENT, far, ACK, &[]), segment(0), segment(1), segment(2)];
    let run = measure(&[&opened()[..], &rest].concat());
    assert_eq!(run.numbers("orig_payload_bytes"), [4000]);
    assert_eq!(run.numbers("orig_missed_bytes"), [0]);
}

#[test]
fn a_forged_acknowledgement_does_not_make_a_reset_believed() {
    let forged = [
        server(4_000_000_000, 500_000_000, ACK, &[]),
        client(500_000_000, SERVER_BASE + SENT, RST, &[]),
    ];
    let run = assert_unmoved(&forged);
    assert!(run.summary.weirds["bad-rst"] == 1);
}

#[test]
fn a_segment_that_is_ignored_sets_no_window() {
    let far = CLIENT_BASE + 100_000_000;
    for forged in [wide_syn_ack(4_000_000_000, 77), wide_syn_ack(SERVER_BASE + SENT + 9, 77)] {
        assert_unmoved(&[forged.clone(), client(far, SERVER_BASE + SENT, RST, &[])]);
        let data = client(far, SERVER_BASE + SENT, ACK, b"far");
        let run = assert_unmoved(&[forged.clone(), data]);
        assert_eq!(run.summary.payload.out_of_window, 3);
        // Between the window that the server did advertise and the one that it did not.
        let near = client(CLIENT_BASE + SENT + 20_000, SERVER_BASE + SENT, RST, &[]);
        let run = assert_unmoved(&[forged, near]);
        assert_eq!(run.summary.weirds["bad-rst"], 1);
    }
}

#[test]
fn a_long_loss_behind_a_forged_syn_is_survived_too() {
    let missing = 100_000_000;
    for isn in [300_000_000, 1_500_000_000, 3_000_000_000] {
        let rest = [more_behind(missing), closed(41 * SENT + missing)].concat();
        let run = measure(&[opened(), vec![client(isn, 0, SYN, &[])], rest].concat());
        run.assert_adds_up();
        assert_eq!(run.numbers("orig_payload_bytes"), [40_000, 0]);
        assert_eq!(run.numbers("orig_missed_bytes"), [u64::from(missing) + 1000, 0]);
        assert_eq!(run.texts("end_reason"), ["fin", "end-of-capture"]);
    }
}

#[test]
fn after_a_long_loss_both_sides_together_say_where_the_stream_is() {
    for missing in [100_000_000, 1_800_000_000] {
        // The first segment is not believed alone, and its acknowledgement neither; the second is.
        let rest = [more_behind(missing), closed(41 * SENT + missing)].concat();
        let run = measure(&[opened(), rest].concat());
        run.assert_adds_up();
        assert_eq!(run.numbers("orig_payload_bytes"), [40_000]);
        assert_eq!(run.numbers("orig_missed_bytes"), [u64::from(missing) + 1000]);
        assert_eq!(run.texts("end_reason"), ["fin"]);
        assert_eq!(run.summary.payload.out_of_window, 1000);
    }
}
