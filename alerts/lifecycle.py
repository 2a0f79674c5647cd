"""Fold alert events into alerts: merge, reopen, resolve, expire. Pure; the time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from alerts.model import Alert, AlertEvent, EndReason, Fingerprint


class FoldOutcome(StrEnum):
    """What an event did to its alert."""

    OPENED = "opened"  # a new occurrence that fires
    BORN_RESOLVED = "born resolved"  # a new occurrence that is over already
    UPDATED = "updated"
    RESOLVED = "resolved"
    REOPENED = "reopened"  # the same occurrence, its end taken back
    STALE = "stale"  # news older than what we know


@dataclass(frozen=True, slots=True)
class Folded:
    """The alert after an event, and what the event did."""

    alert: Alert
    outcome: FoldOutcome


def fold(
    alert: Alert | None, event: AlertEvent, received_at: datetime, fingerprint: Fingerprint | None = None
) -> Folded:
    """Advance the latest occurrence of one fingerprint, which need not be made again where it is known, by one event.

    As Alertmanager merges: events that overlap in time are one occurrence, which keeps the earliest
    start and takes the latest annotations, severity and end; an event that starts when the last
    occurrence was over begins a new one.
    """
    if alert is None:
        return _begin(event, received_at, fingerprint or event.labels.fingerprint, occurrence=1)
    if _is_older(alert, event):
        return Folded(_keep_earliest_start(alert, event), FoldOutcome.STALE)
    if alert.ends_at is not None and event.starts_at >= alert.ends_at and alert.ends_at <= received_at:
        return _begin(event, received_at, alert.fingerprint, occurrence=alert.occurrence + 1)
    return _merge(alert, event, received_at)


def amended(alert: Alert | None, event: AlertEvent, received_at: datetime) -> Alert | None:
    """The alert with the annotations of an event that amends it; None where nothing fires that it could amend."""
    if alert is None or not alert.is_firing(received_at):
        return None
    return replace(alert, annotations={**alert.annotations, **event.annotations})


def settle(alert: Alert, now: datetime) -> Alert:
    """Give an alert whose announced end has passed without news its reason: it expired."""
    if alert.end_reason is None and not alert.is_firing(now):
        return replace(alert, end_reason=EndReason.EXPIRED)
    return alert


def _begin(event: AlertEvent, received_at: datetime, fingerprint: Fingerprint, *, occurrence: int) -> Folded:
    over = event.ends_at is not None and event.ends_at <= received_at
    alert = Alert(
        fingerprint=fingerprint,
        occurrence=occurrence,
        labels=event.labels,
        annotations=event.annotations,
        severity=event.severity,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        link=event.link,
        charts=event.charts,
        first_seen_at=received_at,
        last_seen_at=received_at,
        updated_at=event.updated_at,
        end_reason=EndReason.RESOLVED if over else None,
    )
    return Folded(alert, FoldOutcome.BORN_RESOLVED if over else FoldOutcome.OPENED)


def _merge(alert: Alert, event: AlertEvent, received_at: datetime) -> Folded:
    was_firing = alert.is_firing(received_at)
    over = event.ends_at is not None and event.ends_at <= received_at
    merged = replace(
        alert,
        annotations=event.annotations,
        severity=event.severity,
        starts_at=min(alert.starts_at, event.starts_at),
        ends_at=event.ends_at,
        link=event.link,
        charts=event.charts,
        last_seen_at=received_at,
        updated_at=event.updated_at or alert.updated_at,
        end_reason=EndReason.RESOLVED if over else None,
    )
    if over:
        return Folded(merged, FoldOutcome.RESOLVED if was_firing else FoldOutcome.UPDATED)
    return Folded(merged, FoldOutcome.UPDATED if was_firing else FoldOutcome.REOPENED)


def _is_older(alert: Alert, event: AlertEvent) -> bool:
    if event.ends_at is not None and event.ends_at <= alert.starts_at and event.starts_at < alert.starts_at:
        return True  # about an occurrence before this one
    if alert.updated_at is None or event.updated_at is None:
        return False
    return event.updated_at < alert.updated_at


def _keep_earliest_start(alert: Alert, event: AlertEvent) -> Alert:
    overlaps = event.ends_at is None or event.ends_at > alert.starts_at
    return replace(alert, starts_at=min(alert.starts_at, event.starts_at)) if overlaps else alert
