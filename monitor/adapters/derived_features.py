"""Features of records that columns are made of: texts and vectors."""

from collections.abc import Callable, Mapping, Sequence

from monitor.domain.derived import TextColumn, VectorColumn
from monitor.stats.columns import Column
from monitor.stats.derived.derive import derive
from monitor.stats.derived.originals import originals
from monitor.stream.batch import Originals
from monitor.stream.schema import RecordSchema


class DerivedFeatures:
    """Makes the columns that a schema asks for of the features that it declares; all of them where it discovers."""

    def __init__(self, schema: RecordSchema) -> None:
        asked = {column.name for column in schema.columns}
        as_it_is = {column.name for column in schema.features}  # by a baseline that is older than the declaration
        kept = set(schema.originals) - as_it_is
        self._specs = {
            one.column: one
            for one in schema.derived
            if schema.discover or one.column in kept or any(s.name in asked for s in one.specs)
        }
        self._asked = None if schema.discover else asked
        self._kept = [one for name, one in self._specs.items() if name in kept]
        self.sources = list(self._specs)
        self.texts = [one.column for one in self._specs.values() if isinstance(one, TextColumn)]
        self.vectors = [(one.column, one.dimensions) for one in self._specs.values() if isinstance(one, VectorColumn)]

    def columns(self, source: str, values: Sequence[object]) -> Mapping[str, Column]:
        """The columns that are made of these values of a feature, one a record."""
        found = derive(self._specs[source], values)
        return found if self._asked is None else {name: one for name, one in found.items() if name in self._asked}

    def originals(self, values: Callable[[str], Sequence[object]]) -> Originals:
        """What is kept as it came, of the values of each feature, one a record."""
        return {one: originals(one, values(one.column)) for one in self._kept}
