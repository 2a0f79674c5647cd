"""The verdict on a whole model: whether it changed more than the budget lets chance explain, since when, and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from monitor.domain.budgets import AlarmBudget
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.calibration.accumulating import Accumulated, Accumulation, speaks
from monitor.stats.calibration.calibration import LEAST_WINDOWS, Calibration
from monitor.stats.calibration.components import Components, Kind
from monitor.stats.calibration.deviations import Deviations
from monitor.stats.calibration.sudden import Aspect, SuddenEvidence, holm, sudden_evidence, weighted
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import Floats, Mask
from monitor.stats.profiles.model import ModelProfile

ASSUMED_RECORDS = 500
"""Records of a usual window where the baseline does not tell."""

SHOWN = 2.0
"""A window that deviates by fewer standard deviations shows nothing by itself."""

SHARE_OF_SUDDEN = 0.5
"""Part of the budget that the window test spends; the rest is the sequential test's."""


class Detector(StrEnum):
    """Who spoke."""

    SUDDEN = "sudden"
    ACCUMULATING = "accumulating"


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """What moved in one column: `effect` is that of this window, in standard deviations, for shares Cohen's h.

    Positive means more of it. Evidence that was added up began at `since_ms` (None: there is none). `hidden` is its
    direction, 1 or -1, where this window alone shows little of it, else 0.
    """

    column: str
    what: str
    effect: float
    detectors: tuple[Detector, ...]
    since_ms: int | None = None
    hidden: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class DriftVerdict:
    """What the budget says about one window.

    `columns` have drifted, the largest effect first; none: the window is as usual. `since_ms` is where the change
    seems to begin. `evidence` is what was found over what an alarm takes, in logarithms: 1 or more is an alarm.
    `p_value` is that of this window alone, corrected for all columns by their shares. `nearest` is the column nearest
    to an alarm.
    """

    columns: tuple[ColumnDrift, ...]
    detectors: tuple[Detector, ...]
    since_ms: int | None
    evidence: float
    p_value: float
    nearest: str
    state: Accumulated


def _equally(columns: Sequence[str]) -> Floats:
    return np.full(len(columns), 1 / max(1, len(columns)))


