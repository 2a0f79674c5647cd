"""Messages in a misbehaving world: a database that dies, clocks that jump, alerts by the thousand."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from alerts.config import parse
from alerts.model import DeliveryState, Receipt
from alerts.plugins import discover
from alerts.render.document import Message
from alerts.service import AlertService
from alerts.storage.migrate import upgrade
from alerts.testing.messages import START, FixedClock
from alerts.testing.scripts import World, event, instant
from monitor.testing.servers.postgres import PostgresServer

ROUTE = {"channels": ["box"], "group_by": ["model"], "collect_for": "1s", "update_every": "2s", "remind_every": "4h"}
HOUR = timedelta(hours=1)


class Murderous:
    """A channel that takes the message and, the first time, has the database killed before it says so."""

    name = "box"

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.ids: list[str] = []

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        self.ids.append(message.delivery_id)
        if len(self.ids) == 1:
            self.server.kill9()
        return Receipt({"number": str(len(self.ids))})


@pytest.fixture
def engine(postgres_server: PostgresServer, postgres_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgres_url, pool_pre_ping=True)
    with engine.begin() as connection:
        upgrade(connection)
    yield engine
    engine.dispose()
    if not postgres_server.is_running:
        postgres_server.restart()


def test_a_database_that_dies_between_a_message_and_its_receipt_costs_one_double_with_the_same_id(
    engine: sa.Engine, postgres_server: PostgresServer
) -> None:
    clock, channel = FixedClock(), Murderous(postgres_server)
    config = parse({"channels": {"box": {"kind": "console"}}, "route": {**ROUTE, "collect_for": "0s"}}, discover())
    service = AlertService(engine, config, {"box": channel}, clock)
    service.accept([event("+a", 0)])
    service.tick()

    with pytest.raises(sa.exc.DBAPIError):
        service.dispatch()
    postgres_server.restart()
    during_the_lease = service.dispatch()
    clock.at = START + HOUR
    after = service.dispatch()
    again = service.dispatch()

    assert (during_the_lease.sent, after.sent, again.sent) == (0, 1, 0)
    assert len(channel.ids) == 2
    assert len(set(channel.ids)) == 1
    assert [one.state for one in service.deliveries()] == [DeliveryState.SENT]


def test_ten_thousand_alerts_at_once_are_one_message_a_group_and_none_is_forgotten() -> None:
    world = World(ROUTE)

    world.push(*[event(f"+a{one}(m{one % 10})", 0) for one in range(10_000)])
    world.service.tick()
    for seconds in (1, 4):
        world.clock.at = instant(seconds)
        world.service.tick()
        world.service.dispatch()
        world.push(*[event(f"-a{one}(m{one % 10})", 2, 0) for one in range(10_000)])

    began, ended = world.box.messages[:10], world.box.messages[10:]
    assert [len(message.entries) + message.more for message in began] == [1000] * 10
    assert [(message.is_resolved, message.resolved_count) for message in ended] == [(True, 1000)] * 10
    assert world.service.open_alerts() == []


def test_a_clock_that_is_set_back_or_leaps_doubles_no_message_and_loses_none() -> None:
    world = World(ROUTE)
    world.run({0: ["+a"]}, 1)
    for at in (START - 2 * HOUR, START + timedelta(seconds=2)):
        world.clock.at = at
        world.service.tick()
        world.service.dispatch()
    after_the_leap_back = list(world.box.told)

    world.clock.at = START + 3 * HOUR
    world.push(event("-a", 10, 0))
    for _ in range(3):
        world.service.tick()
        world.service.dispatch()

    assert after_the_leap_back == ["F{a}@1"]
    assert world.box.told == ["F{a}@1", "R{r:a}@10800"]
