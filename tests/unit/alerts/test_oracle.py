"""The traces that Alertmanager 0.25 gives, and ours: the same where it does well, another where it does not.

The language of scripts and of what is told is in `alerts.testing.scripts`. A case marked D deviates on
purpose; its name says what Alertmanager does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from alerts.errors import FailureReason, Permanent, Retryable
from alerts.model import DeliveryState, NotifyReason
from alerts.testing.scripts import Fails, Script, World

W_ON_C = [{"when": ["name=c"], "mute": ["name=w"], "equal": ["model"]}]


def seconds(collect: int, update: int, remind: str = "1h", **more: object) -> dict[str, object]:
    return {
        "channels": ["box"],
        "collect_for": f"{collect}s",
        "update_every": f"{update}s",
        "remind_every": remind,
        **more,
    }


def until_4(at: float) -> Exception | None:
    return Retryable(FailureReason.SERVER_ERROR) if at < 4 else None


def always_400(_: float) -> Exception | None:
    return Permanent(FailureReason.CLIENT_ERROR, "HTTP 400")


@dataclass(frozen=True, slots=True)
class Case:
    """A script, and what every channel is told."""

    name: str
    route: Mapping[str, object]
    script: Script
    until: float
    told: Mapping[str, Sequence[str]]
    channels: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: {"box": {}})
    sections: Mapping[str, object] = field(default_factory=dict)
    fails: Mapping[str, Fails] = field(default_factory=dict)
    processes: int = 1


def box(*told: str) -> dict[str, list[str]]:
    return {"box": list(told)}


BY_SEVERITY = [
    {"match": ['severity=~"warning|critical"'], "channels": ["first"], "group_by": ["name"], "continue": True},
    {"match": ['severity="critical"'], "channels": ["second"]},
]

CASES = [
    Case("1 M: resolved while collecting tells nobody", seconds(3, 3), {0.5: ["+a"], 1.5: ["-a"]}, 10, box()),
    Case(
        "2 M: a flap between updates is invisible",
        seconds(1, 4),
        {0.5: ["+a"], 2.5: ["-a"], 3.5: ["+a"]},
        12,
        box("F{a}@1.5"),
    ),
    Case(
        "3 M: added and resolved at the update times",
        seconds(1, 3, group_by=["model"]),
        {0.2: ["+a"], 2: ["+b"], 5: ["-a", "-b"]},
        12,
        box("F{a}@1.2", "F{a,b}@4.2", "R{r:a,r:b}@7.2"),
    ),
    Case(
        "4 M: no resolved messages where they are not wanted",
        seconds(1, 3, group_by=["model"]),
        {0.2: ["+a"], 2: ["+b"], 5: ["-a", "-b"]},
        12,
        box("F{a}@1.2", "F{a,b}@4.2"),
        channels={"box": {"send_resolved": False}},
    ),
    Case(
        "5 D: reminders at exact times, not rounded up to update times",
        seconds(1, 2, "3s"),
        {0.2: ["+a"]},
        9,
        box("F{a}@1.2", "F{a}@4.2", "F{a}@7.2"),
    ),
    Case(
        "6 M: a finished group collects again",
        seconds(1, 2),
        {0.2: ["+a"], 2: ["-a"], 6: ["+a"]},
        9,
        box("F{a}@1.2", "R{r:a}@3.2", "F{a}@7"),
    ),
    Case(
        "7 M: an announced end passes without news",
        seconds(1, 2),
        {0.2: ["+a<4"]},
        9,
        box("F{a}@1.2", "R{r:a}@5.2"),
    ),
    Case(
        "8 M: the tree is walked depth first and goes on after continue",
        seconds(1, 3, routes=BY_SEVERITY),
        {0: ["+x!critical", "+y!warning", "+z!info"]},
        2,
        {"box": ["F{z}@1"], "first": ["F{x}@1", "F{y}@1"], "second": ["F{x}@1"]},
        channels={"box": {}, "first": {}, "second": {}},
    ),
    Case(
        "9 M: an inhibited alert is told at the update after its cause is over",
        seconds(2, 2),
        {0.2: ["+w(m)", "+w(n)"], 1: ["+c(m)"], 6: ["-c(m)"]},
        9,
        box("F{c,w,1 muted}@2.2", "F{r:c,w,w}@6.2"),
        sections={"inhibit": W_ON_C},
    ),
    Case(
        "10 D: no end of an alert that was never told",
        seconds(1, 2),
        {0.2: ["+w", "+c"], 2: ["-w", "-c"]},
        9,
        box("F{c,1 muted}@1.2", "R{r:c}@3.2"),
        sections={"inhibit": W_ON_C},
    ),
    Case(
        "11 M: a failing channel is tried again and holds up nobody else",
        seconds(1, 10, channels=["a", "b"]),
        {0.2: ["+a"]},
        8.5,
        {"a": ["F{a}@6.7"], "b": ["F{a}@1.2"]},
        channels={"a": {}, "b": {}},
        fails={"a": until_4},
    ),
    Case(
        "12 D: what a channel refuses for good is not tried at every update for ever",
        seconds(1, 3),
        {0.2: ["+a"]},
        9,
        box(),
        fails={"box": always_400},
    ),
    Case(
        "13 D: an end under a silence is told quietly, and the next start is news",
        seconds(1, 2),
        {0.2: ["+a"], 2.2: ["silence a 6"], 4: ["-a"], 8: ["+a"]},
        12,
        box("F{a}@1.2", "R{r:a}@4~", "F{a}@9"),
    ),
    Case(
        "14 D: the end of a silence reminds of what still fires",
        seconds(1, 2),
        {0.2: ["+a"], 2.2: ["silence a 6.2"]},
        12,
        box("F{a}@1.2", "F{a}@6.2"),
    ),
    Case(
        "15 D: a group is not over while a silenced member fires",
        seconds(1, 2),
        {0.2: ["+a", "+b"], 2.2: ["silence a 8"], 4: ["-b"]},
        12,
        box("F{a,b}@1.2", "F{r:b,1 muted}@5.2", "F{a}@8"),
    ),
    Case(
        "16 D: a silence that is ended lets speak at once, not at the next update",
        seconds(2, 2),
        {0.1: ["silence a 60"], 0.3: ["+a"], 5: ["unsilence"]},
        9,
        box("F{a}@5"),
    ),
    Case(
        "17 M: a restart tells nobody again",
        seconds(1, 2),
        {0.2: ["+a"], 3: ["restart", "+a"]},
        9,
        box("F{a}@1.2"),
    ),
    Case(
        "18 D: a restart lets no inhibited alert slip through before its cause is heard again",
        seconds(3, 3, group_by=["name"]),
        {
            0.2: ["+c<10", "+w<10"],
            5: ["stop"],
            20: ["restart", "start", "+w<60"],
            20.5: ["+c<60"],
        },
        40,
        box("F{c}@3.2"),
        sections={"inhibit": W_ON_C, "settle_for": "2s"},
    ),
    Case(
        "19 M: two processes tell once, and one that is left alone does not wait",
        seconds(1, 2, group_by=["name"]),
        {0.2: ["+a"], 3: ["kill"], 4: ["+b"]},
        9,
        box("F{a}@1.2", "F{b}@5"),
        processes=2,
    ),
]


def world_of(case: Case) -> World:
    return World(case.route, case.channels, fails=case.fails, processes=case.processes, **case.sections)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_told_and_when(case: Case) -> None:
    world = world_of(case)

    world.run(case.script, case.until)

    assert {name: sorted(channel.told) for name, channel in world.channels.items()} == {
        name: sorted(told) for name, told in case.told.items()
    }


def case_number(number: int) -> Case:
    return CASES[number - 1]


def play(number: int) -> World:
    case = case_number(number)
    world = world_of(case)
    world.run(case.script, case.until)
    return world


def test_the_flap_of_case_2_is_counted() -> None:
    assert [alert.flaps for alert in play(2).service.history()] == [1, 0]


def test_the_channel_of_case_12_is_tried_once_and_its_message_kept_among_the_dead() -> None:
    world = play(12)

    assert world.box.tried_at == [1.2]
    assert [one.last_failure for one in world.service.deliveries(DeliveryState.DEAD)] == ["client_error: HTTP 400"]


def test_a_channel_that_is_told_to_wait_waits_where_alertmanager_drops_the_message() -> None:
    def busy(at: float) -> Exception | None:
        return Retryable(FailureReason.RATE_LIMITED) if at < 4 else None

    world = World(seconds(1, 3), fails={"box": busy})

    world.run({0.2: ["+a"]}, 9)

    assert len(world.box.tried_at) == 2
    assert len(world.box.told) == 1


@pytest.mark.parametrize(("number", "place"), [(14, 1), (15, 2), (16, 0)])
def test_what_comes_after_a_silence_says_so(number: int, place: int) -> None:
    assert play(number).box.reasons[place] is NotifyReason.UNMUTED
