"""Databases: migrations agree with the tables, and trouble is told as StoreUnavailable, without secrets."""

import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, exc, inspect, text
from sqlalchemy.event import listen

from monitor.adapters.sql import engine as sql_engine
from monitor.adapters.sql.documents import finding_to_json, memory_to_json
from monitor.adapters.sql.engine import create_engine, describe, reading, writing
from monitor.adapters.sql.evaluations import SqlEvaluationStore
from monitor.adapters.sql.migrate import VERSION_TABLE, is_migrated, migrate, newest_revision
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import metadata
from monitor.adapters.sql.windows import SqlWindowReads
from monitor.domain.errors import ConfigError, StoreUnavailable
from monitor.domain.evaluation import EvaluationCommit
from monitor.domain.models import ModelRef
from monitor.domain.records import Joined, PartitionId, Truth
from monitor.domain.rules import Memory, Phase, RuleState, Subject
from monitor.domain.stream import JoinSpan, ShareSpan, TopicKind
from monitor.testing.servers.postgres import PostgresServer
from monitor.testing.stores.samples import HOUR, HOUR_MS, START, START_MS, evaluation, finding, flush, share

PARTITION = PartitionId("inference", 0)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    engine = create_engine(sqlite_url)
    migrate(engine)
    yield engine
    engine.dispose()


def test_the_migrated_tables_are_the_tables_of_the_code(engine: Engine) -> None:
    migrate(engine)

    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert differences == []
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, VERSION_TABLE}


def test_migrating_again_or_from_many_processes_at_once_changes_nothing(url: str) -> None:
    engines = [create_engine(url) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        reached = list(pool.map(migrate, engines))

    assert reached == [newest_revision()] * 4
    assert is_migrated(engines[0])
    for engine in engines:
        engine.dispose()


def test_many_processes_may_open_a_new_sqlite_file_at_once(tmp_path: Path) -> None:
    """Without waiting for one another, one of a few hundred is told that the file is locked."""
    gate = threading.Barrier(8)

    def begin(number: int) -> bool:
        engine = create_engine(f"sqlite:///{tmp_path / f'{number // 8}.db'}")
        gate.wait()
        with writing(engine) as connection:
            connection.execute(text(f"CREATE TABLE t{number} (a)"))
        engine.dispose()
        return True

    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(begin, range(8 * 20)))

    assert all(opened)


def test_a_new_sqlite_file_that_stays_locked_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_engine, "BUSY_TIMEOUT_S", 0.3)
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    holder = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="locked by another process"), reading(engine):
        pass
    waited = time.monotonic() - began
    holder.execute("ROLLBACK")
    with reading(engine) as connection:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()

    engine.dispose()
    holder.close()
    assert waited >= 0.3
    assert mode == "wal"


def test_a_database_knows_whether_it_is_migrated(engine: Engine) -> None:
    before = is_migrated(engine)
    migrate(engine)

    assert (before, is_migrated(engine)) == (False, True)


def test_truth_and_predictions_of_before_there_were_statements_are_kept(engine: Engine) -> None:
    migrate(engine)
    _downgrade(engine, "0008")
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO predictions VALUES ('churn', 'e1', '3', 1000, 'yes', 0.5)"))
        connection.execute(text("INSERT INTO truths VALUES ('churn', 'e1', 'no', 3000)"))

    migrate(engine)
    joined = SqlWindowReads(engine).joined(JoinSpan(ModelRef("churn", "3"), 0, 2000))
    said = Truth("churn", "e1", "yes", 2500, "reviewer", "jo", 7)
    with writing(engine) as connection:
        connection.execute(metadata.tables["truths"].insert(), asdict(said))
    _downgrade(engine, "0008")
    with reading(engine) as connection:
        back = connection.execute(text("SELECT * FROM truths")).all()

    assert joined == [Joined("yes", 0.5, "no", 2000, 1, 1)]
    assert back == [("churn", "e1", "no", 3000)]


def _downgrade(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(sql_engine.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_tables_of_others_in_the_same_database_stay_as_they_are(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))

    migrate(engine)

    with reading(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "theirs"


def test_a_database_of_a_newer_program_is_refused_with_the_way_out(engine: Engine) -> None:
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))

    with pytest.raises(ConfigError, match=r"9999.*newer Driftline"):
        migrate(engine)

    assert not is_migrated(engine)


