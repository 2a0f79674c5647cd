"""A digest as a message: what fired and ended, what was kept quiet and why, what is open. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from alerts.digests import Digest, Period
from alerts.incidents import Case
from alerts.model import Alert, MutedAlert, Notification, Severity
from alerts.render.document import Field, Message, Table, one_line
from alerts.render.wording import age, plural, when

_MAX_ROWS = 25
_MAX_CELL_CHARS = 120


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """What a digest has to tell; `more` are tables of whoever knows what the alerts are about."""

    alerts: tuple[Alert, ...] = ()
    quiet: tuple[MutedAlert, ...] = ()
    unresolved: tuple[Case, ...] = ()
    more: tuple[Table, ...] = ()


def compose_digest(digest: Digest, period: Period, facts: DigestFacts, planned: Notification) -> Message:
    """Write the message of one channel; alerts are as of the end of the period."""
    firing = [alert for alert in facts.alerts if alert.is_firing(period.until)]
    began = [alert for alert in facts.alerts if alert.first_seen_at >= period.since]
    ended = len(facts.alerts) - len(firing)
    lead = f"{plural(len(began), 'alert')} began, {ended} ended, {len(firing)} {_verb(firing)}"
    return Message(
        delivery_id=planned.id,
        group_key=planned.group.key,
        generation=planned.group.generation,
        channel=planned.channel,
        title=one_line(digest.title),
        severity=Severity.INFO,
        is_resolved=False,
        reason=planned.reason,
        lead=f"{lead}; {plural(len(facts.unresolved), 'incident')} not resolved.",
        fields=_fields(digest, period),
        entries=(),
        footer=f"Driftline, {when(planned.at)}, digest {one_line(digest.name)}",
        at=planned.at,
        since=period.since,
        firing_count=len(firing),
        resolved_count=ended,
        tables=tuple(_tables(digest, period, facts)),
    )


def _verb(firing: Sequence[Alert]) -> str:
    return "still fires" if len(firing) == 1 else "still fire"


def _fields(digest: Digest, period: Period) -> tuple[Field, ...]:
    span = f"{_local(period.since, digest.zone)} to {_local(period.until, digest.zone)}"
    about = ", ".join(map(str, digest.matchers))
    return (Field("period", f"{span}, {digest.zone.key}"), *((Field("of", one_line(about)),) if about else ()))


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%a %d %b %H:%M}"


def _tables(digest: Digest, period: Period, facts: DigestFacts) -> list[Table]:
    alerts = [_alert_row(same, digest, period) for same in _by_identity(facts.alerts)]
    quiet = [(_short(str(one.labels)), _short(f"{one.muted.reason.value}: {one.muted.by}")) for one in facts.quiet]
    cases = [_case_row(case, digest) for case in facts.unresolved]
    return [
        table("Alerts", ("since", "severity", "state", "alert"), alerts, "Nothing fired."),
        table("Kept quiet", ("alert", "why"), quiet, "Nothing was muted."),
        table("Incidents not resolved", ("opened", "severity", "state", "incident"), cases, "None."),
        *facts.more,
    ]


def table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], empty: str) -> Table:
    """A table of the first rows, with the number of the others."""
    return Table(title, columns, tuple(rows[:_MAX_ROWS]), empty, len(rows[_MAX_ROWS:]))


def _by_identity(alerts: Sequence[Alert]) -> list[list[Alert]]:
    """The occurrences of each alert, the worst alerts first."""
    same: dict[str, list[Alert]] = {}
    for alert in alerts:
        same.setdefault(alert.fingerprint, []).append(alert)
    return sorted(same.values(), key=lambda own: (-max(one.severity.rank for one in own), own[0].first_seen_at))


def _alert_row(same: Sequence[Alert], digest: Digest, period: Period) -> tuple[str, ...]:
    last = same[-1]
    state = "fires"
    if last.ends_at is not None and not last.is_firing(period.until):
        state = f"over after {age(last.ends_at - last.starts_at)}"
    times = f", {len(same)} times" if len(same) > 1 else ""
    worst = max((one.severity for one in same), key=lambda severity: severity.rank)
    words = last.annotations.get("title") or last.annotations.get("summary") or str(last.labels)
    return _local(same[0].starts_at, digest.zone), worst.value, f"{state}{times}", _short(words)


def _case_row(case: Case, digest: Digest) -> tuple[str, ...]:
    one = case.incident
    return (
        _local(one.opened_at, digest.zone),
        one.severity.value,
        _short(one.summary),
        _short(f"{one.id[:8]} {one.title}"),
    )


def _short(text: str) -> str:
    return one_line(text, _MAX_CELL_CHARS)
