"""Findings, rule states and transitions; one evaluation is one transaction, and happens once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, Select, and_, exists, select

from monitor.adapters.sql import outbox as outbox_table
from monitor.adapters.sql.documents import finding_from_json, finding_to_json
from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.statements import insert
from monitor.adapters.sql.tables import evaluations, findings, retrain_requests, rule_states, transitions
from monitor.domain.evaluation import DoneEvaluation, Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Finding
from monitor.domain.models import ModelRef
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import Phase, RuleState, Subject, Transition
from monitor.domain.time import from_ms, to_ms
from monitor.domain.windows import Window

_Values = dict[str, object]


class SqlEvaluationStore:
    """The evaluation port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def done(self, model: str, since_ms: int) -> list[DoneEvaluation]:
        """The newest judged revision of every window that ends after the instant, by end, start and version."""
        table = evaluations.c
        statement = (
            select(evaluations)
            .where(table.model == model, table.window_end_ms > since_ms)
            .where(~_has_newer_revision(evaluations))
            .order_by(table.window_end_ms, table.window_start_ms, table.version, table.kind)
        )
        with reading(self._engine) as connection:
            return [_done(row) for row in connection.execute(statement)]

    def rule_states(self, model: str) -> dict[Subject, RuleState]:
        """Where every rule stands for this model."""
        statement = select(rule_states).where(rule_states.c.model == model).order_by(rule_states.c.rule)
        with reading(self._engine) as connection:
            return {Subject(row.rule, row.model): _rule_state(row) for row in connection.execute(statement)}

    def commit(self, commit: EvaluationCommit) -> bool:
        """Save everything of one evaluation in one transaction; False, and nothing saved, when it is there already."""
        with writing(self._engine) as connection:
            row = _evaluation_values(commit.evaluation, commit.judged_at_ms)
            first = insert(connection, evaluations).values(row).on_conflict_do_nothing()
            if connection.execute(first).rowcount == 0:
                return False
            _save_findings(connection, commit.findings)
            _save_states(connection, commit)
            _save_transitions(connection, commit.transitions)
            outbox_table.add(connection, commit.events)
            _save_requests(connection, commit.requests)
            return True

    def findings(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: EvaluationKind | None = None,
    ) -> list[Finding]:
        """Findings of the newest revisions whose windows start in [since, until), by window and check."""
        statement = _newest_findings(model)
        if since is not None:
            statement = statement.where(findings.c.window_start_ms >= to_ms(since))
        if until is not None:
            statement = statement.where(findings.c.window_start_ms < to_ms(until))
        if kind is not None:
            statement = statement.where(findings.c.kind == kind.value)
        with reading(self._engine) as connection:
            return [finding_from_json(document) for document in connection.execute(statement).scalars()]

    def transitions(self, model: str | None = None) -> list[Transition]:
        """Every recorded change of phase, oldest first (by event time, then as they were recorded)."""
        statement = select(transitions).order_by(transitions.c.at, transitions.c.sequence)
        if model is not None:
            statement = statement.where(transitions.c.model == model)
        with reading(self._engine) as connection:
            return [_transition(row) for row in connection.execute(statement)]


def _newest_findings(model: str) -> Select[tuple[str]]:
    table = findings.c
    return (
        select(table.document)
        .where(table.model == model)
        .where(~_has_newer_revision(findings))
        .order_by(table.window_start_ms, table.window_end_ms, table.check_name, table.version, table.kind)
    )