def test_a_migration_that_fails_half_way_leaves_nothing_behind(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE retrain_jobs (x INTEGER)"))  # in the way of the last tables

    with pytest.raises(exc.DBAPIError):
        migrate(engine)

    assert inspect(engine).get_table_names() == ["retrain_jobs"]


def test_a_database_without_tables_says_that_it_must_be_migrated(engine: Engine) -> None:
    with pytest.raises(StoreUnavailable, match="driftline db upgrade"):
        SqlStores.of(engine).ingest.claim(PARTITION, TopicKind.INFERENCE, "me")


def test_a_mistake_in_a_statement_is_not_called_trouble_of_the_database(engine: Engine) -> None:
    with pytest.raises(exc.DBAPIError), writing(engine) as connection:
        connection.execute(text("SELEKT 1"))


def test_a_sqlite_file_that_another_process_locks_is_unavailable_and_then_serves_again(
    sqlite: Engine, tmp_path: Path
) -> None:
    stores = SqlStores.of(sqlite)
    claim = stores.ingest.claim(PARTITION, TopicKind.INFERENCE, "me")
    once = flush(claim, 10, [share(claim, 9)])
    with reading(sqlite) as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # the pool hands the same connection out again
    stranger = sqlite3.connect(tmp_path / "driftline.db", isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked by another process"):
        stores.ingest.flush([once])
    still_readable = stores.windows.progress()
    stranger.execute("ROLLBACK")
    stranger.close()
    stores.ingest.flush([once])

    assert still_readable[0].next_offset is None
    assert stores.windows.progress()[0].next_offset == 10


def test_a_full_disk_is_unavailable_and_loses_nothing_that_was_saved(sqlite: Engine) -> None:
    stores = SqlStores.of(sqlite)
    claim = stores.ingest.claim(PARTITION, TopicKind.INFERENCE, "me")
    stores.ingest.flush([flush(claim, 10, [share(claim, 9)])])
    with reading(sqlite) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(StoreUnavailable, match="the disk is full: make room"):
        stores.ingest.flush([flush(claim, 20, [share(claim, 19, payload=bytes(500_000))], old_offset=10)])

    assert [one.n for one in stores.windows.shares([ShareSpan(ModelRef("churn", "3"), "", 0, 2**60)])] == [9]
    assert stores.windows.progress()[0].next_offset == 10


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("missing/driftline.db", None, "cannot be opened"), ("text.db", b"not a database" * 99, "no SQLite database")],
)
def test_a_file_that_is_no_database_is_unavailable(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    engine = create_engine(f"sqlite:///{tmp_path / name}")

    with pytest.raises(StoreUnavailable, match=words):
        migrate(engine)

    engine.dispose()


def test_a_sqlite_file_is_opened_with_a_write_ahead_log_and_checked_references(sqlite: Engine) -> None:
    with reading(sqlite) as connection:
        seen = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert seen == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 10_000}


@pytest.mark.postgres
def test_a_postgres_server_that_is_killed_is_unavailable_and_then_serves_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    engine = create_engine(postgres_url)
    migrate(engine)
    stores = SqlStores.of(engine)
    claim = stores.ingest.claim(PARTITION, TopicKind.INFERENCE, "me")
    postgres_server.kill9()

    with pytest.raises(StoreUnavailable) as down:
        stores.ingest.flush([flush(claim, 10, [share(claim, 9)])])
    postgres_server.start()
    stores.ingest.flush([flush(claim, 10, [share(claim, 9)])])

    assert str(engine.url.password) not in str(down.value)
    assert stores.windows.progress()[0].next_offset == 10
    engine.dispose()


