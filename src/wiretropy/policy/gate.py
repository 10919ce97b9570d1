"""Suppression and rate limits: one noisy host cannot flood whoever reads alerts.

Hits of one batch after the other go in, in the order of the scan; those that may become alerts come out, and how many
may not is counted by rule. Spans are of packet time. What is remembered is bounded: of more pairs of addresses than
`MAX_ALERT_SPANS` the one whose span began first is forgotten.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wiretropy import arrays
from wiretropy.limits import MAX_ALERT_SPANS, NS_PER_S
from wiretropy.policy.hits import Hits
from wiretropy.policy.model import RULES, Policy


class Gate:
    """Lets through what a policy's limits allow.

    Parameters
    ----------
    policy : Policy
        Its `suppression` and `rate_limit`.

    Attributes
    ----------
    suppressed : Counter of str
        Hits held back so far, by rule.
    """

    def __init__(self, policy: Policy) -> None:
        self._by_pair = policy.suppression.by == "pair"
        self._rules = _Spans(policy.suppression.at_most, policy.suppression.span_s)
        self._hosts = _Spans(policy.rate_limit.at_most, policy.rate_limit.span_s)
        self.suppressed: Counter[str] = Counter()

    def passes(self, batch: pa.RecordBatch, found: Hits, times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which hits may become alerts, of shape (n,).

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Flow records that the hits are about.
        found : Hits
            In order.
        times_ns : ndarray of shape (n,), int64
            Packet time of each.
        """
        passed = np.ones(len(found), dtype=np.bool_)
        if not (self._rules.at_most or self._hosts.at_most):
            return passed
        hosts = _addresses(batch, "orig_ip", found)
        peers = _addresses(batch, "resp_ip", found) if self._by_pair else [""] * len(found)
        events = zip(found["rule"].tolist(), hosts, peers, times_ns.tolist(), strict=True)
        for i, (rule, host, peer, ts_ns) in enumerate(events):
            passed[i] = self._rules.takes((rule, host, peer), ts_ns) and self._hosts.takes(host, ts_ns)
        names = list(RULES)
        self.suppressed.update(names[rule] for rule in found["rule"][~passed])
        return passed


def _addresses(batch: pa.RecordBatch, column: str, found: Hits) -> list[str]:
    """One address for each hit."""
    codes, addresses = arrays.coded(batch.column(column))
    return [addresses[code] for code in codes[found["row"]].tolist()]


class _Spans:
    """Counts events by key within spans of time.

    Parameters
    ----------
    at_most : int
        Events of one key in a span; 0 is any number.
    span_s : int
        Seconds.
    """

    def __init__(self, at_most: int, span_s: int) -> None:
        self.at_most = at_most
        self._span_ns = span_s * NS_PER_S
        self._spans: dict[Any, tuple[int, int]] = {}

    def takes(self, key: Any, ts_ns: int) -> bool:
        """Count an event; whether it is within the limit."""
        if not self.at_most:
            return True
        begun_ns, count = self._spans.get(key, (ts_ns, 0))
        # Flows come in the order of their ends, and one forged time must not hold the span open.
        if abs(ts_ns - begun_ns) >= self._span_ns:
            begun_ns, count = ts_ns, 0
            self._spans.pop(key, None)
        if key not in self._spans and len(self._spans) >= MAX_ALERT_SPANS:
            del self._spans[next(iter(self._spans))]
        self._spans[key] = (begun_ns, count + 1)
        return count < self.at_most
