"""Polled tables of truth in the whole program: what the scheduler polls, the consumer folds, and the command shows."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from monitor.bootstrap.app import App, open_app
from monitor.bootstrap.consuming import consume_role
from monitor.bootstrap.roles import build_knocks, show_lag
from monitor.cli.main import driftline
from monitor.domain.stream import TopicKind

MONITOR = """
database: {url: "sqlite:///monitor.db"}
source: {kind: SOURCE}
truth_sources:
  outcomes:
    kind: sql
    model: churn
    url: {env: OUTCOMES}
    table: outcomes
    columns: {id: id, label: label, updated_at: at}
"""
MODEL = "model: churn\nwindow: {size: 1h}\nground_truth: {wait: 1h, horizon: 30d}\n"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Present:
    at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Present:
    return Present()


@pytest.fixture(params=["http", "memory"])
def app(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Present, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs" / "models").mkdir(parents=True)
    (tmp_path / "configs" / "monitor.yaml").write_text(MONITOR.replace("SOURCE", request.param))
    (tmp_path / "configs" / "models" / "churn.yaml").write_text(MODEL)
    theirs(tmp_path, "CREATE TABLE outcomes (id text, label text, at text)")
    theirs(tmp_path, "INSERT INTO outcomes VALUES ('a', 'yes', '2026-11-01T11:00:00Z'), (NULL, 'no', '2026-11-01')")
    with open_app(tmp_path / "configs", {"OUTCOMES": f"sqlite:///{tmp_path / 'theirs.db'}"}, clock) as app:
        yield app


def theirs(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "theirs.db")) as connection:
        connection.execute(statement)
        connection.commit()


def knock(app: App, name: str = "truth:outcomes") -> None:
    next(knock for knock in build_knocks(app) if knock.name == name).call()


def fold(app: App) -> None:
    role = consume_role(app)
    source = role.build_source()
    worker = role.build_consumer(source)
    for _ in range(6):
        worker.step(0.05)
    worker.drain()
    source.close()


def test_what_the_scheduler_polls_the_consumer_folds_beside_its_source(app: App, tmp_path: Path) -> None:
    knock(app)
    fold(app)
    theirs(tmp_path, "UPDATE outcomes SET label = 'no', at = '2026-11-01T11:30:00Z' WHERE id = 'a'")
    knock(app)
    fold(app)

    labels = [one.label for one in app.stores.truths.statements("churn", "a")]
    (progress,) = [one for one in app.stores.windows.progress() if one.partition.topic == "sql:ground-truth"]
    assert labels == ["yes", "no"]
    assert progress.kind is TopicKind.GROUND_TRUTH
    assert app.stores.records.dead_letter_counts() == {"missing_field": 1}


def test_rows_that_are_folded_are_forgotten_after_an_hour_and_those_that_wait_are_not(app: App, clock: Present) -> None:
    knock(app)
    clock.at = NOW + timedelta(hours=3)
    knock(app, "retention")
    waiting = segments(app)
    fold(app)
    knock(app, "retention")

    assert (waiting, segments(app)) == (1, 0)


def segments(app: App) -> int:
    with app.engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM log_segments")) or 0


def test_the_command_and_the_metrics_show_how_far_the_table_was_read(
    app: App, clock: Present, monkeypatch: pytest.MonkeyPatch
) -> None:
    knock(app)
    clock.at = NOW + timedelta(minutes=2)
    show_lag(app)
    monkeypatch.setenv("OUTCOMES", "unused")

    ran = CliRunner().invoke(driftline, ["truths", "sources", "--json"])

    (row,) = json.loads(ran.stdout)
    assert (row["rows"], row["refused"], row["newest"], row["failures"]) == (2, 0, "2026-11-01T11:00:00Z", 0)
    assert b'driftline_truth_source_age_seconds{source="outcomes"} 120.0' in app.telemetry.page()


def test_a_command_reads_the_table_once_and_says_what_it_cannot(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTCOMES", f"sqlite:///{tmp_path / 'theirs.db'}")
    read = CliRunner().invoke(driftline, ["backfill", "--sql", "outcomes"])
    nothing = CliRunner().invoke(driftline, ["backfill", "--sql", "outcome"])
    monkeypatch.setenv("OUTCOMES", f"sqlite:///{tmp_path / 'gone.db'}")
    gone = CliRunner().invoke(driftline, ["backfill", "--sql", "outcomes"])

    (row,) = json.loads(CliRunner().invoke(driftline, ["truths", "sources", "--json"]).stdout)
    assert (row["rows"], row["refused"]) == (2, 1)
    assert "2 records: 0 counted, 1 ground truth, 0 duplicates, 1 refused" in read.stdout
    assert "no truth source 'outcome' is configured" in str(nothing.exception)
    assert "truth source outcomes: sqlite" in str(gone.exception)
    assert len(app.stores.truths.statements("churn", "a")) == 1
