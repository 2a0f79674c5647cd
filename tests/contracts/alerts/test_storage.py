"""The same behaviour on SQLite and on PostgreSQL: migrations, planning in turns, leases, order, retention."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from alerts import sending
from alerts.config import parse
from alerts.errors import FailureReason, Permanent, Retryable, UnknownDelivery
from alerts.model import AlertEvent, Chart, DeliveryState, Labels, NotifyReason, Receipt, Severity
from alerts.plugins import discover
from alerts.ports import Channel
from alerts.render.document import Message
from alerts.service import AlertService
from alerts.storage.migrate import VERSION_TABLE, downgrade, upgrade
from alerts.storage.tables import metadata
from alerts.testing.messages import START, FixedClock

SECOND = timedelta(seconds=1)


class Scripted:
    """A channel that fails as it is told to, and remembers what came through."""

    def __init__(self, name: str, *failures: Exception) -> None:
        self.name = name
        self.failures = list(failures)
        self.sent: list[Message] = []
        self.previous: list[Receipt | None] = []

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        self.previous.append(previous)
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)
        return Receipt({"number": str(len(self.sent))})


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        upgrade(connection)
    yield engine
    engine.dispose()


def service(engine: sa.Engine, clock: FixedClock, *channels: Channel, owner: str = "one") -> AlertService:
    settings = {channel.name: {"kind": "console"} for channel in channels}
    route = {"channels": list(settings), "group_by": ["model"], "collect_for": "0s", "update_every": "1s"}
    config = parse({"channels": settings, "route": route}, discover())
    return AlertService(engine, config, {channel.name: channel for channel in channels}, clock, owner=owner)


def event(model: str = "churn", check: str = "psi", *, ends: bool = False, text: str = "moved") -> AlertEvent:
    chart = Chart("c", "bars", ("a", "b"), (0.5, 0.5), (0.1, 0.9))
    return AlertEvent(
        Labels.of({"model": model, "check": check}),
        {"summary": text},
        Severity.WARNING,
        START - SECOND,
        START if ends else None,
        "https://driftline.example.org/f/1",
        (chart,),
    )


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)

    assert differences == []


def test_upgrading_twice_is_upgrading_once_and_downgrading_leaves_nothing(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        upgrade(connection)
        downgrade(connection)

    assert set(sa.inspect(engine).get_table_names()) <= {VERSION_TABLE}


def test_an_event_that_was_accepted_is_not_news_again_also_after_the_alert_is_over(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box")
    alerts = service(engine, clock, box)

    counts = [alerts.accept([event()]), alerts.accept([event(), event(text="moved more")])]
    alerts.tick()
    clock.move(SECOND)
    counts += [alerts.accept([event(ends=True)]), alerts.accept([event(), event(ends=True)])]
    alerts.tick()
    alerts.dispatch()

    assert counts == [1, 1, 1, 0]
    assert [message.is_resolved for message in box.sent] == [False, True]
    assert alerts.open_alerts() == []


def test_everything_about_an_alert_comes_back_from_the_database_as_it_went_in(engine: sa.Engine) -> None:
    alerts = service(engine, FixedClock(), Scripted("box"))
    alerts.accept([event()])
    alerts.tick()

    (alert,) = alerts.open_alerts()

    told = event()
    assert (alert.labels, alert.annotations, alert.charts) == (told.labels, told.annotations, told.charts)
    assert (alert.starts_at, alert.ends_at, alert.link, alert.first_seen_at) == (told.starts_at, None, told.link, START)


def test_the_next_message_of_a_group_gets_the_receipt_of_the_one_before(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box")
    alerts = service(engine, clock, box)
    for ends in (False, True):
        alerts.accept([event(ends=ends)])
        alerts.tick()
        alerts.dispatch()
        clock.move(SECOND)

    assert box.previous == [None, Receipt({"number": "1"})]


def test_a_failing_channel_is_tried_again_while_its_sibling_is_told_once(engine: sa.Engine) -> None:
    clock = FixedClock()
    broken, fine = Scripted("broken", *[Retryable(FailureReason.SERVER_ERROR) for _ in range(3)]), Scripted("fine")
    alerts = service(engine, clock, broken, fine)
    alerts.accept([event()])
    alerts.tick()

    for _ in range(400):
        alerts.dispatch()
        clock.move(SECOND)

    assert (len(broken.sent), len(fine.sent)) == (1, 1)
    (delivery,) = [one for one in alerts.deliveries(DeliveryState.SENT) if one.channel == "broken"]
    waits = [attempt.at - START for attempt in alerts.attempts(delivery.id)]
    assert delivery.attempts == 4
    assert [5 <= waits[1].seconds <= 7, 35 <= waits[2].seconds <= 44, 155 <= waits[3].seconds <= 190] == [True] * 3


def test_a_channel_that_says_how_long_to_wait_is_left_alone_for_so_long(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box", Retryable(FailureReason.RATE_LIMITED, timedelta(seconds=90)))
    alerts = service(engine, clock, box)
    alerts.accept([event()])
    alerts.tick()
    alerts.dispatch()

    early = alerts.dispatch(clock.move(timedelta(seconds=89)))
    late = alerts.dispatch(clock.move(SECOND))

    assert (early.sent, late.sent) == (0, 1)


def test_what_is_final_is_dead_at_once_says_why_and_can_be_replayed_when_it_is_mended(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box", Permanent(FailureReason.AUTH_ERROR, "invalid_auth"))
    alerts = service(engine, clock, box)
    alerts.accept([event()])
    alerts.tick()

    first = alerts.dispatch()
    (dead,) = alerts.deliveries(DeliveryState.DEAD)
    replayed = alerts.replay(dead.id[:8])
    second = alerts.dispatch()

    assert (first.dead, second.sent) == (1, 1)
    assert dead.last_failure == "auth_error: invalid_auth"
    assert box.sent[0].delivery_id == dead.id
    assert replayed == dead.id
    with pytest.raises(UnknownDelivery, match="no sent or dead delivery has an id that begins with 'no such"):
        alerts.replay("no such delivery")


def test_a_beginning_that_several_deliveries_share_sends_none_of_them_again(engine: sa.Engine) -> None:
    alerts = service(engine, FixedClock(), Scripted("box"), Scripted("other"))
    alerts.accept([event()])
    alerts.tick()
    alerts.dispatch()

    with pytest.raises(
        UnknownDelivery, match="several deliveries that are sent or dead have an id that begins with ''"
    ):
        alerts.replay("")

    assert {one.state for one in alerts.deliveries()} == {DeliveryState.SENT}


def test_what_cannot_be_sent_for_a_day_is_dead(engine: sa.Engine) -> None:
    clock = FixedClock()
    box = Scripted("box", *[Retryable(FailureReason.CONNECTION) for _ in range(100)])
    alerts = service(engine, clock, box)
    alerts.accept([event()])
    alerts.tick()

    while not alerts.deliveries(DeliveryState.DEAD):
        alerts.dispatch()
        clock.move(timedelta(hours=1))

    assert timedelta(hours=22) < clock.now() - START <= timedelta(hours=25)


def test_a_message_that_stands_for_one_that_waits_is_sent_no_sooner_than_that_one_would_have_been(
    engine: sa.Engine,
) -> None:
    clock, box = FixedClock(), Scripted("box", Retryable(FailureReason.SERVER_ERROR))
    alerts = service(engine, clock, box)
    alerts.accept([event()])
    alerts.tick()
    alerts.dispatch()
    clock.move(SECOND)
    alerts.accept([event(ends=True)])
    alerts.tick()

    before = alerts.dispatch()
    clock.move(timedelta(seconds=10))
    alerts.dispatch()

    assert before.sent == 0
    assert [message.is_resolved for message in box.sent] == [True]


def test_many_processes_at_once_plan_and_send_every_message_once(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box")
    workers = [service(engine, clock, box, owner=f"worker {number}") for number in range(4)]
    workers[0].accept([event(model=f"model_{number}") for number in range(30)])

    def work(alerts: AlertService) -> tuple[int, int]:
        return alerts.tick().planned, sum(alerts.dispatch().sent for _ in range(5))

    with ThreadPoolExecutor(len(workers)) as pool:
        done = list(pool.map(work, workers))

    assert sum(planned for planned, _ in done) == 30
    assert sum(sent for _, sent in done) == 30
    assert len({message.delivery_id for message in box.sent}) == len(box.sent) == 30


def test_a_channel_that_is_down_is_tried_no_more_often_than_the_breaker_bears_and_the_rest_waits(
    engine: sa.Engine,
) -> None:
    clock, box = FixedClock(), Scripted("box", *[Retryable(FailureReason.CONNECTION) for _ in range(99)])
    alerts = service(engine, clock, box)
    alerts.accept([event(model=f"model_{number}") for number in range(30)])
    alerts.tick()

    summary = alerts.dispatch()

    waiting = alerts.deliveries(DeliveryState.DUE)
    assert (summary.retried, len(waiting)) == (5, 25)
    assert {one.attempts for one in waiting} == {0}
    assert {one.last_failure for one in waiting} == {"waiting: the channel failed 5 times in a row and is left alone"}


def test_a_message_that_waits_gives_way_to_the_next_which_says_both_and_the_record_folds_its_answers(
    engine: sa.Engine,
) -> None:
    clock, box = FixedClock(), Scripted("box", Retryable(FailureReason.CONNECTION))
    alerts = service(engine, clock, box)
    for news in ([event(), event(check="ks")], [event(ends=True)], [event(check="js")]):
        alerts.accept(news)
        clock.move(2 * SECOND)
        alerts.tick()
        alerts.dispatch()
    clock.move(timedelta(minutes=5))
    alerts.dispatch()
    alerts.tick()

    (message,) = box.sent
    assert (message.reason, message.firing_count, message.resolved_count) == (NotifyReason.FIRST, 2, 1)
    assert [one.state for one in alerts.deliveries()].count(DeliveryState.SUPERSEDED) == 2
    assert alerts.prune(clock.now() + SECOND) > 0
    answers = alerts.why_not()
    assert len({one.last.reason for one in answers}) == len(answers)


def test_many_processes_at_once_demote_a_rule_once_and_tell_its_team_once(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box")
    file = {
        "channels": {"box": {"kind": "console"}},
        "route": {"channels": ["box"], "group_by": ["model"], "collect_for": "0s", "update_every": "1s"},
        "teams": {"all": {"budget": "3 per week", "channels": ["box"], "match": ["check=psi"], "rule_label": "check"}},
    }
    config = parse(file, discover())
    workers = [AlertService(engine, config, {"box": box}, clock, owner=f"worker {number}") for number in range(4)]
    workers[0].accept([event(model=f"model_{number}") for number in range(5)])

    with ThreadPoolExecutor(len(workers)) as pool:
        planned = list(pool.map(lambda alerts: alerts.tick().planned, workers))
        list(pool.map(lambda alerts: alerts.dispatch(), workers))

    assert sum(planned) == 6
    assert [one.reason for one in box.sent].count(NotifyReason.BUDGET) == 1
    (decision,) = workers[1].budgets.history()
    assert (decision.rule, decision.spent, decision.messages) == ("psi", 5, 5)
    assert decision.reason == "5 messages of 3 per week; 5 of its 5 could be kept and are not confirmed"
    clock.move(timedelta(days=8))
    workers[2].tick()
    assert workers[2].budgets.accounts()[0].demoted == frozenset()


def test_many_processes_at_once_tell_a_digest_once(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box")
    file = {
        "channels": {"box": {"kind": "console"}},
        "route": {"channels": ["box"]},
        "digests": {"daily": {"channels": ["box"], "at": "08:00"}},
    }
    config = parse(file, discover())
    workers = [AlertService(engine, config, {"box": box}, clock, owner=f"worker {number}") for number in range(4)]
    workers[0].tick()
    clock.move(timedelta(days=1))

    with ThreadPoolExecutor(len(workers)) as pool:
        planned = list(pool.map(lambda alerts: alerts.tick().planned, workers))
        list(pool.map(lambda alerts: alerts.dispatch(), workers))

    assert sorted(planned) == [0, 0, 0, 1]
    assert [one.reason for one in box.sent] == [NotifyReason.DIGEST]


def test_what_a_slow_channel_could_not_take_in_time_is_given_back_and_sent_by_whoever_comes_next(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, box = FixedClock(), Scripted("box")
    alerts = service(engine, clock, box)
    alerts.accept([event(model=f"model_{number}") for number in range(30)])
    alerts.tick()

    monkeypatch.setattr(sending.Lane, "is_in_time", lambda _: False)
    in_time = alerts.dispatch(limit=20)
    monkeypatch.undo()
    other = service(engine, clock, box, owner="two").dispatch()

    assert (in_time.sent, other.sent) == (1, 29)
    assert {one.attempts for one in alerts.deliveries(DeliveryState.SENT)} == {1}
    assert len({message.delivery_id for message in box.sent}) == len(box.sent) == 30


def test_a_sender_that_died_is_replaced_when_its_lease_has_run_out(engine: sa.Engine) -> None:
    class Died(BaseException):
        pass

    class Dying(Scripted):
        def send(self, message: Message, previous: Receipt | None) -> Receipt:
            return super().send(message, previous)

    clock, box = FixedClock(), Dying("box")
    alerts = service(engine, clock, box)
    alerts.accept([event()])
    alerts.tick()
    real = alerts._dispatcher

    def crash(*args: object) -> None:
        raise Died

    object.__setattr__(real, "clock", type("Broken", (), {"now": crash})())
    with pytest.raises(Died):
        alerts.dispatch(START)  # it dies after sending and before writing down that it sent
    object.__setattr__(real, "clock", clock)
    other = service(engine, clock, box, owner="two")

    soon = other.dispatch(clock.move(timedelta(minutes=1)))
    later = other.dispatch(clock.move(timedelta(minutes=5)))

    assert (soon.sent, later.sent) == (0, 1)
    assert len({message.delivery_id for message in box.sent}) == 1
    assert len(box.sent) == 2  # the double that can happen, under one id


def test_a_channel_that_hangs_is_given_up_in_time_and_delays_nobody(engine: sa.Engine) -> None:
    import time

    class Hanging(Scripted):
        def send(self, message: Message, previous: Receipt | None) -> Receipt:
            time.sleep(4)
            return super().send(message, previous)

    clock, fine = FixedClock(), Scripted("fine")
    slow = Hanging("slow")
    settings = {"slow": {"kind": "console"}, "fine": {"kind": "console"}}
    route = {"channels": ["slow", "fine"], "collect_for": "0s"}
    config = parse({"channels": settings, "route": route, "delivery": {"deadline": "1s"}}, discover())
    alerts = AlertService(engine, config, {"slow": slow, "fine": fine}, clock)
    alerts.accept([event()])
    alerts.tick()

    began = time.monotonic()
    summary = alerts.dispatch()

    assert time.monotonic() - began < 3
    assert (summary.sent, summary.retried) == (1, 1)
    assert alerts.deliveries(DeliveryState.RETRY)[0].last_failure.startswith("timeout")


def test_a_channel_that_raises_what_it_may_not_is_tried_again_and_its_text_is_not_kept(engine: sa.Engine) -> None:
    box = Scripted("box", RuntimeError("password=hunter2"))
    alerts = service(engine, FixedClock(), box)
    alerts.accept([event()])
    alerts.tick()

    summary = alerts.dispatch()

    (waiting,) = alerts.deliveries(DeliveryState.RETRY)
    assert summary.retried == 1
    assert waiting.last_failure.startswith("unexpected: the channel raised RuntimeError")
    assert "hunter2" not in waiting.last_failure


def test_a_delivery_for_a_channel_that_was_removed_is_dead_and_says_so(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box")
    service(engine, clock, box, Scripted("gone")).accept([event()])
    service(engine, clock, box, Scripted("gone")).tick()

    summary = service(engine, clock, box).dispatch()

    assert (summary.sent, summary.dead) == (1, 1)


def test_pruning_forgets_what_is_finished_and_nothing_that_is_open(engine: sa.Engine) -> None:
    clock, box = FixedClock(), Scripted("box")
    alerts = service(engine, clock, box)
    alerts.accept([event("over"), event("open")])
    alerts.tick()
    alerts.dispatch()
    clock.move(SECOND)
    alerts.accept([event("over", ends=True)])
    alerts.tick()
    alerts.dispatch()
    clock.move(SECOND)

    dropped = alerts.prune(clock.now())

    assert dropped > 0
    assert [alert.labels["model"] for alert in alerts.history()] == ["open"]
    alerts.accept([event("open", ends=True)])
    alerts.tick()
    assert alerts.dispatch().sent == 1  # it was told the start, so it is told the end
