"""Carving: exactly the packets of the flows that were meant, byte for byte, each with its entropy.

What was written is read by `captures`, which shares no code with the program.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import pty
import random
import resource
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import captures
import oracle
import pytest
import tshark
from bad_input.frames import GRE, UDP, ethernet, gre, ipv4, udp, vlan, vxlan
from captures import Captured
from program import PROGRAM, conversation, pipeline, random_bytes, wiretropy, wiretropy_process
from tshark import needs_tshark
from wire import (
    CLIENT,
    SERVER,
    Connection,
    Datagrams,
    End,
    Packet,
    Wire,
    pcap_bytes,
    pcapng_bytes,
    write_pcap,
)

import wiretropy.carve as carve_module
from wiretropy import _core
from wiretropy.carve import carve
from wiretropy.errors import RefusedError
from wiretropy.flows import read_flows, trace_flows

TUNNEL_CLIENT, TUNNEL_SERVER = "198.51.100.1", "198.51.100.2"


def carved(paths: Any, folder: Path, **asked: Any) -> list[Captured]:
    """The packets of a carved file, as pcapng unless told otherwise."""
    done = carve(paths, folder / f"carved.{asked.get('to', 'pcapng')}", **asked)
    assert done.path is not None
    found = captures.packets(done.path.read_bytes())
    assert done.packets == len(found)
    return found


def kept(packets: Sequence[Packet]) -> list[tuple[int, int, bytes]]:
    """What must be found again of packets: time, length on the wire, bytes."""
    return [(packet.ts_ns, packet.wire_bytes, packet.frame) for packet in packets]


def found(packets: Sequence[Captured]) -> list[tuple[int, int, bytes]]:
    """The same of packets that were read back."""
    return [(packet.ts_ns, packet.origlen, packet.frame) for packet in packets]


def uid_of(path: Path, **columns: Any) -> str:
    """The id of the only flow with these values."""
    [row] = [row for row in read_flows(path) if all(row[name] == value for name, value in columns.items())]
    return str(row["uid"])


def mixed(seed: int, *conversations: list[Packet]) -> list[Packet]:
    """Conversations whose packets lie between each other, each in its own order, a microsecond and some apart."""
    chance, waiting, mixed = random.Random(seed), [list(each) for each in conversations], []
    while any(waiting):
        packet = chance.choice([each for each in waiting if each]).pop(0)
        mixed.append(packet._replace(ts_ns=1_700_000_000_000_000_000 + 1_003 * len(mixed)))
    return mixed


# Bytes.


@pytest.mark.parametrize("to", ["pcap", "pcapng"])
def test_the_packets_of_a_flow_come_out_byte_for_byte_and_no_others(to: str, tmp_path: Path) -> None:
    """Times are whole to the nanosecond, and a packet that the capture cut keeps its length on the wire."""
    one = conversation(random_bytes(20_000), port=1_001)
    two = [packet._replace(origlen=len(packet.frame) + 7) for packet in conversation(b"text " * 900, port=1_002)]
    packets = mixed(1, one, two)
    path = write_pcap(tmp_path / "a.pcap", packets, is_nanoseconds=True)
    of_two = {packet.frame for packet in two}
    expected = [packet for packet in packets if packet.frame in of_two]
    assert len(expected) == len(two)
    assert found(carved(path, tmp_path, uids=[uid_of(path, orig_port=1_002)], to=to)) == kept(expected)


@pytest.mark.parametrize("make", [pcap_bytes, pcapng_bytes], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_of_capture_is_carved_alike(make: Callable[..., bytes], order: str, tmp_path: Path) -> None:
    packets = conversation(random_bytes(3_000))
    path = tmp_path / "a"
    path.write_bytes(make(packets, order, is_nanoseconds=True))
    assert found(carved(path, tmp_path, uids=[uid_of(path)])) == kept(packets)


def test_a_frame_check_sequence_stays_and_is_still_said_to_be_there(tmp_path: Path) -> None:
    packets = [packet._replace(frame=packet.frame + b"FCS!") for packet in conversation(b"x")]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(packets, is_nanoseconds=True, link=1 | 0x0400_0000 | 2 << 28))
    for to in ("pcap", "pcapng"):
        written = carved(path, tmp_path, uids=[uid_of(path)], to=to)
        assert found(written) == kept(packets)
        assert {(packet.link, packet.fcs_len) for packet in written} == {(1, 4)}


def by_endpoints(path: Path) -> dict[frozenset[tuple[bytes, bytes]], list[Captured]]:
    """Packets of a capture by addresses and ports of both sides; of whole TCP and UDP over IPv4 and Ethernet only."""
    groups: dict[frozenset[tuple[bytes, bytes]], list[Captured]] = defaultdict(list)
    for packet in captures.packets(path.read_bytes()):
        ip = packet.frame[14:]
        if packet.link == 1 and packet.frame[12:14] == b"\x08\0" and ip[9:10] in (b"\6", b"\x11"):
            at = (ip[0] & 15) * 4
            if ip[9] == 6 and ip[at + 12] >> 4 < 5:
                continue  # a TCP header that ends before its own fields belongs to no flow
            ends = {(ip[12:16] + ip[9:10], ip[at : at + 2]), (ip[16:20] + ip[9:10], ip[at + 2 : at + 4])}
            groups[frozenset(ends)].append(packet)
    return groups


def check_every_flow_of(path: Path, folder: Path) -> int:
    """Carve each flow whose endpoints no other flow has; the number of flows that were compared."""
    groups = by_endpoints(path)
    flows: dict[frozenset[tuple[bytes, bytes]], list[dict[str, Any]]] = defaultdict(list)
    for row in read_flows(path, depth=1_000):
        if ":" not in row["orig_ip"] and not row["tunnels"] and row["vlan"] is None and row["proto"] in ("tcp", "udp"):
            ends = {
                (bytes(map(int, row[f"{side}_ip"].split("."))) + (b"\6" if row["proto"] == "tcp" else b"\x11"),
                 row[f"{side}_port"].to_bytes(2, "big"))
                for side in ("orig", "resp")
            }  # fmt: skip
            flows[frozenset(ends)].append(row)
    compared = 0
    for ends, rows in flows.items():
        if len(rows) == 1:
            packets = carved(path, folder, uids=[rows[0]["uid"]], depth=1_000)
            assert found(packets) == found(groups[ends]), rows[0]["uid"]
            compared += 1
    return compared


@pytest.mark.parametrize("name", ["demo", "https", "ssh1", "rtmp", "http-gzip"])
def test_flows_of_recorded_sessions_have_the_packets_between_their_endpoints(
    name: str, examples: Path, tmp_path: Path
) -> None:
    assert check_every_flow_of(examples / f"{name}.pcap", tmp_path) >= (9 if name == "demo" else 1)


SAMPLE_EVERY = 20
"""One of so many public captures is carved, flow by flow."""

SAMPLE_BYTES = 200_000
"""Larger ones take too long for what they add."""


def is_simple(path: Path) -> bool:
    """Whether all of a capture is Ethernet, and no IPv4 packet in it a fragment."""
    packets = captures.packets(path.read_bytes())
    return all(p.link == 1 and (p.frame[12:14] != b"\x08\0" or not p.frame[20] & 0x3F | p.frame[21]) for p in packets)


def test_flows_of_public_captures_have_the_packets_between_their_endpoints(corpus: Path, tmp_path: Path) -> None:
    paths = sorted(path for path in (corpus / "traffic").glob("*/*.pcap*") if path.stat().st_size < SAMPLE_BYTES)
    compared = [check_every_flow_of(path, tmp_path) for path in paths[::SAMPLE_EVERY] if is_simple(path)]
    assert sum(count > 0 for count in compared) > 10
    assert sum(compared) > 50


# Comments.


def comment_of(uid: str, is_orig: bool, sent: dict[str, bytes]) -> str:
    """What the comment says after these bytes were seen, computed by decimal arithmetic."""
    side, own = ("originator", sent["orig"]) if is_orig else ("responder", sent["resp"])
    both = oracle.entropy(sent["orig"] + sent["resp"])
    of_side = "no payload yet" if not own else f"{oracle.entropy(own):.4f} bits per byte over {len(own):,} bytes"
    return f"wiretropy {uid}: {side} {of_side}" + ("" if both is None else f"; both {both:.4f}")


def test_each_packet_carries_the_entropy_after_it(tmp_path: Path) -> None:
    wire, sent = Wire(), {"orig": b"", "resp": b""}
    talk = Connection(wire).open()
    expected = [(True, dict(sent)), (False, dict(sent)), (True, dict(sent))]
    for number in range(12):
        side = "resp" if number % 3 else "orig"
        payload = random_bytes(700 + number) if number % 2 else b"some text, and more of it %d" % number
        talk.send(side, payload)  # type: ignore[arg-type]
        sent[side] += payload
        expected.append((side == "orig", dict(sent)))
    path = write_pcap(tmp_path / "a.pcap", wire.packets)
    uid = uid_of(path)
    comments = [packet.comment for packet in carved(path, tmp_path, uids=[uid])]
    assert comments == [comment_of(uid, is_orig, seen) for is_orig, seen in expected]


def test_the_comment_at_the_packet_of_an_alert_is_the_first_at_or_above_the_threshold(tmp_path: Path) -> None:
    """Where a packet ends above it; this one's last byte is not far from the crossing."""
    wire = Wire()
    talk = Connection(wire).open()
    for at in range(0, 4_000, 50):
        talk.send("resp", random_bytes(4_000)[at : at + 50])
    path = write_pcap(tmp_path / "a.pcap", wire.packets)
    [row] = read_flows(path)
    comments = [packet.comment for packet in carved(path, tmp_path, uids=[row["uid"]])]
    levels = [float(comment.split("responder ")[1].split()[0]) if "bits" in comment else 0.0 for comment in comments]
    first = next(number for number, level in enumerate(levels, 1) if level >= 7.9)
    assert first == row["resp_crossing_packets"][0]


