"""The verdict on a whole model: whether it changed more than the budget lets chance explain, since when, and where."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from monitor.domain.budgets import AlarmBudget
from monitor.domain.windows import Window, WindowSpec
from monitor.stats.calibration.accumulating import Accumulated, Accumulation
from monitor.stats.calibration.calibration import LEAST_WINDOWS, Calibration
from monitor.stats.calibration.components import ORDERS, Components, Kind, usual_share
from monitor.stats.calibration.counts import Counts
from monitor.stats.calibration.detectors import Detectors, Seen
from monitor.stats.calibration.deviations import Deviations
from monitor.stats.calibration.sudden import Aspect, SuddenEvidence, sudden_evidence
from monitor.stats.calibration.usual import Expected
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import Floats, Ints, Mask
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
    direction, 1 or -1, where this window alone shows little of it, else 0. `rates` are the usual share of the records
    or values, at this hour, and that of this window (0 to 1; None: the effect is of no share).
    """

    column: str
    what: str
    effect: float
    detectors: tuple[Detector, ...]
    since_ms: int | None = None
    hidden: int = 0
    rates: tuple[float, float] | None = None


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

    Pure: state is a value.
    """

    detectors: Detectors
    calibration: Calibration

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
        calibration = calibrated(components, windows, usual, whole.n, spec.size_ms)
        accumulating = budget.in_each(spec.size) * (1 - SHARE_OF_SUDDEN)
        accumulation = Accumulation.of(components, calibration, accumulating, shares)
        alpha = min(1.0, budget.in_each(spec.slide) * SHARE_OF_SUDDEN)
        return cls(Detectors.of(components, calibration, accumulation, alpha, shares), calibration)

    @property
    def components(self) -> Components:
        """What is watched."""
        return self.detectors.components

    @property
    def accumulation(self) -> Accumulation:
        """What adds evidence up over windows."""
        return self.detectors.accumulation

    @property
    def alpha(self) -> float:
        """What the window test of all columns may spend on a window."""
        return float(self.detectors.alpha[0])

    @property
    def shares(self) -> Floats:
        """How the budget is shared among the columns, shape (columns,)."""
        return self.detectors.shares

    def judge(self, profile: ModelProfile, window: Window, before: Accumulated | None) -> DriftVerdict:
        """The verdict, and the state after it; `before` is the state after the window before (None: this is the first).

        The profile must have been counted on the baseline's bins and hold a record.
        """
        (verdict,) = judge_together([JudgedWindow(self, profile, window, before)])
        return verdict


@dataclass(frozen=True, slots=True, eq=False)
class JudgedWindow:
    """A window that is to be judged, and what `ModelDrift.judge` must know of it."""

    drift: ModelDrift
    profile: ModelProfile
    window: Window
    before: Accumulated | None

    @property
    def state(self) -> Accumulated:
        """The state that the window is added to."""
        return self.before or self.drift.accumulation.start(self.window.start_ms)

    def counts(self) -> Counts:
        """What was counted in it."""
        return self.drift.components.grouping.count(self.profile.block[np.newaxis])

    def expected(self) -> Expected:
        """What is usual at its time."""
        return self.drift.calibration.expected(np.array([(self.window.start_ms + self.window.end_ms) / 2]))


Found = Callable[[], tuple[Deviations, SuddenEvidence]]
"""What was found in one model's window."""


def judge_together(asked: Sequence[JudgedWindow]) -> list[DriftVerdict]:
    """The verdicts of `ModelDrift.judge`, to the last bit, on windows of however many models.

    Their components are put into one array, so that an operation costs its overhead once and not once a model.
    """
    alike = [one.drift.detectors for one in asked]
    detectors, places = Detectors.joined(alike)
    counted = [one.counts() for one in asked]
    counts = Counts.joined(counted)
    expected = Expected.joined([one.expected() for one in asked], places)
    found = Deviations.of(detectors.components, detectors.usual, expected, counts)
    sudden = sudden_evidence(detectors.components, detectors.rare, found)
    states = _advanced(asked, detectors, found)
    seen = detectors.seen(sudden.p_values[0], Accumulated.joined(states))
    columns = [slice(*ends) for ends in pairwise(accumulate((len(one.shares) for one in alike), initial=0))]
    of_each = [partial(_only, found, sudden, *of_model) for of_model in zip(places, counted, columns, strict=True)]
    return list(map(_verdict, asked, seen, states, of_each))


def _only(
    found: Deviations, sudden: SuddenEvidence, places: Ints, counts: Counts, columns: slice
) -> tuple[Deviations, SuddenEvidence]:
    return found.only(places, counts), sudden.only(columns)


def _advanced(asked: Sequence[JudgedWindow], detectors: Detectors, found: Deviations) -> list[Accumulated]:
    """The states after these windows.

    One that begins before the last one ended adds nothing: overlapping windows share their records, which must not be
    counted twice.
    """
    states = [one.state for one in asked]
    starts_ms = np.array([one.window.start_ms for one in asked])[detectors.components.grouping.model_of]
    ends_ms = [one.window.end_ms for one in asked]
    after = detectors.accumulation.advance(Accumulated.joined(states), found, starts_ms, max(ends_ms))
    return [
        state if one.window.start_ms < state.until_ms else advanced
        for one, state, advanced in zip(asked, states, after.like(states, ends_ms), strict=True)
    ]


