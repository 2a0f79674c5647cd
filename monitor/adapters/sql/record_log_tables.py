"""The tables of the durable log that keeps records sent by request (docs/decisions/0021), and rows of polled tables."""

from sqlalchemy import Boolean, Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text

from monitor.adapters.sql.tables import metadata as metadata  # noqa: PLC0414 - migrations compare with all of it
from monitor.adapters.sql.types import Count, Milliseconds, Name

# One row a partition: whoever appends locks it, so offsets are given in the order of the commits.
log_ends = Table(
    "log_ends",
    metadata,
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("next_offset", Count, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
)

# Records [first_offset, next_offset) of a partition, compressed together: a row a record would be ten times the work.
log_segments = Table(
    "log_segments",
    metadata,
    Column("topic", Name, nullable=False),
    Column("partition", Count, nullable=False),
    Column("first_offset", Count, nullable=False),
    Column("next_offset", Count, nullable=False),
    Column("received_at_ms", Milliseconds, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "first_offset"),
)

# What was received lately, so that a record sent again is known.
log_ids = Table(
    "log_ids",
    metadata,
    Column("id", LargeBinary, nullable=False),
    Column("received_at_ms", Milliseconds, nullable=False),
    PrimaryKeyConstraint("id"),
    Index("ix_log_ids_received_at", "received_at_ms"),
    sqlite_with_rowid=False,
)

# Idempotency-Keys of lately with what they were answered.
log_receipts = Table(
    "log_receipts",
    metadata,
    Column("key", Name, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("received_at_ms", Milliseconds, nullable=False),
    PrimaryKeyConstraint("key"),
    Index("ix_log_receipts_received_at", "received_at_ms"),
)

# How far each polled table has been read, saved with the rows that it stands for (docs/decisions/0041).
polled_tables = Table(
    "polled_tables",
    metadata,
    Column("source", Name, nullable=False),
    Column("revision", Count, nullable=False),
    Column("asked", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("newest", Text, nullable=False),
    Column("newest_ms", Milliseconds, nullable=False),
    Column("reached_ms", Milliseconds, nullable=False),
    Column("is_complete", Boolean, nullable=False),
    Column("completed_at_ms", Milliseconds, nullable=False),
    Column("rows", Count, nullable=False),
    Column("unlabelled", Count, nullable=False),
    Column("undated", Count, nullable=False),
    Column("failures", Count, nullable=False),
    Column("error", Name, nullable=False),
    PrimaryKeyConstraint("source"),
)

# Rows that may be read again, because polls look back for those that were committed late.
polled_rows = Table(
    "polled_rows",
    metadata,
    Column("source", Name, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("at_ms", Milliseconds, nullable=False),
    PrimaryKeyConstraint("source", "id"),
    Index("ix_polled_rows_at", "source", "at_ms"),
    sqlite_with_rowid=False,
)
