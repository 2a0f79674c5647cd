"""Incidents: what people do about a group that fires. Pure; where an incident stands is the fold of its events.

One incident belongs to one generation of one group: it opens when the group has collected and something fires, alerts
that come later join it, and it resolves by itself when the group is over. A person may resolve it before; what begins
to fire after that opens it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NewType

from alerts.errors import IncidentRefused, StepMistaken
from alerts.model import Alert, Fingerprint, Group, GroupKey, Labels, Severity, content_id

IncidentId = NewType("IncidentId", str)

OURSELVES = "driftline"
"""The author of what nobody did by hand."""

_MOST_CHARS = 2000


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # somebody is on it: no reminders, but everything new is told
    RESOLVED = "resolved"


class Mark(StrEnum):
    """What an incident turned out to be; precision is counted from it."""

    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false_positive"  # not a problem


class Change(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    JOINED = "joined"  # an alert that came later
    REOPENED = "reopened"  # something began to fire after a person had resolved it
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    NOTED = "noted"
    MARKED = "marked"
    SILENCED = "silenced"
    RETRAINING = "retraining"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One change: by whom, when, why. `value` is what the change needs: the assignee, the mark, the alert.

    `key` tells two presses of one button apart from one press that came twice.
    """

    incident: IncidentId
    change: Change
    at: datetime
    by: str
    value: str = ""
    reason: str = ""
    key: str = ""

    @property
    def id(self) -> str:
        """The same event is the same row."""
        once = (self.key,) if self.key else (self.reason, self.at.isoformat())
        return content_id(self.incident, self.change, self.by, self.value, *once)


@dataclass(frozen=True, slots=True)
class Incident:
    """What people see of it. `severity` is the worst so far; `mark` is None while nobody has said what it was."""

    id: IncidentId
    group_key: GroupKey
    generation: int
    route: str
    group_labels: Labels
    title: str
    severity: Severity
    opened_at: datetime
    state: IncidentState = IncidentState.OPEN
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    assignee: str = ""
    mark: Mark | None = None
    marked_by: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""

    @property
    def summary(self) -> str:
        """Its state in a line, for messages."""
        parts = [str(self.state)]
        if self.state is IncidentState.ACKNOWLEDGED:
            parts = [f"acknowledged by {self.acknowledged_by}"]
        if self.state is IncidentState.RESOLVED and self.resolved_by != OURSELVES:
            parts = [f"resolved by {self.resolved_by}"]
        if self.assignee:
            parts.append(f"assigned to {self.assignee}")
        if self.mark is not None:
            parts.append(f"{mark_words(self.mark)} ({self.marked_by})")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Involved:
    """An alert of an incident. `starts_at` and `ends_at` are what its events said; `joined_at` is our clock."""

    fingerprint: Fingerprint
    occurrence: int
    labels: Labels
    title: str
    severity: Severity
    starts_at: datetime
    joined_at: datetime
    ends_at: datetime | None = None

    @property
    def name(self) -> tuple[Fingerprint, int]:
        """Which occurrence of which alert."""
        return self.fingerprint, self.occurrence


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with its alerts."""

    incident: Incident
    alerts: tuple[Involved, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """What one look at a group did to its incident: the case, its alerts that are new or changed, and the events."""

    case: Case
    changed: tuple[Involved, ...]
    events: tuple[IncidentEvent, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What a person wants done. `value` and `key` are those of the event."""

    change: Change
    by: str
    reason: str = ""
    value: str = ""
    key: str = ""

    def event(self, incident: IncidentId, at: datetime) -> IncidentEvent:
        """What taking it writes down."""
        by, value, reason = map(_printable, (self.by, self.value, self.reason))
        return IncidentEvent(incident, self.change, at, by, value, reason, self.key)


def incident_id(group: Group) -> IncidentId:
    """The incident of a group's generation."""
    return _incident_id(group.key, group.generation)


@lru_cache(maxsize=1024)  # every look at a group asks for it several times
def _incident_id(key: GroupKey, generation: int) -> IncidentId:
    return IncidentId(content_id("incident", key, str(generation)))


def mark_words(mark: Mark) -> str:
    """A mark as people say it."""
    return "a real problem" if mark is Mark.CONFIRMED else "not a problem"


