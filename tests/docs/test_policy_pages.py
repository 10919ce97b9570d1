"""The pages on policies and alerts tell every table, key, default and rule."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from wiretropy.policy.keys import PARSERS
from wiretropy.policy.model import RULES
from wiretropy.policy.read import TABLES, PolicyError, parse_policy
from wiretropy.policy.show import policy_record
from wiretropy.schema import SEGMENT_KINDS

DOCS = Path(__file__).parents[2] / "docs"
POLICY, ALERTS = ((DOCS / name).read_text() for name in ("policy.md", "alerts.md"))


@pytest.mark.parametrize("key", [*TABLES, *PARSERS])
def test_every_table_and_key_is_told(key: str) -> None:
    assert re.search(rf"\b{key}\b", POLICY)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_told_with_its_settings_and_what_to_do(rule: str) -> None:
    [row] = [line for line in POLICY.splitlines() if line.startswith(f"| `{rule}` |")]
    assert RULES[rule].severity in row
    shown = policy_record(parse_policy("", "p", DOCS))["rules"][rule]
    for each in fields(RULES[rule]):
        value = shown[each.name]
        if each.name not in ("enabled", "severity") and rule != "plaintext_unexpected":
            assert f"{each.name} = {str(value).replace(chr(39), chr(34))}" in row
    section = ALERTS.split(f"## {rule}\n")[1].split("\n## ")[0]
    assert "**Means.**" in section
    assert "**Do.**" in section


def test_every_kind_of_segment_is_told() -> None:
    assert all(f"`{kind}`" in POLICY for kind in SEGMENT_KINDS)


def test_the_example_is_a_policy_but_for_its_file_of_bands() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", POLICY, re.DOTALL)
    assert set(tomllib.loads(example)) <= {"version", *TABLES}
    with pytest.raises(PolicyError) as caught:
        parse_policy(example, "p", DOCS)
    [fault] = caught.value.faults
    assert "ssh.json" in fault
