"""Metrics of serving: right numbers, intervals that cover, reasons where there is none."""

import math

import numpy as np
import pytest
from scipy import stats

from monitor.domain.findings import TestResult
from monitor.domain.models import ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.drift_test import LACKS
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.serving import SERVING_METRICS
from monitor.stats.serving.error_rate import ErrorRate
from monitor.stats.serving.latency import LatencyP50, LatencyP95, LatencyP99, interval_ranks, latency_layout
from monitor.stats.serving.metric import ServingWindow
from monitor.stats.serving.throughput import Throughput

TRAINING: dict[str, Column] = {
    "status": CategoricalColumn(["200", "200", "204", None]),
    "code": NumericColumn(np.full(4, 200.0)),
}
BASELINE = Baseline.build(ModelRef("kit", "1"), TRAINING, counted={"latency_ms": latency_layout()})


def window(columns: dict[str, Column], n: int, seconds: float = 3_600.0) -> ServingWindow:
    profile = ModelProfile.empty(BASELINE.layouts)
    profile.update(columns, n)
    return ServingWindow(profile, n, seconds)


def latencies(values: np.ndarray) -> ServingWindow:
    return window({"latency_ms": NumericColumn(values)}, len(values))


def bounds(result: TestResult) -> tuple[float, float]:
    assert result.low is not None
    assert result.high is not None
    return result.low, result.high


@pytest.mark.parametrize("metric", [LatencyP50(), LatencyP95(), LatencyP99()])
def test_a_quantile_is_that_of_numpy_within_the_width_of_a_bin(metric: LatencyP95) -> None:
    values = np.random.default_rng(1).lognormal(4, 0.7, 5_000)

    found = metric.run(latencies(values), "latency_ms")

    assert found.statistic == pytest.approx(np.quantile(values, metric.p), rel=0.05)
    low, high = bounds(found)
    assert low <= found.statistic <= high


@pytest.mark.parametrize(("metric", "law"), [(LatencyP50(), stats.expon(scale=80)), (LatencyP95(), stats.lognorm(1.5))])
def test_an_interval_covers_the_quantile_of_the_law_in_at_least_95_of_100_windows(
    metric: LatencyP95, law: stats.rv_continuous
) -> None:
    rng, truth = np.random.default_rng(2), law.ppf(metric.p)

    found = [bounds(metric.run(latencies(law.rvs(150, random_state=rng)), "latency_ms")) for _ in range(300)]

    assert sum(low <= truth <= high for low, high in found) >= 0.95 * 300 - 2 * math.sqrt(300 * 0.95 * 0.05)


@pytest.mark.parametrize("n", [6, 73, 400, 12_345])
@pytest.mark.parametrize("p", [0.5, 0.95, 0.99])
def test_the_ranks_are_the_nearest_whose_binomial_chance_on_either_side_is_two_and_a_half_percent(
    n: int, p: float
) -> None:
    low, high = interval_ranks(n, p)

    assert stats.binom.cdf(low - 1, n, p) <= 0.025 < stats.binom.cdf(low, n, p)
    assert stats.binom.sf(high - 1, n, p) <= 0.025 < stats.binom.sf(high - 2, n, p)


def test_a_window_with_too_few_latencies_has_no_number_and_says_how_many_it_takes() -> None:
    assert [metric.least for metric in (LatencyP50, LatencyP95, LatencyP99)] == [6, 72, 368]

    lacking = LatencyP99().run(latencies(np.full(367, 5.0)), "latency_ms")

    assert "367 values in the window, an interval takes at least 368" in str(lacking.detail[LACKS])
    assert LACKS not in LatencyP99().run(latencies(np.full(368, 5.0)), "latency_ms").detail


def test_missing_infinite_and_extreme_latencies_are_put_aside_or_bounded_by_what_was_seen() -> None:
    values = np.concatenate((np.full(50, 10.0), np.full(50, 1e9), [math.nan] * 7, [math.inf] * 3))

    found = LatencyP95().run(latencies(values), "latency_ms")

    assert found.n_current == 100
    assert (found.detail["missing"], found.detail["aside"]) == (7, 3)
    assert bounds(found)[1] == 1e9


def test_a_latency_that_the_baseline_cannot_count_says_so() -> None:
    nothing = ServingWindow(None, 500, 60.0)

    assert "no place to count 'latency_ms'" in str(LatencyP95().run(nothing, "latency_ms").detail[LACKS])
    assert "holds categories" in str(LatencyP95().run(window({}, 9), "status").detail[LACKS])


def statuses(*values: str | None) -> ServingWindow:
    return window({"status": CategoricalColumn([*values])}, len(values))


def test_whatever_is_not_among_the_good_values_is_an_error_and_records_without_one_are_put_aside() -> None:
    came = statuses(*["200"] * 90, *["204"] * 5, *["500"] * 3, "timeout", None)

    found = ErrorRate(ok="200, 204").run(came, "status")

    assert (found.statistic, found.n_current, found.detail["errors"]) == (4 / 99, 99, 4)
    assert bounds(found) == pytest.approx(stats.binomtest(4, 99).proportion_ci(method="wilson"))
    assert ErrorRate(ok="200,204", missing_is_ok=True).run(came, "status").statistic == 4 / 100


@pytest.mark.parametrize(("ok", "text"), [(200, "200"), (200.0, "200"), (False, "false"), ("200, 204 ,", "200")])
def test_good_values_may_be_written_without_quotes(ok: str | float | bool, text: str) -> None:
    assert text in ErrorRate(ok=ok).good


@pytest.mark.parametrize(
    ("metric", "column", "why"),
    [
        (ErrorRate(), "status", "which values mean success is not said"),
        (ErrorRate(ok="200,201"), "status", "201 in `ok` is no value that status has in the baseline"),
        (ErrorRate(ok="200"), "state", "no column 'state'"),
        (ErrorRate(ok="200"), "code", "code holds numbers"),
    ],
)
def test_an_error_rate_that_cannot_be_had_says_why(metric: ErrorRate, column: str, why: str) -> None:
    assert why in str(metric.run(statuses("200"), column).detail[LACKS])


def test_a_window_in_which_no_record_has_a_status_has_no_error_rate() -> None:
    assert "no record has a value in status" in str(
        ErrorRate(ok="200").run(statuses(None, None), "status").detail[LACKS]
    )


@pytest.mark.parametrize("n", [0, 1, 7, 400])
def test_a_throughput_has_the_exact_interval_of_a_poisson_count(n: int) -> None:
    found = Throughput().run(ServingWindow(None, n, 60.0), "records")

    low = stats.chi2.ppf(0.025, 2 * n) / 2 if n else 0.0
    assert found.statistic == n / 60
    assert bounds(found) == pytest.approx((low / 60, stats.chi2.ppf(0.975, 2 * n + 2) / 2 / 60))


def test_every_metric_of_serving_says_its_unit_source_and_least_number_of_records() -> None:
    for metric in SERVING_METRICS.values():
        doc = " ".join((type(metric).__doc__ or "").split())
        assert "Unit:" in doc
        assert f"From {metric.least} " in doc
