"""A consuming worker: what it saves, and that no trouble makes it lose or double anything."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from monitor.adapters.archive.location import ArchiveLocation
from monitor.adapters.archive.writer import ParquetArchive
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql.records import SqlRecords
from monitor.domain.errors import RejectReason, SourceUnavailable, StoreUnavailable, UnreadableRecords
from monitor.domain.models import ArchivePolicy, ModelRef, MonitoredModel, Task
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import ArchiveFile, JoinSpan, TopicKind
from monitor.domain.time import to_ms
from monitor.stats.profiles.model import ModelProfile
from monitor.stream.batch import RecordBatch
from monitor.stream.dead_letter_limit import DeadLetterLimit, TooManyDeadLetters
from tests.unit.usecases.ingest_rig import (
    CHURN,
    FRAUD,
    MINUTE_MS,
    NOW,
    PANE_MS,
    START_MS,
    Rig,
    baseline,
    message,
    models,
    partition,
    run_to_end,
)


def minutes(*numbers: int) -> list[bytes]:
    return [message(k, START_MS + minute * MINUTE_MS) for k, minute in enumerate(numbers)]


def test_records_become_shares_saved_with_the_offset_they_stand_for() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 5, 12, 3))
    worker = rig.worker()

    run_to_end(rig, worker)

    assert rig.counted() == {0: 3, 1: 1}
    progress = rig.progress()[partition()]
    assert (progress.next_offset, progress.watermark_ms) == (4, START_MS + 12 * MINUTE_MS)
    assert worker.unsaved_records == 0


@pytest.mark.parametrize("decode_at", [1, 100])
def test_of_many_classes_the_scores_of_all_are_saved_beside_the_prediction_and_of_two_that_of_one(
    decode_at: int,
) -> None:
    of_all = [{"a": 0.25, "b": 0.75}, None, {"b": 1.0}, {"a": 0.5, "b": 0.5}]
    found = {}
    for task in (Task.MULTICLASS, Task.BINARY):
        rig = Rig(kind=TopicKind.MIXED, models=models(task=task))
        for k, scores in enumerate(of_all):
            known = {
                "type": "ground_truth",
                "event_id": f"e{k}",
                "model": "churn",
                "event_time": START_MS,
                "label": "a",
            }
            rig.log.append(partition(), [message(k, START_MS + k, scores=scores), json.dumps(known).encode()])
        run_to_end(rig, rig.worker(decode_at_records=decode_at))
        joined = rig.reads.joined(JoinSpan(CHURN, START_MS, START_MS + MINUTE_MS))
        found[task] = [row.scores for row in joined]

    assert found[Task.BINARY] == [None] * 4
    assert found[Task.MULTICLASS] == ['{"a":0.25,"b":0.75}', None, '{"b":1.0}', '{"a":0.5,"b":0.5}']


def test_nothing_is_saved_before_its_time_and_all_of_it_at_once_then() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 1))
    worker = rig.worker(flush_every=timedelta(seconds=5))

    worker.step(0)
    rig.ticks.seconds = 4.9
    worker.step(0)
    before = rig.store.calls["flush"]
    rig.ticks.seconds = 5.0
    report = worker.step(0)

    assert before == 0
    assert (report.saved_records, rig.counted()) == (2, {0: 2})


@pytest.mark.parametrize("decode_at", [1, 3, 1_000])
def test_what_several_polls_brought_counts_the_same_however_much_is_decoded_at_once(decode_at: int) -> None:
    rig = Rig()
    rig.log.append(partition(), [*minutes(0, 5, 3), b"{", *minutes(0, 1), message(9, START_MS, FRAUD)])
    worker = rig.worker(MemorySource(rig.log, max_records=2), decode_at_records=decode_at)

    reports = [worker.step(0) for _ in range(5)]
    unsaved = worker.unsaved_records
    saved = worker.drain()

    assert unsaved == saved.saved_records == 7
    assert sum(report.records for report in (*reports, saved)) == 7
    assert (rig.counted(), rig.counted(FRAUD)) == ({0: 5}, {0: 1})
    assert [kept.letter.offset for kept in SqlRecords(rig.engine).dead_letters(10)] == [3]


def test_what_waits_to_be_decoded_fills_the_memory_like_everything_else() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*range(8)))
    size_bytes = len(message(0, START_MS))
    worker = rig.worker(MemorySource(rig.log, max_records=4), decode_at_records=1_000, max_unsaved_bytes=3 * size_bytes)
    worker.step(0)
    rig.store.refusals = 100

    worker.step(0)
    report = worker.step(0)

    assert (worker.is_full, worker.unsaved_records, report.records) == (True, 4, 0)


def test_what_was_read_before_a_damage_counts_before_it() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*[0] * 8))
    worker = rig.worker(DamagedSource(rig.log, max_records=3), decode_at_records=1_000)
    with pytest.raises(SourceUnavailable):
        run_to_end(rig, worker)
    worker.use(DamagedSource(rig.log, max_records=3))

    run_to_end(rig, worker)

    assert (rig.counted(), rig.progress()[partition()].next_offset) == ({0: 6}, 8)


def test_a_full_memory_is_saved_early() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*range(8)))
    worker = rig.worker(MemorySource(rig.log, max_records=4), max_unsaved_records=4)

    worker.step(0)
    report = worker.step(0)

    assert (report.records, report.saved_records) == (4, 4)


def test_profiles_are_counted_on_the_baseline_that_holds_for_the_pane() -> None:
    rig = Rig()
    first, second = baseline(CHURN, seed=1), baseline(ModelRef("churn", "2"), seed=2)
    rig.promote(first)
    rig.promote(second, START_MS + PANE_MS)
    other_version = [message(k, START_MS + k * PANE_MS, ModelRef("churn", "9")) for k in (0, 1)]
    rig.log.append(partition(), [*minutes(0, 12), *other_version])

    run_to_end(rig, rig.worker())

    held = {s.key.pane_start_ms: s.key.baseline_id for s in rig.shares(CHURN)}
    of_unknown_version = {s.key.pane_start_ms: s.key.baseline_id for s in rig.shares(ModelRef("churn", "9"))}
    assert held == {START_MS: first.id, START_MS + PANE_MS: first.id}
    assert of_unknown_version == {START_MS: first.id, START_MS + PANE_MS: second.id}
    assert all(ModelProfile.from_bytes(s.payload, first.layouts).n == s.n for s in rig.shares(CHURN))


def test_without_a_baseline_records_are_counted_and_a_promotion_is_found_within_a_second() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0))
    worker = rig.worker()
    run_to_end(rig, worker, 3)

    made = baseline(CHURN)
    rig.promote(made)
    run_to_end(rig, worker, 2)
    rig.log.append(partition(), minutes(1))
    run_to_end(rig, worker, 3)

    assert {(s.key.baseline_id, s.n) for s in rig.shares()} == {("", 1), (made.id, 1)}


def test_segments_have_shares_of_their_own() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 0, 0, 0))

    run_to_end(rig, rig.worker())

    assert rig.counted(segment="pro") == {0: 2}


def test_predictions_and_truths_meet_in_the_store() -> None:
    rig = Rig(kind=TopicKind.MIXED)
    truth = b'{"type": "ground_truth", "event_id": "e1", "model": "churn", "event_time": %d, "label": "yes"}' % START_MS
    rig.log.append(partition(), [*minutes(0, 1), truth])

    run_to_end(rig, rig.worker())

    joined = rig.reads.joined(JoinSpan(CHURN, START_MS, START_MS + PANE_MS))
    assert [(row.prediction, row.label) for row in joined] == [("yes", "yes")]
    assert rig.reads.predictions_count(CHURN, START_MS, START_MS + PANE_MS) == 2


def test_refused_records_are_saved_as_dead_letters_with_the_others() -> None:
    rig = Rig()
    too_old, ahead = message(7, START_MS - 10 * PANE_MS), message(8, to_ms(NOW) + 6 * MINUTE_MS)
    bad = [None, b"{", b"x" * 6_000_000, message(6, START_MS, ModelRef("other", "1")), too_old, ahead]
    rig.log.append(partition(), [*minutes(0), *bad, *minutes(1)])

    run_to_end(rig, rig.worker())

    letters = {kept.letter.offset: kept.letter.reason for kept in SqlRecords(rig.engine).dead_letters(100)}
    assert letters == {
        1: RejectReason.EMPTY,
        2: RejectReason.MALFORMED_JSON,
        3: RejectReason.TOO_LARGE,
        4: RejectReason.UNKNOWN_MODEL,
        5: RejectReason.TOO_LATE,
        6: RejectReason.IN_THE_FUTURE,
    }
    assert rig.counted() == {0: 2}
    assert rig.progress()[partition()].watermark_ms == START_MS + MINUTE_MS


def test_the_first_instant_of_the_epoch_counts_in_a_window_of_1970_when_the_log_begins_there() -> None:
    rig = Rig()
    rig.log.append(partition(), [message(0, 0, event_time="1970-01-01T00:00:00Z"), *minutes(0)])

    run_to_end(rig, rig.worker(max_future_skew=None))

    assert rig.counted() == {-START_MS // PANE_MS: 1, 0: 1}


def test_a_clock_that_steps_backwards_refuses_no_record_of_the_past() -> None:
    rig = Rig()
    worker = rig.worker()
    rig.log.append(partition(), minutes(0))
    run_to_end(rig, worker, 2)

    rig.clock.present -= timedelta(hours=1)
    rig.log.append(partition(), minutes(1))
    run_to_end(rig, worker, 2)

    assert rig.counted() == {0: 2}


def test_a_crash_before_the_save_reads_again_and_counts_once() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 1, 2))
    rig.worker().step(0)
    unsaved = rig.worker()
    unsaved.step(0)
    unsaved.step(0)

    run_to_end(rig, rig.worker())

    assert rig.counted() == {0: 3}


def test_the_successor_begins_shares_of_its_own_and_never_touches_the_old() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 1))
    run_to_end(rig, rig.worker(), 3)
    rig.log.append(partition(), minutes(2))

    run_to_end(rig, rig.worker(), 3)

    assert [(s.key.epoch, s.n, s.first_offset, s.next_offset) for s in rig.shares()] == [(1, 2, 0, 2), (2, 1, 2, 3)]


def test_a_worker_that_lost_its_partition_saves_nothing_and_goes_on_from_its_successor() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 1))
    zombie = rig.worker(owner="zombie")
    for _ in range(2):
        zombie.step(0)
    rig.log.append(partition(), minutes(2))
    run_to_end(rig, rig.worker(owner="successor"), 3)

    report = zombie.step(0)
    run_to_end(rig, zombie, 3)

    assert report.fenced == [partition()]
    assert rig.counted() == {0: 3}


def test_one_fenced_partition_does_not_keep_the_others_from_being_saved() -> None:
    rig = Rig(partitions=2)
    for number in (0, 1):
        rig.log.append(partition(number), minutes(0, 1))
    worker = rig.worker()
    for _ in range(2):
        worker.step(0)
    rig.store.claim(partition(0), TopicKind.INFERENCE, "somebody else")

    rig.ticks.seconds = 1
    report = worker.step(0)

    assert (report.fenced, report.saved_records) == ([partition(0)], 2)
    assert rig.progress()[partition(1)].next_offset == 2


def test_a_partition_that_was_taken_away_is_dropped_and_one_that_comes_is_claimed() -> None:
    rig = Rig(partitions=2)
    for number in (0, 1):
        rig.log.append(partition(number), minutes(0, 1))
    source = MemorySource(rig.log, partitions=[partition(0)])
    worker = rig.worker(source)
    worker.step(0)
    worker.step(0)

    source.assign([partition(1)])
    report = worker.step(0)
    run_to_end(rig, worker)

    assert (report.lost, report.claimed) == ([partition(0)], [partition(1)])
    assert {s.key.partition for s in rig.shares()} == {partition(1)}


def test_a_store_that_is_down_for_a_while_costs_nothing_and_memory_stays_bounded() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*[0] * 40))
    worker = rig.worker(MemorySource(rig.log, max_records=5), max_unsaved_records=10)
    worker.step(0)
    rig.store.refusals = 1_000

    reports = [worker.step(0) for _ in range(8)]
    held = worker.unsaved_records
    rig.store.refusals = 0
    rig.ticks.seconds = 100
    run_to_end(rig, worker, 20)

    assert held == 10
    assert reports[-1].pause_s > 0
    assert any(report.store_error == "the database is restarting" for report in reports)
    assert rig.counted() == {0: 40}


def test_rests_between_tries_grow_and_end_with_the_trouble() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0))
    worker = rig.worker()
    worker.step(0)
    rig.store.refusals = 1_000
    tried = []
    for tenth in range(10, 400):
        rig.ticks.seconds = tenth / 10
        if worker.step(0).store_error:
            tried.append(rig.ticks.seconds)

    rests = [later - earlier for earlier, later in pairwise(tried)]
    assert rests[:5] == pytest.approx([0.5, 1, 2, 4, 8])
    assert max(rests) == pytest.approx(10)


def test_a_save_whose_answer_was_lost_is_not_saved_twice() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 1))
    worker = rig.worker()
    worker.step(0)
    worker.step(0)
    rig.store.refusals, rig.store.after_effect = 1, True
    rig.ticks.seconds = 1

    worker.step(0)
    run_to_end(rig, worker, 5)

    assert rig.counted() == {0: 2}


def test_a_claim_that_the_store_refuses_is_tried_again() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0))
    rig.store.refusals = 2
    worker = rig.worker()

    run_to_end(rig, worker, 12)

    assert rig.counted() == {0: 1}


def test_a_baseline_that_cannot_be_loaded_now_is_loaded_later_and_no_record_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    rig.promote(baseline(CHURN))
    rig.log.append(partition(), minutes(0, 1))
    worker = rig.worker()
    worker.step(0)
    with monkeypatch.context() as broken:
        broken.setattr(rig.baselines, "get", _refuse)
        report = worker.step(0)

    run_to_end(rig, worker, 10)

    assert report.store_error == "no database"
    assert rig.counted() == {0: 2}


def _refuse(*_: object) -> bytes:
    raise StoreUnavailable("no database")


class DoublingSource(MemorySource):
    """Delivers again what it delivered before, as a client does after some rebalances."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log, max_records=3)
        self._last: Mapping[PartitionId, Sequence[RawRecord]] = {}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        fresh = super().poll(timeout_s)
        again = {p: [*self._last.get(p, []), *records] for p, records in fresh.items()}
        self._last = fresh
        return again


