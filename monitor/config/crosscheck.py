"""Mistakes that no file shows by itself: names that lead nowhere, names given twice."""

from collections.abc import Iterable, Iterator, Mapping

from monitor.config.checks_crosscheck import check_mistakes, never_judged, unknown_in_baselines
from monitor.config.evidently_crosscheck import evidently_mistakes, evidently_of_no_column
from monitor.config.fairness_crosscheck import check_fairness
from monitor.config.further_truths_crosscheck import (
    by_further_truths,
    further_truth_mistakes,
    truths_outlive_records,
)
from monitor.config.mistakes import Mistakes, at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.monitor_file import MonitorFile
from monitor.config.retraining_section import PolicySection
from monitor.config.secrets import SECRET_MUST_BE_THERE
from monitor.config.sequential_crosscheck import (
    detectors_of_categories,
    detectors_of_no_column,
    detectors_of_no_segment,
    detectors_twice,
)
from monitor.config.serving_crosscheck import serving_mistakes
from monitor.config.source_section import FilesSource, KafkaSource
from monitor.config.vocabulary import Vocabulary
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.errors import ConfigError

Models = list[tuple[YamlFile, ModelFile]]


def check_monitor(file: YamlFile, shape: MonitorFile, known: Vocabulary, environ: Mapping[str, str]) -> Mistakes:
    """Triggers, policies, formats, plug-in sources and secrets."""
    errors = [
        *_source(file, shape, known),
        *_formats(file, shape, known),
        *_triggers(file, shape, known),
        *_policies(file, shape, known),
    ]
    warnings = [
        at(file, loc, f"a secret cannot be read now: {problem}", SECRET_MUST_BE_THERE)
        for loc, secret in shape.secrets()
        if (problem := secret.problem(environ))
    ]
    return Mistakes(tuple(errors), tuple(warnings))


def check_registry(file: YamlFile, shape: MonitorFile, models: Models) -> Mistakes:
    """Models of the registry that are not models here; to be asked when every model file could be read."""
    registry, names = shape.retraining.registry, [model.model for _, model in models]
    errors = [
        at(
            file,
            ("retraining", "registry", "models", name),
            f"unknown model {name!r}",
            did_you_mean(name, names, what="models here"),
        )
        for name in (registry.models if registry else ())
        if name not in names
    ]
    return Mistakes(tuple(errors), ())


def check_truth_sources(file: YamlFile, shape: MonitorFile, models: Models) -> Mistakes:
    """Tables of truth about models that are not here, or wait for no truth; to be asked as `check_registry`."""
    waiting = {model.model: model.ground_truth for _, model in models}
    further = {model.model: model.truths.keys() for _, model in models}
    errors, warnings = list[ConfigError](), list[ConfigError]()
    for source, section in shape.truth_sources.items():
        loc: Loc = ("truth_sources", source)
        truth = waiting.get(section.model)
        if section.model not in waiting:
            hint = did_you_mean(section.model, waiting, what="models here")
            errors.append(at(file, (*loc, "model"), f"unknown model {section.model!r}", hint))
        elif truth is None:
            hint = "give it the section `ground_truth`"
            errors.append(at(file, (*loc, "model"), f"model {section.model!r} keeps no ground truth", hint))
        elif section.name not in {truth.name, *further[section.model]}:
            place = (*loc, "name") if section.name else loc
            said = f"no metric of {section.model} rests on truth named {section.name!r}"
            hint = f"its ground_truth.name is {truth.name!r}; others are kept and shown, and judged if in its `truths`"
            warnings.append(at(file, place, said, hint))
    return Mistakes(tuple(errors), tuple(warnings))


def check_models(models: Models, monitor: MonitorFile | None, known: Vocabulary) -> Mistakes:
    """Names given twice, unknown tests, parameters, segments, columns and policies."""
    named = [*models, *by_further_truths(models)]
    errors = list(twice([(file, ("model",), shape.model) for file, shape in named], "model"))
    warnings: list[ConfigError] = []
    for file, shape in models:
        errors += check_mistakes(file, shape, known)
        errors += further_truth_mistakes(file, shape, known)
        errors += check_fairness(file, shape)
        errors += serving_mistakes(file, shape)
        errors += detectors_twice(file, shape)
        errors += detectors_of_no_segment(file, shape)
        errors += detectors_of_categories(file, shape, known)
        errors += evidently_mistakes(file, shape, known)
        warnings += evidently_of_no_column(file, shape, known)
        warnings += detectors_of_no_column(file, shape, known)
        warnings += unknown_in_baselines(file, shape, known)
        warnings += never_judged(file, shape, known)
        if monitor is not None and monitor.stream.archive.hash_key is None:
            errors += _hashes_without_key(file, shape)
        if monitor is not None:
            errors += truths_outlive_records(file, shape, monitor)
        policies = monitor.retraining.policies if monitor else None
        if policies is not None and shape.retraining and shape.retraining not in policies:
            hint = did_you_mean(shape.retraining, policies, what="policies in monitor.yaml")
            errors.append(at(file, ("retraining",), f"unknown retraining policy {shape.retraining!r}", hint))
    return Mistakes(tuple(errors), tuple(warnings))


