"""Bring the tables of this package to the newest version, alone or beside another program's tables."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

VERSION_TABLE = "alerts_version"
SCRIPTS = Path(__file__).parent / "migrations"
VERSIONS = SCRIPTS / "versions"
_LOCK_KEY = 0x64726966_616C  # any number that no other program's advisory lock has


def upgrade(connection: sa.Connection, revision: str = "alerts@head") -> None:
    """Apply what is missing, in the caller's transaction; safe to call at every start and by many at once."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    command.upgrade(_config(connection), revision)


def downgrade(connection: sa.Connection, revision: str = "alerts@base") -> None:
    """Take steps back; only for development, since it drops what the tables hold."""
    command.downgrade(_config(connection), revision)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(VERSIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config
