"""What people look at when records were refused, and where raw rows are."""

from typing import Any

from sqlalchemy import Column, Engine, Row, func, select

from monitor.adapters.sql.archive import archive_file
from monitor.adapters.sql.engine import reading
from monitor.adapters.sql.headers import unpacked_headers
from monitor.adapters.sql.tables import archive_files, dead_letters, truths
from monitor.domain.errors import RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.records import DeadLetter, KeptLetter, LetterForm, LetterQuery, PartitionId
from monitor.domain.stream import ArchiveFile


class SqlRecords:
    """The records port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def dead_letters(self, limit: int, model: str | None = None) -> list[KeptLetter]:
        """The dead letters that were seen last, newest first."""
        table = dead_letters.c
        statement = (
            select(dead_letters)
            .order_by(table.seen_at_ms.desc(), table.topic, table.partition, table.offset.desc())
            .limit(limit)
        )
        if model is not None:
            statement = statement.where(table.model == model)
        with reading(self._engine) as connection:
            return [_kept_letter(row) for row in connection.execute(statement)]

    def kept_letters(self, query: LetterQuery, limit: int) -> list[KeptLetter]:
        """Dead letters that match, by topic, partition and offset, the first `limit`."""
        table = dead_letters.c
        statement = select(dead_letters).order_by(table.topic, table.partition, table.offset).limit(limit)
        wanted: dict[Column[Any], object] = {
            table.model: query.model,
            table.reason: None if query.reason is None else query.reason.value,
            table.topic: None if query.partition is None else query.partition.topic,
            table.partition: None if query.partition is None else query.partition.partition,
            table.offset: query.offset,
        }
        statement = statement.where(*(column == value for column, value in wanted.items() if value is not None))
        if query.is_waiting:
            statement = statement.where(table.replayed_at_ms.is_(None))
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
        return [_kept_letter(row) for row in rows]

    def dead_letter_counts(self) -> dict[str, int]:
        """Number of dead letters by reason."""
        table = dead_letters.c
        statement = select(table.reason, func.count().label("n")).group_by(table.reason).order_by(table.reason)
        with reading(self._engine) as connection:
            return {row.reason: row.n for row in connection.execute(statement)}

    def archive(self, ref: ModelRef, since_ms: int, until_ms: int) -> list[ArchiveFile]:
        """Archive files that hold event times in [since, until), by start and path; theirs are [start, end)."""
        return [file for file in self.archived(ref.name, since_ms, until_ms) if file.version == ref.version]

    def archived(self, model: str, since_ms: int, until_ms: int) -> list[ArchiveFile]:
        """Archive files of all versions that hold event times in [since, until), by start and path."""
        table = archive_files.c
        statement = (
            select(archive_files)
            .where(table.model == model, table.start_ms < until_ms, table.end_ms > since_ms)
            .order_by(table.start_ms, table.path)
        )
        with reading(self._engine) as connection:
            return [archive_file(row) for row in connection.execute(statement)]

    def truth_count(self, model: str, since_ms: int) -> int:
        """Ids of a model with a statement of truth known since the instant (event time)."""
        table = truths.c
        statement = select(func.count(table.event_id.distinct())).where(
            table.model == model, table.known_at_ms >= since_ms
        )
        with reading(self._engine) as connection:
            return connection.execute(statement).scalar_one()


def _kept_letter(row: Row[tuple[object, ...]]) -> KeptLetter:
    letter = DeadLetter(
        partition=PartitionId(row.topic, row.partition),
        offset=row.offset,
        reason=RejectReason(row.reason),
        detail=row.detail,
        value=row.value,
        size_bytes=row.size_bytes,
        key=row.key,
        model=row.model,
        headers=unpacked_headers(row.headers),
        timestamp_ms=-1 if row.timestamp_ms is None else row.timestamp_ms,
        form=LetterForm(row.form),
    )
    return KeptLetter(letter, row.seen_at_ms, row.replayed_at_ms)
