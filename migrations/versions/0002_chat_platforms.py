"""Chat platforms: installations, desk rooms, and where a question waits for its answer"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cursor",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("installation", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "installation", "channel", name=op.f("pk_cursor")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("external", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_index(
        "uq_installation_platform_external", "installation", ["platform", "external"], unique=True
    )
    op.create_table(
        "pending_question",
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place_key", "person_id", name=op.f("pk_pending_question")),
    )
    op.create_table(
        "desk_room",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("queue_native", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_desk_room_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_room")),
    )
    op.create_index(
        "ix_desk_room_team_id", "desk_room", ["team_id"], unique=False, postgresql_where=sa.text("active")
    )
    op.create_index(
        "uq_desk_room_place_key", "desk_room", ["place_key"], unique=True, postgresql_where=sa.text("active")
    )
    op.create_table(
        "room_thread",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=True),
        sa.Column("head", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["desk_room.id"], name=op.f("fk_room_thread_room_id_desk_room")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_room_thread_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("room_id", "ticket_id", name=op.f("pk_room_thread")),
    )
    op.create_index(
        "ix_room_thread_place_key",
        "room_thread",
        ["place_key"],
        unique=False,
        postgresql_where=sa.text("place_key is not null"),
    )
    op.create_index("ix_room_thread_ticket_id", "room_thread", ["ticket_id"], unique=False)
    op.add_column("inbound", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("inbound", sa.Column("sender", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_inbound_sender",
        "inbound",
        ["sender"],
        unique=False,
        postgresql_where=sa.text("sender is not null"),
    )
    op.add_column("delivery", sa.Column("apart", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("message", sa.Column("missed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_message_copy_native",
        "message_copy",
        ["native", "place_key"],
        unique=False,
        postgresql_ops={"place_key": "text_pattern_ops"},
    )
    op.add_column("seat", sa.Column("from_seq", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("seat", "from_seq")
    op.drop_index(
        "ix_message_copy_native", table_name="message_copy", postgresql_ops={"place_key": "text_pattern_ops"}
    )
    op.drop_column("message", "missed")
    op.drop_column("delivery", "apart")
    op.drop_index("ix_inbound_sender", table_name="inbound", postgresql_where=sa.text("sender is not null"))
    op.drop_column("inbound", "sender")
    op.drop_column("inbound", "retry_at")
    op.drop_index("ix_room_thread_ticket_id", table_name="room_thread")
    op.drop_index(
        "ix_room_thread_place_key",
        table_name="room_thread",
        postgresql_where=sa.text("place_key is not null"),
    )
    op.drop_table("room_thread")
    op.drop_index("uq_desk_room_place_key", table_name="desk_room", postgresql_where=sa.text("active"))
    op.drop_index("ix_desk_room_team_id", table_name="desk_room", postgresql_where=sa.text("active"))
    op.drop_table("desk_room")
    op.drop_table("pending_question")
    op.drop_index("uq_installation_platform_external", table_name="installation")
    op.drop_table("installation")
    op.drop_table("cursor")
