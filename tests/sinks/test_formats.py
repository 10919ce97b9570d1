"""Lines of every format: known answers, and hostile names that stay inert."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sink_alerts import ALERT, BAND_REGAINED, HOSTILE, RELAPSE

from wiretropy.policy.alert import Alert
from wiretropy.sinks import zeek
from wiretropy.sinks.ecs import ecs
from wiretropy.sinks.encode import alert_json
from wiretropy.sinks.eve import eve, eve7
from wiretropy.sinks.net_entropy import net_entropy
from wiretropy.sinks.syslog import octet_counted, syslog
from wiretropy.sinks.text import text


def test_eve_is_an_alert_of_the_packet_with_entropy_in_the_metadata() -> None:
    event = json.loads(eve(ALERT))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d+", event["timestamp"])
    assert event["timestamp"] == "2017-07-14T02:40:00.123456+0000"
    assert (event["src_ip"], event["src_port"]) == ("2001:db8::9", 8_443)
    assert (event["dest_ip"], event["dest_port"]) == ("10.0.0.5", 49_152)
    assert 0 <= event["flow_id"] < 2**53
    assert event["metadata"]["entropy"] == {
        "resp_payload": 7.953,
        "random_mean": 7.9546,
        "random_sd": 0.004,
        "threshold": 7.9,
    }
    assert event["alert"]["severity"] == 2


def test_syslog_is_rfc_5424() -> None:
    assert syslog(ALERT, "sensor") == (
        b"<28>1 2017-07-14T02:40:00.123456Z sensor wiretropy - threshold_crossed [wiretropy@32473"
        b' id="A0123456789abcdef" rule="threshold_crossed" severity="medium" uid="CyX9" community_id="1:abc="'
        b' vlan="7" side="resp" offset="1890" packet="12" source="a.pcap" measured_bytes="4096"'
        b' entropy_bits_per_byte="7.953" random_mean="7.9546" random_sd="0.004" threshold="7.9"'
        b' plot="wiretropy plot a.pcap --flow CyX9" carve="wiretropy carve a.pcap --flow CyX9"]'
        b" \xef\xbb\xbftcp 10.0.0.5:49152 -> [2001:db8::9]:8443: the responder's payload reached 7.9"
    )
    assert octet_counted(b"abc") == b"3 abc"


def test_quotes_and_brackets_are_escaped_in_structured_data() -> None:
    assert rb"u2028\"\\\]<script>-" in syslog(HOSTILE)


def test_a_long_message_leaves_out_the_commands() -> None:
    alert = replace(ALERT, commands=replace(ALERT.commands, plot="x" * 9_000))
    assert b" plot=" not in syslog(alert)
    assert b' uid="CyX9"' in syslog(alert)


def test_plain_text_is_one_line() -> None:
    assert text(ALERT).decode() == (
        "2017-07-14T02:40:00.123456Z medium threshold_crossed A0123456789abcdef CyX9 tcp 10.0.0.5:49152 -> "
        "[2001:db8::9]:8443: the responder's payload reached 7.9; plot: wiretropy plot a.pcap --flow CyX9; "
        "carve: wiretropy carve a.pcap --flow CyX9\n"
    )


def test_net_entropy_writes_a_rising_alarm() -> None:
    assert net_entropy(ALERT).decode() == (
        f"net-entropy[{os.getpid()}]: RISING ALARM on [2001:db8::9]:8443 -> 10.0.0.5:49152 offset=1890 packets=12 "
        "entropy=7.95300000\n"
    )


@pytest.mark.parametrize("fields", [zeek.notice, zeek.wiretropy_log])
def test_zeek_lines_have_a_cell_for_each_field_of_the_header(fields: Callable[[Alert], list[zeek.Field]]) -> None:
    header = zeek.tsv_header("notice", fields(ALERT)).decode().splitlines()
    assert header[:4] == ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-"]
    names = header[-2].split("\t")[1:]
    for alert in (ALERT, HOSTILE, RELAPSE, BAND_REGAINED, replace(ALERT, vlan=None, commands=None)):
        cells = zeek.tsv_line(fields(alert)).decode().removesuffix("\n").split("\t")
        assert len(names) == len(header[-1].split("\t")) - 1 == len(cells)
        assert cells[:6] == ["1500000000.123456", "CyX9", "10.0.0.5", "49152", "2001:db8::9", "8443"]


def test_zeek_notice_is_named_after_the_rule() -> None:
    values = {name: value for name, _, value in zeek.notice(ALERT)}
    assert values["note"] == "Wiretropy::Threshold_Crossed"
    assert values["proto"] == "tcp"


def test_zeek_notice_has_the_columns_of_zeek_s_own_in_their_order() -> None:
    flow = "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port"
    told = "fuid:string file_mime_type:string file_desc:string proto:enum note:enum msg:string sub:string src:addr"
    rest = "dst:addr p:port n:count peer_descr:string actions:set[enum] email_dest:set[string] suppress_for:interval"
    place = "country_code:string region:string city:string latitude:double longitude:double"
    expected = f"{flow} {told} {rest}".split() + [f"remote_location.{each}" for each in place.split()]
    assert [f"{name}:{kind}" for name, kind, _ in zeek.notice(ALERT)] == expected


def test_zeek_streaming_names_log_and_time() -> None:
    record = json.loads(zeek.streaming_line("wiretropy")(zeek.wiretropy_log(ALERT)))
    assert record["_path"] == "wiretropy"
    assert record["ts"] == record["_write_ts"] == "2017-07-14T02:40:00.123456Z"
    assert record["id.resp_p"] == 8_443


def test_ecs_is_an_alert_with_source_and_destination() -> None:
    document = json.loads(ecs(ALERT))
    assert document["event"]["kind"] == "alert"
    assert document["event"]["severity"] == 47
    assert document["source"] == {"ip": "10.0.0.5", "port": 49_152}
    assert document["network"] == {"transport": "tcp", "type": "ipv4", "community_id": "1:abc=", "vlan": {"id": "7"}}


ECS_FIELDS = {
    **dict.fromkeys(
        "@timestamp message ecs.version event.kind event.module event.dataset event.id event.reason".split(), str
    ),
    **dict.fromkeys(
        "rule.name source.ip destination.ip network.transport network.type network.community_id".split(), str
    ),
    **dict.fromkeys("network.vlan.id".split(), str),
    **dict.fromkeys("event.severity source.port destination.port".split(), int),
    **dict.fromkeys("event.category event.type".split(), list),
}
"""Fields of ECS 8.11 that are used, with the types that it gives them: texts, whole numbers, lists."""


def fields(value: Any, prefix: str = "") -> dict[str, Any]:
    """Values by names with dots."""
    found: dict[str, Any] = {}
    for name, item in value.items():
        found |= fields(item, f"{prefix}{name}.") if isinstance(item, dict) else {f"{prefix}{name}": item}
    return found


@pytest.mark.parametrize("alert", [ALERT, HOSTILE, RELAPSE, BAND_REGAINED, replace(ALERT, proto="icmp6", vlan=None)])
def test_ecs_has_fields_of_ecs_with_its_types_and_its_own_below_one_name(alert: Alert) -> None:
    found = fields(json.loads(ecs(alert)))
    theirs = {name: value for name, value in found.items() if not name.startswith("wiretropy.")}
    assert theirs.keys() == ECS_FIELDS.keys() - ({"network.vlan.id"} if alert.vlan is None else set())
    assert {name: type(value) for name, value in theirs.items()} == {name: ECS_FIELDS[name] for name in theirs}
    # `info` is an expected type of both categories.
    assert (theirs["event.category"], theirs["event.type"]) == (["network", "intrusion_detection"], ["info"])
    # A field has one type in an index, so a number that may be whole must not look like one that never has a fraction.
    bits = ("entropy", "random_mean", "random_sd", "threshold", "band_entropy", "band_low", "band_high")
    assert all(type(found[f"wiretropy.{name}"]) is float for name in bits if f"wiretropy.{name}" in found)


FORMATS: list[Callable[[Alert], bytes]] = [
    eve,
    ecs,
    eve7,
    text,
    syslog,
    alert_json,
    lambda alert: zeek.tsv_line(zeek.notice(alert)),
    lambda alert: zeek.tsv_line(zeek.wiretropy_log(alert)),
    lambda alert: zeek.streaming_line("notice")(zeek.notice(alert)),
]


@pytest.mark.parametrize("form", FORMATS[:3] + FORMATS[4:6] + FORMATS[7:8])
def test_verdict_segment_and_band_are_in_every_format_that_has_numbers(form: Callable[[Alert], bytes]) -> None:
    relapse, band = form(RELAPSE).decode(), form(BAND_REGAINED).decode()
    assert all(each in relapse for each in ("encrypted", "0.99", "2090"))
    assert all(each in band for each in ("7.25", "7.75", "1400"))
    assert "None" not in relapse


def test_what_an_alert_does_not_have_has_no_key() -> None:
    assert "threshold" not in json.loads(eve(RELAPSE))["metadata"]["entropy"]
    assert json.loads(eve(BAND_REGAINED))["metadata"]["entropy"]["band_low"] == 7.25
    assert "segment" not in json.loads(ecs(ALERT))["wiretropy"]
    assert json.loads(ecs(RELAPSE))["wiretropy"]["segment_before"] == "encrypted"


def test_a_band_that_is_regained_is_net_entropy_s_falling_alarm() -> None:
    assert net_entropy(BAND_REGAINED).decode().split("]: ")[1] == (
        "Falling alarm on 10.0.0.5:49152 -> [2001:db8::9]:8443 offset=1890 packets=12 entropy=7.50000000\n"
    )
    assert b"RISING ALARM" in net_entropy(RELAPSE)


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_names_stay_on_one_line_and_move_no_cursor(form: Callable[[Alert], bytes]) -> None:
    for alert in (HOSTILE, BAND_REGAINED):
        line = form(alert).decode("utf-8").removesuffix("\n").replace("\t", "")
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", line)
        if line.startswith("{"):
            assert "<" not in line
            assert "\n" not in json.dumps(json.loads(line), ensure_ascii=False)
