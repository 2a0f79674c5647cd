"""How many messages a team bears, and which rule is told in digests only when it hears more. Pure.

The budget is of the last day, week or month, at any instant. A message counts once, however many channels it went to,
and not at all where it reached none: where another took its place while it waited, or every channel refused it.
Decided in docs/decisions/0033.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from alerts.incidents import OURSELVES
from alerts.model import Alert, Muted, MuteReason, Severity, content_id
from alerts.routing import Matcher, routable

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """A team's: at most so many messages in `every`; `rule_label` is the label that names the rule of an alert."""

    team: str
    messages: int
    every: timedelta
    words: str
    channels: tuple[str, ...]
    matchers: tuple[Matcher, ...]
    rule_label: str = "alertname"
    may_demote_critical: bool = False

    def rule_of(self, alert: Alert) -> str:
        """The rule of an alert of this team; empty where it is another's."""
        labels = routable(alert.labels, alert.severity)
        return labels.get(self.rule_label, "") if all(one.accepts(labels) for one in self.matchers) else ""


@dataclass(frozen=True, slots=True)
class Spent:
    """A message, by its `occasion`, with an alert of a rule; the severity is that alert's."""

    occasion: str
    rule: str
    at: datetime
    severity: Severity
    is_confirmed: bool = False


class BudgetChange(StrEnum):
    """What became of a rule."""

    DEMOTED = "demoted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class BudgetDecision:
    """A rule of a team was demoted or restored: when (our clock), by whom, why, and the numbers that it rests on.

    `spent` are the team's messages in the budget's time before, `messages` those with the rule.
    """

    team: str
    rule: str
    change: BudgetChange
    at: datetime
    by: str
    reason: str
    spent: int
    messages: int


@dataclass(frozen=True, slots=True)
class Account:
    """What a team has spent by an instant, and what was decided about its rules: the latest of each."""

    budget: Budget
    spent: Sequence[Spent]
    decided: Mapping[str, BudgetDecision]

    @property
    def demoted(self) -> frozenset[str]:
        """The rules that are told in digests only."""
        return frozenset(rule for rule, last in self.decided.items() if last.change is BudgetChange.DEMOTED)

    @property
    def counted(self) -> Sequence[Spent]:
        """What counts: not what a rule had sent before a person restored it."""
        return [one for one in self.spent if one.at > self._forgiven(one.rule)]

    def total(self) -> int:
        """All messages that count."""
        return len({one.occasion for one in self.counted})

    def without(self, demoted: Collection[str]) -> int:
        """The messages there would have been with these rules demoted."""
        return len({one.occasion for one in self.counted if one.rule not in demoted or not self._can_be_kept(one)})

    def messages(self, rule: str) -> int:
        """The messages with a rule."""
        return len({one.occasion for one in self.counted if one.rule == rule})

    def noise(self, rule: str) -> int:
        """Its messages that could be kept from people, less those about what somebody confirmed."""
        own = (one for one in self.counted if one.rule == rule and self._can_be_kept(one) and not one.is_confirmed)
        return len({one.occasion for one in own})

    def _can_be_kept(self, one: Spent) -> bool:
        return self.budget.may_demote_critical or one.severity is not Severity.CRITICAL

    def _forgiven(self, rule: str) -> datetime:
        last = self.decided.get(rule)
        is_by_hand = last is not None and last.change is BudgetChange.RESTORED and last.by != OURSELVES
        return last.at if last is not None and is_by_hand else _LONG_AGO


def judge(account: Account, now: datetime) -> list[BudgetDecision]:
    """The rules to demote, the noisiest first, until the rest keeps within the budget; or else those that come back.

    A demoted rule comes back when half of its messages are older than the budget's time and what is left of them,
    with those of the others, is within the budget.
    """
    return _demoted(account, now) or _restored(account, now)


def _demoted(account: Account, now: datetime) -> list[BudgetDecision]:
    demoted, decisions = set(account.demoted), list[BudgetDecision]()
    rules = {one.rule for one in account.counted}
    while (left := account.without(demoted)) > account.budget.messages:
        noisiest = min(rules - demoted, key=lambda rule: (-account.noise(rule), rule), default=None)
        if noisiest is None or account.noise(noisiest) == 0:
            break
        noise, messages = account.noise(noisiest), account.messages(noisiest)
        why = (
            f"{left} messages of {account.budget.words}; {noise} of its {messages} could be kept and are not confirmed"
        )
        decisions.append(_decision(account, noisiest, BudgetChange.DEMOTED, now, why))
        demoted.add(noisiest)
    return decisions


def _restored(account: Account, now: datetime) -> list[BudgetDecision]:
    demoted, decisions = set(account.demoted), list[BudgetDecision]()
    for rule in sorted(demoted, key=lambda one: (account.decided[one].at, one)):
        messages, then = account.messages(rule), account.decided[rule].messages
        left = account.without(demoted - {rule})
        if messages <= then // 2 and left <= account.budget.messages:
            why = f"{messages} of its {then} messages are left, and with them {left} of {account.budget.words}"
            decisions.append(_decision(account, rule, BudgetChange.RESTORED, now, why))
            demoted.discard(rule)
    return decisions


def _decision(account: Account, rule: str, change: BudgetChange, now: datetime, why: str) -> BudgetDecision:
    return BudgetDecision(
        account.budget.team, rule, change, now, OURSELVES, why, account.total(), account.messages(rule)
    )


@dataclass(frozen=True, slots=True)
class Demoter:
    """Mutes the alerts of demoted rules, by team and rule."""

    budgets: Sequence[Budget]
    demoted: Collection[tuple[str, str]]

    def muted(self, alert: Alert) -> Muted | None:
        """Why this alert is left to digests; None when it is told."""
        for budget in self.budgets if self.demoted else ():
            rule = budget.rule_of(alert)
            is_exempt = alert.severity is Severity.CRITICAL and not budget.may_demote_critical
            if (budget.team, rule) in self.demoted and not is_exempt:
                return Muted(MuteReason.DEMOTED, f"the budget of {budget.team} ({budget.words}) is spent")
        return None


def occasion_of(group_key: str, generation: int, at: datetime) -> str:
    """What names a message, to whatever channels it went: its group, and when it was planned."""
    return content_id(group_key, str(generation), at.isoformat())


def spent_on(budget: Budget, occasion: str, alerts: Iterable[Alert], at: datetime) -> list[Spent]:
    """What a message about these alerts takes of a budget: each rule once, with its worst alert."""
    worst: dict[str, Severity] = {}
    for alert in alerts:
        rule = budget.rule_of(alert)
        worst[rule] = max(alert.severity, worst.get(rule, alert.severity), key=lambda severity: severity.rank)
    return [Spent(occasion, rule, at, severity) for rule, severity in sorted(worst.items()) if rule]
