"""What must not matter does not: how senders cut their streams, clocks, addresses, files.

Conversations are generated as turns: each side in its turn sends a burst. Within
a burst segments may be cut, reordered and repeated, as networks do; what is
measured must be the same.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import oracle
import pytest
from bad_input.compressed_formats import gz, lz4, zst
from bad_input.frames import ACK, FIN, SYN
from conftest import ordered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire import (
    CLIENT,
    CLIENT6,
    NS,
    SERVER,
    SERVER6,
    START_NS,
    Connection,
    Datagrams,
    End,
    Packet,
    Side,
    Wire,
    pcap_bytes,
    pcapng_bytes,
)

from wiretropy.flows import Flows, read_flows

Row = dict[str, Any]
SIDES: tuple[Side, Side] = ("orig", "resp")

relaxed = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

OF_PACKETS = frozenset(
    f"{side}_{name}"
    for side in ("orig", "resp", "both")
    for name in ("packets", "wire_bytes", "retransmitted_bytes", "crossing_packets", "segment_packets")
) | {"packet_sizes", "packet_times_ns", "history"}
"""Columns that say how a stream was cut into packets."""

OF_PLACE = frozenset({"uid", "source", "first_packet"}) | {
    f"{side}_{what}_{name}"
    for side in ("orig", "resp", "both")
    for what in ("crossing", "segment")
    for name in ("packets", "sources")
}
"""Columns that say in which file, and where in it, packets lie."""


def without(row: Row, names: frozenset[str]) -> Row:
    """A record without these columns."""
    return {name: value for name, value in row.items() if name not in names}


class Segment(NamedTuple):
    """Bytes of a burst at their stream offset."""

    offset: int
    payload: bytes


@dataclass(frozen=True)
class Session:
    """A TCP conversation in turns."""

    turns: Sequence[tuple[Side, bytes]]
    isn: tuple[int, int] = (1_000_000, 5_000_000)
    ends: tuple[End, End] = (CLIENT, SERVER)
    start_ns: int = START_NS
    cut: Callable[[int, int, bytes], list[Segment]] = field(default=lambda turn, offset, data: [Segment(offset, data)])
    """How the burst of a turn, at an offset, becomes segments."""

    def packets(self) -> list[Packet]:
        """The capture: turns are a second apart, whatever they are cut into."""
        wire = Wire(start_ns=self.start_ns, step_ns=1_000)
        talk = Connection(wire, *self.ends, isn=self.isn).open()
        for number, (side, data) in enumerate(self.turns, 1):
            wire.now_ns = self.start_ns + number * NS
            for segment in self.cut(number, talk.sent[side], data):
                talk.segment(side, segment.offset, segment.payload)
            talk.sent[side] += len(data)
            talk.acknowledge("resp" if side == "orig" else "orig")
        wire.now_ns = self.start_ns + (len(self.turns) + 1) * NS
        talk.close()
        return wire.packets


def data_of_any_kind(draw: st.DrawFn, most: int = 4_000) -> bytes:
    """Bytes from a seed: random, few different, or one."""
    source = random.Random(draw(st.integers(0, 2**32)))
    length = draw(st.integers(1, most))
    values = draw(st.sampled_from([1, 2, 20, 256]))
    return bytes(source.randrange(values) for _ in range(length))


@st.composite
def turns(draw: st.DrawFn) -> list[tuple[Side, bytes]]:
    """One to six bursts of either side."""
    sides: list[Side] = draw(st.lists(st.sampled_from(["orig", "resp"]), min_size=1, max_size=6))
    return [(side, data_of_any_kind(draw)) for side in sides]


def cut_at_random(seed: int) -> Callable[[int, int, bytes], list[Segment]]:
    """Cut every burst into segments of 1 to 1,460 bytes, the same way for the same seed."""

    def cut(turn: int, offset: int, data: bytes) -> list[Segment]:
        source = random.Random(f"{seed} {turn}")
        most = source.choice([3, 50, 536, 1_460])
        segments, at = [], 0
        while at < len(data):
            size = source.randint(max(1, most // 40), most)
            segments.append(Segment(offset + at, data[at : at + size]))
            at += size
        return segments

    return cut


def shuffled(seed: int) -> Callable[[int, int, bytes], list[Segment]]:
    """Cut, and let the segments of a burst arrive in any order."""

    def cut(turn: int, offset: int, data: bytes) -> list[Segment]:
        segments = cut_at_random(seed)(turn, offset, data)
        random.Random(f"{seed} {turn} order").shuffle(segments)
        return segments

    return cut


def repeated(seed: int) -> Callable[[int, int, bytes], list[Segment]]:
    """Cut, and send some segments again, exactly or cut another way."""

    def cut(turn: int, offset: int, data: bytes) -> list[Segment]:
        source = random.Random(f"{seed} {turn} again")
        segments = cut_at_random(seed)(turn, offset, data)
        others = segments + cut_at_random(seed + 1)(turn, offset, data)
        again = source.sample(others, source.randint(1, len(others)))
        mixed = segments + again
        source.shuffle(mixed)
        return mixed

    return cut


class Lab:
    """Reads packets written to one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def flows(self, content: bytes | list[bytes], name: str = "a.pcap", **changes: Any) -> Flows:
        """Read files with these contents."""
        contents = [content] if isinstance(content, bytes) else content
        paths = []
        for number, each in enumerate(contents):
            paths.append(self.folder / (name if len(contents) == 1 else f"{number:03}-{name}"))
            paths[-1].write_bytes(each)
        return read_flows(paths, **changes)

    def rows(self, packets: Sequence[Packet], **changes: Any) -> list[Row]:
        """Read packets."""
        flows = self.flows(pcap_bytes(packets, is_nanoseconds=True), **changes)
        return ordered(flows.to_arrow().to_pylist())

    def row(self, session: Session, **changes: Any) -> Row:
        """Read a session, which is one flow."""
        [row] = self.rows(session.packets(), **changes)
        return row


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def streams(all_turns: Sequence[tuple[Side, bytes]]) -> tuple[bytes, bytes, bytes]:
    """What each side sent, and both in capture order."""
    orig = b"".join(data for side, data in all_turns if side == "orig")
    resp = b"".join(data for side, data in all_turns if side == "resp")
    return orig, resp, b"".join(data for _, data in all_turns)


