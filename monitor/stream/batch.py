"""Decoded records as columns: the currency between the decoder and the fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.domain.derived import DerivedColumn
from monitor.domain.models import ModelRef
from monitor.domain.records import DeadLetter, Truth
from monitor.domain.stream import Half
from monitor.stats.blocks import ColumnBlock
from monitor.stats.columns import CategoricalColumn, Column, Floats, Ints, Mask, NumericColumn, Rows
from monitor.stats.texts import NumberTexts, join_texts, take_texts
from monitor.stats.texts import category_text as category_text  # noqa: PLC0414 - people look for it here too

Originals = Mapping[DerivedColumn, Sequence[object]]
"""Texts and vectors as they came, one a record: str, or a list of floats; None where there is none."""

Extra = Mapping[str, str | None]
"""Features of one record that the schema does not know, with their values as text (None: missing, or no scalar)."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordBatch:
    """Inference records of one model version from one partition, in offset order.

    All sequences have length n. `columns` holds the features and outputs that the schema asked for. `predictions` is
    text whatever the kind of the column, as ground truth is joined to it; `scores` is NaN where a record has none.
    `scores_by_label` are the scores of all classes of each record as text, where the schema asks for them (else empty).
    `extra` has the unknown features of a sample of the records by offset, perhaps of such as are not in the batch.
    `originals` are the texts and vectors that the archive keeps as they came.
    """

    ref: ModelRef
    event_time_ms: Ints
    offsets: Ints
    event_ids: Sequence[str]
    columns: Mapping[str, Column]
    predictions: Sequence[str | None]
    scores: Floats
    extra: Mapping[int, Sequence[Extra]] = field(default_factory=dict)
    scores_by_label: Sequence[str | None] = ()
    originals: Originals = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of records."""
        return len(self.offsets)

    def take(self, rows: Rows) -> "RecordBatch":
        """The batch of the given rows, in their order."""
        return RecordBatch(
            self.ref,
            self.event_time_ms[rows],
            self.offsets[rows],
            take_texts(self.event_ids, rows),
            take_rows(self.columns, rows),
            take_texts(self.predictions, rows),
            self.scores[rows],
            self.extra,
            take_texts(self.scores_by_label, rows) if self.scores_by_label else (),
            {one: [values[row] for row in rows.tolist()] for one, values in self.originals.items()},
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of the records of one partition: `n` of them, each in exactly one of the three.

    `truths` are (offset, truth) in offset order. Of formats other than the canonical one a record may be several rows
    of batches, or a half that waits for its other half.
    """

    batches: Sequence[RecordBatch]
    truths: Sequence[tuple[int, Truth]]
    rejected: Sequence[DeadLetter]
    n: int
    halves: Sequence[Half] = ()

    def with_joined(self, joined: "Decoded") -> "Decoded":
        """Together with what halves came to."""
        return Decoded(
            [*self.batches, *joined.batches], [*self.truths, *joined.truths], [*self.rejected, *joined.rejected], self.n
        )


def by_version(batches: Sequence[RecordBatch]) -> Sequence[RecordBatch]:
    """One batch a model version, in offset order, where their columns allow: order decides which row is a duplicate."""
    if len({batch.ref for batch in batches}) == len(batches):
        return batches
    groups: list[list[RecordBatch]] = []
    newest: dict[ModelRef, list[RecordBatch]] = {}
    for batch in batches:
        group = newest.get(batch.ref)
        if group is None or not have_same_names(group[0].columns, batch.columns):
            newest[batch.ref] = group = []
            groups.append(group)
        group.append(batch)
    return [join_batches(group) for group in groups]


def join_batches(parts: Sequence[RecordBatch]) -> RecordBatch:
    """One batch of batches of the same model version and with the same columns, in offset order."""
    if len(parts) == 1:
        return parts[0]
    offsets = np.concatenate([part.offsets for part in parts])
    joined = RecordBatch(
        parts[0].ref,
        np.concatenate([part.event_time_ms for part in parts]),
        offsets,
        join_texts([part.event_ids for part in parts]),
        join_all([part.columns for part in parts]),
        join_texts([part.predictions for part in parts]),
        np.concatenate([part.scores for part in parts]),
        join_extra([part.extra for part in parts]),
        _join_scores(parts),
        _join_originals(parts),
    )
    return joined if (offsets[1:] >= offsets[:-1]).all() else joined.take(np.argsort(offsets, kind="stable"))


