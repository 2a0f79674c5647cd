"""Arrow's arrays as cells: no Python object for a number, one for each distinct text of a batch."""

from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

from monitor.stats.calibration.windows import NO_TIME
from monitor.stats.cells import (
    BOOLEANS,
    TEXT,
    TIMES,
    Cells,
    ListCells,
    NumberCells,
    OtherCells,
    TableBatch,
    TextCells,
    TimeCells,
    all_missing,
)
from monitor.stats.columns import Ints, Mask
from monitor.stats.texts import MISSING, CodedTexts, Codes

BATCH_ROWS = 65_536

BYTES, NOT_UTF_8 = "bytes", "text that is not UTF-8"


def table_batch(batch: pa.RecordBatch, wanted: Collection[str] | None = None, *, is_typed: bool = True) -> TableBatch:
    """The batch's cells; `wanted` are the columns to look at (None: all)."""
    names = batch.schema.names
    columns = {
        name: _cells_or_other(batch.column(place), is_typed=is_typed)
        for place, name in enumerate(names)
        if names.count(name) == 1 and (wanted is None or name in wanted)
    }
    return TableBatch(batch.num_rows, columns, names)


def _cells_or_other(array: pa.Array, *, is_typed: bool) -> Cells:
    """One array of a type that Arrow itself does not handle spoils no other."""
    try:
        return cells(array, is_typed=is_typed)
    except pa.ArrowNotImplementedError:
        return OtherCells(str(array.type), np.zeros(len(array), np.bool_))


def encodable(value: object) -> object:
    """A text without lone surrogates, halves of characters that no encoding stores; anything else as it is.

    Programs that count UTF-16, as JavaScript's do, cut texts within a character.
    """
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def cells(array: pa.Array, *, is_typed: bool = True) -> Cells:
    """The cells of any array. Texts that are no UTF-8 are bytes, which nobody profiles."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return cells(array.storage, is_typed=is_typed)
    if types.is_null(kind):
        return all_missing(len(array))
    if types.is_dictionary(kind):
        return _dictionary(array, is_typed=is_typed)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _texts(array, is_typed=is_typed)
    return _plain(array)


_BOOLEANS = ("false", "true")


def _plain(array: pa.Array) -> Cells:
    """The cells of an array that holds no text."""
    kind = array.type
    if types.is_boolean(kind):
        return TextCells(CodedTexts(_codes(array), _BOOLEANS), BOOLEANS)
    if types.is_decimal(kind) or types.is_float16(kind):
        return _plain(array.cast(pa.float64()))
    if types.is_integer(kind) or types.is_floating(kind):
        return NumberCells(_raw(array), _missing(array) if array.null_count else None)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return ListCells(_named(kind), _missing(array), array.to_pylist)
    if types.is_timestamp(kind) or types.is_date(kind):
        return TimeCells(TIMES, _missing(array), partial(_milliseconds, array))
    return OtherCells(TIMES if types.is_temporal(kind) else _named(kind), _missing(array))


def _dictionary(array: pa.DictionaryArray, *, is_typed: bool) -> Cells:
    """Codes as they are, unless the dictionary is no list of distinct texts, or larger than the batch."""
    names = array.dictionary
    if types.is_string_view(names.type):
        names = names.cast(pa.large_string())
        array = pa.DictionaryArray.from_arrays(array.indices, names)
    plain = names.type in {pa.string(), pa.large_string()} and not names.null_count
    if not plain or len(names) > len(array) or len(names.unique()) < len(names):
        return cells(array.dictionary_decode(), is_typed=is_typed)
    return _coded(array, is_typed=is_typed)


def _texts(array: pa.Array, *, is_typed: bool) -> Cells:
    if types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    return _coded(array.dictionary_encode(), is_typed=is_typed)


def _coded(array: pa.DictionaryArray, *, is_typed: bool) -> Cells:
    try:
        names = array.dictionary.to_pylist()
    except UnicodeDecodeError:
        return OtherCells(NOT_UTF_8, _missing(array))
    return TextCells(CodedTexts(_codes(array.indices), names), TEXT, is_typed)


def _raw(array: pa.Array) -> NDArray[Any]:
    """Numbers without a copy; anything stands where they are missing.

    Arrow's own ways to numpy, and to fill what is missing, load pandas: a second that nobody should wait for.
    """
    kind, held = np.dtype(array.type.to_pandas_dtype()), array.buffers()[1]
    return np.empty(0, kind) if held is None else np.frombuffer(held, kind, len(array), array.offset * kind.itemsize)


def _milliseconds(array: pa.Array) -> Ints:
    times = _raw(array.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()))
    return np.where(_missing(array), NO_TIME, times)


def _codes(array: pa.Array) -> Codes:
    codes = _raw(array.cast(pa.int32()))
    return np.where(_missing(array), np.int32(MISSING), codes) if array.null_count else codes


def _missing(array: pa.Array) -> Mask:
    return _raw(array.is_null().cast(pa.uint8())).view(np.bool_)


def _named(kind: pa.DataType) -> str:
    """What the cells are, in words."""
    if types.is_struct(kind) or types.is_map(kind):
        return "nested records"
    if types.is_nested(kind):
        return "lists"
    return BYTES if types.is_binary(kind) or types.is_large_binary(kind) else str(kind)
