"""A real PostgreSQL server for tests and benchmarks."""

import os
import secrets
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from monitor.testing.servers.local_server import LocalServer
from monitor.testing.servers.ports import LOOPBACK, accepts_connections
from monitor.testing.servers.postgres_install import (
    SERVER,
    PostgresInstall,
    find_postgres,
    unprivileged_account,
    within_reach,
)
from monitor.testing.servers.process import Account, Launch, ServerProcess
from monitor.testing.servers.unavailable import ServerFailed, ServerUnavailable

_OWNER = "driftline"
_INITDB_DEADLINE_S = 60.0

# Nothing here survives a power cut, and need not: fsync and full pages cost time. Commits stay synchronous,
# so that what was committed survives a SIGKILL of the server. Shared memory as files of the data folder
# leaves nothing in the system after a crash.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "1h",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresServer(LocalServer):
    """One server on a free loopback port, which it keeps over restarts.

    It runs as the user nobody when we are root, because PostgreSQL refuses root. The password is drawn
    anew for every server: others on a shared machine cannot enter.

    >>> with PostgresServer() as server:  # doctest: +SKIP
    ...     engine = sqlalchemy.create_engine(server.create_database("shares"))
    """

    name = "postgres"
    polite = signal.SIGINT  # "fast shutdown", which cuts open sessions
    ready_within_s = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._password = secrets.token_urlsafe(18)
        self._install: PostgresInstall | None = None
        self._is_crashed = False

    @property
    def url(self) -> str:
        """The maintenance database, for SQLAlchemy with psycopg 3; it holds the password."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The SQLAlchemy URL of one of its databases, whether it exists or not."""
        return f"postgresql+psycopg://{_OWNER}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def start(self, data_dir: Path | None = None) -> None:
        """As any local server; the first start makes a cluster in its folder."""
        super().start(data_dir)
        self._is_crashed = False

    def kill9(self) -> None:
        """SIGKILL, as a crash: open sessions break, what was committed stays."""
        super().kill9()
        self._is_crashed = self._process is not None

    def create_database(self, name: str) -> str:
        """Create an empty database and return its SQLAlchemy URL; raises psycopg's DuplicateDatabase."""
        self._administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, with the sessions that are still in it."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _end(self) -> None:
        if self._is_crashed:  # only the server itself can give back the shared memory of its last run
            with suppress(ServerFailed):
                self.start()
        self.stop()

    def _launch(self, folder: Path) -> ServerProcess:
        account = unprivileged_account()
        if account is not None:
            os.chown(folder, account.user_id, account.group_id)
        if self._install is None:
            self._install = within_reach(find_postgres(), account, folder)
        if not (folder / "data" / "PG_VERSION").is_file():
            self._make_cluster(self._install, folder)
        return self._run(self._install, folder, account)

    def _run(self, install: PostgresInstall, folder: Path, account: Account | None) -> ServerProcess:
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(self._port)}.items()]
        launch = Launch(
            server=SERVER,
            command=[str(install.postgres), "-D", str(folder / "data"), *settings],
            directory=folder,
            log=folder / "server.log",
            environment=_environment(),
            account=account,
            leave_at_once=signal.SIGQUIT,
            delete_when_orphaned=folder if self._owns_folder else None,
        )
        return ServerProcess(launch)

    def _make_cluster(self, install: PostgresInstall, folder: Path) -> None:
        account = unprivileged_account()
        password_file = folder / "password"
        password_file.touch(mode=0o600)
        if account is not None:
            os.chown(password_file, account.user_id, account.group_id)
        password_file.write_text(self._password)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={_OWNER}"]
        try:
            outcome = subprocess.run(  # noqa: S603 - the command is ours
                [str(install.initdb), "-D", str(folder / "data"), f"--pwfile={password_file}", *options],
                cwd=folder,
                env=_environment(),
                check=False,
                capture_output=True,
                text=True,
                timeout=_INITDB_DEADLINE_S,
                user=account.user_id if account else None,
                group=account.group_id if account else None,
                extra_groups=[] if account else None,
            )
        finally:
            password_file.unlink()
        if outcome.returncode != 0:
            last_lines = "\n  ".join((outcome.stdout + outcome.stderr).strip().splitlines()[-8:])
            who = f"the user {account.name}" if account else "you"
            remedy = f"{folder} must be empty, and {who} must be able to enter it: set TMPDIR to such a place"
            raise ServerUnavailable(SERVER, f"initdb failed:\n  {last_lines}", remedy)

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._dsn(), autocommit=True) as connection:
            connection.execute(statement)

    def _serves(self) -> bool:
        if not accepts_connections(self._port):
            return False
        try:
            psycopg.connect(self._dsn(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _dsn(self) -> str:
        return self.url.replace("+psycopg", "", 1)


def _environment() -> dict[str, str]:
    # Nothing of ours: PG* variables and the user's locale would change what the server does.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
