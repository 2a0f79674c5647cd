"""Play findings in shorthand to the configured rules and routes, and compare with what is expected."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from monitor.bootstrap.plugins import drift_tests, performance_metrics
from monitor.bootstrap.rule_notifications import Sent, notifications
from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.directory import Settings, load
from monitor.config.mistakes import ConfigMistakes, at, did_you_mean, parse
from monitor.config.rule_test_file import (
    ExpectedAlert,
    ExpectedNotification,
    RuleTestFile,
    RuleTestSection,
    Shorthand,
)
from monitor.config.yaml_file import Loc, YamlFile, read_yaml
from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.rules import Rule, Severity
from monitor.domain.sequential import DETECTORS
from monitor.domain.stream import PaneSpan, PaneSummary
from monitor.domain.time import format_duration
from monitor.domain.windows import Window
from monitor.rules.conditions import GROUND_TRUTH, LAG, STALENESS
from monitor.stats.estimation import ESTIMATED_METRICS
from monitor.stats.performance.metric import PerformanceMetric
from monitor.stats.proposals import AnyTest
from monitor.stats.serving import SERVING_METRICS
from monitor.usecases.evidently_checks import check_of
from monitor.usecases.metric_limits import limit_of
from monitor.usecases.replay_rules import FindingsAtHand, PastAlert, Replayed, ReplayRules, past_alerts

_CHECK = re.compile(r"(?P<test>[^()\[\]\s]+)\((?P<column>[^()\[\]]+)\)(\[(?P<segment>[^\[\]]+)\])?")
_RECORDS = 1_000
"""So many records a window of a test holds."""

_BASELINE = "a rule test"
_NO_LIMIT = Threshold(float("inf"))


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """One test: where it stands, and what was not as expected, each with file and line."""

    path: Path
    line: int
    name: str
    failures: tuple[str, ...]


def run_rule_tests(directory: Path, files: Sequence[Path]) -> list[RuleTestResult]:
    """Every test of the files, on the configuration of the folder; ConfigMistakes for mistakes in either."""
    settings = load(directory, vocabulary(), os.environ)
    return [_run(settings, file, index, test) for file, shape in map(_read, files)
            for index, test in enumerate(shape.tests)]  # fmt: skip


def _read(path: Path) -> tuple[YamlFile, RuleTestFile]:
    file = read_yaml(path)
    shape = parse(file, RuleTestFile)
    if isinstance(shape, tuple):
        raise ConfigMistakes(shape)
    return file, shape


def _run(settings: Settings, file: YamlFile, index: int, test: RuleTestSection) -> RuleTestResult:
    loc: Loc = ("tests", index)
    model = settings.models.get(test.model)
    if model is None:
        hint = did_you_mean(test.model, settings.models, what="models here")
        raise ConfigMistakes([at(file, (*loc, "model"), f"unknown model {test.model!r}", hint)])
    rules = [rule for rule in settings.rules if rule.applies_to(model.name)]
    _refuse_unknown_rules(file, loc, test, rules)
    findings = list(_findings(file, loc, test, model))
    replay = ReplayRules(rules, frozenset(_metrics()), _NoPanes(), lambda _id: test.importances)
    end = max((finding.window.end for finding in findings), default=test.start)
    replayed = replay.run(model, FindingsAtHand(findings), test.start, end)
    failures = list(_wrong_alerts(file, loc, test, past_alerts(replayed, rules, model)))
    if test.notifications is not None:
        failures += _wrong_notifications(file, loc, test, _sent(settings, test, model, replayed))
    return RuleTestResult(file.path, file.line_of(loc), test.name, tuple(failures))


class _NoPanes:
    def panes(self, spans: Sequence[PaneSpan]) -> list[PaneSummary]:  # noqa: ARG002 - nobody served beside the findings
        return []


@cache
def _metrics() -> Mapping[str, PerformanceMetric]:
    return performance_metrics()


@cache
def _tests() -> Mapping[str, AnyTest]:
    return drift_tests()


# --- findings


def _findings(file: YamlFile, loc: Loc, test: RuleTestSection, model: MonitoredModel) -> Iterator[Finding]:
    for name, series in test.findings.items():
        match = _CHECK.fullmatch(name)
        if match is None:
            hint = "write test(column) or test(column)[segment], as in psi(amount) or f1(ground_truth)"
            raise ConfigMistakes([at(file, (*loc, "findings", name), f"{name!r} is no check", hint)])
        limit = _threshold(model, match["test"], match["column"])
        check = Check(match["test"], match["column"], match["segment"] or "", limit, 0)
        for number, said in enumerate(series):
            if said is not None:
                yield _finding(test, model, check, number, said)


def _finding(test: RuleTestSection, model: MonitoredModel, check: Check, number: int, said: Shorthand) -> Finding:
    start = test.start + number * model.windows.slide
    window = Window(start, start + model.windows.size)
    version = test.versions[min(number, len(test.versions) - 1)]
    kind = _kind(check)
    verdict, result = _judged(check, said, kind)
    value = "" if result is None else f" = {result.statistic:.4g}"
    coverage = test.label_coverage if kind is EvaluationKind.PERFORMANCE else None
    evidence = Evidence(_BASELINE, "", {}, "", "")
    reason = f"{check.name}{value} ({verdict})"
    return Finding(
        ModelRef(model.name, version), check, window, 0, verdict, reason, result, evidence, kind, coverage
    )  # fmt: skip


def _judged(check: Check, said: Shorthand, kind: EvaluationKind) -> tuple[Verdict, TestResult | None]:
    """The verdict of a number is that of its check's threshold; a verdict has a number that suits it."""
    limit, bad = check.threshold, Verdict.DRIFTED if kind is EvaluationKind.DRIFT else Verdict.DEGRADED
    if said.number is not None:
        over = said.number <= limit.drifted if limit.below else said.number >= limit.drifted
        margin = said.margin
        low, high = (None, None) if margin is None else (said.number - margin, said.number + margin)
        return bad if over else Verdict.OK, TestResult(said.number, None, _RECORDS, _RECORDS, low, high)
    verdict = said.verdict or Verdict.OK
    if not verdict.is_known:
        return verdict, None
    return verdict, TestResult(limit.drifted if verdict.is_bad else 0.0, None, _RECORDS, _RECORDS)


