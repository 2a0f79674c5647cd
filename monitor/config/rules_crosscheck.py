"""Mistakes of rules that no file shows by itself: names that lead nowhere, rules that wait for one another."""

from collections.abc import Iterator
from dataclasses import replace

from monitor.config.checks_crosscheck import ALWAYS
from monitor.config.condition_section import ConditionSection, DropSection, LabelCoverageSection, LeafSection
from monitor.config.crosscheck import Models, twice
from monitor.config.evidently_crosscheck import names_of, unasked
from monitor.config.evidently_section import EvidentlyConditionSection
from monitor.config.further_truths_crosscheck import by_further_truths
from monitor.config.mistakes import Mistakes, at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.rules_file import RuleSection, RulesFile
from monitor.config.sequential_crosscheck import unwatched
from monitor.config.serving_crosscheck import unmeasured
from monitor.config.vocabulary import Vocabulary
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.errors import ConfigError
from monitor.domain.sequential import DETECTORS
from monitor.rules.leaves import asks_rules
from monitor.stats.serving import SERVING_METRICS

Rules = list[tuple[YamlFile, RulesFile]]
Placed = list[tuple[YamlFile, Loc, RuleSection]]
STANDING_TESTS = frozenset(
    {
        "silence",
        "volume",
        "coverage",
        "truth_coverage",
        "staleness",
        "lag",
        "baseline",
        "checks",
        "model_drift",
        "baseline_age",
    }
)
"""Tests of findings that no check has to name."""


def check_rules(rules: Rules, models: Models, known: Vocabulary, *, has_all_models: bool) -> Mistakes:
    """Names given twice; models, tests, columns and segments that no model has.

    Without `has_all_models` some model file could not be read: nothing is said about unknown models, nor of a rule
    that may watch that model about what no model has.
    """
    places = [
        (file, ("rules", index, "name"), rule.name) for file, shape in rules for index, rule in enumerate(shape.rules)
    ]
    warnings: list[ConfigError] = []
    further = by_further_truths(models)
    read = {shape.model for _, shape in [*models, *further]}
    known = replace(known, columns={**known.columns, **{shape.model: {} for _, shape in further}})
    for file, shape in rules:
        for index, rule in enumerate(shape.rules):
            loc: Loc = ("rules", index)
            warnings += _unknown_models(file, loc, rule, [*models, *further]) if has_all_models else ()
            if has_all_models or read.issuperset(rule.models):
                warnings += _rule(file, loc, rule, _watched(rule, models, further), known)
                warnings += _never_by_truth(file, loc, rule, further, known)
    placed: Placed = [(file, ("rules", n), rule) for file, shape in rules for n, rule in enumerate(shape.rules)]
    errors = [*twice(places, "rule"), *_asked(placed)]
    return Mistakes(tuple(errors), tuple(warnings))


def _asked(placed: Placed) -> Iterator[ConfigError]:
    """Rules that are asked for and not there; rules that wait for themselves, said once, where the circle begins."""
    asks = {rule.name: asks_rules(rule.value()) for _, _, rule in placed}
    said: set[str] = set()
    for file, loc, rule in placed:
        for name in asks[rule.name]:
            if name not in asks:
                hint = did_you_mean(name, asks, what="rules here")
                yield at(
                    file, (*loc, *_place(rule, name)), f"rule {rule.name!r} asks for the unknown rule {name!r}", hint
                )
        circle = _circle(rule.name, asks)
        if circle and not said & set(circle):
            said |= set(circle)
            shown = " -> ".join(circle)
            place = (*loc, *_place(rule, circle[1]))
            yield at(file, place, f"rules ask for one another in a circle: {shown}", "a rule must not wait for itself")


def _place(rule: RuleSection, name: str) -> Loc:
    """Where the rule asks for this one."""
    places = (place for place, one in _everything((), rule) if one.fires == name)
    return (*next(places, ("when",)), "fires")


def _everything(loc: Loc, rule: RuleSection) -> Iterator[tuple[Loc, ConditionSection]]:
    """All conditions of the rule and their parts, with their places."""
    yield from _walk((*loc, "when"), rule.when)
    for index, step in enumerate(rule.escalate):
        yield from _walk((*loc, "escalate", index, "when"), step.when)


