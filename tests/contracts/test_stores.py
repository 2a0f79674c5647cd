"""The SQL stores pass the conformance kit on SQLite in a file, SQLite in memory and a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.testing.stores import StoreConformance, StoreRig


@contextmanager
def two_processes(url: str) -> Iterator[StoreRig]:
    mine, other = create_engine(url), create_engine(url)
    migrate(mine)
    yield StoreRig(SqlStores.of(mine), SqlStores.of(other))
    mine.dispose()
    other.dispose()


class TestSqliteFile(StoreConformance):
    @pytest.fixture
    def rig(self, sqlite_url: str) -> Iterator[StoreRig]:
        with two_processes(sqlite_url) as rig:
            yield rig


class TestSqliteInMemory(StoreConformance):
    @pytest.fixture
    def rig(self) -> Iterator[StoreRig]:
        engine = create_engine("sqlite://")  # nobody else can see it, so both sides share the engine
        migrate(engine)
        yield StoreRig(SqlStores.of(engine), SqlStores.of(engine))
        engine.dispose()


@pytest.mark.postgres
class TestPostgres(StoreConformance):
    @pytest.fixture
    def rig(self, postgres_url: str) -> Iterator[StoreRig]:
        with two_processes(postgres_url) as rig:
            yield rig