def test_what_is_delivered_twice_counts_once() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*[0] * 20))

    run_to_end(rig, rig.worker(DoublingSource(rig.log)))

    assert rig.counted() == {0: 20}


class FailingSource(MemorySource):
    """Raises something of its own, as client libraries do."""

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        raise KeyError("leader")


def test_any_exception_of_a_source_asks_for_a_new_one_which_goes_on_from_the_saved_offset() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 1))
    worker = rig.worker()
    worker.step(0)
    worker.step(0)
    worker.use(FailingSource(rig.log))

    with pytest.raises(SourceUnavailable, match="KeyError: 'leader'"):
        worker.step(0)
    worker.use(MemorySource(rig.log))
    run_to_end(rig, worker)

    assert rig.counted() == {0: 2}


class DamagedSource(MemorySource):
    """A log whose offsets 3 and 4 hold no records any more."""

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        at = self._positions.get(partition())
        if at == 3:
            raise UnreadableRecords(partition(), 3, 5, "it cannot be unpacked")
        return super().poll(timeout_s)


def test_what_another_source_cannot_read_either_becomes_dead_letters_and_reading_goes_on_behind_it() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*[0] * 8))
    worker = rig.worker(DamagedSource(rig.log, max_records=3))

    with pytest.raises(SourceUnavailable, match="no record can be read at offset 3"):
        run_to_end(rig, worker)
    early = len(SqlRecords(rig.engine).dead_letters(10))
    worker.use(DamagedSource(rig.log, max_records=3))
    run_to_end(rig, worker)

    late = SqlRecords(rig.engine).dead_letters(10)
    assert early == 0
    assert sorted((kept.letter.offset, kept.letter.reason) for kept in late) == [
        (3, RejectReason.UNREADABLE),
        (4, RejectReason.UNREADABLE),
    ]
    assert (rig.counted(), rig.progress()[partition()].next_offset) == ({0: 6}, 8)


