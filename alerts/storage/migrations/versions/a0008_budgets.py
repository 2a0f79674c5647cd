"""What messages take of the budgets of teams, and what was decided about rules that take too much."""

import sqlalchemy as sa
from alembic import op

revision = "a0008"
down_revision = "a0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; messages before do not count."""
    op.create_table(
        "alerts_spending",
        sa.Column("occasion", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=100), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("incident_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("occasion", "team", "rule", name=op.f("alerts_spending_pkey")),
    )
    op.create_index(op.f("alerts_spending_team_at_idx"), "alerts_spending", ["team", "at"], unique=False)
    op.create_table(
        "alerts_budget_decisions",
        sa.Column("seq", SEQUENCE, sa.Identity(always=False), nullable=False),
        sa.Column("team", sa.String(length=100), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("change", sa.String(length=16), nullable=False, comment="demoted or restored"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("spent", sa.Integer(), nullable=False, comment="messages of the team in the budget's time"),
        sa.Column("messages", sa.Integer(), nullable=False, comment="those with the rule"),
        sa.PrimaryKeyConstraint("seq", name=op.f("alerts_budget_decisions_pkey")),
    )
    op.create_index(
        op.f("alerts_budget_decisions_team_rule_seq_idx"),
        "alerts_budget_decisions",
        ["team", "rule", "seq"],
        unique=False,
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("alerts_budget_decisions")
    op.drop_table("alerts_spending")
