"""Messages as agreed to batches by the compiled scanner; whatever it declines goes the safe way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from monitor.adapters.native import compiled_scanner
from monitor.domain.models import LATENCY, PREDICTION, SCORE, ColumnKind, ModelRef
from monitor.domain.records import RawRecord
from monitor.domain.stream import TopicKind
from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn
from monitor.stats.texts import CodedTexts, NumberTexts, PackedTexts, category_text
from monitor.stream.batch import RecordBatch
from monitor.stream.schema import RecordSchema, SchemaLookup

if TYPE_CHECKING:
    from monitor.adapters.native._scanner import Columns, Plan, Scanner

MOST_PLANS = 2_000
"""Plans that are kept; versions are what producers write, so there may be any number."""


@dataclass(slots=True)
class _Planned:
    """A plan with the schema that it was made of."""

    ref: ModelRef
    schema: RecordSchema
    numeric: list[str]
    categorical: list[str]
    plan: Plan


@dataclass(slots=True)
class FastPath:
    """Keeps the scanner and the plan of each model version; not thread-safe.

    `taken` of the `seen` messages were as agreed. The columns of a model without baseline are guessed from its values,
    so its messages are all declined.
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

        values = [record.value for record in records]
        status, found = self.scanner.scan(values, max_record_bytes, kind is TopicKind.MIXED, plan_of)
        offsets = np.fromiter([record.offset for record in records], np.int64, len(records))
        batches = [_batch(used[plan], columns, offsets) for plan, columns in found]
        declined = np.flatnonzero(np.frombuffer(status, np.uint8)).tolist()
        self.seen += len(records)
        self.taken += len(records) - len(declined)
        return batches, [records[row] for row in declined]

    def _plan(self, ref: ModelRef, schema: RecordSchema | None) -> _Planned | None:
        if schema is None or schema.discover:
            return None
        planned = self._planned.get(ref)
        if planned is None or planned.schema is not schema:
            numeric = [column.name for column in schema.features if column.kind is ColumnKind.NUMERIC]
            categorical = [column.name for column in schema.features if column.kind is ColumnKind.CATEGORICAL]
            as_numbers = schema.kind(PREDICTION) is ColumnKind.NUMERIC
            plan = self.make_plan(numeric, categorical, as_numbers, schema.positive_label)
            planned = self._planned[ref] = _Planned(ref, schema, numeric, categorical, plan)
        return planned


def _batch(planned: _Planned, found: Columns, offsets: Ints) -> RecordBatch:
    rows, times, floats, coded, ids, id_ends, categories = found
    at = np.frombuffer(rows, np.int64)
    *numbers, score, latency, predicted = np.frombuffer(floats, np.float64).reshape(-1, len(at))
    *texts, labels = map(CodedTexts, np.frombuffer(coded, np.int32).reshape(-1, len(at)), categories)
    schema = planned.schema
    columns: dict[str, Column] = dict(zip(planned.numeric, map(NumericColumn, numbers), strict=True))
    columns |= zip(planned.categorical, map(CategoricalColumn, texts), strict=True)
    if schema.kind(SCORE):
        columns[SCORE] = NumericColumn(score)
    if schema.kind(LATENCY):
        columns[LATENCY] = NumericColumn(latency)
    predictions: Sequence[str | None] = labels
    match schema.kind(PREDICTION):
        case ColumnKind.NUMERIC:
            columns[PREDICTION], predictions = NumericColumn(predicted), NumberTexts(predicted)
        case ColumnKind.CATEGORICAL:
            columns[PREDICTION] = CategoricalColumn(labels)
    ends = np.frombuffer(id_ends, np.int64)
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
    event_ids = PackedTexts(ids, starts, ends)
    return RecordBatch(planned.ref, np.frombuffer(times, np.int64), offsets[at], event_ids, columns, predictions, score)
