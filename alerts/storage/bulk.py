"""One statement with many rows, without what SQLAlchemy does anew for every row of every call.

The statement is compiled once for each dialect, and the values are turned into the database's column by column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Writes = sa.Insert | sa.Update | sa.Delete
Values = Mapping[str, Any]
Processor = Callable[[Any], Any]


def write_many(conn: sa.Connection, statement: Writes, rows: Sequence[Values]) -> int:
    """Run a statement once for each row; the number of rows that it changed.

    Every row names the same columns or bound values. Keep the statement: for one that is equal but made anew,
    everything is compiled again.
    """
    if not rows:
        return 0
    prepared = _prepared(statement, conn.dialect, tuple(rows[0]))
    columns = [one.of(rows) for one in prepared.parameters]
    if prepared.is_positional:
        return conn.exec_driver_sql(prepared.text, list(zip(*columns, strict=False))).rowcount
    names = [one.name for one in prepared.parameters]
    return conn.exec_driver_sql(
        prepared.text, [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=False)]
    ).rowcount


@lru_cache(maxsize=128)
def upsert(dialect: str, table: sa.Table, keys: tuple[str, ...], changed: tuple[str, ...]) -> sa.Insert:
    """An INSERT that changes these columns of a row with the same keys; without any, such a row stays as it is."""
    # both dialects spell ON CONFLICT alike
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=list(keys))
    values = {name: statement.excluded[name] for name in changed}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=values)


def among(conn: sa.Connection, column: sa.Column[Any], values: Collection[str | int]) -> sa.ColumnElement[bool]:
    """Whether a column has one of these values: one parameter and one statement, however many there are."""
    if conn.dialect.name == "postgresql":
        array = sa.bindparam(None, list(values), type_=postgresql.ARRAY(column.type))
        return column == sa.any_(array)
    listed = sa.func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(sa.select(listed.c.value))


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A place for a value in the statement: of each row, or a constant that the statement itself brought."""

    name: str
    process: Processor | None
    is_constant: bool
    constant: Any

    def of(self, rows: Sequence[Values]) -> Iterable[Any]:
        """What is handed over for each row."""
        if self.is_constant:
            return repeat(self.constant if self.process is None else self.process(self.constant))
        name = self.name
        values = [row[name] for row in rows]
        return values if self.process is None else map(self.process, values)


@dataclass(frozen=True, slots=True)
class _Prepared:
    text: str
    is_positional: bool
    parameters: tuple[_Parameter, ...]


@lru_cache(maxsize=256)
def _prepared(statement: Writes, dialect: sa.Dialect, names: tuple[str, ...]) -> _Prepared:
    # `for_executemany`: else the key that the database gives to a row would be asked for
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names), for_executemany=True)
    bound = {name: one for one, name in compiled.bind_names.items()}
    parameters = []
    for name in compiled.positiontup if compiled.positional else bound:
        process = bound[name].type.dialect_impl(dialect).bind_processor(dialect)
        is_constant = name not in names
        parameters.append(_Parameter(name, process, is_constant, compiled.params[name] if is_constant else None))
    return _Prepared(str(compiled), compiled.positional, tuple(parameters))
