"""The lines of the old program, for scripts that watch them.

A crossing is a rising alarm. ``packets`` is the number of the packet in its capture and ``entropy`` that of all
measured bytes: a flow record does not keep the two as they were at the crossing.
"""

from __future__ import annotations

from wiretropy.netentropy.alarm import Event, Kind
from wiretropy.netentropy.lines import endpoint, line, tag
from wiretropy.policy.alert import Alert


def net_entropy(alert: Alert) -> bytes:
    """An alert as one line with its tag."""
    event = Event(Kind.RISING, alert.offset, alert.packet, alert.ts_ns, alert.entropy_bits_per_byte)
    orig, resp = endpoint(alert.orig_ip, alert.orig_port), endpoint(alert.resp_ip, alert.resp_port)
    source, target = (orig, resp) if alert.side == "orig" else (resp, orig)
    return (tag() + line(event, source, target)).encode() + b"\n"