def test_pcap_has_no_room_for_comments_and_the_packets_are_the_same(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", conversation(random_bytes(3_000)))
    uid = uid_of(path)
    plain, told = (carved(path, tmp_path, uids=[uid], to=to) for to in ("pcap", "pcapng"))
    assert found(plain) == found(told)
    assert not any(packet.comment for packet in plain)
    assert all(packet.comment.startswith(f"wiretropy {uid}: ") for packet in told)


@needs_tshark
def test_wireshark_reads_packets_and_comments(examples: Path, tmp_path: Path) -> None:
    written = carved(examples / "demo.pcap", tmp_path, uids=["CyX9"])
    lines = tshark.run("-r", tmp_path / "carved.pcapng", "-T", "fields", "-e", "frame.len", "-e", "frame.comment")
    expected = [f"{packet.origlen}\t{packet.comment}" for packet in written]
    assert lines.splitlines() == expected
    assert len(expected) == 140


# Fragments and tunnels.


def fragments(datagram: bytes, *cuts: int, identification: int = 7) -> list[bytes]:
    """Frames of a UDP datagram in IPv4 fragments, cut at these places."""
    bounds = [0, *cuts, len(datagram)]
    return [
        ethernet(ipv4(datagram[a:b], UDP, CLIENT.ip, SERVER.ip, identification=identification, offset=a,
                      has_more=b < len(datagram)))
        for a, b in pairwise(bounds)
    ]  # fmt: skip


@pytest.mark.parametrize("arrival", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_all_fragments_of_a_datagram_come_out_in_the_order_in_which_they_came(
    arrival: tuple[int, ...], tmp_path: Path
) -> None:
    """Only the first of them has ports; a datagram of another flow in fragments of another number stays away."""
    wire, payload = Wire(), random_bytes(2_400)
    source, target = CLIENT.ip, SERVER.ip
    wanted = fragments(udp(payload, 5_000, 6_000, source=source, destination=target), 800, 1_600)
    other = fragments(udp(payload, 5_001, 6_000, source=source, destination=target), 800, 1_600, identification=8)
    for number in arrival:
        wire.put(other[number])
        wire.put(wanted[number])
    path = write_pcap(tmp_path / "a.pcap", wire.packets)
    uid = uid_of(path, orig_port=5_000)
    written = carved(path, tmp_path, uids=[uid])
    assert [packet.frame for packet in written] == [wanted[number] for number in arrival]
    assert written[-1].comment == comment_of(uid, True, {"orig": payload, "resp": b""})


def tunnelled(packet: bytes, number: int) -> bytes:
    """An IP packet in one of two tunnels: GRE in a VLAN, or VXLAN."""
    if number % 2:
        return ethernet(vlan(ipv4(gre(packet), GRE, TUNNEL_CLIENT, TUNNEL_SERVER), 9), 0x8100)
    outer = udp(vxlan(ethernet(packet)), 50_000, 4_789, source=TUNNEL_CLIENT, destination=TUNNEL_SERVER)
    return ethernet(ipv4(outer, UDP, TUNNEL_CLIENT, TUNNEL_SERVER))


def test_a_flow_in_a_tunnel_comes_out_in_the_frames_of_the_tunnel(tmp_path: Path) -> None:
    inside = Wire()
    for port in (1_001, 1_002):
        talk = Datagrams(inside, End(CLIENT.ip, port))
        for number in range(4):
            talk.send("orig" if number % 2 else "resp", random_bytes(300 + number))
    packets = [packet._replace(frame=tunnelled(packet.frame[14:], 0)) for packet in inside.packets]
    path = write_pcap(tmp_path / "a.pcap", packets)
    rows = [row for row in read_flows(path) if 1_002 in (row["orig_port"], row["resp_port"])]
    [row] = rows
    assert row["tunnels"] == "vxlan"
    assert [packet.frame for packet in carved(path, tmp_path, uids=[row["uid"]])] == [
        packet.frame for packet in packets[4:]
    ]
    [whole] = read_flows(path, decap=False)
    assert [packet.frame for packet in carved(path, tmp_path, uids=[whole["uid"]], decap=False)] == [
        packet.frame for packet in packets
    ]


def test_a_flow_in_gre_behind_a_vlan_tag_keeps_both(tmp_path: Path) -> None:
    inside = Wire()
    talk = Connection(inside).open()
    talk.send("orig", b"hello").send("resp", random_bytes(3_000)).close()
    packets = [packet._replace(frame=tunnelled(packet.frame[14:], 1)) for packet in inside.packets]
    path = write_pcap(tmp_path / "a.pcap", packets)
    [row] = read_flows(path)
    assert row["tunnels"] == "gre"
    assert [packet.frame for packet in carved(path, tmp_path, uids=[row["uid"]])] == [p.frame for p in packets]


# What flows are named by.


@pytest.fixture
def two_flows(tmp_path: Path) -> Path:
    """Random bytes to port 8443, then text and at last random bytes between the endpoints of one more connection."""
    wire = Wire()
    Connection(wire, End(CLIENT.ip, 1_001), End(SERVER.ip, 8_443)).open().send("resp", random_bytes(4_000)).close()
    for isn in (1, 90_000):
        talk = Connection(wire, End(CLIENT.ip, 1_002), isn=(isn, isn)).open()
        talk.send("orig", b"text").send("resp", random_bytes(isn % 7 * 1_000)).close()
        wire.wait(400)
    return write_pcap(tmp_path / "two.pcap", wire.packets)


def ports_of(packets: Sequence[Captured]) -> set[int]:
    """Ports of TCP over IPv4 in the packets."""
    return {int.from_bytes(packet.frame[at : at + 2], "big") for packet in packets for at in (34, 36)}


def test_an_alert_names_its_flow(two_flows: Path, tmp_path: Path) -> None:
    alerts = {row["resp_port"]: row["resp_alert_id"] for row in scanned(two_flows) if row["resp_alert_id"]}
    packets = carved(two_flows, tmp_path, alerts=[alerts[8_443]])
    assert ports_of(packets) == {1_001, 8_443}
    assert len(packets) == 9


def scanned(path: Path) -> list[dict[str, Any]]:
    """Flow records as `scan --json` prints them."""
    return [json.loads(line) for line in wiretropy("scan", path, "--json").stdout.splitlines()]


def test_a_community_id_names_every_flow_between_its_endpoints(two_flows: Path, tmp_path: Path) -> None:
    """As computed by an independent implementation, from either side."""
    community_id = pytest.importorskip("communityid")
    there = community_id.FlowTuple.make_tcp(CLIENT.ip, SERVER.ip, 1_002, SERVER.port)
    back = community_id.FlowTuple.make_tcp(SERVER.ip, CLIENT.ip, SERVER.port, 1_002)
    name = community_id.CommunityID().calc(there)
    assert community_id.CommunityID().calc(back) == name
    done = carve(two_flows, tmp_path / "a.pcapng", community_ids=[name])
    packets = captures.packets((tmp_path / "a.pcapng").read_bytes())
    assert done.flows == 2
    assert ports_of(packets) == {1_002, SERVER.port}
    assert len({packet.comment.split(":")[0] for packet in packets}) == 2


def test_names_of_several_kinds_add_up_and_a_flow_named_twice_comes_out_once(two_flows: Path, tmp_path: Path) -> None:
    rows = scanned(two_flows)
    everything = {
        "uids": [rows[0]["uid"], rows[0]["uid"][:9]],
        "community_ids": [rows[1]["community_id"]],
        "alerts": [rows[0]["resp_alert_id"]],
    }
    packets = carved(two_flows, tmp_path, **everything)
    assert found(packets) == found(captures.packets(two_flows.read_bytes()))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "no flow was named"),
        ({"uids": ["C"]}, "'C' is the beginning of 3 flow ids; give more of it"),
        ({"uids": ["Cabsent"]}, "no flow is named 'Cabsent'"),
        ({"alerts": ["A0"], "community_ids": ["1:x="]}, "no flow is named '1:x=', 'A0'"),
    ],
)
def test_names_that_mean_no_flow_are_refused(asked: Any, said: str, two_flows: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=said):
        carve(two_flows, tmp_path / "a.pcap", **asked)
    assert not list(tmp_path.glob("*a.pcap*"))


