"""Collects the decoded records of one model version and turns them into a batch of columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np

from monitor.adapters.loose_record import LooseInference, as_number
from monitor.adapters.record_fields import Category, InferenceFields, MixedFields, Prediction
from monitor.adapters.record_schema import FeatureReader, as_texts
from monitor.domain.models import LATENCY, PREDICTION, SCORE, ColumnKind, ModelRef
from monitor.stats.class_scores import scores_text
from monitor.stats.columns import CategoricalColumn, Floats, Ints, Mask, NumericColumn
from monitor.stats.structured import Structured, structured_text
from monitor.stream.batch import RecordBatch, join_batches
from monitor.stream.schema import RecordSchema

Fields = InferenceFields | MixedFields | LooseInference

_outputs = attrgetter("event_id", "prediction", "score", "scores", "latency_ms")
_PLAIN_NUMBERS = {int, float, type(None)}


@dataclass(slots=True)
class BatchBuilder:
    """Batches of one model version, slice by slice."""

    ref: ModelRef
    schema: RecordSchema
    reader: FeatureReader
    _parts: list[RecordBatch] = field(default_factory=list)

    def add(
        self,
        offsets: Ints,
        event_time_ms: Ints,
        fields: Sequence[Fields],
        features: Sequence[object],
        invalid: Mapping[str, Sequence[int]],
    ) -> None:
        """A slice in offset order; `features` are rows of the reader, `invalid` the rows of wrongly typed ones."""
        event_ids, said, scores, by_label, latencies = zip(*map(_outputs, fields), strict=True)
        columns = self.reader.columns(features, invalid)
        wrong = _invalid_outputs(fields)
        predictions = self._predictions(said, wrong)
        if any(by_label):
            scores = tuple(map(self._score, scores, by_label))
        score = np.fromiter(scores, np.float64, len(fields))
        texts = as_texts(predictions)
        if self.schema.kind(SCORE):
            columns[SCORE] = NumericColumn(score, wrong.get(SCORE))
        if self.schema.kind(LATENCY):
            columns[LATENCY] = NumericColumn(np.fromiter(latencies, np.float64, len(fields)), wrong.get(LATENCY))
        match self.schema.kind(PREDICTION):
            case ColumnKind.NUMERIC:
                columns[PREDICTION] = _numbers(predictions, wrong.get(PREDICTION))
            case ColumnKind.CATEGORICAL:
                columns[PREDICTION] = CategoricalColumn(texts, wrong.get(PREDICTION))
        kept = [scores_text(one) for one in by_label] if self.schema.keep_scores and any(by_label) else ()
        originals = self.reader.originals(features)
        self._parts.append(
            RecordBatch(self.ref, event_time_ms, offsets, event_ids, columns, texts, score, {}, kept, originals)
        )

    def build(self) -> list[RecordBatch]:
        """All slices as one batch; more than one where a guessed schema found other features."""
        batches: list[list[RecordBatch]] = []
        for part in self._parts:
            if batches and batches[-1][0].columns.keys() == part.columns.keys():
                batches[-1].append(part)
            else:
                batches.append([part])
        return [join_batches(parts) for parts in batches]

    def _predictions(self, predictions: Sequence[Prediction], wrong: dict[str, Mask]) -> Sequence[Category]:
        """Lists as text; where none may be, they are marked as wrong and are no predictions."""
        if not {list, Structured} & set(map(type, predictions)):
            return predictions  # type: ignore[return-value]  # just checked, at C speed
        texts = list(map(_as_text, predictions))
        if self.schema.takes_lists:
            return texts
        is_list = np.fromiter((isinstance(text, Structured) for text in texts), np.bool_, len(texts))
        wrong[PREDICTION] = wrong.get(PREDICTION, is_list) | is_list
        return [None if isinstance(text, Structured) else text for text in texts]

    def _score(self, score: float | None, by_label: Mapping[str, float | None] | None) -> float | None:
        """The score, else that of the positive label, else (no such label) the largest."""
        if score is not None or not by_label or self.schema.has_quantiles:
            return score
        if self.schema.positive_label is not None:
            return by_label.get(self.schema.positive_label)
        return max((value for value in by_label.values() if value is not None), default=None)


def _invalid_outputs(fields: Sequence[Fields]) -> dict[str, Mask]:
    wrong: dict[str, Mask] = {}
    if LooseInference not in set(map(type, fields)):
        return wrong
    for row, record in enumerate(fields):
        if isinstance(record, LooseInference):
            for name in record.invalid:
                wrong.setdefault(name, np.zeros(len(fields), np.bool_))[row] = True
    return wrong


def _as_text(prediction: Prediction) -> Category:
    return structured_text(prediction) if isinstance(prediction, list) else prediction


def _numbers(predictions: Sequence[Category], invalid: Mask | None) -> NumericColumn:
    if set(map(type, predictions)) <= _PLAIN_NUMBERS:
        try:
            return NumericColumn(np.fromiter(predictions, np.float64, len(predictions)), invalid)
        except OverflowError:
            pass  # a whole number beyond the floats: one by one
    numbers = [as_number(value) for value in predictions]
    values: Floats = np.fromiter(numbers, np.float64, len(numbers))
    pairs = zip(numbers, predictions, strict=True)
    wrong = np.fromiter((n is None and p is not None for n, p in pairs), np.bool_, len(numbers))
    return NumericColumn(values, wrong if invalid is None else wrong | invalid)
