"""Rules about verdicts and segments, from `encrypted_unexpected` and `plaintext_unexpected` to `coding_changed`.

Judged flow records (see `wiretropy.judge`), a policy and a matcher go in, hits come out. Each side of a flow breaks
a rule at most once, where it does first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.policy.hits import SIDE_NUMBERS, Hits, first_of_each, hits, in_order
from wiretropy.policy.matching import TrafficMatcher, is_one_of
from wiretropy.policy.model import CodingRule, PlaintextRule, Policy, RelapseRule, VerdictRule, WeakRule
from wiretropy.policy.segments import JudgedSegments
from wiretropy.policy.threshold import SIDES
from wiretropy.schema import SEGMENT_KINDS
from wiretropy.verdict.coding import coding_names

RANDOM_LOOKING = ("encrypted", "opaque", "compressed")
"""Kinds of segments that look random."""

OPAQUE_KINDS = (*RANDOM_LOOKING, "key material")
"""Kinds of segments that are no cleartext."""

CIPHERTEXT = ("encrypted", "opaque", "key material")
"""Kinds of segments that a side judged to be encrypted may begin with, the surest first."""


def encrypted_unexpected(
    batch: pa.RecordBatch, policy: Policy, match: TrafficMatcher, segments: JudgedSegments
) -> Hits:
    """Sides that are encrypted, of flows that neither may nor must be."""
    rule: Any = policy.rules["encrypted_unexpected"]
    expected = match.any_of(batch, (*policy.may_be_encrypted, *policy.must_be_encrypted))
    return _judged_as(batch, "encrypted_unexpected", rule, ("encrypted",), ~expected, CIPHERTEXT, segments)


def plaintext_unexpected(
    batch: pa.RecordBatch, policy: Policy, match: TrafficMatcher, segments: JudgedSegments
) -> Hits:
    """Sides that are plain, of flows that must be encrypted."""
    rule = policy.rules["plaintext_unexpected"]
    assert isinstance(rule, PlaintextRule)
    required = match.any_of(batch, policy.must_be_encrypted)
    judged = _judged_as(batch, "plaintext_unexpected", rule, rule.verdicts, required, rule.verdicts, segments)
    is_clear = segments.is_kind("text", "binary", "encoded") & (segments.length >= rule.clear_bytes)
    stretches = np.flatnonzero(is_clear & required[segments.row])
    groups = judged["row"] * len(SIDE_NUMBERS) + judged["side"]
    stretches = stretches[~np.isin(segments.group[stretches], groups)]
    found = _at_segments("plaintext_unexpected", segments, stretches, np.full(len(segments.kind), -1))
    # A verdict has no length.
    found["value"] = segments.length[found["segment"]]
    return in_order([judged, found])


def weak_encryption(batch: pa.RecordBatch, policy: Policy, match: TrafficMatcher, segments: JudgedSegments) -> Hits:
    """Sides whose opaque bytes are too uneven for ciphertext, of flows that must be encrypted.

    Good ciphertext is random bytes. A key that is repeated leaves the frequencies of the plaintext, blocks that are
    enciphered one by one repeat where the plaintext does; bytes that are opaque and neither are not encrypted at all.
    """
    rule = policy.rules["weak_encryption"]
    assert isinstance(rule, WeakRule)
    required = match.any_of(batch, policy.must_be_encrypted)
    parts = []
    for side in SIDES:
        unevenness = unevenness_of(batch, side)
        found = required & (unevenness >= rule.min_unevenness)
        found &= arrays.values(batch.column(f"{side}_coding_bytes")) >= rule.min_bytes
        at = np.flatnonzero(found)
        segment = _longest_opaque(segments, side, batch.num_rows)[at]
        # What the last index stands for is not looked at.
        offsets = np.where(segment >= 0, np.append(segments.start, 0)[segment], 0)
        parts.append(hits("weak_encryption", side, at, offsets, segment=segment, value=unevenness[at]))
    return in_order(parts)


def unevenness_of(batch: pa.RecordBatch, side: str) -> NDArray[np.float64]:
    """How much more often than of random bytes two of a side's opaque bytes are equal; NaN where none were measured.

    Remains of cleartext and framing are left out, where there are any.
    With n bytes and X their chi-square against equal frequencies this is (X - 255) / n: its mean is 0 for random bytes,
    and for others n has no part in it but for chance.
    """
    column: Any = batch.column(f"{side}_coding")
    starts, ends = arrays.spans(column)
    names = coding_names("narrow")
    # Flows that were stored by a version with other numbers have none of these.
    rows = np.flatnonzero(ends - starts == len(names))
    unevenness = np.full(batch.num_rows, np.nan)
    scores = arrays.values(column.values)[starts[rows] + names.index("cleared_byte_chi2")]
    lengths = arrays.values(batch.column(f"{side}_coding_bytes"))[rows]
    # The core tells (X - 255) / sqrt(510).
    unevenness[rows] = scores.astype(np.float64) * np.sqrt(510) / lengths
    return np.where(np.isfinite(unevenness), unevenness, np.nan)


def _longest_opaque(segments: JudgedSegments, side: str, rows: int) -> NDArray[np.int64]:
    """The segment of each row that the core measures: the longest opaque one of a side, of equals the last; or -1."""
    longest = np.full(rows, -1, dtype=np.int64)
    at = np.flatnonzero((segments.side == SIDES.index(side)) & segments.is_kind(*OPAQUE_KINDS))
    # Assigned in this order the longest of a row stays.
    at = at[np.argsort(segments.length[at], kind="stable")]
    longest[segments.row[at]] = at
    return longest


def _judged_as(
    batch: pa.RecordBatch,
    name: str,
    rule: VerdictRule,
    verdicts: tuple[str, ...],
    rows: NDArray[np.bool_],
    kinds: tuple[str, ...],
    segments: JudgedSegments,
) -> Hits:
    """Sides of some rows with one of these verdicts, at their first segment of the first of the kinds there."""
    parts = []
    for side in SIDES:
        found = rows & is_one_of(batch.column(f"{side}_verdict"), verdicts)
        found &= arrays.values(batch.column(f"{side}_verdict_bytes")) >= rule.min_bytes
        # Null is NaN, which is not at least anything.
        found &= arrays.values(batch.column(f"{side}_verdict_probability")) >= rule.min_probability
        at = np.flatnonzero(found)
        segment = _first_segments(segments, side, kinds, batch.num_rows)[at]
        # What the last index stands for is not looked at.
        offsets = np.where(segment >= 0, np.append(segments.start, 0)[segment], 0)
        parts.append(hits(name, side, at, offsets, segment=segment))
    return in_order(parts)


def _first_segments(segments: JudgedSegments, side: str, kinds: tuple[str, ...], rows: int) -> NDArray[np.int64]:
    """The segment of each row with which a side begins to be of the first of these kinds there; or -1."""
    first = np.full(rows, -1, dtype=np.int64)
    own = segments.side == SIDES.index(side)
    for kind in reversed(kinds):
        at = np.flatnonzero(own & segments.is_kind(kind))
        chosen = at[first_of_each(segments.row[at])]
        first[segments.row[chosen]] = chosen
    return first


def relapse(batch: pa.RecordBatch, policy: Policy, match: TrafficMatcher, segments: JudgedSegments) -> Hits:
    """Cleartext behind ciphertext.

    Of a side that is surely encrypted, text and binary count behind its encrypted segments. Of flows that may or must
    be encrypted, text counts behind whatever looks random too, since a session that was taken over may be mostly text.
    Elsewhere that is no relapse: 3,072 random bytes begin an RTMP session, and pictures lie between headers in HTTP.
    Of flows that must be, fewer random bytes are enough for text with which a side ends: certificates, which are text
    between keys, have a signature or ciphertext behind them.
    """
    rule = policy.rules["relapse"]
    assert isinstance(rule, RelapseRule)
    required = match.any_of(batch, policy.must_be_encrypted)
    expected = required | match.any_of(batch, policy.may_be_encrypted)
    is_sure = segments.is_kind("encrypted") & _is_encrypted(batch, segments, rule.min_probability)
    is_random = segments.is_kind(*RANDOM_LOOKING) & expected[segments.row]
    is_opaque = segments.is_kind(*OPAQUE_KINDS) & required[segments.row]
    behind_sure = _last_before(is_sure & (segments.length >= rule.after_encrypted_bytes), segments.group)
    behind_random = _last_before(is_random & (segments.length >= rule.after_random_bytes), segments.group)
    behind_opaque = _last_before(is_opaque & (segments.length >= rule.last_random_bytes), segments.group)
    is_text, is_binary = segments.is_kind("text"), segments.is_kind("binary")
    before = np.where(is_text, np.maximum(behind_sure, behind_random), np.where(is_binary, behind_sure, -1))
    is_end = segments.is_last & ~segments.is_cut_off
    before = np.where(is_text & is_end, np.maximum(before, behind_opaque), before)
    found = (before >= 0) & (segments.length >= rule.min_bytes)
    return _at_segments("relapse", segments, np.flatnonzero(found), before)


def _is_encrypted(batch: pa.RecordBatch, segments: JudgedSegments, min_probability: float) -> NDArray[np.bool_]:
    """Whether the side of each segment is encrypted as a whole, as surely as that."""
    of_sides = [
        is_one_of(batch.column(f"{side}_verdict"), ("encrypted",))
        & (arrays.values(batch.column(f"{side}_verdict_probability")) >= min_probability)
        for side in SIDES
    ]
    is_encrypted: NDArray[np.bool_] = np.stack(of_sides)[segments.side, segments.row]
    return is_encrypted


def _last_before(marked: NDArray[np.bool_], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last marked member of the same group before each member; -1 where there is none."""
    n = len(marked)
    last = np.maximum.accumulate(np.where(marked, np.arange(n), -1)) if n else np.empty(0, dtype=np.int64)
    before = np.concatenate([[-1], last[:-1]])[:n].astype(np.int64)
    is_own = (before >= 0) & (groups[before] == groups) if n else np.empty(0, dtype=np.bool_)
    return np.where(is_own, before, -1)


