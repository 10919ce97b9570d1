"""Verdicts on flows: encrypted, compressed, encoded, text or binary, how sure, and where it changes.

In: flow records. Out: the same with the columns of `VERDICT_COLUMNS`. Whole columns at a time; ports, addresses and
signatures of protocols are never looked at.

A flow is opaque if its segments say so, or, of fewer than 64 bytes, its first bytes. What opaque bytes are,
encrypted or compressed, follows from how both sides' are coded. Cleartext is what most of its bytes are.
"""

from __future__ import annotations

from typing import Any, NamedTuple, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays, schema
from wiretropy.flows import Flows
from wiretropy.limits import MAX_SEGMENTS
from wiretropy.tables import arrow_field
from wiretropy.verdict.coding import coding_names, model
from wiretropy.verdict.encoding import SHORTEST as SHORTEST_ENCODED
from wiretropy.verdict.encoding import decoded, may_be_encoded
from wiretropy.verdict.encoding import probability as encoding_probability
from wiretropy.verdict.evidence import opaque_log_odds
from wiretropy.verdict.opaque import HEAD_LENGTHS
from wiretropy.verdict.opaque import opaque_log_odds as head_log_odds
from wiretropy.verdict.parts import BINARY, OPAQUE, TEXT, Parts, Segments, flat, parts_of, segments_of

SIDES = ("orig", "resp")

VERDICTS = ("encrypted", "compressed", "encoded", "text", "binary", "undecided")
"""What a verdict can be."""

MISSING = ("gap", "snaplen", "one-sided", "midstream", "segments")
"""What a verdict can lack; ``segments`` are those that may be behind the last of `MAX_SEGMENTS` of a side."""

SNAPPED = "snapped"
"""The oddity of flows with packets that the snap length cut."""

FEWEST_BYTES = HEAD_LENGTHS[0]
"""Bytes below which nothing is said."""

SEGMENTS_FROM = 64
"""Bytes from which segments tell more than the first bytes do."""

MOST_VALUES = {
    "hex": 24, "base32": 40, "base64": 68, "percent": 80, "uuencode": 90, "base85": 90, "ascii85": 92, "UTF-16": 100,
}  # fmt: skip
"""Byte values of a whole side that an encoding has, with line breaks: what decodes can be a token before text.
Quoted-printable has as many as text, and in 64 bytes are no two lines of a dump: of longer sides neither is told."""

MOST_FALL = {"base64": 0.35, "uuencode": 0.35, "ascii85": 0.3, "base85": 0.3}
MOST_RISE = {"percent": 0.35}
"""Bits per byte by which blocks of 32 bytes behind the head may be less even than those in it, or more. These encodings
have about as many byte values as text, but text behind a token is less even than the token, and evener than escapes: of
drawn texts behind tokens one in ten is not, of sides of 256 to 2,048 bytes of text in base64 one in seventeen is."""

KEY_MATERIAL_BYTES = 2_048
"""Opaque stretches up to this size with cleartext and another one behind them are keys, nonces and signatures: the
largest in common use are those of post-quantum exchanges, 1,184 bytes (ML-KEM-768, FIPS 203)."""

MOST_FOR_ENCRYPTED = 4.0
"""Log-odds that one side can say for encrypted: random padding and keys look like it in compressed flows too (RTMP
begins with 3,072 random bytes), while nothing makes ciphertext look compressed."""

PRIOR = float(np.log(3))
"""Log-odds that an opaque flow or side is encrypted before its bits are looked at: of the opaque flows of the public
captures there are ten times as many; three leaves room for networks that are different."""

MOST_SCORE = 1e9
"""Beyond the coding statistics of any bytes: stored flows can hold whatever was written into them."""

_SCAN_AGAIN = "scan their captures again"

_ENCRYPTED, _COMPRESSED, _ENCODED, _TEXT, _BINARY, _UNDECIDED = range(len(VERDICTS))


class _Judged(NamedTuple):
    """Verdicts by number, probabilities (NaN for undecided) and bytes, each of shape (n,)."""

    verdict: NDArray[np.int8]
    probability: NDArray[np.float64]
    length: NDArray[np.int64]


