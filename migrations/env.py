"""Alembic's entry: runs on a connection that the program hands over."""

from alembic import context

from core.models import Base

connection = context.config.attributes.get("connection")
context.configure(
    connection=connection, target_metadata=Base.metadata, compare_type=True, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
