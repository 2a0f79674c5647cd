"""Baselines from training data: read, profile, store once, compare with what holds now, promote."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from monitor.domain.checks import Check
from monitor.domain.errors import BaselineError
from monitor.domain.models import PREDICTION, SCORE, BaselineRole, ModelRef, MonitoredModel, Segment
from monitor.domain.ports import BaselineStore, RowReader
from monitor.domain.time import format_duration, to_ms
from monitor.stats.baseline import Baseline, segment_rows
from monitor.stats.calibration.calibration import LEAST_WINDOWS
from monitor.stats.calibration.season import unknown_year
from monitor.stats.calibration.windows import LEAST_OF_SEGMENT, LEAST_RECORDS, BaselineWindows
from monitor.stats.columns import Column, Ints
from monitor.stats.estimation.learning import Outcomes, learn_outcomes, try_outcomes
from monitor.stats.proposals import AnyTest, propose_checks
from monitor.stats.serving.latency import latency_layout
from monitor.usecases.detector_doubts import detector_doubts
from monitor.usecases.naive_error import learn_naive_error
from monitor.usecases.serving_checks import counted_latencies
from monitor.usecases.training_columns import TrainingColumns, TrainingOptions, training_columns


@dataclass(frozen=True, slots=True)
class BuiltBaseline:
    """A stored baseline: its id, whether it is new, the checks it proposes, and what people should know about it."""

    id: str
    baseline: Baseline
    is_new: bool
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildBaseline:
    """Builds baselines of the monitored models. The same rows give the same baseline, however often it is built."""

    models: Mapping[str, MonitoredModel]
    store: BaselineStore
    tests: Mapping[str, AnyTest] = field(default_factory=dict)

    def build(
        self,
        ref: ModelRef,
        rows: RowReader,
        *,
        source: str = "",
        options: TrainingOptions | None = None,
        importances: Mapping[str, float] | None = None,
    ) -> BuiltBaseline:
        """Profile the rows and store the baseline, without making it current; BaselineError says what is wrong."""
        model = self._model(ref.name)
        chosen = options or TrainingOptions()
        read = training_columns(rows.batches(), chosen, model.task)
        outcomes, learned = _learned(read, model, chosen.role)
        naive_error, of_naive = learn_naive_error(read, chosen)
        built = partial(
            Baseline.build, ref, read.columns, source, read.period, importances=importances, segments=model.segments
        )
        layouts = {name: latency_layout() for name in counted_latencies(model) - read.columns.keys()}
        bare = replace(built(outcomes=outcomes, with_pairs=True, counted=layouts), role=chosen.role)
        told = replace(bare, naive_error=naive_error)
        first, remark = _tried(told, read)
        with_windows = partial(_with_windows, read=read, model=model)
        older = (
            lambda: with_windows(told),
            lambda: with_windows(bare),
            lambda: replace(with_windows(bare), role=None),
            lambda: with_windows(built(outcomes=outcomes, with_pairs=True)),
            lambda: replace(with_windows(built(outcomes=outcomes)), segment_windows={}),
            lambda: replace(with_windows(built()), segment_windows={}),
            built,
        )
        baseline, is_new, kept = self._stored(with_windows(first), older)
        counted = [f"{name}: the training data has none; windows count it, as checks ask for it" for name in layouts]
        notes = (
            *read.notes,
            *counted,
            *_role_notes(baseline),
            *of_naive,
            *(kept or (*learned, *remark)),
            *self._differences(baseline),
            *_calibration_notes(baseline, model),
            *(f"{name}: {why}" for name, why in detector_doubts(model, baseline).items()),
        )
        checks = propose_checks(baseline, self.tests, model.min_records, [segment.name for segment in model.segments])
        return BuiltBaseline(baseline.id, baseline, is_new, checks, notes)

    def promote(self, ref: ModelRef, baseline_id: str, effective_from: datetime | None, why: str) -> None:
        """From this event time on (None: always), compare windows of the version with the stored baseline."""
        self._model(ref.name)
        self.store.promote(ref, baseline_id, None if effective_from is None else to_ms(effective_from), why)

    def _stored(
        self, baseline: Baseline, older: Sequence[Callable[[], Baseline]]
    ) -> tuple[Baseline, bool, tuple[str, ...]]:
        """Store the baseline; where the version has one of the same rows by an earlier program, keep that."""
        try:
            return baseline, self._put(baseline), ()
        except BaselineError:
            known = next((one for make in older if self._has(one := make())), None)
            if known is None:
                raise
        note = (
            "this version has a baseline of these rows already, and it stays: it was built with other options, or by "
            "an earlier program; give a new version the same data to have "
        )
        gains = ["estimates of performance"] if baseline.outcomes and not known.outcomes else []
        gains += ["wider intervals where estimates were off"] if baseline.tried and not known.tried else []
        gains += ["checks of correlations and missing patterns"] if known.layouts.together is None else []
        gains += ["alarms calibrated on its windows"] if baseline.windows and not known.windows else []
        gains += ["its naive error"] if baseline.naive_error and not known.naive_error else []
        gains += ["its role"] if baseline.role and not known.role else []
        gains += ["latencies counted"] if baseline.layouts.keys() - known.layouts.keys() else []
        gains += ["alarms about segments"] if baseline.segment_windows and not known.segment_windows else []
        return known, False, (note + " and ".join(gains),)

    def _put(self, baseline: Baseline) -> bool:
        return self.store.put(baseline.id, baseline.ref, baseline.to_bytes(), baseline.describe())

    def _has(self, baseline: Baseline) -> bool:
        return any(summary["id"] == baseline.id for summary in self.store.summaries(baseline.ref.name))

    def _model(self, name: str) -> MonitoredModel:
        if name not in self.models:
            known = ", ".join(sorted(self.models)) or "none"
            raise BaselineError(f"no model {name!r} is configured; known: {known}")
        return self.models[name]

    def _differences(self, baseline: Baseline) -> Sequence[str]:
        """How the columns differ from those of the model's current baseline, in sentences."""
        timeline = self.store.timeline(baseline.ref.name)
        if not timeline or timeline[-1][2] == baseline.id:
            return ()
        current = Baseline.from_bytes(self.store.get(timeline[-1][2]))
        before = {spec.name: spec.kind for spec in current.schema}
        now = {spec.name: spec.kind for spec in baseline.schema}
        changed = sorted(name for name in now.keys() & before.keys() if now[name] is not before[name])
        return [
            *(f"{name} is not in the current baseline, {current.ref}" for name in sorted(now.keys() - before.keys())),
            *(
                f"{name} is in the current baseline, {current.ref}, and not here"
                for name in sorted(before.keys() - now.keys())
            ),
            *(
                f"{name} is {now[name]} here and {before[name]} in the current baseline, {current.ref}"
                for name in changed
            ),
        ]


