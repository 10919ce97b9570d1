"""Verdicts on flow records: columns, what they rest on, what was missing, and what never enters."""

from __future__ import annotations

import base64
import binascii
import quopri
import random as stdlib_random
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pytest
from captures import packets as packets_of
from cleartext import HTTP, JSON, PROSE, REQUESTS, SQL, random
from wire import CLIENT, SERVER, Connection, Datagrams, End, Packet, Wire, write_pcap

from wiretropy import judge, read_flows, schema
from wiretropy.flows import Flows
from wiretropy.limits import MAX_SEGMENTS
from wiretropy.schema import SEGMENT_KINDS
from wiretropy.tables import arrow_schema
from wiretropy.verdict.encoding import decoded, probability
from wiretropy.verdict.flows import KEY_MATERIAL_BYTES, MISSING, VERDICTS

Row = dict[str, Any]
Judge = Callable[..., list[Row]]


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """Read and judge packets; flow records in the order of their first packets."""

    def judge_packets(packets: Iterable[Packet], **settings: Any) -> list[Row]:
        path = write_pcap(tmp_path / "packets.pcap", packets, is_nanoseconds=True, **settings.pop("how", {}))
        rows = judge(read_flows(path, **settings)).to_arrow().to_pylist()
        return sorted(rows, key=lambda row: row["first_packet"])

    return judge_packets


def talk(orig: bytes = b"", resp: bytes = b"", wire: Wire | None = None, port: int = CLIENT.port) -> Wire:
    """A whole connection: what one side says, then what the other says."""
    wire = wire or Wire()
    Connection(wire, End(CLIENT.ip, port), SERVER).open().send("orig", orig).send("resp", resp).close()
    return wire


def many(count: int = 40) -> Wire:
    """Connections of many kinds, one after the other, with empty ones between."""
    contents = [b"", b"x", b"1234567", HTTP, JSON, PROSE, REQUESTS, random(40), random(300), random(9_000)]
    contents += [base64.b64encode(random(600)), random(200).hex().encode(), PROSE + random(4_000) + JSON]
    wire = Wire()
    for number in range(count):
        draw = stdlib_random.Random(number)
        talk(draw.choice(contents), draw.choice(contents), wire, 20_000 + number)
    return wire


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Flows:
    """Flow records of many kinds, not judged."""
    return read_flows(write_pcap(tmp_path_factory.mktemp("many") / "many.pcap", many().packets))


# Columns.


def test_judged_flows_have_the_columns_of_the_schema(flows: Flows) -> None:
    table = judge(flows).to_arrow()
    expected = arrow_schema(has_verdicts=True)
    assert table.schema.names == expected.names
    assert table.schema.types == expected.types
    assert [field.nullable for field in table.schema] == [field.nullable for field in expected]
    table.validate(full=True)
    added = [name for name in table.schema.names if name not in flows.to_arrow().schema.names]
    assert added == [column.name for column in schema.VERDICT_COLUMNS]


def test_metadata_of_the_flows_are_kept(flows: Flows) -> None:
    before, after = flows.to_arrow(), judge(flows).to_arrow()
    assert after.schema.metadata == before.schema.metadata
    assert after.select(before.schema.names).equals(before)


def test_no_flows_are_judged_to_none(tmp_path: Path) -> None:
    table = judge(read_flows(write_pcap(tmp_path / "none.pcap", []))).to_arrow()
    assert (table.num_rows, table.schema.types) == (0, arrow_schema(has_verdicts=True).types)


def test_columns_hold_no_nulls_but_for_probabilities(flows: Flows) -> None:
    table = judge(flows).to_arrow()
    for column in schema.VERDICT_COLUMNS:
        assert column.is_nullable == column.name.endswith("probability")
        if not column.is_nullable:
            assert table.column(column.name).null_count == 0


@pytest.mark.parametrize("prefix", ["", "orig_", "resp_"])
def test_a_probability_is_null_exactly_where_nothing_can_be_said(prefix: str, flows: Flows) -> None:
    rows = judge(flows).to_arrow().to_pylist()
    verdicts = {row[f"{prefix}verdict"] for row in rows}
    assert verdicts <= set(VERDICTS)
    assert {"undecided", "text", "binary"} <= verdicts
    for row in rows:
        probability = row[f"{prefix}verdict_probability"]
        assert (probability is None) == (row[f"{prefix}verdict"] == "undecided")
        assert probability is None or 0 < probability <= 1
        assert (row[f"{prefix}verdict_bytes"] == 0) == (row[f"{prefix}verdict"] == "undecided")


