"""Reports that several tests read, and a browser to look at them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plot_records import crossing, flow, judged, random_bytes, segment

from wiretropy.plot.report import Gathering, page
from wiretropy.policy.apply import apply
from wiretropy.policy.model import without_file

MakePage = Callable[..., str]


def report_of(*tables: pa.Table, inputs: tuple[str, ...] = ("made.pcap",), **options: Any) -> str:
    """The page of some batches of flows, each with its alerts."""
    gathering = Gathering(**options)
    for each in tables:
        gather(gathering, each)
    return page(gathering.found(None), title="made.pcap", inputs=inputs)


def gather(gathering: Gathering, table: pa.Table) -> None:
    """Add flows and the alerts of the threshold rule."""
    [batch] = table.combine_chunks().to_batches()
    gathering.add(table, apply(batch, without_file(), inputs=["made.pcap"]))


@pytest.fixture
def make_page() -> MakePage:
    """Makes the page of some tables."""
    return report_of


@pytest.fixture
def four_flows() -> pa.Table:
    """A flow whose responder raised an alert, text, a short query, and one in one direction; judged."""
    return judged(
        [
            flow("Ctext", b"GET / HTTP/1.1\r\n" * 4, b"<p>hello</p>\n" * 200, resp_port=80),
            flow(
                "Crandom",
                b"hello" * 20,
                random_bytes(5_000),
                resp_port=8_443,
                resp_ip="192.0.2.10",
                ts_first_ns=1_700_000_000_123_000_000,
                ts_last_ns=1_700_000_001_123_000_000,
                **crossing("resp", 1_900),
            ),
            flow("Cquery", b"query", b"answer" * 9, proto="udp", resp_port=53, orig_ip="fe80::1"),
            flow("Conesided", b"lonely" * 30, b"", resp_port=9, resp_ip="192.0.2.9"),
        ],
        [
            {"verdict": "text", "verdict_probability": 0.9995, "verdict_bytes": 2_664, "verdict_missing": []},
            {
                "verdict": "encrypted",
                "verdict_probability": 0.97,
                "verdict_bytes": 5_100,
                "verdict_missing": ["gap"],
                "segments": [
                    segment("orig", 0, 100, "text"),
                    segment("resp", 0, 400, "key material", packet=2),
                    segment("resp", 400, 5_000, "encrypted", packet=7),
                ],
            },
            {"verdict": "undecided", "verdict_bytes": 59, "verdict_missing": []},
            {"verdict": "text", "verdict_probability": 0.8, "verdict_bytes": 180, "verdict_missing": ["one-sided"]},
        ],
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make sets it up)")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium on the search path (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        # Root, as which containers run, has no sandbox.
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page; afterwards nothing may have been asked of the network or said on the console."""
    said: list[str] = []
    contexts = []

    def open_page(text: str, **options: Any) -> Any:
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        shown = context.new_page()
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.on("request", lambda asked: said.append(asked.url) if not asked.url.startswith("file:") else None)
        shown.goto(path.as_uri())
        return shown

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
