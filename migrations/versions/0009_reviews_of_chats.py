"""Reviews of chats: a review is of a call, or of a ticket"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call_review", sa.Column("ticket_id", sa.Uuid(), nullable=True))
    op.alter_column("call_review", "call_id", existing_type=sa.Uuid(), nullable=True)
    op.create_foreign_key(
        op.f("fk_call_review_ticket_id_ticket"), "call_review", "ticket", ["ticket_id"], ["id"]
    )
    op.create_index("uq_call_review_ticket_id", "call_review", ["ticket_id", "reviewer_id"], unique=True)
    op.create_check_constraint(
        op.f("ck_call_review_one_session"), "call_review", "num_nonnulls(call_id, ticket_id) = 1"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_call_review_one_session"), "call_review")
    op.execute("delete from call_review where call_id is null")
    op.drop_index("uq_call_review_ticket_id", table_name="call_review")
    op.drop_constraint(op.f("fk_call_review_ticket_id_ticket"), "call_review")
    op.alter_column("call_review", "call_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_column("call_review", "ticket_id")
