"""Every number that is measured of payload equals an exact oracle's."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import oracle
import pytest
from wire import CLIENT6, SERVER6, Connection, Datagrams, Packet, Side, Wire

Row = dict[str, Any]
ReadOne = Callable[..., Row]

WORDS = b"the entropy of a conversation grows with every byte that is read from the network ".split()


@cache
def payload(kind: str, length: int, seed: int = 0) -> bytes:
    """So many bytes of one kind."""
    source = random.Random(f"{kind} {length} {seed}")
    if kind == "random":
        return source.randbytes(length)
    if kind == "text":
        return b" ".join(source.choices(WORDS, k=length // 2 + 1))[:length]
    if kind == "constant":
        return bytes([source.randrange(256)]) * length
    if kind == "cycle":
        return bytes(at % 256 for at in range(length))
    if kind == "mixed":
        return payload("text", length // 2, seed) + payload("random", length - length // 2, seed)
    assert kind == "sparse"
    return bytes(value if source.random() < 0.3 else 0 for value in source.randbytes(length))


KINDS = ("random", "text", "constant", "cycle", "mixed", "sparse")
LENGTHS = (1, 2, 31, 32, 33, 255, 2_047, 2_048, 2_049, 5_000, 20_000)


def tcp_session(orig: bytes, resp: bytes) -> tuple[list[Packet], bytes]:
    """A connection whose sides take turns; its packets, and both sides' bytes in capture order."""
    wire = Wire()
    talk = Connection(wire, CLIENT6, SERVER6, isn=(2**32 - 700, 2**31 - 5)).open()
    both = turns(orig, resp, talk.send)
    talk.close()
    return wire.packets, both


def udp_session(orig: bytes, resp: bytes) -> tuple[list[Packet], bytes]:
    """The same as datagrams."""
    wire = Wire()
    talk = Datagrams(wire)
    talk.send("orig", b"")
    return wire.packets, turns(orig, resp, talk.send)


def turns(orig: bytes, resp: bytes, send: Callable[[Side, bytes], Any]) -> bytes:
    """Send pieces of uneven size in turn until both are sent."""
    rest: dict[Side, bytes] = {"orig": orig, "resp": resp}
    both = b""
    sizes = random.Random(len(orig) * 70_000 + len(resp))
    while any(rest.values()):
        for side in rest:
            size = sizes.randrange(1, 1_300)
            piece, rest[side] = rest[side][:size], rest[side][size:]
            if piece:
                send(side, piece)
                both += piece
    return both


