"""An alert for tests of sinks, plain or hostile."""

from __future__ import annotations

from dataclasses import replace

from wiretropy.policy.alert import Alert
from wiretropy.policy.evidence import Commands, commands_of

ALERT = Alert(
    id="A0123456789abcdef",
    rule="threshold_crossed",
    severity="medium",
    ts_ns=1_500_000_000_123_456_789,
    uid="CyX9",
    community_id="1:abc=",
    proto="tcp",
    orig_ip="10.0.0.5",
    orig_port=49_152,
    resp_ip="2001:db8::9",
    resp_port=8_443,
    vlan=7,
    side="resp",
    offset=1_890,
    packet=12,
    source="a.pcap",
    measured_bytes=4_096,
    entropy_bits_per_byte=7.953,
    random_mean=7.9546,
    random_sd=0.004,
    threshold=7.9,
    reason="the responder's payload reached 7.9",
    commands=Commands("wiretropy plot a.pcap --flow CyX9", "wiretropy carve a.pcap --flow CyX9"),
)

HOSTILE_NAME = 'a\n\r\t\0\x1b[31m\x9b\u202e\u2028"\\]<script>-\udcff.pcap'

RELAPSE = replace(
    ALERT,
    rule="relapse",
    severity="high",
    threshold=None,
    verdict="encrypted",
    verdict_probability=0.99,
    verdict_bytes=4_096,
    segment="text",
    segment_start=1_890,
    segment_end=2_090,
    segment_before="encrypted",
)
"""An alert of a rule about verdicts."""

BAND_REGAINED = replace(
    ALERT,
    rule="band_regained",
    threshold=None,
    side="both",
    packet_offset=1_400,
    band=HOSTILE_NAME,
    band_entropy=7.5,
    band_low=7.25,
    band_high=7.75,
)
"""An alert of a rule about bands, whose name is text from outside."""

HOSTILE = replace(
    ALERT, source=HOSTILE_NAME, reason=f"packet 1 of {HOSTILE_NAME}", commands=commands_of("CyX9", [HOSTILE_NAME])
)