def test_too_much_that_cannot_be_read_stops_the_worker() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*[0] * 8))
    worker = rig.worker(DamagedSource(rig.log, max_records=3), dead_letters=DeadLetterLimit(consecutive=1))
    with pytest.raises(SourceUnavailable):
        run_to_end(rig, worker)
    worker.use(DamagedSource(rig.log, max_records=3))

    with pytest.raises(TooManyDeadLetters, match="unreadable at offset 4"):
        run_to_end(rig, worker)


def test_a_gap_before_the_first_record_is_reported_and_later_gaps_are_normal() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*[0] * 4))
    run_to_end(rig, rig.worker(), 3)
    rig.log.append(partition(), minutes(*[0] * 6))
    del rig.log.records[partition()][4:6]
    rig.log.records[partition()][4:4] = rig.log.records[partition()][4:6]  # positions stay offsets
    worker = rig.worker()

    reports = [worker.step(0) for _ in range(3)]

    gaps = [gap for report in reports for gap in report.gaps]
    assert [(gap.expected, gap.found) for gap in gaps] == [(4, 6)]


def test_a_topic_made_anew_is_reported_and_not_counted_again() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(*[0] * 4))
    run_to_end(rig, rig.worker(), 3)
    rig.log.records[partition()].clear()
    rig.log.append(partition(), minutes(0))
    worker = rig.worker()

    run_to_end(rig, worker, 29)
    early = worker.step(0)
    rig.ticks.seconds += 5
    late = worker.step(0)

    assert (early.beyond_end, late.beyond_end) == ([], [partition()])
    assert rig.counted() == {0: 4}


