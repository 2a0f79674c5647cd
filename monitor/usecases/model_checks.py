"""The checks of a model, bound once to each baseline and kept at hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Self

from monitor.domain.checks import ALL_COLUMNS, Check, CheckSpec, Threshold
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.domain.references import Against
from monitor.rules.conditions import ESTIMATE, GROUND_TRUTH
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import BudgetedModel, budgeted_model
from monitor.stats.drift_test import DriftTest, with_parameters
from monitor.stats.estimation import ESTIMATED_METRICS, EstimatedMetric
from monitor.stats.fairness import FAIRNESS_MEASURES
from monitor.stats.performance.metric import PerformanceMetric, is_proposed
from monitor.stats.proposals import AnyTest, bind_checks, columns_for, merged_checks, propose_checks
from monitor.stats.row_test import RowTest
from monitor.stats.serving import SERVING_METRICS
from monitor.stats.window_test import WindowTest
from monitor.usecases.metric_limits import limit_of
from monitor.usecases.serving_checks import ServingCheck, serving_checks


@dataclass(frozen=True, slots=True)
class TestedColumns:
    """A test with its parameters set, the columns that it compares, and their checks with their names.

    `positions` are the places of the checks among all. A test that compares all of its columns for one check has one.
    """

    __test__ = False  # not a pytest class

    test: DriftTest
    names: tuple[str, ...]
    positions: tuple[int, ...]
    checks: tuple[Check, ...]
    check_names: tuple[str, ...]

    @classmethod
    def of(cls, test: DriftTest, names: tuple[str, ...], positions: Sequence[int], checks: Sequence[Check]) -> Self:
        """`positions` are those of its checks among `checks`."""
        mine = tuple(checks[k] for k in positions)
        return cls(test, names, tuple(positions), mine, tuple(check.name for check in mine))


@dataclass(frozen=True, slots=True)
class BoundChecks:
    """The checks of a segment, and the tests that run them.

    `by_test` compare columns, each with a check of its own; each of `over_columns` compares all of its columns for one
    check; `of_window` are tests of the whole window and `of_rows` those of its raw rows, with the places of their
    checks.
    """

    checks: tuple[Check, ...]
    by_test: tuple[TestedColumns, ...]
    over_columns: tuple[TestedColumns, ...] = ()
    of_window: tuple[tuple[WindowTest, int], ...] = ()
    of_rows: tuple[tuple[RowTest, int], ...] = ()


@dataclass(frozen=True, slots=True)
class MetricCheck:
    """A check of performance with its metric; `is_limited` is False when it is measured and never judged bad."""

    check: Check
    metric: PerformanceMetric
    is_limited: bool


@dataclass(frozen=True, slots=True)
class EstimateCheck:
    """A check of estimated performance; `is_limited` is False when it is shown and never judged bad."""

    check: Check
    metric: EstimatedMetric
    is_limited: bool


class ModelChecks:
    """Binds the checks of models to baselines. Not thread-safe."""

    def __init__(self, tests: Mapping[str, AnyTest], metrics: Mapping[str, PerformanceMetric]) -> None:
        self._tests, self._metrics = tests, metrics
        self._budgeted: dict[tuple[str, str], BudgetedModel | None] = {}
        self._bound: dict[tuple[str, str], Mapping[str, BoundChecks]] = {}
        self._serving: dict[str, tuple[ServingCheck, ...]] = {}
        self._referring: dict[tuple[str, str], Mapping[tuple[Against, str], BoundChecks]] = {}

    def of_drift(self, model: MonitoredModel, baseline_id: str, baseline: Baseline) -> Mapping[str, BoundChecks]:
        """Checks by segment, all traffic first; ConfigError when the configuration does not fit the baseline."""
        key = (model.name, baseline_id)
        if key not in self._bound:
            self._bound[key] = self._bind(model, baseline)
        return self._bound[key]

    def of_references(
        self, model: MonitoredModel, baseline_id: str, baseline: Baseline
    ) -> Mapping[tuple[Against, str], BoundChecks]:
        """Checks that compare with other windows, by what they are against and segment."""
        key = (model.name, baseline_id)
        if key not in self._referring:
            self._referring[key] = self._bind_references(model, baseline)
        return self._referring[key]

    def of_model(self, model: MonitoredModel, baseline_id: str, baseline: Baseline) -> BudgetedModel | None:
        """What keeps the model's alarm budget; None without one, or without any value in the baseline."""
        if model.alarm_budget is None:
            return None
        key = (model.name, baseline_id)
        if key not in self._budgeted:
            self._budgeted[key] = budgeted_model(baseline, model.windows, model.alarm_budget, model.segments)
        return self._budgeted[key]

    def of_performance(self, model: MonitoredModel) -> tuple[MetricCheck, ...]:
        """The configured metrics, and those that suit the model's task; these without a limit of their own."""
        specs = {spec.test: spec for spec in model.checks if spec.test in self._metrics}
        suiting = [
            name
            for name, metric in self._metrics.items()
            if model.propose_checks and model.task is not None and model.task in metric.tasks and is_proposed(metric)
        ]
        return tuple(
            self._metric_check(model, self._metrics[name], specs.get(name))
            for name in dict.fromkeys([*specs, *suiting])
        )

    def of_serving(self, model: MonitoredModel) -> tuple[ServingCheck, ...]:
        """The configured checks of how the model is served."""
        if model.name not in self._serving:
            self._serving[model.name] = serving_checks(model)
        return self._serving[model.name]

    def of_estimates(self, model: MonitoredModel) -> tuple[EstimateCheck, ...]:
        """The same for estimates of performance: of all traffic first, then of each segment that a check asks for."""
        specs = {(spec.test, spec.segment): spec for spec in model.checks if spec.test in ESTIMATED_METRICS}
        suiting = [
            name
            for name, metric in ESTIMATED_METRICS.items()
            if model.propose_checks and model.task is not None and model.task in metric.tasks and not metric.apart
        ]
        wanted = dict.fromkeys([*specs, *((name, ALL_TRAFFIC) for name in suiting)])
        return tuple(
            _estimate_check(model, ESTIMATED_METRICS[name], segment, specs.get((name, segment)))
            for name, segment in sorted(wanted, key=itemgetter(1))  # the name of all traffic is empty, so it is first
        )

    def _bind(self, model: MonitoredModel, baseline: Baseline) -> Mapping[str, BoundChecks]:
        names = [segment.name for segment in model.segments]
        configured = [check for check in self._configured(model, baseline) if check.against is None]
        proposed = propose_checks(baseline, self._tests, model.min_records, names) if model.propose_checks else ()
        checks = merged_checks(proposed, configured)
        by_segment: dict[str, list[Check]] = {ALL_TRAFFIC: []}
        for check in checks:
            by_segment.setdefault(check.segment, []).append(check)
        return {segment: with_tests(those, self._tests, baseline) for segment, those in by_segment.items()}

    def _configured(self, model: MonitoredModel, baseline: Baseline) -> tuple[Check, ...]:
        others = {*self._metrics, *ESTIMATED_METRICS, *FAIRNESS_MEASURES, *SERVING_METRICS}
        specs = [spec for spec in model.checks if spec.test not in others]
        return bind_checks(specs, baseline, self._tests, model.min_records)

    def _bind_references(self, model: MonitoredModel, baseline: Baseline) -> Mapping[tuple[Against, str], BoundChecks]:
        alike: dict[tuple[Against, str], list[Check]] = {}
        for check in self._configured(model, baseline):
            if check.against is not None:
                alike.setdefault((check.against, check.segment), []).append(check)
        return {what: with_tests(checks, self._tests, baseline) for what, checks in alike.items()}

    def _metric_check(self, model: MonitoredModel, metric: PerformanceMetric, spec: CheckSpec | None) -> MetricCheck:
        threshold, is_limited = _limit(metric, spec)
        parameters = dict(spec.parameters) if spec else {}
        bound = with_parameters(metric, metric.name, parameters)
        check = Check(metric.name, GROUND_TRUTH, ALL_TRAFFIC, threshold, _least(model, spec), parameters)
        return MetricCheck(check, bound, is_limited)


