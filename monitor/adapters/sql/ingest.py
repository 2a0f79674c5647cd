"""What consuming workers write: claims, progress, shares, and the records that are kept one by one."""

from collections.abc import Sequence
from operator import itemgetter

from sqlalchemy import Connection, Delete, Engine, delete, func, select, update

from monitor.adapters.sql.engine import writing
from monitor.adapters.sql.halves import write_halves
from monitor.adapters.sql.headers import packed_headers
from monitor.adapters.sql.sequential import detectors_of, write_detectors
from monitor.adapters.sql.statements import Row, add_many, insert, replace_many, storable
from monitor.adapters.sql.tables import (
    archive_files,
    dead_letters,
    predictions,
    progress,
    seen_ids,
    served,
    shares,
    tallies,
    truths,
)
from monitor.domain.errors import Fenced
from monitor.domain.models import ModelRef
from monitor.domain.records import DeadLetter, PartitionId, Prediction, Truth
from monitor.domain.stream import ArchiveFile, Claim, Flush, IdBlock, Served, Share, Tally, TopicKind

_PRIMARY = itemgetter(slice(len(shares.primary_key)))
_PRIMARY_OF_TALLY = itemgetter(slice(7))
_PRIMARY_OF_BLOCK = itemgetter(slice(5))
_PRIMARY_OF_TRUTH = itemgetter(slice(len(truths.primary_key)))


class SqlIngestStore:
    """The ingest port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, partition: PartitionId, kind: TopicKind, owner: str) -> Claim:
        """Raise the partition's epoch, inserting it on first sight: one statement, so two claimers never share one."""
        with writing(self._engine) as connection:
            fresh = insert(connection, progress).values(
                topic=partition.topic,
                partition=partition.partition,
                kind=kind.value,
                epoch=1,
                owner=owner,
                updated_at_ms=0,
            )
            statement = fresh.on_conflict_do_update(
                index_elements=["topic", "partition"],
                set_={"epoch": progress.c.epoch + 1, "owner": fresh.excluded.owner, "kind": fresh.excluded.kind},
            ).returning(progress.c.epoch, progress.c.next_offset, progress.c.watermark_ms)
            row = connection.execute(statement).one()
            remembered = _remembered(connection, partition)
            detectors = detectors_of(connection, partition)
        return Claim(partition, row.epoch, row.next_offset, row.watermark_ms, remembered, detectors)

    def flush(self, flushes: Sequence[Flush]) -> None:
        """Move every partition's progress first, then write; Fenced undoes all of it.

        Rows are written in the order of their keys, so that two workers never wait for each other in a circle.
        """
        if not flushes:
            return
        with writing(self._engine) as connection:
            for flush in sorted(flushes, key=lambda one: one.claim.partition):
                _advance(connection, flush)
            write_halves(connection, flushes)
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
            kind=flush.kind.value,
            next_offset=flush.next_offset,
            updated_at_ms=flush.saved_at_ms,
            watermark_ms=func.coalesce(flush.watermark_ms, table.watermark_ms),
            highwater=func.coalesce(flush.highwater, table.highwater),
            caught_up_at_ms=func.coalesce(flush.caught_up_at_ms, table.caught_up_at_ms),
            halves_clock_ms=func.coalesce(flush.halves_clock_ms, table.halves_clock_ms),
        )
    )
    if connection.execute(statement).rowcount != 1:
        raise Fenced(
            f"{partition} does not stand at offset {flush.old_offset} in epoch {flush.claim.epoch} any more: "
            "another worker has claimed it, or this flush was saved before",
            partition,
        )


def _write(connection: Connection, flushes: Sequence[Flush]) -> None:
    replace_many(connection, shares, sorted((_share(one) for flush in flushes for one in flush.shares), key=_PRIMARY))
    refused = [_dead_letter(one, flush.saved_at_ms) for flush in flushes for one in flush.dead_letters]
    add_many(connection, dead_letters, refused)

    made = sorted((_prediction(one) for flush in flushes for one in flush.predictions), key=itemgetter(0, 3, 2, 1))
    replace_many(connection, predictions, made)
    # Statements are only ever added, so that the order in which workers come does not matter.
    known = sorted((_truth(one) for flush in flushes for one in flush.truths), key=_PRIMARY_OF_TRUTH)
    add_many(connection, truths, known)

    replace_many(connection, archive_files, [archive_row(one) for flush in flushes for one in flush.archive])

    _write_accounts(connection, flushes)
    write_detectors(connection, flushes)
    for flush in flushes:
        _mark_replayed(connection, flush)


