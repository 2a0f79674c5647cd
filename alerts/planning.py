"""Decide whom to tell: looks at the groups of which something may have changed, and writes down what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts import pipeline
from alerts.budgets import Budget, occasion_of, spent_on
from alerts.incidents import Incident, IncidentId, follow, incident_id
from alerts.lifecycle import settle
from alerts.model import Alert, Delivery, Fingerprint, Notification, Told
from alerts.muting import Circumstances, MutingRules, stages_at
from alerts.pipeline import Address, GroupState, Planned, Setting, Stage, without_reminders
from alerts.render.document import compose, dump_message, load_message
from alerts.silences import Silence
from alerts.storage import budgets, decisions, incidents, outbox, sql
from alerts.storage.budgets import TeamSpent
from alerts.storage.outbox import Queued
from alerts.storage.silences import silences_ending_after
from alerts.superseding import Unsent, ended_in, replaceable, standing_for

_UNTOLD = Told()

Muting = tuple[tuple[str, ...], tuple[str, ...], frozenset[tuple[str, str]]]
"""What mutes at an instant: the silences and the mute times that hold, and the rules that are demoted, by team."""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What planning came to: messages, and groups that are over; and what muted, None where nobody planned."""

    messages: int = 0
    finished: int = 0
    mutes: Muting | None = None


class Planner:
    """Plans for one configuration. A group is looked at when news of its alerts came in, when its time has come, and
    all are when what mutes has changed; of the others nothing can be new.
    """

    def __init__(self, setting: Setting, muting: MutingRules) -> None:
        """Begin by looking at every group: the configuration may be another than before."""
        self._setting = setting
        self._muting = muting
        self._seen: Muting | None = None

    def plan_all(self, conn: sa.Connection, now: datetime, folded: Mapping[Fingerprint, Alert]) -> PlanSummary:
        """Plan for every group of which something may have changed; `folded` are alerts as this turn wrote them."""
        silences = silences_ending_after(conn, now)
        demoted = budgets.demoted(conn, self._muting.budgets)
        mutes = self._mutes(silences, demoted, now)
        may_mute_others = bool(self._muting.inhibit)
        # any alert that begins or ends may begin or end an inhibition
        is_all = mutes != self._seen or (may_mute_others and sql.is_any_due(conn, now))
        stages: tuple[Stage, ...] = ()
        unsent: dict[Address, list[Unsent]] = {}
        messages = finished = 0
        for states in sql.due_groups(conn, None if is_all else now, folded):
            if not stages:
                explaining = sql.firing_alerts(conn, now) if may_mute_others else ()
                unsent = outbox.unsent(conn)
                last = without_reminders(incidents.handled_groups(conn), unsent)
                stages = (*stages_at(self._muting, Circumstances(explaining, silences, demoted), now), last)
            planned = [pipeline.plan(state, self._setting, now, stages) for state in states]
            _save(conn, list(zip(states, planned, strict=True)), unsent, now)
            budgets.put_spent(conn, _spent(planned, self._muting.budgets))
            messages += sum(len(plan.notifications) for plan in planned)
            finished += sum(plan.is_finished for plan in planned)
        return PlanSummary(messages, finished, mutes)

    def saw(self, planned: PlanSummary) -> None:
        """What `plan_all` did has been committed: what muted then has been acted upon."""
        self._seen = planned.mutes or self._seen

    def _mutes(self, silences: Sequence[Silence], demoted: frozenset[tuple[str, str]], now: datetime) -> Muting:
        holding = tuple(name for name, one in self._muting.mute_times.items() if one.holds(now))
        return tuple(sorted(one.id for one in silences if one.starts_at <= now)), holding, demoted


