"""Parts of a ticket: found without reading all tickets"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_ticket_parent_id", "ticket", ["parent_id"], postgresql_where=sa.text("parent_id is not null")
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_parent_id", table_name="ticket")
