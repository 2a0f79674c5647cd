"""What a rule watches: its leaves, the evaluations it is folded over, how far back it looks, its segments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.domain.rules import (
    AllOf,
    AnyOf,
    CheckIsBad,
    Condition,
    DropAgainst,
    Dropped,
    FewLabels,
    Fires,
    Leaf,
    Measured,
    NoData,
    Not,
    Rule,
    ShareDrifted,
    Subject,
    Trending,
    Unknown,
)
from monitor.domain.sequential import DETECTORS
from monitor.rules.conditions import GROUND_TRUTH, LAG, STALENESS

NO_DATA_SUFFIX = ".no-data"
"""The rule that alerts about the missing data of another is called like that, and this."""


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every condition in it that has no parts."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part) | Unknown(part):
            yield from leaves(part)
        case _:
            yield condition


def leaves_of(rule: Rule) -> Iterator[Leaf]:
    """Those of its condition and of its escalations."""
    yield from leaves(rule.when)
    for escalation in rule.escalations:
        yield from leaves(escalation.when)


def kind_of(rule: Rule, rules: Mapping[str, Rule], metric_names: frozenset[str]) -> EvaluationKind:
    """The evaluations that the rule is folded over.

    A rule on performance is folded when truth has come, windows later than the rules on drift alone; one on the
    reading of the stream by the clock. A rule that asks only whether others fire is folded with the first of them.
    """
    kinds = {_kind(leaf, rules, metric_names) for leaf in leaves(rule.when)}
    for kind in (EvaluationKind.STREAM, EvaluationKind.SEQUENTIAL, EvaluationKind.PERFORMANCE):
        if kind in kinds:
            return kind
    return EvaluationKind.DRIFT


def watches_stream(condition: Condition) -> bool:
    """Whether a part of the condition asks whether the stream is being read, which is judged by the clock."""
    return any(isinstance(leaf, CheckIsBad | Measured) and leaf.test in {STALENESS, LAG} for leaf in leaves(condition))


def watches_records(condition: Condition) -> bool:
    """Whether a part of the condition asks for the alarm of a sequential detector, which does not wait for a window."""
    return any(isinstance(leaf, CheckIsBad | Measured) and leaf.test in DETECTORS for leaf in leaves(condition))


def watches_performance(condition: Condition, metric_names: frozenset[str]) -> bool:
    """Whether a part of the condition asks for a finding on performance, which comes only with ground truth."""
    return any(_asks_for_truth(leaf, metric_names) for leaf in leaves(condition))


def looks_back(rule: Rule) -> int:
    """How many windows before the judged one the rule needs to see."""
    spans = [leaf.over for leaf in leaves_of(rule) if isinstance(leaf, Dropped | Trending) and _needs_past(leaf)]
    return max(spans, default=0)


def asks_rules(rule: Rule) -> list[str]:
    """The names of the rules whose phase its conditions ask for."""
    return [leaf.rule for leaf in leaves_of(rule) if isinstance(leaf, Fires)]


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, each after those that it asks for; the order is kept otherwise. There must be no loop."""
    by_name = {rule.name: rule for rule in rules}
    done: dict[str, Rule] = {}

    def add(rule: Rule, above: tuple[str, ...]) -> None:
        if rule.name in done or rule.name in above:
            return
        for name in asks_rules(rule):
            if name in by_name:
                add(by_name[name], (*above, rule.name))
        done[rule.name] = rule

    for rule in rules:
        add(rule, ())
    return list(done.values())


def with_own_no_data(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, and after each that wants an alert of its own for missing data the rule that raises it."""
    return [one for rule in rules for one in ([rule, _about_no_data(rule)] if rule.no_data is NoData.OWN else [rule])]


def subjects(rule: Rule, model: MonitoredModel) -> list[Subject]:
    """What the rule has a state for: the model, or each of its segments."""
    segments = [segment.name for segment in model.segments] if rule.each_segment else [ALL_TRAFFIC]
    return [Subject(rule.name, model.name, segment) for segment in segments]


def of_subject(rule: Rule, subject: Subject) -> Rule:
    """The rule as it is folded for the subject: its conditions ask for the subject's segment."""
    if not rule.each_segment:
        return rule
    escalations = tuple(replace(one, when=_of_segment(one.when, subject.segment)) for one in rule.escalations)
    return replace(rule, when=_of_segment(rule.when, subject.segment), escalations=escalations)


def _about_no_data(rule: Rule) -> Rule:
    return replace(
        rule,
        name=f"{rule.name}{NO_DATA_SUFFIX}",
        alertname=rule.alertname or rule.name,
        when=Unknown(rule.when),
        hold=rule.no_data_after,
        labels={**rule.labels, "no_data": "true"},
        summary=f"{rule.summary.rstrip('.') or rule.name}: no data to tell",
        no_data=NoData.HOLD,
        no_data_after=rule.no_data_after * 0,
        escalations=(),
        at_least=1,
        of_last=1,
        retrain=False,
    )


def _of_segment(condition: Condition, segment: str) -> Condition:
    match condition:
        case AllOf(parts):
            return AllOf(tuple(_of_segment(part, segment) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_of_segment(part, segment) for part in parts))
        case Not(part):
            return Not(_of_segment(part, segment))
        case Unknown(part):
            return Unknown(_of_segment(part, segment))
        case ShareDrifted() | CheckIsBad() | Measured() | Trending():
            return replace(condition, segment=segment)
        case _:
            return condition


def _kind(leaf: Leaf, rules: Mapping[str, Rule], metric_names: frozenset[str]) -> EvaluationKind:
    if isinstance(leaf, Fires):
        asked = rules.get(leaf.rule)
        rest = {name: rule for name, rule in rules.items() if name != leaf.rule}  # a loop must not hang us
        return kind_of(asked, rest, metric_names) if asked else EvaluationKind.DRIFT
    if watches_stream(leaf):
        return EvaluationKind.STREAM
    if watches_records(leaf):
        return EvaluationKind.SEQUENTIAL
    return EvaluationKind.PERFORMANCE if _asks_for_truth(leaf, metric_names) else EvaluationKind.DRIFT


def _asks_for_truth(leaf: Leaf, metric_names: frozenset[str]) -> bool:
    match leaf:
        case CheckIsBad() | Measured() | Trending():
            return leaf.column == GROUND_TRUTH or leaf.test in metric_names
        case Dropped():
            return leaf.of in metric_names
        case _:
            return isinstance(leaf, FewLabels)


def _needs_past(leaf: Dropped | Trending) -> bool:
    return isinstance(leaf, Trending) or leaf.against is not DropAgainst.BASELINE
