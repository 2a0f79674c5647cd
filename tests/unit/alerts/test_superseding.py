"""What a channel that was down hears when it is back: the present state, once, with every end that it is owed."""

from random import Random

import pytest

from alerts.errors import FailureReason, Retryable
from alerts.model import DeliveryState, NotifyReason, SkipReason
from alerts.testing.scripts import Recorder, World

BROKEN = Retryable(FailureReason.SERVER_ERROR, detail="HTTP 503")
ROUTE = {
    "channels": ["box", "other"],
    "group_by": ["model"],
    "collect_for": "1s",
    "update_every": "2s",
    "remind_every": "4s",
}
DELIVERY = {"back_off": ["1s"], "breaker": {"after": 2, "pause": "3s", "longest_pause": "3s"}}


def down(since: float, until: float) -> World:
    """A world in which the first of two channels takes nothing between two seconds."""
    fails = {"box": lambda at: BROKEN if since <= at < until else None}
    return World(ROUTE, {"box": {}, "other": {}}, fails=fails, delivery=DELIVERY)


def states(world: World, channel: str) -> list[DeliveryState]:
    return [one.state for one in world.service.deliveries() if one.channel == channel]


def test_reminders_do_not_pile_up_behind_a_channel_that_is_down_and_count_from_when_it_heard() -> None:
    world = down(0, 12)

    told = world.run({0: ["+a"]}, 11)
    waiting = states(world, "box")
    world.run({}, 20)

    assert waiting == [DeliveryState.RETRY]
    assert len(world.channels["other"].told) == 5  # the sibling was reminded as ever
    back_at = next(at for at in world.box.tried_at if at >= 12)
    assert told == [f"F{{a}}@{at:g}" for at in (back_at, back_at + 4)]
    assert world.box.reasons == [NotifyReason.FIRST, NotifyReason.REMINDER]


def test_the_record_says_why_nobody_is_reminded_once_however_often_it_was_so() -> None:
    world = down(2, 90)

    world.run({0: ["+a"]}, 16)

    answers = [(one.last.channel, one.last.reason, one.count) for one in world.service.why_not()]
    assert ("box", SkipReason.UNSENT, 1) in answers
    assert ("other", SkipReason.NOTHING_NEW, 4) in answers
    assert len({(channel, reason) for channel, reason, _ in answers}) == len(answers)


def test_who_comes_back_hears_the_present_state_once_with_the_ends_between() -> None:
    world = down(0, 11)

    told = world.run({0: ["+a", "+b"], 4: ["+c"], 8: ["-b"], 10: ["+d", "-c"]}, 15)

    assert [text.partition("@")[0] for text in told] == ["F{a,d,r:b,r:c}"]
    assert world.box.reasons == [NotifyReason.FIRST]
    assert sorted(states(world, "box")) == sorted([DeliveryState.SENT, *[DeliveryState.SUPERSEDED] * 3])


def test_a_raised_severity_that_waits_is_not_lost_in_what_comes_after_it() -> None:
    world = down(3, 11)

    told = world.run({0: ["+a"], 4: ["+a!critical"], 8: ["+b"]}, 15)

    assert [text.partition("@")[0] for text in told] == ["F{a}", "F{a,b}"]
    assert world.box.reasons == [NotifyReason.FIRST, NotifyReason.SEVERITY_RAISED]


def test_an_end_that_waits_is_told_once_and_not_of_what_fires_again() -> None:
    world = down(3, 11)

    told = world.run({0: ["+a", "+b", "+c"], 4: ["-a", "-b"], 8: ["+a"], 10: ["-a", "-c"]}, 15)

    assert [text.partition("@")[0] for text in told] == ["F{a,b,c}", "R{r:a,r:b,r:c}"]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_meanwhile_nobody_is_left_believing_what_is_over(seed: int) -> None:
    chance = Random(seed)
    world = down(chance.uniform(1, 6), chance.uniform(8, 12))
    script: dict[float, list[str]] = {}
    for tenth in range(0, 120, chance.randint(4, 15)):
        script[tenth / 10] = [chance.choice("+-") + chance.choice("abc") + chance.choice(["", "", "(n)"])]
    pushed = {text[1:] for steps in script.values() for text in steps if text[0] == "+"}
    script = {at: [text for text in steps if text[1:] in pushed] for at, steps in script.items()}

    world.run({at: [one for one in steps if _began(script, one, at)] for at, steps in script.items()}, 18)

    assert _believed(world.box) == _believed(world.channels["other"]) == _firing(world)
    assert states(world, "box").count(DeliveryState.DUE) == 0


def _began(script: dict[float, list[str]], text: str, at: float) -> bool:
    """Whether what a step ends has begun."""
    return text[0] == "+" or any(f"+{text[1:]}" in steps for before, steps in script.items() if before < at)


def _believed(channel: Recorder) -> set[str]:
    fires: set[str] = set()
    for message in channel.messages:
        for entry in message.entries:
            (fires.discard if entry.is_resolved else fires.add)(entry.fingerprint)
    return fires


def _firing(world: World) -> set[str]:
    return {alert.fingerprint for alert in world.service.open_alerts()}
