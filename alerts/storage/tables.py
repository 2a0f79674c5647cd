"""The tables of this package, all with the prefix `alerts_`; the migrations create exactly these."""

from __future__ import annotations

import sqlalchemy as sa

from alerts.storage.types import Json, UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def _sequence() -> sa.Column[int]:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", big, sa.Identity(), primary_key=True)


def _id(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(32), primary_key=primary_key, nullable=False)


events = sa.Table(
    "alerts_events",
    metadata,
    _sequence(),
    sa.Column("event_id", sa.String(32), nullable=False, unique=True, comment="hash of the content"),
    _id("fingerprint"),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("body", sa.Text, nullable=False, comment="the posted document"),
    sa.Column("outcome", sa.String(32), comment="what folding it did; null until folded"),
    sa.Index(None, "outcome", "seq"),
)

alerts = sa.Table(
    "alerts_alerts",
    metadata,
    _id("fingerprint", primary_key=True),
    sa.Column("occurrence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("labels", Json, nullable=False),
    sa.Column("annotations", Json, nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime),
    sa.Column("link", sa.Text),
    sa.Column("charts", Json, nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, comment="when the latest news was decided"),
    sa.Column("end_reason", sa.String(16)),
    sa.Column("flaps", sa.Integer, nullable=False, comment="fired again before its end was told"),
    sa.Index(None, "ends_at"),
    sa.Index(None, "first_seen_at"),
)

groups = sa.Table(
    "alerts_groups",
    metadata,
    _id("group_key", primary_key=True),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("labels", Json, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("checked_at", UtcDateTime, comment="the last update time that was used"),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("look_at", UtcDateTime, comment="when time alone may change what is told; null: at once"),
    sa.Index(None, "finished_at"),
    sa.Index(None, "look_at"),
)

members = sa.Table(
    "alerts_members",
    metadata,
    _id("group_key", primary_key=True),
    _id("fingerprint", primary_key=True),
    sa.Column("joined_at", UtcDateTime, nullable=False),
    sa.Index(None, "fingerprint"),
)

told = sa.Table(
    "alerts_told",
    metadata,
    _id("group_key", primary_key=True),
    sa.Column("channel", sa.String(200), primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("firing", Json, nullable=False, comment="fingerprint to severity, as told"),
    sa.Column("owed", Json, nullable=False, comment="fingerprints told before, left out since, end not told"),
    sa.Column("muted", Json, nullable=False, comment="fingerprint to reason, at the last look"),
    sa.Column("resolved", Json, nullable=False, comment="fingerprints told to be over"),
    sa.Column("told_at", UtcDateTime, comment="null: knows nothing of this generation"),
    sa.Column("count", sa.Integer, nullable=False, comment="messages planned in this generation"),
    sa.Column("decision", sa.String(80), nullable=False, comment="the last reason, of either kind"),
    sa.Column("receipt", Json, comment="handle of the last message sent"),
    sa.Column("sent_at", UtcDateTime, comment="when the last message went out"),
)

deliveries = sa.Table(
    "alerts_deliveries",
    metadata,
    _sequence(),
    sa.Column("delivery_id", sa.String(32), nullable=False, unique=True),
    _id("group_key"),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("channel", sa.String(200), nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("next_at", UtcDateTime, nullable=False),
    sa.Column("give_up_from", UtcDateTime, nullable=False, comment="start of the time after which it is dead"),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("owner", sa.String(200)),
    sa.Column("body", sa.Text, nullable=False, comment="the message, so that a retry sends the same"),
    sa.Column("progress", Json, comment="what a failed try had reached"),
    sa.Column("last_failure", sa.Text, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Index(None, "state", "next_at"),
    sa.Index(None, "channel", "group_key", "seq"),
)

attempts = sa.Table(
    "alerts_attempts",
    metadata,
    _sequence(),
    sa.Column("delivery_id", sa.String(32), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False, comment="sent, retry or dead"),
    sa.Column("failure", sa.String(32)),
    sa.Column("detail", sa.Text, nullable=False),
)

decisions = sa.Table(
    "alerts_decisions",
    metadata,
    _sequence(),
    _id("group_key"),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("channel", sa.String(200), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("is_told", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(80), nullable=False),
    sa.Column("next_at", UtcDateTime),
    sa.Column("muted", Json, nullable=False, comment="labels and reason of the alerts left out"),
    sa.Index(None, "group_key", "seq"),
    sa.Index(None, "at"),
)

silences = sa.Table(
    "alerts_silences",
    metadata,
    _id("silence_id", primary_key=True),
    sa.Column("matchers", Json, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index(None, "ends_at"),
)

incidents = sa.Table(
    "alerts_incidents",
    metadata,
    _id("incident_id", primary_key=True),
    _id("group_key"),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("labels", Json, nullable=False, comment="of the group"),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("severity", sa.String(16), nullable=False, comment="the worst so far"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", sa.Text, nullable=False),
    sa.Column("assignee", sa.Text, nullable=False),
    sa.Column("mark", sa.String(16), comment="null: nobody has said what it was"),
    sa.Column("marked_by", sa.Text, nullable=False),
    sa.Column("resolved_at", UtcDateTime),
    sa.Column("resolved_by", sa.Text, nullable=False),
    sa.UniqueConstraint("group_key", "generation"),
    sa.Index(None, "state"),
    sa.Index(None, "opened_at"),
)

incident_alerts = sa.Table(
    "alerts_incident_alerts",
    metadata,
    _id("incident_id", primary_key=True),
    _id("fingerprint", primary_key=True),
    sa.Column("occurrence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("labels", Json, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("severity", sa.String(16), nullable=False, comment="the worst so far"),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("joined_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime),
)

incident_events = sa.Table(
    "alerts_incident_events",
    metadata,
    _sequence(),
    sa.Column("event_id", sa.String(32), nullable=False, unique=True, comment="hash of the content"),
    _id("incident_id"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("change", sa.String(16), nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index(None, "incident_id", "seq"),
)

spending = sa.Table(
    "alerts_spending",
    metadata,
    _id("occasion", primary_key=True),
    sa.Column("team", sa.String(100), primary_key=True),
    sa.Column("rule", sa.String(200), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    _id("incident_id"),
    sa.Index(None, "team", "at"),
)

budget_decisions = sa.Table(
    "alerts_budget_decisions",
    metadata,
    _sequence(),
    sa.Column("team", sa.String(100), nullable=False),
    sa.Column("rule", sa.String(200), nullable=False),
    sa.Column("change", sa.String(16), nullable=False, comment="demoted or restored"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("spent", sa.Integer, nullable=False, comment="messages of the team in the budget's time"),
    sa.Column("messages", sa.Integer, nullable=False, comment="those with the rule"),
    sa.Index(None, "team", "rule", "seq"),
)

digests = sa.Table(
    "alerts_digests",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("told_until", UtcDateTime, nullable=False, comment="end of the last period that was told"),
)

channels = sa.Table(
    "alerts_channels",
    metadata,
    sa.Column("channel", sa.String(200), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False, comment="in a row"),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("open_until", UtcDateTime, comment="left alone before"),
    sa.Column("slot_at", UtcDateTime, comment="of the next message, were all evenly spread"),
    sa.Column("is_told", sa.Boolean, nullable=False, comment="its own alert fires"),
)

locks = sa.Table(
    "alerts_locks",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("taken", sa.BigInteger, nullable=False, comment="how often"),
    sa.Column("taken_at", UtcDateTime, comment="when last, by the clock of who took it"),
    sa.Column("held_until", UtcDateTime, comment="nothing is told before, so that every source is heard first"),
)
