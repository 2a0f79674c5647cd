"""The words of telling: labels, alert events, alerts, groups, notifications, deliveries, receipts, reasons."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import Literal, NewType

Fingerprint = NewType("Fingerprint", str)
GroupKey = NewType("GroupKey", str)
DeliveryId = NewType("DeliveryId", str)

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MAX_LABEL_CHARS = 1024
_MAX_CHART_POINTS = 200
_UTC_OFFSET = timedelta(0)


def content_id(*parts: str) -> str:
    """Name a thing by what it is made of: 32 hexadecimal digits, the same in every process.

    >>> content_id("a", "b") == content_id("a", "b") != content_id("ab")
    True
    """
    raw = [part.encode() for part in parts]
    return blake2b(b"".join([_LENGTH(len(one)) + one for one in raw]), digest_size=16).hexdigest()


_LENGTH = Struct(">Q").pack


@lru_cache(maxsize=4096)
def _is_label_name(name: str) -> bool:
    return _LABEL_NAME.fullmatch(name) is not None


class Severity(StrEnum):
    """How bad, in three steps; not part of an alert's identity, so it may rise and fall."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 2 for critical."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class NotifyReason(StrEnum):
    """Why a channel is told now."""

    FIRST = "first notification"
    NEW_ALERTS = "new alerts added"
    SOME_RESOLVED = "some alerts resolved"
    ALL_RESOLVED = "all alerts resolved"
    SEVERITY_RAISED = "severity raised"
    REMINDER = "still firing"
    UNMUTED = "unmuted"
    HANDLED = "somebody handled the incident"
    DIGEST = "digest"
    BUDGET = "budget spent"


class SkipReason(StrEnum):
    """Why a channel is *not* told now."""

    COLLECTING = "collecting: the group is new and may grow"
    WAITING = "waiting for the next update time"
    NOTHING_NEW = "nothing new since the last message"
    RESOLVED_BEFORE_TOLD = "resolved before anybody was told"
    SEND_RESOLVED_OFF = "the channel does not want resolved messages"
    ROUTE_REMOVED = "the route is no longer configured"
    CHANNEL_REMOVED = "the channel is no longer configured"
    INHIBITED = "muted: another alert explains it"
    MUTE_TIME = "muted: the route does not tell at this time"
    SILENCED = "muted: somebody silenced it"
    DEMOTED = "muted: its rule is told in digests only, since the budget of its team is spent"
    ACKNOWLEDGED = "acknowledged: no reminders until something changes"
    UNSENT = "the message before still waits to be sent: no reminder behind it"


class MuteReason(StrEnum):
    """What keeps an alert that fires out of messages."""

    INHIBITED = "inhibited"
    MUTE_TIME = "mute time"
    SILENCED = "silenced"
    DEMOTED = "demoted"


class EndReason(StrEnum):
    """How an alert came to its end."""

    RESOLVED = "resolved"
    EXPIRED = "expired"  # its announced end passed without news


class DeliveryState(StrEnum):
    """Where a delivery stands in the outbox."""

    DUE = "due"
    LEASED = "leased"
    RETRY = "retry"
    SENT = "sent"
    DEAD = "dead"
    SUPERSEDED = "superseded"  # it waited, and a later message says what it said


