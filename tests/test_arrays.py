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


BYTES = [b"", b"abc", b"\0\xff", b"abcdefgh", b"ab"]


@pytest.mark.parametrize("width", [0, 1, 3, 8, 20])
@pytest.mark.parametrize(("start", "length"), [(0, 5), (1, 3), (3, 2), (4, 1)])
def test_bytes_are_cut_or_filled_with_zeros(start: int, length: int, width: int) -> None:
    column = pa.array(BYTES, pa.binary()).slice(start, length)
    for rows in (np.arange(length), np.arange(0, length, 2), np.arange(1, length)):
        made = arrays.padded(column, rows, width)
        assert (made.shape, made.dtype) == ((len(rows), width), np.dtype(np.uint8))
        wanted = [BYTES[start + row] for row in rows.tolist()]
        assert [row.tobytes() for row in made] == [each[:width].ljust(width, b"\0") for each in wanted]


def test_bytes_of_no_rows_and_of_nothing_but_empty_ones() -> None:
    column = pa.array([b"", b""], pa.binary())
    assert arrays.padded(column, np.array([], dtype=np.int64), 4).shape == (0, 4)
    assert arrays.padded(column, np.array([0, 1]), 4).tolist() == [[0] * 4] * 2
    assert arrays.padded(pa.array([], pa.binary()), np.array([], dtype=np.int64), 4).shape == (0, 4)


@pytest.mark.parametrize("kind", [np.uint64, np.int32, np.float32, np.float64, np.uint8])
def test_numbers_become_a_column_of_their_type(kind: type) -> None:
    values = np.array([3, 1, 2], kind)
    made = arrays.numbers(values)
    made.validate(full=True)
    assert made.equals(pa.array(values))
    assert made.null_count == 0


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 64, 65])
def test_numbers_are_null_where_told(count: int) -> None:
    is_null = np.arange(count) % 3 == 1
    made = arrays.numbers(np.arange(count) / 4, is_null=is_null)
    made.validate(full=True)
    assert made.to_pylist() == [None if n % 3 == 1 else n / 4 for n in range(count)]
    assert made.null_count == is_null.sum()


def test_numbers_of_a_view_that_is_not_contiguous() -> None:
    values = np.arange(20, dtype=np.uint64).reshape(4, 5)[:, 1]
    made = arrays.numbers(values, is_null=np.arange(8)[::2] == 2)
    assert made.to_pylist() == [1, None, 11, 16]
    assert arrays.numbers(np.arange(6)[::-2]).to_pylist() == [5, 3, 1]


NAMES = ["", "a", "key material", "\u00fc\u6f22", "binary"]


@pytest.mark.parametrize("codes", [[], [0], [4, 2, 0, 0, 3, 1, 2], [3] * 9])
def test_words_are_written_by_their_numbers(codes: list[int]) -> None:
    made = arrays.words(np.array(codes, dtype=np.int64), NAMES)
    made.validate(full=True)
    assert made.type == pa.string()
    assert made.to_pylist() == [NAMES[code] for code in codes]


@pytest.mark.parametrize("names", [[], [""], ["x"]])
def test_no_words_of_few_names(names: list[str]) -> None:
    made = arrays.words(np.array([], dtype=np.int64), names)
    made.validate(full=True)
    assert (len(made), made.type) == (0, pa.string())


TEXTS = ["text", "opaque", "", "text", "t", "\u00fc\u6f22", "opaque"]


@pytest.mark.parametrize(("start", "length"), [(0, 7), (1, 3), (2, 1), (3, 1), (6, 1), (4, 0)])
def test_texts_are_numbered_in_the_order_of_their_bytes(start: int, length: int) -> None:
    codes, names = arrays.coded(pa.array(TEXTS).slice(start, length))
    chosen = TEXTS[start : start + length]
    assert names == sorted(set(chosen), key=str.encode)
    assert [names[code] for code in codes] == chosen


def test_texts_in_pieces_are_numbered_as_one_column() -> None:
    column = pa.chunked_array([pa.array(TEXTS).slice(2, 3), pa.array(TEXTS[:2])])
    codes, names = arrays.coded(column)
    assert [names[code] for code in codes] == [*TEXTS[2:5], *TEXTS[:2]]


@pytest.mark.parametrize("text", ["", "same"])
def test_equal_texts_have_one_number(text: str) -> None:
    codes, names = arrays.coded(pa.array([text] * 5))
    assert (codes.tolist(), names) == ([0] * 5, [text])
    codes, names = arrays.coded(pa.chunked_array([], pa.string()))
    assert (codes.tolist(), names) == ([], [])


def test_words_undo_numbering() -> None:
    column = pa.array(TEXTS * 3)
    assert arrays.words(*arrays.coded(column)).equals(column)
