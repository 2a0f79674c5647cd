"""The stages in order: (state of a group, now) -> notifications, and a reason for everybody not told. Pure.

A stage takes a candidate and passes it on, changed or not, or ends it with a reason not to tell.
Muting slots in as further stages before `compare_with_told` (`alerts.muting`): it marks alerts as muted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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
    GroupKey,
    Muted,
    MutedAlert,
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
    muted: Mapping[Fingerprint, Muted] = field(default_factory=dict)
    reason: NotifyReason | None = None

    @property
    def news(self) -> News:
        """What there is to tell, seen without what was told."""
        return News(self.firing, self.resolved, self.wants_resolved, self.muted)


Stage = Callable[[Candidate], Candidate | SkipReason]

Address = tuple[GroupKey, int, str]
"""To whom about what: the key and the generation of a group, and a channel."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What follows for one group: messages, decisions, the told-log after, who left, whether it is over.

    `next_at` are the update time and the reminders at which time alone may bring something to tell.
    """

    group: Group
    notifications: tuple[Notification, ...]
    decisions: tuple[Decision, ...]
    told: Mapping[str, Told]
    left: frozenset[Fingerprint]
    is_finished: bool
    next_at: tuple[datetime, ...] = ()


def compare_with_told(candidate: Candidate) -> Candidate | SkipReason:
    """Let through what this channel does not know yet, with the reason to tell it."""
    route = candidate.route
    reason = compare(candidate.told, candidate.news, candidate.timing.phase, candidate.at, route.remind_every)
    return reason if isinstance(reason, SkipReason) else replace(candidate, reason=reason)


STAGES: tuple[Stage, ...] = (compare_with_told,)


def without_reminders(handled: Collection[tuple[GroupKey, int]], unsent: Collection[Address]) -> Stage:
    """The last stage: no reminders of groups (key, generation) that somebody deals with, and none to where the message
    before has not gone out. Whatever is new is told.
    """

    def stop(candidate: Candidate) -> Candidate | SkipReason:
        of = (candidate.group.key, candidate.group.generation)
        if candidate.reason is not NotifyReason.REMINDER:
            return candidate
        if of in handled:
            return SkipReason.ACKNOWLEDGED
        return SkipReason.UNSENT if (*of, candidate.channel) in unsent else candidate

    return stop


_MAX_MUTED = 100  # alerts that one decision names
_ENDS = frozenset({NotifyReason.SOME_RESOLVED, NotifyReason.ALL_RESOLVED})


def plan(state: GroupState, setting: Setting, now: datetime, stages: tuple[Stage, ...] = STAGES) -> Planned:
    """Decide for one group what every channel is told at `now`, and why the others are not."""
    look = _look(state, setting, now)
    notifications, decisions = [], []
    told: dict[str, Told] = {}
    for channel, known in look.told.items():
        candidate, refused = _decide(look, channel, known, stages)
        if refused is None:
            notifications.append(_notification(candidate))
        told[channel] = _log(candidate, refused)
        decisions.append(_decision(candidate, refused or _reason(candidate), look.when.next_at))
    left = _leaving(look, told)
    group = replace(state.group, checked_at=look.when.latest_at or state.group.checked_at)
    is_finished = len(left) == len(look.members)
    return Planned(group, tuple(notifications), tuple(decisions), told, left, is_finished, _next_at(look, told))


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


def _decide(look: _Look, channel: str, told: Told, stages: tuple[Stage, ...]) -> tuple[Candidate, SkipReason | None]:
    """The candidate as far as it came, and the reason that stopped it, if one did."""
    candidate = Candidate(
        group=look.group,
        channel=channel,
        route=look.route,
        timing=look.when,
        firing=look.firing,
        resolved=look.resolved,
        told=told,
        wants_resolved=look.channels.get(channel, False),
        at=look.now,
    )
    if channel not in look.channels:
        return candidate, SkipReason.CHANNEL_REMOVED
    if channel not in look.route.channels and (look.firing or told.told_at is None):
        return candidate, SkipReason.ROUTE_REMOVED  # the end is still told, once everything is over
    for stage in stages:
        outcome = stage(candidate)
        if isinstance(outcome, SkipReason):
            return candidate, outcome
        candidate = outcome
    return candidate, None


def _decision(candidate: Candidate, reason: NotifyReason | SkipReason, next_at: datetime) -> Decision:
    left_out = tuple(
        MutedAlert(alert.labels, candidate.muted[alert.fingerprint])
        for alert in candidate.firing
        if alert.fingerprint in candidate.muted
    )
    group = candidate.group
    return Decision(
        group.key, group.generation, candidate.channel, candidate.at, reason, next_at, left_out[:_MAX_MUTED]
    )


def _log(candidate: Candidate, refused: SkipReason | None) -> Told:
    """What the channel knows afterwards, and what was kept from it."""
    told = candidate.told
    firing = {alert.fingerprint: alert.severity for alert in candidate.firing}
    muted = {name: why for name, why in candidate.muted.items() if name in firing}
    over = frozenset(alert.fingerprint for alert in candidate.resolved)
    if refused is None:
        return Told(
            firing={name: severity for name, severity in firing.items() if name not in muted},
            owed=told.believed & muted.keys(),
            muted=muted,
            resolved=over,
            told_at=candidate.at,
            count=told.count + 1,
            decision=_reason(candidate),
            sent_at=told.sent_at,
        )
    after = replace(told, decision=refused, muted=muted)
    if refused in {SkipReason.SEND_RESOLVED_OFF, SkipReason.CHANNEL_REMOVED}:
        # not told, but known to be over: else an alert that fires again would not be new
        left = {name: severity for name, severity in told.firing.items() if name not in over}
        after = replace(after, firing=left, owed=told.owed - over, resolved=over)
    return after


def _leaving(look: _Look, told: Mapping[str, Told]) -> frozenset[Fingerprint]:
    """Resolved alerts of which no channel still believes that they fire."""
    if look.when.phase is Phase.COLLECTING:
        return frozenset()
    believed = {name for log in told.values() for name in log.believed}
    return frozenset(alert.fingerprint for alert in look.resolved if alert.fingerprint not in believed)


def _next_at(look: _Look, told: Mapping[str, Told]) -> tuple[datetime, ...]:
    every = look.route.remind_every
    heard_at = [log.heard_at for log in told.values() if log.heard_at is not None]
    reminders = [] if every is None else [at + every for at in heard_at if at + every > look.now]
    return (look.when.next_at, *reminders)


def _reason(candidate: Candidate) -> NotifyReason:
    if candidate.reason is None:
        msg = f"no stage gave a reason to tell {candidate.channel} about group {candidate.group.key}"
        raise ValueError(msg)
    return candidate.reason


def _notification(candidate: Candidate) -> Notification:
    """Write down what to tell; of the resolved, only those that the channel had been told of."""
    group, number = candidate.group, str(candidate.told.count + 1)
    name = DeliveryId(content_id(group.key, str(group.generation), candidate.channel, number))
    news = candidate.news
    return Notification(
        id=name,
        group=group,
        channel=candidate.channel,
        reason=_reason(candidate),
        firing=news.audible,
        resolved=news.ended(candidate.told) if candidate.wants_resolved else (),
        at=candidate.at,
        muted=len(news.firing) - len(news.audible),
        is_quiet=candidate.reason in _ENDS and news.is_quiet(candidate.told),
    )


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
