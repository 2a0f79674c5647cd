"""The life of a retraining job up to its settlement, operator holds, and the call-backs that were taken."""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OPEN_BEFORE = "phase IN ('lost', 'requested', 'running')"
_OPEN = "phase IN ('approved', 'candidate', 'lost', 'running', 'sending', 'verifying')"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Jobs keep their history; what was *requested* is approved, what was *done* or *failed* is settled."""
    op.drop_index("uq_retrain_jobs_open", table_name="retrain_jobs")
    op.add_column("retrain_jobs", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    _rewrite(_forward)
    _open_index(_OPEN)
    op.create_table(
        "retrain_holds",
        sa.Column("sequence", _ID, nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("by", types.Name(), nullable=False),
        sa.Column("reason", types.Name(), nullable=False),
        sa.Column("since", types.Instant(), nullable=False),
        sa.Column("until", types.Instant(), nullable=True),
        sa.Column("released_at", types.Instant(), nullable=True),
        sa.Column("released_by", types.Name(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_retrain_holds")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "retrain_callbacks",
        sa.Column("message_id", types.Name(), nullable=False),
        sa.Column("digest", types.Name(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_retrain_callbacks")),
    )


def downgrade() -> None:
    """Phases that the older program does not know become the nearest that it does."""
    op.drop_table("retrain_callbacks")
    op.drop_table("retrain_holds")
    op.drop_index("uq_retrain_jobs_open", table_name="retrain_jobs")
    _rewrite(_backward)
    op.drop_column("retrain_jobs", "revision")  # a batch would drop the table that history points to
    _open_index(_OPEN_BEFORE)


def _open_index(where: str) -> None:
    op.create_index(
        "uq_retrain_jobs_open",
        "retrain_jobs",
        ["model"],
        unique=True,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def _rewrite(change: Callable[[dict[str, Any]], None]) -> None:
    connection = op.get_bind()
    for name in ("retrain_jobs", "retrain_job_history"):
        table = sa.table(name, sa.column("sequence"), sa.column("phase"), sa.column("document"))
        for row in connection.execute(sa.select(table)).all():
            document = json.loads(row.document)
            change(document["value"])
            values = {"phase": document["value"]["phase"], "document": json.dumps(document, separators=(",", ":"))}
            connection.execute(sa.update(table).where(table.c.sequence == row.sequence).values(**values))


def _forward(job: dict[str, Any]) -> None:
    version, baseline = job.pop("candidate_version", None), job.pop("candidate_baseline", None)
    job["candidate"] = {"version": version, "baseline": baseline}
    if job["phase"] in {"done", "failed"}:
        job["end"] = "failed" if job["phase"] == "failed" else "unwatched"
    if job["phase"] != "held":
        job["approved_at"] = job["requested_at"]
    job["phase"] = {"requested": "approved", "done": "settled", "failed": "settled"}.get(job["phase"], job["phase"])


def _backward(job: dict[str, Any]) -> None:
    candidate = job.pop("candidate", {})
    job["candidate_version"], job["candidate_baseline"] = candidate.get("version"), candidate.get("baseline")
    ended = "failed" if job.get("end") == "failed" else "done"
    older = {"approved": "requested", "sending": "running", "requested": "requested"}
    known = {"held", "running", "lost"}
    job["phase"] = older.get(job["phase"]) or (job["phase"] if job["phase"] in known else ended)
    for name in ("by", "end", "approved_at", "attempts", "link", "cost", "promoted_at", "parameters", "revision"):
        job.pop(name, None)
