"""Databases for programs that bring none: in memory. It is the same code on `sqlite://`, not a second storage."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from alerts.storage.migrate import upgrade


def memory_engine() -> sa.Engine:
    """A fresh database that lives as long as this engine, with all tables; for one thread at a time."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        upgrade(connection)
    return engine