# Several captures.


def test_a_flow_in_several_captures_comes_out_in_the_order_of_time(tmp_path: Path) -> None:
    """Every second packet lies in another file."""
    packets = conversation(random_bytes(9_000))
    paths = [write_pcap(tmp_path / f"{part}.pcap", packets[part::2], is_nanoseconds=True) for part in (1, 0)]
    uid = uid_of(paths[0].parent)
    assert found(carved(tmp_path, tmp_path / "..", uids=[uid], to="pcap")) == kept(packets)
    (tmp_path / "../carved.pcap").unlink()


def test_packets_of_two_link_types_need_pcapng(tmp_path: Path) -> None:
    packets = conversation(random_bytes(2_000))
    raw = [packet._replace(frame=packet.frame[14:]) for packet in packets]
    paths = [
        write_pcap(tmp_path / "a.pcap", packets[:4], is_nanoseconds=True),
        write_pcap(tmp_path / "b.pcap", raw[4:], is_nanoseconds=True, link=101),
    ]
    [row] = read_flows(paths)
    written = carved(paths, tmp_path, uids=[row["uid"]])
    assert found(written) == kept([*packets[:4], *raw[4:]])
    assert [packet.link for packet in written] == [1] * 4 + [101] * (len(raw) - 4)
    with pytest.raises(RefusedError, match="link types 1 and 101, but a pcap file has one; write pcapng"):
        carve(paths, tmp_path / "c.pcap", uids=[row["uid"]])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pcap", "b.pcap", "carved.pcapng"]


