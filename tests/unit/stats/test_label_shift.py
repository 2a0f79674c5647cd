"""The shares of the true classes told from predictions: right under label shift, with intervals that hold it."""

from collections.abc import Iterator

import numpy as np
import pytest

from monitor.domain.models import ModelRef, Task
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, Floats, NumericColumn
from monitor.stats.estimation.label_shift import label_shift
from monitor.stats.estimation.learning import learn_outcomes
from monitor.stats.profiles.model import ModelProfile

CONFUSION = np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.05, 0.15, 0.8]])
"""Of each true class (rows), how often it is predicted as each."""

TRAINING = np.array([0.5, 0.3, 0.2])
NAMES = ("a", "b", "c")


def counted(shares: Floats, n: int, chance: np.random.Generator) -> Floats:
    """Rows by true and predicted class."""
    truths = chance.multinomial(n, shares)
    found: Floats = np.stack([chance.multinomial(t, c) for t, c in zip(truths, CONFUSION, strict=True)]).astype(float)
    return found


def intervals(shares: Floats, runs: int = 400) -> Iterator[tuple[float, float]]:
    for seed in range(runs):
        chance = np.random.default_rng(seed)
        found = label_shift(counted(TRAINING, 5_000, chance), counted(shares, 2_000, chance).sum(axis=0), NAMES)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        yield found.low, found.high


@pytest.mark.parametrize("shares", [TRAINING, np.array([0.3, 0.3, 0.4])])
def test_the_interval_holds_the_true_change_in_95_of_100_windows_or_more(shares: Floats) -> None:
    """Of 400: fewer than 370 happens to an interval of 95 % once in 100 runs; Bonferroni only widens it."""
    true = float(np.abs(shares - TRAINING).max())

    holds = [low <= true <= high for low, high in intervals(shares)]

    assert sum(holds) >= 370


def test_a_window_like_training_is_not_surely_changed() -> None:
    surely = [low > 0 for low, _ in intervals(TRAINING)]

    assert sum(surely) <= 30


def test_the_shares_of_many_records_are_those_that_came() -> None:
    came = np.array([0.2, 0.2, 0.6])
    cells = TRAINING[:, np.newaxis] * CONFUSION * 1e7

    found = label_shift(cells, came @ CONFUSION * 1e7, NAMES)

    assert found is not None
    assert found.statistic == pytest.approx(0.4, abs=1e-9)
    assert found.detail["shares"] == {"a": 0.2, "b": 0.2, "c": 0.6}
    assert found.detail["shares_in_training"] == {"a": 0.5, "b": 0.3, "c": 0.2}


@pytest.mark.parametrize(
    ("cells", "predicted"),
    [
        ([[50.0, 50.0], [50.0, 50.0]], [10.0, 90.0]),
        ([[0.0, 0.0], [5.0, 95.0]], [10.0, 90.0]),
        ([[90.0, 10.0], [10.0, 90.0]], [0.0, 0.0]),
    ],
    ids=["a model that guesses", "a class that never is true", "an empty window"],
)
def test_nothing_is_said_where_nothing_follows(cells: list[list[float]], predicted: list[float]) -> None:
    assert label_shift(np.array(cells), np.array(predicted), ("no", "yes")) is None


def rows_of(n: int, positives: float, seed: int) -> tuple[dict[str, Column], list[str | None]]:
    """Scores that overlap; the same within each class whatever its share."""
    chance = np.random.default_rng(seed)
    truth = chance.random(n) < positives
    score = np.clip(chance.normal(np.where(truth, 0.7, 0.3), 0.2), 0.0, 1.0)
    said = CategoricalColumn(["yes" if one >= 0.5 else "no" for one in score.tolist()])
    return {"prediction": said, "score": NumericColumn(score)}, ["yes" if one else "no" for one in truth.tolist()]


def test_a_baseline_with_truth_tells_how_many_frauds_a_window_without_truth_holds() -> None:
    """From 1 % to 5 %: as many as a fraud wave, and hardly a change in any feature."""
    rows = rows_of(50_000, 0.01, 1)
    outcomes, _ = learn_outcomes(*rows, Task.BINARY, "yes")
    baseline = Baseline.build(ModelRef("m", "1"), rows[0], outcomes=outcomes)
    columns, _ = rows_of(5_000, 0.05, 2)
    profile = ModelProfile.empty(baseline.layouts)
    profile.update(columns, 5_000)
    assert baseline.estimator is not None

    found = baseline.estimator.estimates(profile)["label_shift"]

    assert found.low is not None
    assert found.low > 0.015
    assert found.statistic == pytest.approx(0.04, abs=0.02)
    assert found.detail["shares"]["yes"] == pytest.approx(0.05, abs=0.02)  # type: ignore[index]
