"""Jobs of the older ledger are read by this program after its migration, and by the older one after the way back."""

import json
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, text

from monitor.adapters.sql.engine import create_engine, reading, writing
from monitor.adapters.sql.migrate import _config, migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.retraining import JobEnd, JobPhase

AT = "2026-11-01T10:00:00Z"
OLD = {"requested": 1, "held": 2, "running": 3, "done": 4, "failed": 5, "lost": 6}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = create_engine(request.getfixturevalue(f"{request.param}_url"))
    with writing(engine) as connection:
        command.upgrade(_config(connection), "0006")
        for phase in OLD:
            row = {"key": f"k-{phase}", "model": f"m-{phase}", "phase": phase, "document": document(phase)}
            for table, names in (
                ("retrain_jobs", "key, model, phase, document"),
                ("retrain_job_history", "key, phase, document"),
            ):
                values = ", ".join(f":{name}" for name in names.split(", "))
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    yield engine
    engine.dispose()


def document(phase: str) -> str:
    request = {"model": f"m-{phase}", "version": "3", "rule": "drift", "at": AT, "why": "because"}
    job = {
        "request": request,
        "phase": phase,
        "changed_at": AT,
        "requested_at": AT,
        "hold_reason": "cooldown" if phase == "held" else None,
        "detail": "so it was",
        "external_id": "run-1",
        "candidate_version": "4" if phase == "done" else None,
        "candidate_baseline": "b4" if phase == "done" else None,
    }
    return json.dumps({"v": 1, "value": job})


def test_jobs_of_an_older_program_are_read_and_go_on(engine: Engine) -> None:
    migrate(engine)

    jobs = {job.request.model.removeprefix("m-"): job for job in SqlStores.of(engine).jobs.jobs()}
    assert {name: job.phase for name, job in jobs.items()} == {
        "requested": JobPhase.APPROVED,
        "held": JobPhase.HELD,
        "running": JobPhase.RUNNING,
        "done": JobPhase.SETTLED,
        "failed": JobPhase.SETTLED,
        "lost": JobPhase.LOST,
    }
    assert (jobs["done"].end, jobs["failed"].end) == (JobEnd.UNWATCHED, JobEnd.FAILED)
    assert (jobs["done"].candidate.version, jobs["done"].candidate.baseline) == ("4", "b4")
    assert [name for name, job in jobs.items() if not job.ran] == ["held"]
    assert SqlStores.of(engine).jobs.history("k-done")[0].detail == "so it was"


def test_the_way_back_leaves_jobs_that_the_older_program_reads(engine: Engine) -> None:
    migrate(engine)
    with writing(engine) as connection:
        command.downgrade(_config(connection), "0006")

    with reading(engine) as connection:
        rows = connection.execute(text("SELECT key, phase, document FROM retrain_jobs")).all()
    assert {row.key.removeprefix("k-"): row.phase for row in rows} == {phase: phase for phase in OLD}
    assert {row.key: json.loads(row.document) for row in rows} == {
        f"k-{phase}": json.loads(document(phase)) for phase in OLD
    }
