"""The page of a report: what it is made of, what it refuses to do, how large it is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest
from plot_records import crossing, flow, judged, random_bytes, segment, table

from wiretropy.limits import REPORT_FLOWS
from wiretropy.plot.report import Gathering, page
from wiretropy.policy.apply import apply
from wiretropy.policy.model import without_file

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b[0m",
    "abc\u202egnp.exe",
    "-- <!--<script>",
    "{{ 7*7 }}{% raw %}",
)

MakePage = Callable[..., str]


class Parsed(HTMLParser):
    """Elements, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._text: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()
        self.text = "".join(self._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag
        if tag in ("script", "style"):
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.texts[self._inside][-1] += data
        else:
            self._text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        """Attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def hashed(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy_of(parsed: Parsed) -> dict[str, list[str]]:
    """Directives of the content security policy."""
    [content] = [m["content"] for m in parsed.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    parts = [part.split() for part in content.split(";")]
    return {name: values for name, *values in parts}


def data_of(parsed: Parsed) -> dict[str, Any]:
    """What the script adds to the rows."""
    at = [attributes.get("type") for attributes in parsed.all("script")].index("application/json")
    data: dict[str, Any] = json.loads(parsed.texts["script"][at])
    return data


@pytest.fixture
def parsed(make_page: MakePage, four_flows: pa.Table) -> Parsed:
    return Parsed(make_page(four_flows))


# What it refuses.


def test_policy_allows_nothing_but_the_pages_own_scripts_and_style(parsed: Parsed) -> None:
    policy = policy_of(parsed)
    scripts = [
        text
        for text, attributes in zip(parsed.texts["script"], parsed.all("script"), strict=True)
        if "type" not in attributes
    ]
    assert policy["default-src"] == ["'none'"]
    assert sorted(policy["script-src"]) == sorted(map(hashed, scripts))
    assert policy["style-src"] == [hashed(text) for text in parsed.texts["style"]]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]


def test_no_element_names_anything_outside_of_the_page(parsed: Parsed) -> None:
    links = [value for _, attributes in parsed.elements for name, value in attributes.items() if name == "href"]
    assert links
    assert all(link.startswith("#") for link in links)
    assert not [a for _, a in parsed.elements if {"src", "srcset", "action", "data", "poster", "ping"} & a.keys()]
    assert not re.search(r"(https?:)?//\w", " ".join(parsed.texts["style"]))
    assert "@import" not in " ".join(parsed.texts["style"])


def test_no_element_carries_style_or_script_which_the_policy_would_forbid(parsed: Parsed) -> None:
    assert not [a for _, a in parsed.elements if "style" in a or any(name.startswith("on") for name in a)]


def test_every_reference_within_the_page_leads_to_one_element(parsed: Parsed) -> None:
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {a["href"].removeprefix("#") for _, a in parsed.elements if "href" in a}
    named |= {
        i for _, a in parsed.elements for k in ("aria-labelledby", "aria-describedby") for i in a.get(k, "").split()
    }
    assert named <= set(ids)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_stays_text(text: str) -> None:
    records = [
        flow(
            text,
            b"hello" * 20,
            random_bytes(5_000),
            **dict.fromkeys(("community_id", "source", "proto", "orig_ip", "end_reason", "history", "tunnels"), text),
            **(crossing("resp", 1_900) | {"resp_crossing_sources": [text]}),
            weirds=[text],
        )
    ]
    verdict = {
        "verdict": text,
        "verdict_probability": 0.5,
        "verdict_bytes": 1,
        "verdict_missing": [text],
        "segments": [segment("resp", 0, 5_000, text, source=text)],
    }
    hostile = judged(records, [verdict])
    [batch] = hostile.to_batches()
    gathering = Gathering()
    gathering.add(hostile, apply(batch, without_file(), inputs=[text]))
    made = page(gathering.found(None), title=text, settings=text, inputs=[text], options=["-f", text])
    parsed = Parsed(made)
    names = [name for name, _ in parsed.elements]
    assert "img" not in names
    assert names.count("script") == 3
    assert not [a for _, a in parsed.elements if any(name.startswith("on") for name in a)]
    shown = parsed.text + "".join(value for _, a in parsed.elements for value in a.values()) + str(data_of(parsed))
    assert {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")} <= {"\n"}
    assert "49{%" not in shown


# What it tells.


def test_flows_with_alerts_are_drawn_with_reason_and_commands(parsed: Parsed) -> None:
    assert len(parsed.all("article")) == 1
    assert "tcp 10.0.0.5:40000 → 192.0.2.10:8443" in parsed.text
    assert "payload reached 7.9 bits per byte at byte 1,900" in parsed.text
    assert "wiretropy plot made.pcap --flow Crandom" in parsed.text
    assert "wiretropy carve made.pcap --flow Crandom" in parsed.text
    assert "judged encrypted, 97.0 % sure, on 5,100 bytes; missing: gap" in " ".join(parsed.text.split())


def test_verdicts_are_summed_by_payload_and_stand_in_the_table(parsed: Parsed) -> None:
    words = " ".join(parsed.text.split())
    assert "encrypted 15,100" in words
    assert "text 22,844" in words
    assert parsed.all("table")[1]["class"] == "judged"
    headings = [a["title"] for a in parsed.all("th") if "title" in a]
    assert headings[2:4] == ["What the payload is", "Probability of the verdict"]


def test_flows_that_were_not_judged_have_a_table_without_verdicts(make_page: MakePage, three_flows: pa.Table) -> None:
    parsed = Parsed(make_page(three_flows))
    assert [a["class"] for a in parsed.all("table")] == ["plain"]
    assert "erdict" not in parsed.text
    assert "No alert was raised." in parsed.text


def test_a_capture_without_flows_is_told(make_page: MakePage) -> None:
    parsed = Parsed(make_page())
    assert "No flow was found." in parsed.text
    assert parsed.all("table") == []


def test_every_row_has_a_cell_for_every_heading(parsed: Parsed) -> None:
    at = [i for i, (name, _) in enumerate(parsed.elements) if name == "table"][1]
    names = [name for name, _ in parsed.elements[at:]]
    assert names.count("td") == 4 * names.count("th")


def test_small_curves_and_details_belong_to_the_rows(parsed: Parsed) -> None:
    data = data_of(parsed)
    assert len(data["sparks"]) == 4
    first = {name: each["texts"][each["at"][0] if "at" in each else 0] for name, each in data["details"].items()}
    assert first["Community ID"] == "1:Crandom="
    assert first["Segments"] == "→ text to byte 100; ← key material to byte 400; ← encrypted to byte 5,000"


def test_commands_of_rows_name_the_captures_and_have_room_for_the_id(make_page: MakePage, four_flows: pa.Table) -> None:
    told = data_of(Parsed(make_page(four_flows, inputs=("UID.pcap", "UIDD.pcap"))))["commands"]
    assert [parts[0] + "Cx" + parts[1] for parts in told] == [
        "wiretropy plot UID.pcap UIDD.pcap --flow Cx",
        "wiretropy carve UID.pcap UIDD.pcap --flow Cx",
    ]


def test_standard_input_has_no_commands(make_page: MakePage, four_flows: pa.Table) -> None:
    assert data_of(Parsed(make_page(four_flows, inputs=("-",))))["commands"] == []


# How it comes out.


def test_same_flows_give_the_same_page(make_page: MakePage, four_flows: pa.Table) -> None:
    assert make_page(four_flows) == make_page(four_flows)


def test_batches_do_not_show(make_page: MakePage, four_flows: pa.Table) -> None:
    parts = [four_flows.slice(at, 1) for at in range(4)]
    assert make_page(*parts) == make_page(four_flows)


def test_ten_thousand_flows_with_alerts_stay_below_ten_megabytes() -> None:
    payload = random_bytes(40_000)
    one = flow("C" + 17 * "x", payload, payload, source="captures/2026-11-24/" + 60 * "x", **crossing("resp", 1_900))
    one |= {"orig_ip": "2001:db8:1111:2222:3333:4444:5555:6666", "resp_ip": "2001:db8:1111:2222:3333:4444:5555:7777"}
    cuts = [
        segment(side, at, at + 500, "encrypted", at, 40 * "x")
        for side in ("orig", "resp")
        for at in range(0, 40_000, 500)
    ]
    verdict = {
        "verdict": "encrypted",
        "verdict_probability": 0.9,
        "verdict_bytes": 9,
        "verdict_missing": [],
        "segments": cuts,
    }
    names = [f"C{number:017d}" for number in range(REPORT_FLOWS + 500)]
    single = judged([one], [verdict])
    many = single.take([0] * len(names))
    for column in ("uid", "community_id"):
        many = many.set_column(many.column_names.index(column), single.schema.field(column), pa.array(names))
    [batch] = many.slice(0, 300).combine_chunks().to_batches()
    gathering = Gathering()
    gathering.add(many, apply(batch, without_file(), inputs=["made.pcap"]))
    made = page(gathering.found(None), title="many", inputs=["made.pcap"])
    assert len(made.encode()) < 10_000_000
    text = " ".join(Parsed(made).text.split())
    assert "The table has 10,000 of 10,500 flows" in text
    assert "100 flows of 300 with alerts are drawn" in text


def test_tables_of_stored_flows_without_alerts_and_payload_have_empty_cells(make_page: MakePage) -> None:
    parsed = Parsed(make_page(table([flow("Cempty")])))
    assert data_of(parsed)["sparks"] == [32 * " "]
