"""The relay: every alert event reaches the sink, in order, at least once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.outbox import SqlOutboxStore
from monitor.domain.errors import StoreUnavailable
from monitor.domain.rules import AlertEvent, Severity
from monitor.usecases.relay import Relay

START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Sink:
    """Takes events, or refuses them."""

    taken: list[str] = field(default_factory=list)
    refuses: bool = False

    def accept(self, events: Sequence[AlertEvent]) -> None:
        if self.refuses:
            raise StoreUnavailable("the alerts' tables cannot be written")
        self.taken += [event.annotations["summary"] for event in events]


def outbox(count: int) -> SqlOutboxStore:
    engine = create_engine("sqlite://")
    migrate(engine)
    store = SqlOutboxStore(engine)
    starts = [START + number * timedelta(hours=1) for number in range(count)]
    store.enqueue(
        [AlertEvent({"alertname": "drift"}, {"summary": str(n)}, Severity.INFO, at) for n, at in enumerate(starts)]
    )
    return store


def test_events_are_handed_over_in_order_batch_by_batch_and_once() -> None:
    sink = Sink()
    relay = Relay(outbox(5), sink, batch=2)

    counts = [relay.run_once() for _ in range(4)]

    assert counts == [2, 2, 1, 0]
    assert sink.taken == ["0", "1", "2", "3", "4"]


def test_a_sink_that_refuses_is_asked_again_and_nothing_is_lost() -> None:
    sink = Sink(refuses=True)
    relay = Relay(outbox(3), sink)
    with pytest.raises(StoreUnavailable):
        relay.run_once()

    sink.refuses = False
    relay.run_once()

    assert sink.taken == ["0", "1", "2"]


def test_a_crash_between_handing_over_and_noting_hands_over_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sink, store = Sink(), outbox(2)
    relay = Relay(store, sink)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SqlOutboxStore, "relayed", crash)
    with pytest.raises(KeyboardInterrupt):
        relay.run_once()
    monkeypatch.undo()
    relay.run_once()

    assert sink.taken == ["0", "1", "0", "1"]
    assert relay.run_once() == 0
