"""The sentences and units that every form of a message shares. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.model import Notification, NotifyReason


def when(instant: datetime) -> str:
    """To the minute, in UTC.

    >>> from datetime import UTC
    >>> when(datetime(2026, 3, 1, 9, 5, tzinfo=UTC))
    '2026-03-01 09:05 UTC'
    """
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def age(span: timedelta) -> str:
    """The two largest units of a duration.

    >>> age(timedelta(days=1, hours=3, minutes=20)), age(timedelta(seconds=5))
    ('1 d 3 h', '5 s')
    """
    seconds = max(0, int(span.total_seconds()))
    units = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    first = next((i for i, (count, _) in enumerate(units) if count), len(units) - 1)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count) or "0 s"


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "alert"), plural(2, "alert")
    ('1 alert', '2 alerts')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_SENTENCES = {
    NotifyReason.FIRST: "First message: {alerts} firing.",
    NotifyReason.NEW_ALERTS: "New alerts were added: {firing} firing now.",
    NotifyReason.SOME_RESOLVED: "{resolved} resolved, {firing} still firing{muted}.",
    NotifyReason.ALL_RESOLVED: "Resolved: nothing of this group fires any more.",
    NotifyReason.SEVERITY_RAISED: "The severity was raised; {alerts} firing.",
    NotifyReason.REMINDER: "Reminder: {alerts} still firing.",
    NotifyReason.UNMUTED: "No longer muted: {alerts} firing.",
    NotifyReason.HANDLED: "{handled}.",
    NotifyReason.DIGEST: "Digest.",
    NotifyReason.BUDGET: "The budget is spent.",
}


def reason_sentence(notification: Notification) -> str:
    """Why this message was sent, as one sentence."""
    firing = len(notification.firing)
    return _SENTENCES[notification.reason].format(
        firing=firing,
        alerts=plural(firing, "alert"),
        resolved=plural(len(notification.resolved), "alert"),
        muted=f", {notification.muted} muted" if notification.muted else "",
        handled=notification.handled,
    )