@dataclass(frozen=True, slots=True)
class Labels(Mapping[str, str]):
    """What identifies an alert: names to values, sorted; an empty value is the same as no label.

    >>> labels = Labels.of({"model": "churn", "check": "psi", "segment": ""})
    >>> list(labels)
    ['check', 'model']
    """

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, mapping: Mapping[str, str]) -> Labels:
        """Build from any mapping; raises ValueError on a bad name or an overlong value."""
        for name, value in mapping.items():
            if not _is_label_name(name):
                msg = f"label name {name!r} is not a letter or underscore followed by letters, digits, underscores"
                raise ValueError(msg)
            if len(value) > _MAX_LABEL_CHARS:
                msg = f"label {name!r} has {len(value)} characters, at most {_MAX_LABEL_CHARS}: put it in an annotation"
                raise ValueError(msg)
        return cls(tuple(sorted((name, value) for name, value in mapping.items() if value)))

    @classmethod
    def stored(cls, mapping: Mapping[str, str]) -> Labels:
        """Of a mapping that was made of labels, in their order: nothing has to be looked at again."""
        return cls(tuple(mapping.items()))

    @property
    def fingerprint(self) -> Fingerprint:
        """The identity of every alert with these labels."""
        return Fingerprint(content_id(*[part for pair in self.pairs for part in pair]))

    def __getitem__(self, name: str) -> str:
        for own, value in self.pairs:  # few, and most are asked for once: cheaper than to build a dictionary
            if own == name:
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(own == name for own, _ in self.pairs)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.pairs)


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture as plain data: two series over the same categories; each renderer draws it its own way.

    `unit` is written beside the values ("share of records"). Raises ValueError when the series differ
    in length or hold something that cannot be drawn.
    """

    title: str
    kind: Literal["bars", "line"]
    x: tuple[str, ...]
    baseline: tuple[float, ...]
    current: tuple[float, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.baseline) == len(self.current):
            msg = f"chart {self.title!r}: {len(self.x)} categories, {len(self.baseline)} and {len(self.current)} values"
            raise ValueError(msg)
        if not 0 < len(self.x) <= _MAX_CHART_POINTS:
            msg = f"chart {self.title!r} has {len(self.x)} points; between 1 and {_MAX_CHART_POINTS} can be drawn"
            raise ValueError(msg)
        if not all(map(math.isfinite, (*self.baseline, *self.current))):
            msg = f"chart {self.title!r} holds a value that is not finite; leave that point out"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One piece of news about one alert, as it is handed to this package.

    A superset of what Alertmanager accepts. `starts_at` and `ends_at` are aware UTC and may be event
    time; no `ends_at` means firing until told otherwise, one in the past means resolved, one in the
    future means that it ends by itself unless renewed. `updated_at` is when the news was decided: it
    tells two otherwise equal pieces of news apart and orders them; without it, order of arrival rules.
    One that `amends` adds its annotations to an alert that fires and does nothing else: it begins and ends none.

    Annotations that the built-in messages know: `title`, `summary`, `description`, `reason`, `top`
    (ranked causes, a line each), `weight` (a number: heavier alerts come first in a message),
    `runbook`, `report_url`; others are shown as they are.
    """

    labels: Labels
    annotations: Mapping[str, str]
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None = None
    link: str | None = None
    charts: tuple[Chart, ...] = ()
    updated_at: datetime | None = None
    amends: bool = False

    def __post_init__(self) -> None:
        if not self.labels:
            msg = "an alert event needs at least one label: labels are its identity"
            raise ValueError(msg)
        if "severity" in self.labels:
            msg = "severity is a field of the alert event, not a label: an alert keeps its identity when it gets worse"
            raise ValueError(msg)
        for name, instant in (
            ("starts_at", self.starts_at),
            ("ends_at", self.ends_at),
            ("updated_at", self.updated_at),
        ):
            if instant is not None and instant.tzinfo is not UTC and instant.utcoffset() != _UTC_OFFSET:
                msg = f"{name} of alert event ({self.labels}) must be an aware UTC time, not {instant.isoformat()}"
                raise ValueError(msg)
        if self.ends_at is not None and self.ends_at < self.starts_at:
            msg = f"alert event ({self.labels}) ends at {self.ends_at.isoformat()}, before its start"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Alert:
    """The living thing: one occurrence of one fingerprint, from its first event to its end.

    `first_seen_at` and `last_seen_at` are when we heard of it (our clock); `starts_at` and `ends_at`
    are what the events said.
    """

    fingerprint: Fingerprint
    occurrence: int
    labels: Labels
    annotations: Mapping[str, str]
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None
    link: str | None
    charts: tuple[Chart, ...]
    first_seen_at: datetime
    last_seen_at: datetime
    updated_at: datetime | None = None
    end_reason: EndReason | None = None
    flaps: int = 0  # how often, so far, it fired again before its end had been told

    def is_firing(self, now: datetime) -> bool:
        """Whether it has no end, or one that is still to come."""
        return self.ends_at is None or self.ends_at > now

    @property
    def is_flap(self) -> bool:
        """Whether it fired again before the end of the time before had been told."""
        return self.flaps > 0


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that people hear of in one message: one route, one set of values of its `group_by`.

    A generation lasts from the first alert until everybody was told that all are resolved.
    `checked_at` is the last update time that was used; None until the first flush.
    """

    key: GroupKey
    route: str
    labels: Labels
    generation: int
    opened_at: datetime
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Muted:
    """Why one alert is kept out of messages; `by` names the alert, mute time or silence for people."""

    reason: MuteReason
    by: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one channel knows about one generation of a group; `told_at` is None when it knows nothing.

    `firing` is what its last message said to fire. `owed` are alerts that it was told of before and
    that the last message left out because they were muted: their end is still to be told. `muted` is
    what was kept from it at the last look, told before or not. `told_at` is when the last message was
    planned, `sent_at` when one last went out.
    """

    firing: Mapping[Fingerprint, Severity] = field(default_factory=dict)
    owed: frozenset[Fingerprint] = frozenset()
    muted: Mapping[Fingerprint, Muted] = field(default_factory=dict)
    resolved: frozenset[Fingerprint] = frozenset()
    told_at: datetime | None = None
    count: int = 0  # messages planned in this generation
    decision: str = ""  # the last reason, of telling or of not telling
    sent_at: datetime | None = None

    @property
    def heard_at(self) -> datetime | None:
        """From when a reminder counts: when the last message went out, or else its planning."""
        return None if self.told_at is None else max(self.told_at, self.sent_at or self.told_at)

    @property
    def believed(self) -> frozenset[Fingerprint]:
        """Every alert that the channel believes to fire."""
        return self.owed.union(self.firing)


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one channel about one group, and why it is sent.

    `muted` is the number of alerts that fire and are kept out of it. A quiet one says what nobody
    needs to hear at once (the end of something muted): a channel that can edit does only that.
    `handled` is what a person did about its incident, where that is the reason.
    """

    id: DeliveryId
    group: Group
    channel: str
    reason: NotifyReason
    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    at: datetime
    muted: int = 0
    is_quiet: bool = False
    handled: str = ""

    @property
    def is_resolved(self) -> bool:
        """Whether nothing fires any more, muted or not."""
        return not self.firing and not self.muted


@dataclass(frozen=True, slots=True)
class MutedAlert:
    """One alert that a decision left out, and why."""

    labels: Labels
    muted: Muted


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a channel was told about a group, or was not; `next_at` is when the answer may change.

    `muted` are the alerts that fire and were left out, at most a hundred; also of a message that was sent.
    """

    group_key: GroupKey
    generation: int
    channel: str
    at: datetime
    reason: NotifyReason | SkipReason
    next_at: datetime | None = None
    muted: tuple[MutedAlert, ...] = ()
    group_labels: Labels | None = None  # filled in when it is read back

    @property
    def is_told(self) -> bool:
        """Whether a message was planned."""
        return isinstance(self.reason, NotifyReason)


@dataclass(frozen=True, slots=True)
class Repeated:
    """One answer that a channel was given about a generation of a group: the last time, the first, and how often.

    Where single alerts were asked about, `alerts` are those of which it was so, and `answer` is what it was for them;
    `last` says what the group did.
    """

    last: Decision
    first_at: datetime
    count: int
    alerts: tuple[Labels, ...] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel hands back: enough to edit or to follow up the same message later.

    `handle` is the channel's own (Slack: channel and ts; email: message id and thread root);
    `notes` say what was less than perfect ("2 recipients refused") and never hold a secret.
    """

    handle: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification on its way: a row of the outbox. `body` is the rendered message as JSON.

    It is given up some time after `give_up_from`, its planning or its last replay.
    """

    id: DeliveryId
    group_key: GroupKey
    generation: int
    channel: str
    reason: NotifyReason
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime
    give_up_from: datetime
    body: str
    last_failure: str = ""
    previous: Receipt | None = None
