"""A policy file is read whole, every fault told with its line; what is shown is read back the same."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiretropy.policy import read
from wiretropy.policy.bands import Bands
from wiretropy.policy.keys import PARSERS
from wiretropy.policy.model import (
    RULES,
    SEVERITIES,
    Policy,
    RateLimit,
    RuleException,
    Suppression,
    Threshold,
    Traffic,
    without_file,
)
from wiretropy.policy.read import LISTS, TABLES, PolicyError, parse_policy, read_policy
from wiretropy.policy.show import policy_toml

HERE = Path(__file__).parent
SSH = HERE.parent / "netentropy" / "ssh.protospec"


def parse(text: str) -> Policy:
    return parse_policy(text, "p.toml", HERE)


def faults(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse(text)
    return [fault.removeprefix("p.toml:") for fault in caught.value.faults]


def test_a_whole_policy_is_read() -> None:
    policy = parse(
        f"""
version = 1
[names.office]
networks = ["10.0.0.0/8", "2001:db8::/32"]
[[may_be_encrypted]]
ports = [22, "990-995"]
[[must_be_encrypted]]
names = ["office"]
ports = [443]
[[threshold]]
bits_per_byte = 7
direction = "falling"
from_byte = 4_096
[[band]]
file = "{SSH}"
[[exception]]
rules = ["relapse"]
until = 2027-01-31
reason = "old appliance"
responders = ["192.0.2.7"]
[rules.relapse]
severity = "critical"
[suppression]
by = "host"
"""
    )
    assert policy.names == {"office": Traffic(networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))}
    assert policy.may_be_encrypted == (Traffic(ports=((22, 22), (990, 995))),)
    assert policy.must_be_encrypted == (Traffic(ports=((443, 443),), names=("office",)),)
    assert policy.threshold == (Threshold(7.0, "falling", 4_096),)
    assert policy.band[0].bands.ports == (22,)
    excepted = Traffic(responders=(ip_network("192.0.2.7/32"),))
    assert policy.exception == (RuleException(("relapse",), date(2027, 1, 31), "old appliance", excepted),)
    assert policy.rules["relapse"] == replace(RULES["relapse"], severity="critical")
    assert policy.suppression == Suppression("host")


def test_every_fault_is_told_in_the_order_of_the_file() -> None:
    told = faults(
        """bogus = 3
[names.office]
networks = ["10.0.0.0/8",
  "nope"]
