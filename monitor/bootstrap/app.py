"""The program's parts, put together from a configuration: what the commands and the roles are made of."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import is_migrated, migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.system import SystemClock, process_name
from monitor.adapters.telemetry import Telemetry, configure_logs
from monitor.bootstrap.alerting import migrate_alerts
from monitor.bootstrap.plugins import drift_tests, performance_metrics
from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.directory import Settings, load
from monitor.config.secrets import SecretRef, text_or_secret
from monitor.domain.time import Clock
from monitor.shells.workers.loop import Gauges
from monitor.shells.workers.meter import Pulse
from monitor.stats.performance.metric import PerformanceMetric
from monitor.stats.proposals import AnyTest

CODE_VERSION = version("driftline")


@dataclass(frozen=True, slots=True)
class App:
    """Everything that lives as long as the process. `owner` names it to other processes."""

    settings: Settings
    environ: Mapping[str, str]
    clock: Clock
    owner: str
    engine: sa.Engine
    stores: SqlStores
    tests: Mapping[str, AnyTest]
    metrics: Mapping[str, PerformanceMetric]
    telemetry: Telemetry
    pulse: Pulse

    @property
    def gauges(self) -> Gauges:
        """Where roles show themselves."""
        return Gauges(self.telemetry, self.pulse)

    def secret(self, reference: SecretRef | None) -> str | None:
        """What the reference leads to; ConfigError when that cannot be read."""
        return None if reference is None else reference.read(self.environ)


@contextmanager
def open_app(directory: Path, environ: Mapping[str, str], clock: Clock | None = None) -> Iterator[App]:
    """Load the configuration, open and migrate the database; everything is released when left.

    ConfigMistakes lists what is wrong with the configuration, StoreUnavailable what with the database.
    """
    settings = load(directory, vocabulary(), environ)
    engine = create_engine(text_or_secret(settings.monitor.database.url, environ))
    try:
        upgrade(engine)
        yield App(
            settings=settings,
            environ=environ,
            clock=clock or SystemClock(),
            owner=process_name(),
            engine=engine,
            stores=SqlStores.of(engine),
            tests=drift_tests(),
            metrics=performance_metrics(),
            telemetry=Telemetry(),
            pulse=Pulse(time.monotonic),
        )
    finally:
        engine.dispose()


def upgrade(engine: sa.Engine) -> None:
    """Bring both packages' tables to this program's version."""
    if not is_migrated(engine):
        migrate(engine)
    migrate_alerts(engine)


def log_as_configured(app: App) -> None:
    """For processes that stay: logs as monitor.yaml says, with every secret that can be read scrubbed."""
    logging = app.settings.monitor.logging
    readable = [ref.read(app.environ) for _, ref in app.settings.monitor.secrets() if ref.problem(app.environ) is None]
    configure_logs(logging.level, logging.format, logging.file, [*readable, *_secrets_of_routes(app)])


def _secrets_of_routes(app: App) -> Iterator[str]:
    """Secrets that routes.yaml refers to; its shape belongs to the alerts package, the references look like ours."""
    yield from _read_references(app.settings.routes or {}, app.environ)


def _read_references(value: object, environ: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        if len(value) == 1 and {"env", "file"} & set(value):
            reference = SecretRef.model_validate(value)
            if reference.problem(environ) is None:
                yield reference.read(environ)
            return
        for part in value.values():
            yield from _read_references(part, environ)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _read_references(part, environ)
