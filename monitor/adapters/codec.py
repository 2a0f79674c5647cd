"""JSON messages to columns: fast where records are as agreed, forgiving where they are not, one by one.

The ladder of a message: typed structs; generic JSON, feature by feature; JSON with NaN and Infinity; dead letter.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import msgspec
import numpy as np

from monitor.adapters.batch_builder import BatchBuilder, Fields
from monitor.adapters.event_times import event_times_ms
from monitor.adapters.extra_features import with_extra
from monitor.adapters.fast_path import FastPath
from monitor.adapters.loose_record import (
    LooseInference,
    LooseTruth,
    cut_off,
    features_object,
    is_cut,
    parse_json,
    read_record,
)
from monitor.adapters.record_fields import InferenceFields, MixedFields, TruthFields
from monitor.adapters.record_schema import FeatureReader, feature_reader
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.records import DeadLetter, PartitionId, RawRecord, Truth
from monitor.domain.stream import TopicKind
from monitor.stats.columns import Ints
from monitor.stats.structured import Structured
from monitor.stream.batch import Decoded, RecordBatch, category_text, join_batches
from monitor.stream.dead_letters import KEPT_BYTES, dead_letter
from monitor.stream.schema import RecordSchema, SchemaLookup

SLICE = 500
"""Messages that are decoded at a time: their objects stay in the processor's cache."""

MAX_RECORD_BYTES = 5 * 2**20

_Any = Fields | TruthFields | LooseTruth
_DECODERS: dict[TopicKind, Callable[[bytes], _Any]] = {
    TopicKind.INFERENCE: msgspec.json.Decoder(InferenceFields).decode,
    TopicKind.GROUND_TRUTH: msgspec.json.Decoder(TruthFields).decode,
    TopicKind.MIXED: msgspec.json.Decoder(MixedFields).decode,
}
_NOT_AS_AGREED = (ValueError, TypeError, RecursionError)
"""What msgspec raises: its own errors and UnicodeDecodeError are ValueErrors; TypeError for a row parsed already."""

_INFERENCE = {InferenceFields, LooseInference}
_INFERENCE_OR_REFUSED = {*_INFERENCE, type(None)}

_Readers = dict[RecordSchema, FeatureReader]
"""The generated readers of features. Versions share a schema where they share a baseline, or have none."""

_model_version = attrgetter("model", "model_version")


class JsonCodec:
    """Decodes canonical JSON records (docs/reference/records.md). Keeps the generated decoders; not thread-safe.

    Messages longer than `max_record_bytes` are refused unread; of a refused one at most `kept_bytes` are kept. The
    compiled fast path takes what is as agreed, where it was built and unless `safe` is asked for; it never changes a
    result.
    """

    def __init__(
        self, max_record_bytes: int = MAX_RECORD_BYTES, kept_bytes: int = KEPT_BYTES, *, safe: bool = False
    ) -> None:
        self._sizes = _Sizes(max_record_bytes, kept_bytes)
        self._readers: _Readers = {}
        self.fast = None if safe else FastPath.if_built()

    def decode(
        self, partition: PartitionId, kind: TopicKind, records: Sequence[RawRecord], schemas: SchemaLookup
    ) -> Decoded:
        """Decode records of one partition, in offset order. Every one of them is in exactly one part of the result."""
        decoding = _Decoding(partition, kind, schemas, self._sizes, self._readers)
        batches, rest = self._scan(kind, records, schemas)
        for start in range(0, len(rest), SLICE):
            decoding.take(rest[start : start + SLICE])
        decoded = decoding.finish(len(records), batches)
        return replace(decoded, batches=with_extra(decoded.batches, records, schemas))

    def _scan(
        self, kind: TopicKind, records: Sequence[RawRecord], schemas: SchemaLookup
    ) -> tuple[list[RecordBatch], Sequence[RawRecord]]:
        """What the fast path takes, and the rest."""
        if self.fast is None or kind is TopicKind.GROUND_TRUTH:
            return [], records
        return self.fast.scan(records, kind, schemas, self._sizes.most)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """In bytes: the longest record that is read, and what is kept of a refused one."""

    most: int
    kept: int