def test_a_verdict_rests_on_what_was_measured(flows: Flows) -> None:
    for row in judge(flows).to_arrow().to_pylist():
        for side in ("orig", "resp"):
            assert row[f"{side}_verdict_bytes"] in (0, row[f"{side}_measured_bytes"])
        assert row["verdict_bytes"] in (0, row["orig_measured_bytes"] + row["resp_measured_bytes"])


@pytest.mark.parametrize("length", [0, 1, 7])
def test_fewer_than_8_bytes_are_undecided_with_no_bytes(length: int, judged: Judge) -> None:
    [row] = judged(talk(PROSE[:length]).packets)
    for prefix in ("", "orig_", "resp_"):
        found = [row[f"{prefix}{name}"] for name in ("verdict", "verdict_probability", "verdict_bytes")]
        assert found == ["undecided", None, 0]


def test_eight_bytes_are_enough(judged: Judge) -> None:
    [row] = judged(talk(b"GET / HT").packets)
    assert (row["verdict"], row["verdict_bytes"], row["orig_verdict"]) == ("text", 8, "text")
    assert row["verdict_probability"] > 0.9


KINDS = {
    "text": PROSE,
    "binary": REQUESTS,
    "encoded": base64.b64encode(random(1_500, 2)),
    "encrypted": random(20_000, 5),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["orig", "resp"])
def test_a_flow_in_one_voice_is_what_that_voice_is(kind: str, side: str, judged: Judge) -> None:
    [row] = judged(talk(**{side: KINDS[kind]}).packets)
    other = "resp" if side == "orig" else "orig"
    assert (row["verdict"], row[f"{side}_verdict"], row[f"{other}_verdict"]) == (kind, kind, "undecided")
    assert row["verdict_probability"] > 0.6
    assert row["verdict_probability"] == row[f"{side}_verdict_probability"]


def test_ciphertext_behind_a_handshake_in_the_clear_is_encrypted(judged: Judge) -> None:
    [row] = judged(talk(PROSE + random(9_000, 1), JSON + random(9_000, 2)).packets)
    assert (row["verdict"], row["orig_verdict"], row["resp_verdict"]) == ("encrypted",) * 3


def test_datagrams_are_judged_as_a_stream(judged: Judge) -> None:
    wire = Wire()
    conversation = Datagrams(wire)
    for number in range(30):
        conversation.send("orig", random(400, number))
        conversation.send("resp", REQUESTS[16 * (number % 24) : 16 * (number % 24) + 16])
    [row] = judged(wire.packets)
    assert (row["orig_verdict"], row["resp_verdict"]) == ("encrypted", "binary")


# Encoded sides.


def uuencoded(inside: bytes) -> bytes:
    return b"".join(binascii.b2a_uu(inside[at : at + 45]) for at in range(0, len(inside), 45))


SIDES_ENCODED: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64 of mail": base64.encodebytes,
    "base32": base64.b32encode,
    "hex": lambda inside: inside.hex().encode(),
    "hex with blanks": lambda inside: inside.hex(" ").encode(),
    "hex with colons": lambda inside: inside.hex(":").upper().encode(),
    "percent": lambda inside: quote(inside, safe="").encode(),
    "uuencode": uuencoded,
    "uuencode with a name": lambda inside: b"begin 644 picture.png\n" + uuencoded(inside) + b"`\nend\n",
    "ascii85": base64.a85encode,
    "ascii85 of Adobe": lambda inside: base64.a85encode(inside, adobe=True, wrapcol=80),
    "base85": base64.b85encode,
}


TOKENS = [name for name in SIDES_ENCODED if name != "uuencode with a name"]
"""A line with a name is no token."""


@pytest.mark.parametrize("inside", [random(900, 21), PROSE * 5], ids=["ciphertext", "text"])
@pytest.mark.parametrize("name", SIDES_ENCODED)
def test_a_side_in_an_encoding_is_encoded(name: str, inside: bytes, judged: Judge) -> None:
    if (name, inside) == ("percent", PROSE * 5):
        inside = "Привет, Ёлка! ".encode() * 40
    [row] = judged(talk(SIDES_ENCODED[name](inside)).packets)
    assert (row["verdict"], row["orig_verdict"], kinds(row, "orig")) == ("encoded", "encoded", ["encoded"])


