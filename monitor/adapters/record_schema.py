"""The typed decoder of a model version's features, generated from its schema."""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, starmap
from operator import attrgetter
from typing import Any, Protocol

import msgspec
import numpy as np

from monitor.adapters.derived_features import DerivedFeatures
from monitor.adapters.loose_record import as_number
from monitor.adapters.record_fields import Category
from monitor.domain.models import ColumnKind
from monitor.stats.columns import CategoricalColumn, Column, Floats, Mask, NumericColumn
from monitor.stream.batch import Originals, category_text
from monitor.stream.schema import RecordSchema

Invalid = Mapping[str, Sequence[int]]
"""Column name to the rows whose value had another type."""


class FeatureReader(Protocol):
    """Turns the raw `features` of records into columns, in the order of the records."""

    def decode(self, features: msgspec.Raw) -> object:
        """The features as an opaque row; msgspec's errors when any value has an unexpected type."""
        ...

    def coerce(self, features: Mapping[str, object]) -> tuple[object, list[str]]:
        """The same from parsed JSON, value by value: the row, and the columns whose value is invalid."""
        ...

    def columns(self, rows: Sequence[object], invalid: Invalid) -> dict[str, Column]:
        """The rows as columns."""
        ...

    def originals(self, rows: Sequence[object]) -> Originals:
        """Texts and vectors of the rows that are kept as they came."""
        ...


def feature_reader(schema: RecordSchema) -> FeatureReader:
    """The reader that fits: typed where a baseline says what there is, guessing where none does."""
    return GuessingReader(schema) if schema.discover else TypedReader(schema)


class TypedReader:
    """Decodes straight into a struct with a slot for each feature of the schema; other features are skipped.

    Missing numbers are NaN; other missing features and nulls are None. Text and booleans are refused where a number is
    due, so that "1.5" and true never pass for 1.5 and 1.0.
    """

    def __init__(self, schema: RecordSchema) -> None:
        features = schema.features
        self._numeric = [c.name for c in features if c.kind is ColumnKind.NUMERIC]
        self._categorical = [c.name for c in features if c.kind is ColumnKind.CATEGORICAL]
        self._derived = DerivedFeatures(schema)
        slots = self._numeric + self._categorical + self._derived.sources
        self._attributes = {name: f"c{k}" for k, name in enumerate(slots)}
        self._row = msgspec.defstruct("Features", [self._field(name) for name in self._attributes], gc=False)
        self.decode: Callable[[msgspec.Raw], object] = msgspec.json.Decoder(self._row).decode
        self._pack = struct.Struct(f"={len(self._numeric)}d").pack

    def _field(self, name: str) -> tuple[str, object, object]:
        if name in self._derived.sources:
            return self._attributes[name], Any, msgspec.field(default=None, name=name)
        accepted = float | None if name in self._numeric else Category
        missing = math.nan if name in self._numeric else None
        return self._attributes[name], accepted, msgspec.field(default=missing, name=name)

    def coerce(self, features: Mapping[str, object]) -> tuple[object, list[str]]:
        """Value by value: a value of a wrong type is None and named."""
        row: dict[str, object] = {}
        invalid = []
        for names, convert in ((self._numeric, as_number), (self._categorical, _as_category)):
            for name in names:
                value = features.get(name)
                converted = convert(value)
                row[self._attributes[name]] = converted
                if converted is None and value is not None:
                    invalid.append(name)
        row |= {self._attributes[name]: features.get(name) for name in self._derived.sources}
        return self._row(**row), invalid

    def columns(self, rows: Sequence[object], invalid: Invalid) -> dict[str, Column]:
        """Numeric columns as rows of one matrix, categorical ones as lists."""
        found: dict[str, Column] = {}
        n = len(rows)
        if self._numeric:
            matrix = self._matrix(rows)
            for name, values in zip(self._numeric, np.ascontiguousarray(matrix.T), strict=True):
                found[name] = NumericColumn(values, _mask(invalid.get(name), n))
        if self._categorical:
            transposed = zip(*map(self._getter(self._categorical), rows), strict=True)
            for name, column in zip(self._categorical, transposed, strict=True):
                found[name] = CategoricalColumn(as_texts(column), _mask(invalid.get(name), n))
        for name in self._derived.sources:
            found |= self._derived.columns(name, self._values(rows, name))
        return found

    def originals(self, rows: Sequence[object]) -> Originals:
        """Texts and vectors of the rows that are kept as they came."""
        return self._derived.originals(partial(self._values, rows))

    def _values(self, rows: Sequence[object], name: str) -> list[object]:
        return list(map(attrgetter(self._attributes[name]), rows))

    def _matrix(self, rows: Sequence[object]) -> Floats:
        numbers = map(self._getter(self._numeric), rows)
        try:
            flat = np.frombuffer(b"".join(starmap(self._pack, numbers)), np.float64)
        except struct.error:  # a null; they are NaN for numpy, too, a little slower
            again = chain.from_iterable(map(self._getter(self._numeric), rows))
            flat = np.fromiter(again, np.float64, len(rows) * len(self._numeric))
        return flat.reshape(len(rows), -1)

    def _getter(self, names: Sequence[str]) -> Callable[[object], tuple[object, ...]]:
        attributes = [self._attributes[name] for name in names]
        if len(attributes) > 1:
            return attrgetter(*attributes)
        (only,) = attributes
        return lambda row: (getattr(row, only),)


