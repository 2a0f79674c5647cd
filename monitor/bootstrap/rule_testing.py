"""Play findings in shorthand to the configured rules and routes, and compare with what is expected."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from monitor.bootstrap.rule_notifications import Sent, notifications
from monitor.bootstrap.stated_findings import StatedPanes, metric_names, stated_findings
from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.directory import Settings, load
from monitor.config.mistakes import ConfigMistakes, at, did_you_mean, parse
from monitor.config.rule_test_file import (
    ExpectedAlert,
    ExpectedNotification,
    RuleTestFile,
    RuleTestSection,
)
from monitor.config.rules_crosscheck import named_tests
from monitor.config.yaml_file import Loc, YamlFile, read_yaml
from monitor.domain.models import MonitoredModel
from monitor.domain.rules import Rule, Severity
from monitor.domain.time import format_duration
from monitor.usecases.replay_rules import FindingsAtHand, PastAlert, Replayed, ReplayRules, past_alerts


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """One test: where it stands, and what was not as expected, each with file and line."""

    path: Path
    line: int
    name: str
    failures: tuple[str, ...]


def run_rule_tests(directory: Path, files: Sequence[Path]) -> list[RuleTestResult]:
    """Every test of the files, on the configuration of the folder; ConfigMistakes for mistakes in either."""
    known = vocabulary()
    settings, tests = load(directory, known, os.environ), named_tests(known)
    return [_run(settings, tests, file, index, test) for file, shape in map(_read, files)
            for index, test in enumerate(shape.tests)]  # fmt: skip


def _read(path: Path) -> tuple[YamlFile, RuleTestFile]:
    file = read_yaml(path)
    shape = parse(file, RuleTestFile)
    if isinstance(shape, tuple):
        raise ConfigMistakes(shape)
    return file, shape


def _run(
    settings: Settings, tests: Collection[str], file: YamlFile, index: int, test: RuleTestSection
) -> RuleTestResult:
    loc: Loc = ("tests", index)
    model = settings.judged.get(test.model)
    if model is None:
        hint = did_you_mean(test.model, settings.judged, what="models here")
        raise ConfigMistakes([at(file, (*loc, "model"), f"unknown model {test.model!r}", hint)])
    rules = [rule for rule in settings.rules if rule.applies_to(model.name)]
    _refuse_unknown_rules(file, loc, test, rules)
    findings = stated_findings(file, loc, test, model, tests)
    replay = ReplayRules(rules, metric_names(), StatedPanes(test, model), lambda _id: test.importances)
    end = max((finding.window.end for finding in findings), default=test.start)
    replayed = replay.run(model, FindingsAtHand(findings), test.start, end)
    failures = list(_wrong_alerts(file, loc, test, past_alerts(replayed, rules, model)))
    if test.notifications is not None:
        failures += _wrong_notifications(file, loc, test, _sent(settings, test, model, replayed))
    return RuleTestResult(file.path, file.line_of(loc), test.name, tuple(failures))


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
