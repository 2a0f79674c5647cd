"""Scripts drawn from seeds: routes, inhibition, alerts that come and go, silences.

Everything that happens, happens at whole seconds, and every update time of a group lies at half a second: no order
of two things depends on how fast a machine is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

LAST_STEP = 11
"""Second of the last step."""
UNTIL = 15.5
"""Second at which everybody stops looking."""
STEPS_A_SECOND = 2

SEVERITY = {"a": "critical", "b": "warning", "c": "info", "d": "warning"}
_MODELS = ("m", "n")
_MATCHERS = (
    'name="a"', 'name=~"a|b"', 'name!="c"', 'model="m"', 'model!~"m|x"', 'severity="critical"',
    'severity=~"warning|critical"', 'absent=""', 'absent!=""',
)  # fmt: skip
_GROUP_BY: tuple[tuple[str, ...], ...] = ((), ("name",), ("model",), ("model", "name"), ("severity",), ("...",))


class Trait(StrEnum):
    """What a script has besides routes and alerts that come and go; each has about a third of these."""

    INHIBITION = "inhibition"
    SILENCES = "silences"
    REMINDERS = "reminders"
    ENDS_UNTOLD = "channels that are not told ends"
    ANNOUNCED_ENDS = "alerts that end by themselves"
    LATE_NEWS = "alerts told to be over once more, or that were never heard of"


@dataclass(frozen=True, slots=True)
class RouteScript:
    """A node of the tree, with a channel of its own; times in seconds, `remind` 0 for never."""

    channel: str
    match: tuple[str, ...]
    group_by: tuple[str, ...]
    collect: float
    update: int
    remind: int
    send_resolved: bool
    continues: bool
    routes: tuple["RouteScript", ...] = ()

    def walk(self) -> list["RouteScript"]:
        """This node and those below it."""
        return [self, *(node for child in self.routes for node in child.walk())]


@dataclass(frozen=True, slots=True)
class InhibitScript:
    """A rule of inhibition."""

    when: tuple[str, ...]
    mute: tuple[str, ...]
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Push:
    """An alert is handed over: since `starts`, until `ends` (None: no end is known)."""

    name: str
    model: str
    starts: int
    ends: int | None

    @property
    def labels(self) -> Mapping[str, str]:
        """What identifies the alert."""
        return {"model": self.model, "name": self.name}


@dataclass(frozen=True, slots=True)
class Silencing:
    """A silence begins, to last until a second."""

    matcher: str
    until: int


@dataclass(frozen=True, slots=True)
class Unsilencing:
    """Every silence ends."""


Step = Push | Silencing | Unsilencing


@dataclass(frozen=True, slots=True)
class Script:
    """What the configuration is, and what happens when (seconds)."""

    seed: int
    root: RouteScript
    inhibit: tuple[InhibitScript, ...] = ()
    steps: Mapping[int, tuple[Step, ...]] = field(default_factory=dict)


def draw(seed: int) -> Script:
    """The script of a seed, the same for ever."""
    random = Random(seed)
    numbers = iter(range(100))
    traits = frozenset(trait for trait in Trait if random.random() < 1 / 3)
    root = _route(random, numbers, traits, depth=0)
    rules = random.choice((1, 1, 2)) if Trait.INHIBITION in traits else 0
    inhibit = tuple(_inhibit(random) for _ in range(rules))
    return Script(seed, root, inhibit, _Story(random, traits).steps())


def _route(random: Random, numbers: Iterator[int], traits: frozenset[Trait], depth: int) -> RouteScript:
    channel = f"channel-{next(numbers)}"
    children = random.choice((0, 0, 1, 2, 3)) if depth < 2 else 0
    update = random.choice((2, 3))
    return RouteScript(
        channel=channel,
        match=(random.choice(_MATCHERS),) if depth else (),
        group_by=random.choice(_GROUP_BY),
        collect=random.choice((0.5, 1.5, 2.5)),
        update=update,
        remind=random.choice((0, update + 1, 2 * update + 1)) if Trait.REMINDERS in traits else 0,
        send_resolved=random.random() < (0.5 if Trait.ENDS_UNTOLD in traits else 1.0),
        continues=depth > 0 and random.random() < 0.5,
        routes=tuple(_route(random, numbers, traits, depth + 1) for _ in range(children)),
    )


def _inhibit(random: Random) -> InhibitScript:
    when, mute = random.sample(('name="a"', 'name="b"', 'name=~"a|b"', 'severity="warning"', 'name=~"c|d"'), 2)
    return InhibitScript((when,), (mute,), random.choice(((), ("model",), ("model", "absent"))))


class _Story:
    """Draws the steps, and keeps in mind which alerts fire since when."""

    def __init__(self, random: Random, traits: frozenset[Trait]) -> None:
        self._random = random
        self._traits = traits
        self._firing: dict[tuple[str, str], int] = {}
        self._over: dict[tuple[str, str], Push] = {}
        self._ends: dict[tuple[str, str], int] = {}

    def steps(self) -> dict[int, tuple[Step, ...]]:
        found: dict[int, tuple[Step, ...]] = {}
        for second in range(LAST_STEP + 1):
            self._expire(second)
            idle = [(name, model) for name in SEVERITY for model in _MODELS]
            self._random.shuffle(idle)  # at most one push of an alert in one second
            count = self._random.choice((0, 1, 1, 1, 2, 3))
            found[second] = tuple(self._step(idle.pop(), second) for _ in range(count))
        return found

    def _step(self, who: tuple[str, str], second: int) -> Step:
        chance = self._random.random() if Trait.SILENCES in self._traits else 1.0
        if chance < 0.14:
            matcher = self._random.choice(('name="a"', 'name="b"', 'model="m"', 'name=~"a|c"', 'severity="warning"'))
            return Silencing(matcher, second + self._random.randint(2, 6))
        if chance < 0.18:
            return Unsilencing()
        return self._push(who, second)

    def _push(self, who: tuple[str, str], second: int) -> Push:
        chance = self._random.random()
        if who in self._firing:
            return self._end(who, second) if chance < 0.5 else self._begin(who, second, self._firing[who])
        chance += Trait.LATE_NEWS not in self._traits
        if chance < 0.06 and who in self._over:
            return self._over[who]  # told once more that it is over, as Prometheus does
        if chance < 0.12:
            return Push(*who, second, second)  # over before it was ever heard of
        return self._begin(who, second, second)

    def _begin(self, who: tuple[str, str], second: int, since: int) -> Push:
        self._firing[who] = since
        self._ends.pop(who, None)
        ends = second + self._random.randint(2, 5) if self._announces_end() else None
        if ends is not None:
            self._ends[who] = ends
        return Push(*who, since, ends)

    def _announces_end(self) -> bool:
        return Trait.ANNOUNCED_ENDS in self._traits and self._random.random() < 0.3

    def _end(self, who: tuple[str, str], second: int) -> Push:
        since = self._firing.pop(who)
        self._ends.pop(who, None)
        self._over[who] = Push(*who, since, second)
        return self._over[who]

    def _expire(self, second: int) -> None:
        for who in [who for who, ends in self._ends.items() if ends <= second]:
            self._over[who] = Push(*who, self._firing.pop(who), self._ends.pop(who))
