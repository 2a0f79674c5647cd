"""Budgets as they are kept: judged after every turn of planning, told to the team, seen and changed by people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.budgets import Account, Budget, BudgetChange, BudgetDecision, judge
from alerts.errors import BudgetRefused
from alerts.model import DeliveryId, Group, GroupKey, Labels, Notification, NotifyReason, content_id
from alerts.ports import Clock, Transaction
from alerts.render.budget import compose_budget
from alerts.render.document import dump_message
from alerts.storage import budgets, outbox, sql
from alerts.storage.outbox import Queued


@dataclass(frozen=True, slots=True)
class BudgetBook:
    """The budgets of one configuration in one database."""

    transaction: Transaction
    clock: Clock
    budgets: Sequence[Budget]

    def accounts(self) -> list[Account]:
        """What each team has spent by now."""
        with self.transaction() as conn:
            return [budgets.account_of(conn, budget, self.clock.now()) for budget in self.budgets]

    def history(self, limit: int = 100) -> list[BudgetDecision]:
        """Everything that was decided, the latest first."""
        with self.transaction() as conn:
            return budgets.listed_budget_decisions(conn, limit)

    def restore(self, team: str, rule: str, by: str, reason: str) -> BudgetDecision:
        """Tell a rule's alerts as ever; what it has sent so far counts no more. Raises BudgetRefused."""
        if not by.strip():
            raise BudgetRefused("say who does it: whoever reads the history must know whom to ask")
        now = self.clock.now()
        with self.transaction() as conn:
            sql.take_turn(conn)
            account = budgets.account_of(conn, _of_team(self.budgets, team), now)
            if rule not in account.demoted:
                demoted = ", ".join(sorted(account.demoted)) or "none is"
                raise BudgetRefused(f"rule {rule!r} of {team} is not demoted; demoted: {demoted}")
            total, messages = account.total(), account.messages(rule)
            decision = BudgetDecision(team, rule, BudgetChange.RESTORED, now, by, reason, total, messages)
            budgets.put_budget_decisions(conn, [decision])
        return decision


def keep_budgets(conn: sa.Connection, kept: Sequence[Budget], now: datetime) -> int:
    """Demote and restore rules as the budgets ask for, and tell the teams; how many messages. The turn is taken."""
    queued: list[Queued] = []
    for budget in kept:
        account = budgets.account_of(conn, budget, now)
        decisions = judge(account, now)
        budgets.put_budget_decisions(conn, decisions)
        if any(one.change is BudgetChange.DEMOTED for one in decisions):
            queued += _messages(account, decisions, now)
    outbox.enqueue_all(conn, queued)
    return len(queued)


def _messages(account: Account, decisions: Sequence[BudgetDecision], now: datetime) -> Iterator[Queued]:
    team = account.budget.team
    group = Group(GroupKey(content_id("budget", team)), "budget", Labels.of({}), 0, now)
    for channel in account.budget.channels:
        name = DeliveryId(content_id("budget", team, channel, now.isoformat()))
        planned = Notification(name, group, channel, NotifyReason.BUDGET, firing=(), resolved=(), at=now)
        yield Queued(planned, dump_message(compose_budget(account, decisions, planned)))


def _of_team(kept: Sequence[Budget], team: str) -> Budget:
    found = next((one for one in kept if one.team == team), None)
    if found is None:
        known = ", ".join(one.team for one in kept) or "none"
        raise BudgetRefused(f"team {team!r} has no budget; with one: {known}")
    return found
