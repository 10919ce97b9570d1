"""A policy applied to flow records: columns in, hits and alerts out.

`apply` is for one batch; a scan holds a `PolicyRun`, which remembers from batch to batch how often each host has raised
alerts. Rules that need a verdict say nothing of flows that were not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.limits import NS_PER_S
from wiretropy.policy.alert import Alert, alert_at, alert_ids, evidence_rows
from wiretropy.policy.band_rules import bands_left_and_regained
from wiretropy.policy.gate import Gate
from wiretropy.policy.hits import RULE_NUMBERS, Hits, in_order
from wiretropy.policy.matching import TrafficMatcher
from wiretropy.policy.model import RULES, SEVERITIES, Policy
from wiretropy.policy.segments import JudgedSegments, judged_segments, no_segments
from wiretropy.policy.threshold import SIDES, threshold_crossed
from wiretropy.policy.verdict_rules import (
    coding_changed,
    encrypted_unexpected,
    plaintext_unexpected,
    relapse,
    weak_encryption,
)
from wiretropy.schema import DEFAULT_THRESHOLD

_VERDICT_RULES = {
    "encrypted_unexpected": encrypted_unexpected,
    "plaintext_unexpected": plaintext_unexpected,
    "weak_encryption": weak_encryption,
    "relapse": relapse,
    "coding_changed": coding_changed,
}

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Findings:
    """What in a batch breaks a policy.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
        The flow records.
    policy : Policy
        The policy.
    found : Hits
        By flow, side, offset and rule.
    segments : JudgedSegments
        The batch's segments.
    """

    batch: pa.RecordBatch
    policy: Policy
    found: Hits
    segments: JudgedSegments

    def __len__(self) -> int:
        return len(self.found)

    def per_flow(self) -> NDArray[np.int64]:
        """Number of alerts of each flow, of shape (rows of the batch,)."""
        return np.bincount(self.found["row"], minlength=self.batch.num_rows)

    def severities(self) -> NDArray[np.int64]:
        """Number in `model.SEVERITIES` of each alert, of shape (n,)."""
        numbers = [SEVERITIES.index(self.policy.rules[rule].severity) for rule in RULES]
        severities: NDArray[np.int64] = np.array(numbers, dtype=np.int64)[self.found["rule"]]
        return severities

    def per_rule(self) -> dict[str, int]:
        """Number of alerts of each rule that raised any."""
        counts = np.bincount(self.found["rule"], minlength=len(RULES)).tolist()
        return {rule: count for rule, count in zip(RULES, counts, strict=True) if count}

    def of_rows(self, rows: NDArray[np.integer[Any]]) -> Findings:
        """Those of some flows of the batch."""
        return replace(self, found=self.found[np.isin(self.found["row"], rows)])

    def with_ids(self) -> pa.RecordBatch:
        """The flow records with the columns that `schema.columns` has for alerts."""
        ids, rules = self.ids(), list(RULES)
        # The gravest last, and the first of equals behind it, so that it is the one that stays.
        order = np.lexsort((-np.arange(len(ids)), self.severities())).tolist()
        named = self.batch
        for number, side in enumerate(SIDES):
            column: list[str | None] = [None] * self.batch.num_rows
            for i in order:
                if self.found["side"][i] == number:
                    column[self.found["row"][i]] = ids[i]
            strings = arrays.strings(column) if any(column) else pa.nulls(self.batch.num_rows, pa.string())
            named = named.append_column(f"{side}_alert_id", strings)
        ends = np.concatenate([[0], np.cumsum(self.per_flow())]).astype(np.int32)
        for name, texts in (("alert_ids", ids), ("alert_rules", [rules[rule] for rule in self.found["rule"]])):
            buffers = [None, pa.py_buffer(ends.data)]
            kind = pa.list_(pa.field("item", pa.string(), nullable=False))
            lists: Any = pa.Array.from_buffers(kind, self.batch.num_rows, buffers, children=[arrays.strings(texts)])
            named = named.append_column(pa.field(name, kind, nullable=False), lists)
        return named

    def ids(self) -> list[str]:
        """Identifier of each alert."""
        return alert_ids(self.batch, self.policy, self.found)

    def alerts(self, inputs: Sequence[str] = (), options: Sequence[str] = ()) -> Iterator[Alert]:
        """Yield the alerts with their evidence.

        Parameters
        ----------
        inputs, options : sequence of str
            Captures and reading options that the scan was given, for the commands.
        """
        rows = evidence_rows(self.batch)
        for hit, name in zip(self.found, self.ids(), strict=True):
            yield alert_at(rows, self.policy, hit, name, self.segments, inputs, options)


class PolicyRun:
    """A policy applied to the batches of one scan.

    Parameters
    ----------
    policy : Policy
        The policy.
    scanned_threshold : float
        Bits per byte that the scan looked for.
    """

    def __init__(self, policy: Policy, scanned_threshold: float = DEFAULT_THRESHOLD) -> None:
        self.policy = policy
        self._scanned = scanned_threshold
        self._match = TrafficMatcher(policy.names)
        self._gate = Gate(policy)

    @property
    def suppressed(self) -> dict[str, int]:
        """Alerts that were held back so far, by rule."""
        return dict(sorted(self._gate.suppressed.items()))

    def findings(self, batch: pa.RecordBatch) -> Findings:
        """What breaks the policy in the next batch, without what limits hold back."""
        # A threshold that the scan looked for names its packets itself.
        segments = judged_segments(batch) if self._needs_segments() else no_segments()
        found = in_order([self._unexcepted(batch, hits) for hits in self._hits(batch, segments)])
        found = _distinct(self.policy, found)
        found = found[self._gate.passes(batch, found, _times(batch, found))]
        return Findings(batch, self.policy, found, segments)

    def _needs_segments(self) -> bool:
        """Whether a rule looks at segments, or finds places whose nearest packet they may name."""
        has_other_rules = any(rule.enabled for name, rule in self.policy.rules.items() if name != "threshold_crossed")
        return has_other_rules or any(each.bits_per_byte != self._scanned for each in self.policy.threshold)

    def _hits(self, batch: pa.RecordBatch, segments: JudgedSegments) -> Iterator[Hits]:
        """Hits of every rule that is enabled, rule by rule."""
        policy, match = self.policy, self._match
        if self._is_enabled("threshold_crossed"):
            yield threshold_crossed(batch, policy, match, self._scanned)
        if "segments" in batch.schema.names:
            for name, rule in _VERDICT_RULES.items():
                if self._is_enabled(name):
                    yield rule(batch, policy, match, segments)
        if policy.band:
            found = bands_left_and_regained(batch, policy, match, segments)
            for name in ("band_left", "band_regained"):
                if self._is_enabled(name):
                    yield found[found["rule"] == RULE_NUMBERS[name]]

    def _is_enabled(self, rule: str) -> bool:
        return self.policy.rules[rule].enabled

    def _unexcepted(self, batch: pa.RecordBatch, found: Hits) -> Hits:
        """Hits without those that an exception is about, on the days on which it holds.

        The flow's last packet says the day: an exception that has expired must not live on in a connection that does.
        """
        if len(found) == 0:
            return found
        times_ns = _times(batch, found)
        is_excepted = np.zeros(len(found), dtype=np.bool_)
        for exception in self.policy.exception:
            end_ns = ((exception.until - _EPOCH).days + 1) * 86_400 * NS_PER_S
            rules = [RULE_NUMBERS[rule] for rule in exception.rules]
            holds = np.isin(found["rule"], rules) & (times_ns < end_ns)
            if holds.any():
                is_excepted |= holds & self._match.rows(batch, exception.traffic)[found["row"]]
        return found[~is_excepted]


def _distinct(policy: Policy, found: Hits) -> Hits:
    """Hits without those that would be the same alert: of thresholds or bands that are alike and hold for one flow."""
    alike: dict[tuple[str, ...], list[Any]] = {
        ("threshold_crossed",): [(each.direction, each.bits_per_byte) for each in policy.threshold],
        ("band_left", "band_regained"): [each.bands.name for each in policy.band],
    }
    entries = found["entry"].copy()
    for rules, keys in alike.items():
        numbers: dict[Any, int] = {}
        first = np.array([numbers.setdefault(key, number) for number, key in enumerate(keys)], dtype=np.int32)
        of_rules = np.isin(found["rule"], [RULE_NUMBERS[rule] for rule in rules])
        entries[of_rules] = first[found["entry"][of_rules]]
    if np.array_equal(entries, found["entry"]):
        return found
    places = np.stack([found["row"], found["rule"], found["side"], found["offset"], entries], axis=1)
    kept: Hits = found[np.sort(np.unique(places, axis=0, return_index=True)[1])]
    return kept


def _times(batch: pa.RecordBatch, found: Hits) -> NDArray[np.int64]:
    """Packet time of each hit, as far as columns tell: when its flow was last seen."""
    times: NDArray[Any] = arrays.values(batch.column("ts_last_ns"))[found["row"]]
    return times.astype(np.int64)


def apply(
    batch: pa.RecordBatch,
    policy: Policy,
    *,
    scanned_threshold: float = DEFAULT_THRESHOLD,
    inputs: Sequence[str] = (),
    options: Sequence[str] = (),
) -> list[Alert]:
    """The alerts of flow records under a policy.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Flow records; judged, if rules about verdicts are to say something.
    policy : Policy
        What is expected.
    scanned_threshold : float
        Bits per byte that the scan looked for.
    inputs, options : sequence of str
        Captures and reading options that the scan was given, for the commands.

    Returns
    -------
    alerts : list of Alert
        By flow, side, offset and rule.
    """
    return list(PolicyRun(policy, scanned_threshold).findings(batch).alerts(inputs, options))
