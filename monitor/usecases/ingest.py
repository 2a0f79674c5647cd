"""Read records, fold them into shares, save the shares with the offsets they stand for."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from monitor.domain.errors import Fenced, SourceUnavailable, StoreUnavailable, UnreadableRecords
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import BaselineStore, HalfStore, IngestStore, Source
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import ArchiveFile, Flush, Pair, TopicKind
from monitor.domain.time import Clock, duration_ms, to_ms
from monitor.stream.batch import Decoded, RecordBatch
from monitor.stream.dead_letter_limit import DeadLetterGauge, DeadLetterLimit, TooManyDeadLetters
from monitor.stream.dead_letters import KEPT_BYTES
from monitor.stream.gathered import DECODE_AT_RECORDS, Gathered
from monitor.stream.intake import PartitionIntake
from monitor.stream.pairing import Pairing
from monitor.stream.schema import SchemaLookup
from monitor.usecases.baselines_in_use import BaselinesInUse
from monitor.usecases.ingest_report import Gap, StepReport

_FIRST_REST_S, _LONGEST_REST_S = 0.5, 10.0
_ONCE_A_SECOND_S = 1.0
_BEYOND_END_AFTER_S = 30.0


class Codec(Protocol):
    """Messages to columns; must not raise for anything that a message contains."""

    def decode(
        self, partition: PartitionId, kind: TopicKind, records: Sequence[RawRecord], schemas: SchemaLookup
    ) -> Decoded:
        """Every record ends up in exactly one part of the result."""
        ...


class PairCodec(Protocol):
    """Two halves to columns; must not raise for anything that they contain."""

    def join(self, partition: PartitionId, kind: TopicKind, pairs: Sequence[Pair], schemas: SchemaLookup) -> Decoded:
        """Every pair ends up in the result, at its offset."""
        ...


@dataclass(frozen=True, slots=True)
class Pairs:
    """What it takes to read formats whose records come as request and response."""

    store: HalfStore
    codec: PairCodec


class ArchiveWriter(Protocol):
    """Keeps raw rows in files."""

    def write(
        self, partition: PartitionId, batches: Sequence[RecordBatch], models: Mapping[str, MonitoredModel]
    ) -> list[ArchiveFile]:
        """Durable files of all rows; StoreUnavailable when they cannot be written."""
        ...


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How a consuming worker behaves.

    `owner` names the worker in the store. Unsaved records are saved every `flush_every`, or as soon as there are
    `max_unsaved_records` of them or their messages take `max_unsaved_bytes`; while the store is down, reading stops at
    that (plus at most one poll). What was read is decoded when it is saved, or as soon as a partition has
    `decode_at_records`.
    `max_future_skew` is how far ahead of the clock an event time may be (None: not checked, for replays of old data).
    Of a refused message at most `kept_bytes` are kept.
    """

    owner: str
    flush_every: timedelta = timedelta(seconds=1)
    max_unsaved_records: int = 50_000
    max_unsaved_bytes: int = 128 * 2**20
    max_future_skew: timedelta | None = timedelta(minutes=5)
    dead_letters: DeadLetterLimit = field(default_factory=DeadLetterLimit)
    kept_bytes: int = KEPT_BYTES
    decode_at_records: int = DECODE_AT_RECORDS


