"""A baseline and an alarm budget make the judge of a whole model: all traffic and every segment, within one budget."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from monitor.domain.budgets import AlarmBudget
from monitor.domain.models import ALL_TRAFFIC, PREDICTION, SCORE, Segment
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.calibration import shares
from monitor.stats.calibration.accumulating import Accumulated
from monitor.stats.calibration.calibration import LEAST_WINDOWS
from monitor.stats.calibration.model_drift import (
    ASSUMED_RECORDS,
    ColumnDrift,
    Detector,
    DriftVerdict,
    JudgedWindow,
    ModelDrift,
    judge_together,
)
from monitor.stats.calibration.windows import LEAST_OF_SEGMENT, BaselineWindows
from monitor.stats.profiles.model import ModelProfile

OUTPUTS = (PREDICTION, SCORE)
"""Columns that have a part of the budget reserved."""


@dataclass(frozen=True, slots=True)
class PartDrift:
    """What moved in one column of all traffic or of a segment.

    `importance` is the column's share of that of all columns (0 to 1; None: the baseline knows no importances).
    """

    segment: str
    drift: ColumnDrift
    importance: float | None

    @property
    def harm(self) -> float:
        """What to look at first: the effect, times importance where that is known."""
        return abs(self.drift.effect) * (1.0 if self.importance is None else self.importance)


@dataclass(frozen=True, slots=True, eq=False)
class BudgetVerdict:
    """What the budget says about one window of a model, in all its parts.

    `drifted` is everything that has drifted, what matters most first: of a segment only what all traffic does
    not show, or so much less that the change is the segment's own. `detectors`, `since_ms`, `evidence` and `p_value`
    are those of `DriftVerdict`, the most extreme of all parts.
    `nearest` is the column, and the segment, nearest to an alarm. `states` are kept by part.
    """

    drifted: tuple[PartDrift, ...]
    detectors: tuple[Detector, ...]
    since_ms: int | None
    evidence: float
    p_value: float
    nearest: tuple[str, str]
    states: Mapping[str, Accumulated]


@dataclass(frozen=True, slots=True, eq=False)
class BudgetedModel:
    """Judges all traffic of a model version and its segments, each within its part of one alarm budget.

    `parts` are the judges by segment, all traffic first; `unjudged` segments have too little in the baseline to know
    what is usual in them, and take no part of the budget. `importances` are shares of each column; empty: not known.
    """

    parts: Mapping[str, ModelDrift]
    of_budget: Mapping[str, float]
    unjudged: tuple[str, ...]
    importances: Mapping[str, float]

    @property
    def whole(self) -> ModelDrift:
        """The judge of all traffic."""
        return self.parts[ALL_TRAFFIC]

    def judge(
        self, profiles: Mapping[str, ModelProfile], window: Window, before: Mapping[str, Accumulated]
    ) -> BudgetVerdict:
        """The verdict on a window, whose profile of all traffic must hold a record.

        `before` are the states after the window before; a segment with too few records keeps its own.
        """
        (verdict,) = judge_budgets([BudgetedWindow(self, profiles, window, before)])
        return verdict

    def together(
        self,
        judged: Mapping[str, DriftVerdict],
        profiles: Mapping[str, ModelProfile],
        before: Mapping[str, Accumulated],
    ) -> BudgetVerdict:
        """The verdict on a window whose parts are judged."""
        loud = [one for one in judged.values() if one.columns]
        nearest = max(judged, key=lambda name: judged[name].evidence)
        return BudgetVerdict(
            self._drifted(judged, {name: profiles[name].n for name in judged}),
            tuple(detector for detector in Detector if any(detector in one.detectors for one in loud)),
            min((one.since_ms for one in loud if one.since_ms is not None), default=None),
            judged[nearest].evidence,
            min(1.0, *(one.p_value / self.of_budget[name] for name, one in judged.items())),
            (judged[nearest].nearest, nearest),
            {**before, **{name: one.state for name, one in judged.items()}},
        )

    def _drifted(self, judged: Mapping[str, DriftVerdict], sizes: Mapping[str, int]) -> tuple[PartDrift, ...]:
        everywhere = {one.column: abs(one.effect) for one in judged[ALL_TRAFFIC].columns}
        found = [
            self._part(name, one)
            for name, verdict in judged.items()
            for one in verdict.columns
            if name == ALL_TRAFFIC
            or one.column not in everywhere
            or _is_its_own(abs(one.effect), everywhere[one.column], sizes[name], sizes[ALL_TRAFFIC])
        ]
        return tuple(sorted(found, key=lambda one: (-one.harm, -abs(one.drift.effect), one.drift.column, one.segment)))

    def _part(self, segment: str, drift: ColumnDrift) -> PartDrift:
        importance = self.importances.get(drift.column, 0.0) if self.importances else None
        return PartDrift(segment, drift, importance)


@dataclass(frozen=True, slots=True, eq=False)
class BudgetedWindow:
    """A window that is to be judged, and what `BudgetedModel.judge` must know of it."""

    model: BudgetedModel
    profiles: Mapping[str, ModelProfile]
    window: Window
    before: Mapping[str, Accumulated]

    def parts(self) -> dict[str, JudgedWindow]:
        """All traffic, and the segments with enough records."""
        return {
            name: JudgedWindow(part, self.profiles[name], self.window, self.before.get(name))
            for name, part in self.model.parts.items()
            if name == ALL_TRAFFIC or (name in self.profiles and self.profiles[name].n >= LEAST_OF_SEGMENT)
        }


def judge_budgets(asked: Sequence[BudgetedWindow]) -> list[BudgetVerdict]:
    """The verdicts of `BudgetedModel.judge`, to the last bit, on windows of however many models."""
    parts = [one.parts() for one in asked]
    verdicts = iter(judge_together([part for of_one in parts for part in of_one.values()]))
    judged = [dict(zip(of_one, verdicts, strict=False)) for of_one in parts]
    return [one.model.together(of_one, one.profiles, one.before) for one, of_one in zip(asked, judged, strict=True)]


def budgeted_model(
    baseline: Baseline, spec: WindowSpec, budget: AlarmBudget, segments: Collection[Segment] = ()
) -> BudgetedModel | None:
    """Calibrated on the baseline's own windows, or by theory where it has none; None when no column has a value."""
    judged = [one for one in segments if _is_known(baseline, one.name)]
    of_budget = shares.of_parts([one.name for one in judged], ALL_TRAFFIC)
    whole = model_drift(baseline, spec, _part_of(budget, of_budget[ALL_TRAFFIC]))
    if whole is None:
        return None
    parts = {one.name: _segment(baseline, spec, _part_of(budget, of_budget[one.name]), one) for one in judged}
    total = sum(baseline.importances.values())
    importances = {name: weight / total for name, weight in baseline.importances.items()} if total else {}
    unjudged = tuple(one.name for one in segments if one.name not in parts)
    return BudgetedModel({ALL_TRAFFIC: whole, **parts}, of_budget, unjudged, importances)


