"""Mistakes about sequential detectors that no section shows by itself."""

from collections.abc import Iterator

from monitor.config.mistakes import at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.sequential_section import EVERY
from monitor.config.vocabulary import Vocabulary
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.errors import ConfigError
from monitor.domain.models import OUTPUT_COLUMNS, PREDICTION, ColumnKind, Task
from monitor.domain.sequential import DETECTORS, WATCHES_CATEGORIES


def detectors_twice(file: YamlFile, shape: ModelFile) -> Iterator[ConfigError]:
    """Detectors whose states and findings would have the same name."""
    seen: set[str] = set()
    for index, one in enumerate(shape.sequential):
        name = f"{one.detector}({one.column})"
        if name in seen:
            hint = "only one can watch, whatever its rate and shift: leave the other out"
            yield at(file, ("sequential", index, "detector"), f"there are two detectors {name}", hint)
        seen.add(name)


def detectors_of_no_column(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Columns that no baseline of the model has, where the database could be asked."""
    columns = known.columns.get(shape.model)
    if columns is None:
        return
    for index, one in enumerate(shape.sequential):
        if one.column not in columns.keys() | set(OUTPUT_COLUMNS):
            hint = did_you_mean(one.column, columns, what="columns of its baselines")
            yield at(file, ("sequential", index, "column"), f"no baseline has the column {one.column!r}", hint)


def detectors_of_categories(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Detectors that need the order of values, on columns that have none: they would watch nothing."""
    for index, one in enumerate(shape.sequential):
        why = "" if one.detector in WATCHES_CATEGORIES else _categorical(one.column, shape, known)
        if why:
            message = f"{one.detector} needs numbers, and {one.column!r} is categorical: {why}"
            hint = f"write detector: {' or '.join(sorted(WATCHES_CATEGORIES))}, or name a numeric column"
            yield at(file, ("sequential", index, "column"), message, hint)


def _categorical(column: str, shape: ModelFile, known: Vocabulary) -> str:
    """How it is known that a column is categorical; empty where it is not."""
    if column in shape.training.categorical:
        return "`training` says so"
    if column == PREDICTION and shape.task and Task(shape.task).has_classes:
        return f"a {shape.task} model predicts labels"
    found = known.columns.get(shape.model, {}).get(column)
    return "its baselines say so" if found is not None and ColumnKind.NUMERIC not in found.kinds else ""


def detectors_of_no_segment(file: YamlFile, shape: ModelFile) -> Iterator[ConfigError]:
    """Segments that the model does not declare."""
    declared = {segment.name for segment in shape.segments}
    for index, one in enumerate(shape.sequential):
        for place, name in enumerate(one.segments):
            if name not in declared and name != EVERY:
                hint = did_you_mean(name, declared, what="segments of this model")
                yield at(file, ("sequential", index, "segments", place), f"unknown segment {name!r}", hint)
            elif name == EVERY and not declared:
                hint = "declare `segments`, or leave this out"
                yield at(file, ("sequential", index, "segments", place), "the model has no segments", hint)


def unwatched(file: YamlFile, loc: Loc, test: str | None, watched: list[ModelFile]) -> Iterator[ConfigError]:
    """A condition on a sequential detector that no watched model has."""
    if test in DETECTORS and watched and not any(one.detector == test for shape in watched for one in shape.sequential):
        hint = f"give the model `sequential: [{{detector: {test}, column: COLUMN, false_alarm: 1 per 100000 records}}]`"
        yield at(file, loc, f"no model that it watches has a detector {test}: the condition never holds", hint)
