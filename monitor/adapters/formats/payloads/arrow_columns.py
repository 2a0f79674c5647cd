"""Arrow arrays as columns of a batch, by the rules of docs/reference/records.md for values."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.adapters.event_times import event_times_ms
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.models import ColumnKind
from monitor.domain.time import parse_instant
from monitor.stats.columns import CategoricalColumn, Column, Ints, Mask, NumericColumn
from monitor.stream.batch import category_text

_PER_MS = {"s": 0.001, "ms": 1, "us": 1_000, "ns": 1_000_000}
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 to 9999, as in every other format."""


def column_of(array: pa.Array, kind: ColumnKind | None) -> Column:
    """The array as the kind that the baseline gave it (None: whatever it is).

    A numeric column takes numbers only: text and booleans are invalid there. A categorical one takes everything that
    is one value.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    is_number = pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)
    if kind is ColumnKind.NUMERIC or (kind is None and is_number):
        return _numeric(array) if is_number else NumericColumn(np.full(len(array), np.nan), _present(array))
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return CategoricalColumn(array.to_pylist())
    if is_number or pa.types.is_boolean(array.type):
        values = array.cast(pa.float64(), safe=False) if pa.types.is_decimal(array.type) else array
        return CategoricalColumn([None if v is None else category_text(v) for v in values.to_pylist()])
    return CategoricalColumn([None] * len(array), _present(array))


def times_ms(array: pa.Array) -> tuple[Ints, Mask]:
    """Milliseconds since the epoch, and which rows have a time: timestamps, numbers or RFC 3339 text."""
    if pa.types.is_timestamp(array.type):
        return _of_timestamps(array)
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        numbers = np.asarray(pc.fill_null(array.cast(pa.float64(), safe=False), np.nan))
        times, bad = event_times_ms(numbers.tolist())
        return times, ~bad
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        times, bad = event_times_ms([_instant(text) for text in array.to_pylist()])
        return times, ~bad
    raise RecordRejected(RejectReason.BAD_EVENT_TIME, f"event_time is a column of {array.type}")


def _of_timestamps(array: pa.Array) -> tuple[Ints, Mask]:
    """By their integers: they count from the epoch in UTC whatever zone the type names, known or not."""
    counted: Ints = np.asarray(array.view(pa.int64()).fill_null(0), np.int64)
    per_ms = _PER_MS[array.type.unit]
    least, most = (int(limit * per_ms) for limit in (_FIRST_MS, _LAST_MS))
    good = np.asarray(array.is_valid()) & (counted >= max(least, -(2**63))) & (counted <= min(most, 2**63 - 1))
    usable = np.where(good, counted, 0)
    return (usable * 1000 if per_ms < 1 else usable // int(per_ms)), good


def _instant(text: str | None) -> float:
    try:
        return parse_instant(text).timestamp() * 1000 if text else float("nan")
    except (ValueError, OverflowError):
        return float("nan")


def _numeric(array: pa.Array) -> NumericColumn:
    floats = array.cast(pa.float64(), safe=False)
    return NumericColumn(np.asarray(floats.fill_null(np.nan) if floats.null_count else floats, np.float64))


def _present(array: pa.Array) -> Mask | None:
    """Whatever is there is invalid; nulls are missing."""
    mask: Mask = np.asarray(array.is_valid())
    return mask if mask.any() else None
