"""Somebody else's database, opened so that it can only be read, and no statement lasts long."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, exc, make_url
from sqlalchemy.pool import NullPool

from monitor.domain.errors import ConfigError, SourceUnavailable

CONNECT_TIMEOUT_S = 10
_LOCK_TIMEOUT_S = 10
_STEPS_BETWEEN_LOOKS = 100_000
"""Of SQLite's virtual machine: about a millisecond."""

_HINT = "sqlite:////srv/outcomes.db or postgresql://user@host/database"


def open_for_reading(url: str, timeout_s: float) -> Engine:
    """An engine of a database by its SQLAlchemy URL; nothing is connected yet. ConfigError when it cannot be one.

    A transaction of PostgreSQL is `READ ONLY`, a file of SQLite is opened with `mode=ro` and never made. Of other
    databases, whose drivers must be installed, nothing is written either, but that rests on their user's rights.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise ConfigError("the URL of a truth source cannot be read", hint=_HINT) from None
    try:
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, timeout_s)
        if parsed.get_backend_name() == "postgresql":
            return _postgresql(parsed, timeout_s)
        return sa.create_engine(parsed, poolclass=NullPool, hide_parameters=True)
    except (exc.NoSuchModuleError, ImportError) as error:
        name = parsed.drivername
        raise ConfigError(
            f"no driver of {name} is installed", hint="install it, or use PostgreSQL or SQLite"
        ) from error


@contextmanager
def asking(engine: Engine) -> Iterator[Connection]:
    """One transaction, which is rolled back. SourceUnavailable for whatever goes wrong in it, without credentials."""
    try:
        with engine.connect() as connection:
            yield connection
    except exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        line = (str(cause).splitlines() or [type(cause).__name__])[0]
        raise SourceUnavailable(f"{_described(engine.url)}: {_without_password(line, engine.url)}") from error


def _sqlite(url: URL, timeout_s: float) -> Engine:
    if url.database in {None, "", ":memory:"}:
        raise ConfigError("a truth source in SQLite needs a file", hint=_HINT)
    path = Path(str(url.database)).expanduser().resolve()

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(path.as_posix())}?mode=ro", uri=True, timeout=_LOCK_TIMEOUT_S, check_same_thread=False
        )
        deadline_s = time.monotonic() + timeout_s
        connection.text_factory = lambda raw: raw.decode(errors="replace")  # one bad text must not stop the rest
        connection.set_progress_handler(lambda: time.monotonic() > deadline_s, _STEPS_BETWEEN_LOOKS)
        return connection

    return sa.create_engine(url.set(query={}), creator=connect, poolclass=NullPool, hide_parameters=True)


def _postgresql(url: URL, timeout_s: float) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{round(timeout_s * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{round(timeout_s * 1000)}ms",
        "lock_timeout": f"{_LOCK_TIMEOUT_S}s",
        "TimeZone": "UTC",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    if isinstance(given, str) and given:
        options = f"{given} {options}"
    arguments = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "options": options,
        "application_name": "driftline truth",
        "prepare_threshold": None,
    }
    engine = sa.create_engine(url, connect_args=arguments, poolclass=NullPool, hide_parameters=True)
    sa.event.listen(engine, "connect", _read_any_time)
    return engine


def _read_any_time(connection: Any, _: object) -> None:  # noqa: ANN401 - SQLAlchemy's wrapper of the driver's connection
    """Times that Python has not, such as `infinity`, come as text: the row is bad, and not its neighbours."""
    from monitor.adapters.sql_truth.wide_times import WIDE_TIMES  # noqa: PLC0415 - psycopg, where it is used

    for name, loader in WIDE_TIMES.items():
        connection.adapters.register_loader(name, loader)


def _described(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"sqlite {url.database}"
    return f"{url.get_backend_name()} {url.host or 'local socket'}" + (f":{url.port}" if url.port else "")


def _without_password(line: str, url: URL) -> str:
    password = str(url.password or "")
    return line.replace(password, "***") if password else line
