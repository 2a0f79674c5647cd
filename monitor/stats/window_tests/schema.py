"""Columns that are lost, have another type, or another name."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift_test import SAYS
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.renamed import renamed
from monitor.stats.window_test import WindowData

NAMED = 5
"""So many columns of a kind are named in the sentence; the detail has all of them."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Number of columns of the baseline that are lost or have another type in the whole window.

    A column is *lost* when no record has it and chance does not explain that: the probability m^n of n records without
    a value, with the share m = (missing + 1) / (records + 1) of the baseline (the rule of succession: Laplace 1814), is
    at most 0.001 over the number of columns (Bonferroni 1936). It is *retyped* when at least half (`retyped`) of the
    values that came are of another type. Columns that the baseline does not know are *extra*: they are named, and
    judged only with `count_extra`, for logging more is usually no fault. An extra column whose values are distributed
    like those of a lost one is named as its possible new name: a guess, from a sample of its values. Unit: columns.
    The default threshold is one column. Use it for every model.
    """

    name: ClassVar[str] = "schema"
    title: ClassVar[str] = "Schema"
    unit: ClassVar[str] = "columns"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = math.inf
    default_threshold: ClassVar[Threshold] = Threshold(drifted=1.0)
    retyped: float = 0.5
    count_extra: bool = False
    level: float = 0.001

    def __post_init__(self) -> None:
        """ValueError for shares that are none."""
        if not (0 < self.retyped <= 1 and 0 < self.level < 1):
            raise ValueError("retyped and level must be above 0, and at most 1")

    def suits(self, baseline: ModelProfile) -> bool:
        """Wherever there are columns."""
        return bool(baseline.layouts)

    def run_window(self, baseline: ModelProfile, window: WindowData) -> TestResult:
        """Look for columns of the baseline in the window, and for others."""
        before, now = baseline.columns, window.profile.columns
        lost = [name for name in before if self._is_lost(before[name], now[name], len(before))]
        retyped = [name for name in before if name not in lost and self._is_retyped(before[name], now[name])]
        extra = sorted(window.profile.extra)
        guesses = renamed({name: before[name] for name in lost}, window.profile.extra_values)
        found = {"lost": lost, "retyped": retyped, "extra": extra}
        detail: dict[str, object] = {**found, "renamed": guesses}
        words = list(_words(found, guesses))
        if words:
            detail[SAYS] = "; ".join(words)
        n = len(lost) + len(retyped) + (len(extra) if self.count_extra else 0)
        return TestResult(float(n), None, baseline.n, window.profile.n, detail=detail)

    def _is_lost(self, baseline: Profile, current: Profile, columns: int) -> bool:
        if not current.n or current.missing < current.n or baseline.missing == baseline.n:
            return False
        chance = ((baseline.missing + 1) / (baseline.n + 1)) ** current.n
        return chance <= self.level / columns

    def _is_retyped(self, baseline: Profile, current: Profile) -> bool:
        came = current.n - current.missing
        if not came or baseline.invalid >= self.retyped * (baseline.n - baseline.missing):
            return False
        return current.invalid >= self.retyped * came


def _words(found: dict[str, list[str]], guesses: dict[str, str]) -> Iterator[str]:
    for what, names in found.items():
        if names:
            rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"{what}: {', '.join(names[:NAMED])}{rest}"
    for lost, extra in guesses.items():
        yield f"{extra} has the distribution of {lost}: renamed? (a guess)"
