"""Columns become the same arrays as pyarrow's own conversion makes of them."""

import numpy as np
import pyarrow as pa
import pytest

from wiretropy import arrays

COLUMNS = {
    "integers": pa.array([3, 1, 2, 9, 7], pa.uint16()),
    "floats": pa.array([0.5, None, 1.5, None, -2.0]),
    "flags": pa.array([True, False, False, True, True] * 4),
    "nulls only": pa.array([None] * 3, pa.float64()),
    "nothing": pa.array([], pa.float64()),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_values_whole_sliced_and_in_pieces(column: pa.Array) -> None:
    for part in (column, column.slice(1), column.slice(1, 2), column.slice(0, 0)):
        np.testing.assert_array_equal(arrays.values(part), part.to_numpy(zero_copy_only=False))
    pieces = pa.chunked_array([column, column.slice(2)])
    np.testing.assert_array_equal(arrays.values(pieces), pieces.to_numpy())
    assert len(arrays.values(pa.chunked_array([], column.type))) == 0


def test_lengths_of_slices_and_pieces() -> None:
    lists = pa.array([[1, 2], [], [3], [4, 5, 6]], pa.list_(pa.int64()))
    assert arrays.lengths(pa.chunked_array([lists.slice(1, 2), lists])).tolist() == [0, 1, 2, 0, 1, 3]


def test_integers_take_rows() -> None:
    table = pa.table({"value": [10, 20, 30, 40]})
    order = np.array([3, 0, 2])[::-1]
    assert table.take(arrays.integers(order)).column("value").to_pylist() == [30, 10, 40]


@pytest.mark.parametrize("texts", [[], [None], ["", "a", None, "\u00fc\u6f22"], [None] * 9 + ["x"]])
def test_texts_become_a_column_of_them(texts: list[str | None]) -> None:
    made = arrays.strings(texts)
    made.validate(full=True)
    assert made.type == pa.string()
    assert made.to_pylist() == texts


def test_first_items_of_lists_whole_and_sliced() -> None:
    lists = pa.array([[5, 1], [], [7], [2, 3, 4]], pa.list_(pa.uint64()))
    assert arrays.firsts(lists, np.array([0, 2, 3])).tolist() == [5, 7, 2]
    assert arrays.firsts(lists.slice(2), np.array([1])).tolist() == [2]
    assert arrays.firsts(lists.slice(1, 1), np.array([], dtype=np.int64)).tolist() == []


def test_nulls_of_integers_become_what_stands_for_them() -> None:
    column = pa.chunked_array([pa.array([7, None], pa.uint16()), pa.array([None, 9], pa.uint16())])
    assert arrays.values(column, null=0).tolist() == [7, 0, 0, 9]
    assert arrays.values(column, null=0).dtype == np.uint16
