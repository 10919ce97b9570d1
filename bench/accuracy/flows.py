"""Section of the report on verdicts on the flows of public captures, whose repositories training did not see.

What a flow is, is what the corpus says of it, where that is sure: encrypted, compressed, or clear (text or binary).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import wiretropy
from bench.accuracy import scores
from bench.accuracy.coding import percent
from bench.report import Check, Section, Table
from bench.verdict import public, sides, traffic
from bench.verdict.train_flows import UNSURE
from wiretropy.verdict.flows import VERDICTS

KINDS = ("encrypted", "compressed", "clear")

CLEAR = ("text", "binary", "encoded")
"""Verdicts that are right for clear flows."""

LEAST_OPAQUE = (1, 512, 2_000)
"""Opaque bytes that an encrypted or compressed flow must have in one of its sides, by row."""

LEAST_CLEAR = 64

PRINTABLE = 0.9
"""Share of printable bytes in either side from which on HTTP that is not labelled otherwise is surely clear."""

BINS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Bounds of the probabilities that are told together; the first bin has what is below."""


@dataclass(frozen=True, slots=True)
class Found:
    """Flows with their truth, verdict and its probability, label, repository, and opaque bytes of the longer side."""

    truth: NDArray[np.str_]
    verdict: NDArray[np.str_]
    probability: NDArray[np.float64]
    label: NDArray[np.str_]
    repository: NDArray[np.str_]
    opaque: NDArray[np.int64]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether the verdict is the truth."""
        return (self.truth == self.verdict) | (self.truth == "clear") & np.isin(self.verdict, CLEAR)

    def where(self, chosen: NDArray[np.bool_]) -> Found:
        """The flows that are chosen."""
        return Found(*(getattr(self, name)[chosen] for name in self.__slots__))


def truth(label: dict[str, str]) -> str:
    """What the corpus says of a flow, or nothing."""
    known = sides.truth(label["coarse"], label["label"])
    is_clear = label["coarse"] == "plaintext" and label["label"] not in UNSURE
    return known or ("clear" if is_clear else "")


def _session(flow: dict[str, Any]) -> tuple[Any, ...]:
    """What captures of one session have in common, whoever made them."""
    return tuple(flow[f"{side}_{name}"] for side in ("orig", "resp") for name in ("head", "measured_bytes", "entropy"))


def _least_printable(flow: dict[str, Any]) -> float:
    shares = [flow[f"{side}_printable_share"] for side in ("orig", "resp")]
    return min((share for share in shares if share is not None), default=0.0)


def found(is_wanted: Callable[[str], bool] = lambda repository: repository in traffic.TEST) -> Found:
    """Judge the flows of these repositories, each flow once."""
    # Some sessions are in repositories of both sides: those count as learnt.
    seen = {
        _session(flow)
        for name, flows, _ in public.flows()
        if not is_wanted(name.split("/", 1)[0])
        for flow in flows.to_arrow().to_pylist()
    }
    rows = []
    for name, flows, labels in public.flows():
        repository = name.split("/", 1)[0]
        if not is_wanted(repository):
            continue
        judged = wiretropy.judge(flows).to_arrow().to_pylist()
        for flow, label in zip(judged, labels, strict=True):
            known = truth(label) if label else ""
            if known == "clear" and label["label"] == "HTTP" and _least_printable(flow) < PRINTABLE:
                # The corpus knows the protocol, not whether what it carries is packed or encrypted.
                continue
            key = _session(flow)
            if not known or key in seen or flow["verdict_bytes"] < LEAST_CLEAR:
                continue
            seen.add(key)
            opaque = max(flow["orig_coding_bytes"], flow["resp_coding_bytes"])
            chance = np.nan if flow["verdict_probability"] is None else flow["verdict_probability"]
            rows.append((known, flow["verdict"], chance, label["label"], repository, opaque))
    return Found(*(np.array(column) for column in zip(*rows, strict=True)))


def _confusion(flows: Found) -> Table:
    lines = []
    for kind in KINDS:
        for least in LEAST_OPAQUE if kind != "clear" else (0,):
            chosen = flows.where((flows.truth == kind) & (flows.opaque >= least))
            if len(chosen.truth):
                shares = [percent(float((chosen.verdict == verdict).mean())) for verdict in VERDICTS]
                right = str(scores.share(chosen.is_right, chosen.repository))
                lines.append([kind, f"{least:,}", str(len(chosen.truth)), right, *shares])
    return Table(("truth", "opaque bytes from", "flows", "right", *VERDICTS), lines)


def _by_label(flows: Found) -> Table:
    lines = []
    for label in np.unique(flows.label):
        chosen = flows.where(flows.label == label)
        if len(chosen.truth) >= 5:
            lines.append([str(label), str(len(chosen.truth)), percent(float(chosen.is_right.mean()))])
    return Table(("protocol", "flows", "right"), lines)


def calibration(flows: Found, *, alike: bool = True) -> tuple[float, Table]:
    """Expected calibration error, kinds alike or as they come, and what it is made of."""
    told = flows.where(~np.isnan(flows.probability))
    weights = np.ones(len(told.truth))
    for kind in KINDS if alike else ():
        weights[told.truth == kind] = 1 / max(1, (told.truth == kind).sum())
    weights /= weights.sum()
    place = np.searchsorted(BINS, told.probability, side="left")
    error, lines = 0.0, []
    for number in np.unique(place):
        inside = place == number
        stated = float(np.average(told.probability[inside], weights=weights[inside]))
        right = float(np.average(told.is_right[inside], weights=weights[inside]))
        error += float(weights[inside].sum()) * abs(stated - right)
        lines.append([percent(stated), percent(right), percent(float(weights[inside].sum())), str(inside.sum())])
    return error, Table(("stated", "found", "share", "flows"), lines)


def section() -> Section:
    """Judge them and tell how right that is."""
    flows = found()
    result = Section("flows", "Verdicts on flows of public captures")
    result.text.append(
        "`wiretropy.judge` on the flows of repositories that training did not see, by what the corpus says of them"
        " where that is sure; flows that are in several captures count once, and not at all if training saw one. "
        "Shares in percent; opaque bytes are those of the longest opaque segment, up to 8,192. Clear is right for "
        "text, binary and encoded; of HTTP that the corpus does not call compressed only what is printable to nine"
        " tenths counts, for the corpus knows the protocol and not what it carries. The scores of single bytes "
        "that cut sides into segments were learnt from all public captures. Intervals are over repositories."
    )
    error, table = calibration(flows)
    as_they_come = calibration(flows, alike=False)[0]
    result.tables += [_confusion(flows), _by_label(flows), table]
    result.text.append(
        f"Probabilities of flows: with the three kinds alike, as below, they miss by {percent(error)} points on "
        f"average, and with flows as they come by {percent(as_they_come)}. They are taken for three encrypted to one "
        "compressed; here there are five, so what is encrypted is surer than it is told to be, and what is compressed "
        "less."
    )
    result.checks.append(
        Check("calibration error of verdicts on flows", f"{percent(error, 2)} %", "at most 2 %", error <= 0.02)
    )
    return result
