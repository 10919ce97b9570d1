"""Segments of generated streams, whose boundaries are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from cleartext import HTTP, JSON, PROSE, REQUESTS, SQL, ZEROS, random
from wire import Connection, End, Wire, pcap_bytes, write_pcap

from wiretropy import read_flows
from wiretropy.schema import DEFAULT_DEPTH
from wiretropy.verdict.coding import coding_statistics

Row = dict[str, Any]
Part = tuple[str, bytes]
Reader = Callable[..., Row]


def exchange(*parts: bytes, side: Any = "resp", mss: int = 1400) -> Wire:
    """A connection in which one side sends these bytes, and nothing else is sent."""
    wire = Wire()
    talk = Connection(wire).open()
    for part in parts:
        talk.send(side, part, mss)
    talk.close()
    return wire


def segments(row: Row, side: str = "resp") -> list[tuple[str, int, int]]:
    """Kind, start and end of each segment of one side."""
    ends = row[f"{side}_segment_ends"]
    return list(zip(row[f"{side}_segment_kinds"], [0, *ends[:-1]], ends, strict=True))


def kinds(row: Row, side: str = "resp") -> list[str]:
    return [kind for kind, _, _ in segments(row, side)]


STREAMS: dict[str, list[Part]] = {
    "text, random, text": [("text", HTTP), ("opaque", random(3_000, 1)), ("text", PROSE)],
    "random, text, random": [("opaque", random(2_000, 2)), ("text", SQL), ("opaque", random(5_000, 3))],
    "binary, random": [("binary", REQUESTS), ("opaque", random(4_000, 4))],
    "text, random, binary, random": [
        ("text", PROSE), ("opaque", random(900, 5)), ("binary", REQUESTS), ("opaque", random(700, 6)),
    ],
    "random, zeros, random": [("opaque", random(1_500, 7)), ("binary", ZEROS), ("opaque", random(1_500, 8))],
    "short random between text": [("text", JSON), ("opaque", random(256, 9)), ("text", JSON)],
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_the_segments_of_a_stream_are_its_parts(name: str, read_one: Reader) -> None:
    parts = STREAMS[name]
    row = read_one(exchange(*(part for _, part in parts)).packets)
    assert kinds(row) == [kind for kind, _ in parts]


def test_boundaries_are_off_by_32_bytes_at_most_in_the_median(read_one: Reader) -> None:
    errors: list[int] = []
    for shift in range(8):
        for parts in STREAMS.values():
            moved = [parts[0][1] + parts[0][1][: 5 * shift], *(part for _, part in parts[1:])]
            found = segments(read_one(exchange(*moved).packets))
            true_ends = [sum(map(len, moved[: n + 1])) for n in range(len(moved) - 1)]
            assert len(found) == len(moved)
            errors += [abs(end - true) for (_, _, end), true in zip(found, true_ends, strict=False)]
    assert len(errors) == 8 * 12
    assert median(errors) <= 32
    assert max(errors) <= 64


RELAPSES = {"HTTP": HTTP, "JSON": JSON, "SQL": SQL, "prose": PROSE, "binary": REQUESTS, "zeros": ZEROS}


@pytest.mark.parametrize("name", RELAPSES)
@pytest.mark.parametrize("start", [1_000, 4_099, 4_999, 20_011, 60_007])
def test_64_bytes_of_cleartext_in_ciphertext_are_found_within_64_bytes(name: str, start: int, read_one: Reader) -> None:
    relapse = RELAPSES[name][:64]
    before, after = random(start, start), random(4_000, start + 1)
    row = read_one(exchange(before, relapse, after).packets)
    assert kinds(row) == ["opaque", "binary" if name in ("binary", "zeros") else "text", "opaque"]
    _, (_, found, end), _ = segments(row)
    assert abs(found - start) <= 64
    assert abs(end - start - 64) <= 64


@pytest.mark.parametrize("name", RELAPSES)
def test_cleartext_at_the_very_end_is_found(name: str, read_one: Reader) -> None:
    row = read_one(exchange(random(5_000, 11), RELAPSES[name][:64]).packets)
    assert kinds(row)[0] == "opaque"
    assert len(kinds(row)) == 2
    assert abs(row["resp_segment_ends"][0] - 5_000) <= 64
    assert row["resp_segment_ends"][1] == 5_064


@pytest.mark.parametrize("mss", [1, 16, 17, 100, 536, 1400])
def test_a_segment_names_the_packet_that_carried_its_first_byte(mss: int, read_one: Reader) -> None:
    stream = HTTP + random(1_200, 12) + SQL
    row = read_one(exchange(stream, mss=mss).packets)
    starts = [start for _, start, _ in segments(row)]
    assert len(starts) == 3
    # Three packets shake hands before the first one with payload.
    assert row["resp_segment_packets"] == [4 + start // mss for start in starts]


def test_a_segment_that_begins_in_another_file_names_that_file(tmp_path: Path) -> None:
    packets = exchange(HTTP[:160], random(1_200, 12), mss=160).packets
    paths = [write_pcap(tmp_path / "one.pcap", packets[:4]), write_pcap(tmp_path / "two.pcap", packets[4:])]
    [row] = read_flows(paths).to_arrow().to_pylist()
    assert segments(row) == [("text", 0, 160), ("opaque", 160, 1_360)]
    assert [Path(source).name for source in row["resp_segment_sources"]] == ["one.pcap", "two.pcap"]
    assert row["resp_segment_packets"] == [4, 1]


def test_a_segment_that_begins_behind_a_retransmission_names_the_packet_of_the_first_copy(read_one: Reader) -> None:
    wire = Wire()
    talk = Connection(wire).open().send("resp", HTTP[:64])
    talk.segment("resp", 0, HTTP[:64])
    talk.send("resp", random(1_000, 13)).close()
    row = read_one(wire.packets)
    assert kinds(row) == ["text", "opaque"]
    assert row["resp_segment_packets"] == [4, 6]


def test_segments_of_both_sides_are_told_apart(read_one: Reader) -> None:
    wire = Wire()
    talk = Connection(wire).open()
    for turn in range(4):
        talk.send("orig", PROSE).send("resp", random(300, turn))
    row = read_one(talk.close().wire.packets)
    assert (kinds(row, "orig"), kinds(row, "resp")) == (["text"], ["opaque"])


def test_segments_end_at_the_depth(read_one: Reader) -> None:
    packets = exchange(random(3_000, 14), HTTP).packets
    row = read_one(packets, depth=2_000)
    assert (segments(row), row["resp_measured_bytes"]) == ([("opaque", 0, 2_000)], 2_000)
    assert kinds(read_one(packets, depth=DEFAULT_DEPTH)) == ["opaque", "text"]


@pytest.mark.parametrize("length", [0, 1, 2, 7, 15, 16, 17, 31, 33])
def test_the_last_segment_ends_with_what_was_measured(length: int, read_one: Reader) -> None:
    row = read_one(exchange(random(100, 1)[:length]).packets)
    assert row["resp_measured_bytes"] == length
    assert row["resp_segment_ends"][-1:] == [length] * (length > 0)
    for name in ("kinds", "packets", "sources"):
        assert len(row[f"resp_segment_{name}"]) == len(row["resp_segment_ends"])


def test_of_many_changes_the_first_are_told_and_the_last_reaches_to_the_end(read_one: Reader) -> None:
    stream = b"".join(PROSE[:96] + random(96, turn) for turn in range(100))
    row = read_one(exchange(stream).packets)
    ends = row["resp_segment_ends"]
    assert ends == sorted(set(ends))
    assert len(ends) == 64
    assert ends[-1] == len(stream)


# How opaque bytes are coded is measured of them alone.


def coding_of(row: Row, side: str = "resp") -> tuple[list[float], int]:
    return row[f"{side}_coding"], row[f"{side}_coding_bytes"]


def expected(opaque: bytes) -> tuple[list[float], int]:
    [numbers] = coding_statistics([opaque], "narrow")
    return numbers.tolist(), len(opaque)


BLOCKS = PROSE[:208]
"""Text that ends where a block of 16 bytes does, as boundaries do."""


@pytest.mark.parametrize("mss", [7, 1400])
def test_coding_rests_on_the_longest_opaque_segment(mss: int, read_one: Reader) -> None:
    first, second = random(1_600, 21), random(3_200, 22)
    row = read_one(exchange(BLOCKS, first, BLOCKS, second, BLOCKS, mss=mss).packets)
    assert segments(row) == [
        ("text", 0, 208), ("opaque", 208, 1_808), ("text", 1_808, 2_016), ("opaque", 2_016, 5_216),
        ("text", 5_216, 5_424),
    ]  # fmt: skip
    assert coding_of(row) == expected(second)


def test_of_a_long_opaque_stretch_the_first_8_kb_are_measured(read_one: Reader) -> None:
    stream = random(65_536, 23)
    for length in (8_192, 8_193, 65_536):
        row = read_one(exchange(stream[:length]).packets)
        assert kinds(row) == ["opaque"]
        assert coding_of(row) == expected(stream[:8_192])


@pytest.mark.parametrize(("length", "is_measured"), [(255, False), (256, True), (257, True)])
def test_coding_of_few_opaque_bytes_is_not_measured(length: int, is_measured: bool, read_one: Reader) -> None:
    opaque = random(length, 24)
    row = read_one(exchange(opaque).packets)
    assert coding_of(row) == (expected(opaque) if is_measured else ([], 0))


def test_cleartext_has_no_coding(read_one: Reader) -> None:
    row = read_one(exchange(PROSE * 9, side="orig").packets)
    assert (coding_of(row, "orig"), coding_of(row, "resp")) == (([], 0), ([], 0))


def test_64_mb_of_random_bytes_have_no_false_segment(tmp_path: Path) -> None:
    path = tmp_path / "random.pcap"
    sizes: Sequence[int] = [4 << 20] * 16
    with path.open("wb") as out:
        for number, size in enumerate(sizes):
            wire = Wire(start_ns=(number + 1) * 10**15)
            content = pcap_bytes(exchange_from(number, random(size, number), wire))
            out.write(content if number == 0 else content[24:])
    for row in read_flows(path, depth="all").to_arrow().to_pylist():
        assert segments(row) == [("opaque", 0, 4 << 20)]


def exchange_from(number: int, stream: bytes, wire: Wire) -> Any:
    """A connection from a port of its own in which the responder sends these bytes in large segments."""
    talk = Connection(wire, End("10.1.0.1", 40_000 + number), End("10.2.0.2", 9)).open()
    talk.send("resp", stream, 32_768).close()
    return wire.packets
