"""Calls: who is in them, who agreed to being recorded, what was recorded, how it went"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("video", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("recording", sa.Boolean(), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rang_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_call_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
    )
    op.create_index("ix_call_created_at", "call", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_call_live",
        "call",
        ["state", "created_at"],
        unique=False,
        postgresql_where=sa.text("state in ('scheduled','asked','ringing','joined','on_hold')"),
    )
    op.create_index("ix_call_ticket_id", "call", ["ticket_id", "created_at"], unique=False)
    op.create_index(
        "uq_call_ticket_live",
        "call",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("state in ('scheduled','asked','ringing','joined','on_hold')"),
    )
    op.create_table(
        "call_person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("staff", sa.Boolean(), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_person_call_id_call")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_call_person_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_person")),
    )
    op.create_index("ix_call_person_person_id", "call_person", ["person_id"], unique=False)
    op.create_index("uq_call_person_call_id", "call_person", ["call_id", "person_id"], unique=True)
    op.create_table(
        "call_consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("wording_version", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_consent_call_id_call")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_call_consent_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_consent")),
    )
    op.create_index("ix_call_consent_call_id", "call_consent", ["call_id", "person_id", "at"], unique=False)
    op.create_index("ix_call_consent_person_id", "call_consent", ["person_id"], unique=False)
    op.create_table(
        "call_recording",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_recording_call_id_call")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_call_recording_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_recording")),
    )
    op.create_index(
        "ix_call_recording_began_at",
        "call_recording",
        ["began_at"],
        unique=False,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_index("ix_call_recording_call_id", "call_recording", ["call_id", "began_at"], unique=False)
    op.create_index("ix_call_recording_person_id", "call_recording", ["person_id"], unique=False)
    op.create_table(
        "call_quality",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_quality_call_id_call")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_call_quality_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_quality")),
    )
    op.create_index("ix_call_quality_call_id", "call_quality", ["call_id", "at"], unique=False)
    op.create_index("ix_call_quality_person_id", "call_quality", ["person_id"], unique=False)


def downgrade() -> None:
    op.drop_table("call_quality")
    op.drop_table("call_recording")
    op.drop_table("call_consent")
    op.drop_table("call_person")
    op.drop_table("call")
