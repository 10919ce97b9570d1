"""The page on the experiment says what the captures say."""

from pathlib import Path
from types import ModuleType

import pytest
from program import script

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return script(DOCS / "figures/make_figures.py")


def test_table_of_crossings_is_the_one_computed_from_the_examples(figures: ModuleType) -> None:
    assert (DOCS / "figures/crossings.md").read_text(encoding="utf-8") == figures.crossings()


def test_numbers_in_the_text_are_those_computed_from_the_examples(figures: ModuleType) -> None:
    page = (DOCS / "the-experiment.md").read_text(encoding="utf-8")
    missing = {name: number for name, number in figures.quoted().items() if f"{number:,}" not in page}
    assert missing == {}


def test_every_picture_is_drawn_by_a_script(figures: ModuleType) -> None:
    assert {path.stem for path in DOCS.glob("figures/*.png")} == {
        *figures.pictures(),
        "estimators",
        "judging",
        "report",
    }
