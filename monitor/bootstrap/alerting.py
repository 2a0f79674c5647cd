"""The alerts package on our database: its configuration, channels and service."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sa

import alerts.config
import alerts.plugins
import alerts.storage.migrate
from alerts.errors import AlertsError, ConfigProblems
from alerts.ports import DigestPart
from alerts.service import AlertService
from alerts.storage.tables import deliveries
from monitor.adapters.sql.engine import reading, writing
from monitor.config.directory import ROUTES, Settings
from monitor.config.mistakes import ConfigMistakes
from monitor.domain.errors import ConfigError
from monitor.domain.time import Clock

CONSOLE_ONLY: Mapping[str, object] = {
    "channels": {"console": {"kind": "console"}},
    "route": {"channels": ["console"]},
}
"""What is told whom without a routes.yaml: everything, on standard output."""

_BATCH = 1_000


def alert_service(
    settings: Settings, engine: sa.Engine, clock: Clock, owner: str, digest_parts: Sequence[DigestPart] = ()
) -> AlertService:
    """The service on a migrated database; ConfigMistakes when channels cannot be built (a secret is missing)."""

    def transaction() -> AbstractContextManager[sa.Connection]:
        return writing(engine)

    kinds = alerts.plugins.discover()
    try:
        config = alerts.config.parse(settings.routes or CONSOLE_ONLY, kinds)
        channels = alerts.config.build_channels(config, kinds, clock)
        heartbeat = alerts.config.build_heartbeat(config)
    except ConfigProblems as found:
        path = settings.directory / ROUTES
        problems = [ConfigError(str(problem), path) for problem in found.problems]
        raise ConfigMistakes(problems) from found
    except AlertsError as error:
        raise ConfigError(str(error), settings.directory / ROUTES) from error
    return AlertService(
        transaction, config, channels, clock, owner=owner, heartbeat=heartbeat, digest_parts=digest_parts
    )


def migrate_alerts(engine: sa.Engine) -> None:
    """Create or upgrade the alerts' tables."""
    with writing(engine) as connection:
        alerts.storage.migrate.upgrade(connection)


@dataclass(frozen=True, slots=True)
class Teller:
    """The service as the dispatcher wants it."""

    service: AlertService
    engine: sa.Engine

    def advance(self) -> int:
        """Fold, group, plan, send one batch; how many messages were tried. Then the sign of life."""
        self.service.tick()
        sent = self.service.dispatch(limit=_BATCH)
        self.service.beat()
        return sent.sent + sent.retried + sent.dead

    def deliveries_by_state(self) -> Mapping[str, int]:
        """How many messages wait, were sent or were given up."""
        query = sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state)
        with reading(self.engine) as connection:
            return {str(state): int(number) for state, number in connection.execute(query)}
