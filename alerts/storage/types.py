"""How instants and documents are written into columns: on SQLite in one step, since every row has several."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware UTC instant, also where the database keeps no zone (SQLite)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse what is not aware; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise _unaware(value)
        return value if value.tzinfo is UTC else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Give back aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
        """On SQLite the text that its own type would write, in one step: every row has several instants."""
        return _text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """On SQLite the instant that this text says, in one step."""
        return _instant if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


_INSTANTS = 4096  # many rows of one turn say the same instants
_CHARS = len("2026-11-01 00:00:00.000000")


@lru_cache(maxsize=_INSTANTS)
def _text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise _unaware(value)
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:_CHARS]


@lru_cache(maxsize=_INSTANTS)
def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _unaware(value: datetime) -> ValueError:
    return ValueError(f"{value.isoformat()} has no time zone; only aware UTC times are stored")


class Json(sa.TypeDecorator[Any]):
    """A document; on SQLite as text without blanks."""

    impl = sa.JSON(none_as_null=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
        """The text of a document."""
        return _dumped if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """The document that a text says."""
        return _loaded if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


def _dumped(value: object) -> str | None:
    """None is no document, and so SQL's NULL."""
    if not value and type(value) in {dict, list}:  # most charts, and most of what was told or muted
        return "{}" if type(value) is dict else "[]"
    if value is None:
        return None
    try:
        return _ENCODE(value).decode()
    except UnicodeError:  # half of a pair of surrogates, as a hostile server may send it
        return json.dumps(value)


def _loaded(text: str | None) -> object:
    if text == "[]":
        return []
    if text is None:
        return None
    try:
        return _DECODE(text)
    except msgspec.DecodeError:
        return json.loads(text)