@pytest.mark.parametrize("text", [HTTP, JSON, PROSE, SQL], ids=["HTTP", "JSON", "prose", "SQL"])
@pytest.mark.parametrize("name", TOKENS)
def test_a_token_before_text_makes_no_side_encoded(name: str, text: bytes, judged: Judge) -> None:
    """52 random bytes encoded fill the head that a record keeps; all that follows is text."""
    token = SIDES_ENCODED[name](random(52, 22))
    assert len(token) >= schema.HEAD_BYTES
    assert decoded(token[: schema.HEAD_BYTES]) is not None
    for between in (b"\n", b"\r\n", b" "):
        [row] = judged(talk(token + between + text * 2).packets)
        assert row["orig_verdict"] == "text"


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_within_text_makes_no_side_encoded(name: str, judged: Judge) -> None:
    token = SIDES_ENCODED[name](random(24, 23))
    [row] = judged(talk(b"Cookie: session=" + token + b"\r\n" + HTTP, PROSE + token + PROSE).packets)
    assert (row["orig_verdict"], row["resp_verdict"]) == ("text", "text")


def test_a_long_side_in_percents_is_encoded(judged: Judge) -> None:
    """Blocks behind the dense part of the trajectory are longer, and so more even than the head."""
    [row] = judged(talk(quote(random(22_400, 25), safe="").encode()).packets)
    assert row["orig_verdict"] == "encoded"


def test_encoded_sides_are_as_sure_as_such_payloads(judged: Judge) -> None:
    short, whole = SIDES_ENCODED["hex"](random(16, 26)), SIDES_ENCODED["hex"](random(900, 26))
    for text, length in ((short, 32), (whole, 64)):
        [row] = judged(talk(text).packets)
        assert row["orig_verdict_probability"] <= probability("hex", length)
        assert row["orig_verdict_probability"] > 0.8 * probability("hex", length)


def test_a_side_that_is_nothing_but_a_short_encoding_is_encoded(judged: Judge) -> None:
    quoted = quopri.encodestring(random(30, 24))[: schema.HEAD_BYTES]
    assert judged(talk(quoted).packets)[0]["orig_verdict"] == "encoded"


# Segments.


def test_segments_add_up_to_what_was_measured_side_by_side(flows: Flows) -> None:
    for row in judge(flows).to_arrow().to_pylist():
        segments = row["segments"]
        assert [s["side"] for s in segments] == sorted(s["side"] for s in segments)
        for side in ("orig", "resp"):
            own = [s for s in segments if s["side"] == side]
            assert sum(s["end"] - s["start"] for s in own) == row[f"{side}_measured_bytes"]
            assert [s["start"] for s in own] == [0, *(s["end"] for s in own)][: len(own)]
            assert [s["packet"] for s in own] == row[f"{side}_segment_packets"]
            assert [s["source"] for s in own] == row[f"{side}_segment_sources"]
        assert {s["kind"] for s in segments} <= set(SEGMENT_KINDS)


def kinds(row: Row, side: str) -> list[str]:
    return [s["kind"] for s in row["segments"] if s["side"] == side]


def test_segments_are_called_by_what_their_side_is(judged: Judge) -> None:
    wire = talk(base64.b64encode(random(900, 3)), PROSE + random(20_000, 4))
    [row] = judged(wire.packets)
    assert (kinds(row, "orig"), kinds(row, "resp")) == (["encoded"], ["text", "encrypted"])


@pytest.mark.parametrize(
    ("length", "kind"), [(320, "key material"), (2_000, "key material"), (2_200, "encrypted"), (9_000, "encrypted")]
)
def test_a_short_opaque_stretch_with_cleartext_behind_it_is_key_material(length: int, kind: str, judged: Judge) -> None:
    assert 2_000 < KEY_MATERIAL_BYTES < 2_200
    [row] = judged(talk(PROSE + random(length, 6) + JSON + random(20_000, 7)).packets)
    assert kinds(row, "orig") == ["text", kind, "text", "encrypted"]


