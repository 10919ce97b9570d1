"""When a flow begins and ends, who is its originator, and what becomes of streams that were not seen whole."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import oracle
import pytest
from bad_input.frames import ACK, FIN, PSH, RST, SYN, TCP, UDP, ipv4, tcp, udp
from wire import CLIENT, NS, SERVER, START_NS, Connection, Datagrams, End, Packet, Wire, frame_of

Row = dict[str, Any]
Read = Callable[..., list[Row]]
ReadOne = Callable[..., Row]


def talk_on(wire: Wire | None = None, **how: Any) -> tuple[Wire, Connection]:
    """A wire and a connection on it that is open."""
    wire = wire or Wire()
    return wire, Connection(wire, **how).open()


def reasons(rows: Sequence[Row]) -> list[str]:
    """Why the flows ended, in order."""
    return [row["end_reason"] for row in rows]


# How flows end.


def test_two_fins_end_a_flow(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").send("resp", b"answer").close()
    row = read_one(wire.packets)
    assert (row["end_reason"], row["history"]) == ("fin", "ShADdFf")
    assert (row["orig_payload_bytes"], row["resp_payload_bytes"]) == (8, 6)
    assert (row["orig_packets"], row["resp_packets"]) == (5, 3)
    assert (row["ts_first_ns"], row["ts_last_ns"]) == (START_NS, START_NS + 7_000_000)


def test_history_has_each_letter_once_in_the_order_of_its_first_packet(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").acknowledge("resp").send("resp", b"answer").acknowledge("orig").send("orig", b"more")
    talk.close()
    assert read_one(wire.packets)["history"] == "ShADadFf"


def test_one_fin_does_not_end_a_flow(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.segment("orig", 0, flags=FIN | ACK)
    talk.send("resp", b"half open, still talking")
    row = read_one(wire.packets)
    assert (row["end_reason"], row["resp_payload_bytes"]) == ("end-of-capture", 24)


@pytest.mark.parametrize("side", ["orig", "resp"])
def test_a_fitting_reset_ends_a_flow(side: Any, read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").send("resp", b"answer").reset(side)
    row = read_one(wire.packets)
    assert (row["end_reason"], row["weirds"]) == ("rst", [])
    assert ("R" if side == "orig" else "r") in row["history"]


@pytest.mark.parametrize("offset", [-2_000, 1 << 20, 1 << 30])
def test_a_reset_outside_the_window_ends_nothing(offset: int, read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", bytes(1_000)).acknowledge("resp").send("resp", b"answer")
    talk.reset("orig", 1_000 + offset)
    talk.send("orig", b"goes on").close()
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_payload_bytes"]) == ("fin", 1_007)
    assert row["weirds"] == ["bad-rst"]


def test_data_after_a_reset_shows_that_the_reset_was_forged(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question")
    talk.reset("orig")
    talk.send("orig", b"goes on all the same").close()
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_payload_bytes"]) == ("fin", 28)
    assert "data-after-rst" in row["weirds"]


def test_payload_of_a_reset_is_no_part_of_the_stream(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").reset("orig", payload=b"why I reset")
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_payload_bytes"]) == ("rst", 8)


def test_a_refused_connection_ends_by_reset(read_one: ReadOne) -> None:
    wire = Wire()
    talk = Connection(wire)
    talk.segment("orig", -1, flags=SYN)
    talk.segment("resp", -1, flags=RST | ACK, ack=0)
    row = read_one(wire.packets)
    assert (row["end_reason"], row["history"], row["is_midstream"]) == ("rst", "Sr", False)


def test_a_capture_that_stops_ends_what_is_open(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question")
    assert read_one(wire.packets)["end_reason"] == "end-of-capture"


@pytest.mark.parametrize(
    ("proto", "timeout", "setting"), [("tcp", 300, "tcp_timeout_s"), ("udp", 60, "other_timeout_s")]
)
def test_silence_longer_than_the_timeout_ends_a_flow(proto: str, timeout: int, setting: str, read: Read) -> None:
    def packets(silence_s: float) -> list[Packet]:
        wire = Wire()
        talk = talk_on(wire)[1] if proto == "tcp" else Datagrams(wire)
        talk.send("orig", b"before")
        wire.now_ns = wire.packets[-1].ts_ns + round(silence_s * NS)
        talk.send("orig", b"after")
        return wire.packets

    assert reasons(read(packets(timeout))) == ["end-of-capture"]
    rows = read(packets(timeout + 1e-9))
    assert reasons(rows) == ["idle", "end-of-capture"]
    assert [row["orig_payload_bytes"] for row in rows] == [6, 5]
    assert len({row["uid"] for row in rows}) == 2
    assert reasons(read(packets(9), **{setting: 8.5})) == ["idle", "end-of-capture"]
    assert reasons(read(packets(9), **{setting: 9.0})) == ["end-of-capture"]


def test_a_flow_that_goes_on_after_silence_is_midstream(read: Read) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"before")
    wire.wait(301)
    talk.send("orig", b"after")
    assert [row["is_midstream"] for row in read(wire.packets)] == [False, True]


def test_flows_end_by_packet_time_also_when_nothing_more_comes_for_them(read: Read) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"before")
    wire.wait(301)
    for number in range(3 * 8_192):
        Datagrams(wire, End("10.3.0.1", 2_000 + number % 50)).send("orig", b"others")
    rows = [row for row in read(wire.packets) if row["proto"] == "tcp"]
    assert reasons(rows) == ["idle"]


def test_the_active_limit_cuts_a_flow_into_records_that_add_up(read: Read) -> None:
    wire = Wire(step_ns=NS)
    talk = Connection(wire).open()
    sent = random.Random(1).randbytes(4_000)
    talk.send("orig", sent, mss=110)
    talk.close()
    rows = read(wire.packets, active_limit_s=10.0)
    assert reasons(rows) == ["active-limit"] * (len(rows) - 1) + ["fin"]
    assert len(rows) == 4
    assert sum(row["orig_payload_bytes"] for row in rows) == len(sent)
    assert sum(row["orig_packets"] + row["resp_packets"] for row in rows) == len(wire.packets)
    assert all(row["ts_last_ns"] - row["ts_first_ns"] <= 10 * NS for row in rows)
    assert [row["is_midstream"] for row in rows] == [False] + [True] * 3
    assert sum(row["orig_missed_bytes"] + row["resp_missed_bytes"] for row in rows) == 0


def test_a_syn_after_the_end_begins_a_new_flow_on_the_same_ports(read: Read) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"first").close()
    again = Connection(wire, isn=(7_000_000, 9_000_000)).open()
    again.send("orig", b"second").close()
    rows = read(wire.packets)
    assert reasons(rows) == ["fin", "fin"]
    assert [row["orig_payload_bytes"] for row in rows] == [5, 6]
    assert len({row["community_id"] for row in rows}) == 1


def test_a_syn_out_of_the_window_of_an_open_connection_begins_a_new_flow(read: Read) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"first").acknowledge("resp")
    again = Connection(wire, isn=(3_000_000_000, 9_000_000)).open()
    again.send("orig", b"second").close()
    rows = read(wire.packets)
    assert reasons(rows) == ["reuse", "fin"]
    assert [row["orig_payload_bytes"] for row in rows] == [5, 6]


def test_a_syn_within_the_window_of_an_open_connection_changes_nothing(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"first").acknowledge("resp")
    talk.segment("orig", 100, flags=SYN)
    talk.send("orig", b"second").close()
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_payload_bytes"], row["weirds"]) == ("fin", 11, ["syn-in-connection"])


def test_a_repeated_syn_is_the_same_flow(read_one: ReadOne) -> None:
    wire = Wire()
    talk = Connection(wire)
    talk.segment("orig", -1, flags=SYN)
    wire.wait(1)
    talk.open().send("orig", b"question").close()
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_payload_bytes"], row["weirds"]) == ("fin", 8, [])


def test_last_acknowledgements_and_repeated_fins_belong_to_the_closed_flow(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").close()
    wire.wait(1)
    talk.segment("resp", 0, flags=FIN | ACK, ack=9)
    talk.segment("orig", 9, ack=1)
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_packets"] + row["resp_packets"]) == ("fin", len(wire.packets))


# Who is who.


def test_the_originator_is_who_sent_the_first_packet_seen(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").send("resp", b"answer")
    row = read_one(wire.packets[1:])
    assert (row["orig_ip"], row["orig_port"], row["orig_payload_bytes"]) == (SERVER.ip, SERVER.port, 6)


def test_a_vlan_keeps_the_same_endpoints_apart(read: Read) -> None:
    wire = Wire()
    for tags in ((), (5,), (6,), (5, 6), (6, 5), (0,)):
        Datagrams(wire, tags=tags).send("orig", b"x" * (1 + len(tags)))
    rows = read(wire.packets)
    found = [(row["vlan"], row["vlan_inner"]) for row in rows]
    # VLAN 0 is a priority tag and names no network (IEEE 802.1Q, 9.6).
    assert found[:5] == [(None, None), (5, None), (6, None), (5, 6), (6, 5)]
    assert len({row["community_id"] for row in rows}) == 1
    assert len({row["uid"] for row in rows}) == len(rows)


def test_a_packet_to_its_own_sender_is_one_flow(read_one: ReadOne) -> None:
    wire = Wire()
    for _ in range(3):
        wire.put(frame_of(ipv4(tcp(b"", 80, 80, flags=SYN, source=SERVER.ip), TCP, SERVER.ip, SERVER.ip)))
    row = read_one(wire.packets)
    assert (row["orig_ip"], row["resp_ip"], row["orig_port"], row["resp_port"]) == (SERVER.ip, SERVER.ip, 80, 80)
    assert (row["orig_packets"], row["resp_packets"]) == (3, 0)
    assert row["weirds"] == ["land"]


def test_a_host_that_talks_to_itself_has_two_sides(read_one: ReadOne) -> None:
    wire, talk = talk_on(client=End("127.0.0.1", 40_000), server=End("127.0.0.1", 80))
    talk.send("orig", b"question").send("resp", b"answer!").close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["resp_payload_bytes"], row["weirds"]) == (8, 7, [])


# How streams begin.


def test_simultaneous_open_is_one_flow_with_both_streams(read_one: ReadOne) -> None:
    wire = Wire()
    talk = Connection(wire)
    talk.segment("orig", -1, flags=SYN)
    talk.segment("resp", -1, flags=SYN)
    talk.segment("orig", -1, flags=SYN | ACK, ack=0)
    talk.segment("resp", -1, flags=SYN | ACK, ack=0)
    talk.send("orig", b"question").send("resp", b"answer").close()
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_payload_bytes"], row["resp_payload_bytes"]) == ("fin", 8, 6)
    assert row["weirds"] == ["simultaneous-open"]


def test_payload_of_a_syn_is_the_beginning_of_the_stream(read_one: ReadOne) -> None:
    wire = Wire()
    talk = Connection(wire)
    talk.segment("orig", -1, b"fast open", flags=SYN)
    talk.sent["orig"] = 9
    talk.segment("resp", -1, flags=SYN | ACK, ack=9)
    talk.send("orig", b" and more").close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"], row["end_reason"]) == (18, 0, "fin")
    assert row["orig_entropy"] == pytest.approx(oracle.entropy(b"fast open and more"), abs=1e-12)
    assert row["weirds"] == ["syn-data"]


def test_payload_of_a_syn_that_the_server_did_not_take_is_sent_again(read_one: ReadOne) -> None:
    wire = Wire()
    talk = Connection(wire)
    talk.segment("orig", -1, b"fast open", flags=SYN)
    talk.segment("resp", -1, flags=SYN | ACK, ack=0)
    talk.segment("orig", 0, b"fast open")
    talk.sent["orig"] = 9
    talk.close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_retransmitted_bytes"], row["orig_missed_bytes"]) == (9, 9, 0)


def test_a_flow_without_its_syn_begins_at_the_first_byte_seen(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    sent = random.Random(2).randbytes(9_000)
    talk.send("orig", sent).send("resp", b"answer").close()
    row = read_one(wire.packets[5:])
    assert (row["is_midstream"], row["end_reason"], row["orig_missed_bytes"]) == (True, "fin", 0)
    assert row["orig_payload_bytes"] == 9_000 - 2 * 1_400
    assert row["orig_trajectory"] == pytest.approx(oracle.trajectory(sent[2_800:]), abs=1e-12)


def test_a_flow_with_its_syn_is_not_midstream(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question")
    for begin in (0, 1):
        assert read_one(wire.packets[begin:])["is_midstream"] is False


@pytest.mark.parametrize("first", ["acknowledgement", "payload"])
def test_a_download_caught_in_the_middle_is_midstream_whoever_speaks_first(first: str, read_one: ReadOne) -> None:
    """The reader of a long download only acknowledges; its acknowledgement may well come first."""
    wire = Wire()
    talk = Connection(wire)
    talk.sent["resp"] = 100_000
    if first == "acknowledgement":
        talk.acknowledge("orig", 90_000)
    talk.send("resp", bytes(2_800)).acknowledge("orig")
    row = read_one(wire.packets)
    assert row["is_midstream"] is True


def test_bytes_on_their_way_when_the_capture_began_are_not_missed(read_one: ReadOne) -> None:
    """Ten thousand bytes were sent before the capture and acknowledged in it."""
    wire = Wire()
    talk = Connection(wire)
    talk.sent["resp"] = 100_000
    talk.acknowledge("orig", 90_000)
    talk.send("resp", bytes(2_800)).acknowledge("orig")
    row = read_one(wire.packets)
    assert (row["resp_payload_bytes"], row["resp_missed_bytes"]) == (2_800, 0)


# What was not seen.


def test_one_side_alone_tells_by_its_acknowledgements_what_the_other_sent(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").send("resp", bytes(5_000)).acknowledge("orig")
    only_client = [packet for packet in wire.packets if packet.frame[26:30] == bytes([10, 1, 0, 1])]
    row = read_one(only_client)
    assert (row["resp_packets"], row["resp_payload_bytes"]) == (0, 0)
    assert row["resp_missed_bytes"] == 5_000
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"]) == (8, 0)


def test_the_other_side_alone_tells_the_same(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", bytes(777)).acknowledge("resp").send("resp", bytes(5_000))
    only_server = [packet for packet in wire.packets if packet.frame[26:30] == bytes([10, 2, 0, 2])]
    row = read_one(only_server)
    assert (row["orig_ip"], row["orig_payload_bytes"]) == (SERVER.ip, 5_000)
    assert (row["resp_payload_bytes"], row["resp_missed_bytes"]) == (0, 777)


def test_the_head_is_the_first_64_bytes_that_were_measured(read_one: ReadOne) -> None:
    first, second, third = (random.Random(seed).randbytes(40) for seed in (1, 2, 3))
    wire, talk = talk_on()
    talk.send("orig", first).lose("orig", 7).send("orig", second).send("orig", third).send("resp", b"short").close()
    row = read_one(wire.packets)
    assert row["orig_head"] == (first + second)[:64]
    assert row["resp_head"] == b"short"


def test_a_gap_is_marked_and_the_trajectory_goes_on_behind_it(read_one: ReadOne) -> None:
    before, after = random.Random(3).randbytes(1_000), random.Random(4).randbytes(2_000)
    wire, talk = talk_on()
    talk.send("orig", before).lose("orig", 5_000).send("orig", after).acknowledge("resp").close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"]) == (3_000, 5_000)
    assert (row["orig_gap_offsets"], row["orig_gap_bytes"]) == ([1_000], [5_000])
    assert row["orig_trajectory"] == pytest.approx(oracle.trajectory(before + after), abs=1e-12)
    assert row["end_reason"] == "fin"


def test_history_tells_of_a_gap(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("resp", b"before").lose("resp", 500).send("resp", b"after").acknowledge("orig").close()
    assert "g" in read_one(wire.packets)["history"]


def test_a_fin_behind_a_hole_larger_than_the_window_ends_the_stream(read_one: ReadOne) -> None:
    """A capture that lost packets for a while lost the acknowledgements too."""
    wire, talk = talk_on()
    talk.send("orig", b"before").lose("orig", 200_000).send("orig", b"after").close()
    row = read_one(wire.packets)
    assert (row["end_reason"], row["orig_missed_bytes"], row["weirds"]) == ("fin", 200_000, [])


def test_several_gaps_are_marked_each(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    for _ in range(5):
        talk.send("orig", bytes(100)).lose("orig", 7)
    talk.send("orig", b"end").acknowledge("resp").close()
    row = read_one(wire.packets)
    assert row["orig_gap_offsets"] == [100, 200, 300, 400, 500]
    assert row["orig_gap_bytes"] == [7] * 5
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"]) == (503, 35)


def test_more_gaps_than_are_marked_are_still_counted(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    for _ in range(100):
        talk.send("orig", bytes(10)).lose("orig", 3)
    talk.send("orig", b"end").acknowledge("resp").close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"]) == (1_003, 300)
    assert len(row["orig_gap_offsets"]) == len(row["orig_gap_bytes"]) == 64


def test_bytes_lost_before_the_first_are_a_gap_at_zero(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.lose("orig", 40).send("orig", b"later").acknowledge("resp").close()
    row = read_one(wire.packets)
    assert (row["orig_gap_offsets"], row["orig_gap_bytes"], row["orig_payload_bytes"]) == ([0], [40], 5)


def test_bytes_lost_at_the_end_are_missed_when_they_were_acknowledged(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"seen").lose("orig", 60).acknowledge("resp").close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"]) == (4, 60)
    assert (row["orig_gap_offsets"], row["orig_gap_bytes"]) == ([4], [60])


def test_a_hole_that_is_filled_late_is_no_gap(read_one: ReadOne) -> None:
    sent = random.Random(5).randbytes(30_000)
    wire, talk = talk_on()
    talk.lose("orig", 1_000)
    talk.sent["orig"] = 1_000
    talk.send("orig", sent[1_000:])
    talk.segment("orig", 0, sent[:1_000])
    talk.close()
    row = read_one(wire.packets)
    assert (row["orig_missed_bytes"], row["orig_gap_offsets"]) == (0, [])
    assert row["orig_trajectory"] == pytest.approx(oracle.trajectory(sent), abs=1e-12)


def test_the_trajectory_jumps_where_the_gap_is_not_where_it_was_found_out(read_one: ReadOne) -> None:
    """The hole is given up only when the capture ends; the bytes behind it had waited."""
    wire, talk = talk_on()
    talk.send("resp", bytes(64)).lose("resp", 10).send("resp", b"\xff" * 64)
    row = read_one(wire.packets)
    assert row["resp_gap_offsets"] == [64]
    assert row["resp_trajectory"] == pytest.approx(oracle.trajectory(bytes(64) + b"\xff" * 64), abs=1e-12)


# Repeats, probes, windows.


@pytest.mark.parametrize("probe", [b"", b"\0"])
def test_keep_alives_change_only_packets_and_repeats(probe: bytes, read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").acknowledge("resp")
    for _ in range(3):
        wire.wait(60)
        talk.segment("orig", 7, probe)
        talk.segment("resp", 0, ack=8)
    talk.send("orig", b"more").close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"], row["end_reason"]) == (12, 0, "fin")
    assert row["orig_retransmitted_bytes"] == 3 * len(probe)
    assert (row["weirds"], row["conflicting_overlaps"]) == ([], 0)


def test_the_first_copy_of_a_byte_stays_and_another_is_counted(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"first copy")
    talk.segment("orig", 0, b"OTHER COPY")
    talk.send("orig", b", more").close()
    row = read_one(wire.packets)
    assert row["orig_entropy"] == pytest.approx(oracle.entropy(b"first copy, more"), abs=1e-12)
    assert (row["conflicting_overlaps"], row["weirds"]) == (1, ["conflicting-overlap"])
    assert row["orig_retransmitted_bytes"] == 10


def test_an_exact_copy_is_no_conflict_and_history_tells_of_it(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"first copy")
    talk.segment("orig", 0, b"first copy")
    row = read_one(wire.packets)
    assert (row["conflicting_overlaps"], row["weirds"], row["orig_retransmitted_bytes"]) == (0, [], 10)
    assert "T" in row["history"]


def test_a_segment_far_outside_the_window_is_left_out(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question").acknowledge("resp")
    talk.segment("orig", 1 << 28, b"injected")
    talk.send("orig", b" goes on").close()
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"], row["weirds"]) == (16, 0, ["out-of-window"])


def test_a_stream_passes_4_gib(read_one: ReadOne) -> None:
    """Most of it is lost, a third of a gigabyte at a time, which one-sided traffic may be."""
    wire = Wire()
    talk = Connection(wire, isn=(2**32 - 10, 5))
    talk.segment("orig", -1, flags=SYN)
    piece, jump = b"forty bytes of payload between the gaps.", 350_000_000
    pieces = 15
    for _ in range(pieces):
        for _ in range(5_000_000 // 1_000_000):
            talk.send("orig", piece)
        talk.lose("orig", jump)
    talk.send("orig", piece)
    row = read_one(wire.packets)
    assert jump * pieces > 2**32
    assert row["orig_missed_bytes"] == jump * pieces
    assert row["orig_payload_bytes"] == (5 * pieces + 1) * len(piece)
    assert row["orig_gap_bytes"] == [jump] * pieces


def test_time_that_runs_backwards_never_makes_a_negative_duration(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.send("orig", b"question")
    packets = [*wire.packets, wire.packets[-1]._replace(ts_ns=START_NS - 5 * NS)]
    row = read_one(packets)
    assert row["ts_last_ns"] >= row["ts_first_ns"]
    assert row["weirds"] == ["time-backwards"]


def test_a_fin_counts_no_byte(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.segment("orig", 0, b"with its end", flags=FIN | PSH | ACK)
    talk.sent["orig"] = 13
    talk.segment("resp", 0, flags=FIN | ACK)
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_missed_bytes"], row["end_reason"]) == (12, 0, "fin")


def test_data_behind_a_fin_is_an_oddity(read_one: ReadOne) -> None:
    wire, talk = talk_on()
    talk.segment("orig", 0, flags=FIN | ACK)
    talk.segment("orig", 1, b"behind the end")
    assert "data-after-fin" in read_one(wire.packets)["weirds"]


# Other protocols.


def test_sctp_is_a_flow_by_its_ports(read_one: ReadOne) -> None:
    wire = Wire()
    for ports, source, destination in (((1, 2), CLIENT.ip, SERVER.ip), ((2, 1), SERVER.ip, CLIENT.ip)):
        wire.put(frame_of(ipv4(struct.pack(">HHII", *ports, 7, 0) + bytes(20), 132, source, destination)))
    row = read_one(wire.packets)
    assert (row["proto"], row["orig_port"], row["resp_port"]) == ("sctp", 1, 2)
    assert (row["orig_payload_bytes"], row["resp_payload_bytes"]) == (20, 20)


def test_ethernet_padding_is_no_payload(read_one: ReadOne) -> None:
    wire = Wire()
    wire.put(frame_of(ipv4(udp(b"xy"), UDP)) + b"\xaa" * 16)
    row = read_one(wire.packets)
    assert (row["orig_payload_bytes"], row["orig_wire_bytes"], row["orig_missed_bytes"]) == (2, 60, 0)
