"""Learn when a side is opaque as a whole, from the sums of its segments: `verdict/flows.json`.

    python -m bench.verdict.train_flows

In: public captures whose labels are sure, those of `traffic.TEST` left out; each program and source alike, opaque and
clear sides alike. Out: the weights of `verdict.evidence.FEATURES`.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from numpy.typing import NDArray

from bench.verdict import public
from bench.verdict.traffic import TEST
from wiretropy.verdict.evidence import _FILE, FEATURES, FORMAT, features
from wiretropy.verdict.parts import Parts

UNSURE = frozenset(
    "ETHEREUM KERBEROS Zabbix TPLINK_SHP NestLogSink HP_VIRTGRP Nintendo RiotGames CryNetwork GenshinImpact STUN "
    "RADIUS COAP FIX NTP LDAP DCERPC XMPP UNKNOWN SMB SNMP Steam Zoom KCP".split()
)
"""Labels of the corpus whose flows are opaque and clear in turn, or otherwise than it says."""

LEAST_BYTES = 64
PENALTY = 0.1
STEPS = 60

Floats = NDArray[np.float64]


def _parts(groups: list[list[public.Side]]) -> Parts:
    sums = np.zeros((3, len(groups)), np.int64)
    for row, sides in enumerate(groups):
        for side in sides:
            start = 0
            for end, kind in zip(*side.segments, strict=True):
                sums[("opaque", "text", "binary").index(kind), row] += end - start
                start = end
    ends_opaque = np.array([any(side.segments[1][-1:] == ["opaque"] for side in sides) for sides in groups])
    return Parts(sums[0], sums[1], sums[2], ends_opaque)


def _groups(sides: list[public.Side]) -> list[list[public.Side]]:
    """Each side, and both of each flow together."""
    by_flow: dict[str, list[public.Side]] = {}
    for side in sides:
        by_flow.setdefault(side.flow, []).append(side)
    return [[side] for side in sides] + [both for both in by_flow.values() if len(both) > 1]


def _weights(sides: list[public.Side], is_opaque: NDArray[np.bool_]) -> Floats:
    groups = np.array([f"{side.repository} {side.label}" for side in sides])
    _, group, count = np.unique(groups, return_inverse=True, return_counts=True)
    weights: Floats = 1 / np.sqrt(count[group])
    for kind in (False, True):
        of_kind = is_opaque == kind
        weights[of_kind] /= 2 * weights[of_kind].sum() / len(sides)
    return weights


def fit(inputs: Floats, is_opaque: NDArray[np.bool_], weights: Floats) -> Floats:
    """Newton's method."""
    theta = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-inputs @ theta))
        slope = inputs.T @ (weights * (chance - is_opaque)) + PENALTY * theta
        bend = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + PENALTY * np.eye(len(theta))
        theta -= np.linalg.solve(bend, slope)
    return theta


def _is_sure(side: public.Side) -> bool:
    if side.label in UNSURE:
        return False
    return side.coarse in ("encrypted", "plaintext") or side.label == "RTP"


def main() -> int:
    """Learn and write the file."""
    sides = [side for side in public.sides(least_bytes=LEAST_BYTES) if _is_sure(side) and side.repository not in TEST]
    groups = _groups(sides)
    firsts = [group[0] for group in groups]
    is_opaque = np.array([side.coarse != "plaintext" for side in firsts])
    theta = fit(features(_parts(groups)), is_opaque, _weights(firsts, is_opaque))
    stored = {
        "format": FORMAT,
        "provenance": {
            "made_by": "make train-verdict (bench/verdict/train_flows.py)",
            "meaning": "log-odds that a flow or a side of it is opaque, at equal odds",
            "sides_and_flows": len(groups),
        },
        "weights": dict(zip(FEATURES, np.round(theta, 3).tolist(), strict=True)),
    }
    _FILE.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
