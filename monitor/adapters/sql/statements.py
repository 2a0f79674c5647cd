"""Statements that SQLite and PostgreSQL spell alike but SQLAlchemy builds by dialect."""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec
from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    Insert,
    Table,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
Upsert = postgresql.Insert | sqlite.Insert
Row = tuple[object, ...]
"""Values in the order of the table's columns."""


def insert(connection: Connection, table: Table) -> Upsert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update` in the connection's dialect."""
    return _insert(connection.dialect.name, table)


def insert_new(connection: Connection, table: Table) -> Upsert:
    """An INSERT that leaves out rows that are there already."""
    return _insert_new(connection.dialect.name, table)


def took_place(connection: Connection, statement: Upsert) -> bool:
    """Execute an INSERT of one row; False when its conflict clause made it do nothing.

    Asked by RETURNING, because drivers do not agree on the row count of an INSERT.
    """
    return bool(connection.execute(statement.returning(literal(1))).all())


def add_one(connection: Connection, table: Table, row: Row) -> bool:
    """Insert the row; False when it is there already."""
    return bool(connection.exec_driver_sql(_add_one_sql(connection.dialect.name, table), row).all())


def add_many(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, but for those that are there already."""
    if rows:
        connection.exec_driver_sql(_add_sql(connection.dialect.name, table), list(rows))


def add_plain(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """As `add_many`, of a table that holds texts and numbers alone.

    PostgreSQL is sent all rows as one parameter: to read and plan a statement for each takes it most of the time.
    """
    if not rows or connection.dialect.name != "postgresql":
        add_many(connection, table, rows)
        return
    names = [column.name for column in table.columns]
    objects = [dict(zip(names, map(_json_value, row), strict=True)) for row in rows]
    connection.exec_driver_sql(_add_plain_sql(table), (msgspec.json.encode(objects).decode(),))


def replace_many(connection: Connection, table: Table, rows: Sequence[Row], *, unless_newer: str | None = None) -> None:
    """Insert rows; each replaces the row with the same primary key.

    `unless_newer` names a column: a row that holds a larger value there stays as it is.
    """
    if rows:
        connection.exec_driver_sql(_replace_sql(connection.dialect.name, table, unless_newer), list(rows))


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> list[tuple[Key, list[Item]]]:
    """The items by their key: what is asked for alike goes into one condition of a statement."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.items())


def storable(text: str) -> str:
    """The text as PostgreSQL can store it: NUL becomes U+FFFD, as in columns of type `Name`."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


# Binding parameters row by row through SQLAlchemy costs more than SQLite's own work: so the text of bulk statements is
# made once and its rows go to the driver as they are, past the column types. Statements, too, are made once: SQLAlchemy
# looks up what it compiled by all their parts, which a statement gathers when it is first executed.


@lru_cache
def _add_sql(dialect: str, table: Table) -> str:
    return _text(dialect, table, _insert_new(dialect, table))


@lru_cache
def _add_one_sql(dialect: str, table: Table) -> str:
    return _text(dialect, table, _insert_new(dialect, table).returning(literal_column("1")))


@lru_cache
def _add_plain_sql(table: Table) -> str:
    objects = func.json_to_recordset(cast(bindparam("objects"), JSON))
    rows = objects.table_valued(*(column(one.name, one.type) for one in table.columns))
    names = [one.name for one in table.columns]
    new = postgresql.insert(table).from_select(names, select(rows.render_derived(with_types=True)))
    return str(new.on_conflict_do_nothing().compile(dialect=_psycopg()))


def _json_value(value: object) -> object:
    """JSON has no infinity and no NaN; PostgreSQL reads them from texts."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@lru_cache
def _replace_sql(dialect: str, table: Table, unless_newer: str | None) -> str:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    where = None if unless_newer is None else table.c[unless_newer] <= statement.excluded[unless_newer]
    replacing = statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)
    return _text(dialect, table, replacing)


@lru_cache
def _insert(dialect: str, table: Table) -> Upsert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@lru_cache
def _insert_new(dialect: str, table: Table) -> Upsert:
    return _insert(dialect, table).on_conflict_do_nothing()


def _text(dialect: str, table: Table, statement: Insert) -> str:
    by_position: Dialect = _psycopg() if dialect == "postgresql" else sqlite.dialect()
    return str(statement.compile(dialect=by_position, column_keys=[column.name for column in table.columns]))


def _psycopg() -> Dialect:
    return psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]  # SQLAlchemy has no type for it
