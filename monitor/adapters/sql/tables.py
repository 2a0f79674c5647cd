"""The tables of monitor. Names are the glossary's; instants of the stream are milliseconds since the epoch."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from monitor.adapters.sql.types import Count, Float, Instant, Milliseconds, Name, Sequence
from monitor.domain.retraining import JobPhase

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# How far every partition has been read, and by whom. Every claim raises `epoch`; older holders are fenced.
progress = Table(
    "progress",
    metadata,
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("kind", Name, nullable=False),
    Column("epoch", Count, nullable=False),
    Column("owner", Name, nullable=False),
    Column("next_offset", Count),
    Column("watermark_ms", Milliseconds),
    Column("highwater", Count),
    Column("updated_at_ms", Milliseconds, nullable=False),
    Column("caught_up_at_ms", Milliseconds),
    Column("halves_clock_ms", Milliseconds),
    PrimaryKeyConstraint("topic", "partition"),
)

# Requests and responses that wait for their other half, of formats that send the two apart.
waiting_halves = Table(
    "waiting_halves",
    metadata,
    Column("model", Name, nullable=False),
    Column("pair_id", Name, nullable=False),
    Column("side", Name, nullable=False),
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("offset", Count, nullable=False),
    Column("event_time_ms", Milliseconds, nullable=False),
    Column("wait_ms", Milliseconds, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("model", "pair_id", "side", "topic", "partition"),
    Index("ix_waiting_halves_partition", "topic", "partition", "side"),
)

# One row holds the profiles of all columns; it is replaced whole, and only by the holder of its epoch.
shares = Table(
    "shares",
    metadata,
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("segment", Name, nullable=False),
    Column("pane_start_ms", Milliseconds, nullable=False),
    Column("baseline_id", Name, nullable=False),
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("epoch", Count, nullable=False),
    Column("n", Count, nullable=False),
    Column("late", Count, nullable=False),
    Column("first_offset", Count, nullable=False),
    Column("next_offset", Count, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("model", "version", "segment", "pane_start_ms", "baseline_id", "topic", "partition", "epoch"),
    # answers `panes` without touching the payloads
    Index("ix_shares_panes", "model", "segment", "pane_start_ms", "version", "n", "late"),
)

# Records that were not counted, by what became of them. Rows are replaced whole by the holder of their epoch.
tallies = Table(
    "tallies",
    metadata,
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("pane_start_ms", Milliseconds, nullable=False),
    Column("fate", Name, nullable=False),
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("epoch", Count, nullable=False),
    Column("n", Count, nullable=False),
    PrimaryKeyConstraint("model", "pane_start_ms", "version", "fate", "topic", "partition", "epoch"),
)

# What producers say of how much they served, in the records that were counted. Written as tallies are.
served = Table(
    "served",
    metadata,
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("pane_start_ms", Milliseconds, nullable=False),
    Column("producer", Name, nullable=False),
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("epoch", Count, nullable=False),
    Column("n", Count, nullable=False),
    Column("weight_thousandths", Count, nullable=False),
    Column("first", Count),
    Column("last", Count),
    PrimaryKeyConstraint("model", "pane_start_ms", "version", "producer", "topic", "partition", "epoch"),
)

# The event ids that duplicates are recognised by, as hashes; a block is replaced whole while it grows. They belong to
# the partition, whoever owns it: the transaction that writes them moves the partition's progress first.
seen_ids = Table(
    "seen_ids",
    metadata,
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("first", Count, nullable=False),
    Column("newest_ms", Milliseconds, nullable=False),
    Column("ids", LargeBinary, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "model", "version", "first"),
    Index("ix_seen_ids_newest", "model", "newest_ms"),
)

# Where each sequential detector stands at the offset that the same transaction saves; they belong to the partition, as
# the event ids do.
sequential_states = Table(
    "sequential_states",
    metadata,
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "model", "version", "name"),
)

# What detectors raised, each once: keyed by the record that raised it.
sequential_alarms = Table(
    "sequential_alarms",
    metadata,
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("offset", Count, nullable=False),
    Column("reached_ms", Milliseconds, nullable=False),
    Column("document", Text, nullable=False),
    Column("inputs", LargeBinary, nullable=False),
    Column("judged_at_ms", Milliseconds),
    PrimaryKeyConstraint("topic", "partition", "model", "version", "name", "offset"),
    Index("ix_sequential_alarms_reached", "model", "reached_ms"),
    Index("ix_sequential_alarms_judged", "judged_at_ms"),
)

predictions = Table(
    "predictions",
    metadata,
    Column("model", Name, nullable=False),
    Column("event_id", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("event_time_ms", Milliseconds, nullable=False),
    Column("prediction", Name, nullable=False),
    Column("score", Float),
    Column("scores", Name),
    PrimaryKeyConstraint("model", "event_time_ms", "version", "event_id"),
    sqlite_with_rowid=False,
)

truths = Table(
    "truths",
    metadata,
    Column("model", Name, nullable=False),
    Column("event_id", Name, nullable=False),
    Column("name", Name, nullable=False, autoincrement=False),
    Column("known_at_ms", Milliseconds, nullable=False),
    Column("label", Name, nullable=False),
    Column("annotator", Name, nullable=False),
    Column("offset", Count, nullable=False),
    PrimaryKeyConstraint("model", "event_id", "name", "known_at_ms", "label", "annotator"),
    Index("ix_truths_known_at", "model", "known_at_ms"),
    sqlite_with_rowid=False,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("offset", Count, nullable=False),
    Column("reason", Name, nullable=False),
    Column("detail", Name, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("size_bytes", Count, nullable=False),
    Column("key", LargeBinary),
    Column("model", Name),
    Column("seen_at_ms", Milliseconds, nullable=False),
    Column("replayed_at_ms", Milliseconds),
    Column("headers", LargeBinary),
    Column("timestamp_ms", Milliseconds),
    Column("form", Name, nullable=False, server_default="message"),
    PrimaryKeyConstraint("topic", "partition", "offset"),
    Index("ix_dead_letters_seen_at", "seen_at_ms"),
)

archive_files = Table(
    "archive_files",
    metadata,
    Column("path", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("start_ms", Milliseconds, nullable=False),
    Column("end_ms", Milliseconds, nullable=False),
    Column("rows", Count, nullable=False),
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("first_offset", Count, nullable=False),
    Column("next_offset", Count, nullable=False),
    Column("rate", Float, nullable=False, server_default="1"),
    PrimaryKeyConstraint("path"),
    Index("ix_archive_files_start", "model", "version", "start_ms"),
)

# Immutable, by content. One baseline a version: its windows must all mean the same.
baselines = Table(
    "baselines",
    metadata,
    Column("id", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("created_at_ms", Milliseconds, nullable=False),
    Column("summary", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("model", "version"),
)

baseline_promotions = Table(
    "baseline_promotions",
    metadata,
    Column("sequence", Sequence, primary_key=True),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("baseline_id", Name, nullable=False),
    Column("effective_from_ms", Milliseconds),
    Column("why", Name, nullable=False),
    Column("promoted_at_ms", Milliseconds, nullable=False),
    ForeignKeyConstraint(["baseline_id"], ["baselines.id"]),
    Index("ix_baseline_promotions_model", "model"),
    sqlite_autoincrement=True,
)

# The row that makes judging a window happen once; it is written first in the transaction that judges.
evaluations = Table(
    "evaluations",
    metadata,
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("window_start_ms", Milliseconds, nullable=False),
    Column("window_end_ms", Milliseconds, nullable=False),
    Column("kind", Name, nullable=False),
    Column("revision", Count, nullable=False),
    Column("mark", Count, nullable=False),
    Column("judged_at_ms", Milliseconds, nullable=False),
    PrimaryKeyConstraint("model", "version", "window_start_ms", "window_end_ms", "kind", "revision"),
    Index("ix_evaluations_window_end", "model", "window_end_ms"),
)

# `document` is the whole finding; the columns are what is searched and sorted by.
findings = Table(
    "findings",
    metadata,
    Column("id", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("window_start_ms", Milliseconds, nullable=False),
    Column("window_end_ms", Milliseconds, nullable=False),
    Column("kind", Name, nullable=False),
    Column("revision", Count, nullable=False),
    Column("check_name", Name, nullable=False),
    Column("test", Name, nullable=False),
    Column("column", Name, nullable=False),
    Column("segment", Name, nullable=False),
    Column("verdict", Name, nullable=False),
    Column("reason", Name, nullable=False),
    Column("statistic", Float),
    Column("p_value", Float),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("id"),
    Index("ix_findings_window", "model", "window_start_ms", "version", "kind", "revision"),
)

rule_states = Table(
    "rule_states",
    metadata,
    Column("rule", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("phase", Name, nullable=False),
    Column("since", Instant),
    Column("fired_at", Instant),
    Column("clear_since", Instant),
    Column("folded_to", Instant),
    Column("labels", Text, nullable=False, server_default="{}"),
    Column("segment", Name, nullable=False, server_default=""),
    Column("memory", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("model", "rule", "segment"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("sequence", Sequence, primary_key=True),
    Column("rule", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("at", Instant, nullable=False),
    Column("before", Name, nullable=False),
    Column("after", Name, nullable=False),
    Column("window_start_ms", Milliseconds, nullable=False),
    Column("window_end_ms", Milliseconds, nullable=False),
    Column("why", Name, nullable=False),
    Column("segment", Name, nullable=False, server_default=""),
    UniqueConstraint("model", "rule", "segment", "at", "after"),
    sqlite_autoincrement=True,
)

# Alert events on their way to the alerts package.
outbox = Table(
    "outbox",
    metadata,
    Column("sequence", Sequence, primary_key=True),
    Column("event", Text, nullable=False),
    Column("relayed_at_ms", Milliseconds),
    sqlite_autoincrement=True,
)
Index(
    "ix_outbox_pending",
    outbox.c.sequence,
    sqlite_where=outbox.c.relayed_at_ms.is_(None),
    postgresql_where=outbox.c.relayed_at_ms.is_(None),
)

retrain_requests = Table(
    "retrain_requests",
    metadata,
    Column("sequence", Sequence, primary_key=True),
    Column("key", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("rule", Name, nullable=False),
    Column("at", Instant, nullable=False),
    Column("why", Name, nullable=False),
    Column("settled_at_ms", Milliseconds),
    Column("by", Name, nullable=False, server_default=""),
    Column("asked_as", Name, nullable=False, server_default=""),
    UniqueConstraint("key"),
    sqlite_autoincrement=True,
)

# `document` is the whole job; the columns are what is searched, and what keeps a model's open jobs to one.
retrain_jobs = Table(
    "retrain_jobs",
    metadata,
    Column("sequence", Sequence, primary_key=True),
    Column("key", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("phase", Name, nullable=False),
    Column("document", Text, nullable=False),
    Column("revision", Count, nullable=False, server_default="0"),
    UniqueConstraint("key"),
    sqlite_autoincrement=True,
)
_open_job = retrain_jobs.c.phase.in_(sorted(phase.value for phase in JobPhase if phase.is_open))
Index("uq_retrain_jobs_open", retrain_jobs.c.model, unique=True, sqlite_where=_open_job, postgresql_where=_open_job)

retrain_job_history = Table(
    "retrain_job_history",
    metadata,
    Column("sequence", Sequence, primary_key=True),
    Column("key", Name, nullable=False),
    Column("phase", Name, nullable=False),
    Column("document", Text, nullable=False),
    ForeignKeyConstraint(["key"], ["retrain_jobs.key"]),
    Index("ix_retrain_job_history_key", "key"),
    sqlite_autoincrement=True,
)
retrain_holds = Table(
    "retrain_holds",
    metadata,
    Column("sequence", Sequence, primary_key=True),
    Column("model", Name, nullable=False),
    Column("by", Name, nullable=False),
    Column("reason", Name, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("released_at", Instant),
    Column("released_by", Name),
    sqlite_autoincrement=True,
)
retrain_callbacks = Table(
    "retrain_callbacks",
    metadata,
    Column("message_id", Name, primary_key=True),
    Column("digest", Name, nullable=False),
    Column("received_at_ms", Milliseconds, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Name, nullable=False),
    Column("holder", Name, nullable=False),
    Column("epoch", Count, nullable=False),
    Column("expires_at_ms", Milliseconds, nullable=False),
    PrimaryKeyConstraint("name"),
)
