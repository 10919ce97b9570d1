"""Every key of a document has the line on which it stands."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.policy.toml_lines import KeyPath, key_lines

DOCUMENT = '''# a comment with [brackets] and = signs
version = 1

[names]
"quoted ] name" . ports = [22, # why
  "990-995",
]
office = { networks = ["10.0.0.0/8"], "a=b" = {c = 1} }

[[exception]]
reason = """first line
[not.a.table]
key = 1
"""
until = 2027-01-31
[[exception]]
reason = 'its # no comment' # but this is
names = ["]", '}', "\\\\", "\\""]
[exception.more]
x = 1
'''


def test_each_key_table_and_element_has_its_line() -> None:
    lines = key_lines(DOCUMENT)
    wanted: dict[KeyPath, int] = {
        ("version",): 2,
        ("names",): 4,
        ("names", "quoted ] name", "ports"): 5,
        ("names", "quoted ] name", "ports", 1): 6,
        ("names", "office", "networks", 0): 8,
        ("names", "office", "a=b", "c"): 8,
        ("exception", 0): 10,
        ("exception", 0, "reason"): 11,
        ("exception", 0, "until"): 15,
        ("exception", 1): 16,
        ("exception", 1, "reason"): 17,
        ("exception", 1, "names", 3): 18,
        ("exception", 1, "more", "x"): 20,
    }
    assert {path: lines.get(path) for path in wanted} == wanted


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """All paths of a document."""
    if isinstance(value, dict):
        items: Any = value.items()
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return set()
    return {(*path, key) for key, _ in items} | {each for key, inner in items for each in paths_of(inner, (*path, key))}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_path_of_a_document_is_found(ending: str) -> None:
    document = DOCUMENT.replace("\n", ending)
    assert paths_of(tomllib.loads(document)) == set(key_lines(document))


_KEYS = st.text("ab.-]'\"#= \\", min_size=1, max_size=4).map(
    lambda key: '"' + key.translate({92: r"\\", 34: r"\""}) + '"'
)
_SCALARS = st.sampled_from(
    ["1", "-0.5", "true", "2027-01-31", "'[#\"'", '"\\\\\\"]"', '"""\na"b\n[c]\n"""', "'''\n=#\n'''"]
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Valid documents with tables, arrays of tables, inline tables and arrays over several lines."""
    text = ""
    for index in range(draw(st.integers(0, 4))):
        is_array = draw(st.booleans())
        name = "many" if is_array else f"one{index}"
        text += f"[[{name}]] # ]]\n" if is_array else f"[ {name} . {draw(_KEYS)} ]\n"
        for key in draw(st.lists(_KEYS, unique=True, max_size=3)):
            items = draw(st.lists(_SCALARS, min_size=1, max_size=3))
            shape = draw(st.sampled_from(["scalar", "array", "inline"]))
            if shape == "scalar":
                text += f"{key} = {items[0]}\n"
            elif shape == "array":
                text += key + "= [ " + ", # ,\n ".join(items) + " # ]\n, ]\n"
            else:
                text += f"{key} ={{x = {items[0]}, y.z = [{items[-1]}]}} # }}\n\n"
    return text


@given(documents())
def test_any_valid_document_has_a_line_for_each_path_where_its_key_stands(document: str) -> None:
    lines = key_lines(document)
    assert set(lines) == paths_of(tomllib.loads(document))
    assert all(1 <= line <= document.count("\n") + 1 for line in lines.values())