def with_tests(checks: Sequence[Check], tests: Mapping[str, AnyTest], baseline: Baseline) -> BoundChecks:
    """Checks of one segment, those of one test with the same parameters together."""
    alike: dict[tuple[str, str], list[int]] = {}
    over_columns: list[TestedColumns] = []
    of_window: list[tuple[WindowTest, int]] = []
    of_rows: list[tuple[RowTest, int]] = []
    asked = {check.test: tests[check.test] for check in checks}.items()  # asking what kind a test is takes long
    windows = {name: test for name, test in asked if isinstance(test, WindowTest)}
    rows = {name: test for name, test in asked if isinstance(test, RowTest)}
    columns = {name: test for name, test in asked if not isinstance(test, WindowTest | RowTest)}
    for k, check in enumerate(checks):
        if check.test in windows:
            of_window.append((with_parameters(windows[check.test], check.test, check.parameters), k))
        elif check.test in rows:
            of_rows.append((with_parameters(rows[check.test], check.test, check.parameters), k))
        elif check.column == ALL_COLUMNS and ALL_COLUMNS not in baseline.layouts:
            bound = with_parameters(columns[check.test], check.test, check.parameters)
            over_columns.append(TestedColumns.of(bound, columns_for(bound, baseline), (k,), checks))
        else:
            alike.setdefault((check.test, repr(sorted(check.parameters.items()))), []).append(k)
    by_test = tuple(_tested(checks, positions, columns) for positions in alike.values())
    return BoundChecks(tuple(checks), by_test, tuple(over_columns), tuple(of_window), tuple(of_rows))


def _tested(checks: Sequence[Check], positions: Sequence[int], tests: Mapping[str, DriftTest]) -> TestedColumns:
    first = checks[positions[0]]
    test = with_parameters(tests[first.test], first.test, first.parameters)
    return TestedColumns.of(test, tuple(checks[k].column for k in positions), positions, checks)


def _estimate_check(
    model: MonitoredModel, metric: EstimatedMetric, segment: str, spec: CheckSpec | None
) -> EstimateCheck:
    threshold, is_limited = _limit(metric, spec)
    return EstimateCheck(Check(metric.name, ESTIMATE, segment, threshold, _least(model, spec)), metric, is_limited)


def _limit(metric: PerformanceMetric | EstimatedMetric, spec: CheckSpec | None) -> tuple[Threshold, bool]:
    """The threshold, and whether it is one at all."""
    limit = (spec.threshold if spec else None) or metric.default_threshold
    return limit_of(limit, higher_is_better=metric.higher_is_better)


def _least(model: MonitoredModel, spec: CheckSpec | None) -> int:
    return model.min_records if spec is None or spec.min_records is None else spec.min_records
