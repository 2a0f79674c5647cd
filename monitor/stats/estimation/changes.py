"""The changes of a window's metrics in parts, from what a baseline keeps of its rows with truth."""

from collections.abc import Mapping, Sequence

import numpy as np

from monitor.domain.findings import TestResult
from monitor.stats.columns import Floats
from monitor.stats.estimation.attribution import Change, Labels, Measured, Scene, Weigh, explain
from monitor.stats.estimation.error_model import ErrorModel
from monitor.stats.estimation.expected import Measure, measures_of
from monitor.stats.estimation.from_errors import METRICS
from monitor.stats.estimation.label_shift import class_shares
from monitor.stats.estimation.outcomes import ScoredOutcomes
from monitor.stats.estimation.reweighting import ErrorSample, ScoredSample
from monitor.stats.estimation.tried import Tried
from monitor.stats.performance.influence import standard_error
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.scored import ScoredCounts
from monitor.stats.proportions import Z95


def changes(
    outcomes: ScoredOutcomes | ErrorModel,
    tried: Tried,
    profile: ModelProfile,
    truths: Sequence[str],
    realised: Mapping[str, TestResult],
) -> dict[str, tuple[Measured, Change]]:
    """Of every metric by the truth that is known of the baseline, too, and differs by more than chance.

    `truths` are the labels of the window's records with truth. Of regression no change is put down to other truths.
    """
    weighs, before = _scored(outcomes, tried) if isinstance(outcomes, ScoredOutcomes) else _errors(outcomes, tried)
    measured = {
        name: Measured(*before[name], result.statistic, _error(result))
        for name, result in realised.items()
        if name in before
    }
    changed = {name: one for name, one in measured.items() if one.is_changed}
    if not changed or not tried.rows.names or not len(tried.values):
        return {}
    labels = _labels(outcomes, tried, profile, truths) if isinstance(outcomes, ScoredOutcomes) else None
    scene = Scene(tried.rows.names, list(tried.rows.codes), tried.rows.counts(profile), labels)
    found = explain(scene, {name: weighs[name] for name in changed}, changed)
    return {name: (changed[name], change) for name, change in found.items()}


def _error(result: TestResult) -> float:
    return 0.0 if result.low is None or result.high is None else (result.high - result.low) / (2 * Z95)


def _scored(outcomes: ScoredOutcomes, tried: Tried) -> tuple[Mapping[str, Weigh], Mapping[str, tuple[float, float]]]:
    """How weighted rows make each metric, and each on the whole baseline with its standard error."""
    sample, whole = tried.scored(outcomes), outcomes.by_class().astype(np.float64)
    measures = measures_of(binary=outcomes.is_binary)
    before = {
        name: (moved.value, standard_error(np.broadcast_to(moved.influence, whole.shape), whole))
        for name, measure in measures.items()
        if (moved := measure(whole)) is not None
    }
    return {name: _of_cells(sample, measures[name]) for name in before}, before


def _of_cells(sample: ScoredSample, measure: Measure) -> Weigh:
    def weigh(weights: Floats) -> tuple[float, Floats] | None:
        moved = measure(sample.counted(weights))
        if moved is None:
            return None
        return moved.value, np.broadcast_to(moved.influence, sample.outcomes.shape).ravel()[sample.cells]

    return weigh


def _errors(model: ErrorModel, tried: Tried) -> tuple[Mapping[str, Weigh], Mapping[str, tuple[float, float]]]:
    sample = tried.errors(len(model.targets))
    weighs, before = {}, {}
    for name, target in METRICS.items():
        if target in model.targets:
            at, is_root = model.targets.index(target), name == "rmse"
            mean, spread = float(model.means[at]), float(sample.errors[:, at].std())
            value, slope = _shaped(mean, is_root=is_root)
            before[name] = (value, slope * spread / np.sqrt(model.rows))
            weighs[name] = _of_errors(sample, at, is_root=is_root)
    return weighs, before


def _of_errors(sample: ErrorSample, at: int, *, is_root: bool) -> Weigh:
    def weigh(weights: Floats) -> tuple[float, Floats] | None:
        errors = sample.errors[:, at]
        mean = float(weights @ errors / weights.sum())
        value, slope = _shaped(mean, is_root=is_root)
        return value, slope * (errors - mean)

    return weigh


def _shaped(mean: float, *, is_root: bool) -> tuple[float, float]:
    """The metric from the mean error, and by how much it moves with that."""
    if not is_root:
        return mean, 1.0
    root = float(np.sqrt(mean))
    return root, 1 / (2 * root) if root > 0 else 0.0


def _labels(outcomes: ScoredOutcomes, tried: Tried, profile: ModelProfile, truths: Sequence[str]) -> Labels | None:
    """None where the predictions say nothing of the shares of the true classes, or no known class came true."""
    class_of = dict(zip(outcomes.layout.labels, outcomes.classes.tolist(), strict=True))
    told = np.bincount([class_of[t] for t in truths if t in class_of], minlength=outcomes.shape[0]).astype(np.float64)
    predicted = outcomes.of_window(ScoredCounts.of(outcomes.layout, profile.joint).counts).sum(axis=1)
    cells = outcomes.by_class().sum(axis=2).astype(np.float64)
    shares = class_shares(cells, predicted)
    if shares is None or not told.any():
        return None
    codes = np.unravel_index(tried.scored(outcomes).cells, outcomes.shape)[0]
    return Labels(codes, told, shares)
