"""Deliberate bugs, each put into the real product at a real seam: the simulation must find every one of them."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from sqlalchemy import Connection, select, update

from alerts.model import AlertEvent as Told
from alerts.storage import outbox as alerts_outbox
from alerts.storage.tables import deliveries
from monitor.adapters import alert_relay
from monitor.adapters.archive.writer import ParquetArchive, file_path
from monitor.adapters.sql import ingest as sql_ingest
from monitor.adapters.sql.archive import SqlArchiveManifest
from monitor.adapters.sql.engine import writing
from monitor.adapters.sql.evaluations import SqlEvaluationStore
from monitor.adapters.sql.ingest import SqlIngestStore
from monitor.adapters.sql.jobs import SqlJobStore
from monitor.adapters.sql.outbox import SqlOutboxStore
from monitor.adapters.sql.statements import add_many, replace_many
from monitor.adapters.sql.tables import archive_files, dead_letters, progress, shares
from monitor.domain.errors import Fenced, StoreUnavailable
from monitor.domain.evaluation import EvaluationCommit
from monitor.domain.records import PartitionId
from monitor.domain.retraining import JobPhase, RetrainJob
from monitor.domain.rules import AlertEvent
from monitor.domain.stream import ArchiveFile, Claim, Flush, TopicKind
from monitor.schedule import due as due_module
from monitor.schedule.closing import closes_until_ms
from monitor.stream.batch import RecordBatch
from monitor.stream.intake import PartitionIntake
from monitor.usecases import evaluate as evaluate_module
from monitor.usecases.ingest import Ingest
from monitor.usecases.ingest_report import StepReport
from monitor.usecases.relay import Relay
from monitor.usecases.send_job import SendJob
from tests.simulation.group import GroupSource
from tests.simulation.mutations_of_counting import (
    Patch,
    believing_clocks_from_the_future,
    believing_statements_of_duplicates,
    counting_on_over_claims,
    dropping_late_records,
    forgetting_event_ids_with_the_worker,
    judging_lateness_by_the_end_of_the_poll,
    leaving_rows_behind,
    losing_a_closed_share,
    remembering_event_ids_before_the_save,
)

Mutation = Callable[[Patch], None]


@contextmanager
def applied(mutation: Mutation) -> Iterator[None]:
    """While this lasts, the product has the bug."""
    patches = []

    def change(where: object, name: str, to: object) -> None:
        patches.append(patch.object(where, name, to))
        patches[-1].start()

    try:
        mutation(change)
        yield
    finally:
        for one in reversed(patches):
            one.stop()


# --- who may write


def without_the_guard_of_the_offset(change: Patch) -> None:
    """A save is taken wherever the partition stands, if only the epoch is right."""
    change(sql_ingest, "_advance", _advance_where(lambda flush: [progress.c.epoch == flush.claim.epoch]))


def without_the_guard_of_the_epoch(change: Patch) -> None:
    """A save is taken of anybody, if only the offset is right."""
    change(
        sql_ingest,
        "_advance",
        _advance_where(lambda flush: [progress.c.next_offset.is_not_distinct_from(flush.old_offset)]),
    )


def without_any_guard(change: Patch) -> None:
    """A worker that lost its partition may still write."""
    change(sql_ingest, "_advance", _advance_where(lambda flush: []))


def _advance_where(conditions: Callable[[Flush], list[Any]]) -> Callable[[Connection, Flush], None]:
    def advance(connection: Connection, flush: Flush) -> None:
        at = flush.claim.partition
        here = (progress.c.topic == at.topic, progress.c.partition == at.partition, *conditions(flush))
        row = update(progress).where(*here).values(
            next_offset=flush.next_offset, watermark_ms=flush.watermark_ms, highwater=flush.highwater,
            caught_up_at_ms=flush.caught_up_at_ms, updated_at_ms=flush.saved_at_ms,
        )  # fmt: skip
        if connection.execute(row).rowcount != 1:
            raise Fenced("somebody else was there", at)

    return advance


def keeping_memory_after_being_fenced(change: Patch) -> None:
    """A fenced worker claims again and goes on with the shares that it has in memory."""

    def flush(self: Ingest, flushes: dict[PartitionId, Flush], report: StepReport) -> None:
        while flushes:
            try:
                self._store.flush(list(flushes.values()))
            except Fenced as fenced:
                del flushes[fenced.partition]
                held = self._intakes[fenced.partition].intake
                held.claim = self._store.claim(fenced.partition, held.kind, "again")
                held._saved_offset = held.claim.next_offset
            else:
                return

    change(Ingest, "_flush", flush)


def believing_a_refused_save(change: Patch) -> None:
    """That a save was refused is not looked at."""
    flush = SqlIngestStore.flush

    def gullible(store: SqlIngestStore, flushes: list[Flush]) -> None:
        try:
            flush(store, flushes)
        except (Fenced, StoreUnavailable):
            return

    change(SqlIngestStore, "flush", gullible)


# --- where to go on


def without_the_seek(change: Patch) -> None:
    """A claimed partition is read from wherever the client happens to stand."""
    change(GroupSource, "seek", lambda source, partition, offset: None)


def going_on_from_kafkas_offset(change: Patch) -> None:
    """The offset that Kafka was told is used, not the stored one."""
    claim = Ingest._claim

    def claim_by_kafka(self: Ingest, partition: PartitionId, kind: TopicKind) -> None:
        claim(self, partition, kind)
        held, group = self._intakes[partition].intake, self._source.group  # type: ignore[attr-defined]
        held.next_offset = group.hints.get(partition)
        self._source.seek(partition, held.next_offset)

    change(Ingest, "_claim", claim_by_kafka)


def telling_kafka_before_the_save(change: Patch) -> None:
    """Kafka is told first, and believed: what was not saved by then is taken for saved."""
    flush, claim = Ingest._flush, SqlIngestStore.claim
    told: dict[tuple[int, PartitionId], int] = {}

    def tell_first(self: Ingest, flushes: dict[PartitionId, Flush], report: StepReport) -> None:
        engine = id(self._store._inner._inner._engine)  # type: ignore[attr-defined]
        told.update({(engine, partition): one.next_offset for partition, one in flushes.items()})
        self._source.commit_hint({partition: one.next_offset for partition, one in flushes.items()})
        flush(self, flushes, report)

    def claim_what_was_told(store: SqlIngestStore, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        made = claim(store, partition, kind, owner)
        offset = told.get((id(store._engine), partition))
        if offset is None or offset <= (made.next_offset or 0):
            return made
        here = (progress.c.topic == partition.topic, progress.c.partition == partition.partition)
        with writing(store._engine) as connection:
            connection.execute(update(progress).where(*here).values(next_offset=offset))
        return replace(made, next_offset=offset)

    change(Ingest, "_flush", tell_first)
    change(SqlIngestStore, "claim", claim_what_was_told)


def counting_what_is_delivered_again(change: Patch) -> None:
    """The log position of a record is not looked at."""
    change(PartitionIntake, "unseen", lambda intake, records: records)


# --- what one transaction holds


def adding_instead_of_replacing(change: Patch) -> None:
    """Shares are added to what is there, as counters in a database usually are."""

    def add(connection: Connection, table: object, rows: Sequence[tuple[Any, ...]], **settings: Any) -> None:
        if table is shares:
            key = len(shares.primary_key)
            rows = [_added(connection, row, key) for row in rows]
        replace_many(connection, table, rows, **settings)  # type: ignore[arg-type]

    change(sql_ingest, "replace_many", add)


def _added(connection: Connection, row: tuple[Any, ...], key: int) -> tuple[Any, ...]:
    where = [column == value for column, value in zip(shares.primary_key, row, strict=False)]
    there = connection.execute(select(shares.c.n).where(*where)).scalar_one_or_none()
    return (*row[:key], row[key] + (there or 0), *row[key + 1 :])


def saving_progress_before_shares(change: Patch) -> None:
    """The offset is committed, then the shares."""

    def flush(store: SqlIngestStore, flushes: Sequence[Flush]) -> None:
        if flushes:
            with writing(store._engine) as connection:
                for one in flushes:
                    sql_ingest._advance(connection, one)
            with writing(store._engine) as connection:
                sql_ingest._write(connection, flushes)

    change(SqlIngestStore, "flush", flush)


def writing_dead_letters_in_their_own_transaction(change: Patch) -> None:
    """Dead letters are kept before the rest is saved."""
    flush = SqlIngestStore.flush

    def dead_letters_first(store: SqlIngestStore, flushes: Sequence[Flush]) -> None:
        rows = [sql_ingest._dead_letter(letter, one.saved_at_ms) for one in flushes for letter in one.dead_letters]
        if rows:
            with writing(store._engine) as connection:
                add_many(connection, dead_letters, rows)
        flush(store, flushes)

    change(SqlIngestStore, "flush", dead_letters_first)
    change(sql_ingest, "add_many", lambda *_: None)


def forgetting_the_watermark(change: Patch) -> None:
    """The watermark is not stored: whoever claims next takes nothing for late."""
    flush = SqlIngestStore.flush

    def forgetful(store: SqlIngestStore, flushes: Sequence[Flush]) -> None:
        flush(store, [replace(one, watermark_ms=None) for one in flushes])

    change(SqlIngestStore, "flush", forgetful)


def listing_archive_files_before_they_are_written(change: Patch) -> None:
    """A file is written at the save after the one that lists it."""
    write = ParquetArchive.write

    def lazily(archive: ParquetArchive, partition: PartitionId, batches: Any, models: Any) -> list[Any]:
        waiting: list[Callable[[], object]] = archive.__dict__.setdefault("waiting", [])
        while waiting:
            waiting.pop()()
        listed: list[Any] = []
        for batch in batches:
            pane = models[batch.ref.name].windows.slide_ms
            for start in np.unique(batch.event_time_ms // pane * pane).tolist():
                part = batch.take(np.flatnonzero(batch.event_time_ms // pane * pane == start))
                listed += _listed(partition, part, start, pane)
        waiting.append(lambda: write(archive, partition, batches, models))
        return listed

    change(ParquetArchive, "write", lazily)


def _listed(partition: PartitionId, part: RecordBatch, start: int, pane: int) -> list[ArchiveFile]:
    first, after = int(part.offsets.min()), int(part.offsets.max()) + 1
    path = file_path(part.ref, start, partition, first, after)
    return [ArchiveFile(path, part.ref.name, part.ref.version, start, start + pane, len(part), partition, first, after)]


def listing_a_merged_file_beside_its_parts(change: Patch) -> None:
    """Small files of the archive stay in the list when one takes their place."""

    def list_beside(manifest: SqlArchiveManifest, files: Sequence[ArchiveFile], merged: ArchiveFile) -> bool:
        with writing(manifest._engine) as connection:
            replace_many(connection, archive_files, [sql_ingest.archive_row(merged)])
        return bool(files)

    change(SqlArchiveManifest, "replace", list_beside)


# --- deciding


def judging_before_the_lateness_is_over(change: Patch) -> None:
    """Windows are judged at their end, without waiting for stragglers."""

    def hasty(model: Any, read: Any) -> int | None:
        until_ms = closes_until_ms(model, read)
        return None if until_ms is None else until_ms + int(model.lateness.total_seconds() * 1000) + 120_000

    change(evaluate_module, "closes_until_ms", hasty)
    change(due_module, "closes_until_ms", hasty)


def judging_a_window_again_and_again(change: Patch) -> None:
    """That a window was judged is not remembered before the rest is written."""
    commit = SqlEvaluationStore.commit
    counter = itertools.count(1)

    def always(store: SqlEvaluationStore, made: EvaluationCommit) -> bool:
        if commit(store, made):
            return True
        return commit(store, replace(made, evaluation=replace(made.evaluation, revision=100 + next(counter))))

    change(SqlEvaluationStore, "commit", always)


def telling_outside_the_transaction_that_judges(change: Patch) -> None:
    """Alert events are put into the outbox after the judgement is saved."""
    commit = SqlEvaluationStore.commit

    def events_after(store: SqlEvaluationStore, made: EvaluationCommit) -> bool:
        is_new = commit(store, replace(made, events=()))
        if is_new and made.events:
            SqlOutboxStore(store._engine).enqueue(made.events)
        return is_new

    change(SqlEvaluationStore, "commit", events_after)


# --- telling


def relaying_with_a_new_identity(change: Patch) -> None:
    """An event that is handed over again looks like another one."""
    counter = itertools.count(1)
    translated = alert_relay.translated

    def numbered(event: AlertEvent) -> Told:
        told = translated(event)
        return replace(told, annotations={**told.annotations, "number": str(next(counter))})

    change(alert_relay, "translated", numbered)


def relaying_what_is_noted_before_it_is_handed_over(change: Patch) -> None:
    """The outbox is marked first."""

    def run_once(self: Relay) -> int:
        waiting = self.outbox.pending(self.batch)
        self.outbox.relayed([sequence for sequence, _ in waiting])
        self.sink.accept([event for _, event in waiting])
        return len(waiting)

    change(Relay, "run_once", run_once)


def forgetting_what_was_sent(change: Patch) -> None:
    """A message that was sent stays due."""
    finish = alerts_outbox.finish

    def unfinished(conn: Connection, batch: Sequence[alerts_outbox.Ended], owner: str) -> int:
        finished = finish(conn, batch, owner)
        for attempt in (ended.attempt for ended in batch if ended.attempt.number == 1):
            row = update(deliveries).where(deliveries.c.delivery_id == attempt.delivery_id)
            conn.execute(row.values(state="due", next_at=attempt.at, finished_at=None))
        return finished

    change(alerts_outbox, "finish", unfinished)


# --- retraining


def starting_a_job_before_it_is_noted(change: Patch) -> None:
    """The pipeline is asked, then the ledger is told: a crash in between asks twice."""

    def start(self: SendJob, job: RetrainJob) -> RetrainJob | None:
        external_id = self.triggers["pipeline"].start(job.request, {})
        return self.ledger.change(replace(job, attempts=1, external_id=external_id), JobPhase.RUNNING, "asked")

    change(SendJob, "start", start)


def telling_of_a_job_after_it_was_saved(change: Patch) -> None:
    """A job and the alert event about it are two transactions: a crash in between, and nobody knows of the job."""
    settle, update_job = SqlJobStore.settle_request, SqlJobStore.update

    def settle_then_tell(store: SqlJobStore, sequence: int, job: RetrainJob, events: Sequence[AlertEvent] = ()) -> bool:
        is_first = settle(store, sequence, job)
        if is_first:
            SqlOutboxStore(store._engine).enqueue(events)
        return is_first

    def update_then_tell(store: SqlJobStore, job: RetrainJob, events: Sequence[AlertEvent] = ()) -> RetrainJob | None:
        saved = update_job(store, job)
        if saved is not None:
            SqlOutboxStore(store._engine).enqueue(events)
        return saved

    change(SqlJobStore, "settle_request", settle_then_tell)
    change(SqlJobStore, "update", update_then_tell)


MUTATIONS: Mapping[str, Mutation] = {
    one.__name__: one
    for one in (
        without_the_guard_of_the_offset,
        without_the_guard_of_the_epoch,
        without_any_guard,
        keeping_memory_after_being_fenced,
        believing_a_refused_save,
        without_the_seek,
        going_on_from_kafkas_offset,
        telling_kafka_before_the_save,
        counting_what_is_delivered_again,
        adding_instead_of_replacing,
        saving_progress_before_shares,
        writing_dead_letters_in_their_own_transaction,
        forgetting_the_watermark,
        listing_archive_files_before_they_are_written,
        listing_a_merged_file_beside_its_parts,
        dropping_late_records,
        judging_lateness_by_the_end_of_the_poll,
        believing_clocks_from_the_future,
        losing_a_closed_share,
        leaving_rows_behind,
        forgetting_event_ids_with_the_worker,
        remembering_event_ids_before_the_save,
        believing_statements_of_duplicates,
        counting_on_over_claims,
        judging_before_the_lateness_is_over,
        judging_a_window_again_and_again,
        telling_outside_the_transaction_that_judges,
        relaying_with_a_new_identity,
        relaying_what_is_noted_before_it_is_handed_over,
        forgetting_what_was_sent,
        starting_a_job_before_it_is_noted,
        telling_of_a_job_after_it_was_saved,
    )
}

_DRIFT_IS_JUDGED = (
    "drift(0, 1); write(0, 20); write(1, 20); write(2, 20); write(3, 20); work(0, 4); work(1, 4); work(2, 4);"
    " work(0, 4); work(1, 4); work(2, 4);"
)
FOUND_BY_SCRIPT = {
    "listing_a_merged_file_beside_its_parts": (
        f"{_DRIFT_IS_JUDGED} write late(0, 20); work(0, 4); work(0, 4); compact(0, 1)"
    ),
    "relaying_what_is_noted_before_it_is_handed_over": (
        f"{_DRIFT_IS_JUDGED} judge(0, 1); crash(4, 1, accept); relay(0, 1)"
    ),
    "telling_outside_the_transaction_that_judges": f"{_DRIFT_IS_JUDGED} crash(3, 1, write outbox); judge(0, 1)",
    "starting_a_job_before_it_is_noted": f"{_DRIFT_IS_JUDGED} judge(0, 1); crash(6, 1, started); retrain(0, 1)",
    "telling_of_a_job_after_it_was_saved": f"{_DRIFT_IS_JUDGED} judge(0, 1); crash(6, 5, committed); retrain(0, 1)",
}
"""Bugs that show at one certain step, or when somebody dies at it, which few seeds bring about: scripts by hand."""

FOUND_BY_SEED = dict.fromkeys(MUTATIONS.keys() - FOUND_BY_SCRIPT.keys(), 0) | {
    "without_the_guard_of_the_epoch": 2,
    "without_any_guard": 2,
    "keeping_memory_after_being_fenced": 2,
    "judging_before_the_lateness_is_over": 18,
    "judging_a_window_again_and_again": 2,
    "counting_what_is_delivered_again": 5,
    "losing_a_closed_share": 10,
    "without_the_guard_of_the_offset": 6,
}
"""The first seed that found each other bug, when it was last looked for."""
