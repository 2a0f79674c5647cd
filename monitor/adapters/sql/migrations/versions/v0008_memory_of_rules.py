"""What rules remember beside their phase, and alerts of single segments."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATES, _TRANSITIONS = "pk_rule_states", "uq_transitions_model_rule_at_after"


def upgrade() -> None:
    """Rules that stand go on from where they are: for all traffic, with an empty memory."""
    with op.batch_alter_table("rule_states") as states:
        states.add_column(sa.Column("segment", types.Name(), nullable=False, server_default=""))
        states.add_column(sa.Column("memory", sa.Text(), nullable=False, server_default=""))
        states.drop_constraint(op.f(_STATES), type_="primary")
        states.create_primary_key(op.f(_STATES), ["model", "rule", "segment"])
    with op.batch_alter_table("transitions", table_kwargs={"sqlite_autoincrement": True}) as transitions:
        transitions.add_column(sa.Column("segment", types.Name(), nullable=False, server_default=""))
        transitions.drop_constraint(op.f(_TRANSITIONS), type_="unique")
        transitions.create_unique_constraint(
            op.f("uq_transitions_model_rule_segment_at_after"), ["model", "rule", "segment", "at", "after"]
        )


def downgrade() -> None:
    """Alerts of single segments and what rules remember are lost."""
    op.execute("DELETE FROM rule_states WHERE segment <> ''")
    op.execute("DELETE FROM transitions WHERE segment <> ''")
    with op.batch_alter_table("rule_states") as states:
        states.drop_constraint(op.f(_STATES), type_="primary")
        states.create_primary_key(op.f(_STATES), ["model", "rule"])
        states.drop_column("segment")
        states.drop_column("memory")
    with op.batch_alter_table("transitions", table_kwargs={"sqlite_autoincrement": True}) as transitions:
        transitions.drop_constraint(op.f("uq_transitions_model_rule_segment_at_after"), type_="unique")
        transitions.create_unique_constraint(op.f(_TRANSITIONS), ["model", "rule", "at", "after"])
        transitions.drop_column("segment")
