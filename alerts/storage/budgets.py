"""Budgets of teams in SQL. A connection in, values out; the caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.budgets import Account, Budget, BudgetChange, BudgetDecision, Spent, occasion_of
from alerts.incidents import IncidentId, Mark
from alerts.model import DeliveryState, Severity
from alerts.storage.bulk import upsert, write_many
from alerts.storage.rows import Row, Values
from alerts.storage.sql import chunks
from alerts.storage.tables import budget_decisions, deliveries, incidents, spending

Address = tuple[str, int, datetime]
"""A message of a group's generation, by when it was planned."""


@dataclass(frozen=True, slots=True)
class TeamSpent:
    """What a message took of a team's budget, and the incident that it was about."""

    team: str
    incident: IncidentId
    spent: Spent


def put_spent(conn: sa.Connection, batch: Iterable[TeamSpent]) -> None:
    """Write down what messages took; the same message to another channel takes nothing more."""
    rows: list[Values] = [
        {
            "occasion": one.spent.occasion,
            "team": one.team,
            "rule": one.spent.rule,
            "at": one.spent.at,
            "severity": one.spent.severity.value,
            "incident_id": one.incident,
        }
        for one in batch
    ]
    write_many(conn, upsert(conn.dialect.name, spending, ("occasion", "team", "rule"), ()), rows)


def account_of(conn: sa.Connection, budget: Budget, now: datetime) -> Account:
    """What the team spent in the budget's time before an instant, and the latest decision about each rule.

    What waits to be sent counts, for it is about to be heard; what nobody will hear does not.
    """
    unheard = _unheard(conn, now - budget.every)
    query = (
        sa.select(spending, incidents.c.mark)
        .outerjoin(incidents, incidents.c.incident_id == spending.c.incident_id)
        .where(spending.c.team == budget.team, spending.c.at > now - budget.every, spending.c.at <= now)
        .order_by(spending.c.at, spending.c.occasion, spending.c.rule)
    )
    spent = [
        Spent(row["occasion"], row["rule"], row["at"], Severity(row["severity"]), row["mark"] == Mark.CONFIRMED.value)
        for row in conn.execute(query).mappings()
        if row["occasion"] not in unheard
    ]
    return Account(budget, spent, {one.rule: one for one in _latest(conn, [budget])})


def demoted(conn: sa.Connection, budgets: Sequence[Budget]) -> frozenset[tuple[str, str]]:
    """The rules that are told in digests only, by team."""
    return frozenset((one.team, one.rule) for one in _latest(conn, budgets) if one.change is BudgetChange.DEMOTED)


def put_budget_decisions(conn: sa.Connection, batch: Sequence[BudgetDecision]) -> None:
    """Write decisions down, in their order."""
    if batch:
        conn.execute(sa.insert(budget_decisions), list(map(_values, batch)))


def listed_budget_decisions(
    conn: sa.Connection, limit: int, since: datetime | None = None, until: datetime | None = None
) -> list[BudgetDecision]:
    """Decisions, the latest first, of a period [since, until) or of all."""
    query = sa.select(budget_decisions).order_by(budget_decisions.c.seq.desc()).limit(limit)
    query = query if since is None else query.where(budget_decisions.c.at >= since)
    query = query if until is None else query.where(budget_decisions.c.at < until)
    return [_decision_of(row) for row in conn.execute(query).mappings()]


def prune_spending(conn: sa.Connection, before: datetime) -> int:
    """Forget what was spent before an instant; how many rows. Decisions stay: they are few."""
    return conn.execute(sa.delete(spending).where(spending.c.at < before)).rowcount


def _unheard(conn: sa.Connection, since: datetime) -> set[str]:
    """The messages since then that reached no channel and will reach none."""
    is_gone = deliveries.c.state.in_([DeliveryState.SUPERSEDED.value, DeliveryState.DEAD.value])
    gone = _planned(conn, sa.and_(is_gone, deliveries.c.created_at > since))
    heard: set[Address] = set()
    for chunk in chunks(sorted({key for key, _, _ in gone})):
        heard |= _planned(conn, sa.and_(deliveries.c.group_key.in_(chunk), ~is_gone, deliveries.c.created_at > since))
    return {occasion_of(*one) for one in gone - heard}


def _planned(conn: sa.Connection, which: sa.ColumnElement[bool]) -> set[Address]:
    query = sa.select(deliveries.c.group_key, deliveries.c.generation, deliveries.c.created_at).where(which)
    return {(row.group_key, row.generation, row.created_at) for row in conn.execute(query)}


def _latest(conn: sa.Connection, budgets: Sequence[Budget]) -> list[BudgetDecision]:
    if not budgets:
        return []
    newest = (
        sa.select(sa.func.max(budget_decisions.c.seq))
        .where(budget_decisions.c.team.in_([budget.team for budget in budgets]))
        .group_by(budget_decisions.c.team, budget_decisions.c.rule)
    )
    rows = conn.execute(sa.select(budget_decisions).where(budget_decisions.c.seq.in_(newest))).mappings()
    return [_decision_of(row) for row in rows]


def _values(decision: BudgetDecision) -> Values:
    values = asdict(decision)
    values["author"] = values.pop("by")
    return {**values, "change": decision.change.value}


def _decision_of(row: Row) -> BudgetDecision:
    return BudgetDecision(
        team=row["team"],
        rule=row["rule"],
        change=BudgetChange(row["change"]),
        at=row["at"],
        by=row["author"],
        reason=row["reason"],
        spent=row["spent"],
        messages=row["messages"],
    )
