"""The findings of a rule test: what its series state of every window, and what the rest of the test says of them."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from monitor.bootstrap.plugins import drift_tests, performance_metrics
from monitor.config.condition_section import SIGNED_TEST
from monitor.config.mistakes import ConfigMistakes, at, did_you_mean
from monitor.config.rule_test_file import RuleTestSection, Shorthand
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.sequential import DETECTORS
from monitor.domain.stream import PaneSpan, PaneSummary
from monitor.domain.windows import Window
from monitor.rules.comparing import ESTIMATED, ON_TRAINING_DATA
from monitor.rules.conditions import ESTIMATE, GROUND_TRUTH, LAG, STALENESS
from monitor.rules.measuring import SHIFT
from monitor.stats.estimation import ESTIMATED_METRICS
from monitor.stats.performance.metric import PerformanceMetric
from monitor.stats.proposals import AnyTest
from monitor.stats.serving import SERVING_METRICS
from monitor.usecases.evidently_checks import check_of
from monitor.usecases.metric_limits import limit_of

_CHECK = re.compile(
    r"(?P<test>[^()\[\]\s]+)\((?P<column>[^()\[\]]+)\)(\[(?P<segment>[^\[\]]+)\])?( of version (?P<version>\S+))?"
)
_RECORDS = 1_000
"""So many records a window of a test holds."""

_BASELINE = "a rule test"
_NO_LIMIT = Threshold(float("inf"))


@cache
def _metrics() -> Mapping[str, PerformanceMetric]:
    return performance_metrics()


@cache
def _tests() -> Mapping[str, AnyTest]:
    return drift_tests()


def metric_names() -> frozenset[str]:
    """Names of what judges predictions by their truth."""
    return frozenset(_metrics())


class StatedPanes:
    """Who serves, by `versions` of the test; asked only where another version is stated beside it."""

    def __init__(self, test: RuleTestSection, model: MonitoredModel) -> None:
        self._test, self._model = test, model

    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:  # noqa: ARG002 - a test is short
        """A pane of the version that serves for the start of every window."""
        checks = [match for name in self._test.findings if (match := _CHECK.fullmatch(name))]
        if not any(match["version"] for match in checks):
            return []
        windows = max(map(len, self._test.findings.values()))
        starts = (window_of(self._test, self._model, number).start_ms for number in range(windows))
        return [
            PaneSummary(self._model.name, _serves(self._test, number), start_ms, _RECORDS, 0)
            for number, start_ms in enumerate(starts)
        ]


def window_of(test: RuleTestSection, model: MonitoredModel, number: int) -> Window:
    """The window of this number, from 0."""
    start = test.start + number * model.windows.slide
    return Window(start, start + model.windows.size)


def _serves(test: RuleTestSection, number: int) -> str:
    return test.versions[min(number, len(test.versions) - 1)]


def stated_findings(
    file: YamlFile, loc: Loc, test: RuleTestSection, model: MonitoredModel, tests: Collection[str]
) -> list[Finding]:
    """Every finding of the test; ConfigMistakes for what cannot be stated. `tests` are the names that findings have."""
    _refuse_unknown_tests(file, loc, test, {*tests, *(one.name for one in model.evidently)})
    known = {*_metrics(), *ESTIMATED_METRICS}
    for name in test.on_training_data:
        if name not in known:
            place, hint = (*loc, "on_training_data", name), did_you_mean(name, known, what="metrics")
            raise ConfigMistakes([at(file, place, f"unknown metric {name!r}", hint)])
    found, training = list(_findings(file, loc, test, model)), test.on_training_data
    asking = (one for one in found if one.check.test in training and one.verdict.is_known)
    return [*found, *(_training(one, training[one.check.test]) for one in asking)]


def _refuse_unknown_tests(file: YamlFile, loc: Loc, test: RuleTestSection, known: Collection[str]) -> None:
    """A test of rules that states what no window can have is green for ever."""
    checks = [(name, match["test"]) for name in test.findings if (match := _CHECK.fullmatch(name))]
    unknown = [
        at(file, (*loc, "findings", name), f"unknown test {one!r}", did_you_mean(one, known, what="tests"))
        for name, one in checks
        if one not in known
    ]
    if unknown:
        raise ConfigMistakes(unknown)


def _findings(file: YamlFile, loc: Loc, test: RuleTestSection, model: MonitoredModel) -> Iterator[Finding]:
    for name, series in test.findings.items():
        match = _CHECK.fullmatch(name)
        if match is None:
            hint = "write test(column) or test(column)[segment], as in psi(amount) or f1(ground_truth) of version 2"
            raise ConfigMistakes([at(file, (*loc, "findings", name), f"{name!r} is no check", hint)])
        if match["test"] != SIGNED_TEST and any(said.direction for said in series if said):
            hint = f"only {SIGNED_TEST} tells which way the mean moved: leave up and down out"
            raise ConfigMistakes([at(file, (*loc, "findings", name), f"{match['test']} tells no direction", hint)])
        limit = _threshold(model, match["test"], match["column"])
        check = Check(match["test"], match["column"], match["segment"] or "", limit, 0)
        for number, said in enumerate(series):
            if said is not None:
                yield _finding(test, model, check, number, said, match["version"])


def _finding(  # noqa: PLR0917 - of which test and window, what is said of which version
    test: RuleTestSection, model: MonitoredModel, check: Check, number: int, said: Shorthand, other: str | None
) -> Finding:
    window, kind = window_of(test, model, number), _kind(check)
    verdict, result = _judged(check, said, kind)
    value = "" if result is None else f" = {result.statistic:.4g}"
    coverage = test.label_coverage if kind is EvaluationKind.PERFORMANCE else None
    evidence = Evidence(_BASELINE, "", {}, "", "")
    reason = f"{check.name}{value} ({verdict})"
    ref = ModelRef(model.name, other or _serves(test, number))
    return Finding(ref, check, window, 0, verdict, reason, result, evidence, kind, coverage)


def _judged(check: Check, said: Shorthand, kind: EvaluationKind) -> tuple[Verdict, TestResult | None]:
    """The verdict of a number is that of its check's threshold; a verdict has a number that suits it."""
    limit, bad = check.threshold, Verdict.DRIFTED if kind is EvaluationKind.DRIFT else Verdict.DEGRADED
    if said.number is not None:
        over = said.number <= limit.drifted if limit.below else said.number >= limit.drifted
        margin = said.margin
        low, high = (None, None) if margin is None else (said.number - margin, said.number + margin)
        shift = {} if said.direction is None else {SHIFT: 1.0 if said.direction == "up" else -1.0}
        return bad if over else Verdict.OK, TestResult(said.number, None, _RECORDS, _RECORDS, low, high, detail=shift)
    verdict = said.verdict or Verdict.OK
    if not verdict.is_known:
        return verdict, None
    return verdict, TestResult(limit.drifted if verdict.is_bad else 0.0, None, _RECORDS, _RECORDS)