def check(row: Row, prefix: str, measured: bytes) -> None:
    """Assert that all measures of one direction are those of these bytes."""
    expected = oracle.scalars(measured)
    for name, value in expected.items():
        found = row[f"{prefix}_{name}"]
        if value is None or isinstance(value, int):
            assert found == value, (prefix, name)
        else:
            assert found == pytest.approx(value, abs=1e-12, rel=1e-12), (prefix, name)
    assert row[f"{prefix}_trajectory"] == pytest.approx(oracle.trajectory(measured), abs=1e-12)
    assert row[f"{prefix}_block_entropy"] == pytest.approx(oracle.block_entropy(measured), abs=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_measures_equal_the_exact_oracle(kind: str, length: int, read_one: ReadOne) -> None:
    orig, resp = payload(kind, length), payload("random", length // 3, 1)
    session = tcp_session if length % 2 else udp_session
    packets, both = session(orig, resp)
    row = read_one(packets)
    check(row, "orig", orig)
    check(row, "resp", resp)
    check(row, "both", both)
    assert (row["orig_payload_bytes"], row["resp_payload_bytes"]) == (len(orig), len(resp))


@pytest.mark.parametrize("kind", ["random", "mixed"])
def test_measures_equal_the_exact_oracle_over_the_whole_default_depth(kind: str, read_one: ReadOne) -> None:
    orig, resp = payload(kind, 65_536), payload("text", 65_535)
    packets, both = tcp_session(orig, resp)
    row = read_one(packets)
    check(row, "orig", orig)
    check(row, "resp", resp)
    check(row, "both", both)


def test_measures_of_everything_equal_the_exact_oracle_beyond_the_default_depth(read_one: ReadOne) -> None:
    orig = payload("mixed", 200_003)
    packets, _ = tcp_session(orig, b"")
    check(read_one(packets, depth="all"), "orig", orig)


@pytest.mark.parametrize("depth", [1, 31, 32, 100, 2_048, 2_049, 5_000, 40_000])
@pytest.mark.parametrize("session", [tcp_session, udp_session])
def test_bytes_beyond_the_depth_are_counted_and_not_measured(depth: int, session: Any, read_one: ReadOne) -> None:
    orig, resp = payload("random", 9_001), payload("text", 1_500)
    row = read_one(session(orig, resp)[0], depth=depth)
    check(row, "orig", orig[:depth])
    check(row, "resp", resp[:depth])
    assert row["both_measured_bytes"] == min(depth, 9_001) + min(depth, 1_500)
    assert (row["orig_payload_bytes"], row["resp_payload_bytes"]) == (9_001, 1_500)


def test_a_side_that_sent_nothing_has_no_measures(read_one: ReadOne) -> None:
    row = read_one(tcp_session(b"only the client speaks", b"")[0])
    check(row, "resp", b"")
    assert row["resp_trajectory"] == row["resp_block_entropy"] == row["resp_crossing_offsets"] == []


def test_entropy_of_a_constant_is_zero_and_of_every_value_equally_often_is_eight(read_one: ReadOne) -> None:
    row = read_one(tcp_session(payload("constant", 5_000), payload("cycle", 256 * 20))[0])
    assert set(row["orig_trajectory"]) == {0.0}
    assert (row["orig_entropy"], row["resp_chi_square"]) == (0.0, 0.0)
    assert row["resp_entropy"] == pytest.approx(8.0, abs=1e-12)
    assert row["resp_entropy"] <= 8.0
    assert row["orig_serial_correlation"] is None


def test_both_is_in_capture_order(read_one: ReadOne) -> None:
    wire = Wire()
    talk = Datagrams(wire)
    zeros, ones = bytes(32), b"\x01" * 32
    for side, piece in (("orig", zeros), ("resp", ones), ("orig", zeros)):
        talk.send(side, piece)  # type: ignore[arg-type]
    row = read_one(wire.packets)
    assert row["both_trajectory"] == pytest.approx(oracle.trajectory(zeros + ones + zeros))


THRESHOLDS = (0.5, 4.0, 7.0, 7.9)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("kind", ["random", "text", "mixed", "sparse"])
@pytest.mark.parametrize("seed", range(3))
def test_crossings_are_true_rise_and_fall_in_turn_and_name_their_packets(
    threshold: float, kind: str, seed: int, read_one: ReadOne
) -> None:
    orig = payload(kind, 12_000, seed)
    packets, _ = tcp_session(orig, b"")
    row = read_one(packets, threshold=threshold)
    offsets, numbers = row["orig_crossing_offsets"], row["orig_crossing_packets"]
    assert len(offsets) == len(numbers) == len(row["orig_crossing_sources"])
    possible = oracle.crossings(orig, threshold)
    rises, falls = possible[0::2], possible[1::2]
    assert set(offsets[0::2]) <= set(rises)
    assert set(offsets[1::2]) <= set(falls)
    assert offsets == sorted(offsets)
    # Above at a grid point means that a rise before it was reported, and the other way round.
    for point, value in zip(oracle.grid(len(orig)), row["orig_trajectory"], strict=True):
        crossed = sum(offset <= point for offset in offsets)
        assert (crossed % 2 == 1) == (value >= threshold), point
    for offset, number in zip(offsets, numbers, strict=True):
        assert payload_end(packets, number - 1) < offset <= payload_end(packets, number)


def payload_end(packets: list[Packet], number: int) -> int:
    """Bytes that the client had sent with the first `number` packets (14 Ethernet, 40 IPv6, 20 TCP)."""
    sent = [packet.frame for packet in packets[:number] if packet.frame[14 + 8 : 14 + 24] == CLIENT6_BYTES]
    return sum(len(frame) - 74 for frame in sent)


CLIENT6_BYTES = bytes.fromhex("20010db8000000000000000000000001")


def test_a_threshold_that_is_never_reached_has_no_crossing(read_one: ReadOne) -> None:
    row = read_one(tcp_session(payload("text", 20_000), b"")[0])
    assert row["orig_crossing_offsets"] == []


def test_threshold_zero_is_reached_with_the_first_byte(read_one: ReadOne) -> None:
    row = read_one(tcp_session(payload("text", 100), b"")[0], threshold=0.0)
    assert row["orig_crossing_offsets"] == [1]


def test_sizes_and_times_of_the_first_64_packets_with_payload_are_kept(read_one: ReadOne) -> None:
    wire = Wire(step_ns=1_234_567)
    talk = Datagrams(wire)
    talk.send("orig", b"")
    sizes = [(-1) ** at * (at + 1) for at in range(70)]
    for size in sizes:
        talk.send("orig" if size > 0 else "resp", bytes(abs(size)))
    row = read_one(wire.packets)
    assert row["packet_sizes"] == sizes[:64]
    assert row["packet_times_ns"] == [1_234_567 * (at + 1) for at in range(64)]