def advance(incident: Incident, event: IncidentEvent) -> Incident:
    """The incident after one more event."""
    match event.change:
        case Change.REOPENED:
            again = replace(incident, state=IncidentState.OPEN, resolved_at=None, resolved_by="")
            return replace(again, acknowledged_at=None, acknowledged_by="")
        case Change.ACKNOWLEDGED:
            acknowledged = replace(incident, acknowledged_at=event.at, acknowledged_by=event.by)
            return replace(acknowledged, state=IncidentState.ACKNOWLEDGED)
        case Change.ASSIGNED:
            return replace(incident, assignee=event.value)
        case Change.MARKED:
            return replace(incident, mark=Mark(event.value), marked_by=event.by)
        case Change.RESOLVED:
            return replace(incident, state=IncidentState.RESOLVED, resolved_at=event.at, resolved_by=event.by)
        case _:
            return incident


def decide(incident: Incident, step: Step, at: datetime) -> IncidentEvent:
    """The event of a person's step; raises IncidentRefused, which says why it cannot be done."""
    _check_words(step)
    if step.change in {Change.RESOLVED, Change.ACKNOWLEDGED} and incident.state is IncidentState.RESOLVED:
        raise IncidentRefused(_already(incident, "resolved", incident.resolved_by, incident.resolved_at))
    if step.change is Change.ACKNOWLEDGED and incident.state is IncidentState.ACKNOWLEDGED:
        raise IncidentRefused(_already(incident, "acknowledged", incident.acknowledged_by, incident.acknowledged_at))
    if step.change is Change.NOTED and not step.reason.strip():
        raise StepMistaken("a note needs words")
    if step.change is Change.ASSIGNED and not step.value.strip():
        raise StepMistaken("say to whom it is assigned")
    if step.change is Change.MARKED and step.value not in list(Mark):
        raise StepMistaken(f"{step.value!r} is no mark: confirmed, or false_positive")
    return step.event(incident.id, at)


def follow(
    known: Case | None, group: Group, members: Sequence[Alert], now: datetime, *, is_over: bool
) -> Followed | None:
    """What a look at a group that has collected does to its incident; None where there is none, or nothing is new.

    `known` is None before the first alert fired; `members` are the group's alerts at the look.
    """
    firing = [alert for alert in members if alert.is_firing(now)]
    if known is None and not firing:
        return None
    case = known or Case(_opened(group, firing, now))
    before = {one.name: one for one in case.alerts}
    after = before | {one.name: one for one in _involved(before, members, now)}
    events: list[IncidentEvent] = []
    if known is None:
        events.append(IncidentEvent(case.incident.id, Change.OPENED, now, OURSELVES, case.incident.title))
    events += _joined(case.incident, before, after, now, is_first=known is None)
    incident = _worst(case.incident, after)
    for event in events:
        incident = advance(incident, event)
    if is_over and incident.state is not IncidentState.RESOLVED:
        reason = "nothing of its group fires any more"
        events.append(IncidentEvent(incident.id, Change.RESOLVED, now, OURSELVES, reason=reason))
        incident = advance(incident, events[-1])
    followed = Case(incident, tuple(after.values()))
    changed = tuple(one for name, one in after.items() if before.get(name) != one)
    return None if followed == known else Followed(followed, changed, tuple(events))


_SENTENCES: Mapping[Change, str] = {
    Change.OPENED: "Opened by {value}",
    Change.JOINED: "Joined by {value}",
    Change.REOPENED: "Opened again by {value}",
    Change.ACKNOWLEDGED: "Acknowledged by {by}",
    Change.ASSIGNED: "Assigned to {value} by {by}",
    Change.NOTED: "Note by {by}",
    Change.MARKED: "Marked as {value} by {by}",
    Change.SILENCED: "Silenced for {value} by {by}",
    Change.RETRAINING: "Retraining {value} by {by}",
    Change.RESOLVED: "Resolved by {by}",
}


def sentence(event: IncidentEvent) -> str:
    """An event for people, as in a message or a history; without a full stop."""
    value = mark_words(Mark(event.value)) if event.change is Change.MARKED else event.value
    return _SENTENCES[event.change].format(by=event.by, value=value) + (f": {event.reason}" if event.reason else "")


