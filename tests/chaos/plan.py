"""What happens to consumers and servers, and when: drawn from a seed before anything runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class What(StrEnum):
    """Things that happen."""

    KILL = "kill -9, and start again at once"
    STOP = "SIGSTOP past the session time-out"
    STOP_AT_SAVE = "the same, with everything ready to be saved"
    WAKE = "SIGCONT"
    SCALE = "one consumer more or less"
    LEAVE = "SIGTERM, and stay away"
    JOIN = "one consumer more"
    RESTART_BROKER = "restart the broker"
    KILL_BROKER = "kill -9 the broker, and start it again"
    RESTART_DATABASE = "restart the database"
    ADD_PARTITION = "add a partition to the topic"


@dataclass(frozen=True, slots=True, order=True)
class Action:
    """One thing at one time, in seconds from the start; `slot` is the consumer that it happens to, if any."""

    at_s: float
    what: What
    slot: int = -1


@dataclass(frozen=True, slots=True)
class Dose:
    """How often everything happens within `seconds`; a stopped consumer sleeps for `asleep_s`."""

    seconds: float
    asleep_s: float
    times: dict[What, int]

    @classmethod
    def usual(cls, kills: int, seconds: float, asleep_s: float) -> "Dose":
        """For every eight kills one stop, and a little of the rest; each at least once."""
        shares = {
            What.STOP_AT_SAVE: 8, What.SCALE: 12, What.ADD_PARTITION: 25, What.RESTART_BROKER: 50, What.KILL_BROKER: 50,
            What.RESTART_DATABASE: 50,
        }  # fmt: skip
        rest = {what: max(1, kills // share) for what, share in shares.items()}
        return cls(seconds, asleep_s, {What.KILL: kills, **rest})


SLOTS = range(4)
FIRST = frozenset({0, 1, 2})
FEWEST = 2


def draw(dose: Dose, seed: int) -> list[Action]:
    """The plan, by time: the same seed is the same plan. Victims are running and awake; one sleeps at a time."""
    chance = Random(seed)
    scene, plan = _Scene(), list[Action]()
    for at_s, what in sorted(_times(dose, chance)):
        plan.extend(scene.act(at_s, what, dose.asleep_s, chance))
    return sorted(plan)


def _times(dose: Dose, chance: Random) -> Iterator[tuple[float, What]]:
    """Each kind is spread over the whole run: one in each of as many equal parts of it."""
    for what, number in dose.times.items():
        part = dose.seconds / max(number, 1)
        latest = max(0.0, part - dose.asleep_s) if what is What.STOP_AT_SAVE else part
        for nth in range(number):
            yield nth * part + chance.uniform(0, latest), what


@dataclass(slots=True)
class _Scene:
    """Who is there, and who sleeps until when. Every fourth stop comes whatever the consumer is at."""

    present: set[int] = field(default_factory=lambda: set(FIRST))
    sleeper: int = -1
    until_s: float = 0.0
    stops: int = 0

    def act(self, at_s: float, what: What, asleep_s: float, chance: Random) -> Iterator[Action]:
        awake = sorted(self.present - ({self.sleeper} if at_s <= self.until_s else set()))
        match what:
            case What.KILL:
                yield Action(at_s, what, chance.choice(awake))
            case What.STOP_AT_SAVE:
                self.sleeper, self.until_s, self.stops = chance.choice(awake), at_s + asleep_s, self.stops + 1
                yield Action(at_s, What.STOP if self.stops % 4 == 0 else What.STOP_AT_SAVE, self.sleeper)
                yield Action(self.until_s, What.WAKE, self.sleeper)
            case What.SCALE:
                yield self._scale(at_s, awake, chance)
            case _:
                yield Action(at_s, what)

    def _scale(self, at_s: float, awake: list[int], chance: Random) -> Action:
        absent = sorted(set(SLOTS) - self.present)
        if len(self.present) > FEWEST and (not absent or chance.random() < 0.5):
            gone = chance.choice(awake)
            self.present.discard(gone)
            return Action(at_s, What.LEAVE, gone)
        comer = chance.choice(absent)
        self.present.add(comer)
        return Action(at_s, What.JOIN, comer)
