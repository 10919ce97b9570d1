"""EVE of every rule against Suricata's schema (`etc/schema.json` of its sources), and what that demands in our words.

The schema is not part of this repository. `WIRETROPY_SURICATA_SCHEMA` names one or several, with a colon between them;
whether one is of Suricata 7 or 8 is told by its `metadata`, which has `entropy` as of 8. Debian's package of
Suricata does not have it; its source package of version 8 does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from program import wiretropy
from sink_alerts import ALERT, BAND_REGAINED, HOSTILE, RELAPSE

from wiretropy.policy.model import RULES
from wiretropy.sinks.eve import SIGNATURE_IDS, eve, eve7

POLICY = """
version = 1
may_be_encrypted = []
[[must_be_encrypted]]
ports = [80, 1935, 3389]
[[threshold]]
bits_per_byte = 7.0
[[band]]
file = "low.protospec"
[rules.coding_changed]
after_bytes = 0
min_bytes = 16
changes = ["* -> *"]
"""
"""Made to be broken: all rules fire on the examples."""

LOW = "Port: 22, 80, 443, 1935\nRange: 1 500 0 4\nRange: 501 65536 0 8\n"
"""A band that is left within the first 500 bytes, and regained behind them."""

NAMED = os.environ.get("WIRETROPY_SURICATA_SCHEMA", "")

Event = dict[str, Any]


@pytest.fixture(scope="module")
def written(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Event]]:
    """Events that one scan of the examples writes, of Suricata 8 and of 7."""
    folder = tmp_path_factory.mktemp("eve")
    (folder / "all.toml").write_text(POLICY)
    (folder / "low.protospec").write_text(LOW)
    sinks = [word for kind in ("eve", "eve7") for word in ("--alerts-to", f"{kind}:{folder / kind}")]
    captures = sorted(each for each in examples.glob("*.pcap") if each.name != "demo.pcap")
    done = wiretropy("scan", *captures, "--policy", folder / "all.toml", *sinks)
    assert done.returncode == 0, done.stderr
    return {kind: [json.loads(line) for line in (folder / kind).read_text().splitlines()] for kind in ("eve", "eve7")}


def made(kind: str) -> Iterator[Event]:
    """Events of alerts that the examples do not have: ICMP, VLAN, SCTP, hostile names."""
    form = {"eve": eve, "eve7": eve7}[kind]
    others = (replace(ALERT, proto=proto, vlan=None) for proto in ("icmp", "icmp6", "sctp", "udp"))
    for alert in (ALERT, HOSTILE, RELAPSE, BAND_REGAINED, *others, replace(ALERT, commands=None, ts_ns=0)):
        yield json.loads(form(alert))


@pytest.mark.parametrize("path", [each for each in NAMED.split(":") if each] or [""])
def test_alerts_of_all_rules_are_valid_by_suricata_s_schema(path: str, written: dict[str, list[Event]]) -> None:
    if not Path(path).is_file():
        pytest.skip(f"no schema of Suricata at {path!r}; name its etc/schema.json with WIRETROPY_SURICATA_SCHEMA")
    schema = json.loads(Path(path).read_text())
    kind = "eve" if "entropy" in schema["properties"]["metadata"]["properties"] else "eve7"
    validator = Draft202012Validator(schema)
    for event in (*written[kind], *made(kind)):
        assert [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(event)] == []


def test_a_scan_of_the_examples_writes_alerts_of_all_rules(written: dict[str, list[Event]]) -> None:
    for events in written.values():
        assert {event["alert"]["signature_id"] for event in events} == set(SIGNATURE_IDS.values())
    assert SIGNATURE_IDS.keys() == RULES.keys()


TEXTS = "timestamp event_type src_ip dest_ip proto community_id pcap_filename".split()
INTEGERS = "flow_id pcap_cnt src_port dest_port icmp_type".split()
ALERT_TEXTS = "action signature category".split()
ALERT_INTEGERS = "gid signature_id rev severity".split()


@pytest.mark.parametrize("kind", ["eve", "eve7"])
def test_keys_and_types_are_those_that_the_schema_takes(kind: str, written: dict[str, list[Event]]) -> None:
    for event in (*written[kind], *made(kind)):
        alert, metadata, vlan = dict(event["alert"]), event["metadata"], event.get("vlan", [7])
        values = {name: value for name, value in event.items() if name not in ("alert", "metadata", "vlan")}
        assert values.keys() <= {*TEXTS, *INTEGERS}
        assert all(type(values[name]) is (str if name in TEXTS else int) for name in values)
        assert values.keys() >= {"timestamp", "event_type", "src_ip", "dest_ip", "proto", "flow_id"}
        assert [type(each) for each in vlan] == [int]
        # Suricata 7 takes few keys of rule metadata; each has a list of texts that is not empty.
        assert {name: [type(each) for each in listed] for name, listed in alert.pop("metadata").items()} == {
            "signature_severity": [str],
            "tag": [str],
        }
        assert alert.keys() == {*ALERT_TEXTS, *ALERT_INTEGERS}
        assert all(type(alert[name]) is (str if name in ALERT_TEXTS else int) for name in alert)
        assert all(type(value) is str for each in metadata["flowvars"] for value in each.values())
        assert all(len(each) == 1 for each in metadata["flowvars"])
        assert metadata.keys() == ({"flowvars", "entropy"} if kind == "eve" else {"flowvars"})
        assert all(type(value) is float for value in metadata.get("entropy", {}).values())


def variables(event: Event) -> dict[str, str]:
    return {name: value for each in event["metadata"]["flowvars"] for name, value in each.items()}


def test_suricata_7_has_the_entropies_as_flow_variables_with_every_digit(written: dict[str, list[Event]]) -> None:
    for later, earlier in zip(written["eve"], written["eve7"], strict=True):
        entropies = later["metadata"]["entropy"]
        assert {name: float(variables(earlier)[name]) for name in entropies} == entropies
        assert variables(earlier).items() >= variables(later).items()
