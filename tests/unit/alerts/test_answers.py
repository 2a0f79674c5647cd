"""Why nobody was told of one alert, in a group that was told of others."""

from alerts.model import NotifyReason, SkipReason
from alerts.routing import Matcher
from alerts.testing.scripts import World

ROUTE = {"channels": ["box"], "group_by": ["model"], "collect_for": "1s", "update_every": "2s", "remind_every": "40s"}


def answers(world: World, asked: str) -> list[tuple[str, str]]:
    """What was answered, and what the group did, oldest first."""
    found = world.service.why_not((Matcher.parse(asked),))
    return [(one.answer, str(one.last.reason)) for one in reversed(found)]


def test_the_answer_is_the_alerts_own_where_its_group_was_told_of_others() -> None:
    world = World(ROUTE)

    world.run({0.2: ["silence a 50", "+a", "+b"]}, 6)

    (kept, group), *_ = [one for one in answers(world, "name=a") if one[1] == str(NotifyReason.FIRST)]
    assert kept.startswith("left out: silence ")
    assert (f"told ({NotifyReason.FIRST})", group) in answers(world, "name=b")
    assert all(not one.last.muted for one in world.service.why_not((Matcher.parse("name=b"),)))


def test_what_others_wait_for_and_what_was_before_and_after_is_no_answer_for_an_alert() -> None:
    world = World(ROUTE)

    world.run({0.2: ["+a"], 3.6: ["+b"], 5.6: ["-a"], 9.6: ["+c"]}, 14)

    assert (str(SkipReason.NOTHING_NEW), str(SkipReason.WAITING)) in answers(world, "name=a")
    assert answers(world, "name=a")[-1] == (
        f"its end was told ({NotifyReason.SOME_RESOLVED})",
        NotifyReason.SOME_RESOLVED,
    )
    of_b, of_c = answers(world, "name=b"), answers(world, "name=c")
    assert of_b[0] == (str(SkipReason.WAITING), str(SkipReason.WAITING))
    assert (str(NotifyReason.FIRST), str(SkipReason.COLLECTING)) not in {(group, answer) for answer, group in of_b}
    assert of_c[0] == (str(SkipReason.WAITING), str(SkipReason.WAITING))
    assert all(str(NotifyReason.SOME_RESOLVED) not in said for said, _ in of_c)


def test_an_alert_that_was_over_before_the_message_was_never_told_though_its_group_was() -> None:
    world = World(ROUTE)

    world.run({0.2: ["+a", "+b"], 0.6: ["-b"]}, 4)

    assert answers(world, "name=b")[-1][0] == SkipReason.RESOLVED_BEFORE_TOLD
    assert (f"told ({NotifyReason.FIRST})", str(NotifyReason.FIRST)) in answers(world, "name=a")


def test_alerts_with_one_answer_share_a_row_and_a_second_time_has_its_own_answers() -> None:
    world = World(ROUTE)

    world.run({0.2: ["+a", "+b"], 3.2: ["-a", "-b"], 10.2: ["+a"]}, 14)

    first, *_ = [one for one in world.service.why_not((Matcher.parse("model=m"),)) if one.last.generation == 1][::-1]
    assert {one["name"] for one in first.alerts} == {"a", "b"}
    assert {one.last.generation for one in world.service.why_not((Matcher.parse("name=a"),))} == {1, 2}
    assert {one.last.generation for one in world.service.why_not((Matcher.parse("name=b"),))} == {1}
