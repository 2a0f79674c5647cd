"""Features that no baseline knows, seen in a sample of the records: the decoders skip them, and say nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from monitor.adapters.loose_record import parse_json
from monitor.adapters.record_fields import Text
from monitor.domain.errors import RecordRejected
from monitor.domain.models import ModelRef
from monitor.domain.records import RawRecord
from monitor.stats.profiles.renamed import concealed
from monitor.stats.texts import category_text
from monitor.stream.batch import Extra, RecordBatch
from monitor.stream.schema import SchemaLookup

EVERY = 32
"""The records at offsets that are multiples of this are looked at: which they are depends on the log alone."""


class _Seen(msgspec.Struct, gc=False):
    model: Text
    model_version: Text | int
    features: dict[str, object]


_decode = msgspec.json.Decoder(_Seen).decode


def with_extra(
    batches: Sequence[RecordBatch], records: Sequence[RawRecord], schemas: SchemaLookup
) -> Sequence[RecordBatch]:
    """The batches with the unknown features of every `EVERY`th of these records."""
    found: dict[ModelRef, dict[int, list[Extra]]] = {}
    for record in [record for record in records if not record.offset % EVERY]:
        if (seen := _seen(record)) is not None:
            ref, features = seen
            if extra := _unknown(features, ref, schemas):
                found.setdefault(ref, {}).setdefault(record.offset, []).append(extra)
    if not found:
        return batches
    return [replace(batch, extra=found[batch.ref]) if batch.ref in found else batch for batch in batches]


def _seen(record: RawRecord) -> tuple[ModelRef, Mapping[str, object]] | None:
    """Model version and features; None where the record is no inference record (it is refused, or a truth)."""
    value = record.value or b""
    try:
        one = _decode(value)
    except (ValueError, RecursionError):
        return _seen_loosely(value)
    return ModelRef(one.model, str(one.model_version)), one.features


def _seen_loosely(value: bytes) -> tuple[ModelRef, Mapping[str, object]] | None:
    """The same of what Python's `json.dumps` writes: NaN and Infinity."""
    try:
        parsed = parse_json(value)
        one = msgspec.convert(parsed, _Seen)
    except (ValueError, RecursionError, RecordRejected):
        return None
    return ModelRef(one.model, str(one.model_version)), one.features


def _unknown(features: Mapping[str, object], ref: ModelRef, schemas: SchemaLookup) -> Extra:
    schema = schemas(ref.name, ref.version)
    if schema is None or schema.discover:
        return {}
    unknown = features.keys() - {column.name for column in schema.features} - set(schema.made_of.values())
    return {name: _text(features[name]) for name in unknown}


def _text(value: object) -> str | None:
    """Numbers and booleans as they are, text by a digest: what nobody knows may be personal."""
    if isinstance(value, str):
        return concealed(value)
    return category_text(value) if isinstance(value, int | float) else None
