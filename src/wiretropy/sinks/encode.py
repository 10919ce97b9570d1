"""Values of alerts as texts: times, JSON, and words from outside that nobody obeys.

Alerts go in, texts come out. Controls, bidirectional marks and other characters that move a cursor are escaped
wherever a text may come from a file name or a packet; in JSON, markup is too, as ``\\u003c``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from wiretropy.inert import inert
from wiretropy.limits import NS_PER_S
from wiretropy.policy.alert import Alert

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_S = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH).total_seconds())
_MARKUP = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def utc(ts_ns: int, zone: str = "Z") -> str:
    """A time in ISO 8601 (RFC 3339) with microseconds; times beyond the year 9999 stay there.

    Examples
    --------
    >>> utc(1_500_000_000_123_456_789)
    '2017-07-14T02:40:00.123456Z'
    """
    seconds, ns = divmod(min(max(ts_ns, 0), _LAST_S * NS_PER_S), NS_PER_S)
    time = _EPOCH + timedelta(seconds=seconds)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{ns // 1_000:06d}{zone}"


def epoch(ts_ns: int) -> str:
    """A time in seconds since 1970 with six digits, as Zeek writes it."""
    return f"{ts_ns // NS_PER_S}.{ts_ns % NS_PER_S // 1_000:06d}"


def json_line(record: Mapping[str, Any]) -> bytes:
    r"""One JSON object and a line feed, in ASCII; everything that is markup or no ASCII is escaped.

    Examples
    --------
    >>> json_line({"a": "<b>"})
    b'{"a":"\\u003cb\\u003e"}\n'
    """
    text = json.dumps(record, allow_nan=False, separators=(",", ":"))
    # These three stand in JSON within strings only.
    return text.translate(_MARKUP).encode("ascii") + b"\n"


def record_of(alert: Alert) -> dict[str, Any]:
    """An alert as a dictionary of inert values, by the names of its attributes; commands are ``plot`` and ``carve``."""
    record = asdict(alert)
    del record["commands"]
    record.update(commands_of(alert))
    return {name: inert(value) if isinstance(value, str) else value for name, value in record.items()}


def commands_of(alert: Alert) -> dict[str, str]:
    """The commands of an alert by name; none for standard input."""
    if alert.commands is None:
        return {}
    return {"plot": inert(alert.commands.plot), "carve": inert(alert.commands.carve)}


JUDGEMENT = (
    *("packet_offset", "verdict", "verdict_probability", "verdict_bytes"),
    *("segment", "segment_start", "segment_end", "segment_before"),
    *("band", "band_entropy", "band_low", "band_high"),
)
"""Attributes of alerts that only some rules have."""


def judgement_of(alert: Alert) -> dict[str, Any]:
    """What an alert has of verdict, segment and band, by the names of its attributes; text is as it came."""
    return {name: getattr(alert, name) for name in JUDGEMENT if getattr(alert, name) is not None}


def alert_json(alert: Alert) -> bytes:
    """An alert as one line of JSON, with all that it holds: what commands and webhooks get."""
    return json_line(record_of(alert))
