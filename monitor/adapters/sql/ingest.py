"""What consuming workers write: claims, progress, shares, and the records that are kept one by one."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine, func, update

from monitor.adapters.sql.engine import writing
from monitor.adapters.sql.statements import insert, replace, run_many
from monitor.adapters.sql.tables import archive_files, dead_letters, predictions, progress, shares, truths
from monitor.domain.errors import Fenced
from monitor.domain.records import DeadLetter, PartitionId, Prediction, Truth
from monitor.domain.stream import ArchiveFile, Claim, Flush, Share, ShareKey, TopicKind

_Row = dict[str, object]

T = TypeVar("T")


class SqlIngestStore:
    """The ingest port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        """Raise the partition's epoch, inserting it on first sight: one statement, so two claimers never share one."""
        with writing(self._engine) as connection:
            fresh = insert(connection, progress).values(
                topic=partition.topic, partition=partition.partition, kind=kind, epoch=1, owner=owner, updated_at_ms=0
            )
            statement = fresh.on_conflict_do_update(
                index_elements=["topic", "partition"],
                set_={"epoch": progress.c.epoch + 1, "owner": fresh.excluded.owner, "kind": fresh.excluded.kind},
            ).returning(progress.c.epoch, progress.c.next_offset, progress.c.watermark_ms)
            row = connection.execute(statement).one()
        return Claim(partition, row.epoch, row.next_offset, row.watermark_ms)

    def flush(self, flushes: Sequence[Flush]) -> None:
        """Move every partition's progress first, then write; Fenced undoes all of it.

        Rows are written in the order of their keys, so that two workers never wait for each other in a circle.
        """
        if not flushes:
            return
        with writing(self._engine) as connection:
            for flush in sorted(flushes, key=lambda one: one.claim.partition):
                _advance(connection, flush)
            _write(connection, flushes)

    def heartbeat(self, claim: Claim, caught_up_at_ms: int | None, highwater: int | None) -> None:
        """Keep what the worker last saw of the partition's end, if the claim still holds."""
        table = progress.c
        statement = (
            update(progress)
            .where(table.topic == claim.partition.topic, table.partition == claim.partition.partition)
            .where(table.epoch == claim.epoch)
            .values(
                caught_up_at_ms=func.coalesce(caught_up_at_ms, table.caught_up_at_ms),
                highwater=func.coalesce(highwater, table.highwater),
            )
        )
        with writing(self._engine) as connection:
            connection.execute(statement)


def _advance(connection: Connection, flush: Flush) -> None:
    """Move the progress row if it stands where this worker left it; Fenced if not."""
    table, partition = progress.c, flush.claim.partition
    statement = (
        update(progress)
        .where(table.topic == partition.topic, table.partition == partition.partition)
        .where(table.epoch == flush.claim.epoch, table.next_offset.is_not_distinct_from(flush.old_offset))
        .values(
            kind=flush.kind,
            next_offset=flush.next_offset,
            updated_at_ms=flush.saved_at_ms,
            watermark_ms=func.coalesce(flush.watermark_ms, table.watermark_ms),
            highwater=func.coalesce(flush.highwater, table.highwater),
            caught_up_at_ms=func.coalesce(flush.caught_up_at_ms, table.caught_up_at_ms),
        )
    )
    if connection.execute(statement).rowcount != 1:
        raise Fenced(
            f"{partition} does not stand at offset {flush.old_offset} in epoch {flush.claim.epoch} any more: "
            "another worker has claimed it, or this flush was saved before",
            partition,
        )


def _write(connection: Connection, flushes: Sequence[Flush]) -> None:
    share_rows = [_share_row(share) for share in sorted(_all(flush.shares for flush in flushes), key=_share_key)]
    run_many(connection, replace(connection, shares), share_rows)

    refused = [_dead_letter_row(letter, flush.saved_at_ms) for flush in flushes for letter in flush.dead_letters]
    run_many(connection, insert(connection, dead_letters).on_conflict_do_nothing(), refused)

    # The latest by event time stays, so that the order in which workers come does not matter.
    made = sorted(_all(flush.predictions for flush in flushes), key=_prediction_key)
    keep_latest = replace(connection, predictions, unless_newer="event_time_ms")
    run_many(connection, keep_latest, [_prediction_row(one) for one in made])

    known = sorted(_all(flush.truths for flush in flushes), key=_truth_key)
    keep_latest = replace(connection, truths, unless_newer="known_at_ms")
    run_many(connection, keep_latest, [_truth_row(one) for one in known])

    files = [_archive_row(file) for flush in flushes for file in flush.archive]
    run_many(connection, replace(connection, archive_files), files)


def _all(parts: Iterable[Sequence[T]]) -> Iterable[T]:
    return (item for part in parts for item in part)


def _share_key(share: Share) -> ShareKey:
    return share.key


def _share_row(share: Share) -> _Row:
    key = share.key
    return {
        "model": key.model,
        "version": key.version,
        "segment": key.segment,
        "pane_start_ms": key.pane_start_ms,
        "baseline_id": key.baseline_id,
        "topic": key.partition.topic,
        "partition": key.partition.partition,
        "epoch": key.epoch,
        "n": share.n,
        "late": share.late,
        "first_offset": share.first_offset,
        "next_offset": share.next_offset,
        "payload": share.payload,
    }


def _dead_letter_row(letter: DeadLetter, seen_at_ms: int) -> _Row:
    return {
        "topic": letter.partition.topic,
        "partition": letter.partition.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "detail": letter.detail,
        "value": letter.value,
        "size_bytes": letter.size_bytes,
        "key": letter.key,
        "model": letter.model,
        "seen_at_ms": seen_at_ms,
    }


def _prediction_key(one: Prediction) -> tuple[str, str, str, int]:
    return one.model, one.event_id, one.version, one.event_time_ms


def _prediction_row(one: Prediction) -> _Row:
    return {
        "model": one.model,
        "event_id": one.event_id,
        "version": one.version,
        "event_time_ms": one.event_time_ms,
        "prediction": one.prediction,
        "score": one.score,
    }


def _truth_key(one: Truth) -> tuple[str, str, int]:
    return one.model, one.event_id, one.known_at_ms


def _truth_row(one: Truth) -> _Row:
    return {"model": one.model, "event_id": one.event_id, "label": one.label, "known_at_ms": one.known_at_ms}


def _archive_row(file: ArchiveFile) -> _Row:
    return {
        "path": file.path,
        "model": file.model,
        "version": file.version,
        "start_ms": file.start_ms,
        "end_ms": file.end_ms,
        "rows": file.rows,
        "topic": file.partition.topic,
        "partition": file.partition.partition,
        "first_offset": file.first_offset,
        "next_offset": file.next_offset,
    }