@dataclass(frozen=True, slots=True)
class Marks:
    """How many incidents of one rule were marked how."""

    confirmed: int = 0
    false_positives: int = 0
    unmarked: int = 0

    def plus(self, mark: Mark | None) -> Marks:
        """One more incident."""
        if mark is None:
            return replace(self, unmarked=self.unmarked + 1)
        if mark is Mark.CONFIRMED:
            return replace(self, confirmed=self.confirmed + 1)
        return replace(self, false_positives=self.false_positives + 1)


def marks_by(
    cases: Iterable[Case], label: str, is_counted: Callable[[Mapping[str, str]], bool] | None = None
) -> Mapping[str, Marks]:
    """The marks of incidents by the values that a label has among their alerts; an incident counts once for each.

    Alerts without the label count nowhere, such as our own about a channel that fails, and neither do those whose
    labels `is_counted` does not accept (None: all are).
    """
    counts: dict[str, Marks] = {}
    for case in cases:
        counted = [one.labels for one in case.alerts if is_counted is None or is_counted(one.labels)]
        for value in {labels[label] for labels in counted if label in labels}:
            counts[value] = counts.get(value, Marks()).plus(case.incident.mark)
    return dict(sorted(counts.items()))


def _already(incident: Incident, verb: str, by: str, at: datetime | None) -> str:
    return f"incident {incident.id[:8]} is {verb} already, by {by}" + (f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at else "")


def _check_words(step: Step) -> None:
    if not step.by.strip():
        raise StepMistaken("say who does it: whoever reads the history must know whom to ask")
    if len(step.by) + len(step.reason) + len(step.value) > _MOST_CHARS:
        raise StepMistaken(f"keep author and words below {_MOST_CHARS} characters together")


def _opened(group: Group, firing: Sequence[Alert], now: datetime) -> Incident:
    worst = max(firing, key=lambda alert: (alert.severity.rank, alert.fingerprint))
    title = _title(worst) + (f" and {len(firing) - 1} more" if len(firing) > 1 else "")
    return Incident(
        id=incident_id(group),
        group_key=group.key,
        generation=group.generation,
        route=group.route,
        group_labels=group.labels,
        title=title,
        severity=worst.severity,
        opened_at=now,
    )


def _involved(
    before: Mapping[tuple[Fingerprint, int], Involved], members: Sequence[Alert], now: datetime
) -> Iterable[Involved]:
    """The members as they are now; one that was over before anybody looked is not part of it."""
    for alert in members:
        known = before.get((alert.fingerprint, alert.occurrence))
        is_firing = alert.is_firing(now)
        if known is None and not is_firing:
            continue
        yield Involved(
            alert.fingerprint,
            alert.occurrence,
            alert.labels,
            _title(alert),
            alert.severity if known is None else max(alert.severity, known.severity, key=lambda one: one.rank),
            alert.starts_at,
            known.joined_at if known else now,
            None if is_firing else alert.ends_at,
        )


def _joined(
    incident: Incident,
    before: Mapping[tuple[Fingerprint, int], Involved],
    after: Mapping[tuple[Fingerprint, int], Involved],
    now: datetime,
    *,
    is_first: bool,
) -> list[IncidentEvent]:
    """Alerts that came, in the order of their titles; the first reopens what a person had resolved."""
    began = sorted(
        one.title for name, one in after.items() if one.ends_at is None and (name not in before or before[name].ends_at)
    )
    if is_first or not began:
        return []
    was_resolved = incident.state is IncidentState.RESOLVED
    changes = [Change.REOPENED if was_resolved else Change.JOINED, *([Change.JOINED] * (len(began) - 1))]
    return [
        IncidentEvent(incident.id, change, now, OURSELVES, title) for change, title in zip(changes, began, strict=True)
    ]


def _worst(incident: Incident, alerts: Mapping[tuple[Fingerprint, int], Involved]) -> Incident:
    found = [incident.severity, *(one.severity for one in alerts.values() if one.ends_at is None)]
    return replace(incident, severity=max(found, key=lambda severity: severity.rank))


def _title(alert: Alert) -> str:
    words = alert.annotations.get("title") or alert.annotations.get("summary") or str(alert.labels)
    return _printable(words)[:200]


def _printable(text: str) -> str:
    """In one line, without what could move a terminal's cursor."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(filter(str.isprintable, line))
