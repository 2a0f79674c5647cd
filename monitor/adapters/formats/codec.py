"""Messages of other formats to columns: each format makes canonical records of them, which the JSON codec decodes."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter

from monitor.adapters.codec import MAX_RECORD_BYTES
from monitor.adapters.formats.columnar import Columnar
from monitor.adapters.formats.format import Format, Mapped, MappedHalf, Message, Refusal
from monitor.adapters.formats.plain import plain
from monitor.domain.errors import RecordRejected, RejectReason
from monitor.domain.records import DeadLetter, Headers, LetterForm, PartitionId, RawRecord
from monitor.domain.stream import Half, HalfKey, Pair, TopicKind
from monitor.domain.time import duration_ms
from monitor.stream.batch import Decoded
from monitor.stream.dead_letters import KEPT_BYTES, dead_letter
from monitor.stream.pairing import pair_record
from monitor.stream.schema import SchemaLookup
from monitor.usecases.ingest import Codec

_NO_WAIT = timedelta(0)


class FormatCodec:
    """The codec of a worker that reads topics in several formats; topics without one go to `canonical` untouched.

    A message whose rows are refused in part counts with the rest, and has one dead letter that names the first row
    and how many there were. Not thread-safe where `canonical` is not.
    """

    def __init__(
        self,
        canonical: Codec,
        format_of: Callable[[str], Format | None],
        max_record_bytes: int = MAX_RECORD_BYTES,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._canonical, self._format_of = canonical, format_of
        self._max_record_bytes, self._kept_bytes = max_record_bytes, kept_bytes

    def decode(
        self, partition: PartitionId, kind: TopicKind, records: Sequence[RawRecord], schemas: SchemaLookup
    ) -> Decoded:
        """Decode records of one partition, in offset order; StoreUnavailable when a schema registry cannot serve."""
        its_format = self._format_of(partition.topic)
        if its_format is None:
            return self._canonical.decode(partition, kind, records, schemas)
        if isinstance(its_format, Columnar):
            return self._columns(its_format, partition, kind, records, schemas)
        collected = _Collected(partition, self._kept_bytes)
        for record in records:
            collected.add(record, self._mapped(its_format, record, partition.topic), _wait(its_format))
        return collected.decoded(self._canonical, kind, schemas, len(records))

    def join(self, partition: PartitionId, kind: TopicKind, pairs: Sequence[Pair], schemas: SchemaLookup) -> Decoded:
        """What requests and responses say together."""
        collected = _Collected(partition, self._kept_bytes, LetterForm.PAIR)
        for pair in sorted(pairs, key=attrgetter("offset")):
            collected.models[pair.offset] = pair.request.key.model[:200]
            collected.add(pair_record(pair), self._joined(pair, partition.topic), _NO_WAIT)
        return collected.decoded(self._canonical, kind, schemas, len(pairs))

    def _columns(
        self,
        its_format: Columnar,
        partition: PartitionId,
        kind: TopicKind,
        records: Sequence[RawRecord],
        schemas: SchemaLookup,
    ) -> Decoded:
        """What is of bearable size goes to the format whole."""
        unreadable = {record.offset: refusal for record in records if (refusal := self._unreadable(record.value))}
        readable = [record for record in records if record.offset not in unreadable]
        decoded = its_format.decode(partition, kind, readable, schemas, kept_bytes=self._kept_bytes)
        letters = [
            dead_letter(partition, record, refusal.reason, refusal.detail, kept_bytes=self._kept_bytes)
            for record in records
            if (refusal := unreadable.get(record.offset))
        ]
        return Decoded(decoded.batches, decoded.truths, [*letters, *decoded.rejected], len(records))

    def _unreadable(self, value: bytes | None) -> Refusal | None:
        if not value:
            detail = "no value (a tombstone)" if value is None else "a value of no bytes"
            return Refusal(RejectReason.EMPTY, detail)
        if len(value) > self._max_record_bytes:
            detail = f"{len(value):,} bytes; at most {self._max_record_bytes:,} are read"
            return Refusal(RejectReason.TOO_LARGE, detail)
        return None

    def _mapped(self, its_format: Format, record: RawRecord, topic: str) -> Mapped:
        if refusal := self._unreadable(record.value):
            return Mapped(refused=(refusal,))
        value = record.value or b""
        return map_message(
            its_format, Message(value, record.key, header_texts(record.headers), record.timestamp_ms, topic)
        )

    def _joined(self, pair: Pair, topic: str) -> Mapped:
        its_format = self._format_of(topic)
        if its_format is None:
            return _refused(RejectReason.NOT_OF_FORMAT, f"topic {topic!r} has no format any more")
        return join_halves(its_format, pair.request.payload, pair.response.payload)


def map_message(its_format: Format, message: Message) -> Mapped:
    """What the format makes of the message; a rejection of all of it is one refusal."""
    return _answer(lambda: its_format.map(message))


def join_halves(its_format: Format, request: bytes, response: bytes) -> Mapped:
    """What two halves say together, from their payloads."""
    return _answer(lambda: its_format.join(json.loads(request), json.loads(response)))


def _answer(ask: Callable[[], Mapped]) -> Mapped:
    try:
        return ask()
    except RecordRejected as rejected:
        return _refused(rejected.reason, rejected.detail)
    except RecursionError:
        return _refused(RejectReason.MALFORMED_JSON, "nested too deeply")


def half_of(mapped: MappedHalf, partition: PartitionId, offset: int, wait: timedelta) -> Half:
    """A half as it waits, with a key that the database gives back as it is: PostgreSQL cannot store NUL."""
    model, pair_id = mapped.model.replace("\0", "\ufffd"), mapped.pair_id.replace("\0", "\ufffd")
    key = HalfKey(partition, model, pair_id, mapped.side)
    return Half(key, offset, mapped.event_time_ms, duration_ms(wait), to_json(mapped.part))


def to_json(value: object) -> bytes:
    """JSON as the canonical codec reads it: NaN and Infinity stay what they are."""
    return json.dumps(value, default=plain).encode()


def _refused(reason: RejectReason, detail: str) -> Mapped:
    return Mapped(refused=(Refusal(reason, detail),))


def _wait(its_format: Format) -> timedelta:
    wait: timedelta = getattr(its_format, "wait", _NO_WAIT)  # asked for every message: a protocol would cost more
    return wait


def header_texts(headers: Headers) -> dict[str, str]:
    """By lower-case name; Kafka's binding of CloudEvents writes `ce_id` for what HTTP calls `ce-id`."""
    return {
        name.lower().replace("ce_", "ce-", 1) if name.lower().startswith("ce_") else name.lower(): (
            value or b""
        ).decode("utf-8", "replace")
        for name, value in headers
    }


