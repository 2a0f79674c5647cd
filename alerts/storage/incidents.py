"""Incidents in SQL. A connection in, values out; the caller owns the transaction. Events are only ever added."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from alerts.incidents import (
    Case,
    Change,
    Followed,
    Incident,
    IncidentEvent,
    IncidentId,
    IncidentState,
    Involved,
    Mark,
)
from alerts.model import Fingerprint, GroupKey, Labels, Severity
from alerts.storage.bulk import among, upsert, write_many
from alerts.storage.rows import Row, Values
from alerts.storage.sql import put_rows
from alerts.storage.tables import groups, incident_alerts, incident_events, incidents


def cases_of(conn: sa.Connection, of: Collection[IncidentId]) -> dict[IncidentId, Case]:
    """Those of these incidents that there are, with their alerts."""
    rows = conn.execute(sa.select(incidents).where(among(conn, incidents.c.incident_id, sorted(of)))).mappings()
    return _with_alerts(conn, map(_incident_of, rows))


def put_followed(conn: sa.Connection, batch: Sequence[Followed]) -> None:
    """Store what looks at groups did to their incidents."""
    put_incidents(conn, [one.case.incident for one in batch])
    involved: list[Values] = [_involved_values(one.case.incident.id, alert) for one in batch for alert in one.changed]
    put_rows(conn, incident_alerts, ("incident_id", "fingerprint", "occurrence"), involved)
    add_events(conn, [event for one in batch for event in one.events])


def put_incidents(conn: sa.Connection, batch: Iterable[Incident]) -> None:
    """Store incidents, replacing what was known of them."""
    put_rows(conn, incidents, ("incident_id",), list(map(_incident_values, batch)))


def add_events(conn: sa.Connection, batch: Sequence[IncidentEvent]) -> int:
    """Add to the history; how many were news. One that is there already stays as it is."""
    statement = upsert(conn.dialect.name, incident_events, ("event_id",), ())
    return write_many(conn, statement, list(map(_event_values, batch)))


def is_known(conn: sa.Connection, event: IncidentEvent) -> bool:
    """Whether this event was added before."""
    query = sa.select(incident_events.c.seq).where(incident_events.c.event_id == event.id)
    return conn.execute(query).first() is not None


def handled_groups(conn: sa.Connection) -> frozenset[tuple[GroupKey, int]]:
    """The generations of groups, not over yet, that somebody acknowledged or resolved."""
    query = (
        sa.select(incidents.c.group_key, incidents.c.generation)
        .join(
            groups,
            sa.and_(groups.c.group_key == incidents.c.group_key, groups.c.generation == incidents.c.generation),
        )
        .where(incidents.c.state != IncidentState.OPEN.value, groups.c.finished_at.is_(None))
    )
    return frozenset((GroupKey(row[0]), int(row[1])) for row in conn.execute(query))


def listed_incidents(conn: sa.Connection, limit: int, *, only_unresolved: bool) -> list[Case]:
    """Incidents with their alerts, the latest first."""
    query = sa.select(incidents).order_by(incidents.c.opened_at.desc(), incidents.c.incident_id).limit(limit)
    if only_unresolved:
        query = query.where(incidents.c.state != IncidentState.RESOLVED.value)
    return list(_with_alerts(conn, map(_incident_of, conn.execute(query).mappings())).values())


def incidents_since(conn: sa.Connection, since: datetime) -> list[Case]:
    """Every incident opened since an instant, or not resolved before it, oldest first."""
    is_recent = sa.or_(
        incidents.c.opened_at >= since, incidents.c.resolved_at.is_(None), incidents.c.resolved_at >= since
    )
    query = sa.select(incidents).where(is_recent).order_by(incidents.c.opened_at, incidents.c.incident_id)
    return list(_with_alerts(conn, map(_incident_of, conn.execute(query).mappings())).values())


def incidents_beginning_with(conn: sa.Connection, beginning: str) -> list[Case]:
    """Those whose id begins like this."""
    is_alike = incidents.c.incident_id.startswith(beginning, autoescape=True)
    rows = conn.execute(sa.select(incidents).where(is_alike).order_by(incidents.c.incident_id).limit(10)).mappings()
    return list(_with_alerts(conn, map(_incident_of, rows)).values())


def events_of(conn: sa.Connection, incident: IncidentId) -> list[IncidentEvent]:
    """The history of an incident, oldest first."""
    query = sa.select(incident_events).where(incident_events.c.incident_id == incident)
    return [_event_of(row) for row in conn.execute(query.order_by(incident_events.c.seq)).mappings()]


def prune_incidents(conn: sa.Connection, before: datetime) -> int:
    """Drop what was resolved before an instant, with its alerts and its history; the number of rows."""
    old = sa.select(incidents.c.incident_id).where(incidents.c.resolved_at < before)
    statements = (
        sa.delete(incident_events).where(incident_events.c.incident_id.in_(old)),
        sa.delete(incident_alerts).where(incident_alerts.c.incident_id.in_(old)),
        sa.delete(incidents).where(incidents.c.resolved_at < before),
    )
    return sum(conn.execute(statement).rowcount for statement in statements)


def _with_alerts(conn: sa.Connection, found: Iterable[Incident]) -> dict[IncidentId, Case]:
    cases = {one.id: Case(one) for one in found}
    alerts: dict[IncidentId, list[Involved]] = {name: [] for name in cases}
    order = (incident_alerts.c.joined_at, incident_alerts.c.fingerprint, incident_alerts.c.occurrence)
    if cases:
        is_theirs = among(conn, incident_alerts.c.incident_id, list(cases))
        for row in conn.execute(sa.select(incident_alerts).where(is_theirs).order_by(*order)).mappings():
            alerts[row["incident_id"]].append(_involved_of(row))
    return {name: Case(case.incident, tuple(alerts[name])) for name, case in cases.items()}


def _incident_values(incident: Incident) -> Values:
    return {
        "incident_id": incident.id,
        "group_key": incident.group_key,
        "generation": incident.generation,
        "route": incident.route,
        "labels": dict(incident.group_labels.pairs),
        "title": incident.title,
        "severity": str(incident.severity),
        "state": str(incident.state),
        "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by,
        "assignee": incident.assignee,
        "mark": str(incident.mark) if incident.mark else None,
        "marked_by": incident.marked_by,
        "resolved_at": incident.resolved_at,
        "resolved_by": incident.resolved_by,
    }


def _incident_of(row: Row) -> Incident:
    return Incident(
        id=IncidentId(row["incident_id"]),
        group_key=GroupKey(row["group_key"]),
        generation=row["generation"],
        route=row["route"],
        group_labels=Labels.stored(row["labels"]),
        title=row["title"],
        severity=Severity(row["severity"]),
        opened_at=row["opened_at"],
        state=IncidentState(row["state"]),
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        assignee=row["assignee"],
        mark=Mark(row["mark"]) if row["mark"] else None,
        marked_by=row["marked_by"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
    )


def _involved_values(incident: IncidentId, alert: Involved) -> Values:
    return {
        "incident_id": incident,
        "fingerprint": alert.fingerprint,
        "occurrence": alert.occurrence,
        "labels": dict(alert.labels.pairs),
        "title": alert.title,
        "severity": str(alert.severity),
        "starts_at": alert.starts_at,
        "joined_at": alert.joined_at,
        "ends_at": alert.ends_at,
    }


def _involved_of(row: Row) -> Involved:
    return Involved(
        fingerprint=Fingerprint(row["fingerprint"]),
        occurrence=row["occurrence"],
        labels=Labels.stored(row["labels"]),
        title=row["title"],
        severity=Severity(row["severity"]),
        starts_at=row["starts_at"],
        joined_at=row["joined_at"],
        ends_at=row["ends_at"],
    )


def _event_values(event: IncidentEvent) -> Values:
    return {
        "event_id": event.id,
        "incident_id": event.incident,
        "at": event.at,
        "author": event.by,
        "change": str(event.change),
        "value": event.value,
        "reason": event.reason,
    }


def _event_of(row: Row) -> IncidentEvent:
    return IncidentEvent(
        incident=IncidentId(row["incident_id"]),
        change=Change(row["change"]),
        at=row["at"],
        by=row["author"],
        value=row["value"],
        reason=row["reason"],
    )
