"""Mistakes about metrics of Evidently that no section shows by itself."""

import math
from collections.abc import Iterator

from monitor.config.evidently_section import EvidentlyConditionSection, EvidentlySection
from monitor.config.mistakes import at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.thresholds_crosscheck import Scale, threshold_mistakes
from monitor.config.vocabulary import Vocabulary
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.errors import ConfigError
from monitor.domain.evidently import ELSEWHERE, EVIDENTLY_METRICS, METHODS, EvidentlyMetric
from monitor.domain.models import OUTPUT_COLUMNS

_METHODS = ("method", "num_method", "cat_method")


def evidently_mistakes(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Metrics that are unknown or cannot serve, what they lack or have for nothing, names given twice."""
    seen: set[tuple[str, str | None, str]] = set()
    segments = {segment.name for segment in shape.segments}
    for index, one in enumerate(shape.evidently):
        loc: Loc = ("evidently", index)
        for inner, message, hint in _of_metric(one):
            yield at(file, (*loc, *inner), message, hint)
        if one.segment and one.segment not in segments:
            hint = did_you_mean(one.segment, segments, what="segments of this model")
            yield at(file, (*loc, "segment"), f"unknown segment {one.segment!r}", hint)
        if one.called in known.tests:
            hint = "findings would be mixed up: choose another name"
            yield at(file, (*loc, "name"), f"{one.called!r} is the name of a test of this program", hint)
        identity = (one.called, one.column, one.segment)
        if identity in seen:
            of = f" of {one.column}" if one.column else ""
            hint = f"give one a name of its own, as in name: {one.metric}_2"
            yield at(file, (*loc, "metric"), f"there are two metrics {one.called}{of}", hint)
        seen.add(identity)
    if shape.evidently and shape.archive is None:
        hint = "set archive: true (or how), or leave the metrics out"
        yield at(file, ("evidently",), "metrics of Evidently need raw rows, which the model does not keep", hint)


def evidently_of_no_column(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Columns that no baseline of the model has, where the database could be asked."""
    columns = known.columns.get(shape.model)
    for index, one in enumerate(shape.evidently if columns is not None else ()):
        if columns is not None and one.column and one.column not in columns.keys() | set(OUTPUT_COLUMNS):
            hint = did_you_mean(one.column, columns, what="columns of its baselines")
            yield at(file, ("evidently", index, "column"), f"no baseline has the column {one.column!r}", hint)


def unasked(
    file: YamlFile, loc: Loc, condition: EvidentlyConditionSection, watched: list[ModelFile]
) -> Iterator[ConfigError]:
    """A condition on a metric, or on a column of it, that no watched model asks for: it never holds."""
    metric, column, names = condition.metric, condition.column, names_of(watched)
    if watched and metric not in names:
        message = f"no model that it watches asks for the metric {metric!r} of Evidently: the condition never holds"
        yield at(file, (*loc, "metric"), message, did_you_mean(metric, names) if names else _ask_for(metric, column))
    elif watched and column is not None:
        columns = {one.column for shape in watched for one in shape.evidently if one.called == metric and one.column}
        if column not in columns:
            message = f"no model that it watches asks for {metric} of the column {column!r}: the condition never holds"
            hint = did_you_mean(column, columns) if columns else "leave `column` out"
            yield at(file, (*loc, "column"), message, hint)


def _ask_for(metric: str, column: str | None) -> str:
    """An entry that a model could have; a parameter that has no usual value is left to fill in."""
    known = EVIDENTLY_METRICS.get(metric)
    parts = [f"metric: {metric}"]
    if known is not None and known.of_column:
        parts.append(f"column: {column or 'COLUMN'}")
    if known is not None and known.needs:
        needs = ", ".join(f"{name}: {'psi' if name == 'method' else '...'}" for name in sorted(known.needs))
        parts.append(f"parameters: {{{needs}}}")
    return f"give the model `evidently: [{{{', '.join(parts)}}}]`"


def names_of(watched: list[ModelFile]) -> set[str]:
    """What findings of metrics of Evidently are called in these models."""
    return {one.called for shape in watched for one in shape.evidently}


def _of_metric(one: EvidentlySection) -> Iterator[tuple[Loc, str, str]]:
    metric = EVIDENTLY_METRICS.get(one.metric)
    if metric is not None:
        yield from _wrong_use(one, metric)
    elif one.metric in ELSEWHERE:
        why, ours = ELSEWHERE[one.metric]
        yield ("metric",), f"Evidently's {one.metric} cannot serve here: {why}", f"use the check {ours}"
    else:
        hint = did_you_mean(one.metric, EVIDENTLY_METRICS, what="metrics that can")
        yield ("metric",), f"{one.metric!r} is no metric of Evidently that can serve here", hint


def _wrong_use(one: EvidentlySection, metric: EvidentlyMetric) -> Iterator[tuple[Loc, str, str]]:
    """Evidently itself would take no notice of a parameter that it does not know."""
    if metric.of_column and one.column is None:
        yield ("metric",), f"{one.metric} is about one column", "name it, as in column: amount"
    if not metric.of_column and one.column is not None:
        yield ("column",), f"{one.metric} is about all columns", "leave `column` out"
    for name in sorted(metric.needs - one.parameters.keys()) if one.parameters.keys() <= metric.parameters else ():
        yield ("metric",), f"{one.metric} needs the parameter `{name}`", _how(name)
    for name in one.parameters:
        if name not in metric.parameters:
            hint = did_you_mean(name, metric.parameters, what=f"parameters of {one.metric}")
            yield ("parameters", name), f"{one.metric} has no parameter {name!r}", hint
        elif name in _METHODS and one.parameters[name] not in METHODS:
            method = str(one.parameters[name])
            yield ("parameters", name), f"unknown method {method!r}", did_you_mean(method, METHODS, what="methods")
    if one.threshold is not None:
        scale = Scale(-math.inf, is_bad_below=True if one.spec().is_p_value else None)
        for inner, message, hint in threshold_mistakes(one.called, one.threshold, scale):
            yield ("threshold", *inner), message, hint


def _how(parameter: str) -> str:
    if parameter == "method":
        why = "without it Evidently chooses by the number of rows, so that a limit would change its meaning"
        return f"{why}; methods: {', '.join(sorted(METHODS))}"
    return f"as in parameters: {{{parameter}: ...}}"