def _with_windows(baseline: Baseline, read: TrainingColumns, model: MonitoredModel) -> Baseline:
    """The baseline with its windows and those of its segments, where the rows have event times."""
    if read.times_ms is None:
        return baseline
    windows = BaselineWindows.of(baseline.whole, read.columns, read.times_ms, model.windows.size_ms)
    if windows is None:
        return baseline
    of_segments = {one.name: _of_segment(baseline, read.columns, read.times_ms, model, one) for one in model.segments}
    held = {name: part.stored() for name, part in of_segments.items() if part is not None}
    return replace(baseline, windows=windows.stored(), segment_windows=held)


def _tried(baseline: Baseline, read: TrainingColumns) -> tuple[Baseline, tuple[str, ...]]:
    """The baseline with what its rows tell of the errors of estimates, and what they do not tell."""
    if baseline.outcomes is None or read.truth is None:
        return baseline, ()
    tried, remark = try_outcomes(baseline.outcomes, read.columns, read.truth, baseline.layouts, read.times_ms)
    return replace(baseline, tried=tried), (remark,) if remark else ()


def _of_segment(
    baseline: Baseline, columns: Mapping[str, Column], times_ms: Ints, model: MonitoredModel, segment: Segment
) -> BaselineWindows | None:
    rows = segment_rows(baseline.ref, segment, columns)
    mine = {name: column.take(rows) for name, column in columns.items()}
    whole, size_ms = baseline.profile(segment.name), model.windows.size_ms
    return BaselineWindows.of(whole, mine, times_ms[rows], size_ms, LEAST_OF_SEGMENT)


def _calibration_notes(baseline: Baseline, model: MonitoredModel) -> Sequence[str]:
    """What people should know where noise between windows cannot be measured."""
    if model.alarm_budget is None:
        return ()
    size = format_duration(model.windows.size)
    assumes = "alarms are calibrated by theory, which assumes independent records and no daily season"
    if baseline.period is None:
        return (f"the training data has no event times (--event-time): {assumes}",)
    found = 0 if baseline.windows is None else baseline.windows.number
    if baseline.windows is None or found < LEAST_WINDOWS:
        fills = f"the training data fills {found} windows of {size} with {LEAST_RECORDS} records or more"
        return (f"{fills}, {LEAST_WINDOWS} are needed: {assumes}",)
    held = {name for name, windows in baseline.segment_windows.items() if windows.number >= LEAST_WINDOWS}
    thin = [one.name for one in model.segments if one.name not in held]
    needed = f"{LEAST_WINDOWS} windows of {size} with {LEAST_OF_SEGMENT} records"
    apart = f"{', '.join(thin)}: not judged apart within the alarm budget, which takes {needed}" if thin else ""
    return tuple(filter(None, (apart, unknown_year(baseline.windows.span_ms))))


def _role_notes(baseline: Baseline) -> Sequence[str]:
    """What rows that the model was fitted to do to the checks of what it says."""
    said = [name for name in (PREDICTION, SCORE) if name in baseline.layouts]
    if baseline.role is None or not baseline.role.is_fitted or not said:
        return ()
    fitted = "these rows are those that the model was fitted to: it is surer of them than of any others"
    advice = "may alarm for nothing; build the baseline from rows held out (--role holdout)"
    return (f"{fitted}, so checks of {' and '.join(said)} {advice}",)


def _learned(
    read: TrainingColumns, model: MonitoredModel, role: BaselineRole | None
) -> tuple[Outcomes | None, tuple[str, ...]]:
    """What the truths of the rows teach, and what to say about it: nothing where there are none."""
    if read.truth is None or model.task is None:
        return None, ()
    outcomes, note = learn_outcomes(read.columns, read.truth, model.task, model.positive_label, role)
    return outcomes, (note,)
