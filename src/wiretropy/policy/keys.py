"""The keys of a policy file: which values each takes, and what to write instead of others.

A value that `tomllib` read goes in, a value of the model comes out; what is not taken is told to `fail`, with where in
the value it stands, and becomes None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from ipaddress import ip_network
from typing import Any

from wiretropy.inert import inert
from wiretropy.policy.model import POLICY_VERSION, RULES, SEVERITIES, VERDICTS
from wiretropy.schema import SEGMENT_KINDS

Fail = Callable[..., Any]
"""Takes a message, and the index of the element that it is about, if it is about one; gives None."""

Parser = Callable[[Any, Fail], Any]

MAX_ITEMS = 65_536
"""Longest list: one that holds every port."""

_MAX_PORT = 65_535
_MAX_BYTES = 2**63 - 1
_MAX_SPAN_S = 366 * 86_400
"""A year, beyond which a span is no span."""


def shown(value: Any) -> str:
    """A value of the file, made visible and short."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        text = f'"{value}"' if isinstance(value, str) else str(value)
    except ValueError:
        # Python does not write numbers of more than 4,300 digits.
        text = "a number of thousands of digits, or what holds one"
    return inert(text, max_length=60)


def _boolean(value: Any, fail: Fail) -> Any:
    if isinstance(value, bool):
        return value
    return fail(f"needs true or false; got {shown(value)}")


def _whole(low: int, high: int, unit: str) -> Parser:
    """A parser of whole numbers."""

    def parse(value: Any, fail: Fail) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        bounds = f"from {low}, below 2^63" if high == _MAX_BYTES else f"from {low:,} to {high:,}"
        return fail(f"needs a whole number{unit} {bounds}; got {shown(value)}")

    return parse


def _number(low: float, high: float, unit: str) -> Parser:
    """A parser of numbers."""

    def parse(value: Any, fail: Fail) -> Any:
        # NaN lies within no bounds.
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        return fail(f"needs a number{unit} from {low:g} to {high:g}; got {shown(value)}")

    return parse


def _choice(choices: tuple[str, ...]) -> Parser:
    """A parser of one word out of several."""

    def parse(value: Any, fail: Fail) -> Any:
        if isinstance(value, str) and value in choices:
            return value
        return fail(f"needs one of {_listed(choices)}; got {shown(value)}")

    return parse


def _text(what: str) -> Parser:
    """A parser of texts that say something."""

    def parse(value: Any, fail: Fail) -> Any:
        if isinstance(value, str) and value.strip():
            return value
        return fail(f"needs {what}; got {shown(value)}")

    return parse


def _list(parser: Parser, example: str) -> Parser:
    """A parser of lists without repeats."""

    def parse(value: Any, fail: Fail) -> Any:
        if not isinstance(value, list):
            return fail(f"needs a list, such as {example}; got {shown(value)}")
        if not 0 < len(value) <= MAX_ITEMS:
            return fail(f"needs 1 to {MAX_ITEMS:,} elements, such as {example}; got {len(value):,}")
        items = [parser(item, lambda message, at=index: fail(message, at)) for index, item in enumerate(value)]
        return tuple(dict.fromkeys(item for item in items if item is not None))

    return parse


def _ports(value: Any, fail: Fail) -> Any:
    """Read a port, or a range as text."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_PORT:
        return value, value
    if isinstance(value, str):
        first, dash, last = value.partition("-")
        if _is_port(first) and (_is_port(last) or not dash):
            low, high = int(first), int(last or first)
            if low <= high:
                return low, high
    return fail(f'needs ports from 0 to 65535, such as 443 or "990-995"; got {shown(value)}')


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= _MAX_PORT


def _network(value: Any, fail: Fail) -> Any:
    """Read an address or a network in CIDR notation."""
    try:
        if isinstance(value, str) and "%" not in value:
            return ip_network(value, strict=False)
    except ValueError:
        pass
    return fail(f'needs addresses or networks, such as "10.0.0.0/8" or "2001:db8::/32"; got {shown(value)}')


def _day(value: Any, fail: Fail) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return fail(f"needs a day without quotes, such as 2027-01-31; got {shown(value)}")


def _change(value: Any, fail: Fail) -> Any:
    """Read ``encrypted -> compressed``."""
    before, arrow, after = (part.strip() for part in str(value).partition("->"))
    known = {"*", *SEGMENT_KINDS}
    if isinstance(value, str) and arrow and before in known and after in known:
        return before, after
    kinds = _listed(SEGMENT_KINDS)
    return fail(f'needs changes such as "encrypted -> compressed" between {kinds} or "*"; got {shown(value)}')


def _community_id(value: Any, fail: Fail) -> Any:
    if isinstance(value, str) and _COMMUNITY_ID.fullmatch(value):
        return value
    return fail(f'needs Community IDs, such as "1:LQU9qZlK+B5F3KDmev6m5PMibrg="; got {shown(value)}')


_COMMUNITY_ID = re.compile(r"1:[A-Za-z0-9+/]{27}=")
"""Version 1: a SHA-1 in base64."""


def _version(value: Any, fail: Fail) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value == POLICY_VERSION:
        return POLICY_VERSION
    return fail(f"needs {POLICY_VERSION}, the only version that this program knows; got {shown(value)}")


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words[:-1]) + f' or "{words[-1]}"'


_NETWORKS = _list(_network, '["10.0.0.0/8"]')

PARSERS: dict[str, Parser] = {
    "version": _version,
    "ports": _list(_ports, '[22, 443, "990-995"]'),
    "networks": _NETWORKS,
    "originators": _NETWORKS,
    "responders": _NETWORKS,
    "protocols": _list(_choice(("tcp", "udp", "sctp", "icmp", "icmp6")), '["tcp"]'),
    "community_ids": _list(_community_id, '["1:LQU9qZlK+B5F3KDmev6m5PMibrg="]'),
    "names": _list(_text("names of the table names"), '["office"]'),
    "bits_per_byte": _number(0, 8, " of bits per byte"),
    "direction": _choice(("rising", "falling")),
    "from_byte": _whole(0, _MAX_BYTES, " of bytes"),
    "to_byte": _whole(0, _MAX_BYTES, " of bytes"),
    "sides": _list(_choice(("orig", "resp")), '["orig"]'),
    "file": _text("the path of a file of bands"),
    "rules": _list(_choice(tuple(RULES)), '["encrypted_unexpected"]'),
    "until": _day,
    "reason": _text("a sentence that says why"),
    "enabled": _boolean,
    "severity": _choice(SEVERITIES),
    "min_probability": _number(0, 1, ""),
    "min_bytes": _whole(0, _MAX_BYTES, " of bytes"),
    "verdicts": _list(_choice(tuple(v for v in VERDICTS if v != "encrypted")), '["text", "encoded"]'),
    "clear_bytes": _whole(0, _MAX_BYTES, " of bytes"),
    "min_unevenness": _number(0, 255, ""),
    "after_encrypted_bytes": _whole(0, _MAX_BYTES, " of bytes"),
    "after_random_bytes": _whole(0, _MAX_BYTES, " of bytes"),
    "last_random_bytes": _whole(0, _MAX_BYTES, " of bytes"),
    "after_bytes": _whole(0, _MAX_BYTES, " of bytes"),
    "changes": _list(_change, '["encrypted -> compressed"]'),
    "by": _choice(("host", "pair")),
    "at_most": _whole(0, 1_000_000, " of alerts"),
    "span_s": _whole(1, _MAX_SPAN_S, " of seconds"),
}
"""What each key takes; a key means the same in every table."""
