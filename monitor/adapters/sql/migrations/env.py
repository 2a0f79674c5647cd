"""Alembic's environment: runs on the connection (and in the transaction) that `migrate` hands it."""

from alembic import context

from monitor.adapters.sql.migrate import VERSION_TABLE
from monitor.adapters.sql.record_log_tables import metadata


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    # Other packages keep tables in the same database; comparing must not propose to drop them.
    return kind != "table" or name in metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_name=_is_ours,
    user_module_prefix="types.",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