class GuessingReader:
    """Reads every feature, for the archive of a model without baseline: numbers are numeric, the rest categorical."""

    def __init__(self, schema: RecordSchema) -> None:
        self._categorical = frozenset(c.name for c in schema.features if c.kind is ColumnKind.CATEGORICAL)
        self._derived = DerivedFeatures(schema)
        self.decode: Callable[[msgspec.Raw], object] = msgspec.json.Decoder(dict[str, Category]).decode

    def coerce(self, features: Mapping[str, object]) -> tuple[object, list[str]]:
        """Arrays and objects are invalid."""
        sources = self._derived.sources
        row = {
            name: value
            for name, value in features.items()
            if value is None or _as_category(value) is not None or name in sources
        }
        return row, sorted(features.keys() - row.keys())

    def columns(self, rows: Sequence[object], invalid: Invalid) -> dict[str, Column]:
        """All features that any row has, by name."""
        dicts = [row for row in rows if isinstance(row, dict)]
        sources = self._derived.sources
        names = sorted(({name for row in dicts for name in row} | invalid.keys() | self._categorical) - set(sources))
        n = len(rows)
        found: dict[str, Column] = {}
        for name in sources:
            found |= self._derived.columns(name, [row.get(name) for row in dicts])
        for name in names:
            values = [row.get(name) for row in dicts]
            mask = _mask(invalid.get(name), n)
            if name not in self._categorical and {type(v) for v in values} <= {int, float, type(None)}:
                numbers = np.fromiter((np.nan if v is None else as_number(v) for v in values), np.float64, n)
                found[name] = NumericColumn(numbers, mask)
            else:
                found[name] = CategoricalColumn(as_texts(values), mask)
        return found

    def originals(self, rows: Sequence[object]) -> Originals:
        """Texts and vectors of the rows that are kept as they came."""
        dicts = [row for row in rows if isinstance(row, dict)]
        return self._derived.originals(lambda name: [row.get(name) for row in dicts])


def as_texts(values: Sequence[Category]) -> list[str | None]:
    """Categories as text, see `category_text`."""
    kinds = set(map(type, values))
    if kinds <= _TEXT:
        return list(values)  # type: ignore[arg-type]  # just checked, at C speed
    if kinds == {int}:
        return list(map(str, values))
    return [None if value is None else category_text(value) for value in values]


_TEXT = {str, type(None)}


def _as_category(value: object) -> Category:
    return value if isinstance(value, str | int | float) else None


def _mask(rows: Sequence[int] | None, n: int) -> Mask | None:
    if not rows:
        return None
    mask = np.zeros(n, np.bool_)
    mask[list(rows)] = True
    return mask