def test_a_quiet_partition_at_its_end_says_so_once_a_second_and_one_with_unsaved_records_does_not() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0))
    worker = rig.worker(flush_every=timedelta(seconds=3))

    for tenth in range(60):
        rig.ticks.seconds = tenth / 10
        worker.step(0)

    assert rig.store.heartbeats == [(to_ms(NOW), 1)] * 3
    assert rig.progress()[partition()].caught_up_at_ms == to_ms(NOW)


def test_an_empty_partition_is_claimed_and_at_its_end() -> None:
    rig = Rig()
    worker = rig.worker()

    run_to_end(rig, worker, 3)

    progress = rig.progress()[partition()]
    assert (progress.next_offset, progress.caught_up_at_ms) == (None, to_ms(NOW))


def test_a_stream_of_nonsense_stops_the_worker_with_a_sentence_that_helps() -> None:
    rig = Rig()
    rig.log.append(partition(), [b"{"] * 50)
    worker = rig.worker(dead_letters=DeadLetterLimit(consecutive=50))
    worker.step(0)

    with pytest.raises(
        TooManyDeadLetters, match=r"log/0: 50 records in a row were refused.*malformed_json at offset 49"
    ):
        worker.step(0)


def test_closing_saves_what_was_read_and_leaves() -> None:
    rig = Rig()
    rig.log.append(partition(), minutes(0, 1))
    source = MemorySource(rig.log)
    worker = rig.worker(source)
    worker.step(0)
    worker.step(0)

    report = worker.close()

    assert (report.saved_records, rig.counted()) == (2, {0: 2})
    with pytest.raises(SourceUnavailable):
        source.poll(0)


