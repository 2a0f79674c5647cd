"""The channel-neutral message: what every channel shows, as plain data that survives a retry. Pure.

All text is cleaned of control characters here, once, so that no alert can move a terminal's cursor
or smuggle a header into a mail; links other than http(s) are dropped.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from alerts.incidents import Incident, IncidentState
from alerts.model import Alert, Chart, EndReason, Notification, NotifyReason, Severity
from alerts.render.wording import age, plural, reason_sentence, when

_MAX_TITLE_CHARS = 200
_MAX_TEXT_CHARS = 4000
_MAX_CAUSES = 50
_MAX_ALERTS = 100
_MAX_CHARTS = 3
_KNOWN = frozenset({"title", "summary", "description", "reason", "top", "runbook", "report_url", "weight"})

COLOURS = {Severity.CRITICAL: "#c62828", Severity.WARNING: "#ef6c00", Severity.INFO: "#1565c0"}
RESOLVED_COLOUR = "#2e7d32"


@dataclass(frozen=True, slots=True)
class Field:
    """A name and a value, shown side by side."""

    name: str
    value: str

    @property
    def words(self) -> str:
        """The name as people read it; programs get the name itself."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Link:
    """Where to read on; always http or https."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert of the group as people see it; `causes` are ranked, the weightiest first."""

    title: str
    severity: Severity
    is_resolved: bool
    labels: tuple[Field, ...]
    starts_at: datetime
    ends_at: datetime | None
    summary: str = ""
    description: str = ""
    reason: str = ""
    causes: tuple[str, ...] = ()
    details: tuple[Field, ...] = ()
    charts: tuple[Chart, ...] = ()
    links: tuple[Link, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a heading; `more` is how many were left out, `empty` what is said where there is none."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = ""
    more: int = 0


@dataclass(frozen=True, slots=True)
class Handling:
    """How the incident of a message stood when it was written; `summary` is a line for people."""

    id: str
    state: IncidentState
    summary: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one channel. Colour and severity are those of the worst alert that still fires.

    `entries` are ranked: firing before resolved, worse before better, by the annotation
    `weight` (heavier first), older before younger; `more` is
    how many were left out. `lead` says why this message was sent. `muted_count` alerts fire that it
    keeps silent about. A quiet one need not be noticed: whoever can edit the message before does only that.
    """

    delivery_id: str
    group_key: str
    generation: int
    channel: str
    title: str
    severity: Severity
    is_resolved: bool
    reason: NotifyReason
    lead: str
    fields: tuple[Field, ...]
    entries: tuple[Entry, ...]
    footer: str
    at: datetime
    since: datetime
    firing_count: int
    resolved_count: int
    more: int = 0
    muted_count: int = 0
    is_quiet: bool = False
    incident: Handling | None = None
    tables: tuple[Table, ...] = ()

    @property
    def colour(self) -> str:
        """As #rrggbb: green when all is over."""
        return RESOLVED_COLOUR if self.is_resolved else COLOURS[self.severity]

    @property
    def charts(self) -> tuple[Chart, ...]:
        """The charts of the first alerts, as many as a message should show."""
        return tuple(chart for entry in self.entries for chart in entry.charts)[:_MAX_CHARTS]


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Message).decode


def dump_message(message: Message) -> str:
    """Write a message as JSON for the outbox."""
    return _ENCODE(message).decode()


def load_message(body: str) -> Message:
    """Read a message back; equal to the one that was dumped."""
    return _DECODE(body)


def compose(notification: Notification, incident: Incident | None = None) -> Message:
    """Write the message of a notification; `incident` is that of its group."""
    alerts = sorted((*notification.firing, *notification.resolved), key=lambda alert: _rank(alert, notification.at))
    counted = notification.firing or notification.resolved
    worst = max((alert.severity for alert in counted), key=lambda severity: severity.rank)
    entries = tuple(_entry(alert, notification.at) for alert in alerts[:_MAX_ALERTS])
    since = min(alert.starts_at for alert in alerts)
    return Message(
        delivery_id=notification.id,
        group_key=notification.group.key,
        generation=notification.group.generation,
        channel=notification.channel,
        title=_title(notification, entries),
        severity=worst,
        is_resolved=notification.is_resolved,
        reason=notification.reason,
        lead=reason_sentence(notification),
        fields=(*_fields(notification, worst, since), *_incident_field(incident)),
        entries=entries,
        footer=_footer(notification),
        at=notification.at,
        since=since,
        firing_count=len(notification.firing),
        resolved_count=len(notification.resolved),
        more=len(alerts) - len(entries),
        muted_count=notification.muted,
        is_quiet=notification.is_quiet,
        incident=_handling(incident),
    )


def clean(text: str, max_chars: int = _MAX_TEXT_CHARS) -> str:
    r"""Keep what can be printed, and line ends; cut what is too long with a mark.

    >>> clean("a\x1b[31mb\r\nc")
    'a[31mb\nc'
    """
    kept = text if text.isprintable() else "".join(_kept(text))
    return kept if len(kept) <= max_chars else kept[: max_chars - 1] + "…"


def _kept(text: str) -> Iterable[str]:
    for char in text.replace("\t", " "):
        if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            yield char