@pytest.mark.postgres
def test_a_connection_that_breaks_in_the_middle_of_a_transaction_is_unavailable(postgres_url: str) -> None:
    engine = create_engine(postgres_url)

    with pytest.raises(StoreUnavailable, match="cancelled, or is starting or stopping"), writing(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with reading(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


@pytest.mark.postgres
def test_postgres_has_timeouts_so_that_a_forgotten_lock_stops_nobody_for_ever(postgres_url: str) -> None:
    engine = create_engine(postgres_url)

    with reading(engine) as connection:
        seen = [connection.execute(text(f"SHOW {name}_timeout")).scalar_one() for name in ("lock", "statement")]

    assert seen == ["10s", "1min"]
    engine.dispose()


@pytest.mark.postgres
def test_postgres_plans_every_statement_anew_so_that_tables_may_grow_under_it(postgres_url: str) -> None:
    engine = create_engine(postgres_url)

    with engine.connect() as connection:
        for _ in range(20):  # the driver would prepare a statement at its fifth time
            connection.execute(text("select 1"))
        prepared = connection.execute(text("select count(*) from pg_prepared_statements")).scalar_one()

    engine.dispose()
    assert prepared == 0


@pytest.mark.postgres
def test_a_wrong_password_is_told_without_any_password(postgres_url: str) -> None:
    right = create_engine(postgres_url)
    engine = create_engine(right.url.set(password="hunter2"))

    with pytest.raises(StoreUnavailable, match=r"refuses our user|password authentication failed") as refused:
        migrate(engine)

    assert "hunter2" not in str(refused.value)
    assert str(right.url.password) not in str(refused.value)


def test_a_server_that_is_not_there_is_unavailable_and_named_without_credentials() -> None:
    engine = create_engine("postgresql://anna:hunter2@127.0.0.1:1/shares?sslpassword=hunter3")

    with pytest.raises(StoreUnavailable, match=r"postgresql 127\.0\.0\.1:1/shares") as down:
        migrate(engine)

    assert "hunter" not in str(down.value)
    assert describe(engine) == "postgresql 127.0.0.1:1/shares"


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url", ""])
def test_a_url_that_we_cannot_serve_is_a_configuration_error_with_a_hint(url: str) -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///file\.db or postgresql"):
        create_engine(url)


def test_an_error_never_shows_the_values_of_a_statement(sqlite: Engine) -> None:
    incomplete = {"model": "m", "event_time_ms": 1, "version": "1", "event_id": "secret id"}

    with pytest.raises(exc.IntegrityError) as refused, writing(sqlite) as connection:
        connection.execute(metadata.tables["predictions"].insert(), incomplete)

    assert "secret id" not in str(refused.value)


def test_what_an_evaluation_writes_is_in_the_columns_of_its_name_with_their_types(engine: Engine) -> None:
    """Its rows go to the driver past the column types, and by their places."""
    migrate(engine)
    about = {"model": "churn", "version": "3", "window_start_ms": START_MS, "window_end_ms": START_MS + HOUR_MS}
    odd = finding()
    assert odd.result is not None
    plain = replace(odd, check=replace(odd.check, test="ks"), result=replace(odd.result, statistic=1, p_value=None))
    without = replace(odd, check=replace(odd.check, test="js"), result=None)
    endless = replace(odd, check=replace(odd.check, test="rate"), result=replace(odd.result, statistic=-math.inf))
    firing = RuleState(Phase.FIRING, START, START + HOUR / 8, None, START + HOUR, {"b": "2", "a": "1"}, Memory("bo"))
    state = {Subject("psi-high", "churn", "de"): firing}
    commit = EvaluationCommit(evaluation(mark=7), [odd, plain, without, endless], state, judged_at_ms=5)

    SqlEvaluationStore(engine).commit(commit)

    with engine.connect() as connection:
        [judged] = connection.exec_driver_sql("SELECT * FROM evaluations").mappings()
        kept = {row["test"]: row for row in connection.exec_driver_sql("SELECT * FROM findings").mappings()}
        [stands] = connection.exec_driver_sql("SELECT * FROM rule_states").mappings()
    drift = {**about, "kind": "drift", "revision": 0}
    assert dict(judged) == {**drift, "mark": 7, "judged_at_ms": 5}
    assert dict(kept["psi"]) == {
        **drift,
        "id": odd.id,
        "check_name": "psi(age)[de]",
        "test": "psi",
        "column": "age",
        "segment": "de",
        "verdict": "drifted",
        "reason": "age drifted",
        "statistic": 0.3125,
        "p_value": 1e-300,
        "document": finding_to_json(odd),
    }
    numbers = [(kept[test]["statistic"], kept[test]["p_value"]) for test in ("ks", "js", "rate")]
    assert numbers == [(1.0, None), (None, None), (-math.inf, 1e-300)]
    assert type(numbers[0][0]) is float
    assert dict(stands) == {
        "rule": "psi-high",
        "model": "churn",
        "segment": "de",
        "phase": "firing",
        "since": "2026-11-01T10:00:00.000000Z",
        "fired_at": "2026-11-01T10:07:30.000000Z",
        "clear_since": None,
        "folded_to": "2026-11-01T11:00:00.000000Z",
        "labels": '{"a": "1", "b": "2"}',
        "memory": memory_to_json(firing.memory),
    }


def test_a_naive_instant_in_the_state_of_a_rule_is_refused_and_nothing_saved(sqlite: Engine) -> None:
    store = SqlEvaluationStore(sqlite)
    naive = RuleState(Phase.FIRING, START.replace(tzinfo=None))

    with pytest.raises(ValueError, match="naive instant"):
        store.commit(EvaluationCommit(evaluation(), [finding()], {Subject("psi-high", "churn"): naive}))

    assert store.done({"churn": 0}) == []
    assert store.findings("churn") == []


def test_the_last_findings_are_found_without_looking_at_all_findings_before_them(sqlite_url: str) -> None:
    engine, asked = create_engine(sqlite_url), list[tuple[str, Any]]()
    migrate(engine)
    listen(engine, "before_cursor_execute", lambda *of: asked.append((of[2], of[3])))

    SqlEvaluationStore(engine).last_findings("psi(x)", {ModelRef("churn", str(n)): START for n in range(64)})

    [(statement, parameters)] = [one for one in asked if "FROM findings" in one[0]]
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert "SEARCH findings USING INDEX ix_findings_window (model=? AND window_start_ms<?)" in str(rows)
    engine.dispose()


def test_the_drifted_windows_of_a_stretch_are_found_without_looking_at_all_findings_before_it(sqlite_url: str) -> None:
    engine, asked = create_engine(sqlite_url), list[tuple[str, Any]]()
    migrate(engine)
    listen(engine, "before_cursor_execute", lambda *of: asked.append((of[2], of[3])))

    SqlEvaluationStore(engine).bad_windows(ModelRef("churn", "1"), "psi(x)", START, START + HOUR)

    [(statement, parameters)] = [one for one in asked if "FROM findings" in one[0]]
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    plan = " ".join(str(row) for row in rows)
    assert "ix_findings_window (model=? AND window_start_ms>? AND window_start_ms<?)" in plan
    engine.dispose()
