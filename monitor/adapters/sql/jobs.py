"""The retraining ledger: requests, jobs and what happened to them."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, Engine, delete, exc, select, update

from monitor.adapters.sql.documents import job_from_json, job_to_json
from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.outbox import add_events
from monitor.adapters.sql.statements import insert, took_place
from monitor.adapters.sql.tables import (
    retrain_callbacks,
    retrain_job_history,
    retrain_jobs,
    retrain_requests,
)
from monitor.adapters.sql.types import database_now_ms
from monitor.domain.errors import MonitorError
from monitor.domain.retraining import JobPhase, RetrainJob, RetrainRequest
from monitor.domain.rules import AlertEvent

_REMEMBERED_MS = 86_400_000
"""Longer than any signed call-back is taken after it was signed."""


class SqlJobStore:
    """The job port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pending_requests(self, limit: int) -> list[tuple[int, RetrainRequest]]:
        """(sequence number, request) of those that the guard has not seen, in order."""
        table = retrain_requests.c
        statement = select(retrain_requests).where(table.settled_at_ms.is_(None)).order_by(table.sequence).limit(limit)
        with reading(self._engine) as connection:
            return [
                (row.sequence, RetrainRequest(*(getattr(row, name) for name in RetrainRequest.__slots__)))
                for row in connection.execute(statement)
            ]

    def ask(self, request: RetrainRequest) -> None:
        """Queue a request for the guard; one that was asked before is not queued again."""
        with writing(self._engine) as connection:
            statement = insert(connection, retrain_requests).values(key=request.key, **asdict(request))
            connection.execute(statement.on_conflict_do_nothing())

    def settle_request(self, sequence: int, job: RetrainJob, events: Sequence[AlertEvent] = ()) -> bool:
        """Record the guard's decision, the job and the alert events about it in one transaction.

        False, and nothing saved, when the model has another open job or somebody else settled the request: the
        database's unique indexes decide, whatever number of processes tries.
        """
        table = retrain_requests.c
        waits = select(table.sequence).where(table.sequence == sequence, table.settled_at_ms.is_(None))
        with writing(self._engine) as connection:
            if connection.execute(waits.with_for_update()).first() is None:
                return False
            new = insert(connection, retrain_jobs).values(key=job.request.key, **_values(job))
            if not took_place(connection, new.on_conflict_do_nothing()):
                return False
            settled = update(retrain_requests).where(table.sequence == sequence)
            connection.execute(settled.values(settled_at_ms=database_now_ms()))
            _remember(connection, _as_requested(job))
            _remember(connection, job)
            add_events(connection, events)
            return True

    def update(self, job: RetrainJob, events: Sequence[AlertEvent] = ()) -> RetrainJob | None:
        """Replace the job's row by its next revision, keep the change in its history and add its events.

        The job as saved; None, and nothing saved, when it has been changed since the revision that was given.
        MonitorError when the job is unknown, or would be a second open job of its model.
        """
        table, saved = retrain_jobs.c, replace(job, revision=job.revision + 1)
        statement = (
            update(retrain_jobs)
            .where(table.key == job.request.key, table.revision == job.revision)
            .values(**_values(saved))
        )
        try:
            with writing(self._engine) as connection:
                if connection.execute(statement).rowcount == 1:
                    _remember(connection, saved)
                    add_events(connection, events)
                    return saved
                if connection.execute(select(table.key).where(table.key == job.request.key)).first() is None:
                    raise MonitorError(f"no retraining job {job.request.key} in the ledger: nothing was changed")
                return None
        except exc.IntegrityError as error:
            raise MonitorError(
                f"{job.request.model} has another open retraining job: end that one before {job.request.key} is opened"
            ) from error

    def get(self, key: str) -> RetrainJob | None:
        """The job with this key."""
        statement = select(retrain_jobs.c.document).where(retrain_jobs.c.key == key)
        with reading(self._engine) as connection:
            document = connection.execute(statement).scalar_one_or_none()
        return None if document is None else job_from_json(document)

    def jobs(self, model: str | None = None) -> list[RetrainJob]:
        """Every job in the order in which the guard took them."""
        statement = select(retrain_jobs.c.document).order_by(retrain_jobs.c.sequence)
        if model is not None:
            statement = statement.where(retrain_jobs.c.model == model)
        with reading(self._engine) as connection:
            return [job_from_json(document) for document in connection.execute(statement).scalars()]

    def history(self, key: str) -> list[RetrainJob]:
        """What the job has been, oldest first, its present state included."""
        table = retrain_job_history.c
        statement = select(table.document).where(table.key == key).order_by(table.sequence)
        with reading(self._engine) as connection:
            return [job_from_json(document) for document in connection.execute(statement).scalars()]

    # --- call-backs

    def callback(self, message_id: str, digest: str, at_ms: int) -> str:
        """Remember what a signed message with this id said, for a day; the digest that it came with first."""
        table = retrain_callbacks.c
        with writing(self._engine) as connection:
            connection.execute(delete(retrain_callbacks).where(table.received_at_ms < at_ms - _REMEMBERED_MS))
            new = insert(connection, retrain_callbacks).values(
                message_id=message_id, digest=digest, received_at_ms=at_ms
            )
            connection.execute(new.on_conflict_do_nothing())
            first: str = connection.execute(select(table.digest).where(table.message_id == message_id)).scalar_one()
            return first


def _values(job: RetrainJob) -> dict[str, object]:
    return {
        "model": job.request.model,
        "phase": job.phase.value,
        "document": job_to_json(job),
        "revision": job.revision,
    }


def _as_requested(job: RetrainJob) -> RetrainJob:
    request, at = job.request, job.requested_at
    return RetrainJob(request, JobPhase.REQUESTED, at, at, detail=request.why, by=request.asker)


def _remember(connection: Connection, job: RetrainJob) -> None:
    change = insert(connection, retrain_job_history)
    row = {"key": job.request.key, "phase": job.phase.value, "document": job_to_json(job)}
    connection.execute(change.values(row))
