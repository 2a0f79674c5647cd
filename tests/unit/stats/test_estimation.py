"""Estimates of performance equal the definition row by row, cover what comes true, and refuse what they cannot say."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics
from sklearn.isotonic import IsotonicRegression

from monitor.domain.findings import TestResult
from monitor.domain.models import ModelRef, Task
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, Floats, NumericColumn
from monitor.stats.estimation import ESTIMATED_METRICS
from monitor.stats.estimation.expected import ManyCells, measures_of
from monitor.stats.estimation.learning import learn_outcomes
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged
from monitor.stats.profiles.model import ModelProfile

Rows = tuple[dict[str, Column], list[str | None]]


def scored(n: int, seed: int, shift: float = 0.0) -> Rows:
    """Scores of two decimals that are too sure of themselves; a shift makes positives more frequent."""
    random = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-random.normal(shift, 1.5, n)))
    score = np.round(chance**2 / (chance**2 + (1 - chance) ** 2), 2)
    truth = np.where(random.random(n) < chance, "yes", "no")
    said = CategoricalColumn([str(p) for p in np.where(score >= 0.5, "yes", "no")])
    return {"prediction": said, "score": NumericColumn(score)}, [str(t) for t in truth]


def priced(n: int, seed: int, age: float = 4.0) -> Rows:
    """Errors of a regression that grow with the age of the dear ones alone."""
    random = np.random.default_rng(seed)
    ages, price = random.exponential(age, n), random.uniform(1, 10, n)
    truth = price + random.normal(0, 1, n) * (0.2 + 0.1 * ages * (price > 5))
    return {"age": NumericColumn(ages), "prediction": NumericColumn(price)}, [repr(float(t)) for t in truth]


def learned(rows: Rows, task: Task, positive: str | None = None) -> Baseline:
    outcomes, _ = learn_outcomes(*rows, task, positive)
    assert outcomes is not None
    built = Baseline.build(ModelRef("m", "1"), rows[0], outcomes=outcomes)
    return Baseline.from_bytes(built.to_bytes())


def window(baseline: Baseline, columns: dict[str, Column], n: int) -> ModelProfile:
    profile = ModelProfile.empty(baseline.layouts)
    profile.update(columns, n)
    return profile


def estimates(baseline: Baseline, columns: dict[str, Column], n: int) -> dict[str, TestResult]:
    assert baseline.estimator is not None
    return dict(baseline.estimator.estimates(window(baseline, columns, n)))


def realized(name: str, rows: Rows, positive: str | None) -> TestResult:
    columns, truth = rows
    said, score = columns["prediction"], columns.get("score")
    texts = said.values if isinstance(said, CategoricalColumn) else map(repr, said.values.tolist())
    scores = score.values if isinstance(score, NumericColumn) else np.full(len(truth), np.nan)
    result = PERFORMANCE_METRICS[name].run(Judged(tuple(map(str, texts)), scores, tuple(map(str, truth))), positive)
    assert result is not None
    return result


def by_rows(training: Rows, columns: dict[str, Column]) -> dict[str, float]:
    """The published definition, one row at a time: calibrated by isotonic regression, summed over predictions."""
    scores, new = (part["score"].values for part in (training[0], columns))
    calibrate = IsotonicRegression(out_of_bounds="clip").fit(scores, [t == "yes" for t in training[1]])
    c: Floats = calibrate.predict(new)
    h = np.array([p == "yes" for p in columns["prediction"].values])
    tp, fp, fn, tn = c[h].sum(), (1 - c[h]).sum(), c[~h].sum(), (1 - c[~h]).sum()
    order = np.argsort(-np.asarray(new), kind="stable")
    hits, misses = np.r_[0, np.cumsum(c[order])], np.r_[0, np.cumsum(1 - c[order])]
    steps = np.diff(hits / hits[-1]) * hits[1:] / np.arange(1, len(c) + 1)
    return {
        "accuracy": (tp + tn) / len(c),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "specificity": tn / (tn + fp),
        "f1": tp / (tp + 0.5 * (fp + fn)),
        "roc_auc": float(sklearn_metrics.auc(misses / misses[-1], hits / hits[-1])),
        "pr_auc": float(steps.sum()),
    }


def test_estimates_from_binned_scores_equal_the_definition_row_by_row() -> None:
    training, (columns, _) = scored(20_000, 1), scored(3_000, 2, shift=0.5)

    found = estimates(learned(training, Task.BINARY, "yes"), columns, 3_000)

    for name, value in by_rows(training, columns).items():
        assert found[name].statistic == pytest.approx(value, abs=1e-9), name


def test_intervals_hold_what_comes_true_when_the_traffic_shifts_and_the_scores_keep_their_meaning() -> None:
    baseline = learned(scored(20_000, 1), Task.BINARY, "yes")
    names = ("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "mcc")
    covered = dict.fromkeys(names, 0)

    for seed in range(300):
        rows = scored(1_000, 100 + seed, shift=0.7)
        found = estimates(baseline, rows[0], 1_000)
        for name in names:
            low, high = found[name].low, found[name].high
            assert low is not None
            assert high is not None
            covered[name] += low <= realized(name, rows, "yes").statistic <= high

    # 300 trials at 95 %: the two-sided 99.9 % band of the binomial, widened as one baseline serves all of them
    assert {name: count for name, count in covered.items() if not 0.9 <= count / 300 <= 0.995} == {}


def test_estimates_of_merged_windows_are_those_of_the_whole() -> None:
    for rows, task, positive in ((scored(6_000, 1), Task.BINARY, "yes"), (priced(6_000, 1), Task.REGRESSION, None)):
        baseline = learned(rows, task, positive)
        columns = rows[0]
        parts = [
            window(baseline, {k: v.take(np.arange(start, start + 3_000)) for k, v in columns.items()}, 3_000)
            for start in (0, 3_000)
        ]

        merged = parts[1].merge(parts[0])

        assert merged.to_bytes() == window(baseline, columns, 6_000).to_bytes()


def test_many_classes_are_estimated_from_the_score_of_the_predicted_one() -> None:
    def traffic(n: int, seed: int) -> Rows:
        random = np.random.default_rng(seed)
        sure = random.choice([0.4, 0.6, 0.8, 0.95], n)
        said = random.choice(3, n, p=[0.5, 0.3, 0.2])
        truth = np.where(random.random(n) < sure, said, (said + random.integers(1, 3, n)) % 3)
        names = np.array(["a", "b", "c"])
        column = CategoricalColumn([str(label) for label in names[said]])
        return {"prediction": column, "score": NumericColumn(sure)}, [str(label) for label in names[truth]]

    rows = traffic(5_000, 2)

    found = estimates(learned(traffic(20_000, 1), Task.MULTICLASS), rows[0], 5_000)

    assert found.keys() == {"accuracy", "precision", "recall", "f1", "mcc", "label_shift"}
    for name in found.keys() - {"label_shift"}:
        assert found[name].statistic == pytest.approx(realized(name, rows, None).statistic, abs=0.02), name


def test_errors_of_regression_are_estimated_where_two_columns_matter_together() -> None:
    baseline = learned(priced(30_000, 1), Task.REGRESSION)
    before = realized("mae", priced(30_000, 1), None).statistic
    rows = priced(5_000, 2, age=6.0)

    found = estimates(baseline, rows[0], 5_000)

    true = realized("mae", rows, None).statistic
    assert true > 1.2 * before
    # ages beyond the last octile count alike, so that the very old ones are taken for a little younger
    assert abs(found["mae"].statistic - true) < 0.3 * (true - before)


def test_scores_that_are_missing_or_no_probabilities_are_a_reason_and_not_a_number() -> None:
    baseline = learned(scored(5_000, 1), Task.BINARY, "yes")
    assert baseline.estimator is not None
    columns, _ = scored(1_000, 2)
    spoilt = np.array(columns["score"].values, dtype=np.float64)
    for value, reason in ((np.nan, "no score"), (np.inf, "no score"), (7.0, "outside [0, 1]")):
        spoilt[:100] = value
        profile = window(baseline, columns | {"score": NumericColumn(spoilt)}, 1_000)

        assert reason in baseline.estimator.unusable(profile)

    spoilt[:100], spoilt[:10] = 0.5, np.nan
    few = window(baseline, columns | {"score": NumericColumn(spoilt)}, 1_000)
    assert baseline.estimator.unusable(few) == ""
    assert all(np.isfinite(one.statistic) for one in baseline.estimator.estimates(few).values())


def test_inputs_that_training_does_not_know_are_a_reason_and_not_a_number() -> None:
    baseline = learned(priced(5_000, 1), Task.REGRESSION)
    assert baseline.estimator is not None

    columns = priced(1_000, 2)[0] | {"age": NumericColumn(np.full(1_000, 1e6))}

    assert "age" in baseline.estimator.unusable(window(baseline, columns, 1_000))


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_rows_without_what_it_takes_teach_nothing_and_say_why(task: Task) -> None:
    outcomes, why = learn_outcomes({"x": NumericColumn(np.ones(3))}, ["yes", "no", None], task, "yes")

    assert outcomes is None
    assert "prediction" in why


def test_every_estimate_is_of_a_metric_that_truth_will_tell() -> None:
    assert {metric.of for metric in ESTIMATED_METRICS.values() if not metric.apart} <= PERFORMANCE_METRICS.keys()


@pytest.mark.parametrize("classes", [2, 4])
def test_a_metric_of_many_sets_of_cells_is_that_of_each_set_also_where_a_class_never_comes(classes: int) -> None:
    random = np.random.default_rng(5)
    counts = random.poisson(3.0, (classes, 30)).astype(np.float64)
    counts[:, ::7] = 0.0
    chances = random.dirichlet(np.ones(classes), (40, classes, 30)).transpose(0, 3, 1, 2)
    chances[0], chances[0, 1] = 0.0, 1.0  # all truths are one class
    counts_of_one = np.where(np.arange(classes)[:, None] == 1, counts, 0.0)

    for records in (counts, counts_of_one):
        many = ManyCells.of(chances, records)
        for measure in measures_of(binary=classes == 2).values():
            single = [np.nan if (one := measure(cells * records)) is None else one.value for cells in chances]
            np.testing.assert_allclose(measure.many(many), single, rtol=1e-12, atol=1e-14)
