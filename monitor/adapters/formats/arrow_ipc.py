"""Arrow IPC streams, our own fast wire format: one message holds many records as columns, which stay columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.adapters.derived_features import DerivedFeatures
from monitor.adapters.formats.format import FormatKind, FormatOptions, Mapped, Message, Row, Unpaired
from monitor.adapters.formats.payloads.arrow_columns import column_of, times_ms
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.models import OUTPUT_COLUMNS, PREDICTION, SCORE, ColumnKind, ModelRef
from monitor.domain.records import DeadLetter, PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn
from monitor.stream.batch import Decoded, Originals, RecordBatch, as_categorical
from monitor.stream.dead_letters import KEPT_BYTES, dead_letter
from monitor.stream.schema import RecordSchema, SchemaLookup

_MAGIC = b"\xff\xff\xff\xff"
_OUT_OF_ARROW = (pa.ArrowException, ValueError, TypeError, OverflowError)
"""What pyarrow raises of columns whose bytes were changed, though the stream itself is in order."""
_NEEDED = ("event_id", "event_time")
_OWN = {"event_id", "event_time", "model", "model_version", *OUTPUT_COLUMNS}


@dataclass(frozen=True, slots=True)
class ArrowIpc(Unpaired):
    """The columns `event_id`, `event_time`, `model`, `model_version`, `prediction`, `score` and `latency_ms` mean what
    they mean in a canonical record; every other column is a feature.

    A message that lacks a needed column, or that is no stream, is refused whole; rows without an id or a time are
    refused, and the rest of the message counts.
    """

    options: FormatOptions

    def map(self, message: Message) -> Mapped:
        """The rows one by one, for people who look at a sample."""
        table = _table(message.value)
        self._check(table)
        try:
            return Mapped([self._row(row) for row in table.to_pylist()])
        except _OUT_OF_ARROW as error:
            raise _damaged(error) from error

    def decode(
        self,
        partition: PartitionId,
        kind: TopicKind,  # noqa: ARG002 - the protocol's signature: ground truth does not come in columns
        records: Sequence[RawRecord],
        schemas: SchemaLookup,
        *,
        kept_bytes: int = KEPT_BYTES,
    ) -> Decoded:
        """Columns as they are; no row becomes an object."""
        batches: list[RecordBatch] = []
        letters: list[DeadLetter] = []
        for record in records:
            try:
                found, refused = self._decode(record, schemas)
                batches += found
            except RecordRejected as rejected:
                refused = rejected
            except _OUT_OF_ARROW as error:
                refused = _damaged(error)
            if refused is not None:
                letter = dead_letter(partition, record, refused.reason, refused.detail, kept_bytes=kept_bytes)
                letters.append(letter)
        return Decoded(batches, (), letters, len(records))

    def _decode(self, record: RawRecord, schemas: SchemaLookup) -> tuple[list[RecordBatch], RecordRejected | None]:
        """The batches of one message, and what was wrong with some of its rows."""
        if not record.value:
            raise RecordRejected(RejectReason.EMPTY, "no value")
        table = _table(record.value)
        self._check(table)
        batches: list[RecordBatch] = []
        unknown: list[str] = []
        problems: list[RecordRejected] = []
        for ref, rows in self._by_model(table):
            schema = schemas(ref.name, ref.version)
            if schema is None:
                unknown.append(ref.name)
                continue
            batch, n_bad = _batch(ref, rows, record.offset, schema)
            if len(batch):
                batches.append(batch)
            if n_bad:
                detail = f"{n_bad} of {rows.num_rows} rows have no event_id or no event_time"
                problems.append(RecordRejected(RejectReason.MISSING_FIELD, detail))
        if unknown:
            detail = f"model {unknown[0]!r:.200} is not configured"
            problems.append(RecordRejected(RejectReason.UNKNOWN_MODEL, detail))
        return batches, problems[0] if problems else None

    def _check(self, table: pa.Table) -> None:
        asked = [*_NEEDED, *(name for name in ("model", "model_version") if getattr(self.options, name) is None)]
        if lacks := [name for name in asked if name not in table.column_names]:
            raise RecordRejected(RejectReason.MISSING_FIELD, f"column {lacks[0]}")

    def _by_model(self, table: pa.Table) -> Iterator[tuple[ModelRef, pa.Table]]:
        named = {name: self._texts(table, name) for name in ("model", "model_version")}
        refs = list(zip(named["model"], named["model_version"], strict=True))
        if len(set(refs)) == 1:
            yield ModelRef(*refs[0]), table
            return
        order = sorted(range(len(refs)), key=refs.__getitem__)
        for ref, rows in groupby(order, key=refs.__getitem__):
            yield ModelRef(*ref), table.take(list(rows))

    def _texts(self, table: pa.Table, name: str) -> list[str]:
        fixed = getattr(self.options, name)
        if fixed is not None:
            return [fixed] * table.num_rows
        return ["" if value is None else str(value) for value in table.column(name).to_pylist()]

    def _row(self, row: Mapping[str, object]) -> Row:
        fixed = {name: value for name, value in self.options.model_dump().items() if value is not None}
        own = {name: value for name, value in row.items() if name in _OWN and value is not None}
        return {**own, **fixed, "features": {name: value for name, value in row.items() if name not in _OWN}}


@dataclass(slots=True)
class _Columns:
    """The columns that a schema asks for, out of a table."""

    table: pa.Table
    schema: RecordSchema
    found: dict[str, Column] = field(default_factory=dict)

    def all(self) -> dict[str, Column]:
        made_of, derived = self.schema.made_of, DerivedFeatures(self.schema)
        asked: list[tuple[str, ColumnKind | None]] = [
            (column.name, column.kind) for column in self.schema.columns if column.name not in made_of
        ]
        if self.schema.discover:
            known = {name for name, _ in asked} | set(derived.sources)
            asked += [(name, None) for name in self.table.column_names if name not in _OWN | known]
        made: dict[str, Column] = {}
        for name in derived.sources:
            made |= derived.columns(name, self._values(name))
        return {name: self.one(name, kind) for name, kind in asked} | made

    def originals(self) -> Originals:
        """Texts and vectors that are kept as they came."""
        return DerivedFeatures(self.schema).originals(self._values)

    def _values(self, name: str) -> list[object]:
        here = name in self.table.column_names
        return self.table[name].to_pylist() if here else [None] * self.table.num_rows

    def one(self, name: str, kind: ColumnKind | None) -> Column:
        if name not in self.table.column_names:
            n = self.table.num_rows
            is_numeric = kind is ColumnKind.NUMERIC
            return NumericColumn(np.full(n, np.nan)) if is_numeric else CategoricalColumn([None] * n)
        return column_of(self.table.column(name).combine_chunks(), kind)


def _batch(ref: ModelRef, rows: pa.Table, offset: int, schema: RecordSchema) -> tuple[RecordBatch, int]:
    """One model version's rows, and how many of them had to be left out."""
    times, is_time = times_ms(rows.column("event_time").combine_chunks())
    ids = rows.column("event_id").combine_chunks()
    texts = ids if pa.types.is_string(ids.type) else pc.cast(ids, pa.string(), safe=False)
    good = is_time & np.asarray(pc.fill_null(pc.not_equal(texts, ""), fill_value=False))
    n_bad = int(np.count_nonzero(~good))
    if n_bad:
        rows, texts, times = rows.filter(pa.array(good)), texts.filter(pa.array(good)), times[good]
    columns = _Columns(rows, schema)
    numeric_score = columns.one(SCORE, ColumnKind.NUMERIC)
    scores = numeric_score.values if isinstance(numeric_score, NumericColumn) else np.full(rows.num_rows, np.nan)
    predictions = as_categorical(columns.one(PREDICTION, None)).values
    offsets: Ints = np.full(rows.num_rows, offset, np.int64)
    originals = columns.originals()
    batch = RecordBatch(ref, times, offsets, texts.to_pylist(), columns.all(), predictions, scores, originals=originals)
    return batch, n_bad


def _damaged(error: Exception) -> RecordRejected:
    return RecordRejected(RejectReason.NOT_OF_FORMAT, f"damaged Arrow columns: {error!s:.200}")


def _table(value: bytes) -> pa.Table:
    try:
        with pa.ipc.open_stream(value) as reader:
            table = reader.read_all()
        table.validate(full=True)  # lengths and offsets come from outside
    except (pa.ArrowException, OSError, ValueError) as error:
        detail = str(error).split("\n", 1)[0][:200] or type(error).__name__
        raise RecordRejected(RejectReason.NOT_OF_FORMAT, f"no Arrow IPC stream: {detail}") from error
    return table


def _build(options: FormatOptions) -> ArrowIpc:
    return ArrowIpc(options)


def _recognises(message: Message) -> bool:
    return message.value.startswith(_MAGIC)


KIND = FormatKind("arrow-ipc", "Arrow IPC streams", FormatOptions, _build, _recognises)
