"""The same behaviour on SQLite and on PostgreSQL: silences, what the told-log keeps of them, the record, an upgrade."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from alerts.config import parse
from alerts.errors import SilenceRefused
from alerts.model import AlertEvent, Labels, NotifyReason, Receipt, Severity, SkipReason
from alerts.plugins import discover
from alerts.render.document import Message
from alerts.routing import Matcher
from alerts.service import AlertService
from alerts.silences import SilenceRequest, SilenceState
from alerts.storage.migrate import downgrade, upgrade
from alerts.testing.messages import START, FixedClock

SECOND = timedelta(seconds=1)
CHURN = (Matcher.parse("model=churn"),)


class Box:
    """A channel that remembers."""

    name = "box"

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        self.sent.append(message)
        return Receipt()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    engine = sa.create_engine(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))
    with engine.begin() as connection:
        upgrade(connection)
    yield engine
    engine.dispose()


def service(engine: sa.Engine, clock: FixedClock, box: Box) -> AlertService:
    route = {"channels": ["box"], "group_by": ["model"], "collect_for": "0s", "update_every": "1s"}
    config = parse({"channels": {"box": {"kind": "console"}}, "route": route}, discover())
    return AlertService(engine, config, {"box": box}, clock)


def request(lasts: timedelta = timedelta(hours=1)) -> SilenceRequest:
    return SilenceRequest(CHURN, "ann", "deploying", START, START + lasts)


def event(*, ends: bool = False) -> AlertEvent:
    labels = Labels.of({"model": "churn", "check": "psi"})
    return AlertEvent(labels, {}, Severity.WARNING, START - SECOND, START + 5 * SECOND if ends else None)


def test_a_silence_comes_back_as_it_went_in_and_can_be_found_by_the_beginning_of_its_id(engine: sa.Engine) -> None:
    alerts = service(engine, FixedClock(), Box())

    added = alerts.silences.add(request())
    moved = alerts.silences.move_end(added.id[:6], START + 2 * SECOND)

    assert alerts.silences.listed() == [moved]
    assert (moved.matchers, moved.author, moved.reason) == (CHURN, "ann", "deploying")
    assert (moved.id, moved.starts_at, moved.ends_at) == (added.id, START, START + 2 * SECOND)


@pytest.mark.parametrize("beginning", ["", "%", "zz"])
def test_what_names_no_single_silence_changes_none(engine: sa.Engine, beginning: str) -> None:
    alerts = service(engine, FixedClock(), Box())
    added = alerts.silences.add(request())

    with pytest.raises(SilenceRefused, match="list them with their ids first"):
        alerts.silences.move_end(beginning)
    assert alerts.silences.listed() == [added]


def test_a_silence_that_is_over_is_listed_only_when_all_are_and_forgotten_with_the_rest(engine: sa.Engine) -> None:
    clock = FixedClock()
    alerts = service(engine, clock, Box())
    alerts.silences.add(request(SECOND))
    clock.move(2 * SECOND)

    current, everything = alerts.silences.listed(), alerts.silences.listed(is_all=True)
    alerts.prune(clock.now())

    assert current == []
    assert [one.state(clock.now()) for one in everything] == [SilenceState.EXPIRED]
    assert alerts.silences.listed(is_all=True) == []


def test_what_was_muted_outlives_a_restart_in_the_told_log_and_is_told_when_the_silence_ends(
    engine: sa.Engine,
) -> None:
    clock, box = FixedClock(), Box()
    alerts = service(engine, clock, box)
    alerts.silences.add(request(10 * SECOND))
    alerts.accept([event()])
    alerts.tick()
    alerts.dispatch()
    (muted,) = alerts.muted().values()
    clock.move(10 * SECOND)

    restarted = service(engine, clock, box)
    restarted.tick()
    restarted.dispatch()

    assert muted.by.endswith("by ann until 2026-03-01 12:00:10 UTC: deploying")
    assert [message.reason for message in box.sent] == [NotifyReason.UNMUTED]
    assert restarted.muted() == {}


def test_the_preview_counts_what_a_silence_would_hide_and_what_not(engine: sa.Engine) -> None:
    alerts = service(engine, FixedClock(), Box())
    alerts.accept([event()])
    alerts.tick()

    hides = alerts.silences.preview(CHURN)
    hides_not = alerts.silences.preview((Matcher.parse("model=fraud"),))

    assert (len(hides.hidden), hides.others, len(hides_not.hidden), hides_not.others) == (1, 0, 0, 1)


def test_the_record_says_why_nobody_was_told_until_retention_drops_it(engine: sa.Engine) -> None:
    clock = FixedClock()
    alerts = service(engine, clock, Box())
    alerts.silences.add(request())
    alerts.accept([event()])
    for _ in range(3):
        alerts.tick()
        clock.move(SECOND)

    (why,) = [one.last for one in alerts.why_not((Matcher.parse("check=psi"),))]
    alerts.prune(clock.now())

    assert why.reason is SkipReason.SILENCED
    assert why.group_labels == Labels.of({"model": "churn"})
    assert [(one.labels["check"], one.muted.reason.value) for one in why.muted] == [("psi", "silenced")]
    assert alerts.why_not() == []


def test_a_database_of_the_version_before_keeps_its_alerts_and_their_flaps_there_and_back(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Box()
    alerts = service(engine, clock, box)
    alerts.accept([event()])
    alerts.tick()
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alerts_alerts SET flaps = 3"))
        downgrade(connection, "a0001")
        (was_flap,) = connection.execute(sa.text("SELECT is_flap FROM alerts_alerts")).one()
        upgrade(connection)

    (alert,) = alerts.open_alerts()
    clock.move(5 * SECOND)
    alerts.accept([event(ends=True)])
    alerts.tick()
    alerts.dispatch()

    assert was_flap
    assert (alert.flaps, alert.labels["check"]) == (1, "psi")
    assert [message.is_resolved for message in box.sent] == [False, True]
