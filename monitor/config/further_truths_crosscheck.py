"""Mistakes about further truths of a model: their checks, their names, and how long records are kept for them."""

from collections.abc import Iterator
from dataclasses import replace

from monitor.config.checks_crosscheck import check_mistakes
from monitor.config.ground_truth_section import WaitSection
from monitor.config.mistakes import at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.monitor_file import MonitorFile
from monitor.config.vocabulary import Vocabulary
from monitor.config.yaml_file import Loc, YamlFile
from monitor.domain.errors import ConfigError
from monitor.domain.models import further_name
from monitor.domain.time import in_one_unit

Models = list[tuple[YamlFile, ModelFile]]


def by_further_truths(models: Models) -> Models:
    """What the files say of each further truth, as if it were the file of a model."""
    return [(file.below(("truths", name)), _as_model(shape, name)) for file, shape in models for name in shape.truths]


def further_truth_mistakes(file: YamlFile, shape: ModelFile, known: Vocabulary) -> Iterator[ConfigError]:
    """Checks that judge no prediction by its truth, and what is wrong with those that do."""
    columns = known.columns.get(shape.model, {})
    for place, of_truth in by_further_truths([(file, shape)]):
        yield from check_mistakes(place, of_truth, replace(known, columns={of_truth.model: columns}))
        for index, check in enumerate(of_truth.checks):
            if check.test in known.tests and check.test not in known.metrics:
                message = f"{check.test} does not judge predictions by their truth"
                hint = did_you_mean(check.test, known.metrics, what="metrics")
                yield at(place, ("checks", index, "test"), message, hint)


def truths_outlive_records(file: YamlFile, shape: ModelFile, monitor: MonitorFile) -> Iterator[ConfigError]:
    """Truth that is waited for when its predictions are gone."""
    waiting: list[tuple[Loc, WaitSection]] = [(("truths", name), truth) for name, truth in shape.truths.items()]
    waiting += [(("ground_truth",), shape.ground_truth)] if shape.ground_truth else []
    kept = monitor.retention.records
    for loc, truth in waiting:
        if truth.horizon + shape.window.size > kept:
            hint = "predictions would be gone before their truth: raise retention.records in monitor.yaml"
            waits = f"horizon {in_one_unit(truth.horizon)} after a window of {in_one_unit(shape.window.size)}"
            said = f"{waits} is longer than records are kept ({in_one_unit(kept)})"
            yield at(file, (*loc, "horizon"), said, hint)


def _as_model(shape: ModelFile, name: str) -> ModelFile:
    of_records = {"segments": (), "fairness": None, "archive": None, "retraining": None, "sequential": ()}
    checks = shape.truths[name].checks
    return shape.model_copy(
        update=of_records | {"model": further_name(shape.model, name), "checks": checks, "evidently": (), "truths": {}}
    )
