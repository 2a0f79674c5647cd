"""Compare what a channel was told with what is true now: a reason to tell, or a reason not to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.grouping import Phase
from alerts.model import Alert, Fingerprint, Muted, MuteReason, NotifyReason, SkipReason, Told

_BY_DECISION = frozenset({MuteReason.SILENCED, MuteReason.MUTE_TIME})
"""Kinds of muting at whose end people are reminded; the end of others waits for the update time."""

_SKIPPED = {
    MuteReason.INHIBITED: SkipReason.INHIBITED,
    MuteReason.MUTE_TIME: SkipReason.MUTE_TIME,
    MuteReason.SILENCED: SkipReason.SILENCED,
    MuteReason.DEMOTED: SkipReason.DEMOTED,
}


@dataclass(frozen=True, slots=True)
class News:
    """The present state of a group as one channel would be told it; `muted` names alerts that fire or are over."""

    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    wants_resolved: bool
    muted: Mapping[Fingerprint, Muted] = field(default_factory=dict)

    @property
    def audible(self) -> tuple[Alert, ...]:
        """What fires and is not muted."""
        if not self.muted:
            return self.firing
        return tuple(alert for alert in self.firing if alert.fingerprint not in self.muted)

    def ended(self, told: Told) -> tuple[Alert, ...]:
        """What is over and is believed to fire: its end is owed, muted or not."""
        return tuple(alert for alert in self.resolved if alert.fingerprint in told.believed)

    def is_quiet(self, told: Told) -> bool:
        """Whether there are only ends to tell, all of muted alerts."""
        ended = self.ended(told)
        is_new = any(alert.fingerprint not in told.firing for alert in self.audible)
        return bool(ended) and not is_new and all(alert.fingerprint in self.muted for alert in ended)


def compare(
    told: Told, news: News, phase: Phase, now: datetime, remind_every: timedelta | None
) -> NotifyReason | SkipReason:
    """Decide from the told-log; the most pressing reason wins.

    Between two update times only what cannot wait speaks: an alert whose silence or mute time has
    ended, a raised severity, a reminder; and what disturbs nobody, the quiet end of a muted alert.
    Whoever was told a start is told the end, unless the channel declined resolved messages.
    """
    if phase is Phase.COLLECTING:
        return SkipReason.COLLECTING
    if _is_unmuted(told, news):
        return NotifyReason.UNMUTED
    if told.told_at is None:
        return _never_told(news, phase)
    if _severity_raised(told, news):
        return NotifyReason.SEVERITY_RAISED
    change = _change(told, news)
    if isinstance(change, NotifyReason) and (phase is Phase.UPDATE or news.is_quiet(told)):
        return change
    otherwise = change if isinstance(change, SkipReason) else SkipReason.WAITING
    if otherwise is SkipReason.SEND_RESOLVED_OFF and phase is not Phase.UPDATE:
        otherwise = SkipReason.WAITING  # what fires again before the update was a flap, here as anywhere
    return _unless_reminder(told, news, now, remind_every, otherwise)


def _is_unmuted(told: Told, news: News) -> bool:
    before = {name for name, muted in told.muted.items() if muted.reason in _BY_DECISION}
    return bool(before) and any(alert.fingerprint in before for alert in news.audible)


def _never_told(news: News, phase: Phase) -> NotifyReason | SkipReason:
    if not news.firing:
        return SkipReason.RESOLVED_BEFORE_TOLD
    if not news.audible:
        return _all_muted(news)
    return NotifyReason.FIRST if phase is Phase.UPDATE else SkipReason.WAITING


def _severity_raised(told: Told, news: News) -> bool:
    return any(
        alert.fingerprint in told.firing and alert.severity.rank > told.firing[alert.fingerprint].rank
        for alert in news.audible
    )


def _change(told: Told, news: News) -> NotifyReason | SkipReason:
    if any(alert.fingerprint not in told.firing for alert in news.audible):
        return NotifyReason.NEW_ALERTS
    if not news.ended(told):
        return _untold(news)
    if not news.wants_resolved:
        return SkipReason.SEND_RESOLVED_OFF
    return NotifyReason.SOME_RESOLVED if news.firing else NotifyReason.ALL_RESOLVED


def _untold(news: News) -> SkipReason:
    if news.firing and not news.audible:
        return _all_muted(news)
    return SkipReason.RESOLVED_BEFORE_TOLD if news.resolved else SkipReason.NOTHING_NEW


def _all_muted(news: News) -> SkipReason:
    reasons = {news.muted[alert.fingerprint].reason for alert in news.firing}
    return next(skipped for reason, skipped in _SKIPPED.items() if reason in reasons)


def _unless_reminder(
    told: Told, news: News, now: datetime, remind_every: timedelta | None, otherwise: SkipReason
) -> NotifyReason | SkipReason:
    is_due = (
        remind_every is not None
        and told.heard_at is not None
        and bool(news.audible)
        and now >= told.heard_at + remind_every
    )
    return NotifyReason.REMINDER if is_due else otherwise
