"""A table (or query) of ground truth in the order of (updated_at, id), in batches."""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import ColumnElement, Engine, FromClause, Row, Select
from sqlalchemy.types import NullType

from monitor.adapters.sql_truth import values
from monitor.adapters.sql_truth.opened import asking
from monitor.domain.polling import Cursor, PolledRow
from monitor.domain.time import to_ms

BATCH, PAGE = 1_000, 50_000
"""Rows that are saved together, and rows that one statement reads at most: its snapshot is not held for long."""

_MOST_UNDATED = 1_000
_DIGEST_BYTES = 16
_COLON = re.compile(r"(?<![:\w\\]):(?=\w)")
"""What SQLAlchemy would take for a parameter: `:30` in a text, not the cast `::date`."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class TruthColumns:
    """Names of the columns. Without `time` the truth was known when its row was last changed."""

    id: str
    label: str
    updated_at: str
    time: str | None = None
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class TruthQuery:
    """What to read: a table (with its schema, if need be, before a point) or else a query; and what its rows are.

    `model` and `name` (of the kind of truth) stand in every record that is made.
    """

    model: str
    columns: TruthColumns
    table: str | None = None
    query: str | None = None
    name: str = ""


class SqlTruthTable:
    """Reads with a cursor of the server, by statements with parameters. See `TruthTable`."""

    def __init__(self, engine: Engine, query: TruthQuery, look_back_ms: int, page: int = PAGE) -> None:
        self._engine, self._query, self._look_back_ms, self._page = engine, query, look_back_ms, page
        names = query.columns
        optional = {"time": names.time, "annotator": names.annotator}
        wanted = {"id": names.id, "label": names.label, "updated_at": names.updated_at, **optional}
        self._columns: dict[str, ColumnElement[Any]] = {
            key: sa.column(name) for key, name in wanted.items() if name is not None
        }
        self._updated_at, self._id = self._columns["updated_at"], self._columns["id"]

    @property
    def asks(self) -> str:
        """A digest of the query, its columns and what is made of them; not of where the database is."""
        return blake2b(repr(self._query).encode(), digest_size=_DIGEST_BYTES).hexdigest()

    @property
    def page(self) -> int:
        """Most rows of one `read`."""
        return self._page

    def read(self, cursor: Cursor) -> Generator[Sequence[PolledRow]]:
        """Rows in order, in batches; SourceUnavailable when they cannot be read."""
        statement = self._statement(cursor)
        streaming = {"stream_results": True, "yield_per": BATCH}
        with (
            asking(self._engine) as connection,
            connection.execute(statement, execution_options=streaming) as result,
        ):
            for part in result.partitions():
                yield [self._row(row) for row in part]

    def undated(self) -> int:
        """How many rows have no `updated_at`, at most a thousand."""
        some = sa.select(sa.literal(1)).select_from(self._from()).where(self._updated_at.is_(None))
        statement = sa.select(sa.func.count()).select_from(some.limit(_MOST_UNDATED).subquery("undated"))
        with asking(self._engine) as connection:
            return connection.scalar(statement) or 0

    def newest_ms(self) -> int | None:
        """The latest `updated_at` that there is now."""
        with asking(self._engine) as connection:
            at = values.instant(connection.scalar(sa.select(sa.func.max(self._updated_at)).select_from(self._from())))
        return None if at is None else to_ms(at)

    def look_back_ms(self, cursor: Cursor) -> int:
        """The instant from which the next poll reads again: so long before what the last one set out to reach."""
        bound = self._bound(cursor)
        return 0 if bound is None else bound.ms

    def _bound(self, cursor: Cursor) -> values.Bound | None:
        if not cursor.newest:
            return None
        (newest,) = values.from_text(cursor.newest)
        return values.bound(newest, min(cursor.newest_ms, cursor.reached_ms) - self._look_back_ms)

    def _statement(self, cursor: Cursor) -> Select[Any]:
        wanted = [column.label(f"driftline_{key}") for key, column in self._columns.items()]
        statement = (
            sa.select(*wanted).select_from(self._from()).where(self._updated_at.is_not(None), *self._new(cursor))
        )
        return statement.order_by(self._updated_at, self._id).limit(self._page)

    def _new(self, cursor: Cursor) -> list[ColumnElement[bool]]:
        if cursor.is_complete:
            bound = self._bound(cursor)
            return [] if bound is None else [self._updated_at >= _parameter("since", bound.value)]
        updated_at, its_id = values.from_text(cursor.place)
        at, last = _parameter("updated_at", updated_at), _parameter("id", its_id)
        tie = (self._updated_at == at) & (self._id > last)
        return [self._updated_at >= at, (self._updated_at > at) | tie]

    def _from(self) -> FromClause:
        if self._query.query is not None:
            inner = _COLON.sub(r"\\:", self._query.query.strip().removesuffix(";"))
            return sa.text(f"(\n{inner}\n) AS driftline_truth")  # type: ignore[return-value]  # select_from takes it
        schema, _, name = str(self._query.table).rpartition(".")
        return sa.table(name, schema=schema or None)

    def _row(self, row: Row[Any]) -> PolledRow:
        said = dict(zip(self._columns, row, strict=True))
        changed = said["updated_at"]
        message = self._message(said)
        known = message if message is not None else _encode(values.as_id(said["id"]))
        newest = values.to_text(changed)
        at = values.instant(changed)
        return PolledRow(
            id=blake2b(known + newest.encode(), digest_size=_DIGEST_BYTES).digest(),
            place=values.to_text(changed, said["id"]),
            newest=newest,
            at_ms=None if at is None else to_ms(at),
            message=message,
        )

    def _message(self, said: dict[str, object]) -> bytes | None:
        """The row as a ground-truth record, right or wrong; None while its label is not known."""
        if said["label"] is None:
            return None
        record = {
            "type": "ground_truth",
            "event_id": values.as_id(said["id"]),
            "model": self._query.model,
            "event_time": values.as_time(said.get("time", said["updated_at"])),
            "label": values.as_label(said["label"]),
        }
        if self._query.name:
            record["name"] = self._query.name
        if (annotator := said.get("annotator")) is not None:
            record["annotator"] = str(annotator)
        return _encode(record)


def _parameter(name: str, value: object) -> ColumnElement[Any]:
    """Without a type, so that the driver's own is compared with the column's."""
    return sa.bindparam(f"driftline_{name}", value, type_=NullType())
