"""A policy as the TOML of its file, with every default; reading it gives the same policy.

A `Policy` goes in, text comes out. Files of bands are named, not repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from wiretropy.policy.model import POLICY_VERSION, Policy, Traffic

POLICY_KEY = b"wiretropy.policy"
"""Metadata of stored flows with alert ids: the policy that the alerts come from, as TOML."""

_LEFT_OUT = 2**63 - 1
"""A `to_byte` that ends nothing is not written."""


def policy_toml(policy: Policy) -> str:
    """Write a policy.

    Examples
    --------
    >>> from wiretropy.policy.model import without_file
    >>> print(policy_toml(without_file()).split("\\n\\n")[1])
    [[threshold]]
    bits_per_byte = 7.9
    direction = "rising"
    from_byte = 0
    sides = ["orig", "resp"]
    """
    blocks = [f"version = {POLICY_VERSION}"]
    for table, content in policy_record(policy).items():
        if table == "version":
            continue
        if isinstance(content, list):
            blocks += [_block(f"[[{table}]]", entry) for entry in content]
            if not content and table == "may_be_encrypted":
                # That it is there says that nothing may be encrypted.
                blocks[0] += "\nmay_be_encrypted = []"
        elif table in ("names", "rules"):
            blocks += [_block(f"[{table}.{_key(name)}]", entry) for name, entry in content.items()]
        else:
            blocks.append(_block(f"[{table}]", content))
    return "\n\n".join(blocks) + "\n"


def policy_record(policy: Policy) -> dict[str, Any]:
    """A policy in values that JSON has, by the names of its file."""
    return {
        "version": POLICY_VERSION,
        "names": {name: _traffic(traffic) for name, traffic in policy.names.items()},
        "may_be_encrypted": [_traffic(each) for each in policy.may_be_encrypted],
        "must_be_encrypted": [_traffic(each) for each in policy.must_be_encrypted],
        **{table: [_entry(each) for each in getattr(policy, table)] for table in ("threshold", "band", "exception")},
        "rules": {name: _entry(rule) for name, rule in policy.rules.items()},
        "suppression": _entry(policy.suppression),
        "rate_limit": _entry(policy.rate_limit),
    }


def _entry(value: Any) -> dict[str, Any]:
    """The keys of a table; traffic stands among them."""
    record: dict[str, Any] = {}
    for each in fields(value):
        content = getattr(value, each.name)
        if each.name == "traffic":
            record.update(_traffic(content))
        elif each.name == "changes":
            record["changes"] = [f"{before} -> {after}" for before, after in content]
        elif each.name != "bands" and (each.name, content) != ("to_byte", _LEFT_OUT):
            record[each.name] = list(content) if isinstance(content, tuple) else _plain(content)
    return record


def _traffic(traffic: Traffic) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for each in fields(traffic):
        content = getattr(traffic, each.name)
        if each.name == "ports" and content:
            record["ports"] = [low if low == high else f"{low}-{high}" for low, high in content]
        elif content:
            record[each.name] = [_plain(item) for item in content]
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | str) else str(value)


def _block(head: str, entry: Mapping[str, Any]) -> str:
    return "\n".join([head, *_pairs(entry)])


def _pairs(entry: Mapping[str, Any]) -> Iterator[str]:
    for key, value in entry.items():
        # A day is the one value whose text in JSON is no TOML.
        yield f"{key} = {value if key == 'until' else _toml(value)}"


def _key(name: str) -> str:
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else _toml(name)


def _toml(value: Any) -> str:
    """A value as TOML; texts are ASCII."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return "".join(map(_character, json.dumps(value, ensure_ascii=False)))


def _character(character: str) -> str:
    """A character of a text; TOML has JSON's escapes, but none for pairs of surrogates."""
    code = ord(character)
    if code == 0x7F or not character.isascii():
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character
