"""Scripts of a simulation: what happens to a log and its workers, drawn from a seed, and cut down when one fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class What(StrEnum):
    """What can happen. The numbers of an action say to whom and how much."""

    APPEND = "append"  # producers write
    LATE = "late"  # one writes what happened long ago
    NONSENSE = "nonsense"  # one writes what nobody can read, or dates from the future
    STEP = "step"  # a worker does a few steps
    PAUSE = "pause"  # time passes, nobody works
    CRASH = "crash"  # a worker loses its memory and its connection
    REBALANCE = "rebalance"  # the group gives the partitions to others
    ZOMBIE = "zombie"  # it does so, and the worker that lost them does not hear of it
    DUPLICATE = "duplicate"  # a source delivers again from an older offset
    STORE_REFUSES = "store refuses"  # the database is away for some calls
    ANSWER_LOST = "answer lost"  # it does what it was asked, and the answer is lost


_WEIGHTS = {What.APPEND: 5, What.STEP: 8}


@dataclass(frozen=True)
class Action:
    """One line of a script."""

    what: What
    who: int
    much: int

    def __str__(self) -> str:
        return f"{self.what}({self.who}, {self.much})"


Script = tuple[Action, ...]


def draw(seed: int, length: int = 60) -> Script:
    """The script of a seed."""
    chance = np.random.default_rng(seed)
    kinds = list(What)
    weights = np.array([_WEIGHTS.get(kind, 1) for kind in kinds], float)
    drawn = chance.choice(len(kinds), size=length, p=weights / weights.sum())
    return tuple(Action(kinds[k], int(chance.integers(0, 4)), int(chance.integers(1, 30))) for k in drawn)


def shortest(script: Script, fails: Callable[[Script], bool]) -> Script:
    """A part of a failing script that still fails and of which no single action can be left out."""
    size = max(1, len(script) // 2)
    while True:
        for start in range(0, len(script), size):
            shorter = (*script[:start], *script[start + size :])
            if fails(shorter):
                script = shorter
                break
        else:
            if size == 1:
                return script
            size = max(1, size // 2)


def written(script: Sequence[Action]) -> str:
    """The script for people."""
    return "; ".join(map(str, script)) or "(empty)"
