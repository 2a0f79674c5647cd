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
    alerts: Iterable[PastAlert], incidents: Sequence[PastIncident], names: Mapping[str, str], until: datetime
) -> Matched:
    """Match by segment and overlap in event time; `names` are those of the alerts, by rule, `until` ends what is open.

    An incident of the alert's own rule goes before those of other rules, a confirmed one before a false positive: a
    rule that was renamed or split still meets what people confirmed.
    """
    by_alert: dict[PastAlert, PastIncident] = {}
    for alert in alerts:
        met = [one for one in incidents if one.segment == alert.subject.segment and _overlap(alert, one, until)]
        own = names.get(alert.subject.rule, alert.subject.rule)
        if met:
            by_alert[alert] = max(met, key=lambda one: (one.rule == own, one.is_confirmed, one.id))
    found = {one.id for alert in by_alert for one in incidents if _overlap(alert, one, until)}
    ours = set(names.values())
    return Matched(
        by_alert,
        [one for one in incidents if one.is_confirmed and one.rule in ours and one.id not in found],
    )


def _overlap(alert: PastAlert, incident: PastIncident, until: datetime) -> bool:
    """Whether the two share an instant; an alert that ended as the other began is the same breach, judged twice."""
    return alert.starts_at <= (incident.ends_at or until) and incident.starts_at <= (alert.ends_at or until)
