"""A real SQLite database in memory that refuses, forgets to answer or is full when it is told to."""

import re
import sqlite3
from functools import cache
from typing import Any

from sqlalchemy import Connection, event, exc
from sqlalchemy.engine.interfaces import ExceptionContext, ExecutionContext

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.bootstrap.alerting import migrate_alerts
from tests.simulation.fates import Fates
from tests.simulation.scene import promote_baselines

_WRITE = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)")
_DISK_IO, _LOCKED = 10, 5
_PLENTY_OF_PAGES = 2**30


class Database:
    """Trouble comes to whoever acts, never to the simulation's own questions.

    A crash between two statements rolls back, as the end of a process does; one after the commit keeps what was
    written. `refusals` statements fail, reading ones too. When `answer_is_lost`, the next commit is done and looks
    as if it were not.
    """

    def __init__(self, fates: Fates) -> None:
        self.engine = create_engine("sqlite://")
        self.fates = fates
        self.refusals, self.answer_is_lost = 0, False
        raw = self.engine.raw_connection()
        self._one: sqlite3.Connection = raw.driver_connection  # type: ignore[assignment]
        raw.close()  # back into the pool, where it stays the only one
        _template().backup(self._one)
        self.stores = SqlStores.of(self.engine)
        event.listen(self.engine, "before_cursor_execute", self._on_statement)
        event.listen(self.engine, "commit", self._on_commit)
        event.listen(self.engine, "handle_error", _keep_connection)

    def fill(self) -> None:
        """From now on the file cannot grow: SQLite itself says that the disk is full."""
        ((pages,),) = self.rows("PRAGMA page_count")
        self.rows(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        """The disk has room again."""
        self.rows(f"PRAGMA max_page_count = {_PLENTY_OF_PAGES}")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The answer to a question of the simulation."""
        return self._one.execute(statement).fetchall()

    def _on_statement(
        self, _: Connection, __: object, statement: str, ___: object, ____: ExecutionContext, _____: bool
    ) -> None:
        if not self.fates.actor:
            return
        if self.refusals:
            self.refusals -= 1
            raise _trouble("disk I/O error", _DISK_IO)
        written = _WRITE.match(statement)
        if written:
            self.fates.reach(f"write {written[1]}")

    def _on_commit(self, connection: Connection) -> None:
        if not self.fates.actor or connection.get_execution_options().get("driftline_reads"):
            return
        self.fates.reach("commit")
        connection.connection.commit()
        if self.answer_is_lost:
            self.answer_is_lost = False
            raise _trouble("database is locked", _LOCKED)
        self.fates.reach("committed")


@cache
def _template() -> sqlite3.Connection:
    """What the migrations make, and the baselines: made once, copied for every database."""
    engine = create_engine("sqlite://")
    migrate(engine)
    migrate_alerts(engine)
    promote_baselines(SqlStores.of(engine).baselines)
    raw = engine.raw_connection()
    copy = sqlite3.connect(":memory:")
    raw.driver_connection.backup(copy)  # type: ignore[union-attr]
    raw.close()
    engine.dispose()
    return copy


def _keep_connection(context: ExceptionContext) -> None:
    """A process that died would take its connection along, and with this one the database would be gone."""
    context.is_disconnect = False


def _trouble(text: str, code: int) -> exc.OperationalError:
    cause = sqlite3.OperationalError(text)
    cause.sqlite_errorcode = code
    return exc.OperationalError("", {}, cause)
