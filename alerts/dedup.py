"""Compare what a channel was told with what is true now: a reason to tell, or a reason not to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.grouping import Phase
from alerts.model import Alert, NotifyReason, SkipReason, Told


@dataclass(frozen=True, slots=True)
class News:
    """The present state of a group as one channel would be told it."""

    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    wants_resolved: bool


def compare(
    told: Told, news: News, phase: Phase, now: datetime, remind_every: timedelta | None
) -> NotifyReason | SkipReason:
    """Decide from the told-log; the most pressing reason wins.

    Between two update times only a raised severity and a reminder speak. Whoever was told a start is
    told the end, unless the channel declined resolved messages.
    """
    if phase is Phase.COLLECTING:
        return SkipReason.COLLECTING
    if told.told_at is None:
        return _never_told(news, phase)
    if _severity_raised(told, news):
        return NotifyReason.SEVERITY_RAISED
    change = _change(told, news)
    if isinstance(change, NotifyReason):
        return change if phase is Phase.UPDATE else _unless_reminder(told, news, now, remind_every, SkipReason.WAITING)
    return _unless_reminder(told, news, now, remind_every, change)


def _never_told(news: News, phase: Phase) -> NotifyReason | SkipReason:
    if not news.firing:
        return SkipReason.RESOLVED_BEFORE_TOLD
    return NotifyReason.FIRST if phase is Phase.UPDATE else SkipReason.WAITING


def _severity_raised(told: Told, news: News) -> bool:
    return any(
        alert.fingerprint in told.firing and alert.severity.rank > told.firing[alert.fingerprint].rank
        for alert in news.firing
    )


def _change(told: Told, news: News) -> NotifyReason | SkipReason:
    if any(alert.fingerprint not in told.firing for alert in news.firing):
        return NotifyReason.NEW_ALERTS
    if not any(alert.fingerprint in told.firing for alert in news.resolved):
        return SkipReason.NOTHING_NEW
    if not news.wants_resolved:
        return SkipReason.SEND_RESOLVED_OFF
    return NotifyReason.SOME_RESOLVED if news.firing else NotifyReason.ALL_RESOLVED


def _unless_reminder(
    told: Told, news: News, now: datetime, remind_every: timedelta | None, otherwise: SkipReason
) -> NotifyReason | SkipReason:
    is_due = (
        remind_every is not None
        and told.told_at is not None
        and bool(news.firing)
        and now >= told.told_at + remind_every
    )
    return NotifyReason.REMINDER if is_due else otherwise
