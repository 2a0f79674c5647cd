"""Scripts of a simulation: what happens to the product, drawn from a seed, written down and read back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class What(StrEnum):
    """What can happen. `who` and `much` say to whom and how much, `at` at which step of its work."""

    WRITE = "write"  # producers write `much` records to partition `who`, nearly in order
    LATE = "write late"  # ... of long ago: late, or out of retention
    AGAIN = "write again"  # ... the last ones once more, as a producer does that got no answer
    NONSENSE = "write nonsense"  # ... that nobody can read, of an unknown model, or dated in the future
    TRUTH = "write truth"  # ... ground truth of what was predicted
    LEAP = "leap"  # event time goes on by `much` minutes in which nothing was written
    DRIFT = "drift"  # from now on records are unlike the training data; again: like it
    WORK = "work"  # worker `who` does `much` steps
    CRASH = "crash"  # process `who` dies when it comes to step `at` for the `much`-th time
    STALL = "stall"  # ... is frozen there while the group gives its partitions away and others work
    LEAVE = "leave"  # worker `who` is stopped politely, and a new one comes
    REBALANCE = "rebalance"  # the group deals the partitions anew
    ZOMBIE = "zombie"  # it does, and nobody hears of what was taken away
    REDELIVER = "redeliver"  # the source of worker `who` goes back by `much` records
    SOURCE_FAILS = "source fails"  # the next poll of worker `who` raises
    WAIT = "wait"  # `much` seconds pass
    CLOCK = "clock"  # the wall clock jumps: ahead by hours, or back
    REFUSE = "refuse"  # the next `much` statements of anybody fail, readers' as well
    LOSE = "lose answer"  # the `much`-th save of process `who` happens, and it never hears of it
    FULL = "disk full"  # the database and the archive take no more, for the next few lines
    JUDGE = "judge"  # an evaluation runs
    RELAY = "relay"  # alert events are handed over
    TELL = "tell"  # alerts are grouped, messages planned and sent
    MUTE = "channel fails"  # the channel refuses the next messages
    RETRAIN = "retrain"  # requests go through the guard, jobs are started
    TRIGGER_FAILS = "trigger fails"  # the pipeline takes no job the next time
    COMPACT = "compact"  # the archive's small files are made into one
    ANSWER = "answer"  # a pipeline tells how its job ended


WORKERS = 3
PROCESSES = ("worker 0", "worker 1", "worker 2", "judge", "relay", "teller", "retrainer", "archivist")
"""Who can die, by number."""

_WRITES = ("commit", "committed")
STEPS: dict[str, tuple[str, ...]] = {
    "worker": (
        "poll", "polled", "decode", "decoded", "fold", "write progress", "seek", "archive", "half archived", "archived",
        "save", "write shares", "write dead_letters", "write predictions", "write truths", "write archive_files",
        "write tallies", "write served", "write seen_ids", "saved", "hint", "hinted", *_WRITES,
    ),
    "judge": (
        "judged", "write evaluations", "write findings", "write rule_states", "write transitions", "write outbox",
        "write retrain_requests", *_WRITES,
    ),
    "relay": ("accept", "write alerts_events", "accepted", "write outbox", *_WRITES),
    "teller": (
        "write alerts_locks", "write alerts_alerts", "write alerts_events", "write alerts_groups",
        "write alerts_deliveries", "write alerts_told", "send", "sent", *_WRITES,
    ),
    "archivist": (
        "merge", "half archived", "merged", "list", "write archive_files", "listed", "deleted", *_WRITES,
    ),
    "retrainer": (
        "write retrain_jobs", "write retrain_requests", "write retrain_job_history", "write outbox", "start", "started",
        *_WRITES,
    ),
}  # fmt: skip
"""Where each kind of process can die: before and after what it asks of the world, and between any two statements."""

FROZEN_AT = ("poll", "polled", "decode", "decoded", "archive", "archived", "save", "saved", "hint", "hinted")
"""Where a worker can be frozen: outside transactions, for whoever is frozen inside holds the others up, too."""

_WEIGHTS = {
    What.WRITE: 12, What.WORK: 20, What.CRASH: 12, What.STALL: 4, What.JUDGE: 5, What.RELAY: 3, What.TELL: 3,
    What.RETRAIN: 2, What.TRUTH: 2, What.LEAP: 2, What.LOSE: 4, What.REFUSE: 2, What.NONSENSE: 2, What.WAIT: 2,
}  # fmt: skip


_WHO = dict.fromkeys((What.WRITE, What.LATE, What.AGAIN, What.NONSENSE, What.TRUTH), 4)
"""Who can be written to: one partition more than there are workers."""

_MOSTLY_WORKERS = (0.23, 0.23, 0.23, 0.1, 0.05, 0.05, 0.06, 0.05)
_MOSTLY_DECIDERS = (0.05, 0.05, 0.05, 0.34, 0.06, 0.06, 0.34, 0.05)
"""Who dies, by number; every fourth seed is about those who decide."""

_MORE_TO_DECIDE = {What.WRITE: 2, What.JUDGE: 3, What.RETRAIN: 5, What.ANSWER: 2, What.LEAP: 0, What.CLOCK: 0.5}
"""What its lines weigh more (or less): records that drift from the beginning, so that there are jobs to start."""


@dataclass(frozen=True, slots=True)
class Action:
    """One line of a script."""

    what: What
    who: int = 0
    much: int = 1
    at: str = ""

    def __str__(self) -> str:
        """`what(who, much)` or `what(who, much, at)`."""
        return f"{self.what}({self.who}, {self.much}{', ' + self.at if self.at else ''})"


Script = tuple[Action, ...]


def draw(seed: int, length: int = 60) -> Script:
    """The script of a seed."""
    chance = np.random.default_rng(seed)
    kinds = list(What)
    weights = np.array([_WEIGHTS.get(kind, 1) for kind in kinds], float)
    odds = _MOSTLY_WORKERS
    if seed % 4 == 3:
        odds = _MOSTLY_DECIDERS
        weights *= [_MORE_TO_DECIDE.get(kind, 1) for kind in kinds]
    drawn = chance.choice(len(kinds), size=length, p=weights / weights.sum())
    script = tuple(_action(kinds[k], chance, odds) for k in drawn)
    return (Action(What.DRIFT), *script) if odds is _MOSTLY_DECIDERS else script


def _action(what: What, chance: np.random.Generator, odds: Sequence[float]) -> Action:
    if what in {What.CRASH, What.LOSE}:
        who = int(chance.choice(len(PROCESSES), p=odds))
        at = "" if what is What.LOSE else str(chance.choice(STEPS[PROCESSES[who].split()[0]]))
        return Action(what, who, int(chance.integers(1, 3)), at)
    if what is What.STALL:
        who = int(chance.integers(0, WORKERS + 1))
        at = "judged" if who == WORKERS else str(chance.choice(FROZEN_AT))
        return Action(what, who, int(chance.integers(1, 3)), at)
    return Action(what, int(chance.integers(0, _WHO.get(what, WORKERS))), int(chance.integers(1, 24)))


def written(script: Sequence[Action]) -> str:
    """The script for people, and for `parse`."""
    return "; ".join(map(str, script))


def parse(text: str) -> Script:
    """The script that `written` gave; ValueError names what cannot be read."""
    return tuple(_parsed(line) for line in re.split(r"[;\n]", text) if line.strip())


def _parsed(line: str) -> Action:
    found = re.fullmatch(r"\s*([a-z ]+)\((\d+), (\d+)(?:, ([a-z_ ]+))?\)\s*", line)
    if found is None or found[1] not in set(What):
        raise ValueError(f"{line.strip()!r} is no line of a script: say what(who, much) or what(who, much, at)")
    return Action(What(found[1]), int(found[2]), int(found[3]), found[4] or "")