def check_trajectories(row: Row, all_turns: Sequence[tuple[Side, bytes]]) -> None:
    """Assert that what was measured is what was sent."""
    for prefix, sent in zip(("orig", "resp", "both"), streams(all_turns), strict=True):
        assert row[f"{prefix}_measured_bytes"] == len(sent)
        assert row[f"{prefix}_trajectory"] == pytest.approx(oracle.trajectory(sent), abs=1e-12)
        assert row[f"{prefix}_entropy"] == (pytest.approx(oracle.entropy(sent), abs=1e-12) if sent else None)


@relaxed
@given(turns(), st.integers(0, 2**32))
@pytest.mark.parametrize("cut", [cut_at_random, shuffled])
def test_cutting_and_reordering_segments_changes_only_what_says_how_they_were_cut(
    cut: Any, lab: Lab, all_turns: list[tuple[Side, bytes]], seed: int
) -> None:
    whole = lab.row(Session(all_turns))
    other = lab.row(Session(all_turns, cut=cut(seed)))
    check_trajectories(whole, all_turns)
    assert without(other, OF_PACKETS) == without(whole, OF_PACKETS)
    assert (other["orig_retransmitted_bytes"], other["resp_retransmitted_bytes"]) == (0, 0)


@relaxed
@given(turns(), st.integers(0, 2**32))
def test_repeating_segments_changes_only_what_counts_repeats(
    lab: Lab, all_turns: list[tuple[Side, bytes]], seed: int
) -> None:
    whole = lab.row(Session(all_turns))
    other = lab.row(Session(all_turns, cut=repeated(seed)))
    assert without(other, OF_PACKETS) == without(whole, OF_PACKETS)
    assert other["conflicting_overlaps"] == 0
    assert other["orig_retransmitted_bytes"] + other["resp_retransmitted_bytes"] > 0