class _Decoding:
    """One call of `decode`, which a schema that cannot be read may end: what it has collected is gone with it."""

    def __init__(
        self,
        partition: PartitionId,
        kind: TopicKind,
        schemas: SchemaLookup,
        sizes: "_Sizes",
        readers: _Readers,
    ) -> None:
        self._partition, self._kind, self._schemas = partition, kind, schemas
        self._sizes, self._readers = sizes, readers
        self._decode = _DECODERS[kind]
        self._builders: dict[ModelRef, BatchBuilder] = {}
        self._waiting: dict[tuple[str, str], tuple[list[RawRecord], list[Fields]]] = {}
        self._truths: list[tuple[int, Truth]] = []
        self._rejected: list[DeadLetter] = []

    def finish(self, n: int, scanned: Sequence[RecordBatch]) -> Decoded:
        """Everything taken, with the batches that the fast path found of the same records."""
        for (model, version), (records, rows) in self._waiting.items():
            self._take_group(model, version, records, rows)
        by_ref = {batch.ref: batch for batch in scanned}
        batches = []
        for ref, builder in self._builders.items():
            built = builder.build()
            if ref in by_ref and built:
                built = [join_batches([by_ref.pop(ref), *built])]
            batches.extend(built)
        batches.extend(by_ref.values())
        batches.sort(key=lambda batch: int(batch.offsets[0]))
        self._rejected.sort(key=lambda letter: letter.offset)
        return Decoded(batches, self._truths, self._rejected, n)

    def take(self, records: Sequence[RawRecord]) -> None:
        readable = self._readable(records)
        self._take_groups(*self._separate(readable, self._fields(readable)))

    def _readable(self, records: Sequence[RawRecord]) -> Sequence[RawRecord]:
        """The records that have a value, of bearable size, in UTF-8."""
        values = [record.value for record in records]
        if all(values) and max(map(len, values)) <= self._sizes.most and all(map(bytes.isascii, values)):  # type: ignore[arg-type]
            return records
        return [record for record in records if self._is_readable(record)]

    def _is_readable(self, record: RawRecord) -> bool:
        value = record.value
        if not value:
            detail = "no value (a tombstone)" if value is None else "a value of no bytes"
            self._reject(record, RejectReason.EMPTY, detail)
        elif len(value) > self._sizes.most:
            detail = f"{len(value):,} bytes; at most {self._sizes.most:,} are read"
            self._reject(record, RejectReason.TOO_LARGE, detail)
        else:
            return value.isascii() or self._is_utf8(record, value)
        return False

    def _is_utf8(self, record: RawRecord, value: bytes) -> bool:
        try:
            value.decode()
        except UnicodeDecodeError as error:
            self._reject(record, RejectReason.MALFORMED_JSON, f"not UTF-8: {error.reason} at byte {error.start}")
            return False
        return True

    def _fields(self, records: Sequence[RawRecord]) -> list[_Any | None]:
        """One for each record, None for a refused one. A failing message is read loosely, then the rest goes on."""
        rows: list[_Any | None] = []
        values = iter([record.value or b"" for record in records])
        while True:
            try:
                rows.extend(map(self._decode, values))
            except _NOT_AS_AGREED as error:
                rows.append(self._loosely(records[len(rows)], error))
            else:
                return rows

    def _loosely(self, record: RawRecord, error: Exception | None = None) -> LooseInference | LooseTruth | None:
        """What the strict reader failed on (`error`), or finds incomplete."""
        value = record.value or b""
        try:
            if error is not None and is_cut(error):
                raise cut_off(value)
            return read_record(value, self._kind)
        except RecordRejected as rejected:
            self._reject(record, rejected.reason, rejected.detail)
            return None

    def _separate(
        self, records: Sequence[RawRecord], rows: Sequence[_Any | None]
    ) -> tuple[Sequence[RawRecord], Sequence[Fields]]:
        """The inference records; ground truth is taken on the way."""
        kinds = set(map(type, rows))
        if kinds <= _INFERENCE:
            return records, rows  # type: ignore[return-value]  # just checked, at C speed
        if kinds <= _INFERENCE_OR_REFUSED:
            pairs = zip(records, rows, strict=True)
            return [record for record, row in pairs if row is not None], [row for row in rows if row is not None]  # type: ignore[misc]  # the same
        kept: list[RawRecord] = []
        inference: list[Fields] = []
        truths: list[tuple[RawRecord, TruthFields | LooseTruth]] = []
        for record, row in zip(records, rows, strict=True):
            fields = self._complete(record, row) if isinstance(row, MixedFields) else row
            match fields:
                case None:
                    continue
                case TruthFields() | LooseTruth():
                    truths.append((record, fields))
                case _:
                    kept.append(record)
                    inference.append(fields)
        if truths:
            self._take_truths(truths)
        return kept, inference

    def _complete(self, record: RawRecord, fields: MixedFields) -> Fields | TruthFields | LooseTruth | None:
        """A record of a mixed topic as what its type says, when it has what that asks for."""
        if fields.type == "ground_truth":
            if fields.label is None:
                return self._loosely(record)
            return TruthFields(
                fields.event_id,
                fields.model,
                fields.event_time,
                fields.label,
                name=fields.name,
                annotator=fields.annotator,
            )
        return self._loosely(record) if fields.model_version is None or not bytes(fields.features) else fields

    def _take_truths(self, truths: Sequence[tuple[RawRecord, TruthFields | LooseTruth]]) -> None:
        times, bad = event_times_ms([fields.event_time for _, fields in truths])
        for (record, fields), at_ms, is_bad in zip(truths, times.tolist(), bad.tolist(), strict=True):
            schema = self._schemas(fields.model, "")
            if schema is None:
                self._reject_unknown_model(record, fields.model)
            elif isinstance(fields.label, Structured) and not schema.takes_lists:
                detail = f"label: expected text, a number or a boolean, got {fields.label[:80]}"
                self._reject(record, RejectReason.WRONG_TYPE, detail, fields.model)
            elif is_bad:
                self._reject_event_time(record, fields.event_time, fields.model)
            else:
                label = category_text(fields.label) or ""
                said = Truth(
                    fields.model,
                    fields.event_id,
                    label,
                    at_ms,
                    fields.name or "",
                    fields.annotator or "",
                    record.offset,
                )
                self._truths.append((record.offset, said))

    def _take_groups(self, records: Sequence[RawRecord], rows: Sequence[Fields]) -> None:
        """Model version by model version; of several, those with few rows wait for more: a group has a fixed cost."""
        refs = list(map(_model_version, rows))
        if refs and not self._waiting and refs.count(refs[0]) == len(refs):
            self._take_group(refs[0][0], str(refs[0][1]), records, rows)
            return
        for record, row, (model, version) in zip(records, rows, refs, strict=True):
            ref = model, str(version)
            waiting = self._waiting.get(ref)
            if waiting is None:
                waiting = self._waiting[ref] = [], []
            waiting[0].append(record)
            waiting[1].append(row)
        for (model, text), (some, fields) in list(self._waiting.items()):
            if len(some) >= SLICE:
                del self._waiting[model, text]
                self._take_group(model, text, some, fields)

    def _take_group(self, model: str, version: str, records: Sequence[RawRecord], rows: Sequence[Fields]) -> None:
        schema = self._schemas(model, version)
        if schema is None:
            for record in records:
                self._reject_unknown_model(record, model)
            return
        times, bad = event_times_ms([fields.event_time for fields in rows])
        if bad.any():
            for row in np.flatnonzero(bad).tolist():
                self._reject_event_time(records[row], rows[row].event_time, model)
            good = np.flatnonzero(~bad).tolist()
            records, rows, times = [records[k] for k in good], [rows[k] for k in good], times[good]
        self._add(self._builder(ModelRef(model, version), schema), records, rows, times)

    def _add(self, builder: BatchBuilder, records: Sequence[RawRecord], rows: Sequence[Fields], times: Ints) -> None:
        features, invalid = self._features(builder.reader, records, rows)
        if None in features:
            kept = [k for k, row in enumerate(features) if row is not None]
            position = {k: at for at, k in enumerate(kept)}
            records, rows, times = [records[k] for k in kept], [rows[k] for k in kept], times[kept]
            features = [features[k] for k in kept]
            invalid = {name: [position[k] for k in wrong] for name, wrong in invalid.items()}
        if rows:
            offsets = np.fromiter([record.offset for record in records], np.int64, len(records))
            builder.add(offsets, times, rows, features, invalid)

    def _features(
        self, reader: FeatureReader, records: Sequence[RawRecord], rows: Sequence[Fields]
    ) -> tuple[list[object], dict[str, list[int]]]:
        """One for each record, None for a refused one; and by column the rows with an invalid value."""
        features: list[object] = []
        invalid: dict[str, list[int]] = defaultdict(list)
        raw = iter([fields.features for fields in rows])
        while True:
            try:
                features.extend(map(reader.decode, raw))  # type: ignore[arg-type]  # a mapping raises TypeError
            except _NOT_AS_AGREED:
                row = len(features)
                coerced, wrong = self._coerced(reader, records[row], rows[row])
                features.append(coerced)
                for name in wrong:
                    invalid[name].append(row)
            else:
                return features, invalid

    def _coerced(self, reader: FeatureReader, record: RawRecord, fields: Fields) -> tuple[object, list[str]]:
        raw = fields.features
        try:
            return reader.coerce(features_object(parse_json(bytes(raw)) if isinstance(raw, msgspec.Raw) else raw))
        except RecordRejected as rejected:
            detail = rejected.detail
            detail = detail if detail.startswith("features") else f"features: {detail}"
            self._reject(record, rejected.reason, detail, fields.model)
            return None, []

    def _builder(self, ref: ModelRef, schema: RecordSchema) -> BatchBuilder:
        if ref not in self._builders:
            self._builders[ref] = BatchBuilder(ref, schema, self._reader(schema))
        return self._builders[ref]

    def _reader(self, schema: RecordSchema) -> FeatureReader:
        if schema not in self._readers:
            self._readers[schema] = feature_reader(schema)
        return self._readers[schema]

    def _reject(self, record: RawRecord, reason: RejectReason, detail: str, model: str | None = None) -> None:
        letter = dead_letter(self._partition, record, reason, detail, model, kept_bytes=self._sizes.kept)
        self._rejected.append(letter)

    def _reject_unknown_model(self, record: RawRecord, model: str) -> None:
        detail = f"model {model!r:.200} is not configured: give it a file in models/, or mend its producer"
        self._reject(record, RejectReason.UNKNOWN_MODEL, detail, model[:200])

    def _reject_event_time(self, record: RawRecord, event_time: object, model: str) -> None:
        detail = f"event_time {event_time!r:.80} is no instant of the years 1 to 9999"
        self._reject(record, RejectReason.BAD_EVENT_TIME, detail, model)
