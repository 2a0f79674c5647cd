"""Traffic whose scores are right of most records and much too sure of the odd ones; each kind of change can be had."""

from dataclasses import replace

import numpy as np

from monitor.domain.findings import TestResult
from monitor.domain.models import ModelRef, Task
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, Ints, NumericColumn
from monitor.stats.estimation.learning import learn_outcomes, try_outcomes
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged
from monitor.stats.profiles.model import ModelProfile

Rows = tuple[dict[str, Column], list[str | None]]
NAMES = ("accuracy", "f1", "roc_auc")


def traffic(n: int, seed: int, odd: float = 0.2, moved: float = 0.0, concept: float = 0.0) -> Rows:
    """P(y|x) is the same whatever shifts: `odd` is the share of such records, `moved` shifts the inputs of all.

    `concept` is the one thing that changes the outcomes of the same inputs.
    """
    random = np.random.default_rng(seed)
    x, is_odd = random.normal(moved, 1.2, n), random.random(n) < odd
    score = np.round(1 / (1 + np.exp(-x)), 2)
    chance = np.where(is_odd, 0.5 + 0.3 * (score - 0.5), score) * (1 - concept)
    truth = np.where(random.random(n) < chance, "yes", "no")
    said = [str(one) for one in np.where(score >= 0.5, "yes", "no")]
    kind = [str(one) for one in np.where(is_odd, "odd", "even")]
    columns: dict[str, Column] = {
        "kind": CategoricalColumn(kind),
        "x": NumericColumn(x),
        "prediction": CategoricalColumn(said),
        "score": NumericColumn(score),
    }
    return columns, [str(one) for one in truth]


def with_shares(rows: Rows, yes: float, n: int) -> Rows:
    """So many of the rows, a share of them with the truth yes: each class looks as it did."""
    columns, truth = rows
    is_yes, random = np.array([one == "yes" for one in truth]), np.random.default_rng(7)
    chosen = [random.choice(np.flatnonzero(of), round(n * part)) for of, part in ((is_yes, yes), (~is_yes, 1 - yes))]
    at = np.concatenate(chosen)
    return {name: column.take(at) for name, column in columns.items()}, [truth[k] for k in at.tolist()]


def learned(rows: Rows, times_ms: Ints | None = None) -> Baseline:
    """A baseline of the rows, through its bytes."""
    columns, truth = rows
    outcomes, _ = learn_outcomes(columns, truth, Task.BINARY, "yes")
    assert outcomes is not None
    built = Baseline.build(ModelRef("m", "1"), columns, outcomes=outcomes)
    tried, _ = try_outcomes(outcomes, columns, truth, built.layouts, times_ms)
    return Baseline.from_bytes(replace(built, tried=tried).to_bytes())


def profile_of(baseline: Baseline, columns: dict[str, Column]) -> ModelProfile:
    """The profile of a window of these rows."""
    profile = ModelProfile.empty(baseline.layouts)
    profile.update(columns, len(columns["x"]))
    return profile


def estimates(baseline: Baseline, columns: dict[str, Column]) -> dict[str, TestResult]:
    """Of a window of these rows."""
    assert baseline.estimator is not None
    return dict(baseline.estimator.estimates(profile_of(baseline, columns)))


def realised(rows: Rows) -> dict[str, TestResult]:
    """The metrics by the truth."""
    columns, truth = rows
    said, score = columns["prediction"], columns["score"]
    assert isinstance(score, NumericColumn)
    judged = Judged(tuple(map(str, said.values)), score.values, tuple(map(str, truth)))
    found = {name: PERFORMANCE_METRICS[name].run(judged, "yes") for name in NAMES}
    return {name: one for name, one in found.items() if one is not None}
