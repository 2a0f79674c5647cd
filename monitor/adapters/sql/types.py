"""Column types that hold the same value on SQLite and PostgreSQL, and expressions that both understand."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Double, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

Milliseconds = BigInteger
"""An instant as milliseconds since the epoch; such columns end in `_ms`."""

Count = BigInteger
"""A number of records, an offset, an epoch."""

Sequence = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database counts up; SQLite does that for INTEGER keys alone."""

Float = Double


def _text_by_code_point(dialect: Dialect) -> TypeEngine[str]:
    return dialect.type_descriptor(Text(collation="C") if dialect.name == "postgresql" else Text())


class Name(TypeDecorator[str]):
    """Text of any length that sorts by code point, as Python does, whatever the database's locale.

    PostgreSQL cannot store the NUL character. A record that carries one is stored with U+FFFD in its place instead
    of stopping its partition for ever.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Text with the C collation where there are collations to choose from."""
        return _text_by_code_point(dialect)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - their signature
        """Replace what PostgreSQL refuses."""
        if value is not None and "\0" in value:
            return value.replace("\0", "\ufffd")
        return value


def instant_text(instant: datetime | None) -> str | None:
    """`2026-11-01T10:00:00.000000Z`, as columns of type `Instant` hold it; None stays. Refuses a naive datetime."""
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise ValueError(f"naive instant {instant!r}: give it a time zone")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Instant(TypeDecorator[datetime]):
    """An aware instant, exact to the microsecond, as RFC 3339 text of fixed width: it sorts as time does."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Text with the C collation where there are collations to choose from."""
        return _text_by_code_point(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """`2026-11-01T10:00:00.000000Z`."""
        return instant_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002
        """The aware UTC instant."""
        return None if value is None else datetime.fromisoformat(value)


class database_now_ms(FunctionElement[int]):  # noqa: N801 - named like the SQL function that it stands for
    """The database's wall clock in milliseconds since the epoch: one clock for every process that shares it."""

    type = BigInteger()
    inherit_cache = True
    name = "database_now_ms"


@compiles(database_now_ms, "sqlite")
def _sqlite_now(_element: database_now_ms, _compiler: SQLCompiler, **_options: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(database_now_ms, "postgresql")
def _postgresql_now(_element: database_now_ms, _compiler: SQLCompiler, **_options: object) -> str:
    # clock_timestamp, not now(): a transaction that waited for a lock must see the time after the wait
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
