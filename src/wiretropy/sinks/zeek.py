"""Zeek's logs: alerts as ``notice.log``, and as a ``wiretropy.log`` with all numbers; TSV and JSON.

TSV is as Zeek's ASCII writer has it (separator, set separator, ``(empty)``, ``-`` for unset, escapes as ``\\xHH``);
JSON as Zeek's streaming logs have it, with ``_path`` and ``_write_ts``. Times are those of packets, in headers too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Any

from wiretropy.inert import inert
from wiretropy.policy.alert import Alert
from wiretropy.sinks.encode import JUDGEMENT, commands_of, epoch, json_line, utc

Field = tuple[str, str, Any]
"""Name, Zeek type, value; None is unset."""

_TRANSPORTS = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "icmp6": "icmp"}
_SUPPRESS_S = 3_600.0
"""`Notice::default_suppression_interval` of Zeek."""


def notice(alert: Alert) -> list[Field]:
    """Fields of ``notice.log``."""
    note = "Wiretropy::" + "_".join(word.capitalize() for word in alert.rule.split("_"))
    commands = "; ".join(commands_of(alert).values())
    return [
        *_flow(alert),
        *((name, "string", None) for name in ("fuid", "file_mime_type", "file_desc")),
        ("proto", "enum", _TRANSPORTS.get(alert.proto, "unknown_transport")),
        ("note", "enum", note),
        ("msg", "string", alert.reason),
        ("sub", "string", f"{alert.id} {commands}".strip()),
        ("src", "addr", alert.orig_ip),
        ("dst", "addr", alert.resp_ip),
        ("p", "port", alert.resp_port),
        ("n", "count", alert.offset),
        ("peer_descr", "string", "wiretropy"),
        ("actions", "set[enum]", ["Notice::ACTION_LOG"]),
        ("email_dest", "set[string]", []),
        ("suppress_for", "interval", _SUPPRESS_S),
        *((f"remote_location.{name}", "string", None) for name in ("country_code", "region", "city")),
        *((f"remote_location.{name}", "double", None) for name in ("latitude", "longitude")),
    ]


def wiretropy_log(alert: Alert) -> list[Field]:
    """Fields of ``wiretropy.log``."""
    commands = commands_of(alert)
    return [
        *_flow(alert),
        ("proto", "string", alert.proto),
        ("vlan", "count", alert.vlan),
        ("community_id", "string", alert.community_id),
        ("alert_id", "string", alert.id),
        ("rule", "string", alert.rule),
        ("severity", "string", alert.severity),
        ("side", "string", alert.side),
        ("offset", "count", alert.offset),
        ("packet", "count", alert.packet),
        ("source", "string", alert.source),
        ("measured_bytes", "count", alert.measured_bytes),
        ("entropy", "double", alert.entropy_bits_per_byte),
        ("random_mean", "double", alert.random_mean),
        ("random_sd", "double", alert.random_sd),
        ("threshold", "double", alert.threshold),
        ("reason", "string", alert.reason),
        ("plot", "string", commands.get("plot")),
        ("carve", "string", commands.get("carve")),
        *((name, _JUDGEMENT_TYPES.get(name, "string"), getattr(alert, name)) for name in JUDGEMENT),
    ]


_JUDGEMENT_TYPES = {
    **dict.fromkeys(("packet_offset", "verdict_bytes", "segment_start", "segment_end"), "count"),
    **dict.fromkeys(("verdict_probability", "band_entropy", "band_low", "band_high"), "double"),
}


def _flow(alert: Alert) -> list[Field]:
    return [
        ("ts", "time", alert.ts_ns),
        ("uid", "string", alert.uid),
        ("id.orig_h", "addr", alert.orig_ip),
        ("id.orig_p", "port", alert.orig_port),
        ("id.resp_h", "addr", alert.resp_ip),
        ("id.resp_p", "port", alert.resp_port),
    ]


def tsv_line(fields: list[Field]) -> bytes:
    """One line of a log in TSV."""
    return "\t".join(_cell(kind, value) for _, kind, value in fields).encode() + b"\n"


def tsv_header(path: str, fields: list[Field]) -> bytes:
    """What stands at the beginning of a log in TSV; it was opened when its first alert happened."""
    opened = datetime.fromisoformat(utc(fields[0][2]))
    lines = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        f"#path\t{path}",
        f"#open\t{opened:%Y-%m-%d-%H-%M-%S}",
        "\t".join(["#fields", *(name for name, _, _ in fields)]),
        "\t".join(["#types", *(kind for _, kind, _ in fields)]),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def streaming_line(path: str) -> Callable[[list[Field]], bytes]:
    """How lines of a streaming log in JSON are written; unset fields are left out."""

    def write(fields: list[Field]) -> bytes:
        time = utc(fields[0][2])
        values = {name: _json_value(kind, value) for name, kind, value in fields if value is not None}
        return json_line({"_path": path, "_write_ts": time, **values})

    return write


def _json_value(kind: str, value: Any) -> Any:
    if kind == "time":
        return utc(value)
    return inert(value) if isinstance(value, str) else value


def _cell(kind: str, value: Any) -> str:
    """One value in TSV."""
    if value is None:
        return "-"
    if kind == "time":
        return epoch(value)
    if kind in ("double", "interval"):
        return f"{value:.6f}"
    if isinstance(value, list):
        return ",".join(map(_word, value)) or "(empty)"
    return _word(str(value))


def _word(text: str) -> str:
    r"""A text that is one field, whatever is in it; nothing is lost.

    Examples
    --------
    >>> print(_word("a\tb\x1b"), _word("-"), _word(""))
    a\x09b\x1b \x2d (empty)
    """
    if text in ("-", "(empty)"):
        return f"\\x{ord(text[0]):02x}{text[1:]}"
    return "".join(map(_character, text)) or "(empty)"


def _character(character: str) -> str:
    if character != "\\" and unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
