"""Performance metrics equal scikit-learn's, and their intervals cover."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from sklearn import calibration
from sklearn import metrics as sklearn_metrics

from monitor.domain.errors import ConfigError
from monitor.domain.models import Task
from monitor.stats.columns import Floats
from monitor.stats.drift_test import with_parameters
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged, JudgedRow, PerformanceMetric, is_proposed
from monitor.stats.performance.usable import usable

NAIVE = 2.0


def texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, values))


def binary(n: int, seed: int = 0) -> Judged:
    """30 % positives; scores that are not quite probabilities, with ties."""
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.3
    scores = 1 / (1 + np.exp(-(random.normal(0, 1, n) + 2.0 * truth - 1.0)))
    predicted = np.where(scores >= 0.5, "yes", "no")
    return Judged(texts(predicted), np.round(scores, 2), texts(np.where(truth, "yes", "no")))


def multiclass(n: int, seed: int = 0) -> Judged:
    random = np.random.default_rng(seed)
    truth = random.choice(3, n, p=[0.5, 0.3, 0.2])
    predicted = np.where(random.random(n) < 0.7, truth, random.choice(3, n))
    names = np.array(["a", "b", "c"])
    scores = random.dirichlet([1, 1, 1], n) + 0.8 * np.eye(3)[truth]
    by_label = dict(zip(names.tolist(), (scores / 1.8).T, strict=True))
    return Judged(texts(names[predicted]), np.full(n, np.nan), texts(names[truth]), by_label)


def regression(n: int, seed: int = 0) -> Judged:
    """Skewed truths, errors that grow with them and lean upwards."""
    random = np.random.default_rng(seed)
    truth = random.gamma(4, 3, n) + 1
    predicted = truth + random.normal(0.5, 1 + 0.1 * truth, n)
    return Judged(texts(predicted.tolist()), np.full(n, np.nan), texts(truth.tolist()))


def forecast(n: int, seed: int = 0) -> Judged:
    """Truths about numbers that are known; intervals a little too narrow, as of a model too sure of itself."""
    random = np.random.default_rng(seed)
    centre = random.gamma(4, 3, n) + 9
    spread = 1 + 0.1 * centre
    truth = centre + random.normal(0, spread)
    by_label = {"0.05": centre - 1.4 * spread, "0.95": centre + 1.4 * spread}
    return Judged(texts(centre.tolist()), np.full(n, np.nan), texts(truth.tolist()), by_label)


TRAFFIC: dict[Task, tuple[Callable[..., Judged], str | None]] = {
    Task.BINARY: (binary, "yes"),
    Task.MULTICLASS: (multiclass, None),
    Task.REGRESSION: (regression, None),
    Task.FORECAST: (forecast, None),
}


def is_yes(judged: Judged) -> Floats:
    return judged.is_label("yes").astype(np.float64)


def calibration_error(judged: Judged) -> float:
    share, score = calibration.calibration_curve(is_yes(judged), judged.scores, n_bins=10)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], judged.scores), minlength=10)
    return float((counts[counts > 0] * np.abs(share - score)).sum() / judged.n)


def numbers(judged: Judged) -> tuple[Floats, Floats]:
    return np.array(judged.labels, dtype=float), np.array(judged.predictions, dtype=float)


def smape(judged: Judged) -> float:
    truth, predicted = numbers(judged)
    return float(np.mean(200 * np.abs(predicted - truth) / (np.abs(truth) + np.abs(predicted)))) / 100


def lift(judged: Judged) -> float:
    """From the cumulative gains, which the ROC curve has."""
    fpr, tpr, _ = sklearn_metrics.roc_curve(is_yes(judged), judged.scores, drop_intermediate=False)
    positives = float(is_yes(judged).sum())
    return float(np.interp(judged.n / 10, tpr * positives + fpr * (judged.n - positives), tpr)) / 0.1


def outside(judged: Judged) -> tuple[Floats, Floats, Floats]:
    truth, (low, high) = numbers(judged)[0], judged.by_label.values()
    return high - low, np.maximum(low - truth, 0), np.maximum(truth - high, 0)


def winkler(judged: Judged) -> float:
    """Twice the pinball losses of both bounds, each over what lies beyond it."""
    truth, (low, high) = numbers(judged)[0], judged.by_label.values()
    losses = (sklearn_metrics.mean_pinball_loss(truth, at, alpha=q) for at, q in ((low, 0.05), (high, 0.95)))
    return float(sum(losses)) / 0.05


def class_scores(judged: Judged) -> Floats:
    return np.stack(list(judged.by_label.values()), axis=1)


REFERENCE: dict[tuple[Task, str], Callable[[Judged], float]] = {
    (Task.BINARY, "accuracy"): lambda j: sklearn_metrics.accuracy_score(j.labels, j.predictions),
    (Task.BINARY, "precision"): lambda j: sklearn_metrics.precision_score(j.labels, j.predictions, pos_label="yes"),
    (Task.BINARY, "recall"): lambda j: sklearn_metrics.recall_score(j.labels, j.predictions, pos_label="yes"),
    (Task.BINARY, "specificity"): lambda j: sklearn_metrics.recall_score(j.labels, j.predictions, pos_label="no"),
    (Task.BINARY, "f1"): lambda j: sklearn_metrics.f1_score(j.labels, j.predictions, pos_label="yes"),
    (Task.BINARY, "f_beta"): lambda j: sklearn_metrics.fbeta_score(j.labels, j.predictions, beta=2, pos_label="yes"),
    (Task.BINARY, "mcc"): lambda j: sklearn_metrics.matthews_corrcoef(j.labels, j.predictions),
    (Task.BINARY, "roc_auc"): lambda j: sklearn_metrics.roc_auc_score(is_yes(j), j.scores),
    (Task.BINARY, "pr_auc"): lambda j: sklearn_metrics.average_precision_score(is_yes(j), j.scores),
    (Task.BINARY, "log_loss"): lambda j: sklearn_metrics.log_loss(is_yes(j), j.scores),
    (Task.BINARY, "brier"): lambda j: sklearn_metrics.brier_score_loss(is_yes(j), j.scores),
    (Task.BINARY, "calibration_error"): calibration_error,
    (Task.BINARY, "precision_at"): lambda j: sklearn_metrics.precision_score(is_yes(j), j.scores >= 0.5),
    (Task.BINARY, "recall_at"): lambda j: sklearn_metrics.recall_score(is_yes(j), j.scores >= 0.5),
    (Task.BINARY, "lift"): lift,
    (Task.BINARY, "value"): lambda j: float(
        (sklearn_metrics.confusion_matrix(j.labels, j.predictions) * [[0, -1], [-1, 1]]).sum() / j.n
    ),
    (Task.MULTICLASS, "value"): lambda j: 2 * sklearn_metrics.accuracy_score(j.labels, j.predictions) - 1,
    (Task.MULTICLASS, "accuracy"): lambda j: sklearn_metrics.accuracy_score(j.labels, j.predictions),
    (Task.MULTICLASS, "precision"): lambda j: sklearn_metrics.precision_score(j.labels, j.predictions, average="macro"),
    (Task.MULTICLASS, "recall"): lambda j: sklearn_metrics.recall_score(j.labels, j.predictions, average="macro"),
    (Task.MULTICLASS, "f1"): lambda j: sklearn_metrics.f1_score(j.labels, j.predictions, average="macro"),
    (Task.MULTICLASS, "f_beta"): lambda j: sklearn_metrics.fbeta_score(
        j.labels, j.predictions, beta=2, average="macro"
    ),
    (Task.MULTICLASS, "mcc"): lambda j: sklearn_metrics.matthews_corrcoef(j.labels, j.predictions),
    (Task.MULTICLASS, "roc_auc"): lambda j: sklearn_metrics.roc_auc_score(j.labels, class_scores(j), multi_class="ovr"),
    (Task.MULTICLASS, "log_loss"): lambda j: sklearn_metrics.log_loss(j.labels, class_scores(j)),
    (Task.REGRESSION, "mae"): lambda j: sklearn_metrics.mean_absolute_error(*numbers(j)),
    (Task.REGRESSION, "rmse"): lambda j: sklearn_metrics.root_mean_squared_error(*numbers(j)),
    (Task.REGRESSION, "mape"): lambda j: sklearn_metrics.mean_absolute_percentage_error(*numbers(j)),
    (Task.REGRESSION, "smape"): smape,
    (Task.REGRESSION, "r2"): lambda j: sklearn_metrics.r2_score(*numbers(j)),
    (Task.REGRESSION, "quantile_loss"): lambda j: sklearn_metrics.mean_pinball_loss(*numbers(j), alpha=0.5),
    (Task.REGRESSION, "bias"): lambda j: float(abs(np.mean(np.subtract(*numbers(j))))),
    (Task.REGRESSION, "mase"): lambda j: sklearn_metrics.mean_absolute_error(*numbers(j)) / NAIVE,
    (Task.FORECAST, "interval_coverage"): lambda j: float(np.mean(outside(j)[1] + outside(j)[2] == 0)),
    (Task.FORECAST, "interval_score"): winkler,
    (Task.FORECAST, "interval_width"): lambda j: float(np.mean(outside(j)[0])),
}
REFERENCE |= {(Task.FORECAST, name): of for (task, name), of in REFERENCE.items() if task is Task.REGRESSION}


def suiting(task: Task) -> list[PerformanceMetric]:
    """Those about texts, and about what people said of anything, are tested by themselves."""
    metrics = (metric for metric in PERFORMANCE_METRICS.values() if Task.TEXT not in metric.tasks)
    return [asked_for(metric) for metric in metrics if task in metric.tasks]


def asked_for(metric: PerformanceMetric) -> PerformanceMetric:
    """As a check would ask for it that has to."""
    return with_parameters(metric, metric.name, {"scale": NAIVE}) if metric.name == "mase" else metric


def test_every_metric_is_compared_with_a_reference_for_every_task_it_suits() -> None:
    assert REFERENCE.keys() == {(task, metric.name) for task in TRAFFIC for metric in suiting(task)}


@pytest.mark.parametrize(("task", "name"), REFERENCE, ids=str)
def test_metrics_equal_those_of_scikit_learn(task: Task, name: str) -> None:
    make, positive = TRAFFIC[task]
    judged = make(700)

    result = asked_for(PERFORMANCE_METRICS[name]).run(judged, positive)

    assert result is not None
    assert result.statistic == pytest.approx(REFERENCE[task, name](judged))


@pytest.mark.parametrize("task", TRAFFIC)
def test_ninety_five_percent_intervals_cover_the_truth_93_to_97_percent_of_the_time(task: Task) -> None:
    make, positive = TRAFFIC[task]
    whole = make(200_000, seed=99)
    metrics = [metric for metric in suiting(task) if task is not Task.FORECAST or Task.REGRESSION not in metric.tasks]
    truth = {metric.name: metric.run(whole, positive) for metric in metrics}
    covered: Counter[str] = Counter()

    for seed in range(1_000):
        judged = make(400, seed=seed)
        for metric in metrics:
            result, true = metric.run(judged, positive), truth[metric.name]
            assert result is not None
            assert true is not None
            assert result.low is not None
            assert result.high is not None
            covered[metric.name] += result.low <= true.statistic <= result.high

    assert {name for name in truth if not 930 <= covered[name] <= 970} == set(), covered


def test_the_calibration_error_of_calibrated_scores_covers_none_at_all() -> None:
    random = np.random.default_rng(5)
    scores = random.random(500)
    truth = np.where(random.random(500) < scores, "yes", "no")

    result = PERFORMANCE_METRICS["calibration_error"].run(Judged(("yes",) * 500, scores, texts(truth)), "yes")

    assert result is not None
    assert result.low == 0.0
    assert result.statistic < 0.1


def of(*rows: JudgedRow) -> Judged:
    return Judged.of(rows)


UNDEFINED = {
    "precision": of(("no", 0.1, "yes")),
    "recall": of(("yes", 0.1, "no")),
    "specificity": of(("yes", 0.1, "yes")),
    "f1": of(("no", 0.1, "no")),
    "f_beta": of(("no", 0.1, "no")),
    "mcc": of(("yes", 0.1, "yes"), ("no", 0.1, "yes")),
    "roc_auc": of(("yes", 0.9, "yes")),
    "pr_auc": of(("yes", 0.9, "yes")),
    "log_loss": of(("yes", 1.5, "yes")),
    "brier": of(("yes", None, "yes")),
    "calibration_error": of(("yes", -0.1, "yes")),
    "precision_at": of(("yes", 0.1, "yes")),
    "recall_at": of(("yes", None, "yes")),
    "value": of(),
    "mae": of(("high", None, "low")),
    "rmse": of(("inf", None, "1")),
    "mape": of(("1", None, "0")),
    "smape": of(("nan", None, "0")),
    "r2": of(("1", None, "2"), ("2", None, "2")),
    "quantile_loss": of(("", None, "2")),
    "bias": of(),
    "mase": of(("1", None, "2")),
    "interval_coverage": of(("1", None, "2", '{"0.05":0.5}')),
    "interval_score": of(("1", None, "2", '{"0.1":0.5,"0.9":3}')),
    "interval_width": of(("1", None, "2")),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_metric_that_is_not_defined_on_the_rows_says_so_and_gives_no_number(name: str) -> None:
    assert PERFORMANCE_METRICS[name].run(UNDEFINED[name], "yes") is None


def test_perfect_predictions_have_an_interval_that_admits_it_could_be_luck() -> None:
    perfect = of(*[("yes", 0.9, "yes"), ("no", 0.1, "no")] * 50)

    for name in ("roc_auc", "pr_auc", "f_beta"):
        result = PERFORMANCE_METRICS[name].run(perfect, "yes")

        assert result is not None
        assert result.statistic == 1.0
        assert result.low is not None
        assert 0.9 < result.low < 1.0


@pytest.mark.parametrize(
    ("name", "wrong"), [("quantile_loss", "quantile"), ("f_beta", "beta"), ("calibration_error", "bins")]
)
def test_a_parameter_out_of_range_is_a_mistake_in_the_configuration(name: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        with_parameters(PERFORMANCE_METRICS[name], name, {wrong: 0})


def test_a_quantile_loss_of_another_quantile_weighs_too_low_predictions_more() -> None:
    metric = with_parameters(PERFORMANCE_METRICS["quantile_loss"], "quantile_loss", {"quantile": 0.9})

    result = metric.run(of(("8", None, "10"), ("12", None, "10")), None)

    assert result is not None
    assert result.statistic == pytest.approx((0.9 * 2 + 0.1 * 2) / 2)


@pytest.mark.parametrize("cut", [0.2, 0.8])
def test_another_cut_is_another_classifier(cut: float) -> None:
    judged = binary(700)
    metrics = [with_parameters(PERFORMANCE_METRICS[name], name, {"cut": cut}) for name in ("precision_at", "recall_at")]

    precision, recall = (metric.run(judged, "yes") for metric in metrics)

    assert precision is not None
    assert recall is not None
    truth, said = is_yes(judged), judged.scores >= cut
    assert precision.statistic == pytest.approx(sklearn_metrics.precision_score(truth, said))
    assert recall.statistic == pytest.approx(sklearn_metrics.recall_score(truth, said))


def test_value_prices_every_outcome_as_configured() -> None:
    worths = {"true_positive": 10.0, "false_positive": -5.0, "false_negative": -10.0, "true_negative": 2.0}
    metric = with_parameters(PERFORMANCE_METRICS["value"], "value", worths)
    rows = of(("yes", None, "yes"), ("yes", None, "no"), ("no", None, "yes"), ("no", None, "no"), ("no", None, "no"))

    result = metric.run(rows, "yes")

    assert result is not None
    assert result.statistic == pytest.approx(-0.2)
    assert result.detail == {"total": -1.0}


PETS = '{"cat": {"cat": 1, "dog": -5}, "dog": {"cat": -1, "dog": 2}}'


def test_value_of_many_classes_is_priced_by_a_matrix_of_truth_and_prediction() -> None:
    metric = with_parameters(PERFORMANCE_METRICS["value"], "value", {"matrix": PETS})
    pairs = [("cat", "cat"), ("dog", "cat"), ("cat", "dog"), ("dog", "dog")] * 50  # predicted, true
    rows = of(*((said, None, truth) for said, truth in pairs))

    result = metric.run(rows, None)

    assert result is not None
    assert result.detail == {"total": 50.0 * (1 - 5 - 1 + 2)}
    assert result.statistic == pytest.approx(-0.75)
    half = 1.96 * np.std([1, -5, -1, 2] * 50, ddof=1) / np.sqrt(200)
    assert (result.low, result.high) == pytest.approx((-0.75 - half, -0.75 + half), abs=1e-3)


def test_an_outcome_that_a_matrix_does_not_name_is_worth_what_holds_otherwise_or_is_put_aside() -> None:
    rows = of(*[("cat", None, "cat")] * 99, ("cow", None, "cat"))
    others: list[dict[str, float]] = [{}, {"otherwise": -2}]
    strict, loose = (
        with_parameters(PERFORMANCE_METRICS["value"], "value", {"matrix": PETS, **more}) for more in others
    )

    fit, all_fit = usable(strict, rows), usable(loose, rows)
    total = loose.run(all_fit.judged, None)

    assert fit.aside.startswith("1 of 100 have a class that the matrix does not price, such as 'cow'")
    assert (fit.judged.n, all_fit.aside) == (99, "")
    assert total is not None
    assert total.detail == {"total": 97.0}


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        (
            {"matrix": '{"cat": {"cat": 1, "dog": 2}}'},
            "predicting 'cat' is worth where 'dog' is true, nor 1 more cells",
        ),
        ({"matrix": '{"cat": {"cat": "much"}}'}, "where 'cat' is true must be a finite number: 'much'"),
        ({"matrix": '{"cat": {"cat": NaN}}'}, "must be a finite number"),
        ({"matrix": '{"cat": 3}'}, "by true, then by predicted class"),
        ({"matrix": "cat"}, "matrix is no JSON"),
        ({"matrix": PETS, "otherwise": "none"}, "otherwise must be a finite number"),
        ({"otherwise": 1}, "holds for what a matrix does not name"),
    ],
)
def test_a_matrix_with_a_hole_or_without_numbers_is_refused(parameters: dict[str, str | int], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        with_parameters(PERFORMANCE_METRICS["value"], "value", parameters)


def test_a_parameter_that_is_no_number_where_one_is_due_is_named() -> None:
    with pytest.raises(ConfigError, match="top of lift must be a number, not 'ten'"):
        with_parameters(PERFORMANCE_METRICS["lift"], "lift", {"top": "ten"})


def test_metrics_that_need_a_parameter_to_mean_something_are_not_proposed() -> None:
    unasked = {name for name, metric in PERFORMANCE_METRICS.items() if not is_proposed(metric)}

    numbers_needed = {"f_beta", "lift", "quantile_loss", "precision_at", "recall_at", "value", "mase"}
    people_or_an_extra = {"bleu", "rouge_1", "rouge_2", "rouge_l", "rating", "approval"}
    assert unasked == numbers_needed | people_or_an_extra | {"catalogue_coverage"}


def test_accuracy_comes_with_the_confusion_matrix_of_few_labels() -> None:
    judged, many = multiclass(300), of(*[(str(n), None, str(n)) for n in range(21)])

    result, without = (PERFORMANCE_METRICS["accuracy"].run(rows, None) for rows in (judged, many))

    assert result is not None
    assert without is not None
    matrix = sklearn_metrics.confusion_matrix(judged.labels, judged.predictions)
    assert result.detail == {"labels": ["a", "b", "c"], "confusion": matrix.tolist()}
    assert without.detail == {}
