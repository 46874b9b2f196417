"""Words by the day they were said on, so that a search reads only as far back as its answer reaches

The index is built beside the program that runs (an interrupted one is begun anew): on ten million messages that
takes minutes, and nobody waits for it.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FOUND_BY = (("delivery", "conversation_id"), ("ticket", "assignee_id"))
WORDS = """
create or replace function term_days(terms bigint[], at timestamptz) returns bigint[]
language sql immutable strict parallel safe
return (
    select array_agg(term # floor(date_part('epoch', at - timestamptz '2000-01-01 00:00:00+00') / 86400)::bigint)
    from unnest(terms) as term
)
"""


def upgrade() -> None:
    op.execute(WORDS)
    # Who writes when the list of what is not sorted in yet is full sorts all of it in, and the others wait: less at once.
    op.execute("alter index ix_message_terms set (gin_pending_list_limit = 512)")
    with op.get_context().autocommit_block():
        op.execute("set maintenance_work_mem = '512MB'")
        op.execute("drop index concurrently if exists ix_message_days")
        op.execute(
            "create index concurrently ix_message_days on message using gin (term_days(terms, at))"
            " with (fastupdate = off)"
        )
        for table, column in FOUND_BY:
            op.execute(f"drop index concurrently if exists ix_{table}_{column}")
            op.execute(
                f"create index concurrently ix_{table}_{column} on {table} ({column}) where {column} is not null"
            )
        op.execute("reset maintenance_work_mem")


def downgrade() -> None:
    for table, column in FOUND_BY:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    op.drop_index("ix_message_days", table_name="message")
    op.execute("drop function term_days(bigint[], timestamptz)")
    op.execute("alter index ix_message_terms reset (gin_pending_list_limit)")