def test_an_opaque_stretch_at_the_end_is_not_key_material(judged: Judge) -> None:
    [row] = judged(talk(REQUESTS + random(700, 8)).packets)
    assert kinds(row, "orig")[-1] in ("encrypted", "compressed")


# Encrypted or compressed, of both sides.


class FixedModel:
    """Says how it is told, by how many bytes there are."""

    def __init__(self, few: float, many: float) -> None:
        self.few, self.many = few, many

    def log_odds(self, numbers: Any, lengths: Any, has_clear: Any) -> Any:
        assert numbers.shape[0] == len(lengths) == len(has_clear)
        return np.where(lengths < 1_000, self.few, self.many)


@pytest.mark.parametrize(
    ("few", "many", "side_probabilities", "together"),
    [
        # 512 bytes against 8,192 count a sixteenth; nothing says more than 4 for encrypted.
        (3.2, 1.0, (3.2, 1.0), 1.0 + 0.2),
        (3.2, -1.0, (3.2, -1.0), -1.0 + 0.2),
        (-42.0, 1.0, (-4.0, 1.0), 1.0 - 4 / 16),
        (64.0, -2.0, (64.0, -2.0), -2.0 + 4.0),
        (0.5, -50.0, (0.5, -4.0), -4.0 + 0.5 / 16),
    ],
)
def test_the_side_with_fewer_opaque_bytes_counts_for_as_much_less(
    few: float,
    many: float,
    side_probabilities: tuple[float, float],
    together: float,
    judged: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wiretropy.verdict.flows.model", lambda extent: FixedModel(few, many))
    [row] = judged(talk(random(512, 31), random(20_000, 32)).packets)
    # One time in four an opaque flow is compressed, before anything is measured.
    values = (*side_probabilities, together)
    log_odds = {prefix: value - np.log(3) for prefix, value in zip(("orig_", "resp_", ""), values, strict=True)}
    for prefix, value in log_odds.items():
        assert row[f"{prefix}verdict"] == ("compressed" if value > 0 else "encrypted")
        # All but certainly opaque.
        assert row[f"{prefix}verdict_probability"] == pytest.approx(1 / (1 + np.exp(-abs(value))), rel=0.1)


# Batches.


def batch_of(flows: Flows) -> pa.RecordBatch:
    [batch] = flows.to_arrow().combine_chunks().to_batches()
    return batch


@pytest.mark.parametrize(("start", "length"), [(0, 1), (1, 1), (3, 9), (8, 17), (39, 1), (5, 0), (0, 40)])
def test_a_slice_of_a_batch_gives_the_rows_of_the_whole(start: int, length: int, flows: Flows) -> None:
    batch = batch_of(flows)
    whole = judge(batch).to_pylist()
    assert judge(batch.slice(start, length)).to_pylist() == whole[start : start + length]


def test_a_table_in_many_batches_gives_the_rows_of_one(flows: Flows) -> None:
    table = flows.to_arrow()
    pieces = pa.Table.from_batches([b for at in range(0, 40, 7) for b in table.slice(at, 7).to_batches()])
    assert judge(flows.with_table(pieces)).to_arrow().to_pylist() == judge(flows).to_arrow().to_pylist()


def test_flows_judged_twice_are_as_judged_once(flows: Flows) -> None:
    once = judge(flows).to_arrow()
    twice = judge(judge(flows)).to_arrow()
    assert twice.equals(once, check_metadata=True)
    batch = judge(batch_of(flows))
    assert judge(batch).equals(batch)


def test_the_order_of_flows_does_not_matter(flows: Flows) -> None:
    table = flows.to_arrow()
    order = pa.array(np.random.default_rng(3).permutation(table.num_rows))
    shuffled = judge(flows.with_table(table.take(order))).to_arrow()
    assert shuffled.to_pylist() == judge(flows).to_arrow().take(order).to_pylist()


@pytest.mark.parametrize("change", [lambda numbers: numbers[:39], lambda numbers: [float("nan"), *numbers[1:]]])
def test_flows_stored_with_other_numbers_are_refused(
    change: Callable[[list[float]], list[float]], flows: Flows
) -> None:
    batch = batch_of(flows)
    at = batch.schema.get_field_index("resp_coding")
    changed = [numbers and change(numbers) for numbers in batch.column(at).to_pylist()]
    assert any(changed)
    stored = batch.set_column(at, batch.schema.field(at), pa.array(changed, batch.schema.field(at).type))
    with pytest.raises(ValueError, match="scan their captures again"):
        judge(stored)


@pytest.mark.parametrize("is_batch", [True, False])
def test_flows_stored_without_segments_are_refused(is_batch: bool, flows: Flows) -> None:
    old = [name for name in flows.to_arrow().schema.names if "segment" not in name and "coding" not in name]
    stored = batch_of(flows).select(old) if is_batch else flows.with_table(flows.to_arrow().select(old))
    with pytest.raises(ValueError, match="stored by an older wiretropy, without segments; scan their captures again"):
        judge(stored)


# What was missing.


def missing(row: Row) -> list[str]:
    assert set(row["verdict_missing"]) <= set(MISSING)
    return list(row["verdict_missing"])


def test_of_a_whole_flow_nothing_is_missing(judged: Judge) -> None:
    [row] = judged(talk(HTTP, JSON).packets)
    assert missing(row) == []


@pytest.mark.parametrize("side", ["orig", "resp"])
def test_a_gap_is_named(side: Any, judged: Judge) -> None:
    wire = Wire()
    connection = Connection(wire).open().send("orig", HTTP).send("resp", JSON)
    connection.lose(side, 500).send(side, PROSE)
    connection.acknowledge("resp" if side == "orig" else "orig").close()
    [row] = judged(wire.packets)
    assert row[f"{side}_missed_bytes"] == 500
    assert missing(row) == ["gap"]


def test_what_the_snaplen_cut_is_named(judged: Judge) -> None:
    [row] = judged(talk(HTTP, random(9_000)).packets, how={"snaplen": 400})
    assert row["resp_missed_bytes"] > 0
    assert missing(row) == ["snaplen"]


def test_datagrams_cut_by_the_snaplen_are_named(judged: Judge) -> None:
    wire = Wire()
    conversation = Datagrams(wire)
    for number in range(5):
        conversation.send("orig", random(900, number))
        conversation.send("resp", HTTP)
    [row] = judged(wire.packets, how={"snaplen": 300})
    assert missing(row) == ["snaplen"]


@pytest.mark.parametrize("side", ["orig", "resp"])
def test_a_side_that_was_not_captured_is_named(side: str, judged: Judge) -> None:
    source = CLIENT.ip if side == "orig" else SERVER.ip
    address = bytes(map(int, source.split(".")))
    packets = [packet for packet in talk(HTTP, JSON).packets if packet.frame[26:30] == address]
    [row] = judged(packets)
    assert "one-sided" in missing(row)
    assert {row["orig_verdict"], row["resp_verdict"]} == {"text", "undecided"}


def test_a_stream_whose_beginning_was_not_seen_is_named(judged: Judge) -> None:
    [row] = judged(talk(HTTP, JSON).packets[3:])
    assert missing(row) == ["midstream"]


def test_what_is_missing_is_named_in_one_order(judged: Judge) -> None:
    wire = Wire()
    Connection(wire).send("orig", HTTP).lose("orig", 90).send("orig", PROSE).send("orig", JSON)
    [row] = judged(wire.packets)
    assert missing(row) == ["gap", "one-sided", "midstream"]


@pytest.mark.parametrize("side", ["orig", "resp"])
def test_segments_beyond_the_last_that_is_told_are_named(side: Any, judged: Judge) -> None:
    def sent(pairs: int) -> Row:
        stretches = b"".join(random(320, number) + PROSE[:320] for number in range(pairs))
        wire = Wire()
        Connection(wire).open().send("orig", HTTP).send("resp", JSON).send(side, random(400) + stretches).close()
        [row] = judged(wire.packets)
        return row

    few, many = sent(20), sent(40)
    assert len(few[f"{side}_segment_ends"]) < 64 == len(many[f"{side}_segment_ends"]) == MAX_SEGMENTS
    assert missing(few) == []
    assert missing(many) == ["segments"]


def test_a_handshake_without_an_answer_is_one_sided(judged: Judge) -> None:
    wire = Wire()
    Connection(wire).segment("orig", -1, flags=2)
    [row] = judged(wire.packets)
    assert (row["verdict"], missing(row)) == ("undecided", ["one-sided"])


# What never enters.

SEEN = ("verdict", "verdict_probability", "verdict_bytes", "verdict_missing")


def told(rows: list[Row]) -> list[Any]:
    """Everything that was told of flows but for packet numbers."""
    names = [*SEEN, *(f"{side}_{name}" for side in ("orig", "resp") for name in SEEN[:3])]
    shapes = [[(s["side"], s["start"], s["end"], s["kind"]) for s in row["segments"]] for row in rows]
    return [([row[name] for name in names], shape) for row, shape in zip(rows, shapes, strict=True)]


CAPTURES = ("https.pcap", "ssh1.pcap", "ssh2-short.pcap", "rtmp.pcap", "http-gzip.pcap", "http-plain.pcap")


def captured(path: Path) -> list[Packet]:
    return [Packet(packet.ts_ns, packet.frame) for packet in packets_of(path.read_bytes())]


def renamed(packet: Packet, ports: dict[int, int]) -> Packet:
    """The packet between other addresses and ports; checksums, which nobody checks, are left wrong."""
    frame = bytearray(packet.frame)
    assert frame[12:14] == b"\x08\x00"
    at = 14 + 4 * (frame[14] & 15)
    for place in (26, 30):
        frame[place : place + 4] = bytes(
            value ^ key for value, key in zip(frame[place : place + 4], b"\x05\x21\x47\x63", strict=True)
        )
    for place in (at, at + 2):
        [port] = struct.unpack_from(">H", frame, place)
        struct.pack_into(">H", frame, place, ports.setdefault(port, 65_000 - 7 * len(ports)))
    return packet._replace(frame=bytes(frame))


@pytest.mark.parametrize("name", CAPTURES)
def test_ports_and_addresses_never_enter(name: str, examples: Path, judged: Judge) -> None:
    packets = captured(examples / name)
    ports: dict[int, int] = {}
    moved = [renamed(packet, ports) for packet in packets]
    before, after = judged(packets), judged(moved)
    assert told(after) == told(before)
    assert {row["resp_port"] for row in before} != {row["resp_port"] for row in after}


def recut(packet: Packet, size: int) -> list[Packet]:
    """A TCP packet as several that carry at most `size` bytes of its payload each, one after the other."""
    frame = packet.frame
    ip = 14 + 4 * (frame[14] & 15)
    header = ip + 4 * (frame[ip + 12] >> 4)
    end = 14 + struct.unpack_from(">H", frame, 16)[0]
    payload = frame[header:end]
    if len(payload) <= size:
        return [packet]
    pieces = []
    for at in range(0, len(payload), size):
        piece = bytearray(frame[:header] + payload[at : at + size])
        struct.pack_into(">H", piece, 16, len(piece) - 14)
        [sequence] = struct.unpack_from(">I", frame, ip + 4)
        struct.pack_into(">I", piece, ip + 4, (sequence + at) % 2**32)
        pieces.append(packet._replace(frame=bytes(piece)))
    return pieces


@pytest.mark.parametrize("size", [1, 100, 517])
@pytest.mark.parametrize("name", ["https.pcap", "ssh2-short.pcap", "http-gzip.pcap"])
def test_how_a_stream_was_cut_into_packets_never_enters(name: str, size: int, examples: Path, judged: Judge) -> None:
    packets = captured(examples / name)
    pieces = [piece for packet in packets for piece in recut(packet, size)]
    assert len(pieces) > len(packets)
    assert told(judged(pieces)) == told(judged(packets))


@pytest.mark.parametrize("seed", range(4))
def test_repeated_and_swapped_segments_never_enter(seed: int, judged: Judge) -> None:
    wire = talk(PROSE + random(3_000, 1), JSON + random(8_000, 2))
    draw = stdlib_random.Random(seed)
    plain = wire.packets
    changed = [each for packet in plain for each in [packet] * draw.choice([1, 1, 2])]
    for at in range(4, len(changed) - 4):
        if draw.random() < 0.4:
            changed[at], changed[at + 1] = changed[at + 1], changed[at]
    changed = [packet._replace(ts_ns=plain[0].ts_ns + 1_000 * at) for at, packet in enumerate(changed)]
    assert told(judged(changed)) == told(judged(plain))


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_verdicts(threads: int, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "many.pcap", many().packets)
    rows = [
        sorted(judge(read_flows(path, threads=count)).to_arrow().to_pylist(), key=lambda row: row["first_packet"])
        for count in (1, threads)
    ]
    assert rows[0] == rows[1]
