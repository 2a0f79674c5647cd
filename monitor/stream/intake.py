"""One claimed partition in memory: everything that was read of it and not saved yet."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import repeat
from operator import attrgetter

import numpy as np

from monitor.domain.errors import RejectReason
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.records import DeadLetter, LetterForm, Prediction, RawRecord, Truth
from monitor.domain.stream import REPLAY_PREFIX, ArchiveFile, Claim, Flush, Half, Pair, Side, TopicKind
from monitor.domain.time import duration_ms, format_instant, from_ms
from monitor.stats.columns import Ints, Mask
from monitor.stream.batch import Decoded, RecordBatch, by_version
from monitor.stream.dead_letters import KEPT_BYTES, dead_letter
from monitor.stream.duplicates import SeenEvents
from monitor.stream.pairing import Pairing, pair_record
from monitor.stream.served import Statement, statements
from monitor.stream.shards import BaselineLookup, Shards
from monitor.stream.tallies import Tallies
from monitor.stream.versions import LiveVersions
from monitor.stream.watches import Watches
from monitor.stream.watermark import NO_RECORDS, Way

_offset = attrgetter("offset")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one poll came to: every record is counted, a duplicate, refused, or a truth (or ignored).

    `refused_whole` is how many records were refused of which no row was taken.
    """

    counted: Mapping[ModelRef, int]
    late: Mapping[ModelRef, int]
    duplicates: Mapping[ModelRef, int]
    truths: int
    truths_ignored: int
    refused: Mapping[RejectReason, int]
    refused_at_end: int
    refused_whole: int


@dataclass(slots=True)
class _Unsaved:
    dead_letters: list[DeadLetter] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    to_archive: list[RecordBatch] = field(default_factory=list)
    archive: list[ArchiveFile] = field(default_factory=list)
    given_up: list[DeadLetter] = field(default_factory=list)
    records: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Admission:
    """What is known of records before any is looked at: the watermark that each met, whether it is late, whether it is
    refused (`bad`), being ahead of the clock (`future`) or older than `oldest`. `runs` are those of the batches.
    """

    runs: Sequence[slice]
    met: Ints
    late: Mask
    future: Mask
    oldest: Ints
    bad: Mask

    def of(self, run: slice) -> "_Admission":
        """The part of one batch."""
        return _Admission((), self.met[run], self.late[run], self.future[run], self.oldest[run], self.bad[run])


