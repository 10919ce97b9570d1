"""Between Arrow columns and NumPy arrays.

The conversions of pyarrow itself load pandas wherever that is installed, which
takes longer than most scans and as much memory as all the rest of the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def values(column: pa.Array[Any] | pa.ChunkedArray[Any], *, null: float = np.nan) -> NDArray[Any]:
    """Numbers or truth values of a column.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray of shape (n,)
        Of a primitive type. Nulls are taken in columns of numbers only.
    null : float, optional
        What stands for null; columns of integers with nulls need an integer here.

    Returns
    -------
    values : ndarray of shape (n,)
    """
    return np.concatenate([_values_of(chunk, null) for chunk in _chunks(column)])


def lengths(lists: pa.Array[Any] | pa.ChunkedArray[Any]) -> NDArray[np.int32]:
    """Number of items of each list of a column, of shape (n,)."""
    return np.concatenate([_lengths_of(chunk) for chunk in _chunks(lists)])


def firsts(lists: Any, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """The first item of each list in these rows, of shape (n,); none of the lists may be empty."""
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    starts = np.frombuffer(lists.buffers()[1], dtype=np.int32)[lists.offset :][rows]
    items: NDArray[Any] = values(lists.values)[starts]
    return items


def padded(column: Any, rows: NDArray[np.integer[Any]], width: int) -> NDArray[np.uint8]:
    """The bytes of a binary column without nulls in these rows, cut or filled with zeros.

    Parameters
    ----------
    column : pyarrow.BinaryArray of shape (n,)
    rows : ndarray of shape (m,)
        Ascending.
    width : int

    Returns
    -------
    padded : ndarray of shape (m, width), uint8
    """
    if len(rows) == 0:
        return np.zeros((0, width), dtype=np.uint8)
    _, offsets, stored = column.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    counts = np.diff(bounds)
    # Of each row, which of its bytes are wanted.
    is_wanted = np.zeros(len(column), dtype=np.bool_)
    is_wanted[rows] = True
    chosen = np.repeat(is_wanted, counts)
    if counts.max(initial=0) > width:
        chosen &= np.arange(len(chosen)) - np.repeat(bounds[:-1] - bounds[0], counts) < width
    filled = np.zeros((len(rows), width), dtype=np.uint8)
    items = np.frombuffer(stored or b"", dtype=np.uint8)[bounds[0] : bounds[-1]]
    filled[np.arange(width) < np.minimum(counts[rows], width)[:, None]] = items[chosen]
    return filled


def spans(lists: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the items of each list begin and end among all items of the column (`lists.values`), both of shape (n,).

    Parameters
    ----------
    lists : pyarrow.ListArray of shape (n,)
        In one piece.
    """
    if len(lists) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    offsets = np.frombuffer(lists.buffers()[1], dtype=np.int32)[lists.offset : lists.offset + len(lists) + 1]
    return offsets[:-1].astype(np.int64), offsets[1:].astype(np.int64)


def items(lists: Any, rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Name the items of the lists of some rows, one after the other.

    Parameters
    ----------
    lists : pyarrow.ListArray of shape (n,)
        In one piece.
    rows : ndarray of shape (n,), bool
        Whose.

    Returns
    -------
    row, at, nth : ndarray of shape (items,), int64
        Row of each item, its place among all items of the column (`lists.values`), and in its list, from 0.
    """
    starts, ends = spans(lists)
    chosen = np.flatnonzero(rows)
    counts = (ends - starts)[chosen]
    row = np.repeat(chosen, counts)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, starts[row] + nth, nth


def integers(numbers: NDArray[np.integer[Any]]) -> pa.Array[Any]:
    """A column of whole numbers, or row numbers to take from a table, of shape (n,)."""
    numbers = np.ascontiguousarray(numbers, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers.data)])


def numbers(values: NDArray[Any], *, is_null: NDArray[np.bool_] | None = None) -> pa.Array[Any]:
    """A column of numbers of the array's own type, of shape (n,); null where `is_null`."""
    values = np.ascontiguousarray(values)
    valid = None if is_null is None else pa.py_buffer(np.packbits(~is_null, bitorder="little").tobytes())
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values.data)])


