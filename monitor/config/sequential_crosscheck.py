"""Mistakes about sequential detectors that no section shows by itself."""

from collections.abc import Iterator

from monitor.config.mistakes import at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.vocabulary import Vocabulary
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.errors import ConfigError
from monitor.domain.models import OUTPUT_COLUMNS
from monitor.domain.sequential import DETECTORS


def detectors_twice(file: YamlFile, shape: ModelFile) -> Iterator[ConfigError]:
    """Detectors whose states and findings would have the same name."""
    seen: set[str] = set()
    for index, one in enumerate(shape.sequential):
        name = one.spec().name
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


def unwatched(file: YamlFile, loc: Loc, test: str | None, watched: list[ModelFile]) -> Iterator[ConfigError]:
    """A condition on a sequential detector that no watched model has."""
    if test in DETECTORS and watched and not any(one.detector == test for shape in watched for one in shape.sequential):
        hint = f"give the model `sequential: [{{detector: {test}, column: COLUMN, false_alarm: 1 per 100000 records}}]`"
        yield at(file, loc, f"no model that it watches has a detector {test}: the condition never holds", hint)
