"""Budgets of teams, for commands."""

from collections.abc import Mapping, Sequence

from alerts.budgets import BudgetDecision
from alerts.errors import BudgetRefused
from monitor.bootstrap.app import App
from monitor.bootstrap.telling import alert_service_of
from monitor.domain.errors import MonitorError
from monitor.domain.time import format_instant

Row = Mapping[str, object]


def list_budgets(app: App) -> Sequence[Row]:
    """A row a team: what it has spent, what is left, which rules are told in digests only."""
    return [
        {
            "team": account.budget.team,
            "budget": account.budget.words,
            "spent": account.total(),
            "left": max(0, account.budget.messages - account.total()),
            "demoted": sorted(account.demoted),
            "rules": [
                {"rule": rule, "messages": account.messages(rule), "noise": account.noise(rule)}
                for rule in sorted({one.rule for one in account.counted})
            ],
        }
        for account in alert_service_of(app).budgets.accounts()
    ]


def budget_history(app: App, limit: int) -> Sequence[Row]:
    """What was decided about rules, the latest first."""
    return list(map(_decision_row, alert_service_of(app).budgets.history(limit)))


def restore_rule(app: App, team: str, rule: str, by: str, reason: str) -> Row:
    """Tell a demoted rule's alerts as ever; MonitorError where it is not demoted."""
    try:
        return _decision_row(alert_service_of(app).budgets.restore(team, rule, by, reason))
    except BudgetRefused as error:
        raise MonitorError(str(error)) from error


def _decision_row(decision: BudgetDecision) -> Row:
    return {
        "at": format_instant(decision.at),
        "team": decision.team,
        "rule": decision.rule,
        "change": decision.change.value,
        "by": decision.by,
        "reason": decision.reason,
        "spent": decision.spent,
        "messages": decision.messages,
    }