[[may_be_encrypted]]
ports = [22, 70000]
names = ["ofice"]
[[exception]]
rules = ["relaps"]
until = "2027-01-31"
ports = [1]
[rules.relapse]
severty = "high"
[[must_be_encrypted]]
[threshold]
x = 1
"""
    )
    assert [int(fault.split(":")[0]) for fault in told] == [1, 4, 6, 7, 8, 9, 10, 13, 14, 15]
    for fault, part in zip(
        told,
        [
            "unknown table bogus; there are version, names, may_be_encrypted",
            'needs addresses or networks, such as "10.0.0.0/8" or "2001:db8::/32"; got "nope"',
            "needs ports from 0 to 65535, such as 443",
            'no name "ofice" is defined; office is nearest',
            "exception needs reason; write reason =",
            "exception.rules needs one of",
            'until needs a day without quotes, such as 2027-01-31; got "2027-01-31"',
            "unknown key severty in rules.relapse; severity is nearest",
            "must_be_encrypted says no traffic; write ports or networks, or for all traffic",
            "threshold stands in double brackets, since there may be several: [[threshold]]",
        ],
        strict=True,
    ):
        assert part in fault


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = ", 1), ("\n[a\n", 2), ("a = 1\na = 2", 2), ("a = '", 1), ("x" * 5, 1), ("a = " + "[" * 100_000, 1)],
)
def test_what_is_no_toml_is_one_fault_with_its_line(text: str, line: int) -> None:
    [fault] = faults(text)
    assert fault.startswith(f"{line}:")


@pytest.mark.parametrize(
    "value", ["true", "1", "'text'", "[]", "{}", "1.5", "nan", "2027-01-31", "[[1]]", "-1", "[true]"]
)
@pytest.mark.parametrize(("table", "key"), [(table, key) for table, keys in TABLES.items() for key in keys])
def test_no_value_of_any_key_gives_anything_but_a_policy_or_faults(table: str, key: str, value: str) -> None:
    head = f"[[{table}]]" if table in LISTS else f"[{table}.a]" if table == "names" else f"[{table}]"
    try:
        policy = parse(f"{head}\n{key} = {value}\n")
    except PolicyError as error:
        lines = [fault.removeprefix("p.toml:").partition(":")[0] for fault in error.faults]
        assert lines
        assert set(lines) <= {"1", "2"}
    else:
        assert parse(policy_toml(policy)) == policy


@pytest.mark.parametrize("table", [*TABLES, "version"])
@pytest.mark.parametrize("value", ["1", "[1]", "'x'", "{a = 1}", "[{a = 1}]"])
def test_tables_that_are_something_else_are_faults(table: str, value: str) -> None:
    if (table, value) != ("version", "1"):
        assert faults(f"{table} = {value}")


HUGE = ["9" * 400, "9" * 5_000, "0x" + "f" * 5_000, "[0x" + "f" * 5_000 + "]", "{a = 0x" + "f" * 5_000 + "}"]


@pytest.mark.parametrize("value", HUGE, ids=["400", "5000", "hexadecimal", "list", "table"])
@pytest.mark.parametrize(("table", "key"), [(table, key) for table, keys in TABLES.items() for key in keys])
def test_huge_numbers_are_faults_with_their_line(table: str, key: str, value: str) -> None:
    head = f"[[{table}]]" if table in LISTS else f"[{table}.a]" if table == "names" else f"[{table}]"
    [told, *_] = [fault for fault in faults(f"# first\n{head}\n{key} = {value}\n") if not fault.startswith("2:")]
    assert told.startswith("3:")
    assert len(told) < 300


def test_a_version_that_is_no_whole_number_is_a_fault() -> None:
    for value in ("1.0", "true", "2", "0x" + "f" * 5_000):
        [told] = faults(f"version = {value}")
        assert "needs 1, the only version" in told
    assert parse("version = 1") == parse("")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-0.1", "8.1", "true", "9" * 400])
def test_numbers_that_are_none_or_out_of_bounds_are_faults(value: str) -> None:
    [told] = faults(f"[[threshold]]\nbits_per_byte = {value}")
    assert told.startswith("2: threshold.bits_per_byte needs a number of bits per byte from 0 to 8; got ")


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 100_000) + " = 1",
        "[" + ' . "b c"' * 200 + " ]".replace(" . ", "", 1),
        "x = { " + ".".join(["'a.b'"] * 100) + " = 1 }",
    ],
)
def test_keys_of_very_many_parts_are_a_fault_at_once(text: str) -> None:
    [told] = faults("# first\n" + text)
    assert told == "2: a key, or a text like one, has more than 64 parts; in a policy it has 3 at most"


def test_addresses_and_sentences_are_no_keys_of_many_parts() -> None:
    reverse = ".".join(f"{1:032x}") + ".ip6.arpa"
    networks = ", ".join(f'"10.0.{i}.0/24"' for i in range(200))
    policy = parse(
        f'[[exception]]\nnetworks = [{networks}]\nrules = ["relapse"]\nuntil = 2027-01-31\nreason = "of {reverse}"'
    )
    assert len(policy.exception[0].traffic.networks) == 200


def test_the_nearest_name_is_not_looked_for_among_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_for: list[str] = []

    def count(word: str, known: Any, _n: int) -> list[str]:
        looked_for.append(word)
        return [next(iter(known))]

    monkeypatch.setattr(read, "get_close_matches", count)
    told = faults("".join(f"sevrity{number} = 1\n" for number in range(300)))
    assert len(told) == 300
    assert len(looked_for) == 100
    assert "there are version, names" in told[-1]
    looked_for.clear()
    names = "".join(f"[names.n{number}]\nports = [1]\n" for number in range(1_001))
    [fault] = faults(names + '[[may_be_encrypted]]\nnames = ["m"]')
    assert fault.endswith('define it in a table [names."m"]')
    assert looked_for == []


@pytest.mark.parametrize(
    "value", ["1:" + "\\u001b" * 28, "1:" + "a" * 28, "2:" + "a" * 27 + "=", "1:" + "a" * 28 + "="]
)
def test_what_is_no_community_id_is_a_fault(value: str) -> None:
    [told] = faults(f'[[may_be_encrypted]]\ncommunity_ids = ["{value}"]')
    assert "needs Community IDs" in told


@pytest.mark.parametrize("day", ["2027-01-31T00:00:00Z", "2027-01-31T00:00:00", "10:00:00", "'2027-01-31'", "20270131"])
def test_days_are_dates_without_quotes_or_time(day: str) -> None:
    [told] = faults(f'[[exception]]\nports = [1]\nrules = ["relapse"]\nuntil = {day}\nreason = "x"')
    assert told.startswith("4: exception.until needs a day without quotes, such as 2027-01-31; got ")


def test_faults_show_hostile_text_inertly() -> None:
    for text in ('"\\u001b[31m" = 1', '[names."\\u202e"]\nnetworks=["\\u001b"]', '[[band]]\nfile = "\\u001b\\u0000"'):
        assert not set("".join(faults(text))) & set("\x1b\u202e\0")


def test_unreadable_files_are_faults_or_errors(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(b"a = 1\n\xff")
    with pytest.raises(PolicyError, match=":2: byte 0xff is not UTF-8 text"):
        read_policy(path)
    path.write_bytes(b"#" * (5 << 20))
    with pytest.raises(PolicyError, match="larger than"):
        read_policy(path)
    path.write_bytes(b"\xef\xbb\xbf[suppression]\r\nby = 'host'\r\n")
    assert read_policy(path).suppression.by == "host"


def test_without_traffic_that_may_be_encrypted_none_is_unexpected() -> None:
    assert not parse("").rules["encrypted_unexpected"].enabled
    assert parse("may_be_encrypted = []").rules["encrypted_unexpected"].enabled
    assert parse("[[may_be_encrypted]]\nports = [22]").rules["encrypted_unexpected"].enabled
    assert (
        not parse("may_be_encrypted = []\n[rules.encrypted_unexpected]\nenabled = false")
        .rules["encrypted_unexpected"]
        .enabled
    )


def test_the_policy_without_a_file_is_shown_as_one_that_is_read_the_same() -> None:
    assert parse(policy_toml(without_file(7.5))) == without_file(7.5)


_NETWORKS = st.lists(
    st.one_of(
        st.ip_addresses(v=4).map(lambda a: ip_network(f"{a}/32")),
        st.ip_addresses(v=6).map(lambda a: ip_network(f"{a}/128")),
    ),
    max_size=3,
    unique=True,
).map(tuple)
_WORDS = st.text(min_size=1, max_size=8).filter(
    lambda text: bool(text.strip()) and not any("\ud800" <= c <= "\udfff" for c in text)
)


@st.composite
def traffics(draw: st.DrawFn, names: list[str]) -> Traffic:
    low = draw(st.integers(0, 65_535))
    return Traffic(
        ports=((low, draw(st.integers(low, 65_535))),),
        networks=draw(_NETWORKS),
        originators=draw(_NETWORKS),
        protocols=tuple(draw(st.lists(st.sampled_from(["tcp", "udp"]), unique=True))),
        names=tuple(draw(st.lists(st.sampled_from(names), unique=True))) if names else (),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    names: dict[str, Traffic] = draw(st.dictionaries(_WORDS, traffics([]), max_size=2))
    known = list(names)
    some = st.lists(traffics(known), max_size=2).map(tuple)
    enabled: dict[str, Any] = {
        name: replace(rule, enabled=draw(st.booleans()), severity=draw(st.sampled_from(SEVERITIES)))
        for name, rule in RULES.items()
    }
    return Policy(
        names=names,
        may_be_encrypted=draw(some),
        must_be_encrypted=draw(some),
        threshold=tuple(Threshold(draw(st.floats(0, 8)), traffic=each) for each in draw(some)),
        exception=tuple(RuleException(("relapse",), draw(st.dates()), draw(_WORDS), each) for each in draw(some)),
        rules=enabled,
        rate_limit=RateLimit(draw(st.integers(0, 1_000_000))),
    )


@settings(max_examples=40, deadline=None)
@given(policies())
def test_any_policy_that_is_shown_is_read_back_the_same(policy: Policy) -> None:
    assert parse(policy_toml(policy)) == policy


@pytest.mark.parametrize("character", ["\x7f", "\x1b", "\u0085", "\u202e", "\U0001f512", '"', "\\", "\n"])
def test_names_of_any_characters_are_shown_as_toml(character: str) -> None:
    name = f"a{character}b"
    policy = Policy(names={name: Traffic(ports=((1, 1),))}, must_be_encrypted=(Traffic(names=(name,)),))
    assert policy_toml(policy).isascii()
    assert parse(policy_toml(policy)).must_be_encrypted == policy.must_be_encrypted


def test_bands_are_shown_by_a_path_that_is_read_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "ssh").write_text(SSH.read_text())
    policy = parse_policy('[[band]]\nfile = "ssh"\nports = [2222]', "p", tmp_path)
    assert isinstance(policy.band[0].bands, Bands)
    assert parse_policy(policy_toml(policy), "q", HERE) == policy


def test_every_key_has_a_parser_and_every_parser_a_key() -> None:
    keys = {key for table, keys in TABLES.items() for key in keys if table != "rules"} | {"version"}
    keys |= {name for rule in RULES.values() for name in rule.__dataclass_fields__}
    assert keys == set(PARSERS)
    assert set(string.ascii_letters) > set("".join(keys)) - {"_"}
