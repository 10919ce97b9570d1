"""The report in a browser: sorting, filtering, opening rows, the keyboard, day and night, paper, no JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from plot_records import crossing, flow, table

from wiretropy.plot.report.palette import DAY, NIGHT

Opener = Callable[..., Any]
MakePage = Callable[..., str]


@pytest.fixture
def text(make_page: MakePage, four_flows: pa.Table) -> str:
    return make_page(four_flows)


@pytest.fixture
def shown(opened: Opener, text: str) -> Any:
    return opened(text, viewport={"width": 1_300, "height": 900})


def uids(shown: Any) -> list[str]:
    """Ids of the rows that are seen, in order."""
    return [each.strip() for each in shown.locator("#table .open").all_inner_texts()]


def background(shown: Any) -> str:
    red, green, blue = (int(DAY["page"][at : at + 2], 16) for at in (1, 3, 5))
    color: str = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    if color == f"rgb({red}, {green}, {blue})":
        return "day"
    red, green, blue = (int(NIGHT["page"][at : at + 2], 16) for at in (1, 3, 5))
    assert color == f"rgb({red}, {green}, {blue})"
    return "night"


# Sorting.


def test_headings_sort_and_say_how(shown: Any) -> None:
    assert uids(shown) == ["Crandom", "Ctext", "Conesided", "Cquery"]
    heading = shown.locator("#table thead th", has_text="← bytes")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert uids(shown) == ["Crandom", "Ctext", "Cquery", "Conesided"]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert uids(shown) == ["Conesided", "Cquery", "Ctext", "Crandom"]
    other = shown.locator("#table thead th", has_text="Verdict")
    other.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert other.get_attribute("aria-sort") == "ascending"
    assert uids(shown) == ["Crandom", "Ctext", "Conesided", "Cquery"]


def test_addresses_sort_by_their_numbers(shown: Any) -> None:
    shown.locator("#table thead").get_by_role("button", name="Responder").click()
    cells = shown.locator("#table tbody tr").evaluate_all("rows => rows.map((row) => row.cells[7].textContent)")
    assert cells == ["192.0.2.1:53", "192.0.2.1:80", "192.0.2.9:9", "192.0.2.10:8443"]


def test_empty_cells_of_numbers_come_last_when_the_largest_come_first(shown: Any) -> None:
    shown.locator("#table thead").get_by_role("button", name="Sure").click()
    assert uids(shown) == ["Ctext", "Crandom", "Conesided", "Cquery"]


# Filtering.


def test_rows_that_hold_every_word_are_found_and_counted(shown: Any) -> None:
    shown.get_by_label("Find").fill("192.0.2.1: TCP")
    assert uids(shown) == ["Ctext"]
    assert shown.get_by_role("status").inner_text() == "1 of 4 flows"
    shown.get_by_label("Find").fill("1:cquery=")
    assert uids(shown) == ["Cquery"]
    shown.get_by_label("Find").fill("nothing has this")
    assert uids(shown) == []
    shown.get_by_role("button", name="Clear").click()
    # A form is reset after the click was handled.
    shown.get_by_role("status").get_by_text("4 flows", exact=True).wait_for()


def test_pickers_and_the_box_narrow_and_keep_the_order(shown: Any) -> None:
    shown.locator("#table thead").get_by_role("button", name="→ bytes").click()
    shown.get_by_label("Verdict").select_option("text")
    assert uids(shown) == ["Conesided", "Ctext"]
    shown.get_by_label("Proto").select_option("udp")
    assert uids(shown) == []
    shown.get_by_role("button", name="Clear").click()
    shown.get_by_label("with alerts only").check()
    assert uids(shown) == ["Crandom"]


def test_many_rows_come_in_portions_and_are_all_searched(opened: Opener, make_page: MakePage) -> None:
    shown = opened(make_page(table([flow(f"C{number:04d}", b"x" * (500 - number)) for number in range(450)])))
    assert shown.get_by_role("status").inner_text() == "450 flows, the first 200 shown"
    assert len(uids(shown)) == 200
    shown.get_by_role("button", name="Show 200 more").click()
    assert uids(shown) == [f"C{number:04d}" for number in range(400)]
    shown.get_by_role("button", name="Show all 450").click()
    assert len(uids(shown)) == 450
    assert not shown.locator("#more").is_visible()
    shown.get_by_label("Find").fill("c0444")
    assert uids(shown) == ["C0444"]


# Rows.


def test_a_row_opens_with_details_and_commands(shown: Any) -> None:
    button = shown.get_by_role("button", name="Ctext")
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    told = shown.locator("#table .more").inner_text()
    assert "1:Ctext=" in told
    assert "wiretropy carve made.pcap --flow Ctext" in told
    button.click()
    assert shown.locator("#table .more").count() == 0


def test_an_id_that_a_shell_would_obey_is_in_no_command(opened: Opener, make_page: MakePage) -> None:
    shown = opened(make_page(table([flow("C;reboot"), flow("C$(id)")])))
    for button in shown.locator("#table .open").all():
        button.click()
    assert shown.locator("#table .more").count() == 2
    assert shown.locator("#table .command").count() == 0


def test_rows_with_alerts_lead_to_their_pictures(shown: Any) -> None:
    shown.locator("#table").get_by_role("link", name="medium").click()
    assert shown.evaluate("location.hash") == "#flow-1"
    assert "Crandom" in shown.locator("#flow-1").inner_text()


def test_commands_are_copied(shown: Any) -> None:
    shown.get_by_role("button", name="Copy the command: take its packets").click()
    shown.get_by_text("Copied").wait_for()
    assert shown.evaluate("navigator.clipboard.readText()") == "wiretropy carve made.pcap --flow Crandom"


# Keyboard, day and night, paper, small screens, no JavaScript.


def test_everything_is_reached_and_used_by_keyboard(shown: Any) -> None:
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the flows"
    shown.keyboard.press("Enter")
    reached = []
    for _ in range(40):
        shown.keyboard.press("Tab")
        reached.append(shown.evaluate("document.activeElement.textContent.trim()"))
        if reached[-1] == "← bytes":
            shown.keyboard.press("Enter")
            shown.keyboard.press("Enter")
        if reached[-1] == "Conesided":
            shown.keyboard.press("Space")
            break
    assert "Clear" in reached
    assert shown.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert uids(shown)[0] == "Conesided"
    outline = shown.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


@pytest.mark.parametrize(("scheme", "first", "then"), [("light", "day", "night"), ("dark", "night", "day")])
def test_night_follows_the_system_until_switched(opened: Opener, text: str, scheme: str, first: str, then: str) -> None:
    shown = opened(text, color_scheme=scheme)
    button = shown.get_by_role("button", name="Dark")
    assert (background(shown), button.get_attribute("aria-pressed")) == (first, str(first == "night").lower())
    button.click()
    assert (background(shown), button.get_attribute("aria-pressed")) == (then, str(then == "night").lower())


@pytest.mark.parametrize("is_switched", [False, True])
def test_paper_is_white_and_has_no_controls(opened: Opener, text: str, is_switched: bool) -> None:
    shown = opened(text, color_scheme="light" if is_switched else "dark")
    if is_switched:
        shown.get_by_role("button", name="Dark").click()
    assert background(shown) == "night"
    shown.emulate_media(media="print")
    assert background(shown) == "day"
    assert not shown.get_by_label("Find").is_visible()
    assert not shown.get_by_role("button", name="Copy").first.is_visible()
    assert shown.locator("svg.chart").first.is_visible()
    assert shown.pdf().startswith(b"%PDF")


def test_a_narrow_screen_scrolls_down_only(opened: Opener, text: str) -> None:
    shown = opened(text, viewport={"width": 360, "height": 700})
    assert shown.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_page_is_whole_without_javascript(opened: Opener, make_page: MakePage) -> None:
    flows = [flow(f"C{number:03d}", b"x" * 500, **crossing("resp", 1)) for number in range(300)]
    shown = opened(make_page(table(flows)), java_script_enabled=False)
    assert shown.locator("#table tbody tr").count() == 300
    assert shown.locator("#table tbody tr").last.is_visible()
    assert shown.locator("svg.chart").count() == 100
    assert not shown.get_by_label("Find").is_visible()
    assert not shown.get_by_role("button").first.is_visible()


def test_patterns_tell_segments_apart_without_colour(shown: Any) -> None:
    fills = shown.locator("svg.chart .pattern").evaluate_all("each => each.map((e) => getComputedStyle(e).fill)")
    assert fills == ['url("#p-text")', 'url("#p-key-material")', 'url("#p-encrypted")']