def test_a_capture_of_which_a_part_was_read_is_carved_and_ends_with_3(tmp_path: Path) -> None:
    packets = conversation(random_bytes(9_000))
    path = write_pcap(tmp_path / "a.pcap", packets)
    path.write_bytes(path.read_bytes()[:-100])
    done = wiretropy("carve", path, "--flow", "C", "-o", tmp_path / "b.pcap")
    assert done.returncode == 3
    assert f"{path}: " in done.stderr
    assert [packet.frame for packet in captures.packets((tmp_path / "b.pcap").read_bytes())] == [
        packet.frame for packet in packets[: read_flows(path).summary.packets.decoded]
    ]


def broken_at(path: Path, packets: Sequence[Packet], number: int) -> None:
    """Make the record with this number claim more bytes than a record may have, in a pcap file of the packets."""
    content = bytearray(path.read_bytes())
    at = 24 + sum(16 + len(packet.frame) for packet in packets[: number - 1])
    content[at + 8 : at + 12] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)


@pytest.mark.parametrize("is_packed", [False, True])
def test_what_resync_finds_behind_a_broken_record_is_carved(is_packed: bool, tmp_path: Path) -> None:
    """The packets are counted as the scan counts them, which leaves the broken one out; then the fault is told once."""
    packets = conversation(random_bytes(90_000))
    path = write_pcap(tmp_path / "a.pcap", packets, is_nanoseconds=True)
    broken_at(path, packets, 21)
    if is_packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    [row] = read_flows(path, resync=True)
    assert row["orig_packets"] + row["resp_packets"] == len(packets) - 1
    assert found(carved(path, tmp_path, uids=[row["uid"]], resync=True)) == kept(packets[:20] + packets[21:])
    assert found(carved(path, tmp_path, uids=[row["uid"]])) == kept(packets[:20])
    done = wiretropy("carve", path, "--resync", "--flow", row["uid"], "-o", tmp_path / "b.pcap")
    assert (done.returncode, done.stdout) == (3, f"{tmp_path / 'b.pcap'}\n")
    assert done.stderr.splitlines() == [
        f"{len(packets) - 1} packets of 1 flow",
        *(str(fault) for fault in read_flows(path, resync=True).summary.faults),
    ]


