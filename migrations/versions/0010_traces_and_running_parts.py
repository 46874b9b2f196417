"""Traces through the parts, and which parts run"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
TRACED = ("event", "inbound", "delivery")


def upgrade() -> None:
    for table in TRACED:
        op.add_column(table, sa.Column("trace", sa.Text(), nullable=True))
    op.create_table(
        "running_part",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_running_part")),
    )


def downgrade() -> None:
    op.drop_table("running_part")
    for table in TRACED:
        op.drop_column(table, "trace")
