"""The first tables."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES_IN_ORDER_OF_DROPPING = (
    "archive_files",
    "dead_letters",
    "shares",
    "progress",
    "truths",
    "predictions",
    "baseline_promotions",
    "baselines",
    "findings",
    "evaluations",
    "leases",
    "outbox",
    "transitions",
    "rule_states",
    "retrain_job_history",
    "retrain_jobs",
    "retrain_requests",
)


def upgrade() -> None:
    """Create everything."""
    _create_stream_tables()
    _create_record_keeping_tables()
    _create_records_tables()
    _create_baseline_tables()
    _create_evaluation_tables()
    _create_rule_tables()
    _create_retraining_tables()


def downgrade() -> None:
    """Drop everything; indexes go with their tables."""
    for table in _TABLES_IN_ORDER_OF_DROPPING:
        op.drop_table(table)


def _create_stream_tables() -> None:
    """Progress and shares."""
    op.create_table(
        "progress",
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("kind", types.Name(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("owner", types.Name(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=True),
        sa.Column("watermark_ms", sa.BigInteger(), nullable=True),
        sa.Column("highwater", sa.BigInteger(), nullable=True),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("caught_up_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_progress"),
    )
    op.create_table(
        "shares",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("segment", types.Name(), nullable=False),
        sa.Column("pane_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("baseline_id", types.Name(), nullable=False),
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.BigInteger(), nullable=False),
        sa.Column("first_offset", sa.BigInteger(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "model",
            "version",
            "segment",
            "pane_start_ms",
            "baseline_id",
            "topic",
            "partition",
            "epoch",
            name="pk_shares",
        ),
    )
    op.create_index(
        "ix_shares_panes", "shares", ["model", "segment", "pane_start_ms", "version", "n", "late"], unique=False
    )


def _create_record_keeping_tables() -> None:
    """What was refused, and where raw rows are."""
    op.create_table(
        "dead_letters",
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", types.Name(), nullable=False),
        sa.Column("detail", types.Name(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("model", types.Name(), nullable=True),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "offset", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_seen_at", "dead_letters", ["seen_at_ms"], unique=False)
    op.create_table(
        "archive_files",
        sa.Column("path", types.Name(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("first_offset", sa.BigInteger(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_archive_files"),
    )
    op.create_index("ix_archive_files_start", "archive_files", ["model", "version", "start_ms"], unique=False)


def _create_records_tables() -> None:
    """Records that are kept one by one."""
    op.create_table(
        "predictions",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("event_id", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("prediction", types.Name(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("model", "event_id", "version", name=op.f("pk_predictions")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_predictions_event_time", "predictions", ["model", "event_time_ms", "version", "event_id"], unique=False
    )
    op.create_table(
        "truths",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("event_id", types.Name(), nullable=False),
        sa.Column("label", types.Name(), nullable=False),
        sa.Column("known_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model", "event_id", name=op.f("pk_truths")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_truths_known_at", "truths", ["model", "known_at_ms"], unique=False)


def _create_baseline_tables() -> None:
    """Baselines and promotions."""
    op.create_table(
        "baselines",
        sa.Column("id", types.Name(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_baselines")),
        sa.UniqueConstraint("model", "version", name="uq_baselines_model_version"),
    )
    op.create_table(
        "baseline_promotions",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("baseline_id", types.Name(), nullable=False),
        sa.Column("effective_from_ms", sa.BigInteger(), nullable=True),
        sa.Column("why", types.Name(), nullable=False),
        sa.Column("promoted_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["baseline_id"], ["baselines.id"], name=op.f("fk_baseline_promotions_baseline_id")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_baseline_promotions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_baseline_promotions_model", "baseline_promotions", ["model"], unique=False)


def _create_evaluation_tables() -> None:
    """Evaluations and findings."""
    op.create_table(
        "evaluations",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("window_end_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", types.Name(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("judged_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "model", "version", "window_start_ms", "window_end_ms", "kind", "revision", name="pk_evaluations"
        ),
    )
    op.create_index("ix_evaluations_window_end", "evaluations", ["model", "window_end_ms"], unique=False)
    op.create_table(
        "findings",
        sa.Column("id", types.Name(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("window_end_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", types.Name(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("check_name", types.Name(), nullable=False),
        sa.Column("test", types.Name(), nullable=False),
        sa.Column("column", types.Name(), nullable=False),
        sa.Column("segment", types.Name(), nullable=False),
        sa.Column("verdict", types.Name(), nullable=False),
        sa.Column("reason", types.Name(), nullable=False),
        sa.Column("statistic", sa.Double(), nullable=True),
        sa.Column("p_value", sa.Double(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_index(
        "ix_findings_window", "findings", ["model", "window_start_ms", "version", "kind", "revision"], unique=False
    )


def _create_rule_tables() -> None:
    """What rules remember and tell."""
    op.create_table(
        "rule_states",
        sa.Column("rule", types.Name(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("phase", types.Name(), nullable=False),
        sa.Column("since", types.Instant(), nullable=True),
        sa.Column("fired_at", types.Instant(), nullable=True),
        sa.Column("clear_since", types.Instant(), nullable=True),
        sa.Column("folded_to", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("model", "rule", name="pk_rule_states"),
    )
    op.create_table(
        "transitions",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rule", types.Name(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("before", types.Name(), nullable=False),
        sa.Column("after", types.Name(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("window_end_ms", sa.BigInteger(), nullable=False),
        sa.Column("why", types.Name(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_transitions")),
        sa.UniqueConstraint("model", "rule", "at", "after", name=op.f("uq_transitions_model_rule_at_after")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outbox",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("relayed_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["sequence"],
        unique=False,
        sqlite_where=sa.text("relayed_at_ms IS NULL"),
        postgresql_where=sa.text("relayed_at_ms IS NULL"),
    )
    op.create_table(
        "leases",
        sa.Column("name", types.Name(), nullable=False),
        sa.Column("holder", types.Name(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _create_retraining_tables() -> None:
    """The retraining ledger."""
    op.create_table(
        "retrain_requests",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", types.Name(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("rule", types.Name(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("why", types.Name(), nullable=False),
        sa.Column("settled_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_retrain_requests")),
        sa.UniqueConstraint("key", name=op.f("uq_retrain_requests_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "retrain_jobs",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", types.Name(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("phase", types.Name(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_retrain_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_retrain_jobs_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_retrain_jobs_open",
        "retrain_jobs",
        ["model"],
        unique=True,
        sqlite_where=sa.text("phase IN ('lost', 'requested', 'running')"),
        postgresql_where=sa.text("phase IN ('lost', 'requested', 'running')"),
    )
    op.create_table(
        "retrain_job_history",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", types.Name(), nullable=False),
        sa.Column("phase", types.Name(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["retrain_jobs.key"], name=op.f("fk_retrain_job_history_key")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_retrain_job_history")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_retrain_job_history_key", "retrain_job_history", ["key"], unique=False)
