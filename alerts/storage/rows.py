"""Rows to values and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from alerts.model import (
    Alert,
    Chart,
    Decision,
    Delivery,
    DeliveryId,
    DeliveryState,
    EndReason,
    Fingerprint,
    Group,
    GroupKey,
    Labels,
    Muted,
    MutedAlert,
    MuteReason,
    NotifyReason,
    Receipt,
    Severity,
    SkipReason,
    Told,
)

Row = sa.RowMapping
Values = dict[str, Any]


_SEVERITIES = {str(severity): severity for severity in Severity}


def alert_of(row: Iterable[Any]) -> Alert:
    """Read an alert: a row with all the columns, in their order, for there are many of them."""
    name, occurrence, labels, annotations, severity, starts_at, ends_at, link, charts, first, last, *rest = row
    updated_at, end_reason, flaps = rest
    return Alert(
        fingerprint=name,
        occurrence=occurrence,
        labels=Labels.stored(labels),
        annotations=annotations,
        severity=_SEVERITIES[severity],
        starts_at=starts_at,
        ends_at=ends_at,
        link=link,
        charts=tuple(map(_chart_of, charts)),
        first_seen_at=first,
        last_seen_at=last,
        updated_at=updated_at,
        end_reason=EndReason(end_reason) if end_reason else None,
        flaps=flaps,
    )


def alert_values(alert: Alert) -> Values:
    """Write an alert."""
    return {
        "fingerprint": alert.fingerprint,
        "occurrence": alert.occurrence,
        "labels": dict(alert.labels.pairs),
        "annotations": dict(alert.annotations),
        "severity": str(alert.severity),
        "starts_at": alert.starts_at,
        "ends_at": alert.ends_at,
        "link": alert.link,
        "charts": list(map(_chart_values, alert.charts)),
        "first_seen_at": alert.first_seen_at,
        "last_seen_at": alert.last_seen_at,
        "updated_at": alert.updated_at,
        "end_reason": str(alert.end_reason) if alert.end_reason else None,
        "flaps": alert.flaps,
    }


def group_of(row: Row) -> Group:
    """Read a group."""
    return Group(
        key=GroupKey(row["group_key"]),
        route=row["route"],
        labels=Labels.stored(row["labels"]),
        generation=row["generation"],
        opened_at=row["opened_at"],
        checked_at=row["checked_at"],
    )


def group_values(group: Group) -> Values:
    """Write a group."""
    return {
        "group_key": group.key,
        "route": group.route,
        "labels": dict(group.labels.pairs),
        "generation": group.generation,
        "opened_at": group.opened_at,
        "checked_at": group.checked_at,
    }


def told_of(row: Row) -> Told:
    """Read what a channel was told."""
    return Told(
        firing={Fingerprint(name): _SEVERITIES[severity] for name, severity in row["firing"].items()},
        owed=frozenset(Fingerprint(name) for name in row["owed"]),
        muted={Fingerprint(name): muted_of(why) for name, why in row["muted"].items()},
        resolved=frozenset(Fingerprint(name) for name in row["resolved"]),
        told_at=row["told_at"],
        count=row["count"],
        decision=row["decision"],
        sent_at=row["sent_at"],
    )


def told_values(told: Told) -> Values:
    """Write what a channel was told, but for what sending writes; sorted, so that equal values give equal rows."""
    return {
        "firing": {name: str(told.firing[name]) for name in sorted(told.firing)},
        "owed": sorted(told.owed),
        "muted": {name: muted_values(told.muted[name]) for name in sorted(told.muted)},
        "resolved": sorted(told.resolved),
        "told_at": told.told_at,
        "count": told.count,
        "decision": str(told.decision),
    }


def muted_of(stored: Values) -> Muted:
    """Read why an alert was muted."""
    return Muted(MuteReason(stored["reason"]), stored["by"])


def muted_values(muted: Muted) -> Values:
    """Write why an alert was muted."""
    return {"reason": muted.reason.value, "by": muted.by}


def decision_of(row: Row) -> Decision:
    """Read a decision, with the labels of its group."""
    return Decision(
        group_key=GroupKey(row["group_key"]),
        generation=row["generation"],
        channel=row["channel"],
        at=row["at"],
        reason=NotifyReason(row["reason"]) if row["is_told"] else SkipReason(row["reason"]),
        next_at=row["next_at"],
        muted=tuple(MutedAlert(Labels.of(one["labels"]), muted_of(one)) for one in row["muted"]),
        group_labels=None if row["labels"] is None else Labels.stored(row["labels"]),
    )


def decision_values(decision: Decision) -> Values:
    """Write a decision."""
    return {
        "group_key": decision.group_key,
        "generation": decision.generation,
        "channel": decision.channel,
        "at": decision.at,
        "is_told": decision.is_told,
        "reason": str(decision.reason),
        "next_at": decision.next_at,
        "muted": [{"labels": dict(one.labels), **muted_values(one.muted)} for one in decision.muted],
    }


def delivery_of(row: Row, previous: Receipt | None = None) -> Delivery:
    """Read a delivery."""
    return Delivery(
        id=DeliveryId(row["delivery_id"]),
        group_key=GroupKey(row["group_key"]),
        generation=row["generation"],
        channel=row["channel"],
        reason=NotifyReason(row["reason"]),
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_at=row["next_at"],
        give_up_from=row["give_up_from"],
        body=row["body"],
        last_failure=row["last_failure"],
        previous=previous,
    )


def receipt_of(stored: Values | None) -> Receipt | None:
    """Read a receipt."""
    return None if stored is None else Receipt(stored["handle"], tuple(stored["notes"]))


def receipt_values(receipt: Receipt) -> Values:
    """Write a receipt."""
    return {"handle": dict(receipt.handle), "notes": list(receipt.notes)}


def _chart_of(stored: Values) -> Chart:
    return Chart(
        stored["title"],
        stored["kind"],
        tuple(stored["x"]),
        tuple(stored["baseline"]),
        tuple(stored["current"]),
        stored["unit"],
    )


def _chart_values(chart: Chart) -> Values:
    return {
        "title": chart.title,
        "kind": chart.kind,
        "x": list(chart.x),
        "baseline": list(chart.baseline),
        "current": list(chart.current),
        "unit": chart.unit,
    }
