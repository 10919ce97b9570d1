"""What README and tour show is what the program prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY
from program import wiretropy


def shown(page: str, command: str) -> list[str]:
    """The lines that a page shows below a command, up to dots or the end of the block."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    below = text.split(f"    $ {command}\n", 1)[1]
    block = re.match(r"(?:\n|    .*\n)+", below)
    assert block is not None
    lines = [line.removeprefix("    ") for line in block[0].strip("\n").split("\n")]
    return lines[: lines.index("...")] if "..." in lines else lines


def test_the_table_of_the_readme_is_the_beginning_of_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    command = "scan examples/demo.pcap --expected-ports 22,443"
    lines = shown("README.md", f"wiretropy {command}")
    assert len(lines) == 9
    assert wiretropy(*command.split(), columns=170).stdout.splitlines()[: len(lines)] == lines


def test_the_numbers_of_the_tour_are_those_of_its_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(REPOSITORY)
    tour = (REPOSITORY / "docs/tour.md").read_text(encoding="utf-8")
    assert "wiretropy scan examples/rdp*.pcap examples/ssh*.pcap --out scanned" in tour
    captures = sorted([*Path("examples").glob("rdp*.pcap"), *Path("examples").glob("ssh*.pcap")])
    out = wiretropy("scan", *captures, "--out", tmp_path / "scanned").stdout
    drawn = wiretropy("plot", tmp_path / "scanned", "--port", "3389", "-o", tmp_path / "a.png", "--json").stdout
    [stored] = re.findall(r"^([0-9]+) flows are stored", tour, re.MULTILINE)
    assert out.startswith(f"{stored} flows;")
    assert "the six RDP sessions" in tour
    assert len({curve["uid"] for curve in json.loads(drawn)["curves"]}) == 6