@overload
def judge(flows: Flows) -> Flows: ...
@overload
def judge(flows: pa.RecordBatch) -> pa.RecordBatch: ...
def judge(flows: Flows | pa.RecordBatch) -> Flows | pa.RecordBatch:
    """Say what each flow carries.

    Parameters
    ----------
    flows : Flows or pyarrow.RecordBatch
        Flow records of n flows, as reading captures gives them.

    Returns
    -------
    flows : Flows or pyarrow.RecordBatch
        The same with these columns behind (see `wiretropy.schema.VERDICT_COLUMNS`): ``verdict``, one of
        `VERDICTS`; ``verdict_probability``, that it is right, as networks trained alike were right on sources that they
        had not seen, null for ``undecided``; ``verdict_bytes``, the bytes that it rests on; ``verdict_missing``, what
        was not seen;
        ``segments``, in the order of both sides' bytes; and the first three of each side, ``orig_verdict`` and so on.

    Raises
    ------
    ValueError
        If the records have no segments: they were stored by an older version.

    Examples
    --------
    >>> import wiretropy
    >>> wiretropy.judge(wiretropy.read_flows("examples/https.pcap"))["verdict"].tolist()
    ['encrypted', 'encrypted']
    """
    if isinstance(flows, pa.RecordBatch):
        return _judged(flows)
    if not isinstance(flows, Flows):
        raise TypeError(f"flows must be Flows or a pyarrow.RecordBatch; got {type(flows).__name__}")
    table = flows.to_arrow()
    batches = [_judged(batch) for batch in table.to_batches()] or [_judged(_empty(table.schema))]
    return flows.with_table(pa.Table.from_batches(batches).replace_schema_metadata(table.schema.metadata))


def _empty(columns: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in columns], schema=columns)


def _judged(batch: pa.RecordBatch) -> pa.RecordBatch:
    """One batch with its verdicts."""
    if "orig_segment_ends" not in batch.schema.names:
        raise ValueError(f"these flows were stored by an older wiretropy, without segments; {_SCAN_AGAIN}")
    if "verdict" in batch.schema.names:
        batch = batch.drop_columns([name for name in schema.VERDICT_NAMES if name in batch.schema.names])
    flows = batch.num_rows
    segments = [segments_of(batch, side) for side in SIDES]
    parts = [parts_of(each, flows) for each in segments]
    compressed = [_compressed_log_odds(batch, side, part) for side, part in zip(SIDES, parts, strict=True)]
    heads = [_head_log_odds(batch, side, part) for side, part in zip(SIDES, parts, strict=True)]
    encoded = [_encoded_chance(batch, side, part) for side, part in zip(SIDES, parts, strict=True)]
    both = parts[0] + parts[1]
    # Each side's first bytes count where that is all there is.
    opaque = _opaque_log_odds(both, heads[0] + heads[1])
    of_most = [np.where(2 * part.clear > both.clear, each, 0) for each, part in zip(encoded, parts, strict=True)]
    whole = _verdicts(both, opaque, _together(batch, compressed), np.maximum(*of_most))
    sides = [
        _verdicts(part, _opaque_log_odds(part, head), coding, chance)
        for part, head, coding, chance in zip(parts, heads, compressed, encoded, strict=True)
    ]
    columns = [*_columns(whole), _missing(batch), _segments_column(batch, segments, sides)]
    columns += [column for side in sides for column in _columns(side)]
    for column, array in zip(schema.VERDICT_COLUMNS, columns, strict=True):
        batch = batch.append_column(arrow_field(column), array)
    return batch


def _compressed_log_odds(batch: pa.RecordBatch, side: str, parts: Parts) -> NDArray[np.float64]:
    """Log-odds that opaque bytes of a side are compressed; 0, which says nothing, where there are too few."""
    column: Any = batch.column(f"{side}_coding")
    counts = arrays.lengths(column)
    rows = np.flatnonzero(counts)
    log_odds = np.zeros(batch.num_rows)
    if len(rows):
        if (counts[rows] != len(coding_names("narrow"))).any():
            raise ValueError(f"these flows were stored by a wiretropy that measured other numbers; {_SCAN_AGAIN}")
        numbers = arrays.values(flat(column)).reshape(len(rows), -1)
        if not (np.abs(numbers) <= MOST_SCORE).all():
            raise ValueError(f"coding statistics of {side} that no bytes have; {_SCAN_AGAIN}")
        lengths = arrays.values(batch.column(f"{side}_coding_bytes"))[rows]
        found = model("narrow").log_odds(numbers, lengths, parts.clear[rows] > 0)
        log_odds[rows] = np.maximum(found, -MOST_FOR_ENCRYPTED)
    return log_odds