def test_every_record_is_in_exactly_one_number_of_the_report() -> None:
    rig = Rig(kind=TopicKind.MIXED)
    truth = b'{"type": "ground_truth", "event_id": "e1", "model": "%s", "event_time": 1, "label": 1}'
    rig.log.append(partition(), [*minutes(0, 1), b"{", truth % b"churn", truth % b"fraud", message(9, START_MS, FRAUD)])
    worker = rig.worker()
    worker.step(0)

    report = worker.step(0)

    assert report.counted == {CHURN: 2, FRAUD: 1}
    assert (report.truths, report.truths_ignored, report.refused.total()) == (1, 1, 1)
    assert report.records == 6


def test_archived_rows_are_in_listed_files_by_pane(tmp_path: Path) -> None:
    rig = Rig(models=models(archive=ArchivePolicy()))
    rig.promote(baseline(CHURN))
    rig.log.append(partition(), [*minutes(0, 12, 1), message(3, START_MS, features={"age": "x", "plan": None})])

    run_to_end(rig, rig.worker(archive=ParquetArchive(ArchiveLocation(str(tmp_path)))))

    files = SqlRecords(rig.engine).archive(CHURN, START_MS, START_MS + 2 * PANE_MS)
    rows = {file.start_ms: pq.read_table(tmp_path / file.path).to_pylist() for file in files}
    assert {start: len(found) for start, found in rows.items()} == {START_MS: 3, START_MS + PANE_MS: 1}
    assert [row["event_id"] for row in rows[START_MS]] == ["e0", "e2", "e3"]
    assert rows[START_MS][0]["plan"] == "pro"
    assert (rows[START_MS][2]["age"], rows[START_MS][2]["plan"]) == (None, None)
    assert to_ms(rows[START_MS][1]["event_time"]) == START_MS + MINUTE_MS
    assert sum(1 for _ in tmp_path.rglob("*.parquet")) == 2