class Ingest:
    """The loop of a consuming worker, one step at a time; single-threaded.

    Memory holds nothing that the log does not: whatever fails, dropping it and reading on from the saved offsets is
    right. So a step raises SourceUnavailable (build a new source, `use` it, go on) and TooManyDeadLetters (stop), and
    deals with everything else itself.
    """

    def __init__(
        self,
        source: Source,
        store: IngestStore,
        codec: Codec,
        *,
        baselines: BaselineStore,
        models: Mapping[str, MonitoredModel],
        clock: Clock,
        settings: IngestSettings,
        archive: ArchiveWriter | None = None,
        pairs: Pairs | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._store, self._codec, self._models = source, store, codec, models
        self._baselines = BaselinesInUse(baselines, models)
        self._clock, self._settings, self._archive, self._monotonic = clock, settings, archive, monotonic
        self._pairs = pairs
        self._intakes: dict[PartitionId, _Claimed] = {}
        self._unreadable_at: dict[PartitionId, int] = {}
        self._met_at_s = monotonic()
        self._saved_at_s = self._looked_at_s = self._beat_at_s = monotonic()
        self._rest_s, self._rest_until_s = 0.0, monotonic()

    @property
    def unsaved_records(self) -> int:
        """Number of records in memory that a crash would have to read again."""
        return sum(claimed.unsaved_records for claimed in self._intakes.values())

    @property
    def is_full(self) -> bool:
        """Whether memory holds as much unsaved as it may: nothing more is read before a save."""
        size_bytes = sum(claimed.unsaved_bytes for claimed in self._intakes.values())
        return (
            self.unsaved_records >= self._settings.max_unsaved_records or size_bytes >= self._settings.max_unsaved_bytes
        )

    def step(self, timeout_s: float) -> StepReport:
        """Read once, waiting for records at most so long, and save when it is time to."""
        report = StepReport()
        if not self.is_full:
            self._read(timeout_s, report)
        now_s = self._monotonic()
        if now_s >= self._rest_until_s:
            self._write(now_s, report)
        if self.is_full:
            report.pause_s = max(0.0, self._rest_until_s - now_s)
        return report

    def drain(self) -> StepReport:
        """Save everything that was read, without reading more; on `store_error` the log still has it all."""
        report = StepReport()
        with self._resting_on_trouble(report):
            self._save(report)
        return report

    def close(self) -> StepReport:
        """Save everything and leave the group."""
        try:
            return self.drain()
        finally:
            self._source.close()

    def use(self, source: Source) -> None:
        """Go on with another source: everything unsaved is dropped and will be read again."""
        self._source = source
        self._intakes.clear()

    # --- reading

    def _read(self, timeout_s: float, report: StepReport) -> None:
        with self._asking_source():
            polled = self._poll(timeout_s, report)
            assigned = self._source.assigned()
        for partition in self._intakes.keys() - assigned.keys():
            del self._intakes[partition]  # whoever owns it now reads what we did not save
            report.lost.append(partition)
        known = set(self._intakes)
        if self._monotonic() >= self._rest_until_s:
            with self._resting_on_trouble(report):
                for partition in sorted(assigned.keys() - known):
                    self._claim(partition, assigned[partition])
                    report.claimed.append(partition)
        for partition, records in polled.items():
            if partition in known and records:  # what came before the seek of a fresh partition is from anywhere
                claimed = self._intakes[partition]
                claimed.gathered.add(records)
                if claimed.gathered.is_enough:
                    with self._resting_on_trouble(report):
                        self._take(partition, claimed, report)

    def _poll(self, timeout_s: float, report: StepReport) -> Mapping[PartitionId, Sequence[RawRecord]]:
        try:
            return self._source.poll(timeout_s)
        except UnreadableRecords as damage:
            if damage.partition not in self._intakes or not self._is_confirmed(damage):
                raise
            self._pass_over(damage, report)
            return {}

    def _is_confirmed(self, damage: UnreadableRecords) -> bool:
        """Whether another source met it too: the first time it may be the connection's fault."""
        known = self._unreadable_at.get(damage.partition) == damage.first_offset
        self._unreadable_at[damage.partition] = damage.first_offset
        return known

    def _pass_over(self, damage: UnreadableRecords, report: StepReport) -> None:
        """Dead letters for what cannot be read, and on with what follows; see docs/decisions/0019."""
        partition, claimed = damage.partition, self._intakes[damage.partition]
        try:
            self._take(partition, claimed, report)  # what came before it
        except StoreUnavailable as error:
            self._rest(report, error)
            return
        before = claimed.intake.unsaved_records
        claimed.intake.pass_over(damage.first_offset, damage.next_offset, damage.why)
        report.unreadable(claimed.intake.unsaved_records - before)
        self._unreadable_at[partition] = damage.next_offset
        self._source.seek(partition, damage.next_offset)
        passed = claimed.gauge.observe(1, 1, refused_at_end=1)  # a batch counts once, however many records it had
        if passed is not None:
            raise TooManyDeadLetters(partition, passed, claimed.intake.newest_refusal)

    def _claim(self, partition: PartitionId, kind: TopicKind) -> None:
        claim = self._store.claim(partition, kind, self._settings.owner)
        with self._asking_source():
            self._source.seek(partition, claim.next_offset)
        kept_bytes = self._settings.kept_bytes
        pairing = Pairing.of(*self._pairs.store.waiting(partition)) if self._pairs else None
        intake = PartitionIntake(claim, kind, self._models, self._baselines.at, kept_bytes=kept_bytes, pairing=pairing)
        gauge, gathered = DeadLetterGauge(self._settings.dead_letters), Gathered(self._settings.decode_at_records)
        self._intakes[partition] = _Claimed(intake, gauge, gathered, self._monotonic())

    def _take_all(self, report: StepReport) -> None:
        """Nothing waits to be decoded afterwards."""
        for partition, claimed in list(self._intakes.items()):
            self._take(partition, claimed, report)

    def _take(self, partition: PartitionId, claimed: "_Claimed", report: StepReport) -> None:
        """Decode and count what was gathered."""
        if not claimed.gathered.records:
            return
        size_bytes, intake = claimed.gathered.size_bytes, claimed.intake
        records = intake.unseen(claimed.gathered.take())
        if not records:
            return
        if claimed.is_fresh and intake.next_offset is not None and records[0].offset > intake.next_offset:
            report.gaps.append(Gap(partition, intake.next_offset, records[0].offset))
        latest_ms = self._latest_ms()
        try:
            decoded = self._codec.decode(partition, intake.kind, records, self._baselines.schema)
            if decoded.halves:
                decoded = decoded.with_joined(self._join(intake, intake.pair(decoded.halves, latest_ms)))
            accepted = intake.accept(records, decoded, latest_ms)
        except StoreUnavailable:  # a baseline could not be loaded; claiming again seeks back to these records
            del self._intakes[partition]
            raise
        claimed.is_fresh, claimed.taken_bytes = False, claimed.taken_bytes + size_bytes
        report.unreadable_baselines |= self._baselines.unreadable
        self._baselines.unreadable.clear()
        report.add(len(records), accepted)
        if found := accepted.truths + accepted.truths_ignored:
            report.truths_by_topic[partition.topic] += found
        whole, at_end = accepted.refused_whole, accepted.refused_at_end
        passed = claimed.gauge.observe(len(records), whole, refused_at_end=at_end)
        if passed is not None:
            raise TooManyDeadLetters(partition, passed, intake.newest_refusal)

    def _latest_ms(self) -> int | None:
        skew = self._settings.max_future_skew
        return None if skew is None else to_ms(self._clock.now()) + duration_ms(skew)

    # --- halves

    def _join(self, intake: PartitionIntake, pairs: Sequence[Pair]) -> Decoded:
        if self._pairs is None:
            raise ValueError("the codec makes halves of records: pass `pairs`, or they would be forgotten")
        return self._pairs.codec.join(intake.claim.partition, intake.kind, pairs, self._baselines.schema)

    def _meet(self, pairs: Pairs, report: StepReport) -> None:
        """Let responses meet requests of other partitions, and give up the halves that nothing will come for."""
        passed_ms = pairs.store.passed_ms(to_ms(self._clock.now()))
        for partition, claimed in list(self._intakes.items()):
            intake = claimed.intake
            if not intake.pairing.waiting or intake.next_offset is None:
                continue
            found = pairs.store.requests_elsewhere(partition) if intake.pairing.stored_responses else ()
            met = [pair for response, request in found if (pair := intake.pairing.meet(response, request))]
            if intake.pairing.has_late(passed_ms):
                intake.pairing.keep_only(half.key for half in pairs.store.waiting(partition)[0])
                intake.give_up(passed_ms)
            try:
                accepted = intake.accept_pairs(met, self._join(intake, met), self._latest_ms())
            except StoreUnavailable:
                del self._intakes[partition]
                raise
            report.add(0, accepted)

    # --- saving

    def _write(self, now_s: float, report: StepReport) -> None:
        with self._resting_on_trouble(report):
            if self.is_full or now_s - self._saved_at_s >= self._settings.flush_every.total_seconds():
                self._save(report)
                self._saved_at_s = now_s
            if self._pairs and now_s - self._met_at_s >= _ONCE_A_SECOND_S:
                self._met_at_s = now_s
                self._take_all(report)
                self._meet(self._pairs, report)
            if now_s - self._beat_at_s >= _ONCE_A_SECOND_S:
                self._beat(now_s, report)
                self._beat_at_s = now_s
            if now_s - self._looked_at_s >= _ONCE_A_SECOND_S and not self.unsaved_records:
                self._baselines.refresh()  # only between saves: rows in memory were decoded for the old ones
                self._looked_at_s = now_s
            self._rest_s = 0.0

    def _save(self, report: StepReport) -> None:
        self._take_all(report)
        began_s = self._monotonic()
        now_ms = to_ms(self._clock.now())
        flushes = {
            partition: self._to_flush(partition, claimed.intake, now_ms)
            for partition, claimed in self._intakes.items()
            if claimed.intake.unsaved_records
        }
        self._flush(flushes, report)
        if not flushes:
            return
        for partition in flushes:
            claimed = self._intakes[partition]
            report.saved_records += claimed.intake.unsaved_records
            claimed.intake.saved()
            claimed.taken_bytes = 0
        report.saved_shares = sum(len(flush.shares) for flush in flushes.values())
        report.save_seconds = self._monotonic() - began_s
        with self._asking_source():
            self._source.commit_hint({partition: flush.next_offset for partition, flush in flushes.items()})

    def _to_flush(self, partition: PartitionId, intake: PartitionIntake, now_ms: int) -> Flush:
        rows = intake.take_rows_to_archive()
        if rows and self._archive is not None:
            try:
                intake.note_archived(self._archive.write(partition, rows, self._models))
            except StoreUnavailable:
                intake.put_back_rows_to_archive(rows)
                raise
        with self._asking_source():
            highwater = self._source.highwater(partition)
        return intake.to_flush(now_ms, highwater)

    def _flush(self, flushes: dict[PartitionId, Flush], report: StepReport) -> None:
        """One transaction; whoever is fenced drops out of it, and of memory, and the others are saved."""
        while flushes:
            try:
                self._store.flush(list(flushes.values()))
            except Fenced as fenced:
                if flushes.pop(fenced.partition, None) is None:
                    raise
                del self._intakes[fenced.partition]
                report.fenced.append(fenced.partition)
            else:
                return

    def _beat(self, now_s: float, report: StepReport) -> None:
        """Tell that partitions with nothing unsaved are at their end: silence there is silence, not lag."""
        now_ms = to_ms(self._clock.now())
        for partition, claimed in self._intakes.items():
            with self._asking_source():
                highwater = self._source.highwater(partition)
            intake = claimed.intake
            if highwater is None or claimed.unsaved_records:
                continue
            position = intake.next_offset or 0
            if position == highwater:
                self._store.heartbeat(intake.claim, now_ms, highwater)
            elif position > highwater and claimed.is_fresh and now_s - claimed.since_s >= _BEYOND_END_AFTER_S:
                report.beyond_end.append(partition)

    # --- trouble

    @contextmanager
    def _asking_source(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._intakes.clear()
            if isinstance(error, SourceUnavailable | TooManyDeadLetters):
                raise
            raise SourceUnavailable(f"the record source failed: {type(error).__name__}: {error}") from error

    @contextmanager
    def _resting_on_trouble(self, report: StepReport) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable as error:
            self._rest(report, error)

    def _rest(self, report: StepReport, error: StoreUnavailable) -> None:
        """Leave the store alone for a while, longer each time."""
        self._rest_s = min(_LONGEST_REST_S, self._rest_s * 2 or _FIRST_REST_S)
        self._rest_until_s = self._monotonic() + self._rest_s
        report.store_error = str(error)


@dataclass(slots=True)
class _Claimed:
    """A partition in memory; `taken_bytes` is the size of the messages that were counted and are not saved."""

    intake: PartitionIntake
    gauge: DeadLetterGauge
    gathered: Gathered
    since_s: float
    is_fresh: bool = True
    taken_bytes: int = 0

    @property
    def unsaved_records(self) -> int:
        return self.intake.unsaved_records + len(self.gathered.records)

    @property
    def unsaved_bytes(self) -> int:
        return self.taken_bytes + self.gathered.size_bytes
