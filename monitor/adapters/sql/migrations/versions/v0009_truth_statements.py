"""Every statement of truth is kept, with who made it; predictions lie in the order of time."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both tables get another primary key, so both are written anew: seconds for each million of rows."""
    _set_aside()
    op.create_table(
        "predictions",
        *_prediction_columns(),
        sa.PrimaryKeyConstraint("model", "event_time_ms", "version", "event_id", name=op.f("pk_predictions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "truths",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("event_id", types.Name(), nullable=False),
        sa.Column("name", types.Name(), nullable=False),
        sa.Column("known_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("label", types.Name(), nullable=False),
        sa.Column("annotator", types.Name(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "model", "event_id", "name", "known_at_ms", "label", "annotator", name=op.f("pk_truths")
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO predictions (model, event_id, version, event_time_ms, prediction, score) "
        "SELECT model, event_id, version, event_time_ms, prediction, score FROM predictions_aside"
    )
    op.execute(
        'INSERT INTO truths (model, event_id, name, known_at_ms, label, annotator, "offset") '
        "SELECT model, event_id, '', known_at_ms, label, '', -1 FROM truths_aside"
    )
    _forget_aside()


def downgrade() -> None:
    """Of the statements about a prediction the latest stays, whatever its name."""
    _set_aside()
    op.create_table(
        "predictions",
        *_prediction_columns(),
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
    op.execute(
        "INSERT INTO predictions (model, event_id, version, event_time_ms, prediction, score) "
        "SELECT model, event_id, version, event_time_ms, prediction, score FROM (SELECT predictions_aside.*, "
        "row_number() OVER (PARTITION BY model, event_id, version ORDER BY event_time_ms DESC) AS nth "
        "FROM predictions_aside) AS ranked WHERE nth = 1"
    )
    op.execute(
        "INSERT INTO truths (model, event_id, label, known_at_ms) "
        "SELECT model, event_id, label, known_at_ms FROM (SELECT truths_aside.*, "
        'row_number() OVER (PARTITION BY model, event_id ORDER BY known_at_ms DESC, "offset" DESC, label, name) AS nth '
        "FROM truths_aside) AS ranked WHERE nth = 1"
    )
    _forget_aside()


def _prediction_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("event_id", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("prediction", types.Name(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
    ]


def _set_aside() -> None:
    op.execute("CREATE TABLE predictions_aside AS SELECT * FROM predictions")
    op.execute("CREATE TABLE truths_aside AS SELECT * FROM truths")
    op.drop_table("predictions")
    op.drop_table("truths")


def _forget_aside() -> None:
    op.drop_table("predictions_aside")
    op.drop_table("truths_aside")
    op.create_index("ix_truths_known_at", "truths", ["model", "known_at_ms"], unique=False)
