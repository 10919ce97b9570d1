"""The Elastic Common Schema: one document a line, for Elasticsearch, Kibana and whatever else reads ECS.

Field names are those of ECS 8.11; what ECS has no field for stands below ``wiretropy``. Source is the originator.
"""

from __future__ import annotations

from typing import Any

from wiretropy.inert import inert
from wiretropy.policy.alert import Alert
from wiretropy.sinks.encode import commands_of, json_line, judgement_of, utc

_SEVERITIES = {"low": 21, "medium": 47, "high": 73, "critical": 99}
"""Risk scores that Elastic Security has for these words."""

_TRANSPORTS = {"icmp6": "ipv6-icmp"}


def ecs(alert: Alert) -> bytes:
    """An alert as one ECS document."""
    network: dict[str, Any] = {
        "transport": _TRANSPORTS.get(alert.proto, alert.proto),
        "type": "ipv6" if ":" in alert.orig_ip else "ipv4",
        "community_id": alert.community_id,
    }
    if alert.vlan is not None:
        network["vlan"] = {"id": str(alert.vlan)}
    return json_line(
        {
            "@timestamp": utc(alert.ts_ns),
            "ecs": {"version": "8.11.0"},
            "message": inert(alert.reason),
            "event": {
                "kind": "alert",
                "category": ["network", "intrusion_detection"],
                "type": ["info"],
                "module": "wiretropy",
                "dataset": "wiretropy.alert",
                "id": alert.id,
                "severity": _SEVERITIES[alert.severity],
                "reason": inert(alert.reason),
            },
            "rule": {"name": alert.rule},
            "source": {"ip": alert.orig_ip, "port": alert.orig_port},
            "destination": {"ip": alert.resp_ip, "port": alert.resp_port},
            "network": network,
            "wiretropy": {
                "uid": alert.uid,
                "severity": alert.severity,
                "side": alert.side,
                "offset": alert.offset,
                "packet": alert.packet,
                "source": inert(alert.source),
                "measured_bytes": alert.measured_bytes,
                "entropy": alert.entropy_bits_per_byte,
                "random_mean": alert.random_mean,
                "random_sd": alert.random_sd,
                **({} if alert.threshold is None else {"threshold": alert.threshold}),
                **{name: inert(v) if isinstance(v, str) else v for name, v in judgement_of(alert).items()},
                "command": commands_of(alert),
            },
        }
    )