def test_without_a_baseline_the_archive_keeps_every_feature(tmp_path: Path) -> None:
    rig = Rig(models=models(archive=ArchivePolicy()))
    odd = message(1, START_MS, features={"age": "old", "city": "Oslo"})
    rig.log.append(partition(), [message(0, START_MS), odd])
    worker = rig.worker(MemorySource(rig.log, max_records=1), archive=ParquetArchive(ArchiveLocation(str(tmp_path))))
    for _ in range(3):
        worker.step(0)

    worker.drain()

    (file,) = tmp_path.rglob("*.parquet")
    table = pq.read_table(file).to_pylist()
    assert [row["city"] for row in table] == [None, "Oslo"]
    assert table[1]["age"] == "old"


class FullDisk:
    """An archive that cannot be written until there is room."""

    def __init__(self, folder: Path) -> None:
        self.inner, self.full = ParquetArchive(ArchiveLocation(str(folder))), True

    def write(
        self, partition: PartitionId, batches: Sequence[RecordBatch], models: Mapping[str, MonitoredModel]
    ) -> list[ArchiveFile]:
        if self.full:
            raise StoreUnavailable("no room")
        return self.inner.write(partition, batches, models)


def test_a_full_archive_delays_the_save_and_loses_no_row(tmp_path: Path) -> None:
    rig = Rig(models=models(archive=ArchivePolicy()))
    rig.log.append(partition(), minutes(0, 1))
    archive = FullDisk(tmp_path)
    worker = rig.worker(archive=archive)
    run_to_end(rig, worker, 3)
    before = rig.counted()

    archive.full = False
    run_to_end(rig, worker, 5)

    (file,) = SqlRecords(rig.engine).archive(CHURN, START_MS, START_MS + PANE_MS)
    assert (before, rig.counted(), file.rows) == ({}, {0: 2}, 2)


def test_rows_written_before_a_refused_save_are_listed_by_the_next_and_not_written_again(tmp_path: Path) -> None:
    rig = Rig(models=models(archive=ArchivePolicy()))
    rig.log.append(partition(), minutes(0, 1))
    worker = rig.worker(archive=ParquetArchive(ArchiveLocation(str(tmp_path))))
    worker.step(0)
    worker.step(0)
    rig.store.refusals = 1
    rig.ticks.seconds = 1
    worker.step(0)
    rig.log.append(partition(), minutes(2))

    run_to_end(rig, worker, 5)

    files = SqlRecords(rig.engine).archive(CHURN, START_MS, START_MS + PANE_MS)
    assert [(file.first_offset, file.next_offset, file.rows) for file in files] == [(0, 2, 2), (2, 3, 1)]
