"""Bringing a database's tables to the version of this program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from monitor.adapters.sql.engine import describe, reading, writing
from monitor.domain.errors import ConfigError

VERSION_TABLE = "monitor_alembic_version"
"""Our own: other packages that keep tables in the same database have theirs."""

_SCRIPTS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6D6F6E69746F72  # "monitor": one migration at a time, others wait for it
_LOCK_TIMEOUT_S, _STATEMENT_TIMEOUT_S = 60, 600


def migrate(engine: Engine) -> str:
    """Create or upgrade monitor's tables, all or nothing, in one transaction; returns the revision reached.

    Any number of processes may call it at once: they wait for each other, and the later ones find nothing to do.
    StoreUnavailable when the database cannot serve, ConfigError when a newer program has migrated it.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            _wait_for_other_migrations(connection)
        try:
            command.upgrade(_config(connection), "head")
        except CommandError as error:
            raise ConfigError(
                f"the tables of {describe(engine)} are of a version that this program does not know ({error})",
                hint="a newer Driftline has migrated it: run that version, or restore a backup from before",
            ) from error
        return _revision(connection) or ""


def is_migrated(engine: Engine) -> bool:
    """Whether the tables are of this program's version; never changes anything."""
    with reading(engine) as connection:
        return _revision(connection) == newest_revision()


def newest_revision() -> str:
    """The revision that `migrate` leads to."""
    return ScriptDirectory(str(_SCRIPTS)).get_current_head() or ""


def draft_migration(engine: Engine, message: str, revision: str) -> None:
    """For contributors: write the difference between the tables and a migrated database as a new migration file."""
    with writing(engine) as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def _wait_for_other_migrations(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'"))
    connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT_S}s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