def _circle(start: str, asks: dict[str, list[str]]) -> list[str]:
    """The way from a rule back to itself; empty when there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in asks.get(way[-1], ()):
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _walk(loc: Loc, section: ConditionSection) -> Iterator[tuple[Loc, ConditionSection]]:
    """The condition and all below it, with their places."""
    yield loc, section
    for place, part in section.parts():
        yield from _walk((*loc, *place), part)


def _unknown_models(file: YamlFile, loc: Loc, rule: RuleSection, models: Models) -> Iterator[ConfigError]:
    names = {shape.model for _, shape in models}
    for name in rule.models:
        if name != "*" and name not in names:
            hint = did_you_mean(name, names, what="models here")
            yield at(file, (*loc, "models"), f"rule {rule.name!r} names the unknown model {name!r}", hint)


def _watched(rule: RuleSection, models: Models, further: Models) -> list[ModelFile]:
    """The models that the rule is about; of further truths those that it names, for `*` is written for the models."""
    named = [shape for _, shape in further if shape.model in rule.models]
    return [shape for _, shape in models if "*" in rule.models or shape.model in rule.models] + named


def _rule(
    file: YamlFile, loc: Loc, rule: RuleSection, watched: list[ModelFile], known: Vocabulary
) -> Iterator[ConfigError]:
    without = [shape.model for shape in watched if shape.retraining is None]
    if rule.retrain and watched and len(without) == len(watched):
        message = f"rule {rule.name!r} asks for retraining, but no model that it watches has a policy"
        yield at(file, (*loc, "retrain"), message, "give the model `retraining: POLICY`")
    if rule.each == "segment" and watched and not any(shape.segments for shape in watched):
        message = f"rule {rule.name!r} wants an alert for each segment, but no model that it watches has any"
        yield at(file, (*loc, "each"), message, "give the model `segments`, or write each: model")
    for inner, one in _everything(loc, rule):
        yield from _leaf(file, inner, one, watched, known)


def _never_by_truth(
    file: YamlFile, loc: Loc, rule: RuleSection, further: Models, known: Vocabulary
) -> Iterator[ConfigError]:
    """Conditions on what truth does not tell, in a rule about further truths alone."""
    if not rule.models or not set(rule.models) <= {shape.model for _, shape in further}:
        return
    untold = (known.tests.keys() - known.metrics) | (STANDING_TESTS - {"truth_coverage", "checks"})
    for inner, one in _everything(loc, rule):
        test = getattr(one.leaf(), "test", None)
        if test in untold:
            message = f"{test} is not told by truth, and {' and '.join(rule.models)} is judged by nothing else"
            yield at(file, (*inner, next(iter(one.model_fields_set)), "test"), message, "watch the model itself by it")


def _leaf(
    file: YamlFile, loc: Loc, section: ConditionSection, watched: list[ModelFile], known: Vocabulary
) -> Iterator[ConfigError]:
    """Names in a condition that has no parts."""
    leaf = section.leaf()
    if leaf is None or isinstance(leaf, LabelCoverageSection):
        return
    loc = (*loc, next(iter(section.model_fields_set)))
    test, key = (leaf.metric, "metric") if isinstance(leaf, DropSection) else (leaf.test, "test")
    if isinstance(leaf, EvidentlyConditionSection):
        yield from unasked(file, loc, leaf, watched)
    elif test and known.tests and test not in named_tests(known) | names_of(watched):
        hint = did_you_mean(test, known.tests, what="tests")
        yield at(file, (*loc, key), f"unknown test {test!r}: the condition never holds", hint)
    yield from unmeasured(file, loc, test, watched)
    yield from unwatched(file, loc, test, watched)
    yield from _narrowing(file, loc, leaf, watched, known)


def named_tests(known: Vocabulary) -> set[str]:
    """Every name of a test that a condition may ask for, beside metrics of Evidently."""
    return {*known.tests, *STANDING_TESTS, *SERVING_METRICS, *DETECTORS}


def _narrowing(
    file: YamlFile, loc: Loc, leaf: LeafSection, watched: list[ModelFile], known: Vocabulary
) -> Iterator[ConfigError]:
    column, segment = getattr(leaf, "column", None), getattr(leaf, "segment", None)
    segments = {s.name for shape in watched for s in shape.segments}
    if segment and segment not in segments:
        hint = did_you_mean(segment, segments, what="segments of its models")
        yield at(file, (*loc, "segment"), f"unknown segment {segment!r}: the condition never holds", hint)
    if column is None or not all(shape.model in known.columns for shape in watched):
        return
    columns = {c for shape in watched for c in (*known.columns[shape.model], *shape.derived_columns)} | ALWAYS
    if watched and column not in columns:
        hint = did_you_mean(column, columns, what="columns of its models")
        yield at(file, (*loc, "column"), f"unknown column {column!r}: the condition never holds", hint)
