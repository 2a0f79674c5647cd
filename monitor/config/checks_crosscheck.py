"""Mistakes about checks that their section does not show by itself: what they name, and what they name for nothing."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from monitor.config.check_section import CheckSection
from monitor.config.mistakes import at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.thresholds_crosscheck import Scale, threshold_mistakes
from monitor.config.vocabulary import KnownColumn, Vocabulary
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.checks import RECORDS
from monitor.domain.errors import ConfigError
from monitor.domain.models import OUTPUT_COLUMNS, PREDICTION, ColumnKind
from monitor.domain.references import Against
from monitor.rules.conditions import GROUND_TRUTH
from monitor.stats.serving import LATENCIES

ALWAYS = frozenset({*OUTPUT_COLUMNS, "ground_truth", "estimate", "records", "all_columns"})
"""Columns of findings that no baseline has to name."""

_EVERY = "*"


def check_mistakes(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Unknown tests, parameters and segments; values that a test cannot take; checks given twice or for nothing."""
    yield from _checks(file, shape, known)
    yield from _repeated(file, shape)
    yield from _row_tests(file, shape, known)
    yield from _metrics(file, shape, known)
    yield from _thresholds(file, shape, known)


def _thresholds(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    for index, check in enumerate(shape.checks):
        if check.threshold is not None:
            scale = known.scales.get(check.test, Scale())
            for inner, message, hint in threshold_mistakes(check.test, check.threshold, scale):
                yield at(file, ("checks", index, "threshold", *inner), message, hint)


def never_judged(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Metrics of a model that takes no ground truth: what is sent of it is not kept."""
    for index, check in enumerate(shape.checks if shape.ground_truth is None else ()):
        if check.test in known.metrics:
            message = f"{check.test} needs ground truth, which the model does not take: it is never judged"
            hint = "give the model ground_truth: {wait: 1d, horizon: 7d}, or leave the check out"
            yield at(file, ("checks", index, "test"), message, hint)


def unknown_in_baselines(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """What no stored baseline of the model has: columns, numbers where latencies are due, labels."""
    if shape.model in known.columns:
        yield from _check_columns(file, shape, known)
        yield from _latencies(file, shape, known)
        yield from _labels(file, shape, known)


def _checks(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    segments = {segment.name for segment in shape.segments}
    for index, check in enumerate(shape.checks):
        loc: Loc = ("checks", index)
        if check.segment and check.segment not in segments:
            hint = did_you_mean(check.segment, segments, what="segments of this model")
            yield at(file, (*loc, "segment"), f"unknown segment {check.segment!r}", hint)
        other = check.against.segment if check.against else None
        if other and other not in segments:
            hint = did_you_mean(other, segments, what="segments of this model")
            yield at(file, (*loc, "against", "segment"), f"unknown segment {other!r}", hint)
        parameters = known.tests.get(check.test)
        if parameters is None and known.tests:
            hint = did_you_mean(check.test, known.tests, what="tests")
            yield at(file, (*loc, "test"), f"unknown test {check.test!r}", hint)
        for name in check.parameters if parameters is not None else ():
            if parameters is not None and name not in parameters:
                hint = did_you_mean(name, parameters, what=f"parameters of {check.test}")
                yield at(file, (*loc, "parameters", name), f"{check.test} has no parameter {name!r}", hint)
        yield from _wrong_values(file, loc, check, known)


def _repeated(file: YamlFile, shape: ModelFile) -> Iterator[ConfigError]:
    """Checks whose findings would have the same name; `*` and a column by its name are the rule and its exception."""
    seen: set[tuple[str, str, str, Against | None]] = set()
    for index, check in enumerate(shape.checks):
        names = {(check.test, column, check.segment, check.spec().against) for column in check.columns}
        if twice := sorted(column for _, column, *_ in names & seen):
            of = "" if twice == ["*"] else f" of {', '.join(twice)}"
            hint = "only one can be judged, whatever its parameters and limits: leave the other out"
            yield at(file, ("checks", index, "test"), f"there are two checks {check.test}{of}", hint)
        seen |= names


def _row_tests(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    for index, check in enumerate(shape.checks):
        if check.test not in known.row_tests:
            continue
        if shape.archive is None:
            hint = "set archive: true (or how), or leave the check out"
            yield at(
                file, ("checks", index, "test"), f"{check.test} needs raw rows, which the model does not keep", hint
            )
        if check.against is not None:
            message = f"{check.test} compares with the rows of the baseline alone"
            yield at(file, ("checks", index, "against"), message, "leave `against` out")
        if others := sorted(set(check.columns) - {_EVERY, RECORDS} - shape.derived_columns):
            message = f"{check.test} compares rows as wholes, or those of a vector or text, and {others[0]!r} is none"
            hint = "leave out `columns`, or name a column of `vectors` or `texts`"
            yield at(file, ("checks", index, "columns"), message, hint)


def _check_columns(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    columns = known.columns[shape.model].keys()
    for index, check in enumerate(shape.checks):
        made = shape.derived_columns if check.test in known.row_tests else frozenset()
        for column in check.columns:
            if column != "*" and column not in columns | ALWAYS | made:
                hint = did_you_mean(column, columns, what="columns of its baselines")
                yield at(file, ("checks", index, "columns"), f"no baseline has the column {column!r}", hint)
    for column in shape.archive.personal if shape.archive else ():
        if column not in columns | ALWAYS:
            hint = did_you_mean(column, columns, what="columns of its baselines")
            message = f"no baseline has the column {column!r}: is the personal one called otherwise?"
            yield at(file, ("archive", "personal", column), message, hint)


def _wrong_values(file: YamlFile, loc: Loc, check: CheckSection, known: Vocabulary) -> Iterator[ConfigError]:
    why = known.check_parameters(check.test, check.plain)
    if why:
        yield at(file, (*loc, "parameters"), why, f"`driftline checks show {check.test}` tells what it takes")


def _matrices(
    file: YamlFile, loc: Loc, check: CheckSection, columns: Mapping[str, KnownColumn]
) -> Iterator[ConfigError]:
    """Classes that are spelt almost, and not quite, like one that the baselines know of the predictions."""
    known = columns[PREDICTION].values if PREDICTION in columns else frozenset()
    for name, value in check.parameters.items():
        rows = value if isinstance(value, Mapping) else {}
        named = {*rows, *(said for row in rows.values() for said in row)}
        for label in sorted(named - known):
            if close := get_close_matches(label, known, n=1):
                message = f"no baseline has seen the class {label!r} of {name}"
                yield at(file, (*loc, "parameters", name), message, f"did you mean {close[0]!r}?")


def _metrics(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    for index, check in enumerate(shape.checks):
        if check.test not in known.metrics:
            continue
        if not set(check.columns) <= {_EVERY, GROUND_TRUTH}:
            message = f"{check.test} judges predictions by their truth and reads no column"
            yield at(file, ("checks", index, "columns"), message, "leave out `columns`")
        yield from _matrices(file, ("checks", index), check, known.columns.get(shape.model, {}))
        for key in ("segment", "against"):
            if getattr(check, key):
                message = f"{check.test} is judged by a limit, for all traffic"
                yield at(file, ("checks", index, key), message, f"leave out `{key}`")


def _latencies(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    columns = known.columns[shape.model]
    for index, check in enumerate(shape.checks):
        for column in check.columns if check.test in LATENCIES.values() else ():
            if column in columns and ColumnKind.NUMERIC not in columns[column].kinds:
                hint = "name a column of milliseconds"
                message = f"{check.test} needs numbers, and {column!r} is categorical in the baseline"
                yield at(file, ("checks", index, "columns"), message, hint)


def _labels(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Labels that the predictions of training never had: nothing will be counted under them."""
    labels = known.columns[shape.model].get(PREDICTION)
    if labels is None or not labels.values:
        return
    named: list[tuple[Loc, str | None]] = [(("positive_label",), shape.positive_label)]
    named += [(("fairness", "favourable"), shape.fairness.favourable)] if shape.fairness else []
    for loc, label in named:
        if label is not None and label not in labels.values:
            hint = did_you_mean(label, labels.values, what="predictions of its baselines")
            yield at(file, loc, f"no prediction of a baseline is {label!r}", hint)
