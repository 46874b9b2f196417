"""Notices of articles: what is to be reviewed, and what became of a review"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notice", sa.Column("article_text_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("notice", "article_text_id")
