"""Both sides of every script, and what explains where they differ."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.differential import folds, ours, theirs
from tests.differential.messages import Heards, lines
from tests.differential.reference import ALL, Deviation, expected, needed
from tests.differential.scripts import Script, draw

_TRIES = 3  # a machine that stood still for a quarter of a second may have moved a message to another second


@dataclass(frozen=True, slots=True)
class Outcome:
    """One script: equal, or explained by deviations, or neither; then `report` says where."""

    seed: int
    is_equal: bool
    deviations: tuple[Deviation, ...] = ()
    report: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoldOutcome:
    """One sequence of windows: whether the difference is explained, and whether there is one."""

    script: folds.FoldScript
    is_explained: bool

    @property
    def deviates(self) -> bool:
        """Whether missing data makes a difference."""
        return self.script.ours != self.script.ours_without_deviation


def compare_telling(seeds: Sequence[int], processes: int = 1) -> list[Outcome]:
    """Play the scripts of these seeds to both sides; raises ServerUnavailable where there is no Alertmanager."""
    scripts = [draw(seed) for seed in seeds]
    heard_there = _heard_there(scripts)
    if processes == 1:
        heard_here = [ours.play(script) for script in scripts]
    else:
        with ProcessPoolExecutor(processes) as pool:
            heard_here = list(pool.map(ours.play, scripts, chunksize=8))
    return [outcome(*three) for three in zip(scripts, heard_there, heard_here, strict=True)]


def compare_folds(seeds: Sequence[int], folder: Path) -> list[FoldOutcome]:
    """Fold the sequences of these seeds on both sides; raises ServerUnavailable where there is no promtool."""
    scripts = [folds.draw(seed) for seed in seeds]
    unequal = folds.unequal({script: script.ours_without_deviation for script in scripts}, folder)
    return [FoldOutcome(script, script.seed not in unequal) for script in scripts]


def counted(outcomes: Sequence[Outcome]) -> Counter[Deviation]:
    """In how many scripts each deviation makes a difference."""
    return Counter(deviation for outcome in outcomes for deviation in outcome.deviations)


def _heard_there(scripts: Sequence[Script]) -> list[Heards]:
    """What Alertmanager says; a script that it plays differently from its rules is played again."""
    heard = theirs.play(scripts)
    for _ in range(_TRIES - 1):
        doubtful = [place for place, script in enumerate(scripts) if heard[place] != expected(script, frozenset())]
        again = theirs.play([scripts[place] for place in doubtful])
        for place, what in zip(doubtful, again, strict=True):
            heard[place] = what
    return heard


def outcome(script: Script, there: Heards, here: Heards) -> Outcome:
    """What was heard of one script there and here, held against the rules of both."""
    rules_there, rules_here = expected(script, frozenset()), expected(script, ALL)
    if there == here:
        return Outcome(script.seed, is_equal=True)
    if there == rules_there and here == rules_here:
        return Outcome(script.seed, is_equal=False, deviations=tuple(needed(script)))
    report = [f"seed {script.seed} is not explained; again: make differential N=1 SEED={script.seed}", str(script)]
    if there != rules_there:
        report += lines("  - Alertmanager said, + its rules as we know them", there, rules_there)
    if here != rules_here:
        report += lines("  - we said, + our rules as we tell them", here, rules_here)
    return Outcome(script.seed, is_equal=False, report=tuple(report))
