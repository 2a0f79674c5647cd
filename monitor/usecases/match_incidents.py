"""Compare alerts that rules would have raised with what people said of the incidents of that time. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.usecases.replay_rules import PastAlert


@dataclass(frozen=True, slots=True)
class PastIncident:
    """One alert of an incident that somebody marked; `rule` is the name of the alert, instants are event time."""

    id: str
    rule: str
    segment: str
    starts_at: datetime
    ends_at: datetime | None
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Matched:
    """The incident that each alert meets, if any, and the confirmed ones of the rules' names that no alert meets."""

    by_alert: Mapping[PastAlert, PastIncident] = field(default_factory=dict)
    missed: Sequence[PastIncident] = ()


def match_incidents(
    alerts: Iterable[PastAlert],
    incidents: Sequence[PastIncident],
    names: Mapping[str, str],
    since: datetime,
    until: datetime,
) -> Matched:
    """Match by segment and overlap in event time; `names` are those of the alerts, by rule.

    Incidents outside of [since, until) are left out; `until` ends what is open. An incident of the alert's own rule
    goes before those of other rules, a confirmed one before a false positive: a rule that was renamed or split still
    meets what people confirmed.
    """
    of_time = [one for one in incidents if one.starts_at < until and (one.ends_at or until) >= since]
    by_alert: dict[PastAlert, PastIncident] = {}
    found: set[str] = set()
    for alert in alerts:
        met = [one for one in of_time if _meets(alert, one, until)]
        own = names.get(alert.subject.rule, alert.subject.rule)
        found.update(one.id for one in met)
        if met:
            by_alert[alert] = max(met, key=lambda one: (one.rule == own, one.is_confirmed, one.id))
    ours = set(names.values())
    missed = [one for one in of_time if one.is_confirmed and one.rule in ours and one.id not in found]
    return Matched(by_alert, missed)


def _meets(alert: PastAlert, incident: PastIncident, until: datetime) -> bool:
    """Whether both are about one segment and share an instant; one that begins as the other ends is the same breach."""
    is_alike = alert.subject.segment == incident.segment
    return (
        is_alike and alert.starts_at <= (incident.ends_at or until) and incident.starts_at <= (alert.ends_at or until)
    )
