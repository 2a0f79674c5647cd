"""Messages to try a channel with: an ordinary one, its successors, and hostile ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.digests import Digest, Period
from alerts.incidents import follow
from alerts.model import (
    Alert,
    Chart,
    DeliveryId,
    EndReason,
    Group,
    GroupKey,
    Labels,
    Muted,
    MutedAlert,
    MuteReason,
    Notification,
    NotifyReason,
    Severity,
    content_id,
)
from alerts.render.digest import DigestFacts, compose_digest
from alerts.render.document import Message, Table, compose
from alerts.routing import Matcher

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

CHART = Chart(
    title="contract: share of records",
    kind="bars",
    x=("month-to-month", "one year", "two years"),
    baseline=(0.55, 0.21, 0.24),
    current=(0.31, 0.28, 0.41),
    unit="share",
)


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = START) -> None:
        """Stand at this instant."""
        self.at = at

    def now(self) -> datetime:
        """Tell the instant."""
        return self.at

    def move(self, by: timedelta) -> datetime:
        """Go on, and tell the new instant."""
        self.at += by
        return self.at


_TEXTS = {
    "reason": "Above the limit in 3 windows in a row, 1,204 records in the last.",
    "top": "contract PSI 0.34\ntenure PSI 0.22",
    "runbook": "https://runbooks.example.org/drift?model=churn&check=psi",
}


def alert(
    name: str = "psi-contract",
    *,
    labels: Labels | None = None,
    annotations: Mapping[str, str] | None = None,
    severity: Severity = Severity.WARNING,
    ends_at: datetime | None = None,
    link: str = "https://driftline.example.org/findings/1",
    charts: tuple[Chart, ...] = (CHART,),
) -> Alert:
    """An alert of model churn that has fired for half an hour; over when `ends_at` is START or before."""
    own = labels or Labels.of({"model": "churn", "check": name})
    texts = {"summary": f"{name}: PSI 0.34 is above its limit 0.10", **_TEXTS}
    return Alert(
        fingerprint=own.fingerprint,
        occurrence=1,
        labels=own,
        annotations=texts if annotations is None else annotations,
        severity=severity,
        starts_at=START - timedelta(minutes=30),
        ends_at=ends_at,
        link=link,
        charts=charts,
        first_seen_at=START,
        last_seen_at=START,
        end_reason=EndReason.RESOLVED if ends_at else None,
    )


def resolved(name: str = "psi-contract") -> Alert:
    """The same alert when it is over."""
    return alert(name, ends_at=START)


def message(
    *alerts: Alert,
    reason: NotifyReason = NotifyReason.FIRST,
    number: int = 1,
    channel: str = "channel-under-test",
) -> Message:
    """The message of a group of these alerts, or of one ordinary alert; `number` tells deliveries apart."""
    members = alerts or (alert(),)
    group = Group(GroupKey(content_id("group")), "root", Labels.of({"model": "churn"}), 1, START)
    notification = Notification(
        id=DeliveryId(content_id("delivery", str(number))),
        group=group,
        channel=channel,
        reason=reason,
        firing=tuple(member for member in members if member.is_firing(START)),
        resolved=tuple(member for member in members if not member.is_firing(START)),
        at=START,
    )
    return compose(notification)


def resolution() -> Message:
    """The message that follows when all is over."""
    return message(resolved(), reason=NotifyReason.ALL_RESOLVED, number=2)


def digest() -> Message:
    """The daily digest of a team, with something in every table but one."""
    daily = Digest("payments", ("box",), time(8), ZoneInfo("Europe/Berlin"), matchers=(Matcher.parse("model=churn"),))
    over = alert("ks-age", ends_at=START - timedelta(minutes=5))
    muted = Muted(MuteReason.SILENCED, "silence 4f1c2d9a by ann until 2026-03-02 12:00:00 UTC: new feature pipeline")
    group = Group(GroupKey(content_id("digest")), "digest", Labels.of({}), 0, START)
    planned = Notification(
        DeliveryId(content_id("delivery", "digest")), group, "channel-under-test", NotifyReason.DIGEST, (), (), START
    )
    followed = follow(None, group, [alert(severity=Severity.CRITICAL)], START, is_over=False)
    facts = DigestFacts(
        alerts=(alert(severity=Severity.CRITICAL), over, replace(over, occurrence=2)),
        quiet=(MutedAlert(Labels.of({"model": "churn", "check": "psi-tenure"}), muted),),
        unresolved=(followed.case,) if followed else (),
        more=(
            Table("Precision of the rules", ("rule", "real", "precision"), (("drift", "8", "0.80 (0.49 to 0.94)"),)),
            Table("Models without data", ("model",), (), "Every model had data."),
        ),
    )
    return compose_digest(daily, Period(START - timedelta(days=1), START), facts, planned)


def huge() -> Message:
    """A hundred alerts with as much text as they may have."""
    words = "the share of records moved and kept on moving " * 80
    texts = {"summary": words, "description": words, "reason": words, "top": "\n".join([words[:250]] * 50)}
    return message(*(alert(f"check-{number}", annotations=texts) for number in range(100)))


def hostile() -> Message:
    """Text that tries to escape: markup, headers, terminal codes, mentions, links, formulas, lone surrogates."""
    nasty = "<b>&\"'\r\nBcc: x@example.org\x1b[31m\x00<!channel> $\\frac{1}{0}$ `rm` {{x}} \u202e"
    labels = Labels.of({"model": nasty, "check": nasty})
    texts = {"summary": nasty, "title": nasty, "description": nasty, "top": nasty, "runbook": "javascript:alert(1)"}
    chart = Chart(nasty, "line", (nasty, "b"), (1.0, -1e300), (0.0, 1e300), nasty)
    return message(alert(labels=labels, annotations=texts, link="https://x.example.org/'><script>", charts=(chart,)))
