"""What makes two records the same, and whether one can be a record at all."""

from collections.abc import Container
from hashlib import blake2b

import msgspec

from monitor.adapters.loose_record import LooseTruth, read_record
from monitor.adapters.record_fields import MixedFields
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.stream import TopicKind
from monitor.stats.structured import Structured

_DIGEST_BYTES = 16
_PACKED_BELOW = 2**63  # larger whole numbers have no form of their own in MessagePack

_decode = msgspec.json.Decoder(MixedFields).decode
_encode = msgspec.msgpack.Encoder().encode


class RecordIdentity:
    """Tells a record's id, or why it is none: the same rules by which the stream is decoded later.

    Two inference records of one event id, model and version are the same record whatever else they say; two
    ground-truth records only when all they say agrees, for a truth may be corrected, and come from several people.
    """

    def __init__(self, models: Container[str], max_record_bytes: int) -> None:
        self._models, self._max_record_bytes = models, max_record_bytes

    def __call__(self, value: bytes) -> bytes:
        """A digest of 16 bytes; RecordRejected when the record would be refused later on."""
        if not value.strip():
            raise RecordRejected(RejectReason.EMPTY, "a value of no bytes")
        if len(value) > self._max_record_bytes:
            detail = f"{len(value):,} bytes; at most {self._max_record_bytes:,} are read"
            raise RecordRejected(RejectReason.TOO_LARGE, detail)
        model, parts = _parts(value)
        if model not in self._models:
            raise RecordRejected(RejectReason.UNKNOWN_MODEL, f"no model {model!r:.100} is configured")
        return blake2b(_encode(parts), digest_size=_DIGEST_BYTES).digest()


def _parts(value: bytes) -> tuple[str, tuple[object, ...]]:
    """The model, and what the id is made of."""
    try:
        fields = _decode(value)
    except (ValueError, RecursionError):
        return _loose_parts(value)
    if fields.type == "ground_truth" and fields.label is not None:
        return fields.model, _statement(fields)
    if fields.type != "ground_truth" and fields.model_version is not None and bytes(fields.features):
        return fields.model, (fields.model, str(fields.model_version), fields.event_id)
    return _loose_parts(value)


def _loose_parts(value: bytes) -> tuple[str, tuple[object, ...]]:
    record = read_record(value, TopicKind.MIXED)
    if isinstance(record, LooseTruth):
        return record.model, _statement(record)
    return record.model, (record.model, str(record.model_version), record.event_id)


def _statement(truth: MixedFields | LooseTruth) -> tuple[object, ...]:
    """Without a name and an annotator as before there were any, so that what was accepted then is known still."""
    named = (truth.name, truth.annotator) if truth.name or truth.annotator else ()
    return (truth.model, truth.event_id, _packable(truth.event_time), _packable(truth.label), *named)


def _packable(said: object) -> object:
    """Itself, where MessagePack has a form for it: not for lists and grades (of rankings, texts), nor huge numbers."""
    if isinstance(said, Structured):
        return (str(said),)  # no text that reads the same
    return str(said) if isinstance(said, int) and abs(said) >= _PACKED_BELOW else said