def _hashes_without_key(file: YamlFile, shape: ModelFile) -> Iterator[ConfigError]:
    personal = shape.archive.personal if shape.archive else {}
    for column, how in personal.items():
        if how == "hash":
            hint = "set stream.archive.hash_key: {env: NAME} in monitor.yaml, or write mask"
            yield at(
                file,
                ("archive", "personal", column),
                f"a hash of {column!r} without a key is easily guessed back",
                hint,
            )


def _source(file: YamlFile, shape: MonitorFile, known: Vocabulary) -> Iterator[ConfigError]:
    kind = shape.source.kind
    if known.sources and kind not in known.sources:
        hint = did_you_mean(kind, known.sources, what="sources here")
        yield at(file, ("source", "kind"), f"unknown source kind {kind!r}", hint)


def _formats(file: YamlFile, shape: MonitorFile, known: Vocabulary) -> Iterator[ConfigError]:
    source = shape.source
    if not isinstance(source, KafkaSource | FilesSource):
        return
    topics = source.names
    for topic, section in source.formats.items():
        loc: Loc = ("source", "formats", topic)
        if topic not in topics:
            hint = did_you_mean(topic, topics, what="read here")
            yield at(file, loc, f"a format for {topic!r}, which is not read", hint)
        check = known.formats.get(section.format)
        if check is None and known.formats:
            hint = did_you_mean(section.format, known.formats, what="formats here")
            yield at(file, (*loc, "format"), f"unknown format {section.format!r}", hint)
        for inner, message, hint in check(section.options) if check else ():
            yield at(file, (*loc, *inner), message, hint)


def _triggers(file: YamlFile, shape: MonitorFile, known: Vocabulary) -> Iterator[ConfigError]:
    for name, trigger in shape.retraining.triggers.items():
        loc: Loc = ("retraining", "triggers", name)
        check = known.triggers.get(trigger.kind)
        if check is None and known.triggers:
            hint = did_you_mean(trigger.kind, known.triggers, what="kinds here")
            yield at(file, (*loc, "kind"), f"unknown trigger kind {trigger.kind!r}", hint)
        for inner, message, hint in check(trigger.settings) if check else ():
            yield at(file, (*loc, *inner), message, hint)


def _policies(file: YamlFile, shape: MonitorFile, known: Vocabulary) -> Iterator[ConfigError]:
    for name, policy in shape.retraining.policies.items():
        for inner, metric in _metrics_of(policy):
            loc: Loc = ("retraining", "policies", name, *inner)
            if metric in known.tests and metric not in known.metrics:
                hint = did_you_mean(metric, known.metrics, what="metrics")
                yield at(file, loc, f"{metric} does not judge predictions by their truth", hint)
            elif known.tests and metric not in known.metrics:
                hint = did_you_mean(metric, known.metrics, what="metrics")
                yield at(file, loc, f"unknown performance metric {metric!r}", hint)
        if policy.trigger not in shape.retraining.triggers:
            hint = did_you_mean(policy.trigger, shape.retraining.triggers, what="triggers here")
            loc = ("retraining", "policies", name, "trigger")
            yield at(file, loc, f"unknown trigger {policy.trigger!r}", hint)


def _metrics_of(policy: PolicySection) -> Iterator[tuple[Loc, str]]:
    if policy.cost is not None:
        yield ("cost", "metric"), policy.cost.metric
    for index, metric in enumerate(policy.verify.metrics if policy.verify else ()):
        yield ("verify", "metrics", index), metric


def twice(places: Iterable[tuple[YamlFile, Loc, str]], what: str) -> Iterator[ConfigError]:
    """A mistake for every name that was given before."""
    first: dict[str, str] = {}
    for file, loc, name in places:
        if name in first:
            message = f"{what} {name!r} is defined twice (first in {first[name]})"
            yield at(file, loc, message, f"give each {what} its own name")
        first.setdefault(name, f"{file.path.name}:{file.line_of(loc)}")
