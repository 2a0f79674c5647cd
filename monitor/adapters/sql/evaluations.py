"""Findings, rule states and transitions; one evaluation is one transaction, and happens once."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Row,
    Table,
    and_,
    column,
    exists,
    func,
    or_,
    select,
    update,
    values,
)

from monitor.adapters.sql.documents import finding_from_json, finding_to_json, memory_from_json, memory_to_json
from monitor.adapters.sql.engine import reading, writing
from monitor.adapters.sql.outbox import add_events
from monitor.adapters.sql.statements import add_one, add_plain, grouped, insert_new, replace_many, storable
from monitor.adapters.sql.tables import evaluations, findings, retrain_requests, rule_states, transitions
from monitor.adapters.sql.types import Milliseconds, Name, instant_text
from monitor.domain.evaluation import DoneEvaluation, Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind, Finding, Verdict, finding_ids
from monitor.domain.models import ModelRef
from monitor.domain.retraining import RetrainRequest
from monitor.domain.rules import Phase, Retirement, RuleState, Subject, Transition
from monitor.domain.time import from_ms, to_ms
from monitor.domain.windows import Window

_Values = dict[str, object]
_New = tuple[object, ...]
"""A row to write: values in the order of the table's columns."""


class SqlEvaluationStore:
    """The evaluation port on SQLite and PostgreSQL; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def done(self, since_ms: Mapping[str, int]) -> list[DoneEvaluation]:
        """The newest judged revision of every window that ends after its model's instant.

        By model, end, start and version.
        """
        if not since_ms:
            return []
        table = evaluations.c
        alike = grouped(since_ms, since_ms.__getitem__)
        statement = (
            select(evaluations)
            .where(or_(*(and_(table.model.in_(models), table.window_end_ms > since) for since, models in alike)))
            .where(~_has_newer_revision(evaluations))
            .order_by(table.model, table.window_end_ms, table.window_start_ms, table.version, table.kind)
        )
        with reading(self._engine) as connection:
            return [_done(row) for row in connection.execute(statement)]

    def rule_states(self, *models: str) -> dict[Subject, RuleState]:
        """Where every rule stands for these models."""
        table = rule_states.c
        statement = select(rule_states).where(table.model.in_(models)).order_by(table.model, table.rule, table.segment)
        with reading(self._engine) as connection:
            return {
                Subject(row.rule, row.model, row.segment): _rule_state(row) for row in connection.execute(statement)
            }

    def standing(self) -> dict[Subject, RuleState]:
        """Every rule that is not inactive, of all models, by model and rule."""
        table = rule_states.c
        statement = (
            select(rule_states)
            .where(table.phase != Phase.INACTIVE.value)
            .order_by(table.model, table.rule, table.segment)
        )
        with reading(self._engine) as connection:
            return {
                Subject(row.rule, row.model, row.segment): _rule_state(row) for row in connection.execute(statement)
            }

    def retire(self, retirement: Retirement) -> bool:
        """Save the end of a rule in one transaction; False when it does not stand where it was found any more."""
        table, before, transition = rule_states.c, retirement.before, retirement.transition
        statement = (
            update(rule_states)
            .where(table.model == transition.subject.model, table.rule == transition.subject.rule)
            .where(table.segment == transition.subject.segment)
            .where(table.phase == before.phase.value, table.folded_to.is_not_distinct_from(before.folded_to))
            .values(phase=transition.after.value, since=None, fired_at=None, clear_since=None, labels="{}", memory="")
        )
        with writing(self._engine) as connection:
            if connection.execute(statement).rowcount != 1:
                return False
            _save_transitions(connection, [transition])
            add_events(connection, [retirement.event] if retirement.event else [])
            return True

    def commit(self, commit: EvaluationCommit) -> bool:
        """Save everything of one evaluation in one transaction; False, and nothing saved, when it is there already."""
        with writing(self._engine) as connection:
            if not add_one(connection, evaluations, _evaluation_row(commit.evaluation, commit.judged_at_ms)):
                return False
            add_plain(connection, findings, [*_finding_rows(commit.findings)])
            replace_many(connection, rule_states, [_state_row(*one) for one in commit.states.items()])
            _save_transitions(connection, commit.transitions)
            add_events(connection, commit.events)
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
        table = findings.c
        statement = (
            select(table.document)
            .where(table.model == model)
            .where(~_has_newer_revision(findings))
            .order_by(table.window_start_ms, table.window_end_ms, table.check_name, table.version, table.kind)
        )
        if since is not None:
            statement = statement.where(table.window_start_ms >= to_ms(since))
        if until is not None:
            statement = statement.where(table.window_start_ms < to_ms(until))
        if kind is not None:
            statement = statement.where(table.kind == kind.value)
        with reading(self._engine) as connection:
            return [finding_from_json(document) for document in connection.execute(statement).scalars()]

    def last_findings(self, check_name: str, before: Mapping[ModelRef, datetime]) -> dict[ModelRef, Finding]:
        """The check's finding, in its newest revision, about the last window that starts before the version's instant.

        Versions without one are left out.
        """
        if not before:
            return {}
        refs = list(before)
        asked = values(
            column("place", Integer), column("model", Name), column("version", Name), column("ms", Milliseconds)
        )
        about = asked.data([(k, ref.name, ref.version, to_ms(before[ref])) for k, ref in enumerate(refs)]).cte("asked")
        table, of = findings.c, about.c
        last = (
            select(table.document)
            .where(table.model == of.model, table.version == of.version, table.check_name == check_name)
            .where(table.window_start_ms < of.ms)
            .order_by(table.window_start_ms.desc(), table.window_end_ms.desc(), table.revision.desc())
            .limit(1)
            .scalar_subquery()
        )
        with reading(self._engine) as connection:
            found = connection.execute(select(of.place, last)).all()
        return {refs[place]: finding_from_json(document) for place, document in found if document is not None}

    def bad_windows(self, ref: ModelRef, check_name: str, since: datetime, until: datetime) -> list[Window]:
        """The windows that overlap [since, until) and of which the check's newest finding is bad, oldest first."""
        table, judged = findings.c, evaluations.c
        # findings are found by where their windows start: without a first start every earlier one would be looked at
        first_ms = (
            select(func.min(judged.window_start_ms))
            .where(judged.model == ref.name, judged.window_end_ms > to_ms(since))
            .scalar_subquery()
        )
        statement = (
            select(table.window_start_ms, table.window_end_ms)
            .where(table.model == ref.name, table.version == ref.version, table.check_name == check_name)
            .where(table.window_start_ms >= first_ms)
            .where(table.window_start_ms < to_ms(until), table.window_end_ms > to_ms(since))
            .where(table.verdict.in_([verdict.value for verdict in Verdict if verdict.is_bad]))
            .where(~_has_newer_revision(findings))
            .order_by(table.window_start_ms, table.window_end_ms)
        )
        with reading(self._engine) as connection:
            return [Window(from_ms(start), from_ms(end)) for start, end in connection.execute(statement)]

    def transitions(self, model: str | None = None) -> list[Transition]:
        """Every recorded change of phase, oldest first (by event time, then as they were recorded)."""
        statement = select(transitions).order_by(transitions.c.at, transitions.c.sequence)
        if model is not None:
            statement = statement.where(transitions.c.model == model)
        with reading(self._engine) as connection:
            return [_transition(row) for row in connection.execute(statement)]