def _join_scores(parts: Sequence[RecordBatch]) -> Sequence[str | None]:
    if not any(part.scores_by_label for part in parts):
        return ()
    return join_texts([part.scores_by_label or [None] * len(part) for part in parts])


def _join_originals(parts: Sequence[RecordBatch]) -> Originals:
    kept = dict.fromkeys(one for part in parts for one in part.originals)
    return {one: [v for part in parts for v in part.originals.get(one, [None] * len(part))] for one in kept}


def join_extra(parts: Sequence[Mapping[int, Sequence[Extra]]]) -> Mapping[int, Sequence[Extra]]:
    """Unknown features of several batches; those of one offset are the same in each of them."""
    return {offset: extra for part in parts for offset, extra in part.items()}


def join_all(parts: Sequence[Mapping[str, Column]]) -> Mapping[str, Column]:
    """The same columns of several batches, part after part."""
    runs: list[Mapping[str, Column]] = []
    blocks: list[ColumnBlock] = []
    for part in parts:
        if blocks and not (isinstance(part, ColumnBlock) and blocks[0].is_like(part)):
            runs.append(ColumnBlock.joined(blocks))
            blocks = []
        if isinstance(part, ColumnBlock):
            blocks.append(part)
        else:
            runs.append(part)
    if blocks:
        runs.append(ColumnBlock.joined(blocks))
    if len(runs) == 1:
        return runs[0]
    return {name: join_columns([run[name] for run in runs]) for name in runs[0]}


def have_same_names(one: Mapping[str, Column], other: Mapping[str, Column]) -> bool:
    """Whether both have the same columns, in whatever order."""
    if isinstance(one, ColumnBlock) and isinstance(other, ColumnBlock) and one.names is other.names:
        return True
    return one.keys() == other.keys()


def take_rows(columns: Mapping[str, Column], rows: Rows) -> Mapping[str, Column]:
    """The columns of the given records, in their order."""
    if isinstance(columns, ColumnBlock):
        return columns.take(rows)
    return {name: column.take(rows) for name, column in columns.items()}


def rows_between(columns: Mapping[str, Column], start: int, stop: int) -> Mapping[str, Column]:
    """The columns of the records [start, stop)."""
    if isinstance(columns, ColumnBlock):
        return columns.between(start, stop)
    return {name: between(column, start, stop) for name, column in columns.items()}


def join_columns(parts: Sequence[Column]) -> Column:
    """One column of all rows, in order; parts of unlike kinds (of a guessed schema) become categorical."""
    if len(parts) == 1:
        return parts[0]
    invalid = _join_invalid(parts)
    numeric = [part for part in parts if isinstance(part, NumericColumn)]
    if len(numeric) == len(parts):
        return NumericColumn(np.concatenate([part.values for part in numeric]), invalid)
    return CategoricalColumn(join_texts([as_categorical(part).values for part in parts]), invalid)


def _join_invalid(parts: Sequence[Column]) -> Mask | None:
    if all(part.invalid is None for part in parts):
        return None
    masks = [np.zeros(len(part), np.bool_) if part.invalid is None else part.invalid for part in parts]
    return np.concatenate(masks)


def between(column: Column, start: int, stop: int) -> Column:
    """The rows [start, stop) of a column."""
    invalid = None if column.invalid is None else column.invalid[start:stop]
    if isinstance(column, NumericColumn):
        return NumericColumn(column.values[start:stop], invalid)
    return CategoricalColumn(column.values[start:stop], invalid)


def as_categorical(column: Column) -> CategoricalColumn:
    """The column with its numbers as text; a categorical column as it is."""
    if isinstance(column, CategoricalColumn):
        return column
    return CategoricalColumn(list(NumberTexts(column.values)), column.invalid)
