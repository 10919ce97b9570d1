"""Every cap and default of a scan, with the reason for its value.

Caps of the core itself are in `crates/core/src/limits.rs`.
"""

from __future__ import annotations

NS_PER_S = 1_000_000_000

MAX_COUNT = 2**63 - 1
"""Largest number of bytes or flows: what fits into 64 bits with a sign."""

MAX_SECONDS = 9_000_000_000
"""Longest time-out: 285 years, as many seconds as fit into 64 bits of nanoseconds."""

TCP_TIMEOUT_S = 300.0
"""Open TCP without a packet: Zeek's `tcp_inactivity_timeout` (5 minutes)."""

CLOSED_TIMEOUT_S = 5.0
"""TCP after its end: Zeek's `tcp_close_delay` (5 seconds). Long enough for two repeats of a FIN (RFC 6298
doubles a 1 s timer), short enough that ports can be used again."""

OTHER_TIMEOUT_S = 60.0
"""UDP and ICMP without a packet: Zeek's `udp_inactivity_timeout` (1 minute)."""

MAX_THREADS = 256
"""Worker threads; more than the cores there are only wait for each other."""

MAX_FLOWS = 4_000_000
"""Flows open at once; at about 500 bytes each without payload that is 2 GB."""

MAX_HELD_BYTES = 4 << 30
"""Payload kept of open flows: bytes of short flows until they end, segments that wait, and what
later copies are compared with."""

SPOOLED_BYTES = 16 << 20
"""Carved packets for a pipe that wait in memory until all are there: most flows fit. More of them wait in a temporary
file."""

FIRST_ROWS = 40
"""Rows that the terminal's table shows unless asked for more: about one screen."""

MAX_CROSSINGS = 256
"""Threshold crossings listed of one curve, as `limits.rs` has it: random bytes flicker tens of times
around a threshold near their mean."""

MAX_SEGMENTS = 64
"""Segments told of one side, as `limits.rs` has it; the last of so many reaches to the end, whatever comes behind."""

SEGMENT_BLOCK_BYTES = 16
"""Bytes that segments are made of: where one begins, so many at least are of its kind."""

ALERT_QUEUE = 10_000
"""Alerts that wait for a slow receiver; at about 2 KB each that is 20 MB."""

SINK_TIMEOUT_S = 10.0
"""Longest wait for one answer of a receiver of alerts, or for one run of a command."""

SINK_CLOSE_S = 30.0
"""Longest wait at the end for alerts that are still on their way: three time-outs."""

WEBHOOK_TRIES = 3
"""Times that an alert is posted before it counts as not delivered; a restarting service comes back within seconds."""

SYSLOG_BYTES = 8_192
"""Longest syslog message: what receivers should take (RFC 5425, section 4.3.1). The commands of an alert, which grow
with the names of the captures, are left out of a longer one."""

ROTATED_FILES = 5
"""Rotated files of alerts that are kept beside the newest."""

REPORT_FLOWS = 10_000
"""Flows in the table of a report: 3 MB of HTML, and still sorted and filtered within a tenth of a second."""

REPORT_PICTURES = 100
"""Flows with alerts that a report draws: about 12 KB each, and more than anybody looks through."""

REPORT_ALERTS = 20
"""Alerts of one flow that a report lists and marks: a curve that wavers about its bound raises them by the dozen."""

REPORT_SEGMENTS = 32
"""Segments of one direction that a report draws and lists; narrower ones could not be seen beside each other."""

MAX_ALERT_SPANS = 100_000
"""Hosts or pairs of hosts whose alerts are counted at once, to suppress repeats; about 30 MB."""
