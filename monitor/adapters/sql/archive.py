"""The manifest of the archive: which files hold which rows."""

from collections.abc import Sequence

from sqlalchemy import Engine, Row, delete, select

from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.ingest import archive_row
from monitor.adapters.sql.statements import replace_many
from monitor.adapters.sql.tables import archive_files
from monitor.domain.records import PartitionId
from monitor.domain.stream import ArchiveFile


class SqlArchiveManifest:
    """The manifest port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def files(self, model: str, until_ms: int | None = None) -> list[ArchiveFile]:
        """A model's files that hold nothing from `until_ms` on (None: all), by version, start and path."""
        table = archive_files.c
        statement = (
            select(archive_files).where(table.model == model).order_by(table.version, table.start_ms, table.path)
        )
        if until_ms is not None:
            statement = statement.where(table.end_ms <= until_ms)
        with reading(self._engine) as connection:
            return [archive_file(row) for row in connection.execute(statement)]

    def models(self) -> list[str]:
        """Every model that has files, configured or not."""
        statement = select(archive_files.c.model).distinct().order_by(archive_files.c.model)
        with reading(self._engine) as connection:
            return list(connection.execute(statement).scalars())

    def replace(self, files: Sequence[ArchiveFile], merged: ArchiveFile) -> bool:
        """List one file in the place of others, in one transaction; False when one of them is no longer listed."""
        paths = [file.path for file in files]
        with writing(self._engine) as connection:
            gone = connection.execute(delete(archive_files).where(archive_files.c.path.in_(paths)))
            if gone.rowcount != len(paths):
                connection.rollback()
                return False
            replace_many(connection, archive_files, [archive_row(merged)])
            return True

    def forget(self, path: str) -> None:
        """Take a file from the list."""
        with writing(self._engine) as connection:
            connection.execute(delete(archive_files).where(archive_files.c.path == path))


def archive_file(row: Row[tuple[object, ...]]) -> ArchiveFile:
    """The value of a row."""
    return ArchiveFile(
        path=row.path,
        model=row.model,
        version=row.version,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        rows=row.rows,
        partition=PartitionId(row.topic, row.partition),
        first_offset=row.first_offset,
        next_offset=row.next_offset,
        rate=row.rate,
    )
