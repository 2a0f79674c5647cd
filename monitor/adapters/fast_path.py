"""Messages as agreed to batches by the compiled scanner; whatever it declines goes the safe way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from monitor.adapters.derived_features import DerivedFeatures
from monitor.adapters.native import compiled_scanner
from monitor.domain.models import LATENCY, PREDICTION, SCORE, ColumnKind, ModelRef
from monitor.domain.records import RawRecord
from monitor.domain.stream import TopicKind
from monitor.stats.blocks import BlockNames, ColumnBlock
from monitor.stats.columns import Column, Ints, Mask
from monitor.stats.derived.vectors import DenseVectors
from monitor.stats.texts import CodedTexts, NumberTexts, PackedTexts, category_text
from monitor.stream.batch import RecordBatch
from monitor.stream.schema import RecordSchema, SchemaLookup

if TYPE_CHECKING:
    from monitor.adapters.native._scanner import Columns, Plan, Scanner

MOST_PLANS = 2_000
"""Plans that are kept; versions are what producers write, so there may be any number."""


_value, _offset = attrgetter("value"), attrgetter("offset")


@dataclass(slots=True)
class _Planned:
    """A plan with the schema that it was made of, and where its columns will lie."""

    ref: ModelRef
    schema: RecordSchema
    names: BlockNames
    features: tuple[str, ...]
    prediction: ColumnKind | None
    derived: DerivedFeatures
    plan: Plan


@dataclass(slots=True)
class FastPath:
    """Keeps the scanner and the plan of each model version; not thread-safe.

    `taken` of the `seen` messages were as agreed. The columns of a model without baseline are guessed from its values,
    so its messages are all declined; so are those of a model whose scores of all classes, or lists, are kept. Texts and
    vectors are found by the scanner, and described as those of the safe path are.
    """

    scanner: Scanner
    make_plan: type[Plan]
    seen: int = 0
    taken: int = 0
    _planned: dict[ModelRef, _Planned] = field(default_factory=dict)

    @classmethod
    def if_built(cls) -> FastPath | None:
        """None where the compiled module is missing or not wanted."""
        module, _ = compiled_scanner()
        return None if module is None else cls(module.Scanner(category_text), module.Plan)

    def scan(
        self, records: Sequence[RawRecord], kind: TopicKind, schemas: SchemaLookup, max_record_bytes: int
    ) -> tuple[list[RecordBatch], Sequence[RawRecord]]:
        """A batch for each model version, and the records that were declined."""
        if len(self._planned) > MOST_PLANS:
            self._planned.clear()
        used: dict[Plan, _Planned] = {}

        def plan_of(model: str, version: str) -> Plan | None:
            planned = self._plan(ModelRef(model, version), schemas(model, version))
            if planned is None:
                return None
            used[planned.plan] = planned
            return planned.plan

        values = list(map(_value, records))
        status, found = self.scanner.scan(values, max_record_bytes, kind is TopicKind.MIXED, plan_of)
        offsets = np.fromiter(map(_offset, records), np.int64, len(records))
        batches = [_batch(used[plan], columns, offsets) for plan, columns in found]
        declined = np.flatnonzero(np.frombuffer(status, np.uint8)).tolist()
        self.seen += len(records)
        self.taken += len(records) - len(declined)
        return batches, [records[row] for row in declined]

    def _plan(self, ref: ModelRef, schema: RecordSchema | None) -> _Planned | None:
        if schema is None or not schema.is_plain:
            return None
        planned = self._planned.get(ref)
        if planned is None or planned.schema is not schema:
            planned = self._planned[ref] = self._made(ref, schema)
        return planned

    def _made(self, ref: ModelRef, schema: RecordSchema) -> _Planned:
        numeric = [column.name for column in schema.features if column.kind is ColumnKind.NUMERIC]
        categorical = [column.name for column in schema.features if column.kind is ColumnKind.CATEGORICAL]
        outputs = [name for name in (SCORE, LATENCY, PREDICTION) if schema.kind(name)]
        prediction = schema.kind(PREDICTION)
        derived = DerivedFeatures(schema)
        plan = self.make_plan(
            numeric,
            categorical,
            prediction is ColumnKind.NUMERIC,
            schema.positive_label,
            derived.texts,
            derived.vectors,
        )
        numbers = {name: row for row, name in enumerate((*numeric, SCORE, LATENCY, PREDICTION))}
        texts = {name: row for row, name in enumerate((*categorical, PREDICTION))}
        if prediction is ColumnKind.CATEGORICAL:
            del numbers[PREDICTION]
        else:
            del texts[PREDICTION]
        order = (*numeric, *categorical, *outputs)
        names = BlockNames({name: row for name, row in numbers.items() if name in order}, texts, order)
        return _Planned(ref, schema, names, order[: len(order) - len(outputs)], prediction, derived, plan)


def _batch(planned: _Planned, found: Columns, offsets: Ints) -> RecordBatch:
    rows, times, floats, coded, ids, id_ends, categories, wrong, texts, vectors = found
    at = np.frombuffer(rows, np.int64)
    numbers = np.frombuffer(floats, np.float64).reshape(-1, len(at))
    codes = np.frombuffer(coded, np.int32).reshape(-1, len(at))
    invalid: dict[str, Mask] = {}
    for place, row in wrong:
        invalid.setdefault(planned.features[place], np.zeros(len(at), np.bool_))[row] = True
    block = ColumnBlock(planned.names, numbers, codes, categories, invalid)
    values = _wide(planned.derived, len(at), texts, vectors)
    columns = _with_derived(planned, block, values) if values else block
    as_number = planned.prediction is ColumnKind.NUMERIC
    predictions = NumberTexts(numbers[-1]) if as_number else CodedTexts(codes[-1], categories[-1])
    ends = np.frombuffer(id_ends, np.int64)
    starts = np.empty(len(ends), np.int64)
    starts[0], starts[1:] = 0, ends[:-1]
    event_ids = PackedTexts(ids, starts, ends)
    times_ms, scores = np.frombuffer(times, np.int64), numbers[-3]
    originals = planned.derived.originals(values.__getitem__)
    return RecordBatch(planned.ref, times_ms, offsets[at], event_ids, columns, predictions, scores, originals=originals)


def _with_derived(
    planned: _Planned, block: ColumnBlock, values: Mapping[str, Sequence[object]]
) -> Mapping[str, Column]:
    """Behind the other features, in the order of the safe path."""
    columns: dict[str, Column] = {name: block[name] for name in planned.features}
    for name in planned.derived.sources:
        columns |= planned.derived.columns(name, values[name])
    return columns | {name: block[name] for name in block if name not in columns}


def _wide(
    derived: DerivedFeatures, n: int, texts: Sequence[Sequence[str | None]], vectors: Sequence[tuple[bytes, bytes]]
) -> dict[str, Sequence[object]]:
    """The values of each text and vector, one a record."""
    found: dict[str, Sequence[object]] = dict(zip(derived.texts, texts, strict=True))
    for (name, dimensions), (places, numbers) in zip(derived.vectors, vectors, strict=True):
        matrix = np.frombuffer(numbers, np.float64).reshape(-1, dimensions)
        found[name] = DenseVectors(n, np.frombuffer(places, np.int64), matrix)
    return found
