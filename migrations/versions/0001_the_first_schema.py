"""The first schema"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
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
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_message_id", "attachment", ["message_id"], unique=False)
    op.create_index(
        "ix_attachment_uploader_id",
        "attachment",
        ["uploader_id"],
        unique=False,
        postgresql_where=sa.text("message_id is null"),
    )
    op.create_table(
        "audit_seal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("first_tx", sa.BigInteger(), nullable=False),
        sa.Column("first_event", sa.BigInteger(), nullable=False),
        sa.Column("last_tx", sa.BigInteger(), nullable=False),
        sa.Column("last_event", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("card", sa.Text(), nullable=True),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("native", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_dead",
        "delivery",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_delivery_due", "delivery", ["due_at"], unique=False, postgresql_where=sa.text("state = 'due'")
    )
    op.create_index(
        "ix_delivery_message_id",
        "delivery",
        ["message_id"],
        unique=False,
        postgresql_where=sa.text("message_id is not null"),
    )
    op.create_index(
        "ix_delivery_place_key_id",
        "delivery",
        ["place_key", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'due'"),
    )
    op.create_table(
        "desk_fact",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_desk_fact")),
    )
    op.create_table(
        "desk_key",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("intermediate_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_desk_key")),
    )
    op.create_table(
        "draft",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "conversation_id", name=op.f("pk_draft")),
    )
    op.create_table(
        "erased",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_erased")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "tx",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_at", "event", ["at"], unique=False, postgresql_using="brin")
    op.create_index(
        "ix_event_conversation_id_seq",
        "event",
        ["conversation_id", "seq"],
        unique=False,
        postgresql_where=sa.text("conversation_id is not null"),
    )
    op.create_index("ix_event_name_at", "event", ["name", "at"], unique=False)
    op.create_index("ix_event_subject_at", "event", ["subject", "at"], unique=False)
    op.create_index("ix_event_tx_id", "event", ["tx", "id"], unique=False)
    op.create_table(
        "idempotent_answer",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_idempotent_answer")),
    )
    op.create_table(
        "inbound",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_inbound")),
    )
    op.create_index(
        "ix_inbound_waiting",
        "inbound",
        ["place_key", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('received','parked','held')"),
    )
    op.create_table(
        "intermediate_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intermediate_key")),
    )
    op.create_table(
        "macro",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("actions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_macro")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index("ix_notice_person_id_id", "notice", ["person_id", "id"], unique=False)
    op.create_index(
        "ix_notice_unread", "notice", ["person_id"], unique=False, postgresql_where=sa.text("read_at is null")
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("domains", sa.LargeBinary(), nullable=True),
        sa.Column("domain_digests", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("members_see_all", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "outbox_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_mail")),
    )
    op.create_index("ix_outbox_mail_at", "outbox_mail", ["at"], unique=False)
    op.create_table(
        "person_key",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("intermediate_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_key")),
    )
    op.create_table(
        "reader_mark",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tx", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_reader_mark")),
    )
    op.create_table(
        "role",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_role")),
    )
    op.create_table(
        "routing_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("condition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stop", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_rule")),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("condition", sa.LargeBinary(), nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    op.create_table(
        "scheduled_job",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_scheduled_job")),
    )
    op.create_table(
        "setting",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_setting")),
    )
    op.create_table(
        "tag",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
    )
    op.create_index("uq_tag_name", "tag", ["name"], unique=True)
    op.create_table(
        "team",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("assign_mode", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
    )
    op.create_table(
        "category",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["category.id"], name=op.f("fk_category_parent_id_category")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_category_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("display_name", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("profile", sa.LargeBinary(), nullable=True),
        sa.Column("email_digest", sa.LargeBinary(), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("name_terms", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("availability", sa.Text(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("skills", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("preferences", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("last_assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_person_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["role"], ["role.name"], name=op.f("fk_person_role_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_index(
        "ix_person_email_digest",
        "person",
        ["email_digest"],
        unique=False,
        postgresql_where=sa.text("email_digest is not null"),
    )
    op.create_index("ix_person_name_terms", "person", ["name_terms"], unique=False, postgresql_using="gin")
    op.create_index("ix_person_role", "person", ["role"], unique=False)
    op.create_index(
        "uq_person_email_verified",
        "person",
        ["email_digest"],
        unique=True,
        postgresql_where=sa.text("email_verified_at is not null"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_api_token_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
    )
    op.create_index("uq_api_token_digest", "api_token", ["digest"], unique=True)
    op.create_table(
        "conversation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("root_id", sa.Uuid(), nullable=True),
        sa.Column("pending", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_conversation_owner_id_person")),
        sa.ForeignKeyConstraint(
            ["root_id"], ["conversation.id"], name=op.f("fk_conversation_root_id_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
    )
    op.create_index(
        "ix_conversation_read_in", "conversation", [sa.literal_column("coalesce(root_id, id)")], unique=False
    )
    op.create_index(
        "ix_conversation_root_id",
        "conversation",
        ["root_id"],
        unique=False,
        postgresql_where=sa.text("root_id is not null"),
    )
    op.create_table(
        "credential",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_credential_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
    )
    op.create_index("ix_credential_person_id_kind", "credential", ["person_id", "kind"], unique=False)
    op.create_table(
        "identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("external", sa.LargeBinary(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_identity_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
    )
    op.create_index("ix_identity_person_id", "identity", ["person_id"], unique=False)
    op.create_index("uq_identity_digest", "identity", ["digest"], unique=True)
    op.create_table(
        "one_time_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_one_time_link_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_link")),
    )
    op.create_index("uq_one_time_link_digest", "one_time_link", ["digest"], unique=True)
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seen_from", sa.LargeBinary(), nullable=True),
        sa.Column("strong", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_session_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    op.create_index("ix_session_person_id", "session", ["person_id"], unique=False)
    op.create_index("uq_session_digest", "session", ["digest"], unique=True)
    op.create_table(
        "team_member",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_team_member_person_id_person")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_team_member_team_id_team")),
        sa.PrimaryKeyConstraint("team_id", "person_id", name=op.f("pk_team_member")),
    )
    op.create_index("ix_team_member_person_id", "team_member", ["person_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("terms", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("reply_to_id", sa.Uuid(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visible_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_message_conversation_id_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_author_id", "message", ["author_id"], unique=False)
    op.create_index(
        "ix_message_reported",
        "message",
        ["reported_at"],
        unique=False,
        postgresql_where=sa.text("reported_at is not null"),
    )
    op.create_index(
        "ix_message_terms",
        "message",
        ["terms"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on"},
    )
    op.create_index("uq_message_conversation_id_seq", "message", ["conversation_id", "seq"], unique=True)
    op.create_table(
        "seat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_seat_conversation_id_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
    )
    op.create_index("ix_seat_conversation_id", "seat", ["conversation_id"], unique=False)
    op.create_index(
        "uq_seat_place_key", "seat", ["place_key"], unique=True, postgresql_where=sa.text("active")
    )
    op.create_table(
        "ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("fields", sa.LargeBinary(), nullable=True),
        sa.Column("solution", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("priority_rank", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("has_file", sa.Boolean(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_requester_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_staff_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_answer_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating", sa.BigInteger(), nullable=True),
        sa.Column("offered_to_id", sa.Uuid(), nullable=True),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["assignee_id"], ["person.id"], name=op.f("fk_ticket_assignee_id_person")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_ticket_category_id_category")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_ticket_conversation_id_conversation")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["ticket.id"], name=op.f("fk_ticket_merged_into_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_ticket_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["ticket.id"], name=op.f("fk_ticket_parent_id_ticket")),
        sa.ForeignKeyConstraint(["requester_id"], ["person.id"], name=op.f("fk_ticket_requester_id_person")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_ticket_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
    )
    op.create_index(
        "ix_ticket_assignee_live",
        "ticket",
        ["assignee_id", "updated_at"],
        unique=False,
        postgresql_where=sa.text("status in ('open','in_progress','waiting')"),
    )
    op.create_index("ix_ticket_created_at", "ticket", ["created_at", "number"], unique=False)
    op.create_index("ix_ticket_last_requester_at", "ticket", ["last_requester_at", "number"], unique=False)
    op.create_index(
        "ix_ticket_live",
        "ticket",
        ["updated_at", "number"],
        unique=False,
        postgresql_where=sa.text("status in ('open','in_progress','waiting')"),
    )
    op.create_index(
        "ix_ticket_merged_into_id",
        "ticket",
        ["merged_into_id"],
        unique=False,
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.create_index(
        "ix_ticket_offered",
        "ticket",
        ["offered_until"],
        unique=False,
        postgresql_where=sa.text("offered_until is not null"),
    )
    op.create_index(
        "ix_ticket_organisation_id",
        "ticket",
        ["organisation_id"],
        unique=False,
        postgresql_where=sa.text("organisation_id is not null"),
    )
    op.create_index(
        "ix_ticket_priority_updated", "ticket", ["priority_rank", "updated_at", "number"], unique=False
    )
    op.create_index("ix_ticket_requester_id_updated", "ticket", ["requester_id", "updated_at"], unique=False)
    op.create_index(
        "ix_ticket_snoozed",
        "ticket",
        ["snoozed_until"],
        unique=False,
        postgresql_where=sa.text("snoozed_until is not null"),
    )
    op.create_index("ix_ticket_status_updated", "ticket", ["status", "updated_at", "number"], unique=False)
    op.create_index("ix_ticket_tags", "ticket", ["tags"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_ticket_team_live",
        "ticket",
        ["team_id", "updated_at"],
        unique=False,
        postgresql_where=sa.text("status in ('open','in_progress','waiting')"),
    )
    op.create_index(
        "ix_ticket_unassigned",
        "ticket",
        ["updated_at", "number"],
        unique=False,
        postgresql_where=sa.text("assignee_id is null and status in ('open','in_progress','waiting')"),
    )
    op.create_index("ix_ticket_updated_at", "ticket", ["updated_at", "number"], unique=False)
    op.create_index("uq_ticket_conversation_id", "ticket", ["conversation_id"], unique=True)
    op.create_index("uq_ticket_link", "ticket", ["link"], unique=True)
    op.create_index("uq_ticket_number", "ticket", ["number"], unique=True)
    op.create_table(
        "message_copy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("native", sa.Text(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_copy_message_id_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_copy")),
    )
    op.create_index("ix_message_copy_message_id", "message_copy", ["message_id"], unique=False)
    op.create_index("uq_message_copy_place_key_native", "message_copy", ["place_key", "native"], unique=True)
    op.create_table(
        "message_revision",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_revision_message_id_message")
        ),
        sa.PrimaryKeyConstraint("message_id", "revision", name=op.f("pk_message_revision")),
    )
    op.create_table(
        "participant",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_participant_person_id_person")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_participant_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", "person_id", name=op.f("pk_participant")),
    )
    op.create_index("ix_participant_person_id", "participant", ["person_id"], unique=False)
    op.create_table(
        "reaction",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("emoji", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_reaction_message_id_message")),
        sa.PrimaryKeyConstraint("message_id", "person_id", "emoji", name=op.f("pk_reaction")),
    )
    op.create_table(
        "survey_answer",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_survey_answer_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_survey_answer")),
    )
    op.create_table(
        "ticket_link",
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["ticket.id"], name=op.f("fk_ticket_link_from_id_ticket")),
        sa.ForeignKeyConstraint(["to_id"], ["ticket.id"], name=op.f("fk_ticket_link_to_id_ticket")),
        sa.PrimaryKeyConstraint("from_id", "to_id", name=op.f("pk_ticket_link")),
    )

    # The planner must know rare words from common ones, or it walks the dates instead.
    op.execute("alter table message alter column terms set statistics 1000")


def downgrade() -> None:
    op.drop_table("ticket_link")
    op.drop_table("survey_answer")
    op.drop_table("reaction")
    op.drop_index("ix_participant_person_id", table_name="participant")
    op.drop_table("participant")
    op.drop_table("message_revision")
    op.drop_index("uq_message_copy_place_key_native", table_name="message_copy")
    op.drop_index("ix_message_copy_message_id", table_name="message_copy")
    op.drop_table("message_copy")
    op.drop_index("uq_ticket_number", table_name="ticket")
    op.drop_index("uq_ticket_link", table_name="ticket")
    op.drop_index("uq_ticket_conversation_id", table_name="ticket")
    op.drop_index("ix_ticket_updated_at", table_name="ticket")
    op.drop_index(
        "ix_ticket_unassigned",
        table_name="ticket",
        postgresql_where=sa.text("assignee_id is null and status in ('open','in_progress','waiting')"),
    )
    op.drop_index(
        "ix_ticket_team_live",
        table_name="ticket",
        postgresql_where=sa.text("status in ('open','in_progress','waiting')"),
    )
    op.drop_index("ix_ticket_tags", table_name="ticket", postgresql_using="gin")
    op.drop_index("ix_ticket_status_updated", table_name="ticket")
    op.drop_index(
        "ix_ticket_snoozed", table_name="ticket", postgresql_where=sa.text("snoozed_until is not null")
    )
    op.drop_index("ix_ticket_requester_id_updated", table_name="ticket")
    op.drop_index("ix_ticket_priority_updated", table_name="ticket")
    op.drop_index(
        "ix_ticket_organisation_id",
        table_name="ticket",
        postgresql_where=sa.text("organisation_id is not null"),
    )
    op.drop_index(
        "ix_ticket_offered", table_name="ticket", postgresql_where=sa.text("offered_until is not null")
    )
    op.drop_index(
        "ix_ticket_merged_into_id",
        table_name="ticket",
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.drop_index(
        "ix_ticket_live",
        table_name="ticket",
        postgresql_where=sa.text("status in ('open','in_progress','waiting')"),
    )
    op.drop_index("ix_ticket_last_requester_at", table_name="ticket")
    op.drop_index("ix_ticket_created_at", table_name="ticket")
    op.drop_index(
        "ix_ticket_assignee_live",
        table_name="ticket",
        postgresql_where=sa.text("status in ('open','in_progress','waiting')"),
    )
    op.drop_table("ticket")
    op.drop_index("uq_seat_place_key", table_name="seat", postgresql_where=sa.text("active"))
    op.drop_index("ix_seat_conversation_id", table_name="seat")
    op.drop_table("seat")
    op.drop_index("uq_message_conversation_id_seq", table_name="message")
    op.drop_index(
        "ix_message_terms", table_name="message", postgresql_using="gin", postgresql_with={"fastupdate": "on"}
    )
    op.drop_index(
        "ix_message_reported", table_name="message", postgresql_where=sa.text("reported_at is not null")
    )
    op.drop_index("ix_message_author_id", table_name="message")
    op.drop_table("message")
    op.drop_index("ix_team_member_person_id", table_name="team_member")
    op.drop_table("team_member")
    op.drop_index("uq_session_digest", table_name="session")
    op.drop_index("ix_session_person_id", table_name="session")
    op.drop_table("session")
    op.drop_index("uq_one_time_link_digest", table_name="one_time_link")
    op.drop_table("one_time_link")
    op.drop_index("uq_identity_digest", table_name="identity")
    op.drop_index("ix_identity_person_id", table_name="identity")
    op.drop_table("identity")
    op.drop_index("ix_credential_person_id_kind", table_name="credential")
    op.drop_table("credential")
    op.drop_index(
        "ix_conversation_root_id", table_name="conversation", postgresql_where=sa.text("root_id is not null")
    )
    op.drop_index("ix_conversation_read_in", table_name="conversation")
    op.drop_table("conversation")
    op.drop_index("uq_api_token_digest", table_name="api_token")
    op.drop_table("api_token")
    op.drop_index(
        "uq_person_email_verified",
        table_name="person",
        postgresql_where=sa.text("email_verified_at is not null"),
    )
    op.drop_index("ix_person_role", table_name="person")
    op.drop_index("ix_person_name_terms", table_name="person", postgresql_using="gin")
    op.drop_index(
        "ix_person_email_digest", table_name="person", postgresql_where=sa.text("email_digest is not null")
    )
    op.drop_table("person")
    op.drop_table("category")
    op.drop_table("team")
    op.drop_index("uq_tag_name", table_name="tag")
    op.drop_table("tag")
    op.drop_table("setting")
    op.drop_table("scheduled_job")
    op.drop_table("saved_view")
    op.drop_table("routing_rule")
    op.drop_table("role")
    op.drop_table("reader_mark")
    op.drop_table("person_key")
    op.drop_index("ix_outbox_mail_at", table_name="outbox_mail")
    op.drop_table("outbox_mail")
    op.drop_table("organisation")
    op.drop_index("ix_notice_unread", table_name="notice", postgresql_where=sa.text("read_at is null"))
    op.drop_index("ix_notice_person_id_id", table_name="notice")
    op.drop_table("notice")
    op.drop_table("macro")
    op.drop_table("intermediate_key")
    op.drop_index(
        "ix_inbound_waiting",
        table_name="inbound",
        postgresql_where=sa.text("state in ('received','parked','held')"),
    )
    op.drop_table("inbound")
    op.drop_table("idempotent_answer")
    op.drop_index("ix_event_tx_id", table_name="event")
    op.drop_index("ix_event_subject_at", table_name="event")
    op.drop_index("ix_event_name_at", table_name="event")
    op.drop_index(
        "ix_event_conversation_id_seq",
        table_name="event",
        postgresql_where=sa.text("conversation_id is not null"),
    )
    op.drop_index("ix_event_at", table_name="event", postgresql_using="brin")
    op.drop_table("event")
    op.drop_table("erased")
    op.drop_table("draft")
    op.drop_table("desk_key")
    op.drop_table("desk_fact")
    op.drop_index(
        "ix_delivery_place_key_id", table_name="delivery", postgresql_where=sa.text("state = 'due'")
    )
    op.drop_index(
        "ix_delivery_message_id", table_name="delivery", postgresql_where=sa.text("message_id is not null")
    )
    op.drop_index("ix_delivery_due", table_name="delivery", postgresql_where=sa.text("state = 'due'"))
    op.drop_index("ix_delivery_dead", table_name="delivery", postgresql_where=sa.text("state = 'dead'"))
    op.drop_table("delivery")
    op.drop_table("audit_seal")
    op.drop_index(
        "ix_attachment_uploader_id", table_name="attachment", postgresql_where=sa.text("message_id is null")
    )
    op.drop_index("ix_attachment_message_id", table_name="attachment")
    op.drop_table("attachment")
