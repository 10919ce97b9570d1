"""The pages on random bytes and on estimators say what the code gives."""

from pathlib import Path
from types import ModuleType

import pytest
from program import script

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return script(DOCS / "figures/make_law_figures.py")


def cells(name: str) -> list[list[str]]:
    """The rows of a table, without its heads."""
    lines = (DOCS / "figures" / name).read_text(encoding="utf-8").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]


def test_estimators_err_as_the_page_says(figures: ModuleType) -> None:
    shown = {(source, n): rest for source, n, *rest in cells("estimators.md")}
    for source, p in figures.sources().items():
        measured = figures.errors(p, 256)
        assert shown[source, "256"] == [f"{bias:+.3f} ({rmse:.3f})" for bias, rmse in measured.values()]


def test_rates_of_the_page_are_those_of_the_law(figures: ModuleType) -> None:
    shown = {row[0]: row[1:] for row in cells("random-rates.md")}
    assert list(shown) == [f"{n:,}" for n in figures.GRID]
    for n in (16, 64, 160, 512, 4_096, 65_536):
        for tail, told in zip(("low", "high"), (shown[f"{n:,}"][:3], shown[f"{n:,}"][3:]), strict=True):
            by_lot, plain = (rate / figures.LEVELS for rate in figures.realised(n, tail))
            assert [float(cell.split()[0]) for cell in told] == pytest.approx(by_lot, abs=1.1e-3)
            assert [float(cell.split()[1].strip("()")) for cell in told] == pytest.approx(plain, abs=1.1e-3)


def test_every_rate_of_the_page_is_within_a_tenth_of_the_nominal_one() -> None:
    for row in cells("random-rates.md"):
        assert [float(cell.split()[0]) for cell in row[1:]] == pytest.approx([1.0] * 6, abs=0.1)


def test_no_rule_but_the_wrong_one_alarms_more_often_than_stated() -> None:
    wrong, *honest = [float(row[1].rstrip("%")) for row in cells("sequential-rates.md")]
    assert wrong > 10
    assert len(honest) == 3
    assert max(honest) <= 5
