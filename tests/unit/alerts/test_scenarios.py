"""Grouping, timing and telling, second by second, against the traces that Alertmanager 0.25 gives.

Times are seconds after START. `+a` is pushed firing, `-a` resolved; `a<4` is pushed with an end at 4.
What is told reads `F{a}@1.2` (something fires), `R{r:a}@3.2` (all is over), `r:` marks a resolved member.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import pytest

from alerts.config import parse
from alerts.model import AlertEvent, Labels, NotifyReason, Receipt, Severity, SkipReason
from alerts.plugins import discover
from alerts.render.document import Message
from alerts.service import AlertService
from alerts.storage.engine import memory_engine
from alerts.testing.messages import START, FixedClock

STEP = timedelta(milliseconds=100)


class Recorder:
    """A channel that remembers what it was told and when, in seconds after START."""

    def __init__(self, name: str, clock: FixedClock) -> None:
        self.name = name
        self.clock = clock
        self.messages: list[Message] = []
        self.told: list[str] = []
        self.reasons: list[NotifyReason] = []

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        members = sorted(("r:" if entry.is_resolved else "") + label(entry.labels) for entry in message.entries)
        seconds = (self.clock.now() - START).total_seconds()
        self.told.append(f"{'R' if message.is_resolved else 'F'}{{{','.join(members)}}}@{seconds:g}")
        self.reasons.append(message.reason)
        self.messages.append(message)
        return Receipt({"number": str(len(self.told))})


def label(fields: Iterable[object]) -> str:
    return next(str(field.value) for field in fields if field.name == "name")  # type: ignore[attr-defined]


def event(text: str, at: float, severity: Severity = Severity.WARNING, started: float | None = None) -> AlertEvent:
    name = re.sub(r"^[+-]|<.*$", "", text)
    begins = START + timedelta(seconds=at if started is None else started)
    ends = None
    if text.startswith("-"):
        ends = START + timedelta(seconds=at)
    elif "<" in text:
        ends = START + timedelta(seconds=float(text.partition("<")[2]))
    return AlertEvent(Labels.of({"model": "m", "name": name}), {}, severity, begins, ends)


class World:
    """A service on a database in memory, with its clock, ticked every tenth of a second."""

    def __init__(self, route: Mapping[str, object], channels: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self.clock = FixedClock()
        kinds = discover()
        named = channels or {"box": {}}
        settings = {name: {"kind": "console", **more} for name, more in named.items()}
        self.config = parse({"channels": settings, "route": route}, kinds)
        self.channels = {name: Recorder(name, self.clock) for name in named}
        self.engine = memory_engine()
        self.service = AlertService(self.engine, self.config, self.channels, self.clock)
        self.started: dict[str, float] = {}
        self.next_tenth = 0

    @property
    def box(self) -> Recorder:
        return self.channels["box"]

    def push(self, *events: AlertEvent) -> int:
        return self.service.accept(events)

    def run(self, script: Mapping[float, Sequence[str]], until: float) -> list[str]:
        for tenth in range(self.next_tenth, int(until * 10) + 1):
            self.clock.at = START + tenth * STEP
            for text in script.get(tenth / 10, ()):
                name = re.sub(r"^[+-]|<.*$", "", text)
                if not text.startswith("-"):
                    self.started[name] = tenth / 10
                self.push(event(text, tenth / 10, started=self.started[name]))
            self.service.tick()
            self.service.dispatch()
        self.next_tenth = int(until * 10) + 1
        return self.channels[next(iter(self.channels))].told


def seconds(collect: int, update: int, remind: str = "1h", **more: object) -> dict[str, object]:
    return {
        "channels": ["box"],
        "group_by": ["model"],
        "collect_for": f"{collect}s",
        "update_every": f"{update}s",
        "remind_every": remind,
        **more,
    }


TABLE = [
    pytest.param(seconds(3, 3), {0.5: ["+a"], 1.5: ["-a"]}, 10, [], id="1 resolved while collecting tells nobody"),
    pytest.param(
        seconds(1, 4), {0.5: ["+a"], 2.5: ["-a"], 3.5: ["+a"]}, 12, ["F{a}@1.5"], id="2 a flap between updates"
    ),
    pytest.param(
        seconds(1, 3),
        {0.2: ["+a"], 2: ["+b"], 5: ["-a"]},
        10,
        ["F{a}@1.2", "F{a,b}@4.2", "F{b,r:a}@7.2"],
        id="3 added and resolved at the update times",
    ),
    pytest.param(
        seconds(1, 2, "3s"), {0.2: ["+a"]}, 9, ["F{a}@1.2", "F{a}@4.2", "F{a}@7.2"], id="5 reminders at exact times"
    ),
    pytest.param(
        seconds(1, 2),
        {0.2: ["+a"], 2: ["-a"], 6: ["+a"]},
        9,
        ["F{a}@1.2", "R{r:a}@3.2", "F{a}@7"],
        id="6 a finished group collects again",
    ),
    pytest.param(
        seconds(1, 2), {0.2: ["+a<4"]}, 9, ["F{a}@1.2", "R{r:a}@5.2"], id="7 an announced end passes without news"
    ),
]


@pytest.mark.parametrize(("route", "script", "until", "expected"), TABLE)
def test_what_is_told_and_when(
    route: dict[str, object], script: dict[float, list[str]], until: float, expected: list[str]
) -> None:
    world = World(route)

    told = world.run(script, until)

    assert told == expected


def test_scenario_4_a_channel_that_wants_no_resolved_messages_is_told_of_a_new_fire_all_the_same() -> None:
    world = World(seconds(1, 3), {"box": {"send_resolved": False}})

    told = world.run({0.2: ["+a"], 2: ["+b"], 5: ["-a"], 8: ["+a"], 11: ["-a", "-b"]}, 20)

    assert told == ["F{a}@1.2", "F{a,b}@4.2", "F{a,b}@10.2"]
    assert world.service.decisions()[0].reason is SkipReason.SEND_RESOLVED_OFF


def test_scenario_8_the_tree_is_walked_depth_first_and_goes_on_after_continue() -> None:
    routes = [
        {
            "match": ['severity=~"warning|critical"'],
            "channels": ["first"],
            "group_by": ["name"],
            "continue": True,
        },
        {"match": ['severity="critical"'], "channels": ["second"]},
    ]
    world = World(seconds(1, 3, routes=routes), {"box": {}, "first": {}, "second": {}})
    severities = {"x": Severity.CRITICAL, "y": Severity.WARNING, "z": Severity.INFO}
    world.push(*(event(f"+{name}", 0, severity) for name, severity in severities.items()))

    world.run({}, 2)

    told = {name: sorted(channel.told) for name, channel in world.channels.items()}
    assert told == {"box": ["F{z}@1"], "first": ["F{x}@1", "F{y}@1"], "second": ["F{x}@1"]}


def test_scenario_17_a_restart_tells_nobody_again_even_when_the_same_alert_is_pushed_again() -> None:
    world = World(seconds(1, 2))
    world.run({0.2: ["+a"]}, 3)
    world.service = AlertService(world.engine, world.config, world.channels, world.clock, owner="after the restart")

    world.push(event("+a", 0.2))
    told = world.run({}, 9)

    assert told == ["F{a}@1.2"]


def test_a_raised_severity_does_not_wait_for_the_update_time_and_a_lowered_one_is_no_news() -> None:
    world = World(seconds(1, 60))
    world.push(event("+a", 0))
    world.run({}, 2)

    world.push(event("+a", 0, Severity.CRITICAL))
    world.run({}, 3)
    world.push(event("+a", 0, Severity.INFO))
    world.run({}, 50)

    assert world.box.told == ["F{a}@1", "F{a}@2.1"]
    assert world.box.reasons == [NotifyReason.FIRST, NotifyReason.SEVERITY_RAISED]


def test_a_flap_that_nobody_was_told_of_is_written_in_the_history() -> None:
    world = World(seconds(1, 4))

    world.run({0.5: ["+a"], 2.5: ["-a"], 3.5: ["+a"]}, 6)

    assert [(alert.occurrence, alert.is_flap) for alert in world.service.history()] == [(2, True), (1, False)]


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
    assert world.box.messages[0].title == "m: 40 firing"


def test_an_update_time_that_was_slept_through_is_used_once_when_somebody_looks() -> None:
    world = World(seconds(1, 2))
    world.run({0.2: ["+a"]}, 2)
    world.push(event("+b", 2))

    world.clock.at = START + timedelta(seconds=100)
    first, second = world.service.tick(), world.service.tick()

    assert (first.planned, second.planned) == (1, 0)


def test_every_group_that_is_not_told_has_a_reason_written_once() -> None:
    world = World(seconds(1, 2))

    world.run({0.2: ["+a"], 1.5: ["+b"], 4: ["-a", "-b"]}, 9)

    reasons = [decision.reason for decision in reversed(world.service.decisions())]
    assert reasons == [
        SkipReason.COLLECTING,
        NotifyReason.FIRST,
        SkipReason.NOTHING_NEW,
        SkipReason.WAITING,
        NotifyReason.NEW_ALERTS,
        SkipReason.NOTHING_NEW,
        SkipReason.WAITING,
        NotifyReason.ALL_RESOLVED,
    ]


def test_the_message_of_the_end_is_of_the_same_generation_and_a_new_fire_begins_another() -> None:
    world = World(seconds(1, 2))

    world.run({0.2: ["+a"], 2: ["-a"], 6: ["+a"]}, 9)

    assert [message.generation for message in world.box.messages] == [1, 1, 2]
    assert len({message.delivery_id for message in world.box.messages}) == 3