@dataclass(frozen=True, slots=True, eq=False)
class ModelDrift:
    """Judges windows of one model version, or of one segment of it, against a baseline within an alarm budget.

    `shares` (columns,) say how the budget is shared among the columns. Pure: state is a value.
    """

    components: Components
    calibration: Calibration
    accumulation: Accumulation
    alpha: float
    shares: Floats

    @classmethod
    def of(  # noqa: PLR0917 - what is usual, and what may be spent
        cls,
        whole: ModelProfile,
        windows: BaselineWindows | None,
        spec: WindowSpec,
        budget: AlarmBudget,
        sharing: Callable[[Sequence[str]], Floats] = _equally,
        assumed_records: int = ASSUMED_RECORDS,
    ) -> "ModelDrift":
        """From a baseline's profile of all rows, and its windows where it has any of a size that fits.

        `sharing` gives the columns, which it gets by name, shares of the budget that add up to 1. A usual window has
        `assumed_records` where the baseline does not tell.
        """
        usual = assumed_records if windows is None else windows.usual_records
        components = Components.of(whole, usual)
        shares = sharing(components.grouping.columns)
        calibration = calibrated(components, windows, whole.n, spec.size_ms)
        accumulating = budget.in_each(spec.size) * (1 - SHARE_OF_SUDDEN)
        accumulation = Accumulation.of(components, calibration, accumulating, shares)
        alpha = min(1.0, budget.in_each(spec.slide) * SHARE_OF_SUDDEN)
        return cls(components, calibration, accumulation, alpha, shares)

    def judge(self, profile: ModelProfile, window: Window, before: Accumulated | None) -> DriftVerdict:
        """The verdict, and the state after it; `before` is the state after the window before (None: this is the first).

        The profile must have been counted on the baseline's bins and hold a record.
        """
        middle = np.array([(window.start_ms + window.end_ms) / 2])
        counts = self.components.grouping.count(profile.block[np.newaxis])
        found = Deviations.of(self.components, self.calibration, counts, middle)
        sudden = sudden_evidence(self.components, self.calibration, found)
        state = before or self.accumulation.start(window.start_ms)
        state = self.accumulation.advance(state, found, window.start_ms, window.end_ms)
        return self._verdict(window, found, sudden, state)

    def _verdict(self, window: Window, found: Deviations, sudden: SuddenEvidence, state: Accumulated) -> DriftVerdict:
        falls, strength = holm(sudden.p_values[0], self.alpha, self.shares), self.accumulation.strength(state)
        rises = speaks(strength)
        evidence = self._evidence(sudden.p_values[0], strength)
        columns = sorted(
            self._columns(falls, rises, found, sudden, state), key=lambda one: (-abs(one.effect), one.column)
        )
        starts = [window.start_ms] * bool(falls.any()) + state.since_ms[rises].tolist()
        said = zip(Detector, (falls, rises), strict=True)
        return DriftVerdict(
            tuple(columns),
            tuple(detector for detector, speaking in said if speaking.any()),
            min(starts, default=None),
            float(evidence.max()),
            float(min(1.0, weighted(sudden.p_values[0], self.shares).min())),
            self.components.grouping.columns[int(evidence.argmax())],
            state,
        )

    def _evidence(self, p_values: Floats, strength: Floats) -> Floats:
        """Of each column, in units of what an alarm takes."""
        needed = -np.log(np.maximum(self.alpha * self.shares, 1e-300))
        of_window = -np.log(np.maximum(p_values, 1e-300)) / needed
        found: Floats = np.maximum(of_window, np.maximum(0.0, 1 + strength / needed))
        return np.where(self.shares > 0, found, 0.0)

    def _columns(
        self, falls: Mask, rises: Mask, found: Deviations, sudden: SuddenEvidence, state: Accumulated
    ) -> Sequence[ColumnDrift]:
        if not (falls | rises).any():
            return []
        (leading, directions), aspects = self.accumulation.leading(state), sudden.leading(self.components)[0].tolist()
        drifted = []
        for index in np.flatnonzero(falls | rises).tolist():
            name, since = self.components.grouping.columns[index], int(state.since_ms[index])
            if falls[index]:
                what, effect = self._sudden_effect(index, found, aspects[index])
                both = (Detector.SUDDEN, Detector.ACCUMULATING) if rises[index] else (Detector.SUDDEN,)
                drifted.append(ColumnDrift(name, what, effect, both, since if rises[index] else None))
                continue
            component, direction = int(leading[index]), int(directions[index])
            what, effect = self._effect(component, found)
            hidden = direction if found.normal[0, component] * direction < SHOWN else 0
            drifted.append(ColumnDrift(name, what, effect, (Detector.ACCUMULATING,), since, hidden))
        return drifted

    def _sudden_effect(self, column: int, found: Deviations, aspect: int) -> tuple[str, float]:
        mine = np.flatnonzero((self.components.column == column) & ~self.components.is_missing)
        if aspect == Aspect.MISSING:
            mine = np.flatnonzero((self.components.column == column) & self.components.is_missing)
        if aspect == Aspect.BEYOND:
            is_numeric = bool(self.components.grouping.is_numeric[column])
            n, share = float(found.counts.records[0]), float(self.components.beyond_share[column])
            seen = float(found.counts.beyond[0, column]) / n
            effect = 2 * float(np.arcsin(np.sqrt(seen)) - np.arcsin(np.sqrt(share)))
            return "values outside the usual range" if is_numeric else "unseen values", effect
        return self._effect(int(mine[np.abs(found.normal[0, mine]).argmax()]), found)

    def _effect(self, component: int, found: Deviations) -> tuple[str, float]:
        kind = Kind(int(self.components.kind[component]))
        label = self.components.label(component)
        effect = float(found.shift[0, component] / np.sqrt(max(1.0, found.size[0, component])))
        return f"share of {label}" if label else _WORDS[kind], effect


_WORDS = {
    Kind.LOCATION: "location",
    Kind.SCALE: "spread",
    Kind.SKEW: "skew",
    Kind.TAILS: "tails",
    Kind.SHARE: "shares",
    Kind.MISSING: "missing values",
}


def calibrated(components: Components, windows: BaselineWindows | None, records: int, size_ms: int) -> Calibration:
    """By the baseline's windows where there are enough of them and they fit the size; otherwise by theory."""
    fitting = windows.merged(size_ms) if windows is not None else None
    if fitting is None or len(fitting.starts_ms) < LEAST_WINDOWS:
        usual = float(components.usual_records)
        return Calibration.by_theory(components, records, usual, size_ms)
    return Calibration.measured(components, fitting.counts, fitting.middles_ms, size_ms)