def _save(
    conn: sa.Connection,
    looks: Sequence[tuple[GroupState, Planned]],
    unsent: Mapping[Address, Sequence[Unsent]],
    now: datetime,
) -> None:
    sql.put_alerts(conn, [alert for state, _ in looks for alert in _settled(state, now)])
    cases = _follow(conn, looks, now)
    notifications = [one for _, planned in looks for one in planned.notifications]
    outbox.enqueue_all(
        conn,
        [
            Queued(one, dump_message(compose(one, cases.get(incident_id(one.group)))), instead_of)
            for one, instead_of in _superseding(conn, notifications, unsent, now)
        ],
    )
    decisions.put_decisions(
        conn,
        [
            decision
            for state, planned in looks
            for decision in planned.decisions
            if decision.is_told or _is_new(state.told, planned.told, decision.channel)
        ],
    )
    sql.put_told(
        conn,
        [
            (state.group, channel, log)
            for state, planned in looks
            for channel, log in planned.told.items()
            if log != state.told.get(channel)
        ],
    )
    sql.put_groups(
        conn,
        [
            sql.GroupAfter(
                planned.group,
                planned.left,
                now if planned.is_finished else None,
                _look_at(state, planned, now),
            )
            for state, planned in looks
        ],
    )


def _spent(planned: Sequence[Planned], all_budgets: Sequence[Budget]) -> Iterator[TeamSpent]:
    """What the messages take of budgets: one that disturbs nobody takes nothing, one to many channels counts once."""
    for one in (message for plan in planned for message in plan.notifications if all_budgets):
        occasion = occasion_of(one.group.key, one.group.generation, one.at)
        for budget in () if one.is_quiet else all_budgets:
            for spent in spent_on(budget, occasion, (*one.firing, *one.resolved), one.at):
                yield TeamSpent(budget.team, incident_id(one.group), spent)


def _superseding(
    conn: sa.Connection, planned: Sequence[Notification], unsent: Mapping[Address, Sequence[Unsent]], now: datetime
) -> list[tuple[Notification, Delivery | None]]:
    """The messages, each standing for those to the same channel about the same group that still wait; the last."""
    names = [name for one in planned for name in replaceable(unsent.get(_address(one), ()))]
    withdrawn: dict[Address, list[Delivery]] = {}
    for gone in outbox.withdraw(conn, names, now):
        withdrawn.setdefault((gone.group_key, gone.generation, gone.channel), []).append(gone)
    before = {of: [load_message(one.body) for one in gone] for of, gone in withdrawn.items()}
    known = sql.latest_alerts(conn, (name for messages in before.values() for name in ended_in(messages)))
    return [
        (standing_for(one, before[of], known), withdrawn[of][-1]) if of in withdrawn else (one, None)
        for one in planned
        for of in [_address(one)]
    ]


def _address(planned: Notification) -> Address:
    return planned.group.key, planned.group.generation, planned.channel


def _follow(
    conn: sa.Connection, looks: Sequence[tuple[GroupState, Planned]], now: datetime
) -> dict[IncidentId, Incident]:
    """Open, extend and resolve the incidents of these groups, once they have collected; how they stand."""
    known = incidents.cases_of(conn, [incident_id(state.group) for state, _ in looks])
    found: dict[IncidentId, Incident] = {name: case.incident for name, case in known.items()}
    changed = []
    for state, planned in looks:
        if planned.group.checked_at is None:
            continue  # it collects
        case = known.get(incident_id(state.group))
        followed = follow(case, state.group, state.members, now, is_over=planned.is_finished)
        if followed is not None:
            changed.append(followed)
            found[followed.case.incident.id] = followed.case.incident
    incidents.put_followed(conn, changed)
    return found


def _settled(state: GroupState, now: datetime) -> list[Alert]:
    return [after for before in state.members if (after := settle(before, now)) != before]


def _look_at(state: GroupState, planned: Planned, now: datetime) -> datetime | None:
    """When time alone may change what is told of a group: its next update or reminder, an announced end."""
    ends = [alert.ends_at for alert in state.members if alert.ends_at is not None and alert.ends_at > now]
    return min((*ends, *planned.next_at), default=None)


def _is_new(before: Mapping[str, Told], after: Mapping[str, Told], channel: str) -> bool:
    """Whether the reason has changed, or what is muted and why: a reason that lasts is written once."""
    one, other = before.get(channel, _UNTOLD), after[channel]
    return (one.decision, one.muted) != (other.decision, other.muted)