def test_a_flow_of_several_captures_is_carved_with_resync_where_only_one_is_broken(tmp_path: Path) -> None:
    packets = conversation(random_bytes(90_000))
    paths = [
        write_pcap(tmp_path / f"{part}.pcap", packets[part * 30 : part * 30 + 30], is_nanoseconds=True)
        for part in range(2)
    ]
    broken_at(paths[0], packets, 11)
    [row] = read_flows(paths, resync=True)
    expected = packets[:10] + packets[11:60]
    assert found(carved(paths, tmp_path, uids=[row["uid"]], resync=True)) == kept(expected)


# Captures that change while they are carved.


def before(where: Any, name: str, time: int, do: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something to a capture before it is opened for the nth time by a class of this name in a module."""
    kind, times = getattr(where, name), itertools.count(1)

    def opening(*arguments: Any, **more: Any) -> Any:
        if next(times) == time:
            do()
        return kind(*arguments, **more)

    monkeypatch.setattr(where, name, opening)


@pytest.mark.parametrize(
    ("where", "name", "time"), [(carve_module, "CaptureRun", 2), (_core, "Frames", 1)], ids=["second", "third"]
)
def test_a_fault_that_only_a_later_pass_meets_is_told_and_ends_with_3(
    where: Any, name: str, time: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow that is carved lies before it, and comes out whole."""
    wanted = conversation(random_bytes(3_000), port=1_001)
    packets = wanted + [
        packet._replace(ts_ns=packet.ts_ns + 10**9) for packet in conversation(random_bytes(3_001), port=1_002)
    ]
    path = write_pcap(tmp_path / "a.pcap", packets, is_nanoseconds=True)
    uid = uid_of(path, orig_port=1_001)
    before(where, name, time, lambda: broken_at(path, packets, len(wanted) + 1), monkeypatch)
    done = wiretropy("carve", path, "--flow", uid, "-o", tmp_path / "b.pcap")
    [fault] = read_flows(path).summary.faults
    assert (done.returncode, done.stderr) == (3, f"{len(wanted)} packets of 1 flow\n{fault}\n")
    assert found(captures.packets((tmp_path / "b.pcap").read_bytes())) == kept(wanted)


def test_a_fault_that_every_pass_meets_is_told_once_in_words_and_in_json(tmp_path: Path) -> None:
    packets = conversation(random_bytes(3_000))
    path = tmp_path / "a.pcap"
    content = bytearray(pcap_bytes(packets)[:-10])
    content[4:6] = b"\1\0"
    path.write_bytes(content)
    done = carve(path, tmp_path / "b.pcap", uids=["C"])
    assert [fault.id for fault in done.summary.faults] == ["odd-version", "truncated-record"]
    assert [fault["id"] for fault in json.loads(done.summary.text)["faults"]] == ["odd-version", "truncated-record"]


def test_packets_that_are_gone_when_they_are_to_be_copied_are_not_left_out_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = conversation(random_bytes(9_000))
    path = write_pcap(tmp_path / "a.pcap", packets)
    before(_core, "Frames", 1, lambda: broken_at(path, packets, 5), monkeypatch)
    at = 24 + sum(16 + len(packet.frame) for packet in packets[:4])
    with pytest.raises(RefusedError) as refusal:
        carve(path, tmp_path / "b.pcap", uids=["C"])
    assert str(refusal.value).startswith(
        f"{path}: {len(packets) - 4} of the {len(packets)} packets were there at first and cannot be copied now "
        f"(record at byte {at} claims 2,147,483,647 bytes, "
    )
    assert [each.name for each in tmp_path.iterdir()] == ["a.pcap"]


def test_a_capture_that_is_gone_when_its_flows_are_followed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pcap(tmp_path / "a.pcap", conversation(b"text"))
    before(carve_module, "CaptureRun", 2, path.unlink, monkeypatch)
    done = wiretropy("carve", path, "--flow", "C", "-o", tmp_path / "b.pcap")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}: cannot be opened" in done.stderr
    assert not list(tmp_path.iterdir())


