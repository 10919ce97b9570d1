"""EVE JSON as Suricata writes it: an alert event a line.

The keys and types are those of Suricata's schema for EVE (``etc/schema.json``), which takes no others. Entropy stands
in ``metadata.entropy``, which Suricata 8 added for its ``entropy`` keyword: numbers by the name of what was measured.
Suricata 7 knows no such key, and its schema refuses it; there the same numbers are flow variables, which are texts.
The rest of the evidence stands in ``metadata.flowvars``, as Suricata writes flow variables. As there, source is
who sent the packet that is the evidence, which may be the responder.
"""

from __future__ import annotations

import hashlib
from typing import Any

from wiretropy.inert import inert
from wiretropy.policy.alert import Alert
from wiretropy.sinks.encode import commands_of, json_line, judgement_of, utc

SIGNATURE_IDS = {
    "threshold_crossed": 1_907_001,
    "encrypted_unexpected": 1_907_002,
    "plaintext_unexpected": 1_907_003,
    "band_left": 1_907_004,
    "band_regained": 1_907_005,
    "relapse": 1_907_006,
    "coding_changed": 1_907_007,
    "weak_encryption": 1_907_008,
}
"""Numbers of rules, within 1,000,000 to 1,999,999, which are reserved for local use."""

_SEVERITIES = {"critical": (1, "Critical"), "high": (1, "Major"), "medium": (2, "Minor"), "low": (3, "Informational")}
"""Suricata's priority, 1 being the highest, and the word that rules have for it."""

_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP", "icmp": "ICMP", "icmp6": "IPv6-ICMP"}


def eve(alert: Alert) -> bytes:
    """An alert as one line of EVE JSON of Suricata 8."""
    return json_line(
        _event(alert) | {"metadata": {"flowvars": _flowvars(_evidence(alert)), "entropy": _entropy(alert)}}
    )


def eve7(alert: Alert) -> bytes:
    """An alert as one line of EVE JSON of Suricata 7: entropies are flow variables."""
    entropies = {name: repr(value) for name, value in _entropy(alert).items()}
    return json_line(_event(alert) | {"metadata": {"flowvars": _flowvars({**_evidence(alert), **entropies})}})


def _event(alert: Alert) -> dict[str, Any]:
    """What is the same for both."""
    severity, word = _SEVERITIES[alert.severity]
    return {
        "timestamp": utc(alert.ts_ns, "+0000"),
        "flow_id": _flow_id(alert.uid),
        "pcap_cnt": alert.packet,
        "event_type": "alert",
        **({} if alert.vlan is None else {"vlan": [alert.vlan]}),
        **_ends(alert),
        "proto": _PROTOCOLS.get(alert.proto, alert.proto),
        "community_id": alert.community_id,
        "pcap_filename": inert(alert.source),
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": SIGNATURE_IDS.get(alert.rule, 1_907_000),
            "rev": 1,
            "signature": f"wiretropy {alert.rule}",
            "category": "Potential Corporate Privacy Violation",
            "severity": severity,
            "metadata": {"signature_severity": [word], "tag": ["wiretropy"]},
        },
    }


def _flowvars(values: dict[str, str]) -> list[dict[str, str]]:
    """Flow variables, one object each."""
    return [{name: value} for name, value in values.items()]


def _entropy(alert: Alert) -> dict[str, float]:
    """What was measured, what random bytes have, and what the rule compares it with: bits per byte."""
    return {
        f"{alert.side}_payload": alert.entropy_bits_per_byte,
        "random_mean": alert.random_mean,
        "random_sd": alert.random_sd,
        **_bounds(alert),
    }


def _bounds(alert: Alert) -> dict[str, float]:
    """What the rule compares an entropy with, where it does."""
    names = ("threshold", "band_entropy", "band_low", "band_high")
    return {name: getattr(alert, name) for name in names if getattr(alert, name) is not None}


def _ends(alert: Alert) -> dict[str, Any]:
    """Sender and receiver of the packet that is the evidence."""
    ends = [(alert.orig_ip, alert.orig_port), (alert.resp_ip, alert.resp_port)]
    (source, sport), (target, dport) = ends[::-1] if alert.side == "resp" else ends
    if alert.proto.startswith("icmp"):
        # Suricata has no ports there; the originator's number is the type of its messages.
        return {"src_ip": source, "dest_ip": target, "icmp_type": sport}
    return {"src_ip": source, "src_port": sport, "dest_ip": target, "dest_port": dport}


def _evidence(alert: Alert) -> dict[str, str]:
    """What has no key of its own; flow variables are texts."""
    return {
        "alert_id": alert.id,
        "uid": alert.uid,
        "rule": alert.rule,
        "side": alert.side,
        "offset": str(alert.offset),
        "measured_bytes": str(alert.measured_bytes),
        "reason": inert(alert.reason),
        **{name: inert(str(value)) for name, value in judgement_of(alert).items()},
        **commands_of(alert),
    }


def _flow_id(uid: str) -> int:
    """A number for a flow, below 2^53, so that JavaScript keeps every digit."""
    return int.from_bytes(hashlib.sha256(uid.encode()).digest()[:8]) >> 11