def _threshold(model: MonitoredModel, test: str, column: str) -> Threshold:
    """That of the model's check, else the test's own; infinite where there is none."""
    for metric_of in model.evidently:
        if metric_of.name == test and metric_of.column in {None, column}:
            return check_of(model, metric_of).threshold
    for spec in model.checks:
        if spec.test == test and spec.threshold is not None and {column, "*"} & set(spec.columns):
            return spec.threshold
    metric = _metrics().get(test) or ESTIMATED_METRICS.get(test)
    if metric is not None:
        limit = metric.default_threshold
        return limit or Threshold(
            float("-inf") if metric.higher_is_better else float("inf"), below=metric.higher_is_better
        )
    if (served := SERVING_METRICS.get(test)) is not None:
        return limit_of(None, higher_is_better=served.higher_is_better)[0]
    known = _tests().get(test)
    return known.default_threshold if known is not None else _NO_LIMIT


def _kind(check: Check) -> EvaluationKind:
    if check.test in {STALENESS, LAG}:
        return EvaluationKind.STREAM
    if check.test in DETECTORS:
        return EvaluationKind.SEQUENTIAL
    truth = check.column == GROUND_TRUTH or check.test in _metrics()
    return EvaluationKind.PERFORMANCE if truth else EvaluationKind.DRIFT


# --- alerts


def _refuse_unknown_rules(file: YamlFile, loc: Loc, test: RuleTestSection, rules: Sequence[Rule]) -> None:
    names = [rule.name for rule in rules]
    wrong = [
        at(
            file,
            (*loc, "alerts", n, "rule"),
            f"no rule {one.rule!r} watches {test.model}",
            did_you_mean(one.rule, names),
        )
        for n, one in enumerate(test.alerts or ())
        if one.rule not in names
    ]
    if wrong:
        raise ConfigMistakes(wrong)


