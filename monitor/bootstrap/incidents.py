"""Incidents for commands and for HTTP: rows out, steps in, precision by rule."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts.errors import IncidentRefused, SilenceRefused, StepMistaken
from alerts.errors import UnknownIncident as Unknown
from alerts.incident_book import IncidentBook
from alerts.incidents import Case, Change, IncidentEvent, Involved, Mark, Marks, Step, sentence
from monitor.adapters.sql.engine import reading
from monitor.bootstrap.app import App
from monitor.domain.errors import BadRequest, MonitorError, UnknownIncident
from monitor.domain.time import Clock, format_instant
from monitor.rules.job_events import is_of_a_rule
from monitor.stats.proportions import wilson
from monitor.usecases.match_incidents import PastIncident

Row = Mapping[str, object]

RULE_LABEL = "alertname"
LOOK_BACK = timedelta(days=365)

_CHANGES = {
    "acknowledge": Change.ACKNOWLEDGED,
    "assign": Change.ASSIGNED,
    "note": Change.NOTED,
    "mark": Change.MARKED,
    "resolve": Change.RESOLVED,
}


@dataclass(frozen=True, slots=True)
class IncidentDesk:
    """The incidents of a database.

    MonitorError says why a step cannot be taken, BadRequest that it never can be, UnknownIncident that there is none.
    """

    book: IncidentBook
    clock: Clock

    def listed(self, limit: int = 100, *, is_all: bool) -> Sequence[Row]:
        """Those that are not resolved, or all, the latest first."""
        return [case_row(case) for case in self.book.listed(is_all=is_all, limit=limit)]

    def shown(self, incident: str) -> Row:
        """One with its alerts and its history; the beginning of its id is enough."""
        with explained():
            history = self.book.shown(incident)
        rows = [_event_row(event) for event in history.events]
        return {**case_row(history.case), "alerts": list(map(_alert_row, history.case.alerts)), "history": rows}

    def take(self, incident: str, verb: str, by: str, *, reason: str = "", value: str = "") -> Row:
        """Acknowledge, assign (value: to whom), note, mark (value: as what) or resolve it; as it stands afterwards."""
        step = Step(_CHANGES[verb], by, reason, value.replace("-", "_") if verb == "mark" else value)
        with explained():
            return case_row(Case(self.book.take(incident, step)))

    def precision(self, since: datetime | None = None) -> Sequence[Row]:
        """A row a rule: how many of its incidents since then (default: of a year) were marked how.

        Alerts about retraining jobs are no rule's; an incident that has no others is in no row.
        """
        marks = self.book.marks(RULE_LABEL, since or self.clock.now() - LOOK_BACK, is_of_a_rule)
        return [_precision_row(rule, of) for rule, of in marks.items()]


def marked_incidents(app: App, model: str) -> list[PastIncident]:
    """What people said of the alerts of a model's rules, as far back as incidents are kept."""
    book = IncidentBook(lambda: reading(app.engine), app.clock)  # no channel is needed, and so no secret of one
    return [
        PastIncident(
            case.incident.id,
            rule=alert.labels.get(RULE_LABEL, ""),
            segment=alert.labels.get("segment", ""),
            starts_at=alert.starts_at,
            ends_at=alert.ends_at,
            is_confirmed=case.incident.mark is Mark.CONFIRMED,
        )
        for case in book.since(datetime.min.replace(tzinfo=UTC))
        for alert in case.alerts
        if case.incident.mark is not None and alert.labels.get("model") == model and is_of_a_rule(alert.labels)
    ]


@contextmanager
def explained() -> Iterator[None]:
    """What the alerts package refuses, in this package's words."""
    try:
        yield
    except Unknown as error:
        raise UnknownIncident(str(error)) from error
    except StepMistaken as error:
        raise BadRequest(str(error)) from error
    except (IncidentRefused, SilenceRefused) as error:
        raise MonitorError(str(error)) from error


def case_row(case: Case) -> dict[str, object]:
    """An incident as JSON."""
    one = case.incident
    return {
        "id": one.id,
        "state": one.state.value,
        "severity": one.severity.value,
        "title": one.title,
        "group": dict(one.group_labels),
        "route": one.route,
        "opened_at": format_instant(one.opened_at),
        "acknowledged_at": format_instant(one.acknowledged_at) if one.acknowledged_at else None,
        "acknowledged_by": one.acknowledged_by or None,
        "assignee": one.assignee or None,
        "mark": one.mark.value if one.mark else None,
        "marked_by": one.marked_by or None,
        "resolved_at": format_instant(one.resolved_at) if one.resolved_at else None,
        "resolved_by": one.resolved_by or None,
    }


def _alert_row(alert: Involved) -> Row:
    return {
        "fingerprint": alert.fingerprint,
        "labels": dict(alert.labels),
        "severity": alert.severity.value,
        "title": alert.title,
        "starts_at": format_instant(alert.starts_at),
        "ends_at": format_instant(alert.ends_at) if alert.ends_at else None,
    }


def _event_row(event: IncidentEvent) -> Row:
    return {
        "at": format_instant(event.at),
        "by": event.by,
        "change": event.change.value,
        "value": event.value,
        "reason": event.reason,
        "sentence": sentence(event),
    }


def _precision_row(rule: str, of: Marks) -> Row:
    marked = of.confirmed + of.false_positives
    low, high = wilson(of.confirmed, marked) if marked else (None, None)
    return {
        "rule": rule,
        "confirmed": of.confirmed,
        "false_positives": of.false_positives,
        "unmarked": of.unmarked,
        "precision": of.confirmed / marked if marked else None,
        "low": low,
        "high": high,
    }
