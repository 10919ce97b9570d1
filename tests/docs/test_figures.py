"""The page on the experiment says what the captures say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_figures", DOCS / "figures/make_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_of_crossings_is_the_one_computed_from_the_examples(figures: ModuleType) -> None:
    assert (DOCS / "figures/crossings.md").read_text(encoding="utf-8") == figures.crossings()


def test_numbers_in_the_text_are_those_computed_from_the_examples(figures: ModuleType) -> None:
    page = (DOCS / "the-experiment.md").read_text(encoding="utf-8")
    missing = {name: number for name, number in figures.quoted().items() if f"{number:,}" not in page}
    assert missing == {}


def test_every_picture_is_drawn_by_a_script(figures: ModuleType) -> None:
    assert {path.stem for path in DOCS.glob("figures/*.png")} == {*figures.pictures(), "estimators"}
