"""Mistakes about fairness that a section does not show by itself: features without groups, checks of no feature."""

from collections.abc import Iterator

from monitor.config.mistakes import at, did_you_mean
from monitor.config.model_file import ModelFile
from monitor.config.yaml_file import YamlFile
from monitor.domain.errors import ConfigError
from monitor.stats.fairness import FAIRNESS_MEASURES

_PAIR = 2


def check_fairness(file: YamlFile, shape: ModelFile) -> Iterator[ConfigError]:
    """Every sensitive feature has two segments at least, and checks of fairness name sensitive features."""
    features = shape.fairness.features if shape.fairness else ()
    sliced = [segment.column for segment in shape.segments]
    for index, feature in enumerate(features):
        if feature not in sliced:
            hint = did_you_mean(feature, sliced, what="columns of segments of this model")
            yield at(file, ("fairness", "features", index), f"no segment lies on {feature!r}", hint)
        elif sliced.count(feature) < _PAIR:
            hint = "one segment for each of its groups that are to be compared"
            yield at(file, ("fairness", "features", index), f"{feature!r} has one segment only", hint)
    for index, check in enumerate(shape.checks):
        if check.test not in FAIRNESS_MEASURES:
            continue
        if check.segment or check.against:
            key, hint = "segment" if check.segment else "against", "leave it out: every group of a feature is compared"
            yield at(file, ("checks", index, key), f"{check.test} compares the groups of a window", hint)
        for column in check.columns:
            if column != "*" and column not in features:
                hint = did_you_mean(column, features, what="features of `fairness`")
                yield at(file, ("checks", index, "columns"), f"{column!r} is no sensitive feature", hint)
        if not features:
            hint = "add `fairness:` with the sensitive features"
            yield at(file, ("checks", index, "test"), f"{check.test} needs sensitive features, and none is named", hint)
