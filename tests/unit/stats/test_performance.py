"""Performance metrics equal scikit-learn's, and their intervals cover."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from monitor.stats.columns import Floats
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged


def rows(n: int, seed: int = 0, skill: float = 1.0) -> list[tuple[str, float | None, str]]:
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.3
    scores = 1 / (1 + np.exp(-(random.normal(0, 1, n) + skill * (2 * truth - 1))))
    return [
        ("yes" if s >= 0.5 else "no", round(float(s), 2), "yes" if t else "no")
        for s, t in zip(scores, truth, strict=True)
    ]


REFERENCE: dict[str, Callable[[Sequence[str], Sequence[str], Floats], float]] = {
    "accuracy": lambda y, p, _: sklearn_metrics.accuracy_score(y, p),
    "precision": lambda y, p, _: sklearn_metrics.precision_score(y, p, pos_label="yes"),
    "recall": lambda y, p, _: sklearn_metrics.recall_score(y, p, pos_label="yes"),
    "f1": lambda y, p, _: sklearn_metrics.f1_score(y, p, pos_label="yes"),
    "roc_auc": lambda y, _, s: sklearn_metrics.roc_auc_score([t == "yes" for t in y], s),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_classification_metrics_equal_those_of_scikit_learn(name: str) -> None:
    judged = Judged.of(rows(700))

    result = PERFORMANCE_METRICS[name].run(judged, "yes")

    assert result is not None
    assert result.statistic == pytest.approx(REFERENCE[name](judged.labels, judged.predictions, judged.scores))


@pytest.mark.parametrize("name", REFERENCE)
def test_ninety_five_percent_intervals_cover_the_truth_about_that_often(name: str) -> None:
    metric = PERFORMANCE_METRICS[name]
    whole = metric.run(Judged.of(rows(200_000, seed=99)), "yes")
    assert whole is not None
    results = [metric.run(Judged.of(rows(400, seed=seed)), "yes") for seed in range(400)]

    covered = np.mean([r is not None and (r.low or 0) <= whole.statistic <= (r.high or 1) for r in results])

    # 400 trials at 95 %: two-sided 99.9 % band of the binomial, and Hanley & McNeil are known to be conservative
    assert 0.91 <= covered <= 0.995


def test_regression_errors_equal_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(10, 3, 300)
    predicted = truth + random.normal(0, 1, 300)
    judged = Judged.of([(str(p), None, str(t)) for p, t in zip(predicted, truth, strict=True)])

    mae, rmse = (PERFORMANCE_METRICS[name].run(judged, None) for name in ("mae", "rmse"))

    assert mae is not None
    assert rmse is not None
    assert mae.statistic == pytest.approx(sklearn_metrics.mean_absolute_error(truth, predicted))
    assert rmse.statistic == pytest.approx(sklearn_metrics.root_mean_squared_error(truth, predicted))


@pytest.mark.parametrize(("name", "given"), [("precision", [("no", 0.1, "yes")]), ("recall", [("yes", 0.1, "no")])])
def test_a_metric_without_a_denominator_is_undefined_and_no_error(
    name: str, given: list[tuple[str, float | None, str]]
) -> None:
    assert PERFORMANCE_METRICS[name].run(Judged.of(given), "yes") is None


def test_auc_of_one_class_and_regression_of_words_are_undefined() -> None:
    assert PERFORMANCE_METRICS["roc_auc"].run(Judged.of([("yes", 0.9, "yes")]), "yes") is None
    assert PERFORMANCE_METRICS["mae"].run(Judged.of([("high", None, "low")]), None) is None
