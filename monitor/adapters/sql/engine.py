"""Databases: how SQLite and PostgreSQL are opened, and what their failures mean to us."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, exc, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from monitor.domain.errors import ConfigError, StoreUnavailable

BUSY_TIMEOUT_S = 10
"""How long a SQLite writer waits for another process's transaction before it gives up."""

_LOOK_AGAIN_S = 0.01

STATEMENT_TIMEOUT_S = 60
LOCK_TIMEOUT_S = 10
CONNECT_TIMEOUT_S = 10

_READS = "driftline_reads"
_DURABLE = "driftline_durable"

# Pages of 8 kB hold a share in two, and merging the log into the file every 32 MB (not 4) writes busy pages less often.
_SQLITE_PRAGMAS = (
    "wal_autocheckpoint = 4000",
    "cache_size = -32000",
    "foreign_keys = ON",
)

# A server set to a stronger level than `on` keeps it.
_SYNCHRONOUS_AT_LEAST = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)

# SQLite's primary result codes that tell of the database's condition, not of a wrong statement.
_SQLITE_TROUBLE = {
    3: "no permission",
    5: "locked by another process",
    6: "locked by another connection",
    7: "out of memory",
    8: "read-only",
    9: "interrupted",
    10: "the disk cannot be read or written: is it full, or read-only?",
    11: "the file is damaged: restore a backup",
    13: "the disk is full: make room",
    14: "the file cannot be opened: check the folder and its permissions",
    15: "locking protocol failed",
    26: "the file is no SQLite database",
}

# Classes of SQLSTATE (first two characters) with the same meaning in PostgreSQL.
_POSTGRES_TROUBLE = {
    "08": "connection lost",
    "25": "read-only, or the transaction was cut",
    "28": "the server refuses our user",
    "3D": "no such database",
    "40": "deadlock or conflict with another process",
    "42501": "our user lacks a privilege",
    "53": "the server lacks room, memory or connections",
    "55": "locked by another process",
    "57": "the server cancelled, or is starting or stopping",
    "58": "the server's disk fails",
    "XX": "the server reports damaged data",
}
_UNDEFINED_TABLE, _UNDEFINED_COLUMN = "42P01", "42703"
_NO_CONNECTION = "no connection: is it running, and is database.url right?"
_NOT_MIGRATED = "its tables are missing or of another version: run `driftline db upgrade`"


def create_engine(url: str | URL) -> Engine:
    """Open a database by its SQLAlchemy URL: `sqlite://` (in memory), `sqlite:///file`, `postgresql://...`.

    Nothing is connected yet. ConfigError when the URL names anything else. Statement parameters never reach logs
    or errors: they are people's data.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise ConfigError("the database URL cannot be read", hint="sqlite:///file.db or postgresql://...") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parsed)
    if backend == "postgresql":
        return _postgresql(parsed)
    raise ConfigError(f"no support for a {backend} database", hint="use sqlite:///file.db or postgresql://...")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may write: committed when left, rolled back on an error. StoreUnavailable on trouble."""
    with translated(engine), engine.begin() as connection:
        yield connection


@contextmanager
def durably(engine: Engine) -> Iterator[Connection]:
    """As `writing`, and once it is left the transaction survives a power cut: for what nobody else has a copy of."""
    with translated(engine), engine.execution_options(**{_DURABLE: True}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_SYNCHRONOUS_AT_LEAST)
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads, and so waits for no writer. StoreUnavailable on trouble."""
    with translated(engine), engine.execution_options(**{_READS: True}).begin() as connection:
        yield connection


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn what the driver says of a database that cannot serve now into StoreUnavailable, without credentials.

    Errors that speak of a mistake of ours (a wrong statement, a broken constraint) pass unchanged.
    """
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError) as error:
        trouble = _trouble(error)
        if trouble is None:
            raise
        raise StoreUnavailable(f"the database {describe(engine)} cannot serve now: {trouble}") from error


def describe(engine: Engine) -> str:
    """Which database it is, for people: never the user, password or options of its URL."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}" if url.database else "sqlite (in memory)"
    host = f"{url.host or 'local socket'}" + (f":{url.port}" if url.port else "")
    return f"{url.get_backend_name()} {host}/{url.database or ''}"


def is_in_memory(url: URL) -> bool:
    """Whether a SQLite URL names a database that ends with its connection."""
    return url.database in {None, "", ":memory:"}


def _sqlite(url: URL) -> Engine:
    in_memory = is_in_memory(url)
    # One connection that threads take turns with: a second one would be another, empty database.
    pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0} if in_memory else {}
    engine = sqlalchemy.create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        hide_parameters=True,
        **pool,
    )
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _open_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Write-ahead log, so that readers and the writer do not wait for one another.

    `synchronous = NORMAL`: after a power cut the last transactions may be gone, but the file is consistent. Shares
    and the offset they stand for are one transaction, so what was lost is read again from the log. Where we are the
    log, `durably` asks for more.
    """
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA page_size = 8192")
    _begin_log_file(cursor)
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_log_file(cursor: DBAPICursor) -> None:
    """Turn a new file into one with a write-ahead log.

    SQLite does not wait here when several processes do so at once, as it does for transactions: it tells some of them
    at once that the file is locked.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_LOOK_AGAIN_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns into a writer can meet a newer state than it has read and then fails at once, without
    # waiting: so whoever may write says so at the start.
    options = connection.get_execution_options()
    level = "FULL" if options.get(_DURABLE) else "NORMAL"
    if connection.info.get(_DURABLE) != level:  # the file keeps no note of it, the connection does
        connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
        connection.info[_DURABLE] = level
    connection.exec_driver_sql("BEGIN" if options.get(_READS) else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    """Without prepared statements: the plan of one that was prepared while the tables were small stays until they are
    next analysed, and makes a join of some thousand rows last for seconds. Poolers by transaction need it so, too.
    """
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    timeouts = {
        "statement_timeout": STATEMENT_TIMEOUT_S,
        "lock_timeout": LOCK_TIMEOUT_S,
        "idle_in_transaction_session_timeout": STATEMENT_TIMEOUT_S,
    }
    given = url.query.get("options", "")
    ours = " ".join(f"-c {name}={seconds}s" for name, seconds in timeouts.items())
    options = f"{ours} {given if isinstance(given, str) else ' '.join(given)}".strip()
    return sqlalchemy.create_engine(
        url,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": options,
            "application_name": "driftline",
            "prepare_threshold": None,
        },
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _trouble(error: exc.DBAPIError | exc.TimeoutError) -> str | None:
    if isinstance(error, exc.TimeoutError):
        return "all of our connections to it are busy"
    cause: Any = error.orig
    if isinstance(cause, sqlite3.Error):
        return _sqlite_trouble(cause)
    state = str(getattr(cause, "sqlstate", None) or "")
    if state in {_UNDEFINED_TABLE, _UNDEFINED_COLUMN}:
        return _NOT_MIGRATED
    known = _POSTGRES_TROUBLE.get(state) or _POSTGRES_TROUBLE.get(state[:2])
    if known is None and (state or not isinstance(error, exc.OperationalError | exc.InternalError)):
        return None
    return f"{known or _NO_CONNECTION} ({_first_line(cause)})"


def _sqlite_trouble(cause: sqlite3.Error) -> str | None:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # extended codes carry the primary one in the low byte
    if code in _SQLITE_TROUBLE:
        return f"{_SQLITE_TROUBLE[code]} ({_first_line(cause)})"
    return _NOT_MIGRATED if str(cause).startswith("no such table") else None


def _first_line(cause: BaseException) -> str:
    return (str(cause).splitlines() or [type(cause).__name__])[0]