def words(codes: NDArray[np.integer[Any]], names: Sequence[str]) -> pa.Array[Any]:
    """A column of texts by their numbers among `names`, of shape (n,); of names few."""
    encoded = [name.encode() for name in names]
    lengths_of = np.array([len(name) for name in encoded], dtype=np.int32)
    letters = np.zeros((len(encoded), max(lengths_of, default=0)), dtype=np.uint8)
    for row, name in enumerate(encoded):
        letters[row, : len(name)] = np.frombuffer(name, dtype=np.uint8)
    is_letter = np.arange(letters.shape[1]) < lengths_of[:, None]
    ends = np.concatenate([[0], np.cumsum(lengths_of[codes])]).astype(np.int32)
    text = letters[codes][is_letter[codes]].tobytes()
    return pa.Array.from_buffers(pa.string(), len(codes), [None, pa.py_buffer(ends.data), pa.py_buffer(text)])


_WIDEST_CODED = 64
"""Bytes of the longest text up to which all are laid side by side: long paths would take memory for every row."""


def coded(column: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Texts of a column as numbers into those that occur, in their order as bytes; nulls and NUL may not occur.

    Not by Arrow's dictionary_encode: it loads pyarrow.compute, a third of the time that a small scan takes.
    """
    array = pa.concat_arrays(_chunks(column))
    width = int(lengths(array).max(initial=0))
    if width == 0:
        return np.zeros(len(array), dtype=np.int64), [""] if len(array) else []
    if width > _WIDEST_CODED:
        texts_of = array.to_pylist()
        numbers_of = {text: number for number, text in enumerate(sorted(set(texts_of)))}
        return np.array([numbers_of[text] for text in texts_of], dtype=np.int64), list(numbers_of)
    texts = padded(array, np.arange(len(array)), width).view(f"S{width}")[:, 0]
    if (texts == texts[0]).all():
        return np.zeros(len(array), dtype=np.int64), [texts[0].decode()]
    names, codes = np.unique(texts, return_inverse=True)
    return codes, [name.decode() for name in names.tolist()]


def strings(texts: Sequence[str | None]) -> pa.Array[Any]:
    """A column of texts, of shape (n,)."""
    encoded = [b"" if text is None else text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    is_there = np.packbits(np.array([text is not None for text in texts], dtype=np.bool_), bitorder="little")
    buffers: list[pa.Buffer | None] = [
        pa.py_buffer(each) for each in (is_there.tobytes(), ends.tobytes(), b"".join(encoded))
    ]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def _chunks(column: Any) -> list[Any]:
    """The pieces that a column lies in; at least one."""
    if not isinstance(column, pa.ChunkedArray):
        return [column]
    return column.chunks or [pa.array([], column.type)]


def _values_of(array: Any, null: float = np.nan) -> NDArray[Any]:
    if pa.types.is_boolean(array.type):
        return _bits(array.buffers()[1], array)
    if not array.null_count:
        numbers: NDArray[Any] = np.from_dlpack(array)
        return numbers
    valid, stored = array.buffers()
    kind = array.type.to_pandas_dtype()
    numbers = np.frombuffer(stored, dtype=kind, count=array.offset + len(array))[array.offset :].copy()
    numbers[~_bits(valid, array)] = null
    return numbers


def _bits(buffer: Any, array: Any) -> NDArray[np.bool_]:
    """One bit for each value of an array, which may be a slice of a longer one."""
    if len(array) == 0:
        return np.empty(0, dtype=np.bool_)
    end = array.offset + len(array)
    bits = np.unpackbits(np.frombuffer(buffer, dtype=np.uint8), count=end, bitorder="little")
    return bits[array.offset :].astype(np.bool_)


def _lengths_of(lists: Any) -> NDArray[np.int32]:
    if len(lists) == 0:
        # An empty array may come without an offsets buffer (Arrow columnar format, variable-size lists).
        return np.empty(0, dtype=np.int32)
    offsets = np.frombuffer(lists.buffers()[1], dtype=np.int32)
    return np.diff(offsets[lists.offset : lists.offset + len(lists) + 1])