def model_drift(baseline: Baseline, spec: WindowSpec, budget: AlarmBudget) -> ModelDrift | None:
    """The judge of all traffic alone, with the whole budget; None when no column has a value."""
    if not any(column.n_values for column in baseline.whole.columns.values()):
        return None
    windows = None if baseline.windows is None else BaselineWindows.restored(baseline.windows, baseline.whole)
    sharing = partial(shares.of_columns, importances=baseline.importances, outputs=OUTPUTS)
    return ModelDrift.of(baseline.whole, windows, spec, budget, sharing)


def _segment(baseline: Baseline, spec: WindowSpec, budget: AlarmBudget, segment: Segment) -> ModelDrift:
    whole, stored = baseline.profile(segment.name), baseline.segment_windows.get(segment.name)
    windows = None if stored is None else BaselineWindows.restored(stored, whole)
    sharing = partial(shares.of_columns, importances=baseline.importances, outputs=OUTPUTS, without=(segment.column,))
    assumed = max(1, round(ASSUMED_RECORDS * whole.n / baseline.rows))
    return ModelDrift.of(whole, windows, spec, budget, sharing, assumed)


def _is_known(baseline: Baseline, segment: str) -> bool:
    """Whether the baseline tells what is usual in a segment: its windows where those of all traffic are measured."""
    part = baseline.segments.get(segment)
    if part is None or part.n < LEAST_OF_SEGMENT:
        return False
    if baseline.windows is None or baseline.windows.number < LEAST_WINDOWS:
        return True
    stored = baseline.segment_windows.get(segment)
    return stored is not None and stored.number >= LEAST_WINDOWS


def _is_its_own(effect: float, everywhere: float, records: int, of_all: int) -> bool:
    """Whether a change is that of the segment: alone, it moves all traffic by the segment's part of its effect.

    Half-way between that and an equal effect is the border, with two standard errors in doubt for all traffic.
    """
    surely = effect - 2 / float(np.sqrt(records))
    return everywhere < surely * (1 + records / of_all) / 2


def _part_of(budget: AlarmBudget, share: float) -> AlarmBudget:
    return replace(budget, alarms=budget.alarms * share)
