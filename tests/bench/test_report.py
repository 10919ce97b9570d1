"""The report states every target and whether it is met, and keeps what was not measured again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import captures
from bench.measure import BenchError
from bench.report import Check, Section, Table, at_least, at_most, document, load, save, table
from bench.run import arguments


def test_limit_is_compared_before_rounding() -> None:
    assert at_most("a", 2.0, 2.0, "x").is_met
    assert not at_most("a", 2.001, 2.0, "x").is_met
    assert at_least("a", 1.6, 1.6, "x").is_met
    assert not at_least("a", 1.599, 1.6, "x").is_met


def test_missed_targets_are_counted_and_named() -> None:
    section = Section("a", "A", checks=[Check("one", "1", "2", True), Check("two", "3", "2", False)])
    text = document([section], ["head"])
    assert "1 of 2 targets met, 1 missed." in text
    assert "**missed**" in text


def test_table_columns_are_aligned_and_bars_escaped() -> None:
    lines = table(Table(("a", "long header"), [["x|y", "1"]])).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "x\\|y" in lines[2]


def test_kept_section_is_read_back_as_it_was(tmp_path: Path) -> None:
    section = Section("a", "A", ["text"], [Table(["h"], [["c"]])], [Check("w", "f", "t", False)], "then", 0.25)
    save(section, tmp_path / "a.json")
    assert load(tmp_path / "a.json") == section
    assert load(tmp_path / "b.json") is None


def test_absent_generator_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WIRETROPY_SHARED", str(tmp_path))
    with pytest.raises(BenchError, match="WIRETROPY_SHARED"):
        captures.shared_bench()


def test_only_takes_several_parts_and_refuses_unknown_ones() -> None:
    assert arguments(["--only", "a,b"], ["a", "b", "c"]).only == ["a", "b"]
    assert arguments([], ["a", "b"]).only == ["a", "b"]
    with pytest.raises(SystemExit):
        arguments(["--only", "d"], ["a"])


@pytest.mark.parametrize("scale", ["0", "1.5", "-1"])
def test_scale_outside_its_range_is_refused(scale: str) -> None:
    with pytest.raises(SystemExit):
        arguments(["--scale", scale], ["a"])