def _together(batch: pa.RecordBatch, log_odds: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Log-odds of both sides together: the side with fewer opaque bytes counts for as much less."""
    measured = np.stack([arrays.values(batch.column(f"{side}_coding_bytes")) for side in SIDES]).astype(np.float64)
    weights = measured / np.maximum(1, measured.max(axis=0))
    total: NDArray[np.float64] = (weights * np.stack(log_odds)).sum(axis=0)
    return total


def _head_log_odds(batch: pa.RecordBatch, side: str, parts: Parts) -> NDArray[np.float64]:
    """Log-odds that a short side is opaque, from its first bytes; 0 where there are too few or enough for segments."""
    total = parts.total
    rows = np.flatnonzero((total >= FEWEST_BYTES) & (total < SEGMENTS_FROM))
    log_odds = np.zeros(batch.num_rows)
    log_odds[rows] = head_log_odds(arrays.padded(batch.column(f"{side}_head"), rows, HEAD_LENGTHS[-1]), total[rows])
    return log_odds


def _opaque_log_odds(parts: Parts, head: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(parts.total >= SEGMENTS_FROM, opaque_log_odds(parts), head)


def _encoded_chance(batch: pa.RecordBatch, side: str, parts: Parts) -> NDArray[np.float64]:
    """How likely a side is text that stands for other bytes, by its first bytes and what the others are like; or 0."""
    # Sides without payload have null here, and are too short to be looked at.
    distinct = arrays.values(batch.column(f"{side}_distinct_bytes"), null=0)
    total = parts.total
    rows = np.flatnonzero((total >= SHORTEST_ENCODED) & (distinct <= max(MOST_VALUES.values())) & ~parts.ends_opaque)
    chance = np.zeros(batch.num_rows)
    heads = arrays.padded(batch.column(f"{side}_head"), rows, schema.HEAD_BYTES)
    for at in np.flatnonzero(may_be_encoded(heads)).tolist():
        row = int(rows[at])
        head = heads[at].tobytes()[: int(total[row])]
        found = decoded(head)
        if found is None:
            continue
        if distinct[row] > MOST_VALUES.get(found.encoding, 0):
            is_encoded = total[row] <= schema.HEAD_BYTES
        else:
            is_encoded = _is_of_one_kind(batch, side, row, found.encoding)
        chance[row] = encoding_probability(found.encoding, len(head)) if is_encoded else 0
    return chance


def _is_of_one_kind(batch: pa.RecordBatch, side: str, row: int, encoding: str) -> bool:
    """Whether the bytes behind the head are about as even as those in it."""
    measured = min(batch.column(f"{side}_measured_bytes")[row].as_py(), schema.DENSE_END)
    blocks = batch.column(f"{side}_block_entropy")[row].as_py()[: measured // schema.DENSE_STEP]
    of_head = schema.HEAD_BYTES // schema.DENSE_STEP
    if len(blocks) <= of_head:
        return True
    rise = float(np.mean(blocks[of_head:]) - np.mean(blocks[:of_head]))
    return -MOST_FALL.get(encoding, np.inf) <= rise <= MOST_RISE.get(encoding, np.inf)


def _verdicts(
    parts: Parts, opaque: NDArray[np.float64], compressed: NDArray[np.float64], encoded: NDArray[np.float64]
) -> _Judged:
    """Put the evidence together."""
    total = parts.total
    is_opaque, is_compressed = _chance(opaque), _chance(compressed - PRIOR)
    clear = np.where(encoded > 0, _ENCODED, np.where(parts.text >= parts.binary, _TEXT, _BINARY))
    clear_share = np.maximum(parts.text, parts.binary) / np.maximum(1, parts.text + parts.binary)
    coding = np.where(is_compressed > 0.5, _COMPRESSED, _ENCRYPTED)
    verdict = np.where(opaque > 0, coding, clear).astype(np.int8)
    probability = np.where(
        opaque > 0,
        is_opaque * np.maximum(is_compressed, 1 - is_compressed),
        (1 - is_opaque) * np.where(encoded > 0, encoded, clear_share),
    )
    is_undecided = (total < FEWEST_BYTES) | ~(np.abs(opaque) > 0)
    verdict[is_undecided] = _UNDECIDED
    length = np.where(is_undecided, 0, total)
    return _Judged(verdict, np.where(is_undecided, np.nan, probability), length)


def _chance(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))


def _columns(judged: _Judged) -> list[Any]:
    is_null = np.isnan(judged.probability)
    return [
        arrays.words(judged.verdict, VERDICTS),
        arrays.numbers(np.where(is_null, 0, judged.probability), is_null=is_null),
        arrays.numbers(judged.length.astype(np.uint64)),
    ]


def _missing(batch: pa.RecordBatch) -> Any:
    """What of each flow was not seen. Of flows with packets that the snaplen cut, lost bytes are not told apart."""
    has_missed = np.logical_or(*(arrays.values(batch.column(f"{side}_missed_bytes")) > 0 for side in SIDES))
    weird_of, weirds = _weirds(batch)
    is_snapped = np.zeros(batch.num_rows, dtype=np.bool_)
    is_snapped[weird_of[weirds == SNAPPED]] = True
    # Of datagrams nobody knows which were lost: what is missing was cut.
    protocols, names = arrays.coded(batch.column("proto"))
    is_snapped |= has_missed & (np.array([name != "tcp" for name in names], dtype=np.bool_)[protocols])
    sent = [arrays.values(batch.column(f"{side}_packets")) > 0 for side in SIDES]
    flags = np.stack(
        [
            has_missed & ~is_snapped,
            is_snapped,
            ~(sent[0] & sent[1]),
            arrays.values(batch.column("is_midstream")),
            np.logical_or(*(arrays.lengths(batch.column(f"{side}_segment_ends")) >= MAX_SEGMENTS for side in SIDES)),
        ],
        axis=1,
    )
    missing = arrays.words(np.nonzero(flags)[1], MISSING)
    ends = np.concatenate([[0], np.cumsum(flags.sum(axis=1))]).astype(np.int32)
    return _lists(ends, missing)


def _weirds(batch: pa.RecordBatch) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Row and name of each oddity."""
    column = batch.column("weirds")
    codes, names = arrays.coded(flat(column))
    rows = np.repeat(np.arange(batch.num_rows), arrays.lengths(column))
    return rows, np.array(names, dtype=np.str_)[codes]


def _lists(ends: NDArray[np.int32], items: Any) -> Any:
    """A column of lists that hold no null."""
    kind = pa.list_(pa.field("item", items.type, nullable=False))
    return pa.Array.from_buffers(kind, len(ends) - 1, [None, pa.py_buffer(ends.data)], children=[items])


def _segments_column(batch: pa.RecordBatch, segments: list[Segments], sides: list[_Judged]) -> Any:
    """Both sides' segments of each flow in one list, the originator's first."""
    kinds = [_kinds(each, judged) for each, judged in zip(segments, sides, strict=True)]
    rows = np.concatenate([each.rows for each in segments])
    order = np.argsort(rows, kind="stable")
    packets = [flat(batch.column(f"{side}_segment_packets")) for side in SIDES]
    sources, names = arrays.coded(pa.concat_arrays([flat(batch.column(f"{side}_segment_sources")) for side in SIDES]))
    sides_of = np.repeat(np.arange(2), [len(each.rows) for each in segments])
    fields = {
        "side": arrays.words(sides_of[order], SIDES),
        "start": arrays.numbers(np.concatenate([each.starts for each in segments])[order].astype(np.uint64)),
        "end": arrays.numbers(np.concatenate([each.ends for each in segments])[order].astype(np.uint64)),
        "kind": arrays.words(np.concatenate(kinds)[order], schema.SEGMENT_KINDS),
        "packet": arrays.numbers(np.concatenate([arrays.values(each) for each in packets])[order]),
        "source": arrays.words(sources[order], names),
    }
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=batch.num_rows))]).astype(np.int32)
    kinds_of = [pa.field(name, array.type, nullable=False) for name, array in fields.items()]
    return _lists(ends, pa.StructArray.from_arrays(list(fields.values()), fields=kinds_of))


