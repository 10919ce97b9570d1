"""The lines of the old program, for scripts that watch them.

A band that is regained is a falling alarm, and whatever else breaks a rule a rising one. ``packets`` is the number of
the packet in its capture. ``entropy`` is that of the point where a band was left, or else of all measured bytes, since
a flow record does not keep what it was at a crossing.
"""

from __future__ import annotations

from wiretropy.netentropy.alarm import Event, Kind
from wiretropy.netentropy.lines import endpoint, line, tag
from wiretropy.policy.alert import Alert


def net_entropy(alert: Alert) -> bytes:
    """An alert as one line with its tag."""
    kind = Kind.FALLING if alert.rule == "band_regained" else Kind.RISING
    entropy = alert.entropy_bits_per_byte if alert.band_entropy is None else alert.band_entropy
    event = Event(kind, alert.offset, alert.packet, alert.ts_ns, entropy)
    orig, resp = endpoint(alert.orig_ip, alert.orig_port), endpoint(alert.resp_ip, alert.resp_port)
    source, target = (resp, orig) if alert.side == "resp" else (orig, resp)
    return (tag() + line(event, source, target)).encode() + b"\n"