@dataclass(slots=True)
class _Collected:
    """Canonical records of some messages or pairs, each beside what it came from."""

    partition: PartitionId
    kept_bytes: int
    form: LetterForm = LetterForm.MESSAGE
    rows: list[RawRecord] = field(default_factory=list)
    halves: list[Half] = field(default_factory=list)
    refused: dict[int, list[Refusal]] = field(default_factory=dict)
    origins: dict[int, tuple[RawRecord, int]] = field(default_factory=dict)
    models: dict[int, str | None] = field(default_factory=dict)

    def add(self, record: RawRecord, mapped: Mapped, wait: timedelta) -> None:
        self.origins[record.offset] = (record, len(mapped.rows) + len(mapped.refused))
        try:
            rows = [RawRecord(record.offset, to_json(row)) for row in mapped.rows]
            halves = [half_of(half, self.partition, record.offset, wait) for half in mapped.halves]
        except RecursionError:
            mapped, rows, halves = _refused(RejectReason.MALFORMED_JSON, "nested too deeply"), [], []
        self.rows += rows
        self.halves += halves
        if mapped.refused:
            self.refused.setdefault(record.offset, []).extend(mapped.refused)

    def decoded(self, canonical: Codec, kind: TopicKind, schemas: SchemaLookup, n: int) -> Decoded:
        found = canonical.decode(self.partition, kind, self.rows, schemas)
        for letter in found.rejected:
            self.models[letter.offset] = letter.model or self.models.get(letter.offset)
            self.refused.setdefault(letter.offset, []).append(Refusal(letter.reason, letter.detail))
        letters = [self._letter(offset) for offset in sorted(self.refused)]
        return Decoded(found.batches, found.truths, letters, n, self.halves)

    def _letter(self, offset: int) -> DeadLetter:
        """One for a message, however many of its rows were refused: its first reason stands for them."""
        record, rows = self.origins[offset]
        refusals = self.refused[offset]
        first = refusals[0]
        detail = first.detail if rows <= 1 else f"{first.detail} ({len(refusals)} of {rows} rows refused)"
        model = self.models.get(offset)
        return dead_letter(
            self.partition, record, first.reason, detail, model, kept_bytes=self.kept_bytes, form=self.form
        )


def formats_by_topic(formats: Iterable[tuple[str, Format]]) -> Callable[[str], Format | None]:
    """Look-up by the exact topic, or by the folder that a file lies in."""
    by_name = dict(formats)
    folders = tuple(name for name in by_name if name.startswith("/"))

    def look_up(topic: str) -> Format | None:
        if topic in by_name or not folders:
            return by_name.get(topic)
        inside = max((name for name in folders if topic.startswith(f"{name.rstrip('/')}/")), key=len, default=None)
        return None if inside is None else by_name[inside]

    return look_up