@relaxed
@given(turns(), st.integers(0, 2**32), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_initial_sequence_numbers_do_not_matter(
    lab: Lab, all_turns: list[tuple[Side, bytes]], seed: int, client: int, server: int
) -> None:
    cut = shuffled(seed)
    assert lab.row(Session(all_turns, cut=cut, isn=(client, server))) == lab.row(Session(all_turns, cut=cut))


@relaxed
@given(turns(), st.integers(-NS * 1_500_000_000, NS * 2_000_000_000))
def test_shifting_all_times_shifts_the_two_times_and_nothing_else(
    lab: Lab, all_turns: list[tuple[Side, bytes]], shift: int
) -> None:
    here, there = lab.row(Session(all_turns)), lab.row(Session(all_turns, start_ns=START_NS + shift))
    times = frozenset({"ts_first_ns", "ts_last_ns", "uid"})
    assert without(here, times) == without(there, times)
    assert [there[name] - here[name] for name in ("ts_first_ns", "ts_last_ns")] == [shift, shift]


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
ends = st.builds(End, addresses, st.integers(0, 65_535))
NAMES = frozenset(
    {"uid", "community_id", "orig_ip", "orig_port", "resp_ip", "resp_port", "orig_wire_bytes", "resp_wire_bytes"}
)


@relaxed
@given(turns(), ends, ends)
def test_renaming_addresses_and_ports_renames_them_and_nothing_else(
    lab: Lab, all_turns: list[tuple[Side, bytes]], client: End, server: End
) -> None:
    if (":" in client.ip) != (":" in server.ip) or client == server:
        server = End(client.ip, (client.port + 1) % 65_536)
    here, there = lab.row(Session(all_turns)), lab.row(Session(all_turns, ends=(client, server)))
    assert without(here, NAMES) == without(there, NAMES)
    named = [End(str(ip_address(there[f"{side}_ip"])), there[f"{side}_port"]) for side in ("orig", "resp")]
    assert named == [client, server]


@relaxed
@given(turns())
def test_swapping_the_addresses_of_both_ends_swaps_nothing_else(lab: Lab, all_turns: list[tuple[Side, bytes]]) -> None:
    here, there = (lab.row(Session(all_turns, ends=both)) for both in ((CLIENT, SERVER), (SERVER, CLIENT)))
    assert here["community_id"] == there["community_id"]
    assert without(here, NAMES) == without(there, NAMES)
    assert (here["orig_ip"], here["orig_port"]) == (there["resp_ip"], there["resp_port"])


class Busy:
    """Many conversations at once: TCP and UDP, v4 and v6, VLANs, repeats, late segments, losses, reused ports."""

    FLOWS_AT_ONCE = 75
    PORTS = 150

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)
        self.wire = Wire(step_ns=3_000_000)
        self.talks: list[Connection | Datagrams] = []
        self.late: list[Callable[[], None]] = []
        self.begun = 0

    def packets(self, count: int) -> list[Packet]:
        """Talk until so many packets were sent."""
        while len(self.wire.packets) < count:
            if len(self.talks) < self.FLOWS_AT_ONCE:
                self.talks.append(self.begin())
            talk, side = self.source.choice(self.talks), self.source.choice(SIDES)
            if isinstance(talk, Datagrams):
                talk.send(side, self.data())
                is_over = self.source.random() < 0.02
            else:
                is_over = self.go_on(talk, side)
            if is_over:
                self.talks.remove(talk)
        return self.wire.packets

    def begin(self) -> Connection | Datagrams:
        """Begin a conversation on a port that an earlier one may have had."""
        self.begun += 1
        tags = self.source.choice([(), (), (7,), (7, 8)])
        client, server = (CLIENT6, SERVER6) if self.source.random() < 0.3 else (CLIENT, SERVER)
        client = End(client.ip, 20_000 + self.begun % self.PORTS)
        if self.source.random() < 0.3:
            return Datagrams(self.wire, client, server, tags=tags)
        isn = (self.source.getrandbits(32), self.source.getrandbits(32))
        talk = Connection(self.wire, client, server, tags=tags, isn=isn)
        return talk.open() if self.source.random() < 0.9 else talk

    def data(self) -> bytes:
        """Random bytes or zeros."""
        if self.source.random() < 0.5:
            return self.source.randbytes(self.source.randrange(1, 1_200))
        return bytes(self.source.randrange(1, 900))

    def go_on(self, talk: Connection, side: Side) -> bool:
        """Send, lose, delay or repeat a segment; returns whether the conversation is over."""
        at, data, chance = talk.sent[side], self.data(), self.source.random()
        if chance < 0.05:
            self.late.append(partial(talk.segment, side, at, data))
            talk.lose(side, len(data))
        elif chance < 0.07:
            talk.lose(side, self.source.choice([1, 500, 3_000]))
        else:
            talk.send(side, data)
        if chance > 0.95:
            talk.segment(side, at, data)
        if self.late and self.source.random() < 0.1:
            self.late.pop(0)()
        if self.source.random() >= 0.02:
            return False
        ending = self.source.choice(["fin", "rst", "nothing"])
        if ending == "fin":
            talk.close()
        elif ending == "rst":
            talk.reset("orig")
        return True