def one_line(text: str, max_chars: int = _MAX_TITLE_CHARS) -> str:
    """As `clean`, with line ends and runs of blanks turned into single blanks."""
    return clean(" ".join(text.split()), max_chars)


def _rank(alert: Alert, now: datetime) -> tuple[bool, int, float, datetime, str]:
    over = not alert.is_firing(now)
    return (over, -alert.severity.rank, -_weight(alert), alert.starts_at, alert.fingerprint)


def _weight(alert: Alert) -> float:
    if "weight" not in alert.annotations:
        return 0.0
    try:
        weight = float(alert.annotations["weight"])
    except ValueError:
        return 0.0
    return weight if math.isfinite(weight) else 0.0


def _title(notification: Notification, entries: tuple[Entry, ...]) -> str:
    """The worst alert by name, for that is what people read on a locked screen, and how many others there are."""
    firing, resolved = len(notification.firing), len(notification.resolved)
    others = (firing or resolved) - 1
    notes = [f"{resolved} resolved" if firing else "resolved"] if resolved else []
    notes += [f"{notification.muted} more muted"] if notification.muted else []
    words = entries[0].title + (f" and {others} more" if others else "")
    return one_line(f"{words} ({', '.join(notes)})" if notes else words)


def _fields(notification: Notification, worst: Severity, since: datetime) -> tuple[Field, ...]:
    fields = [Field(name, one_line(value)) for name, value in notification.group.labels.items()]
    fields.append(Field("severity", worst.value))
    fields.append(Field("since", when(since)))
    if notification.is_resolved:
        ends = [alert.ends_at for alert in notification.resolved if alert.ends_at is not None]
        fields.append(Field("lasted", age(max(ends) - since if ends else timedelta(0))))
    if len(notification.firing) + len(notification.resolved) + notification.muted > 1:
        muted = f", {notification.muted} muted" if notification.muted else ""
        counts = f"{len(notification.firing)} firing, {len(notification.resolved)} resolved{muted}"
        fields.append(Field("alerts", counts))
    return tuple(fields)


def _handling(incident: Incident | None) -> Handling | None:
    if incident is None:
        return None
    return Handling(incident.id, incident.state, one_line(incident.summary), incident.mark is not None)


def _incident_field(incident: Incident | None) -> tuple[Field, ...]:
    return () if incident is None else (Field("incident", one_line(f"{incident.id[:8]}, {incident.summary}")),)


def _footer(notification: Notification) -> str:
    group = notification.group
    return f"Driftline, {when(notification.at)}, group {group.key[:8]}, route {one_line(group.route)}"


def _entry(alert: Alert, now: datetime) -> Entry:
    texts = {name: clean(value) for name, value in alert.annotations.items()}
    title = one_line(texts.get("title") or texts.get("summary") or str(alert.labels))
    summary = texts.get("summary", "") if texts.get("title") else ""  # it is the title
    over = not alert.is_firing(now)
    top = "" if over else texts.get("top", "")  # what caused something that is over is in its first message
    causes = [one_line(line, 300) for line in top.splitlines() if line.strip()]
    if len(causes) == 1 and top.strip() in texts.get("description", ""):
        causes = []  # the only one, and it is said already
    reason = texts.get("reason", "")
    if over and alert.end_reason is EndReason.EXPIRED:
        reason = f"{reason}\nExpired: no news arrived before its announced end.".strip()
    return Entry(
        title=title,
        severity=alert.severity,
        is_resolved=over,
        labels=tuple(Field(name, one_line(value)) for name, value in alert.labels.pairs),
        starts_at=alert.starts_at,
        ends_at=alert.ends_at if over else None,
        summary="" if one_line(summary) == title else summary,
        description=texts.get("description", ""),
        reason="" if reason in texts.get("description", "") else reason,
        causes=tuple(causes[:_MAX_CAUSES])
        + ((f"and {len(causes) - _MAX_CAUSES} more",) if len(causes) > _MAX_CAUSES else ()),
        details=(
            *_flapping(alert),
            *(Field(one_line(name), one_line(value, 300)) for name, value in texts.items() if name not in _KNOWN),
        ),
        charts=() if over else tuple(_clean_chart(chart) for chart in alert.charts),
        links=tuple(_links(alert)),
        fingerprint=alert.fingerprint,
    )


def _flapping(alert: Alert) -> tuple[Field, ...]:
    if not alert.is_flap:
        return ()
    return (Field("flapping", f"fired again {plural(alert.flaps, 'time')} before its end was told"),)


def _clean_chart(chart: Chart) -> Chart:
    return replace(chart, title=one_line(chart.title), x=tuple(map(one_line, chart.x)), unit=one_line(chart.unit))


def _links(alert: Alert) -> Iterable[Link]:
    report, runbook = alert.annotations.get("report_url"), alert.annotations.get("runbook")
    if not (report or runbook or alert.link):
        return
    offered = (("Report", report), ("Open", None if alert.link == report else alert.link), ("Runbook", runbook))
    for text, url in offered:
        if url and re.fullmatch(r"https?://[^\s<>\"'|\\^`\x00-\x1f]+", url):
            yield Link(text, url)