def _kinds(segments: Segments, judged: _Judged) -> NDArray[np.int64]:
    """What each segment is, by its number in `schema.SEGMENT_KINDS`, in the light of the verdict on its side."""
    names = {name: number for number, name in enumerate(schema.SEGMENT_KINDS)}
    verdict = judged.verdict[segments.rows]
    kinds = np.full(len(verdict), names["opaque"])
    kinds[segments.kinds == BINARY] = names["binary"]
    kinds[segments.kinds == TEXT] = names["text"]
    kinds[(segments.kinds != OPAQUE) & (verdict == _ENCODED)] = names["encoded"]
    is_opaque = segments.kinds == OPAQUE
    is_small = segments.ends - segments.starts <= KEY_MATERIAL_BYTES
    kinds[is_opaque & (verdict == _ENCRYPTED)] = names["encrypted"]
    kinds[is_opaque & (verdict == _COMPRESSED)] = names["compressed"]
    is_last_opaque = np.ones(len(verdict), dtype=np.bool_)
    opaque = np.flatnonzero(is_opaque)
    is_last_opaque[opaque[:-1]] = segments.rows[opaque[1:]] != segments.rows[opaque[:-1]]
    kinds[is_opaque & is_small & ~is_last_opaque & (verdict != _COMPRESSED)] = names["key material"]
    return kinds
