"""The stages in order: (state of a group, now) -> notifications, and a reason for everybody not told. Pure.

A stage takes a candidate and passes it on, changed or not, or ends it with a reason not to tell.
Muting slots in as further stages before `compare_with_told`: it takes alerts out of `firing` or ends
the candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts.dedup import News, compare
from alerts.grouping import Phase, Timing, timing
from alerts.lifecycle import settle
from alerts.model import (
    Alert,
    Decision,
    DeliveryId,
    Fingerprint,
    Group,
    Notification,
    NotifyReason,
    SkipReason,
    Told,
    content_id,
)
from alerts.routing import Route


@dataclass(frozen=True, slots=True)
class GroupState:
    """All that the pipeline knows of one group: its members and what each channel was told."""

    group: Group
    members: tuple[Alert, ...]
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the configuration says: the routes by key, and the channels with whether they want resolved."""

    routes: Mapping[str, Route]
    channels: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may be sent: one group, one channel, one instant."""

    group: Group
    channel: str
    route: Route
    timing: Timing
    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    told: Told
    wants_resolved: bool
    at: datetime
    reason: NotifyReason | None = None


Stage = Callable[[Candidate], Candidate | SkipReason]


@dataclass(frozen=True, slots=True)
class Planned:
    """What follows for one group: messages, decisions, the told-log after, who left, whether it is over."""

    group: Group
    notifications: tuple[Notification, ...]
    decisions: tuple[Decision, ...]
    told: Mapping[str, Told]
    left: frozenset[Fingerprint]
    is_finished: bool


def compare_with_told(candidate: Candidate) -> Candidate | SkipReason:
    """Let through what this channel does not know yet, with the reason to tell it."""
    news = News(candidate.firing, candidate.resolved, candidate.wants_resolved)
    route = candidate.route
    reason = compare(candidate.told, news, candidate.timing.phase, candidate.at, route.remind_every)
    return reason if isinstance(reason, SkipReason) else replace(candidate, reason=reason)


STAGES: tuple[Stage, ...] = (compare_with_told,)


def plan(state: GroupState, setting: Setting, now: datetime, stages: tuple[Stage, ...] = STAGES) -> Planned:
    """Decide for one group what every channel is told at `now`, and why the others are not."""
    look = _look(state, setting, now)
    notifications, decisions = [], []
    told: dict[str, Told] = {}
    for channel, known in look.told.items():
        outcome = _decide(look, channel, known, stages)
        if isinstance(outcome, Candidate):
            notifications.append(_notification(outcome))
        told[channel], reason = _log(look, known, outcome)
        decisions.append(Decision(state.group.key, state.group.generation, channel, now, reason, look.when.next_at))
    left = _leaving(look, told)
    group = replace(state.group, checked_at=look.when.latest_at or state.group.checked_at)
    return Planned(group, tuple(notifications), tuple(decisions), told, left, len(left) == len(look.members))


@dataclass(frozen=True, slots=True)
class _Look:
    """One group as seen at one instant."""

    group: Group
    route: Route
    channels: Mapping[str, bool]
    when: Timing
    members: tuple[Alert, ...]
    told: Mapping[str, Told]
    now: datetime

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.members if alert.is_firing(self.now))

    @property
    def resolved(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.members if not alert.is_firing(self.now))


def _look(state: GroupState, setting: Setting, now: datetime) -> _Look:
    configured = setting.routes.get(state.group.route)
    route = configured or _orphan(state)
    when = timing(state.group, route, now) if configured else Timing(Phase.UPDATE, None, now)
    members = tuple(settle(alert, now) for alert in state.members)
    told = {channel: state.told.get(channel, Told()) for channel in (*route.channels, *state.told)}
    return _Look(state.group, route, setting.channels, when, members, told, now)


def _decide(look: _Look, channel: str, told: Told, stages: tuple[Stage, ...]) -> Candidate | SkipReason:
    if channel not in look.channels:
        return SkipReason.CHANNEL_REMOVED
    if channel not in look.route.channels and (look.firing or told.told_at is None):
        return SkipReason.ROUTE_REMOVED  # the end is still told, once everything is over
    candidate = Candidate(
        group=look.group,
        channel=channel,
        route=look.route,
        timing=look.when,
        firing=look.firing,
        resolved=look.resolved,
        told=told,
        wants_resolved=look.channels[channel],
        at=look.now,
    )
    for stage in stages:
        outcome = stage(candidate)
        if isinstance(outcome, SkipReason):
            return outcome
        candidate = outcome
    return candidate


def _log(look: _Look, told: Told, outcome: Candidate | SkipReason) -> tuple[Told, NotifyReason | SkipReason]:
    if isinstance(outcome, Candidate):
        reason = _reason(outcome)
        after = Told(
            firing={alert.fingerprint: alert.severity for alert in outcome.firing},
            resolved=frozenset(alert.fingerprint for alert in outcome.resolved),
            told_at=look.now,
            count=told.count + 1,
            decision=reason,
        )
        return after, reason
    after = replace(told, decision=outcome)
    if outcome in {SkipReason.SEND_RESOLVED_OFF, SkipReason.CHANNEL_REMOVED}:
        # not told, but known to be over: else an alert that fires again would not be new
        over = frozenset(alert.fingerprint for alert in look.resolved)
        firing = {name: severity for name, severity in told.firing.items() if name not in over}
        after = replace(after, firing=firing, resolved=over)
    return after, outcome


def _leaving(look: _Look, told: Mapping[str, Told]) -> frozenset[Fingerprint]:
    """Resolved alerts of which no channel still believes that they fire."""
    if look.when.phase is Phase.COLLECTING:
        return frozenset()
    believed = {name for log in told.values() for name in log.firing}
    return frozenset(alert.fingerprint for alert in look.resolved if alert.fingerprint not in believed)


def _reason(candidate: Candidate) -> NotifyReason:
    if candidate.reason is None:
        msg = f"no stage gave a reason to tell {candidate.channel} about group {candidate.group.key}"
        raise ValueError(msg)
    return candidate.reason


def _notification(candidate: Candidate) -> Notification:
    """Write down what to tell; of the resolved, only those that the channel had been told of."""
    group, number = candidate.group, str(candidate.told.count + 1)
    name = DeliveryId(content_id(group.key, str(group.generation), candidate.channel, number))
    known = candidate.told.firing if candidate.wants_resolved else {}
    resolved = tuple(alert for alert in candidate.resolved if alert.fingerprint in known)
    return Notification(name, group, candidate.channel, _reason(candidate), candidate.firing, resolved, candidate.at)


def _orphan(state: GroupState) -> Route:
    """Stand in for a route that is configured no more: its channels hear the end and nothing else."""
    return Route(
        key=state.group.route,
        matchers=(),
        channels=(),
        group_by=(),
        collect_for=timedelta(0),
        update_every=timedelta(seconds=1),
        remind_every=None,
    )
