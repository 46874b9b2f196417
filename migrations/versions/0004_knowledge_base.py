"""Articles in several languages, what is said of them, and what came of suggesting them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

GIVEN = {"kb.write": ("agent", "lead", "admin"), "kb.publish": ("lead", "admin"), "kb.teach": ("admin",)}
"""Roles are rows: those of a desk that runs already learn what is new."""


def upgrade() -> None:
    op.create_table(
        "kb_search",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("results", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kb_search")),
    )
    op.create_index("ix_kb_search_at", "kb_search", ["at"], unique=False)
    op.create_index("ix_kb_search_digest", "kb_search", ["digest", "at"], unique=False)
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("scores", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("chosen", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_agent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion")),
    )
    op.create_index("ix_suggestion_asked_at", "suggestion", ["asked_at", "id"], unique=False)
    op.create_index(
        "ix_suggestion_chosen",
        "suggestion",
        ["chosen"],
        unique=False,
        postgresql_where=sa.text("chosen is not null"),
    )
    op.create_index(
        "ix_suggestion_conversation_id",
        "suggestion",
        ["conversation_id"],
        unique=False,
        postgresql_where=sa.text("conversation_id is not null"),
    )
    op.create_index(
        "ix_suggestion_person_id",
        "suggestion",
        ["person_id"],
        unique=False,
        postgresql_where=sa.text("person_id is not null"),
    )
    op.create_index(
        "ix_suggestion_ticket_id",
        "suggestion",
        ["ticket_id"],
        unique=False,
        postgresql_where=sa.text("ticket_id is not null"),
    )
    op.create_table(
        "article",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("review_by", sa.Date(), nullable=True),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("related", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_article_category_id_category")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article")),
    )
    op.create_index("ix_article_category_id", "article", ["category_id"], unique=False)
    op.create_index(
        "ix_article_review_by",
        "article",
        ["review_by"],
        unique=False,
        postgresql_where=sa.text("review_by is not null"),
    )
    op.create_index("ix_article_tags", "article", ["tags"], unique=False, postgresql_using="gin")
    op.create_index("ix_article_updated_at", "article", ["updated_at", "id"], unique=False)
    op.create_index("uq_article_number", "article", ["number"], unique=True)
    op.create_table(
        "article_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("uploader_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("thumb_id", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_article_file_article_id_article")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_file")),
    )
    op.create_index("ix_article_file_article_id", "article_file", ["article_id"], unique=False)
    op.create_table(
        "article_text",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("draft_title", sa.Text(), nullable=True),
        sa.Column("draft_body", sa.Text(), nullable=True),
        sa.Column("draft_by", sa.Uuid(), nullable=True),
        sa.Column("draft_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publish_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("source_revision", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("review_note", sa.Text(), nullable=True),
        sa.Column("editing_by", sa.Uuid(), nullable=True),
        sa.Column("editing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_article_text_article_id_article")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_text")),
    )
    op.create_index(
        "ix_article_text_publish_at",
        "article_text",
        ["publish_at"],
        unique=False,
        postgresql_where=sa.text("publish_at is not null"),
    )
    op.create_index(
        "ix_article_text_published_at", "article_text", ["language", "published_at", "id"], unique=False
    )
    op.create_index("ix_article_text_state", "article_text", ["state", "updated_at"], unique=False)
    op.create_index("uq_article_text_article_id", "article_text", ["article_id", "language"], unique=True)
    op.create_index("uq_article_text_slug", "article_text", ["language", "slug"], unique=True)
    op.create_table(
        "article_view",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_article_view_article_id_article")
        ),
        sa.PrimaryKeyConstraint("article_id", "language", "day", "channel", name=op.f("pk_article_view")),
    )
    op.create_index("ix_article_view_day", "article_view", ["day"], unique=False)
    op.create_table(
        "lesson",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("solved", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_lesson_article_id_article")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
    )
    op.create_index("ix_lesson_article_id", "lesson", ["article_id"], unique=False)
    op.create_index("ix_lesson_at", "lesson", ["at", "id"], unique=False)
    op.create_index("ix_lesson_person_id", "lesson", ["person_id"], unique=False)
    op.create_index(
        "ix_lesson_suggestion_id",
        "lesson",
        ["suggestion_id"],
        unique=False,
        postgresql_where=sa.text("suggestion_id is not null"),
    )
    op.create_table(
        "article_feedback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_text_id", sa.Uuid(), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_text_id"],
            ["article_text.id"],
            name=op.f("fk_article_feedback_article_text_id_article_text"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_feedback")),
    )
    op.create_index(
        "ix_article_feedback_article_text_id", "article_feedback", ["article_text_id", "at"], unique=False
    )
    op.create_index(
        "ix_article_feedback_person_id",
        "article_feedback",
        ["person_id"],
        unique=False,
        postgresql_where=sa.text("person_id is not null"),
    )
    op.create_index("ix_article_feedback_state", "article_feedback", ["state", "at"], unique=False)
    op.create_table(
        "article_revision",
        sa.Column("article_text_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_text_id"],
            ["article_text.id"],
            name=op.f("fk_article_revision_article_text_id_article_text"),
        ),
        sa.PrimaryKeyConstraint("article_text_id", "revision", name=op.f("pk_article_revision")),
    )
    op.create_table(
        "article_slug",
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("article_text_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_text_id"],
            ["article_text.id"],
            name=op.f("fk_article_slug_article_text_id_article_text"),
        ),
        sa.PrimaryKeyConstraint("language", "slug", name=op.f("pk_article_slug")),
    )
    op.create_index("ix_article_slug_article_text_id", "article_slug", ["article_text_id"], unique=False)
    for permission, roles in GIVEN.items():
        op.execute(
            sa.text(
                "update role set permissions = array(select distinct unnest(permissions || :new) order by 1) "
                "where name = any(:roles)"
            ).bindparams(
                sa.bindparam("new", [permission], postgresql.ARRAY(sa.Text())),
                sa.bindparam("roles", list(roles), postgresql.ARRAY(sa.Text())),
            )
        )


def downgrade() -> None:
    for permission in GIVEN:
        op.execute(
            sa.text("update role set permissions = array_remove(permissions, :old)").bindparams(
                old=permission
            )
        )
    op.drop_table("article_slug")
    op.drop_table("article_revision")
    op.drop_table("article_feedback")
    op.drop_table("lesson")
    op.drop_table("article_view")
    op.drop_table("article_text")
    op.drop_table("article_file")
    op.drop_table("article")
    op.drop_table("suggestion")
    op.drop_table("kb_search")
