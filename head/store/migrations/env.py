"""Alembic's entry: runs on the connection that head.store.migrate hands over, inside its transaction."""

from alembic import context

from head.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,  # SQLite changes a column by making the table anew
)
with context.begin_transaction():
    context.run_migrations()