def _wrong_alerts(file: YamlFile, loc: Loc, test: RuleTestSection, alerts: Sequence[PastAlert]) -> Iterator[str]:
    if test.alerts is None:
        return
    left = list(alerts)
    for number, expected in enumerate(test.alerts):
        found = next((one for one in left if _is(expected, one, test.start)), None)
        if found is not None:
            left.remove(found)
            continue
        near = [one for one in left if (one.subject.rule, one.subject.segment) == (expected.rule, expected.segment)]
        got = "; ".join(_said(one, test.start) for one in near) or "none of this rule"
        yield f"{_place(file, (*loc, 'alerts', number))}: expected {_wanted(expected)}; there is {got}"
    told = [one for one in left if not any(_is_near(one, expected) for expected in test.alerts)]
    for one in told:
        yield f"{_place(file, (*loc, 'alerts'))}: not expected: {_said(one, test.start)} ({one.why})"


def _is(expected: ExpectedAlert, alert: PastAlert, start: datetime) -> bool:
    ends = None if expected.ends is None else start + expected.ends
    return (
        _is_near(alert, expected)
        and alert.starts_at == start + expected.begins
        and alert.ends_at == ends
        and expected.severity in {None, alert.severity.value}
    )


def _is_near(alert: PastAlert, expected: ExpectedAlert) -> bool:
    return (alert.subject.rule, alert.subject.segment) == (expected.rule, expected.segment)


def _wanted(expected: ExpectedAlert) -> str:
    severity = Severity(expected.severity) if expected.severity else None
    return _alert_words(expected.rule, expected.segment, severity, expected.begins, expected.ends)


def _said(alert: PastAlert, start: datetime) -> str:
    ends = None if alert.ends_at is None else alert.ends_at - start
    return _alert_words(alert.subject.rule, alert.subject.segment, alert.severity, alert.starts_at - start, ends)


def _alert_words(rule: str, segment: str, severity: Severity | None, begins: timedelta, ends: timedelta | None) -> str:
    where = f" [{segment}]" if segment else ""
    until = f"to {_offset(ends)}" if ends is not None else "and on"
    return f"{rule}{where}" + (f" {severity}" if severity else "") + f" from {_offset(begins)} {until}"


# --- notifications


def _sent(settings: Settings, test: RuleTestSection, model: MonitoredModel, replayed: Replayed) -> list[Sent]:
    """Windows are judged when they close; the test's clock has no other delays."""
    told = [(step.window.end + model.lateness, step.events) for step in replayed.steps]
    last = max((when for when, _ in told), default=test.start)
    return notifications(settings, told, last + test.after)


def _wrong_notifications(file: YamlFile, loc: Loc, test: RuleTestSection, sent: Sequence[Sent]) -> Iterator[str]:
    left = list(sent)
    for number, expected in enumerate(test.notifications or ()):
        found = next((one for one in left if _matches(expected, one, test.start)), None)
        if found is not None:
            left.remove(found)
            continue
        wanted = _expected_message(expected, test.start)
        near = "; ".join(_message(one, test.start) for one in left if one.channel == expected.channel)
        place = _place(file, (*loc, "notifications", number))
        yield f"{place}: expected {wanted}; left are {near or 'none'}"
    if len(left) > 0 and len(sent) > len(test.notifications or ()):
        for one in left:
            yield f"{_place(file, (*loc, 'notifications'))}: not expected: {_message(one, test.start)}"


def _matches(expected: ExpectedNotification, sent: Sent, start: datetime) -> bool:
    return (
        sent.at == start + expected.at
        and sent.channel == expected.channel
        and expected.reason in {None, sent.reason}
        and sorted(expected.firing) == sorted(sent.firing)
        and sorted(expected.resolved) == sorted(sent.resolved)
    )


def _expected_message(expected: ExpectedNotification, start: datetime) -> str:
    reason, names = expected.reason or "any reason", (expected.firing, expected.resolved)
    return _message(Sent(start + expected.at, expected.channel, reason, *names), start)


def _message(sent: Sent, start: datetime) -> str:
    firing, resolved = ", ".join(sent.firing) or "none", ", ".join(sent.resolved) or "none"
    when = _offset(sent.at - start)
    return f"{sent.channel} at {when}: {sent.reason} (firing: {firing}; resolved: {resolved})"


def _offset(offset: timedelta) -> str:
    return format_duration(offset) if offset else "0s"


def _place(file: YamlFile, loc: Loc) -> str:
    return f"{file.path}:{file.line_of(loc)}"
