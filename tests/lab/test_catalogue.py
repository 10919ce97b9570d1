"""Classes are found by their files, and a broken class file is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab import classes
from lab.__main__ import main
from lab.catalogue import choose, discover
from lab.errors import LabError


def test_every_class_file_is_found_under_its_name() -> None:
    files = {
        path.stem.replace("_", "-") for path in Path(classes.__file__).parent.glob("*.py") if path.stem != "__init__"
    }
    assert set(discover()) == files


def test_labels_are_paths_of_lower_case_words() -> None:
    for one in discover().values():
        assert all(part and part == part.lower() and " " not in part for part in one.label.split("/"))


def test_classes_come_in_the_order_asked_for_and_once() -> None:
    assert [one.name for one in choose(["https", "http-plain", "https"])] == ["https", "http-plain"]


def test_unknown_class_is_refused_with_the_known_ones_named() -> None:
    with pytest.raises(LabError, match=r"no class is called ftp; there are .*https"):
        choose(["https", "ftp"])


def test_class_file_without_a_label_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_done.py").write_text('"""Half a class."""\n\ndef record(stage):\n    pass\n')
    monkeypatch.setattr(classes, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "lab.classes.half_done", raising=False)
    with pytest.raises(LabError, match=r"half_done\.py lacks LABEL"):
        discover()


def test_list_prints_one_line_for_each_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(discover())


def test_unknown_class_on_the_command_line_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", "ftp"]) == 2
    assert "no class is called ftp" in capsys.readouterr().err
