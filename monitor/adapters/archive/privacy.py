"""What raw rows do not show: personal columns as keyed hashes or masks, and which rows are kept of a sample."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from monitor.domain.models import Personal
from monitor.stats.columns import CategoricalColumn, Column, Floats, Mask, NumericColumn
from monitor.stream.batch import as_categorical

MASKED = "masked"
_SCALE = 2.0**64


def in_sample(event_ids: Sequence[str], rate: float) -> Mask:
    """Which predictions belong to a sample of this rate (0 to 1): a function of the id alone.

    The samples are nested: what a lower rate keeps, every higher one keeps too. So rows that were kept at unequal
    rates are made equally likely by thinning them to the lowest.
    """
    if rate >= 1:
        return np.ones(len(event_ids), np.bool_)
    kept: Mask = places(event_ids) < rate
    return kept


def places(event_ids: Sequence[str]) -> Floats:
    """Where the ids fall in [0, 1), evenly."""
    return np.fromiter(map(_place, event_ids), np.float64, len(event_ids))


def _place(event_id: str) -> float:
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest(), "big") / _SCALE


def without_personal(columns: Mapping[str, Column], personal: Mapping[str, Personal], key: bytes) -> dict[str, Column]:
    """The columns with the personal ones hashed (equal values stay equal) or masked (only missing is still told).

    The hash is keyed BLAKE2b (RFC 7693), 32 hexadecimal digits: without the key, nobody can try out likely values.
    """
    shown = dict(columns)
    for name in personal.keys() & columns.keys():
        hidden = _hidden(columns[name], personal[name], key)
        shown[name] = hidden
    return shown


def _hidden(column: Column, how: Personal, key: bytes) -> Column:
    if how is Personal.MASK and isinstance(column, NumericColumn):
        return NumericColumn(np.full(len(column.values), np.nan), column.invalid)
    texts = as_categorical(column)
    if how is Personal.MASK:
        return CategoricalColumn([None if value is None else MASKED for value in texts.values], column.invalid)
    hashes: dict[str, str] = {}
    for value in texts.values:
        if value is not None and value not in hashes:
            hashes[value] = hashlib.blake2b(value.encode(), digest_size=16, key=key[:64]).hexdigest()
    return CategoricalColumn([None if value is None else hashes[value] for value in texts.values], column.invalid)
