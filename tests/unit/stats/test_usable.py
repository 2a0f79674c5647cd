"""Rows that do not fit cost the rest nothing, and a metric that is not defined says why."""

import math

import numpy as np
import pytest

from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.performance.metric import Judged
from monitor.stats.performance.usable import never_predicted, usable, why_undefined


def judged(*rows: tuple[str, float | None, str]) -> Judged:
    return Judged.of(rows)


def numbers(n: int, *odd: tuple[str, str]) -> Judged:
    return judged(*((f"{i}", None, f"{i + 1}") for i in range(n)), *((said, None, truth) for said, truth in odd))


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (("3", "unknown"), "1 of 100 are no finite numbers (truth 'unknown'), and are put aside"),
        (("inf", "2"), "1 of 100 are no finite numbers (prediction 'inf'), and are put aside"),
        (("nan", "1e999"), "(prediction 'nan', truth '1e999')"),
        (
            ("1.7e308", "-1.7e308"),
            "1 of 100 are no finite numbers (prediction '1.7e308', truth '-1.7e308'), and are put aside",
        ),
    ],
)
@pytest.mark.parametrize("name", ["mae", "bias", "smape", "quantile_loss"])
def test_a_value_that_is_no_number_is_put_aside_and_the_rest_is_judged(
    name: str, odd: tuple[str, str], why: str
) -> None:
    metric = PERFORMANCE_METRICS[name]

    fit = usable(metric, numbers(99, odd))

    assert why in fit.aside
    assert fit.suffices
    assert metric.run(fit.judged, None) == metric.run(numbers(99), None)


def test_too_many_values_that_do_not_fit_are_no_basis() -> None:
    assert not usable(PERFORMANCE_METRICS["mae"], numbers(90, *[("1", "?")] * 10)).suffices


@pytest.mark.parametrize("score", [1.5, -0.01, math.inf])
def test_a_score_that_is_no_probability_is_put_aside_where_one_is_needed(score: float) -> None:
    rows = [("yes", 0.5 + i / 250, "yes" if i % 2 else "no") for i in range(99)]
    some = judged(*rows, ("yes", score, "yes"))

    fit = usable(PERFORMANCE_METRICS["brier"], some)

    assert fit.aside.startswith("1 of 100 have a score outside [0, 1], such as ")
    assert PERFORMANCE_METRICS["brier"].run(fit.judged, "yes") == PERFORMANCE_METRICS["brier"].run(judged(*rows), "yes")
    assert usable(PERFORMANCE_METRICS["roc_auc"], some).judged is some
    assert usable(PERFORMANCE_METRICS["accuracy"], some).judged is some


@pytest.mark.parametrize(
    ("name", "rows", "positive", "why"),
    [
        ("roc_auc", [("a", 0.5, "a"), ("b", 0.4, "a")], "a", "every truth is 'a': there is one class only"),
        ("roc_auc", [("a", None, "a"), ("b", None, "b")], "a", "no record has a score"),
        (
            "brier",
            [("a", 0.1, "a"), ("b", 0.2, "b")],
            None,
            "it is about one label, and no positive_label is configured",
        ),
        ("recall", [("a", 0.1, "b"), ("b", 0.2, "c")], "a", "no truth is 'a'"),
        ("precision", [("b", 0.1, "a"), ("c", 0.2, "b")], "a", "no prediction is 'a'"),
        ("mcc", [("a", 0.1, "a"), ("a", 0.2, "b")], None, "every prediction is 'a'"),
        ("mape", [("1", None, "0"), ("1", None, "2")], None, "1 of 2 truths are zero, where a percentage is infinite"),
        ("r2", [("1", None, "2"), ("3", None, "2")], None, "every truth is 2"),
        ("accuracy", [], None, "no prediction has known truth"),
    ],
)
def test_a_metric_that_is_not_defined_says_why(
    name: str, rows: list[tuple[str, float | None, str]], positive: str | None, why: str
) -> None:
    metric, some = PERFORMANCE_METRICS[name], judged(*rows)

    assert metric.run(some, positive) is None
    assert why in why_undefined(metric, some, positive)


def test_classes_that_were_never_predicted_are_named() -> None:
    seen = judged(("a", None, "a"), ("b", None, "new"), ("b", None, "new"), ("b", None, "rare"))

    assert never_predicted(seen) == "true, but never predicted: 'new' (2), 'rare' (1)"
    assert never_predicted(judged(("a", None, "a"))) == ""


def test_labels_of_two_spellings_are_suspected() -> None:
    said = never_predicted(judged(("1", None, "yes"), ("0", None, "no")))

    assert said.startswith("no true label was ever predicted: 'no' (1), 'yes' (1), where predictions are like '1'")


@pytest.mark.parametrize("name", sorted(PERFORMANCE_METRICS))
def test_no_metric_shows_nan_of_whatever_rows(name: str) -> None:
    metric = PERFORMANCE_METRICS[name]
    hostile = ["nan", "inf", "-inf", "0", "1e308", "-1e308", "", "a"]
    rows = [(said, score, truth) for said in hostile for truth in hostile for score in (None, np.nan, 0.0, 1.0, 2.0)]

    fit = usable(metric, judged(*rows))
    result = metric.run(fit.judged, "a") if fit.judged.n else None

    assert result is None or not math.isnan(result.statistic)
