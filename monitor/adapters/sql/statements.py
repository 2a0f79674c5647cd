"""Statements that SQLite and PostgreSQL spell alike but SQLAlchemy builds by dialect."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Upsert = postgresql.Insert | sqlite.Insert


def insert(connection: Connection, table: Table) -> Upsert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update` in the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def replace(connection: Connection, table: Table, *, unless_newer: str | None = None) -> Upsert:
    """An INSERT that replaces the row with the same primary key.

    `unless_newer` names a column: a row that holds a larger value there stays as it is.
    """
    statement = insert(connection, table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    where = None if unless_newer is None else table.c[unless_newer] <= statement.excluded[unless_newer]
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)


def run_many(connection: Connection, statement: Upsert, rows: Sequence[dict[str, object]]) -> None:
    """Execute once a row; does nothing without rows (where SQLAlchemy would insert one row of defaults)."""
    if rows:
        connection.execute(statement, rows)
