"""The pace of a channel and its breaker, and the alert that a failing channel raises elsewhere."""

from datetime import timedelta

import pytest

from alerts.config import parse
from alerts.errors import ConfigProblems, FailureReason, Permanent, Retryable
from alerts.model import DeliveryState, Labels, Severity
from alerts.pacing import BreakerPolicy, Health, Hold, after_failure, after_success, take_slot
from alerts.plugins import discover
from alerts.testing.messages import START
from alerts.testing.scripts import World

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
BREAKER = BreakerPolicy(after=3, pause=MINUTE, longest_pause=5 * MINUTE)
BROKEN = Retryable(FailureReason.SERVER_ERROR, detail="HTTP 503")


def failed(times: int) -> Health:
    health = Health("box")
    for _ in range(times):
        health = after_failure(health, BROKEN, BREAKER, START, is_dead=False)
    return health


def test_a_tenth_of_a_minutes_messages_may_come_at_once_and_the_rest_one_by_one() -> None:
    health, sent_at = Health("box"), []
    for second in range(120):
        now = START + second * SECOND
        while not isinstance(taken := take_slot(health, 20, BREAKER, now), Hold):
            health = taken
            sent_at.append(second)

    assert sent_at[:4] == [0, 0, 3, 6]
    assert len(sent_at) == 41


def test_who_has_to_wait_is_told_how_long_and_why() -> None:
    health = take_slot(Health("box"), 6, BREAKER, START)

    assert isinstance(health, Health)
    assert take_slot(health, 6, BREAKER, START) == Hold(
        START + 10 * SECOND, "at most 6 messages a minute on this channel"
    )


@pytest.mark.parametrize(("failures", "pause"), [(2, None), (3, 1), (4, 2), (5, 4), (6, 5), (90, 5)])
def test_a_channel_that_fails_is_left_alone_longer_and_longer(failures: int, pause: int | None) -> None:
    expected = None if pause is None else START + pause * MINUTE

    assert failed(failures).open_until == expected


def test_a_channel_that_was_left_alone_is_tried_with_one_message() -> None:
    later = START + 2 * MINUTE

    first = take_slot(failed(3), None, BREAKER, later)

    assert isinstance(first, Health)
    assert isinstance(take_slot(first, None, BREAKER, later), Hold)
    assert after_success(first) == Health("box")


def test_what_is_refused_for_good_says_nothing_about_the_next_message() -> None:
    health = after_failure(failed(2), Permanent(FailureReason.CLIENT_ERROR), BREAKER, START, is_dead=True)

    assert (health.failures, health.open_until, health.is_told) == (2, None, True)


def seconds(**delivery: object) -> tuple[dict[str, object], dict[str, object]]:
    route: dict[str, object] = {"channels": ["box"], "group_by": ["name"], "collect_for": "1s", "update_every": "2s"}
    return route, {"back_off": ["1s"], "fallback": ["other", "third"], **delivery}


def until_20(at: float) -> Exception | None:
    return BROKEN if at < 20 else None


def test_a_channel_that_fails_again_and_again_raises_an_alert_elsewhere_and_its_end_when_it_works() -> None:
    route, delivery = seconds(breaker={"after": 3, "pause": "6s"})
    world = World(route, {"box": {}, "other": {}, "third": {}}, fails={"box": until_20}, delivery=delivery)

    world.run({0: ["+a"]}, 60)

    assert world.channels["other"].told == world.channels["third"].told != []
    assert world.channels["other"].messages[0].title.startswith("Channel box is failing")
    assert [message.is_resolved for message in world.channels["other"].messages] == [False, True]
    tries = world.box.tried_at
    assert len(tries) < 8
    assert world.box.told == [f"F{{a}}@{tries[-1]:g}"]


def test_a_message_that_is_lost_raises_an_alert_at_once() -> None:
    route, delivery = seconds()
    lost = Permanent(FailureReason.CLIENT_ERROR, "HTTP 400")
    world = World(route, {"box": {}, "other": {}, "third": {}}, fails={"box": lambda _: lost}, delivery=delivery)

    world.run({0: ["+a"]}, 5)

    (message,) = world.channels["other"].messages
    assert "HTTP 400" in message.entries[0].summary
    assert message.severity is Severity.CRITICAL


def test_a_channel_of_the_fallback_is_not_told_that_it_fails_itself() -> None:
    route, delivery = seconds(fallback=["box", "other"])
    lost = Permanent(FailureReason.GONE, "HTTP 410")
    world = World(route, {"box": {}, "other": {}}, fails={"box": lambda _: lost}, delivery=delivery)

    world.run({0: ["+a"]}, 5)

    assert len(world.box.tried_at) == 1
    assert len(world.channels["other"].told) == 1


def test_nothing_is_raised_where_there_is_no_fallback() -> None:
    route, _ = seconds()
    lost = Permanent(FailureReason.CLIENT_ERROR, "HTTP 400")
    world = World(route, {"box": {}}, fails={"box": lambda _: lost})

    world.run({0: ["+a"]}, 5)

    assert [alert.labels for alert in world.service.history()] == [Labels.of({"model": "m", "name": "a"})]


def test_many_messages_keep_to_the_pace_of_their_channel_and_say_that_they_wait() -> None:
    route, _ = seconds()
    world = World(route, {"box": {"per_minute": 30}})

    world.run({0: [f"+a{number}" for number in range(10)]}, 5)
    waiting = world.service.deliveries(DeliveryState.DUE)
    world.run({}, 30)

    assert {one.last_failure for one in waiting} == {"waiting: at most 30 messages a minute on this channel"}
    assert world.box.tried_at[:5] == [1, 1, 1, 3, 5]
    assert len(world.box.told) == 10


def test_a_fallback_that_is_no_channel_is_a_mistake() -> None:
    file = {
        "channels": {"box": {"kind": "console"}},
        "route": {"channels": ["box"]},
        "delivery": {"fallback": ["bax"]},
    }

    with pytest.raises(ConfigProblems, match="there is no channel 'bax'; did you mean 'box'"):
        parse(file, discover())
