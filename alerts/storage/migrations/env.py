"""What Alembic runs: the branch's scripts over the connection that the caller handed in."""

from __future__ import annotations

from alembic import context

from alerts.storage.migrate import VERSION_TABLE
from alerts.storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