def _verdict(asked: JudgedWindow, seen: Seen, state: Accumulated, found: Found) -> DriftVerdict:
    nearest = asked.drift.components.grouping.columns[seen.nearest]
    if seen.loud is None:
        return DriftVerdict((), (), None, seen.evidence, seen.p_value, nearest, state)
    falls, rises = seen.loud
    columns = _columns(asked.drift, falls, rises, *found(), state)
    starts = [asked.window.start_ms] * bool(falls.any()) + state.since_ms[rises].tolist()
    return DriftVerdict(
        tuple(sorted(columns, key=lambda one: (-abs(one.effect), one.column))),
        tuple(one for one, speaking in zip(Detector, seen.loud, strict=True) if speaking.any()),
        min(starts),
        seen.evidence,
        seen.p_value,
        nearest,
        state,
    )


def _columns(  # noqa: PLR0917 - what was found
    drift: ModelDrift, falls: Mask, rises: Mask, found: Deviations, sudden: SuddenEvidence, state: Accumulated
) -> Sequence[ColumnDrift]:
    components = drift.components
    (leading, directions), aspects = drift.accumulation.leading(state), sudden.leading(components)[0].tolist()
    loudest = _loudest(components, found)
    rare, is_shown = drift.accumulation.rare(state).tolist(), drift.accumulation.rare_sums.is_shown(state.rare, SHOWN)
    drifted = []
    for index in np.flatnonzero(falls | rises).tolist():
        name, since = components.grouping.columns[index], int(state.since_ms[index])
        if falls[index]:
            what, effect, rates = _sudden_effect(drift, index, found, aspects[index], loudest)
            both = (Detector.SUDDEN, Detector.ACCUMULATING) if rises[index] else (Detector.SUDDEN,)
            drifted.append(ColumnDrift(name, what, effect, both, since if rises[index] else None, rates=rates))
            continue
        if rare[index] >= 0:
            what, effect, rates = _sudden_effect(drift, index, found, _RARE[rare[index]], loudest)
            hidden = 0 if is_shown[rare[index], index] else 1
            drifted.append(ColumnDrift(name, what, effect, (Detector.ACCUMULATING,), since, hidden, rates))
            continue
        component, direction = int(leading[index]), int(directions[index])
        what, effect, rates = _effect(drift, component, found)
        hidden = direction if found.normal[0, component] * direction < SHOWN else 0
        drifted.append(ColumnDrift(name, what, effect, (Detector.ACCUMULATING,), since, hidden, rates))
    return drifted


NEARLY = 0.5
"""A polynomial of a lower order speaks for one of a higher that is at most twice as loud."""

_RARE = (Aspect.BEYOND, Aspect.MISSING)
"""What is counted over windows of each column, in its order."""


def _loudest(components: Components, found: Deviations) -> dict[int, int]:
    """The component of each column that says best what moved, missing values left out.

    The loudest; but of polynomials the lowest that is nearly as loud: one that moves far moves all, and "location" is
    understood where "skew" is not.
    """
    far = np.abs(found.normal[0, : components.groups.stop])
    of_shapes = np.zeros(len(components.grouping.columns))
    column, order = components.column[components.polynomials], components.kind[components.polynomials]
    np.maximum.at(of_shapes, column, far[components.polynomials])
    is_telling = far[components.polynomials] >= NEARLY * of_shapes[column]
    far[components.polynomials] = np.where(is_telling, of_shapes[column] + ORDERS - order, 0.0)
    places = np.lexsort((-np.arange(len(far)), far))  # of equals the first comes last, and stays
    return dict(zip(components.column[places].tolist(), places.tolist(), strict=True))


_Effect = tuple[str, float, tuple[float, float] | None]
"""What moved, how far, and the usual rate and that of the window where it is one."""


def _sudden_effect(
    drift: ModelDrift, column: int, found: Deviations, aspect: int, loudest: Mapping[int, int]
) -> _Effect:
    components = drift.components
    if aspect == Aspect.MISSING:
        return _effect(drift, components.missing.start + column, found)
    if aspect == Aspect.BEYOND:
        n, share = float(found.counts.records[0, 0]), float(components.beyond_share[column])
        seen = float(found.counts.beyond[0, column]) / n
        effect = 2 * float(np.arcsin(np.sqrt(seen)) - np.arcsin(np.sqrt(share)))
        return components.grouping.beyond_labels[column], effect, (share if _has_any(drift, share) else 0.0, seen)
    return _effect(drift, loudest[column], found)


def _has_any(drift: ModelDrift, share: float) -> bool:
    """Whether the baseline has a record of such a share; the law's half of one is no share that people know."""
    return share * drift.calibration.records >= 1


def _effect(drift: ModelDrift, component: int, found: Deviations) -> _Effect:
    components = drift.components
    label = components.label(component)
    effect = float(found.shift[0, component]) / math.sqrt(max(1.0, float(found.size[0, component])))
    what = f"share of {label}" if label else _WORDS[int(components.kind[component])]
    of_what = components.rate(component, found.counts)
    if of_what is None:
        return what, effect, None
    is_new = components.is_missing[component] and not _has_any(
        drift, float(components.missing_share[components.column[component]])
    )
    usual = 0.0 if is_new else usual_share(*of_what, effect)
    return what, effect, (usual, of_what[0] / max(1.0, of_what[1]))


_WORDS: Mapping[int, str] = {
    Kind.LOCATION: "location",
    Kind.SCALE: "spread",
    Kind.SKEW: "skew",
    Kind.TAILS: "tails",
    Kind.SHARE: "shares",
    Kind.MISSING: "missing values",
}


def calibrated(
    components: Components, windows: BaselineWindows | None, usual_records: float, records: int, size_ms: int
) -> Calibration:
    """By the baseline's windows where there are enough of them and they fit the size; otherwise by theory."""
    fitting = windows.merged(size_ms) if windows is not None else None
    if fitting is None or len(fitting.starts_ms) < LEAST_WINDOWS:
        return Calibration.by_theory(components, records, float(usual_records), size_ms)
    return Calibration.measured(components, fitting.counts, fitting.middles_ms, size_ms)
