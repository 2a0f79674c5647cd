"""Put refused messages through the core again, after a mapping or a setting was mended: each is counted once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from monitor.domain.errors import RejectReason
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import BaselineStore, IngestStore, Records, WindowReads
from monitor.domain.records import DeadLetter, KeptLetter, LetterForm, LetterQuery, PartitionId, RawRecord
from monitor.domain.stream import DUPLICATE, REPLAY_PREFIX, Flush, PartitionProgress, TopicKind
from monitor.domain.time import Clock, duration_ms, to_ms
from monitor.stream.batch import Decoded
from monitor.stream.intake import Accepted, PartitionIntake
from monitor.stream.pairing import kept_pair
from monitor.usecases.baselines_in_use import BaselinesInUse
from monitor.usecases.ingest import ArchiveWriter, Codec, PairCodec


class ReplayFate(StrEnum):
    """What became of a replayed message. Those that were refused, or kept cut, wait on as they were."""

    COUNTED = "counted"
    COUNTED_LATE = "counted_late"
    COUNTED_IN_PART = "counted_in_part"
    DUPLICATE = "duplicate"
    TRUTH = "ground_truth"
    TRUTH_IGNORED = "ground_truth_ignored"
    REFUSED = "refused"
    CUT = "kept_cut"

    @property
    def is_settled(self) -> bool:
        """Whether the message has found its place and is never replayed again."""
        return self not in {ReplayFate.REFUSED, ReplayFate.CUT}


@dataclass(frozen=True, slots=True)
class Replayed:
    """One message and what became of it, with the reason where it was refused."""

    letter: DeadLetter
    fate: ReplayFate
    why: str = ""


class ReplayLetters:
    """Reads dead letters as a partition of their own, whose offsets count what was ever replayed.

    The claim on that partition, its progress and the marks on the letters move in one transaction with the shares: a
    crash replays nothing twice, and of two replays at once the earlier claim is fenced as a whole. A message is judged
    late, or out of retention, by where its original partition stands now.
    """

    def __init__(
        self,
        store: IngestStore,
        records: Records,
        windows: WindowReads,
        codec: Codec,
        *,
        baselines: BaselineStore,
        models: Mapping[str, MonitoredModel],
        clock: Clock,
        owner: str,
        max_future_skew: timedelta | None,
        archive: ArchiveWriter | None = None,
        pairs: PairCodec | None = None,
    ) -> None:
        self._store, self._records, self._windows, self._codec = store, records, windows, codec
        self._baselines, self._models = BaselinesInUse(baselines, models), models
        self._clock, self._owner, self._skew, self._archive = clock, owner, max_future_skew, archive
        self._pairs = pairs

    def run(self, query: LetterQuery, limit: int) -> list[Replayed]:
        """Replay waiting letters that match, at most `limit`; Fenced when another replay got in between."""
        query = replace(query, is_waiting=True)
        waiting = self._records.kept_letters(query, limit)
        progress = {one.partition: one for one in self._windows.progress()}
        done: list[Replayed] = []
        for partition in dict.fromkeys(kept.letter.partition for kept in waiting):
            done += self._replay(
                partition, progress.get(partition), replace(query, partition=partition), limit - len(done)
            )
        return done

    def _replay(
        self, partition: PartitionId, progress: PartitionProgress | None, query: LetterQuery, limit: int
    ) -> list[Replayed]:
        kind = TopicKind.MIXED if progress is None else progress.kind
        beside = PartitionId(REPLAY_PREFIX + partition.topic, partition.partition)
        claim = self._store.claim(beside, kind, self._owner)
        reached_ms = None if progress is None else progress.watermark_ms
        intake = PartitionIntake(replace(claim, watermark_ms=reached_ms), kind, self._models, self._baselines.at)
        # read after the claim: what an earlier replay settled is not waiting any more, and a later one fences us
        done = [self._one(intake, kept) for kept in self._records.kept_letters(query, limit)]
        settled = [one.letter for one in done if one.fate.is_settled]
        if settled:
            self._store.flush([self._to_flush(intake, settled)])
        return done

    def _one(self, intake: PartitionIntake, kept: KeptLetter) -> Replayed:
        letter = kept.letter
        if not kept.is_whole:
            why = f"only {len(letter.value):,} of its {letter.size_bytes:,} bytes were kept: send it again"
            return Replayed(letter, ReplayFate.CUT, why)
        if why := _never_alone(letter):
            return Replayed(letter, ReplayFate.REFUSED, why)
        record = RawRecord(intake.next_offset or 0, letter.value, letter.key, letter.timestamp_ms, letter.headers)
        latest_ms = None if self._skew is None else to_ms(self._clock.now()) + duration_ms(self._skew)
        decoded = self._decode(letter, record, intake.kind)
        if why := _not_wholly_good(decoded):
            return Replayed(letter, ReplayFate.REFUSED, why)
        fate = _fate(intake.accept([record], decoded, latest_ms))
        is_told = fate in {ReplayFate.REFUSED, ReplayFate.COUNTED_IN_PART}
        return Replayed(letter, fate, intake.newest_refusal_why if is_told else "")

    def _decode(self, letter: DeadLetter, record: RawRecord, kind: TopicKind) -> Decoded:
        if letter.form is not LetterForm.PAIR:
            return self._codec.decode(letter.partition, kind, [record], self._baselines.schema)
        if self._pairs is None:
            why = f"{letter.partition.topic} has no format any more that pairs requests and responses"
            return Decoded((), (), [replace(letter, reason=RejectReason.NOT_OF_FORMAT, detail=why)], 1)
        return self._pairs.join(letter.partition, kind, [kept_pair(letter, record.offset)], self._baselines.schema)

    def _to_flush(self, intake: PartitionIntake, settled: Iterable[DeadLetter]) -> Flush:
        """What was counted now; refusals were counted, and kept, when the messages first came."""
        rows = intake.take_rows_to_archive()
        if rows and self._archive is not None:
            intake.note_archived(self._archive.write(intake.claim.partition, rows, self._models))
        flush = intake.to_flush(to_ms(self._clock.now()), intake.next_offset)
        return replace(
            flush,
            dead_letters=(),
            tallies=[tally for tally in flush.tallies if tally.key.fate == DUPLICATE],
            replayed=[(letter.partition, letter.offset) for letter in settled],
        )


def _never_alone(letter: DeadLetter) -> str:
    """Why this message cannot be replayed by itself; empty when it can."""
    if letter.form is LetterForm.HALF:
        return "half of a record, whose other half did not come: send both again"
    if letter.form is LetterForm.PART:
        return "its other rows were counted, and would be counted twice: send the refused rows again"
    return ""


def _not_wholly_good(decoded: Decoded) -> str:
    """Why nothing of the message is counted yet: all of its rows, or none, so that it can be replayed later."""
    if decoded.halves:
        return "half of a record, which waits for nothing here: send both halves again"
    return f"{decoded.rejected[0].reason}: {decoded.rejected[0].detail}" if decoded.rejected else ""


def _fate(accepted: Accepted) -> ReplayFate:
    if sum(accepted.refused.values()):
        return ReplayFate.COUNTED_IN_PART if sum(accepted.counted.values()) else ReplayFate.REFUSED
    if sum(accepted.duplicates.values()):
        return ReplayFate.DUPLICATE
    if sum(accepted.counted.values()):
        return ReplayFate.COUNTED_LATE if sum(accepted.late.values()) else ReplayFate.COUNTED
    return ReplayFate.TRUTH if accepted.truths else ReplayFate.TRUTH_IGNORED


def fates(done: Sequence[Replayed]) -> dict[str, int]:
    """How many messages met each fate, in the order of ReplayFate."""
    return {fate.value: n for fate in ReplayFate if (n := sum(one.fate is fate for one in done))}