class PartitionIntake:
    """Folds the records of one claimed partition and says what to save.

    Everything here is a function of the log from the claim's offset on (and of `latest_ms`, for clocks that run ahead):
    dropping it and reading again gives the same. Not thread-safe.
    """

    def __init__(
        self,
        claim: Claim,
        kind: TopicKind,
        models: Mapping[str, MonitoredModel],
        baselines: BaselineLookup,
        *,
        kept_bytes: int = KEPT_BYTES,
        pairing: Pairing | None = None,
    ) -> None:
        self.claim, self.kind = replace(claim, remembered=(), detectors=()), kind
        self.pairing = pairing or Pairing({})
        self.next_offset, self.watermark_ms = claim.next_offset, claim.watermark_ms
        self._saved_offset = claim.next_offset
        self._models, self._kept_bytes = models, kept_bytes
        self._shards = Shards(self.claim, models, baselines)
        self._tallies = Tallies(self.claim, models)
        self._seen = SeenEvents(models, claim.remembered)
        self._versions = LiveVersions(models)
        self._versions.load(claim.remembered)
        self._is_replay = claim.partition.topic.startswith(REPLAY_PREFIX)
        self._watches = Watches(claim, models, baselines, claim.detectors)
        self._unsaved = _Unsaved()

    @property
    def unsaved_records(self) -> int:
        """Number of records read since the last save."""
        return self._unsaved.records

    def take_rows_to_archive(self) -> list[RecordBatch]:
        """Records of models whose raw rows are kept, in the order they were accepted, each once."""
        rows, self._unsaved.to_archive = self._unsaved.to_archive, []
        return rows

    def put_back_rows_to_archive(self, rows: list[RecordBatch]) -> None:
        """The rows that were taken could not be written: they stand before what came since."""
        self._unsaved.to_archive[:0] = rows

    def note_archived(self, files: Sequence[ArchiveFile]) -> None:
        """These files hold the rows that were taken; they are listed when the next save succeeds."""
        self._unsaved.archive.extend(files)

    @property
    def newest_refusal(self) -> str:
        """Reason and detail of the last refused record since the last save, for messages."""
        letters = self._unsaved.dead_letters
        return f"{letters[-1].reason} at offset {letters[-1].offset} ({letters[-1].detail})" if letters else "none"

    @property
    def newest_refusal_why(self) -> str:
        """Reason and detail of the last refused record since the last save."""
        letters = self._unsaved.dead_letters
        return f"{letters[-1].reason}: {letters[-1].detail}" if letters else ""

    def unseen(self, records: Sequence[RawRecord]) -> Sequence[RawRecord]:
        """The records not read before, each offset once: a source may deliver again, the log position decides."""
        offsets = np.fromiter(map(_offset, records), np.int64, len(records))
        expected = -1 if self.next_offset is None else self.next_offset
        if offsets[0] >= expected and (offsets[1:] > offsets[:-1]).all():
            return records
        before = np.maximum.accumulate(np.concatenate(([expected - 1], offsets[:-1])))
        return [records[i] for i in np.flatnonzero(offsets > before).tolist()]

    def accept(self, records: Sequence[RawRecord], decoded: Decoded, latest_ms: int | None) -> Accepted:
        """Take what `unseen` returned, decoded. Event times after `latest_ms` (None: no limit) are refused."""
        accepted = self._fold(records, decoded, latest_ms)
        self.next_offset = records[-1].offset + 1
        return accepted

    def pair(self, halves: Sequence[Half], latest_ms: int | None) -> Sequence[Pair]:
        """Let halves find each other; those that did not wait on. In offset order, before `accept` of their records."""
        met = self.pairing.take(halves, latest_ms)
        self._unsaved.given_up.extend(self._unpaired(half, why) for half, why in met.given_up)
        return met.pairs

    def accept_pairs(self, pairs: Sequence[Pair], decoded: Decoded, latest_ms: int | None) -> Accepted:
        """Take what halves that were saved before came to, decoded; the offset stays where it is."""
        records = [pair_record(pair) for pair in sorted(pairs, key=attrgetter("offset"))]
        return self._fold(records, decoded, latest_ms, in_order=False)

    def give_up(self, passed_ms: int | None) -> None:
        """Refuse the halves that nothing will come for, see `Pairing.give_up`; the next `accept` tells of them."""
        for half in self.pairing.give_up(passed_ms):
            other = "response" if half.key.side is Side.REQUEST else "request"
            detail = f"no {other} with id {half.key.pair_id!r:.200} came within {half.wait_ms / 1000:g} s of event time"
            self._unsaved.given_up.append(self._unpaired(half, detail))
            self._unsaved.records += 1

    def _unpaired(self, half: Half, detail: str) -> DeadLetter:
        record, model = RawRecord(half.offset, half.payload), half.key.model[:200]
        return replace(self._refuse(record, RejectReason.UNPAIRED, detail, model), form=LetterForm.HALF)

    def _fold(
        self, records: Sequence[RawRecord], decoded: Decoded, latest_ms: int | None, *, in_order: bool = True
    ) -> Accepted:
        """`in_order`: where the records stand depends on the log alone, not on when halves happened to meet."""
        decoded = replace(decoded, batches=by_version(decoded.batches))
        refused = [*decoded.rejected, *self._unsaved.given_up]
        self._unsaved.given_up = []
        way, said = self._pass(decoded, latest_ms), statements(records)
        counted, late, repeated = Counter[ModelRef](), Counter[ModelRef](), Counter[ModelRef]()
        taken: list[Ints] = []
        for admitted, met_by, was_late in self._admitted(decoded, way, records, refused):
            taken.append(admitted.offsets)
            kept, is_late = self._without_duplicates(admitted, met_by, was_late)
            if len(kept):
                self._keep(kept, is_late, said, in_order=in_order)
            counted[kept.ref] += len(kept)
            late[kept.ref] += int(np.count_nonzero(is_late))
            repeated[kept.ref] += len(admitted) - len(kept)
        truths, ignored = self._take_truths(decoded.truths, latest_ms, records, refused)
        in_part = _counted_in_part(refused, taken)
        if refused:
            self._unsaved.dead_letters.extend(
                replace(letter, form=LetterForm.PART) if letter.offset in in_part else letter for letter in refused
            )
            self._tallies.add_refused(refused, way.reached_ms)
        self._unsaved.records += len(records)
        reasons = Counter(letter.reason for letter in refused)
        whole = {letter.offset for letter in refused if records and letter.offset >= records[0].offset} - in_part
        at_end = _refused_at_end(records, whole)
        return Accepted(counted, late, repeated, truths, ignored, reasons, at_end, len(whole))

    def pass_over(self, first_offset: int, next_offset: int, why: str) -> None:
        """Go on at `next_offset`: every offset from `first_offset` on is a dead letter without its message."""
        first = max(first_offset, self.next_offset or 0)
        partition, unreadable = self.claim.partition, RejectReason.UNREADABLE
        letters = [DeadLetter(partition, offset, unreadable, why, b"", 0) for offset in range(first, next_offset)]
        self._unsaved.dead_letters.extend(letters)
        self._unsaved.records += len(letters)
        self.next_offset = max(next_offset, self.next_offset or 0)

    def settle(self) -> None:
        """Count everything that was accepted; `to_flush` does so, too."""
        self._shards.settle()

    def to_flush(self, saved_at_ms: int, highwater: int | None) -> Flush:
        """Everything unsaved as one transaction; only after at least one record was read."""
        if self.next_offset is None:
            raise ValueError(f"{self.claim.partition}: nothing was read, so there is nothing to save")
        tallies, served = self._tallies.dirty()
        return Flush(
            claim=self.claim,
            kind=self.kind,
            old_offset=self._saved_offset,
            next_offset=self.next_offset,
            watermark_ms=self.watermark_ms,
            highwater=highwater,
            saved_at_ms=saved_at_ms,
            caught_up_at_ms=saved_at_ms if self.next_offset == highwater else None,
            shares=self._shards.dirty(),
            dead_letters=(*self._unsaved.dead_letters, *self._unsaved.given_up),
            predictions=tuple(self._unsaved.predictions),
            truths=tuple(self._unsaved.truths),
            archive=tuple(self._unsaved.archive),
            tallies=tallies,
            served=served,
            id_blocks=self._seen.unsaved(self.watermark_ms),
            forgotten_ids=self._seen.forgotten(self.watermark_ms),
            halves=tuple(self.pairing.unsaved),
            halves_done=tuple(self.pairing.done),
            halves_clock_ms=self.pairing.clock_ms,
            detectors=self._watches.dirty(),
            alarms=self._watches.alarms,
        )

    def saved(self) -> None:
        """The last `to_flush` was committed."""
        self._saved_offset = self.next_offset
        self._shards.saved(self.watermark_ms)
        self._tallies.saved(self.watermark_ms)
        self._seen.saved(self.watermark_ms)
        self._watches.saved()
        self.pairing.saved()
        self._unsaved = _Unsaved()

    def _pass(self, decoded: Decoded, latest_ms: int | None) -> Way:
        """Move the watermark over the records that carry it."""
        if self.kind is TopicKind.GROUND_TRUTH:
            n = len(decoded.truths)
            offsets = np.fromiter((offset for offset, _ in decoded.truths), np.int64, n)
            times = np.fromiter((truth.known_at_ms for _, truth in decoded.truths), np.int64, n)
        else:
            batches = decoded.batches
            offsets = np.concatenate([batch.offsets for batch in batches]) if batches else NO_RECORDS
            times = np.concatenate([batch.event_time_ms for batch in batches]) if batches else NO_RECORDS
        way = Way.over(offsets, times, self.watermark_ms, latest_ms)
        self.watermark_ms = way.watermark_ms
        return way

    def _admitted(
        self, decoded: Decoded, way: Way, records: Sequence[RawRecord], refused: list[DeadLetter]
    ) -> list[tuple[RecordBatch, Ints, Mask]]:
        """The records that count, batch by batch, with the watermarks they met and which of them are late."""
        if not decoded.batches:
            return []  # on a topic of ground truth the way is that of the truths
        judged = self._admission(decoded.batches, way)
        admitted = [
            self._admit(batch, judged.of(run), records, refused)
            for batch, run in zip(decoded.batches, judged.runs, strict=True)
        ]
        surplus = self._versions.surplus([(batch, met) for batch, met, _ in admitted])
        if not surplus:
            return admitted
        kept_batches = []
        for batch, met, late in admitted:
            too_much = np.array([(batch.ref, offset) in surplus for offset in batch.offsets.tolist()], np.bool_)
            limit = self._models[batch.ref.name].max_versions
            detail = f"version {batch.ref.version!r:.80} would be one more than max_versions ({limit})"
            for offset in batch.offsets[too_much].tolist():
                record, reason = _at_offset(records, offset), RejectReason.TOO_MANY_VERSIONS
                refused.append(self._refuse(record, reason, detail, batch.ref.name))
            kept = np.flatnonzero(~too_much)
            if len(kept):
                kept_batches.append((batch.take(kept), met[kept], late[kept]))
        return kept_batches

    def _admission(self, batches: Sequence[RecordBatch], way: Way) -> _Admission:
        """Judged together: of fifty models a poll has few records each."""
        models = [self._models[batch.ref.name] for batch in batches]
        sizes = [len(batch) for batch in batches]

        def each(durations: Iterable[timedelta]) -> Ints:
            return np.repeat(np.array([duration_ms(one) for one in durations], np.int64), sizes)

        slide_ms, met, times = each(model.windows.slide for model in models), way.met_ms, way.event_time_ms
        pane_end = (times // slide_ms + 1) * slide_ms
        late = pane_end <= met - each(model.lateness for model in models)
        oldest = met - each(model.retention for model in models)
        ends = np.cumsum(sizes).tolist()
        runs = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        return _Admission(runs, met, late, way.future, oldest, way.future | (times < oldest))

    def _admit(
        self, batch: RecordBatch, judged: _Admission, records: Sequence[RawRecord], refused: list[DeadLetter]
    ) -> tuple[RecordBatch, Ints, Mask]:
        """The records that count, the watermarks they met, and which of them are late; the others are refused."""
        if not judged.bad.any():
            return batch, judged.met, judged.late
        for row in np.flatnonzero(judged.bad).tolist():
            record = _at_offset(records, int(batch.offsets[row]))
            happened = format_instant(from_ms(int(batch.event_time_ms[row])))
            reason, detail = RejectReason.IN_THE_FUTURE, f"event_time {happened} is ahead of the clock"
            if not judged.future[row]:
                limit = format_instant(from_ms(int(judged.oldest[row])))
                reason, detail = RejectReason.TOO_LATE, f"event_time {happened} is before {limit}, out of retention"
            refused.append(self._refuse(record, reason, detail, batch.ref.name))
        kept = np.flatnonzero(~judged.bad)
        return batch.take(kept), judged.met[kept], judged.late[kept]

    def _without_duplicates(self, batch: RecordBatch, met: Ints, late: Mask) -> tuple[RecordBatch, Mask]:
        repeated = self._seen.recognise(batch, met)
        if repeated is None:
            return batch, late
        self._tallies.add_duplicates(batch.ref, batch.event_time_ms[repeated])
        kept = np.flatnonzero(~repeated)
        return batch.take(kept), late[kept]

    def _keep(self, batch: RecordBatch, late: Mask, said: Mapping[int, Statement], *, in_order: bool) -> None:
        model = self._models[batch.ref.name]
        self._shards.add(batch, late)
        if model.sequential and in_order and not self._is_replay:
            self._watches.add(batch, late)
        if said:
            self._tallies.add_served(batch, said)
        if model.archive:
            self._unsaved.to_archive.append(batch)
        if model.ground_truth is not None:
            self._unsaved.predictions.extend(_predictions(batch))

    def _take_truths(
        self,
        truths: Sequence[tuple[int, Truth]],
        latest_ms: int | None,
        records: Sequence[RawRecord],
        refused: list[DeadLetter],
    ) -> tuple[int, int]:
        """Numbers of truths kept and of those whose model does not wait for ground truth."""
        kept = 0
        ignored = 0
        for offset, truth in truths:
            if latest_ms is not None and truth.known_at_ms > latest_ms:
                detail = f"event_time {format_instant(from_ms(truth.known_at_ms))} is ahead of the clock"
                record = _at_offset(records, offset)
                refused.append(self._refuse(record, RejectReason.IN_THE_FUTURE, detail, truth.model))
            elif self._models[truth.model].ground_truth is None:
                ignored += 1
            else:
                self._unsaved.truths.append(truth)
                kept += 1
        return kept, ignored

    def _refuse(self, record: RawRecord, reason: RejectReason, detail: str, model: str) -> DeadLetter:
        return dead_letter(self.claim.partition, record, reason, detail, model, kept_bytes=self._kept_bytes)


def _predictions(batch: RecordBatch) -> list[Prediction]:
    """What ground truth can be joined to: the records that carry a prediction."""
    ref, scores = batch.ref, batch.scores.tolist()
    by_label = batch.scores_by_label or repeat(None, len(batch))
    rows = zip(batch.event_ids, batch.event_time_ms.tolist(), batch.predictions, scores, by_label, strict=True)
    return [
        Prediction(ref.name, ref.version, event_id, at_ms, prediction, None if score != score else score, of_all)  # noqa: PLR0124 - NaN
        for event_id, at_ms, prediction, score, of_all in rows
        if prediction is not None
    ]


def _at_offset(records: Sequence[RawRecord], offset: int) -> RawRecord:
    return records[bisect_left(records, offset, key=lambda record: record.offset)]


def _counted_in_part(refused: Sequence[DeadLetter], taken: Sequence[Ints]) -> set[int]:
    """Offsets of the messages of which some rows were refused and others taken."""
    if not refused or not taken:
        return set()
    offsets = np.array(sorted({letter.offset for letter in refused}), np.int64)
    return set(offsets[np.isin(offsets, np.concatenate(taken))].tolist())


def _refused_at_end(records: Sequence[RawRecord], offsets: AbstractSet[int]) -> int:
    """How many records were refused since the last accepted one."""
    if not offsets:
        return 0
    backwards = enumerate(reversed(records))
    return next((i for i, record in backwards if record.offset not in offsets), len(records))