def coding_changed(_batch: pa.RecordBatch, policy: Policy, _match: TrafficMatcher, segments: JudgedSegments) -> Hits:
    """Changes of the kind of segment that the policy names."""
    rule = policy.rules["coding_changed"]
    assert isinstance(rule, CodingRule)
    is_long = segments.length >= rule.min_bytes
    before = np.arange(len(segments.kind)) - 1
    is_change = _change_table(rule)[segments.kind[before], segments.kind] if len(before) else is_long
    found = is_change & is_long & is_long[before] & (segments.group[before] == segments.group)
    found &= (before >= 0) & (segments.start >= rule.after_bytes)
    return _at_segments("coding_changed", segments, np.flatnonzero(found), before)


def _change_table(rule: CodingRule) -> NDArray[np.bool_]:
    """Whether each kind of segment before and after is a change that the rule names."""
    table = np.zeros((len(SEGMENT_KINDS), len(SEGMENT_KINDS)), dtype=np.bool_)
    for before, after in rule.changes:
        rows = slice(None) if before == "*" else SEGMENT_KINDS.index(before)
        columns = slice(None) if after == "*" else SEGMENT_KINDS.index(after)
        table[rows, columns] = True
    np.fill_diagonal(table, val=False)
    return table


def _at_segments(rule: str, segments: JudgedSegments, at: NDArray[np.int64], before: NDArray[np.int64]) -> Hits:
    """One hit for each side, at the first of these segments."""
    at = at[first_of_each(segments.group[at])]
    parts = []
    for number, side in enumerate(SIDES):
        own = at[segments.side[at] == number]
        parts.append(hits(rule, side, segments.row[own], segments.start[own], segment=own, before=before[own]))
    return in_order(parts)