# Where to.


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("a.pcap", [], "pcap"),
        ("a.CAP", [], "pcap"),
        (".pcap", [], "pcap"),
        ("a.pcapng", [], "pcapng"),
        ("a", [], "pcapng"),
        ("a.pcapng", ["--to", "pcap"], "pcap"),
        ("a.out", ["--to", "pcap"], "pcap"),
        ("a.pcap0", ["--to", "pcapng"], "pcapng"),
    ],
)
def test_the_format_is_what_was_asked_for_or_the_name_says(
    name: str, options: list[str], kind: str, two_flows: Path, tmp_path: Path
) -> None:
    done = wiretropy("carve", two_flows, "--community-id", scanned(two_flows)[0]["community_id"], "-o",
                     tmp_path / name, *options)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / name}\n")
    assert done.stderr == "9 packets of 1 flow\n"
    magic = (tmp_path / name).read_bytes()[:4].hex()
    assert magic == {"pcap": "4d3cb2a1", "pcapng": "0a0d0d0a"}[kind]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a.txt", [], r"no format of captures ends with .txt; use .pcap, .cap, .pcapng, or say"),
        ("a.pcap0", [], "no format of captures ends with .pcap0"),
        ("a.pcap.gz", [], "compressed captures are not written; write - and pipe it"),
        ("a.zst", ["--to", "pcap"], "compressed captures are not written"),
    ],
)
def test_names_that_say_no_format_are_refused_before_anything_is_read(
    name: str, options: list[str], said: str, tmp_path: Path
) -> None:
    done = wiretropy("carve", "absent.pcap", "--flow", "C", "-o", tmp_path / name, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["pcap", "pcapng"])