def _threshold(model: MonitoredModel, test: str, column: str) -> Threshold:
    """That of the model's check, else the test's own; infinite where there is none."""
    for metric_of in model.evidently:
        if metric_of.name == test and metric_of.column in {None, column}:
            return check_of(model, metric_of).threshold
    own = (spec.threshold for spec in model.checks if spec.test == test and {column, "*"} & set(spec.columns))
    configured = next((threshold for threshold in own if threshold is not None), None)
    metric = _metrics().get(test) or ESTIMATED_METRICS.get(test) or SERVING_METRICS.get(test)
    if metric is not None:
        limit = configured or getattr(metric, "default_threshold", None)
        if limit is not None:
            return limit_of(limit, higher_is_better=metric.higher_is_better)[0]
        return Threshold(-math.inf if metric.higher_is_better else math.inf, below=metric.higher_is_better)
    known = _tests().get(test)
    return configured or (known.default_threshold if known is not None else _NO_LIMIT)


def _kind(check: Check) -> EvaluationKind:
    if check.test in {STALENESS, LAG}:
        return EvaluationKind.STREAM
    if check.test in DETECTORS:
        return EvaluationKind.SEQUENTIAL
    truth = check.column == GROUND_TRUTH or check.test in _metrics()
    return EvaluationKind.PERFORMANCE if truth else EvaluationKind.DRIFT


def _training(finding: Finding, value: float) -> Finding:
    """What an estimate knows of the training data, beside the metric that asks for it; it has no verdict itself."""
    name = finding.check.test if finding.check.test.startswith(ESTIMATED) else f"{ESTIMATED}{finding.check.test}"
    check = Check(name, ESTIMATE, ALL_TRAFFIC, _NO_LIMIT, 0)
    result = TestResult(value, None, _RECORDS, _RECORDS, detail={ON_TRAINING_DATA: value})
    verdict, reason = Verdict.INSUFFICIENT_DATA, f"{name} was {value:g} on the training data"
    return replace(finding, check=check, verdict=verdict, reason=reason, result=result)
