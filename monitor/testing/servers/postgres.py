"""A real PostgreSQL server for tests and benchmarks."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from monitor.testing.servers.ports import LOOPBACK, accepts_connections, free_port
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
_READY_DEADLINE_S = 60.0
_STOP_DEADLINE_S = 20.0
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


class PostgresServer:
    """One server on a free loopback port, which it keeps over restarts.

    It runs as the user nobody when we are root, because PostgreSQL refuses root. The password is drawn
    anew for every server: others on a shared machine cannot enter.

    >>> with PostgresServer() as server:  # doctest: +SKIP
    ...     engine = sqlalchemy.create_engine(server.create_database("shares"))
    """

    def __init__(self) -> None:
        self._port = free_port()
        self._password = secrets.token_urlsafe(18)
        self._folder: Path | None = None
        self._owns_folder = False
        self._install: PostgresInstall | None = None
        self._process: ServerProcess | None = None
        self._is_crashed = False

    @property
    def url(self) -> str:
        """The maintenance database, for SQLAlchemy with psycopg 3; it holds the password."""
        return self.url_of("postgres")

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        """The process id of the running (or last) server; raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("the server was never started: call start() or use it in a with statement")
        return self._process.pid

    def url_of(self, database: str) -> str:
        """The SQLAlchemy URL of one of its databases, whether it exists or not."""
        return f"postgresql+psycopg://{_OWNER}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def start(self, data_dir: Path | None = None) -> None:
        """Start and wait until it answers; raises ServerUnavailable or ServerFailed. Does nothing while it runs.

        The first start makes a cluster in `data_dir`, an empty or missing folder that is kept at the
        end; without one a temporary folder is made, and removed by `close`.
        """
        if self.is_running:
            return
        account = unprivileged_account()
        folder = self._settle(data_dir)
        if account is not None:
            os.chown(folder, account.user_id, account.group_id)
        if self._install is None:
            self._install = within_reach(find_postgres(), account, folder)
        if not (folder / "data" / "PG_VERSION").is_file():
            self._make_cluster(self._install, folder)
        self._process = self._launch(self._install, folder, account)
        self._process.wait_until_ready(self._answers, _READY_DEADLINE_S)
        self._is_crashed = False

    def stop(self) -> None:
        """Stop in good order, cutting open sessions (SIGINT, "fast shutdown"); the data stays."""
        if self._process is not None:
            self._process.stop(signal.SIGINT, _STOP_DEADLINE_S)

    def kill9(self) -> None:
        """SIGKILL, as a crash: open sessions break, what was committed stays."""
        if self._process is not None:
            self._process.stop(signal.SIGKILL, _STOP_DEADLINE_S)
            self._is_crashed = True

    def restart(self) -> None:
        """Stop in good order and start again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it and remove its folder, unless the folder was given to `start`."""
        if self._is_crashed:  # only the server itself can give back the shared memory of its last run
            with suppress(ServerFailed):
                self.start()
        self.stop()
        if self._owns_folder and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def create_database(self, name: str) -> str:
        """Create an empty database and return its SQLAlchemy URL; raises psycopg's DuplicateDatabase."""
        self._administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, with the sessions that are still in it."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settle(self, data_dir: Path | None) -> Path:
        if self._folder is None:
            self._owns_folder = data_dir is None
            self._folder = data_dir or Path(tempfile.mkdtemp(prefix="driftline-postgres-"))
        elif data_dir is not None and data_dir != self._folder:
            raise ValueError(f"this server's data is in {self._folder}: start another one on {data_dir}")
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def _launch(self, install: PostgresInstall, folder: Path, account: Account | None) -> ServerProcess:
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

    def _answers(self) -> bool:
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
