"""PostgreSQL's times: those that Python cannot hold (`infinity`, years beyond 9999 or before 1) as their text."""

from collections.abc import Mapping

from psycopg import DataError
from psycopg.abc import Buffer, Loader
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader


class _Date(DateLoader):
    def load(self, data: Buffer) -> object:  # type: ignore[override]  # a text where there is no date
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


class _Timestamp(TimestampLoader):
    def load(self, data: Buffer) -> object:  # type: ignore[override]  # the same
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


class _Timestamptz(TimestamptzLoader):
    def load(self, data: Buffer) -> object:  # type: ignore[override]  # the same
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


WIDE_TIMES: Mapping[str, type[Loader]] = {"date": _Date, "timestamp": _Timestamp, "timestamptz": _Timestamptz}
"""Loader by type."""