def test_a_dash_writes_to_standard_output(to: str, examples: Path, tmp_path: Path) -> None:
    shutil.copy(examples / "demo.pcap", tmp_path / "a.pcap")
    done = pipeline(f"wiretropy carve a.pcap --flow CyX9 --to {to} -o - > piped", tmp_path)
    assert (done.returncode, done.stderr) == (0, "140 packets of 1 flow\n")
    assert wiretropy("carve", tmp_path / "a.pcap", "--flow", "CyX9", "-o", tmp_path / f"b.{to}").returncode == 0
    assert (tmp_path / "piped").read_bytes() == (tmp_path / f"b.{to}").read_bytes()
    assert not (tmp_path / "-").exists()


def in_two_link_types(folder: Path) -> list[Path]:
    """Captures of one flow, which no pcap file can hold: Ethernet first, then bare IP."""
    packets = conversation(random_bytes(30_000))
    raw = [packet._replace(frame=packet.frame[14:]) for packet in packets]
    return [write_pcap(folder / "a.pcap", packets[:9]), write_pcap(folder / "b.pcap", raw[9:], link=101)]


def test_standard_output_stays_empty_when_the_last_packets_are_refused(tmp_path: Path) -> None:
    paths = in_two_link_types(tmp_path)
    done = wiretropy_process("carve", *paths, "--flow", "C", "--to", "pcap", "-o", "-", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"link types 1 and 101, but a pcap file has one" in done.stderr


@pytest.mark.parametrize("spooled_bytes", [1_000, 1_000_000], ids=["in a file", "in memory"])
def test_an_open_file_gets_everything_or_nothing_and_stays_open(
    spooled_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wiretropy.limits.SPOOLED_BYTES", spooled_bytes)
    paths, out = in_two_link_types(tmp_path), io.BytesIO()
    with pytest.raises(RefusedError, match="a pcap file has one"):
        carve(paths, out, uids=["C"], to="pcap")
    assert out.getvalue() == b""
    out.write(b"before")
    done = carve(paths, out, uids=["C"])
    assert len(captures.packets(out.getvalue().removeprefix(b"before"))) == done.packets
    assert not out.closed


def test_a_temporary_file_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wiretropy.limits.SPOOLED_BYTES", 1_000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    path = write_pcap(tmp_path / "a.pcap", conversation(random_bytes(9_000)))
    done = wiretropy("carve", path, "--flow", "C", "-o", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written (No such file or directory); TMPDIR names another folder" in done.stderr


def test_a_full_disk_under_the_temporary_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wiretropy.limits.SPOOLED_BYTES", 1_000)
    path, out = write_pcap(tmp_path / "a.pcap", conversation(random_bytes(90_000))), io.BytesIO()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        with pytest.raises(RefusedError, match=r"cannot be written \(File too large\); TMPDIR names another folder"):
            carve([path], out, uids=["C"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert out.getvalue() == b""


def test_what_fails_behind_a_whole_capture_is_not_blamed_on_the_temporary_file(tmp_path: Path) -> None:
    class Gone(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError

    path = write_pcap(tmp_path / "a.pcap", conversation(random_bytes(9_000)))
    with pytest.raises(BrokenPipeError):
        carve([path], Gone(), uids=["C"])


def test_a_capture_is_not_written_to_a_terminal(examples: Path) -> None:
    main, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "carve", "demo.pcap", "--flow", "CyX9", "-o", "-"],
        cwd=examples,
        stdout=terminal,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(terminal)
    os.close(main)
    assert done.returncode == 2
    assert b"would garble the terminal" in done.stderr


def test_json_and_the_capture_do_not_share_standard_output(examples: Path) -> None:
    done = wiretropy("carve", examples / "demo.pcap", "--flow", "CyX9", "-o", "-", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot both go to standard output" in done.stderr


def test_progress_is_told_in_both_passes(examples: Path, tmp_path: Path) -> None:
    told: list[int] = []
    carve(examples / "demo.pcap", tmp_path / "a.pcap", uids=["CyX9"], on_progress=lambda *now: told.append(now[2]))
    assert told.count(788) >= 2


def test_the_carved_flow_measures_as_it_did(examples: Path, tmp_path: Path) -> None:
    flows = {row["uid"]: row for row in read_flows(examples / "demo.pcap")}
    for row in flows.values():
        carve(examples / "demo.pcap", tmp_path / "a.pcap", uids=[row["uid"]])
        [again] = read_flows(tmp_path / "a.pcap")
        for name in ("orig_trajectory", "resp_trajectory", "resp_entropy", "history", "end_reason", "community_id"):
            assert again[name] == row[name]


def test_the_numbers_of_the_packets_are_those_that_tracing_names(examples: Path, tmp_path: Path) -> None:
    path = examples / "demo.pcap"
    whole = captures.packets(path.read_bytes())
    for uid in read_flows(path)["uid"]:
        numbers = sorted({row["number"] for table in trace_flows(path, [uid]) for row in table.to_pylist()})
        assert found(carved(path, tmp_path, uids=[uid])) == found([whole[number - 1] for number in numbers])
