"""Ground truth from a table, on SQLite and PostgreSQL: all of it, each row once, whatever comes between."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.adapters.record_log.polled import SqlPolledLog
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql_truth import opened
from monitor.adapters.sql_truth.opened import asking, open_for_reading
from monitor.domain.errors import ConfigError, PolledElsewhere, SourceUnavailable, StoreUnavailable
from monitor.testing.servers.postgres import PostgresServer
from tests.contracts.outcomes_table import MINUTE, NOON, PARTITION, Crashing, Outcomes, named


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def outcomes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outcomes]:
    ours: str = request.getfixturevalue(f"{request.param}_url")
    engine = create_engine(ours)
    migrate(engine)
    table = Outcomes(engine, ours if request.param == "postgres" else f"sqlite:///{tmp_path / 'theirs.db'}")
    yield table
    engine.dispose()


def said(outcomes: Outcomes) -> list[tuple[str, str]]:
    return [(one["event_id"], one["label"]) for one in map(json.loads, filter(None, outcomes.got()))]


def test_a_row_becomes_a_record_and_is_read_once(outcomes: Outcomes) -> None:
    outcomes.add(("a", "yes", NOON), at=NOON - MINUTE)

    first, second = outcomes.poll(query=named(name="reviewer")), outcomes.poll(query=named(name="reviewer"))

    assert (first.fresh, first.is_complete, second.read, second.fresh) == (1, True, 1, 0)
    (kept,) = outcomes.got()
    assert json.loads(kept or b"") == {
        "type": "ground_truth",
        "event_id": "a",
        "model": "churn",
        "event_time": "2026-11-01T11:59:00Z",
        "label": "yes",
        "name": "reviewer",
    }


def test_without_a_column_for_it_the_truth_was_known_when_its_row_was_changed(outcomes: Outcomes) -> None:
    outcomes.add(("a", "yes", NOON), at=NOON - MINUTE)

    outcomes.poll(query=named(time=None, annotator=None))

    (kept,) = outcomes.got()
    assert json.loads(kept or b"")["event_time"] == "2026-11-01T12:00:00Z"


def test_a_changed_row_is_read_again_and_one_that_is_committed_late_is_found(outcomes: Outcomes) -> None:
    outcomes.add(("a", "yes", NOON), ("b", "yes", NOON))
    outcomes.poll()
    outcomes.change("a", "no", NOON + MINUTE)
    outcomes.poll()
    outcomes.add(("late", "yes", NOON - 8 * MINUTE), ("too late", "yes", NOON - 12 * MINUTE))
    outcomes.poll()

    assert said(outcomes) == [("a", "yes"), ("b", "yes"), ("a", "no"), ("late", "yes")]


def test_a_label_that_is_not_known_yet_is_waited_for(outcomes: Outcomes) -> None:
    outcomes.add(("a", None, NOON), ("b", "yes", NOON))
    outcomes.poll()
    report = outcomes.poll()
    outcomes.change("a", "no", NOON + MINUTE)
    outcomes.poll()

    assert said(outcomes) == [("b", "yes"), ("a", "no")]
    assert report.state.unlabelled == 1


def test_when_something_else_is_asked_the_table_is_read_from_its_start(outcomes: Outcomes) -> None:
    outcomes.add(*((f"{n}", "yes", NOON + n * MINUTE) for n in range(30)))
    outcomes.clock.at = NOON + 30 * MINUTE

    outcomes.poll(query=named(label="who"))
    again = outcomes.poll(query=named(label="who"))
    mended = outcomes.poll()

    assert (again.read, again.fresh, again.state.unlabelled) == (11, 0, 30)
    assert (mended.fresh, len(said(outcomes))) == (30, 30)


def test_a_row_dated_in_the_future_hides_none_that_come_after_it(outcomes: Outcomes) -> None:
    outcomes.add(("a", "yes", NOON + timedelta(days=9_000)))
    outcomes.poll()
    outcomes.clock.at = NOON + 30 * MINUTE
    outcomes.add(("b", "yes", NOON + 29 * MINUTE))
    outcomes.poll()
    report = outcomes.poll()

    assert said(outcomes) == [("a", "yes"), ("b", "yes")]
    assert report.fresh == 0


def test_a_bad_row_costs_its_neighbours_nothing(outcomes: Outcomes) -> None:
    outcomes.add((None, "yes", NOON), ("b", "yes", NOON), ("never", "yes", None), at=NOON)
    bad = "infinity" if outcomes.is_postgres else "yesterday"
    outcomes.run("INSERT INTO outcomes VALUES ('c', 'yes', :bad, NULL, :bad)", bad=bad)

    outcomes.poll()
    report = outcomes.poll()

    kept = [json.loads(one or b"") for one in outcomes.got()]
    assert sorted((str(one["event_id"]), one["event_time"]) for one in kept) == [
        ("None", "2026-11-01T12:00:00Z"),
        ("b", "2026-11-01T12:00:00Z"),
        ("c", bad),
    ]
    assert (report.fresh, report.state.undated) == (0, 1)


def test_rows_changed_at_one_instant_are_all_read_though_every_statement_reads_three(outcomes: Outcomes) -> None:
    outcomes.add(*((f"{n:02}", "yes", NOON) for n in range(20)))

    report = outcomes.poll(page=3)

    assert report.is_complete
    assert said(outcomes) == [(f"{n:02}", "yes") for n in range(20)]


def test_a_poll_that_is_cut_short_goes_on_where_it_was(outcomes: Outcomes) -> None:
    outcomes.add(*((f"{n:02}", "yes", NOON) for n in range(20)))
    dies = iter(["", "before", "", "after", "", *[""] * 99])
    log = Crashing(SqlPolledLog(outcomes.ours, PARTITION), lambda: next(dies))

    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            outcomes.poll(log, page=3)
    reports = [outcomes.poller(log, page=3).run_once(lambda: False) for _ in range(6)]

    assert said(outcomes) == [(f"{n:02}", "yes") for n in range(20)]
    assert [report.fresh for report in reports] == [3, 3, 3, 2, 0, 0]


def test_of_two_processes_that_poll_at_once_the_second_keeps_nothing(outcomes: Outcomes) -> None:
    outcomes.add(("a", "yes", NOON))
    log = SqlPolledLog(outcomes.ours, PARTITION)
    before = log.state("outcomes")
    outcomes.poll()

    with pytest.raises(PolledElsewhere):
        log.note(before)
    assert len(outcomes.got()) == 1


def test_what_is_remembered_is_what_may_be_read_again(outcomes: Outcomes) -> None:
    outcomes.add(*((f"{n:04}", "yes", NOON + n * MINUTE) for n in range(100)))
    outcomes.clock.at = NOON + 99 * MINUTE

    outcomes.poll()
    again = outcomes.poll()

    with outcomes.ours.connect() as connection:
        remembered = connection.scalar(text("SELECT count(*) FROM polled_rows"))
    assert remembered == again.read == 11


@pytest.mark.parametrize(
    ("column", "as_said", "known"),
    [
        ("bigint", "1793534400", "12:00:00Z"),
        ("bigint", "1793534400000", "12:00:00Z"),
        ("double precision", "1793534400.257", "12:00:00.257000Z"),
        ("date", "'2026-11-01'", "00:00:00Z"),
        ("timestamp", "'2026-11-01 12:00:00'", "12:00:00Z"),
        ("text", "'2026-11-01T07:00:00-05:00'", "07:00:00-05:00"),
    ],
)
def test_a_column_may_hold_numbers_dates_or_times_without_a_zone(
    outcomes: Outcomes, column: str, as_said: str, known: str
) -> None:
    kind = "text" if as_said[0] == "'" and not outcomes.is_postgres else column
    outcomes.run(f"CREATE TABLE others (id numeric(30), label boolean, updated_at {kind})")
    add = f"INSERT INTO others VALUES (1, true, {as_said})"
    outcomes.run(add)
    query = named(table="others", time=None, annotator=None)

    first, second = outcomes.poll(query=query), outcomes.poll(query=query)
    outcomes.run(add.replace("(1,", "(2,"))
    third = outcomes.poll(query=query)

    assert [one.fresh for one in (first, second, third)] == [1, 0, 1]
    (kept, _) = (json.loads(one or b"") for one in outcomes.got())
    assert (kept["event_id"], kept["event_time"]) == ("1", f"2026-11-01T{known}")


def test_a_query_may_stand_for_a_table(outcomes: Outcomes) -> None:
    outcomes.add(("a", "yes", NOON), ("b", "no", NOON))
    query = "SELECT 'x:' || id AS id, label, updated_at, '12:30' AS clock FROM outcomes -- all%\nWHERE label LIKE 'y%';"

    outcomes.poll(query=named(table=None, query=query, time=None, annotator="clock"))

    (kept,) = outcomes.got()
    record = json.loads(kept or b"")
    assert (record["event_id"], record["annotator"]) == ("x:a", "12:30")


def test_nothing_can_be_written_there(outcomes: Outcomes) -> None:
    with (
        pytest.raises(SourceUnavailable, match=r"readonly|read-only"),
        asking(open_for_reading(outcomes.url, 5)) as one,
    ):
        one.execute(text("DELETE FROM outcomes"))


def test_a_statement_that_lasts_too_long_is_cut_and_said_so_and_the_next_poll_goes_on(outcomes: Outcomes) -> None:
    outcomes.add(("a", "yes", NOON))
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
    slow = named(table=None, query=f"{numbers} SELECT 'a' id, 'b' label, '2026' updated_at FROM n WHERE i < 0")

    cut = outcomes.poll(query=named(slow, time=None, annotator=None), timeout_s=0.3)
    after = outcomes.poll()

    assert "interrupted" in cut.error or "statement timeout" in cut.error
    assert (cut.state.failures, cut.state.error) == (1, cut.error)
    assert (after.fresh, after.state.failures, after.state.error) == (1, 0, "")


def test_what_is_wrong_with_the_table_is_told_in_the_databases_words(outcomes: Outcomes) -> None:
    missing = outcomes.poll(query=named(table="outcome"))
    mistyped = outcomes.poll(query=named(label="labell"))

    assert "outcome" in missing.error
    assert "labell" in mistyped.error
    assert mistyped.state.failures == 2


def test_a_missing_file_is_told_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "nothing.db"

    with pytest.raises(SourceUnavailable, match="unable to open"), asking(open_for_reading(f"sqlite:///{path}", 5)):
        pass

    assert not path.exists()


@pytest.mark.parametrize("url", ["sqlite://", "no url", "sqlite:///:memory:", "oracle+nothing://host/x"])
def test_a_url_that_can_be_nothing_is_a_mistake_of_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match=r"hint"):
        open_for_reading(url, 5)


@pytest.mark.postgres
def test_a_server_that_is_down_is_told_without_its_password(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "CONNECT_TIMEOUT_S", 2)
    url = postgres_server.url.replace(":" + postgres_server.url.rsplit(":", 1)[1], ":1/postgres")
    refused = postgres_server.url.replace("driftline:", "driftline:wrong-secret-")

    for one in (url, refused):
        with pytest.raises(SourceUnavailable) as failed, asking(open_for_reading(one, 5)):
            pass
        assert "postgresql 127.0.0.1" in str(failed.value)
        assert "wrong-secret" not in str(failed.value)


@pytest.mark.postgres
def test_a_large_table_is_read_by_a_cursor_of_the_server(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine(postgres_url)
    migrate(engine)
    outcomes = Outcomes(engine, postgres_url)
    outcomes.run(
        "INSERT INTO outcomes SELECT n::text, 'yes', t, NULL, t"
        " FROM generate_series(1, 12000) n, LATERAL (SELECT timestamptz '2026-11-01 12:00Z' + n * interval '1s' AS t) x"
    )
    batches = count()
    log = Crashing(SqlPolledLog(engine, PARTITION), lambda: str(next(batches)))

    report = outcomes.poll(log, page=5_000)

    assert (report.fresh, next(batches)) == (12_000, 12)
    engine.dispose()