def _has_newer_revision(table: Table) -> ColumnElement[bool]:
    """Whether the window of a row of evaluations or findings has been judged again since."""
    newer = evaluations.alias("newer")
    window = ("model", "version", "window_start_ms", "window_end_ms", "kind")
    return exists().where(
        and_(*(newer.c[name] == table.c[name] for name in window), newer.c.revision > table.c.revision)
    )


def _save_transitions(connection: Connection, new: Sequence[Transition]) -> None:
    if new:
        connection.execute(insert_new(connection, transitions), [_transition_values(transition) for transition in new])


def _save_requests(connection: Connection, new: Sequence[RetrainRequest]) -> None:
    if new:
        connection.execute(insert_new(connection, retrain_requests), [_request_values(request) for request in new])


def _evaluation_row(evaluation: Evaluation, judged_at_ms: int) -> _New:
    about = _about(evaluation.model, evaluation.window, evaluation.revision, evaluation.kind)
    return *about, evaluation.mark, judged_at_ms


def _finding_rows(new: Iterable[Finding]) -> Iterator[_New]:
    for (ref, window, revision, kind), of_window in groupby(
        new, lambda one: (one.model, one.window, one.revision, one.kind)
    ):
        about, id_of = _about(ref, window, revision, kind), finding_ids(ref, window, revision, kind)
        for finding in of_window:
            name = finding.check.name
            yield id_of(name), *about, storable(name), *_said(finding)


def _about(ref: ModelRef, window: Window, revision: int, kind: EvaluationKind) -> _New:
    return storable(ref.name), storable(ref.version), window.start_ms, window.end_ms, kind.value, revision


def _said(finding: Finding) -> _New:
    check, result = finding.check, finding.result
    return (
        storable(check.test),
        storable(check.column),
        storable(check.segment),
        finding.verdict.value,
        storable(finding.reason),
        None if result is None else float(result.statistic),
        None if result is None or result.p_value is None else float(result.p_value),
        finding_to_json(finding),
    )


def _state_row(subject: Subject, state: RuleState) -> _New:
    return (
        storable(subject.rule),
        storable(subject.model),
        state.phase.value,
        *map(instant_text, (state.since, state.fired_at, state.clear_since, state.folded_to)),
        json.dumps(dict(state.labels), sort_keys=True),
        storable(subject.segment),
        memory_to_json(state.memory),
    )


def _transition_values(transition: Transition) -> _Values:
    return {
        "rule": transition.subject.rule,
        "model": transition.subject.model,
        "segment": transition.subject.segment,
        "at": transition.at,
        "before": transition.before.value,
        "after": transition.after.value,
        "window_start_ms": transition.window.start_ms,
        "window_end_ms": transition.window.end_ms,
        "why": transition.why,
    }


def _request_values(request: RetrainRequest) -> _Values:
    return {
        "key": request.key,
        "model": request.model,
        "version": request.version,
        "rule": request.rule,
        "at": request.at,
        "why": request.why,
    }


def _done(row: Row[tuple[object, ...]]) -> DoneEvaluation:
    window = Window(from_ms(row.window_start_ms), from_ms(row.window_end_ms))
    return DoneEvaluation(ModelRef(row.model, row.version), window, EvaluationKind(row.kind), row.revision, row.mark)


def _rule_state(row: Row[tuple[object, ...]]) -> RuleState:
    labels, memory = json.loads(row.labels), memory_from_json(row.memory)
    return RuleState(Phase(row.phase), row.since, row.fired_at, row.clear_since, row.folded_to, labels, memory)


def _transition(row: Row[tuple[object, ...]]) -> Transition:
    window = Window(from_ms(row.window_start_ms), from_ms(row.window_end_ms))
    subject = Subject(row.rule, row.model, row.segment)
    return Transition(subject, Phase(row.before), Phase(row.after), row.at, window, row.why)
