"""The message that a team's budget is spent, and its row in digests. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.budgets import Account, BudgetDecision
from alerts.model import Notification, Severity
from alerts.render.document import Field, Message, Table, one_line
from alerts.render.wording import plural, when

_MAX_ROWS = 15


def compose_budget(account: Account, decisions: Sequence[BudgetDecision], planned: Notification) -> Message:
    """Say what was spent, which rules are told in digests only from now on, and how they come back."""
    budget, names = account.budget, ", ".join(one.rule for one in decisions)
    is_one = len(decisions) == 1
    back = f"driftline alerts budgets restore {budget.team} RULE"
    return Message(
        delivery_id=planned.id,
        group_key=planned.group.key,
        generation=planned.group.generation,
        channel=planned.channel,
        title=one_line(f"Budget of {budget.team} is spent: {names} only in digests"),
        severity=Severity.WARNING,
        is_resolved=False,
        reason=planned.reason,
        lead=f"{plural(account.total(), 'message')}, where the budget is {budget.words}. "
        f"{'This rule is' if is_one else 'These rules are'} told in digests only until the budget allows more"
        f"{'' if budget.may_demote_critical else '; critical alerts are told as ever'}.",
        fields=(Field("team", one_line(budget.team)), Field("to undo it", back)),
        entries=(),
        footer=f"Driftline, {when(planned.at)}, budget of {one_line(budget.team)}",
        at=planned.at,
        since=planned.at - budget.every,
        firing_count=0,
        resolved_count=0,
        tables=(
            Table("Decided", ("rule", "why"), tuple((one.rule, one.reason) for one in decisions)),
            by_rule(account),
        ),
    )


def by_rule(account: Account) -> Table:
    """Who spent it: the noisiest rule first."""
    rules = sorted({one.rule for one in account.counted}, key=lambda rule: (-account.messages(rule), rule))
    rows = [(rule, str(account.messages(rule)), str(account.messages(rule) - account.noise(rule))) for rule in rules]
    columns = ("rule", "messages", "of these confirmed or critical")
    return Table("Messages by rule", columns, tuple(rows[:_MAX_ROWS]), "None.", len(rows[_MAX_ROWS:]))


def standing(accounts: Sequence[Account]) -> Table:
    """How the budgets stand, for digests."""
    rows = tuple(
        (
            account.budget.team,
            account.budget.words,
            str(account.total()),
            ", ".join(sorted(account.demoted)) or "no rule",
        )
        for account in accounts
    )
    return Table("Budgets", ("team", "budget", "spent", "only in digests"), rows)
