"""Grouping, timing and telling beyond the oracle's cases, second by second.

The language of scripts and of what is told is in `alerts.testing.scripts`.
"""

from datetime import timedelta

from alerts.config import parse
from alerts.model import NotifyReason, SkipReason
from alerts.plugins import discover
from alerts.service import AlertService
from alerts.testing.messages import START
from alerts.testing.scripts import World, event


def seconds(collect: int, update: int, remind: str = "1h", **more: object) -> dict[str, object]:
    return {
        "channels": ["box"],
        "group_by": ["model"],
        "collect_for": f"{collect}s",
        "update_every": f"{update}s",
        "remind_every": remind,
        **more,
    }


def test_a_channel_that_wants_no_resolved_messages_is_told_of_a_new_fire_all_the_same() -> None:
    world = World(seconds(1, 3), {"box": {"send_resolved": False}})

    told = world.run({0.2: ["+a"], 2: ["+b"], 5: ["-a"], 8: ["+a"], 11: ["-a", "-b"]}, 20)

    assert told == ["F{a}@1.2", "F{a,b}@4.2", "F{a,b}@10.2"]
    assert world.service.decisions()[0].reason is SkipReason.SEND_RESOLVED_OFF


def test_a_flap_between_updates_is_invisible_also_where_no_resolved_messages_are_wanted() -> None:
    world = World(seconds(1, 4), {"box": {"send_resolved": False}})

    assert world.run({0.5: ["+a"], 2.5: ["-a"], 3.5: ["+a"]}, 20) == ["F{a}@1.5"]


def test_a_raised_severity_does_not_wait_for_the_update_time_and_a_lowered_one_is_no_news() -> None:
    world = World(seconds(1, 60))
    world.push(event("+a", 0))
    world.run({}, 2)

    world.push(event("+a!critical", 0))
    world.run({}, 3)
    world.push(event("+a!info", 0))
    world.run({}, 50)

    assert world.box.told == ["F{a}@1", "F{a}@2.1"]
    assert world.box.reasons == [NotifyReason.FIRST, NotifyReason.SEVERITY_RAISED]


def test_a_flap_that_nobody_was_told_of_is_written_in_the_history() -> None:
    world = World(seconds(1, 4))

    world.run({0.5: ["+a"], 2.5: ["-a"], 3.5: ["+a"]}, 6)

    assert [(alert.occurrence, alert.is_flap) for alert in world.service.history()] == [(2, True), (1, False)]


def test_an_alert_that_begins_and_ends_between_updates_of_a_group_that_was_told_others_is_on_record() -> None:
    world = World(seconds(1, 4))

    told = world.run({0.5: ["+a"], 2: ["+b"], 3: ["-b"]}, 6)

    assert told == ["F{a}@1.5"]
    assert SkipReason.RESOLVED_BEFORE_TOLD in {one.reason for one in world.service.decisions()}


def test_the_end_is_told_to_whoever_was_told_the_start_also_when_the_route_is_gone_meanwhile() -> None:
    world = World(
        seconds(1, 2, routes=[{"name": "old", "match": ["model=m"], "channels": ["old"]}]), {"box": {}, "old": {}}
    )
    world.run({0: ["+a"]}, 2)
    channels = {"box": {"kind": "console"}, "old": {"kind": "console"}}
    changed = parse({"channels": channels, "route": seconds(1, 2)}, discover())
    world.service = AlertService(world.engine, changed, world.channels, world.clock)

    world.run({5: ["-a"]}, 9)

    assert world.channels["old"].told == ["F{a}@1", "R{r:a}@5"]
    assert world.channels["box"].told == ["F{a}@3.1", "R{r:a}@5.1"]


def test_forty_alerts_at_once_are_one_message() -> None:
    world = World(seconds(1, 2))
    world.push(*(event(f"+feature_{number}", 0) for number in range(40)))

    world.run({}, 3)

    assert len(world.box.messages) == 1
    assert world.box.messages[0].firing_count == 40
    assert world.box.messages[0].title == "model=m, name=feature_34 and 39 more"


def test_an_update_time_that_was_slept_through_is_used_once_when_somebody_looks() -> None:
    world = World(seconds(1, 2))
    world.run({0.2: ["+a"]}, 2)
    world.push(event("+b", 2))

    world.clock.at = START + timedelta(seconds=100)
    first, second = world.service.tick(), world.service.tick()

    assert (first.planned, second.planned) == (1, 0)


def test_every_group_that_is_not_told_has_a_reason_written_once() -> None:
    world = World(seconds(1, 2))

    world.run({0.2: ["+a"], 4: ["+b"], 6: ["-a", "-b"]}, 9)

    reasons = [decision.reason for decision in reversed(world.service.decisions())]
    assert reasons == [
        SkipReason.COLLECTING,
        NotifyReason.FIRST,
        SkipReason.NOTHING_NEW,
        SkipReason.WAITING,
        NotifyReason.NEW_ALERTS,
        SkipReason.WAITING,
        NotifyReason.ALL_RESOLVED,
    ]


def test_the_message_of_the_end_is_of_the_same_generation_and_a_new_fire_begins_another() -> None:
    world = World(seconds(1, 2))

    world.run({0.2: ["+a"], 2: ["-a"], 6: ["+a"]}, 9)

    assert [message.generation for message in world.box.messages] == [1, 1, 2]
    assert len({message.delivery_id for message in world.box.messages}) == 3
