"""pytest fixtures for real servers, started when a test first asks for them.

Load it with `pytest_plugins = ["monitor.testing.servers.pytest_plugin"]`. Every pytest process has its own
servers (under xdist: every worker), and they end with it. A server that a test left stopped or killed is
started again for the next test. Where a server cannot be had, its tests are skipped and the last line of
the report says so; with CI=true they fail instead. A server that is there and does not start is a failure.
"""

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from monitor.testing.servers.alertmanager import find_alertmanager, find_promtool
from monitor.testing.servers.kafka import KafkaBroker
from monitor.testing.servers.mock_kafka import MockCluster
from monitor.testing.servers.postgres import PostgresServer
from monitor.testing.servers.unavailable import ServerUnavailable

Server = TypeVar("Server", KafkaBroker, PostgresServer)

_NOT_RUN = "NOT RUN: "
_MARKER_OF_FIXTURE = {
    "kafka_broker": "kafka",
    "postgres_server": "postgres",
    "postgres_url": "postgres",
    "alertmanager": "alertmanager",
    "promtool": "alertmanager",
}
_STARTED = pytest.StashKey[list[KafkaBroker | PostgresServer]]()
_database_numbers = count(1)


@pytest.fixture(scope="session")
def kafka_broker(pytestconfig: pytest.Config) -> Iterator[KafkaBroker]:
    """A running Apache Kafka; create topics of your own names, the broker is shared."""
    yield from _running(KafkaBroker(), pytestconfig)


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """A running PostgreSQL; take `postgres_url` unless the test stops or restarts the server."""
    yield from _running(PostgresServer(), pytestconfig)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database that only this test has."""
    name = f"test_{next(_database_numbers)}"
    yield postgres_server.create_database(name)
    postgres_server.start()
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The SQLAlchemy URL of a database file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'driftline.db'}"


@pytest.fixture
def mock_kafka() -> Iterator[MockCluster]:
    """A mock cluster of three brokers that only this test has; kafka-python needs MOCK_API_VERSION."""
    try:
        cluster = MockCluster(brokers=3)
    except ServerUnavailable as problem:
        _not_run(problem)
    with cluster:
        yield cluster


@pytest.fixture(scope="session")
def alertmanager() -> Path:
    """The program of a real Alertmanager, fetched where it is not installed."""
    return _fetched(find_alertmanager)


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The program promtool of Prometheus, fetched where it is not installed."""
    return _fetched(find_promtool)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the users of a fixture, so that `-m "not kafka"` is true to its word."""
    for item in items:
        for name in getattr(item, "fixturenames", ()):
            if name in _MARKER_OF_FIXTURE:
                item.add_marker(_MARKER_OF_FIXTURE[name])


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Start again what the test stopped, killed or crashed."""
    for server in item.config.stash.get(_STARTED, []):
        server.start()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """End the report with what was not run, and why: a green run that tried less must not look like one."""
    yield
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    for reason, tests in sorted(reasons.items()):
        if _NOT_RUN in reason:
            what = reason[reason.index(_NOT_RUN) :]
            terminalreporter.write_line(f"{what} ({tests} tests skipped)", yellow=True, bold=True)


def _running(server: Server, config: pytest.Config) -> Iterator[Server]:
    with ExitStack() as cleanup:
        cleanup.callback(server.close)
        try:
            server.start()
        except ServerUnavailable as problem:
            _not_run(problem)
        started = config.stash.setdefault(_STARTED, [])
        started.append(server)
        cleanup.callback(started.remove, server)
        yield server


def _fetched(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except ServerUnavailable as problem:
        _not_run(problem)


def _not_run(problem: ServerUnavailable) -> NoReturn:
    message = f"{_NOT_RUN}{problem}"
    if os.environ.get("CI", "").lower() == "true":
        required = f"{message}\nWith CI=true every server is required."
        raise pytest.fail.Exception(required, pytrace=False) from None
    pytest.skip(message)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    # a skipped report's longrepr is (file, line, reason)
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
