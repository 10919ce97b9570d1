"""The page with how-tos names what alerts have: fields of ECS and EVE, columns of Zeek's log, signatures, settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sink_alerts import ALERT, BAND_REGAINED, RELAPSE

from wiretropy.sinks import file_of, zeek
from wiretropy.sinks.ecs import ecs
from wiretropy.sinks.eve import SIGNATURE_IDS, eve
from wiretropy.sinks.syslog import syslog

PAGE = Path(__file__).resolve().parents[2] / "docs/sink-how-tos.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Names of fields with dots, and {} for the members of a list, as Splunk has them."""
    for name, item in value.items():
        yield f"{prefix}{name}"
        for each in [item] if isinstance(item, dict) else []:
            yield from paths(each, f"{prefix}{name}.")
        for each in [one for one in item if isinstance(one, dict)] if isinstance(item, list) else []:
            yield from paths(each, f"{prefix}{name}{{}}.")


def names(form: Any) -> set[str]:
    return {name for alert in (ALERT, RELAPSE, BAND_REGAINED) for name in paths(json.loads(form(alert)))}


def test_fields_of_ecs_are_there(page: str) -> None:
    asked = set(
        re.findall(
            r"\b(?:wiretropy\.(?!(?:log|alert|conf|json)\b)\w+|event\.\w+|rule\.name|source\.ip|destination\.(?:ip|port))",
            page,
        )
    )
    assert asked >= {"wiretropy.entropy", "wiretropy.random_sd", "wiretropy.verdict", "event.id", "event.reason"}
    assert asked - names(ecs) == set()


def test_fields_of_eve_are_there(page: str) -> None:
    asked = set(re.findall(r"\b(?:alert\.(?!alert\b|community_id\b)[a-z_]+|metadata\.[a-z]+(?:\{\}\.\w+)?)", page))
    assert asked == {
        *("alert.signature", "alert.signature_id", "alert.severity"),
        *("metadata.entropy", "metadata.flowvars", "metadata.flowvars{}.reason"),
    }
    assert asked - names(eve) == set()


def test_signatures_are_all_of_them_and_no_others(page: str) -> None:
    assert {int(each) for each in re.findall(r"\b19\d{5}\b", page)} == {min(each := SIGNATURE_IDS.values()), max(each)}


def test_columns_of_zeek_s_log_are_there(page: str) -> None:
    columns = {name for name, _, _ in zeek.wiretropy_log(ALERT)}
    cuts = re.findall(r"zeek-cut (?:-d )?([\w. ]+) < wiretropy\.log", page)
    assert len(cuts) == 2
    assert {name for cut in cuts for name in cut.split()} - columns == set()


def test_times_are_where_splunk_looks_for_them(page: str) -> None:
    prefix = '"timestamp":"'
    assert f"TIME_PREFIX = {prefix}" in page
    line = eve(ALERT).decode()
    assert line.startswith("{" + prefix)
    assert len(line.split('"')[3]) <= int(re.findall(r"MAX_TIMESTAMP_LOOKAHEAD = (\d+)", page)[0])


def test_rsyslog_finds_structured_data_and_a_mark_of_three_bytes(page: str) -> None:
    [name] = re.findall(r"rfc5424-sd!([\w@]+)", page)
    assert f" [{name} ".encode() in syslog(ALERT)
    [start] = re.findall(r'name="msg" position\.from="(\d)"', page)
    assert syslog(ALERT).partition(b"] ")[2][: int(start) - 1] == b"\xef\xbb\xbf"


def test_every_sink_on_the_page_is_one(page: str) -> None:
    specs = re.findall(r"--alerts-to ((?:eve|ecs|zeek)\S+)", page)
    assert len(specs) == 5
    assert all(file_of(spec) is not None for spec in specs)