def _write_accounts(connection: Connection, flushes: Sequence[Flush]) -> None:
    not_counted = (_tally(one) for flush in flushes for one in flush.tallies)
    replace_many(connection, tallies, sorted(not_counted, key=_PRIMARY_OF_TALLY))
    said = (_served(one) for flush in flushes for one in flush.served)
    replace_many(connection, served, sorted(said, key=_PRIMARY_OF_TALLY))
    for flush in flushes:
        for ref, before in flush.forgotten_ids:
            connection.execute(_forget_ids(flush.claim.partition, ref, before))
    blocks = [_id_block(flush.claim.partition, one) for flush in flushes for one in flush.id_blocks]
    replace_many(connection, seen_ids, sorted(blocks, key=_PRIMARY_OF_BLOCK))


def _forget_ids(partition: PartitionId, ref: ModelRef, before: int) -> Delete:
    table = seen_ids.c
    return (
        delete(seen_ids)
        .where(table.topic == partition.topic, table.partition == partition.partition)
        .where(table.model == ref.name, table.version == ref.version, table.first < before)
    )


def _mark_replayed(connection: Connection, flush: Flush) -> None:
    table = dead_letters.c
    for partition, offset in flush.replayed:
        statement = (
            update(dead_letters)
            .where(table.topic == partition.topic, table.partition == partition.partition, table.offset == offset)
            .values(replayed_at_ms=flush.saved_at_ms)
        )
        connection.execute(statement)


def _remembered(connection: Connection, partition: PartitionId) -> tuple[IdBlock, ...]:
    table = seen_ids.c
    statement = (
        select(table.model, table.version, table.first, table.newest_ms, table.ids)
        .where(table.topic == partition.topic, table.partition == partition.partition)
        .order_by(table.model, table.version, table.first)
    )
    return tuple(IdBlock(*row) for row in connection.execute(statement))


def _share(one: Share) -> Row:
    key = one.key
    return (
        storable(key.model),
        storable(key.version),
        key.segment,
        key.pane_start_ms,
        key.baseline_id,
        key.partition.topic,
        key.partition.partition,
        key.epoch,
        one.n,
        one.late,
        one.first_offset,
        one.next_offset,
        one.payload,
    )


def _dead_letter(one: DeadLetter, seen_at_ms: int) -> Row:
    return (
        one.partition.topic,
        one.partition.partition,
        one.offset,
        one.reason.value,
        storable(one.detail),
        one.value,
        one.size_bytes,
        one.key,
        None if one.model is None else storable(one.model),
        seen_at_ms,
        None,
        packed_headers(one.headers),
        one.timestamp_ms,
        one.form.value,
    )


def _tally(one: Tally) -> Row:
    key = one.key
    partition = key.partition
    return (
        storable(key.model),
        storable(key.version),
        key.pane_start_ms,
        key.fate,
        partition.topic,
        partition.partition,
        key.epoch,
        one.n,
    )


def _served(one: Served) -> Row:
    key = one.key
    partition = key.partition
    return (
        storable(key.model),
        storable(key.version),
        key.pane_start_ms,
        storable(key.producer),
        partition.topic,
        partition.partition,
        key.epoch,
        one.n,
        one.weight_thousandths,
        one.first,
        one.last,
    )


def _id_block(partition: PartitionId, one: IdBlock) -> Row:
    return (
        partition.topic,
        partition.partition,
        storable(one.model),
        storable(one.version),
        one.first,
        one.newest_ms,
        one.ids,
    )


def _prediction(one: Prediction) -> Row:
    return (
        storable(one.model),
        storable(one.event_id),
        storable(one.version),
        one.event_time_ms,
        storable(one.prediction),
        one.score,
        one.scores,
    )


def _truth(one: Truth) -> Row:
    return (
        storable(one.model),
        storable(one.event_id),
        storable(one.name),
        one.known_at_ms,
        storable(one.label),
        storable(one.annotator),
        one.offset,
    )


def archive_row(one: ArchiveFile) -> Row:
    """In the order of the table's columns."""
    return (
        one.path,
        one.model,
        one.version,
        one.start_ms,
        one.end_ms,
        one.rows,
        one.partition.topic,
        one.partition.partition,
        one.first_offset,
        one.next_offset,
        one.rate,
    )