@pytest.fixture(scope="module")
def busy_packets() -> list[Packet]:
    packets = [packet._replace(ts_ns=packet.ts_ns // 1000 * 1000) for packet in Busy(1).packets(20_000)]
    assert len({packet.frame[:38] for packet in packets}) > 100
    return packets


def as_written(packets: Sequence[Packet], form: str) -> tuple[str, bytes]:
    """The name and contents of a file in a form named by what it is made of."""
    container, order, unit, packing = form.split()
    how: dict[str, Any] = {"order": {"little": "<", "big": ">"}[order], "is_nanoseconds": unit == "ns"}
    content = (pcap_bytes if container == "pcap" else pcapng_bytes)(packets, **how)
    return f"capture.{container}.{packing}", PACKINGS[packing](content)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gz": gz, "zst": zst, "lz4": lz4}


FORMS = [
    "pcap little ns plain",
    "pcap big us plain",
    "pcap big ns gz",
    "pcap little us zst",
    "pcap little us lz4",
    "pcapng little us plain",
    "pcapng big us plain",
    "pcapng little ns plain",
    "pcapng big ns gz",
    "pcapng little us zst",
    "pcapng little us lz4",
]


@pytest.mark.parametrize("form", FORMS)
def test_the_container_does_not_matter(form: str, lab: Lab, busy_packets: list[Packet]) -> None:
    expected = lab.flows(as_written(busy_packets, "pcap little us plain")[1], "plain.pcap")
    name, content = as_written(busy_packets, form)
    found = lab.flows(content, name)
    place = frozenset(name for name in OF_PLACE if name.endswith(("source", "sources")))
    assert [without(row, place) for row in ordered(found.to_arrow().to_pylist())] == [
        without(row, place) for row in ordered(expected.to_arrow().to_pylist())
    ]
    assert found.summary.packets == expected.summary.packets
    assert found.summary.bytes == expected.summary.bytes
    assert found.summary.payload_not_measured == expected.summary.payload_not_measured


@pytest.mark.parametrize("form", ["pcap little us gz", "pcapng little us plain"])
def test_records_come_in_the_same_order_from_any_container(form: str, lab: Lab, busy_packets: list[Packet]) -> None:
    plain = lab.flows(as_written(busy_packets, "pcap little us plain")[1], "plain.pcap")
    name, content = as_written(busy_packets, form)
    assert lab.flows(content, name)["uid"].tolist() == plain["uid"].tolist()


@pytest.mark.parametrize("cuts", [1, 2, 7, 40])
def test_a_capture_cut_into_rotated_files_gives_the_records_of_the_whole(
    cuts: int, lab: Lab, busy_packets: list[Packet]
) -> None:
    bounds = [len(busy_packets) * number // (cuts + 1) for number in range(cuts + 2)]
    pieces = [pcap_bytes(busy_packets[begin:end]) for begin, end in itertools.pairwise(bounds)]
    whole, rotated = lab.flows(pcap_bytes(busy_packets)), lab.flows(pieces)
    assert in_time_order(rotated) == in_time_order(whole)
    assert rotated.summary.packets == whole.summary.packets
    assert rotated.summary.payload_not_measured == whole.summary.payload_not_measured


def test_files_named_in_any_order_are_read_in_time_order(lab: Lab, busy_packets: list[Packet]) -> None:
    pieces = [pcap_bytes(busy_packets[at : at + 5_000]) for at in range(0, len(busy_packets), 5_000)]
    assert in_time_order(lab.flows(pieces[::-1])) == in_time_order(lab.flows(pcap_bytes(busy_packets)))


def test_files_that_overlap_in_time_are_merged(lab: Lab, busy_packets: list[Packet]) -> None:
    """As two taps of one link would record it: each packet in one of the files."""
    taps = [pcap_bytes(busy_packets[number::2]) for number in range(2)]
    assert in_time_order(lab.flows(taps)) == in_time_order(lab.flows(pcap_bytes(busy_packets)))


def in_time_order(flows: Flows) -> list[Row]:
    """Records without their place, in an order that places do not decide."""
    rows = [without(row, OF_PLACE) for row in flows.to_arrow().to_pylist()]
    return sorted(rows, key=lambda row: (row["ts_first_ns"], row["orig_port"], row["community_id"], str(row["vlan"])))


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_show_in_any_bit(threads: int, lab: Lab, busy_packets: list[Packet]) -> None:
    content = pcap_bytes(busy_packets)
    one, many = lab.flows(content, threads=1, counts=True), lab.flows(content, threads=threads, counts=True)
    assert one.to_arrow().equals(many.to_arrow(), check_metadata=True)
    assert [chunk.num_rows for chunk in one.to_arrow().to_batches()] == [
        chunk.num_rows for chunk in many.to_arrow().to_batches()
    ]
    assert one.summary == many.summary


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["demo.pcap", "ssh2-long.pcap"])
def test_reading_again_gives_the_same_bits(name: str, threads: int, examples: Path) -> None:
    first, second = (read_flows(examples / name, threads=each) for each in (1, threads))
    assert first.to_arrow().equals(second.to_arrow())
    assert first.summary.text == second.summary.text


@relaxed
@given(st.lists(st.binary(max_size=600), min_size=1, max_size=8), st.integers(1, 700))
def test_a_snapped_datagram_shows_only_captured_bytes(lab: Lab, payloads: list[bytes], snaplen: int) -> None:
    wire = Wire()
    talk = Datagrams(wire)
    for each in payloads:
        talk.send("orig", each)
    flows = lab.flows(pcap_bytes(wire.packets, snaplen=snaplen))
    if snaplen < 42:
        assert len(flows) == 0
        assert flows.summary.packets.undecoded
        return
    [row] = flows.to_arrow().to_pylist()
    captured = [each[: snaplen - 42] for each in payloads]
    assert row["orig_payload_bytes"] == row["orig_measured_bytes"] == len(b"".join(captured))
    assert row["orig_missed_bytes"] == len(b"".join(payloads)) - len(b"".join(captured))
    assert row["orig_trajectory"] == pytest.approx(oracle.trajectory(b"".join(captured)), abs=1e-12)
    assert sum(row["orig_gap_bytes"]) == row["orig_missed_bytes"]
    assert row["orig_wire_bytes"] == sum(packet.wire_bytes for packet in wire.packets)


@relaxed
@given(turns(), st.integers(0, 2**32), st.integers(54, 400))
def test_a_snapped_stream_shows_only_captured_bytes(
    lab: Lab, all_turns: list[tuple[Side, bytes]], seed: int, snaplen: int
) -> None:
    cut = cut_at_random(seed)
    flows = lab.flows(pcap_bytes(Session(all_turns, cut=cut).packets(), snaplen=snaplen))
    [row] = flows.to_arrow().to_pylist()
    offsets: dict[Side, int] = {"orig": 0, "resp": 0}
    captured: dict[Side, bytes] = {"orig": b"", "resp": b""}
    for number, (side, data) in enumerate(all_turns, 1):
        for segment in cut(number, offsets[side], data):
            captured[side] += segment.payload[: snaplen - 54]
        offsets[side] += len(data)
    for side, sent in offsets.items():
        assert row[f"{side}_payload_bytes"] == row[f"{side}_measured_bytes"] == len(captured[side])
        assert row[f"{side}_payload_bytes"] + row[f"{side}_missed_bytes"] == sent
        assert row[f"{side}_trajectory"] == pytest.approx(oracle.trajectory(captured[side]), abs=1e-12)


@relaxed
@given(turns(), st.integers(0, 2**32), st.data())
def test_more_packets_never_lower_a_count(
    lab: Lab, all_turns: list[tuple[Side, bytes]], seed: int, data: st.DataObject
) -> None:
    packets = Session(all_turns, cut=repeated(seed)).packets()
    end = data.draw(st.integers(1, len(packets)))
    [less], [more] = lab.rows(packets[:end]), lab.rows(packets)
    for side in ("orig", "resp"):
        for name in ("packets", "wire_bytes", "payload_bytes", "retransmitted_bytes", "measured_bytes"):
            assert less[f"{side}_{name}"] <= more[f"{side}_{name}"]
    assert less["packet_sizes"] == more["packet_sizes"][: len(less["packet_sizes"])]


@relaxed
@given(turns(), st.integers(0, 2**32), st.integers(1, 5_000))
def test_everything_seen_is_measured_or_left_out_for_a_reason(
    lab: Lab, all_turns: list[tuple[Side, bytes]], seed: int, depth: int
) -> None:
    packets = Session(all_turns, cut=repeated(seed)).packets()
    flows = lab.flows(pcap_bytes(packets), depth=depth)
    summary = flows.summary
    sent = sum(len(packet.frame) - 54 for packet in packets)
    assert summary.payload_seen == sent == summary.payload_measured + sum(summary.payload_not_measured.values())
    [row] = flows.to_arrow().to_pylist()
    assert summary.payload_measured == row["orig_measured_bytes"] + row["resp_measured_bytes"]
    repeats = row["orig_retransmitted_bytes"] + row["resp_retransmitted_bytes"]
    assert summary.payload_not_measured["repeated"] == repeats
    assert sent == row["orig_payload_bytes"] + row["resp_payload_bytes"] + repeats


def test_packets_of_all_flows_and_those_of_none_add_up_to_all(lab: Lab, busy_packets: list[Packet]) -> None:
    odd = [Packet(START_NS, bytes(9)), Packet(START_NS, bytes(12) + b"\x08\x06" + bytes(28))]
    flows = lab.flows(pcap_bytes([*odd, *busy_packets]))
    summary = flows.summary
    assert summary.packets.seen == len(busy_packets) + 2
    assert sum(summary.packets.undecoded.values()) == 2
    assert flows["orig_packets"].sum() + flows["resp_packets"].sum() == summary.packets.decoded == len(busy_packets)
    wire_bytes = sum(packet.wire_bytes for packet in busy_packets)
    assert flows["orig_wire_bytes"].sum() + flows["resp_wire_bytes"].sum() == summary.bytes.decoded == wire_bytes
    assert summary.bytes.seen == wire_bytes + sum(len(packet.frame) for packet in odd)
    assert summary.flows == len(flows) == sum(summary.end_reasons.values())
    measured = sum(int(flows[f"{side}_measured_bytes"].sum()) for side in ("orig", "resp"))
    assert summary.payload_measured == measured


def one_packet_flows(count: int) -> list[Packet]:
    """So many flows of one datagram each."""
    wire = Wire(step_ns=1_000)
    for number in range(count):
        Datagrams(wire, End(f"10.9.{number >> 8 & 255}.{number & 255}", 1_000)).send("orig", b"one")
    return wire.packets


@pytest.mark.parametrize("max_flows", [8, 100, 1_000])
def test_flows_beyond_the_cap_are_evicted_and_none_is_lost(max_flows: int, lab: Lab) -> None:
    count = 3 * 8_192
    content = pcap_bytes(one_packet_flows(count))
    flows = lab.flows(content, max_flows=max_flows)
    reasons = flows.summary.end_reasons
    assert len(flows) == count == reasons["evicted"] + reasons["end-of-capture"]
    # Flows are evicted when 8,192 packets have been seen; the cap holds for each of the 8 parts of the table.
    assert reasons["end-of-capture"] <= max_flows
    assert reasons["evicted"] >= count - max_flows
    again = lab.flows(content, max_flows=max_flows, threads=3)
    assert again.to_arrow().equals(flows.to_arrow())


def test_payload_beyond_the_cap_is_evicted_and_none_is_lost(lab: Lab) -> None:
    wire = Wire(step_ns=1_000)
    for number in range(2 * 8_192):
        talk = Datagrams(wire, End(f"10.9.{number >> 6 & 255}.{number & 63}", 1_000))
        talk.send("orig", bytes(1_000))
    content = pcap_bytes(wire.packets)
    flows = lab.flows(content, max_held_bytes=1 << 20)
    assert flows.summary.end_reasons["evicted"] > 2 * 8_192 - 1_100
    assert flows["orig_payload_bytes"].sum() == 1_000 * 2 * 8_192
    assert lab.flows(content, max_held_bytes=1 << 20).to_arrow().equals(flows.to_arrow())


def test_flags_of_the_handshake_are_what_the_builder_says() -> None:
    """The builder is held to what the tests above believe of it."""
    packets = Session([("orig", b"x")]).packets()
    assert [packet.frame[47] for packet in packets] == [SYN, SYN | ACK, ACK, ACK, ACK, FIN | ACK, FIN | ACK, ACK]
