"""The catalogue equals scipy where bins lose nothing, stays near it elsewhere, and holds at any number of records."""

import math
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitor.domain.checks import Check
from monitor.domain.errors import ConfigError
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.columns import Floats
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.drift.fisher_exact import FisherExact
from monitor.stats.drift.kuiper import Kuiper
from monitor.stats.drift.kullback_leibler import KullbackLeibler
from monitor.stats.drift.proportion import Proportion
from monitor.stats.drift.quantile_shift import QuantileShift
from monitor.stats.drift.wasserstein import Wasserstein
from monitor.stats.exact import fisher_p
from monitor.stats.judgement import judge
from monitor.stats.profiles.comparable import grouped_counts
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import SPECIAL
from monitor.stats.proportions import difference_interval
from monitor.testing.drift_tests import exact_pair, multiplied, profile

EXACT = 1e-9


def discrete(seed: int) -> tuple[Floats, Floats]:
    """Whole numbers of few values: every value has a bin of its own."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 20, 3_000).astype(np.float64), np.minimum(rng.integers(0, 21, 900), 19).astype(np.float64)


def run(name: str, before: Floats, now: Floats) -> TestResult:
    baseline = profile(before.tolist())
    return DRIFT_TESTS[name].run(baseline, profile(now.tolist(), baseline))


def number(result: TestResult, key: str) -> float:
    return float(str(result.detail[key]))


@pytest.mark.parametrize("seed", range(3))
def test_the_tests_of_means_are_scipys_where_bins_are_single_values(seed: int) -> None:
    before, now = discrete(seed)
    exact = stats.ttest_ind(now, before, equal_var=False)

    welch, mean = run("welch_t", before, now), run("mean_shift", before, now)

    assert number(welch, "t") == pytest.approx(exact.statistic, rel=EXACT)
    assert number(welch, "degrees_of_freedom") == pytest.approx(exact.df, rel=EXACT)
    assert welch.p_value == pytest.approx(exact.pvalue, rel=1e-8)
    interval = exact.confidence_interval(0.95)
    assert mean.detail["interval"] == pytest.approx([interval.low, interval.high], rel=EXACT)
    pooled = math.sqrt((np.var(before, ddof=1) + np.var(now, ddof=1)) / 2)
    assert welch.statistic == pytest.approx(abs(now.mean() - before.mean()) / pooled, rel=EXACT)
    assert welch.low == pytest.approx(welch.high, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_two_sided_mann_whitney_test_is_scipys_where_bins_are_single_values(seed: int) -> None:
    before, now = discrete(seed)
    exact = stats.mannwhitneyu(now, before, method="asymptotic", use_continuity=False, alternative="two-sided")

    result = run("mann_whitney", before, now)

    assert number(result, "larger") == pytest.approx(exact.statistic / len(before) / len(now), rel=EXACT)
    assert result.p_value == pytest.approx(exact.pvalue, rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_the_brown_forsythe_test_is_scipys_where_bins_are_single_values(seed: int) -> None:
    before, now = discrete(seed)
    exact = stats.levene(before, now, center="median")

    result = run("levene", before, now)

    assert number(result, "w") == pytest.approx(exact.statistic, rel=EXACT)
    assert result.p_value == pytest.approx(exact.pvalue, rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9, 0.95])
def test_quantiles_are_those_of_numpy_where_bins_are_single_values(seed: int, quantile: float) -> None:
    before, now = discrete(seed)
    baseline = profile(before.tolist())

    result = QuantileShift(quantile).run(baseline, profile(now.tolist(), baseline))

    assert number(result, "baseline_quantile") == pytest.approx(float(np.quantile(before, quantile)), abs=1e-9)
    assert number(result, "quantile") == pytest.approx(float(np.quantile(now, quantile)), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_ratio_of_standard_deviations_is_exact_where_bins_are_single_values(seed: int) -> None:
    before, now = discrete(seed)

    result = run("variance_shift", before, now)

    assert number(result, "ratio") == pytest.approx(float(np.std(now, ddof=1) / np.std(before, ddof=1)), rel=EXACT)


@pytest.mark.parametrize("seed", range(3))
def test_the_anderson_darling_statistic_is_scipys_where_bins_are_single_values(seed: int) -> None:
    before, now = discrete(seed)
    n, m = len(before), len(now)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy cuts its p-value at 0.001 and 0.25, and says so
        exact = stats.anderson_ksamp([before, now], midrank=False)

    result = run("anderson_darling", before, now)

    assert number(result, "a_squared") == pytest.approx(
        1 + float(exact.statistic) * spread_of_a_squared(n, m), rel=1e-8
    )


def spread_of_a_squared(n: int, m: int) -> float:
    """Standard deviation by which `anderson_ksamp` divides (Scholz & Stephens 1987, for two samples)."""
    total, inverse = n + m, 1 / n + 1 / m
    h = float((1 / np.arange(1, total)).sum())
    tail = (1 / np.arange(total - 1, 1, -1)).cumsum()
    g = float((tail / np.arange(2, total)).sum())
    a = (4 * g - 6) + (10 - 6 * g) * inverse
    b = (2 * g - 4) * 4 + 16 * h + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6
    c = (6 * h + 2 * g - 2) * 4 + (4 * h - 4 * g + 6) * 2 + (2 * h - 6) * inverse + 4 * h
    d = (2 * h + 6) * 4 - 8 * h
    return math.sqrt((a * total**3 + b * total**2 + c * total + d) / ((total - 1) * (total - 2) * (total - 3)))


def test_the_statistic_of_cramer_and_von_mises_is_scipys_without_ties() -> None:
    rng = np.random.default_rng(7)
    before, now = rng.normal(size=400), rng.normal(0.3, 1, 90)
    exact = stats.cramervonmises_2samp(before, now, method="asymptotic")

    result = DRIFT_TESTS["cramer_von_mises"].run(*exact_pair(before, now)[2:])

    assert number(result, "t") == pytest.approx(exact.statistic, rel=EXACT)
    assert result.p_value == pytest.approx(exact.pvalue, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_raw_distances_are_scipys_where_bins_are_single_values(seed: int) -> None:
    before, now = discrete(seed)

    energy, work = run("energy_distance", before, now), run("wasserstein", before, now)

    assert number(energy, "raw") == pytest.approx(stats.energy_distance(before, now), rel=EXACT)
    assert number(work, "raw") == pytest.approx(stats.wasserstein_distance(before, now), rel=EXACT)


def test_the_unscaled_wasserstein_distance_and_its_bounds_are_in_the_unit_of_the_column() -> None:
    before, now = discrete(0)
    baseline = profile(before.tolist())
    window = profile(now.tolist(), baseline)

    scaled, raw = (Wasserstein(scaled).run(baseline, window) for scaled in (True, False))

    unit = number(scaled, "unit")
    assert raw.statistic == pytest.approx(scaled.statistic * unit)
    assert (raw.low, raw.high) == pytest.approx(((scaled.low or 0) * unit, (scaled.high or 0) * unit))
    assert raw.p_value == scaled.p_value


@pytest.mark.parametrize("seed", range(3))
def test_kuiper_is_the_sum_of_both_one_sided_statistics_of_kolmogorov_and_smirnov(seed: int) -> None:
    before, now = discrete(seed)
    sides = [stats.ks_2samp(before, now, alternative=side, method="asymp") for side in ("less", "greater")]

    result = run("kuiper", before, now)

    assert result.statistic == pytest.approx(sum(side.statistic for side in sides), rel=EXACT)


@pytest.mark.parametrize(("scaled", "p_value"), [(1.620, 0.10), (1.747, 0.05), (2.001, 0.01)])
def test_the_p_value_of_kuiper_is_that_of_the_table_of_stephens(scaled: float, p_value: float) -> None:
    n = 10**9
    root = math.sqrt(n / 2)
    moved = round(scaled / (root + 0.155 + 0.24 / root) * n)
    baseline = multiplied(profile([1.0, 2.0] * 2), n // 4)
    window = deepcopy(baseline)
    window.counters[SPECIAL:][window.counters[SPECIAL:] > 0] += (-moved, moved)

    result = Kuiper().run(baseline, window)

    assert result.p_value == pytest.approx(p_value, rel=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_distances_of_shares_are_those_of_scipy_on_the_same_groups(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, now = rng.choice(list("abcdef"), 4_000).tolist(), rng.choice(list("aabcdef"), 700).tolist()
    baseline = profile(before)
    window = profile(now, baseline)
    table = grouped_counts(baseline, window)
    p, q = table / table.sum(axis=1, keepdims=True)
    exact = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")

    found = {name: DRIFT_TESTS[name].run(baseline, window) for name in ("hellinger", "total_variation", "l_infinity")}
    g = DRIFT_TESTS["g_test"].run(baseline, window)
    kl = replace(KullbackLeibler(), pseudo_count=1e-12).run(baseline, window)

    assert found["hellinger"].statistic == pytest.approx(math.sqrt(1 - float(np.sqrt(p * q).sum())), rel=1e-8)
    assert found["total_variation"].statistic == pytest.approx(float(np.abs(p - q).sum()) / 2, rel=EXACT)
    assert found["l_infinity"].statistic == pytest.approx(float(np.abs(p - q).max()), rel=EXACT)
    assert kl.statistic == pytest.approx(stats.entropy(q, p), rel=1e-8)
    assert number(g, "g") == pytest.approx(exact.statistic, rel=EXACT)
    assert g.detail["degrees_of_freedom"] == exact.dof
    assert g.p_value == pytest.approx(exact.pvalue, rel=0.1, abs=1e-4)  # Williams' correction is ours


@given(a=st.integers(0, 60), more_a=st.integers(0, 60), b=st.integers(0, 40), more_b=st.integers(0, 40))
def test_fishers_exact_test_is_scipys(a: int, more_a: int, b: int, more_b: int) -> None:
    if not a + more_a or not b + more_b:
        return

    found = fisher_p(a, a + more_a, b, b + more_b)

    assert found == pytest.approx(stats.fisher_exact([[a, more_a], [b, more_b]]).pvalue, rel=1e-7)


def test_fishers_exact_test_has_the_far_tail_and_goes_over_into_the_z_test_at_a_hundred_million_records() -> None:
    n = 100_000_000
    z = stats.chi2_contingency([[30_000_000, n - 30_000_000], [30_020_000, n - 30_020_000]], correction=False)

    assert fisher_p(500, 1_000, 900, 1_000) == pytest.approx(
        stats.fisher_exact([[500, 500], [900, 100]]).pvalue, rel=1e-7
    )
    assert fisher_p(30_000_000, n, 30_020_000, n) == pytest.approx(z.pvalue, rel=1e-3)
    assert fisher_p(30_000_000, n, 60_000_000, n) == 0.0


def test_the_z_test_of_a_proportion_is_the_chi_squared_test_of_two_by_two_with_newcombes_interval() -> None:
    baseline = profile(["yes"] * 400 + ["no"] * 600)
    window = profile(["yes"] * 90 + ["no"] * 60, baseline)
    exact = stats.chi2_contingency([[400, 600], [90, 60]], correction=False)

    rest, named = Proportion().run(baseline, window), Proportion("yes").run(baseline, window)

    assert rest.detail["category"] == "no"
    assert [rest.statistic, named.statistic] == pytest.approx([20.0, 20.0])
    assert rest.p_value == named.p_value == pytest.approx(exact.pvalue, rel=EXACT)
    assert difference_interval(48, 80, 56, 70) == pytest.approx((0.0524, 0.3339), abs=1e-4)  # Newcombe 1998


@pytest.mark.parametrize("test", [Proportion("other"), FisherExact("other")])
def test_a_category_that_the_baseline_does_not_know_is_refused(test: Proportion | FisherExact) -> None:
    baseline = profile(["yes", "no"] * 50)

    with pytest.raises(ConfigError, match="no category 'other'"):
        test.run(baseline, baseline)


NUMERIC = sorted(name for name, test in DRIFT_TESTS.items() if {a.value for a in test.needs} == {"bins", "range"})


GROUPED = ["psi", "jensen_shannon", "hellinger", "kullback_leibler", "total_variation", "l_infinity", "g_test"]


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), shape=st.sampled_from(["normal", "lognormal", "t", "mixed", "uniform"]))
def test_the_certified_interval_holds_on_continuous_data(seed: int, shape: str) -> None:
    rng = np.random.default_rng(seed)
    draw: dict[str, Callable[[int], Floats]] = {
        "normal": lambda n: rng.normal(size=n),
        "lognormal": lambda n: rng.lognormal(0, 2, n),
        "t": lambda n: rng.standard_t(2, n),
        "mixed": lambda n: np.where(rng.random(n) < 0.5, np.round(rng.normal(size=n)), rng.normal(size=n)),
        "uniform": lambda n: rng.uniform(0, 1, n),
    }
    before = draw[shape](int(rng.integers(20, 1_500)))
    now = draw[shape](int(rng.integers(5, 400))) * rng.uniform(0.5, 2) + rng.normal()
    first, second, exact_first, exact_second = exact_pair(before, now)

    for name in NUMERIC:
        result, exact = (DRIFT_TESTS[name].run(*pair) for pair in ((first, second), (exact_first, exact_second)))
        assert result.low is not None
        assert result.high is not None
        slack = 1e-9 * max(1.0, exact.statistic)
        assert result.low - slack <= exact.statistic <= result.high + slack, name


@pytest.mark.parametrize(
    ("name", "most"),
    [("ks", 0.005), ("kuiper", 0.008), ("cramer_von_mises", 0.02), ("anderson_darling", 0.025), ("mann_whitney", 0.008),
     ("energy_distance", 0.03), ("wasserstein", 0.06), ("mean_shift", 0.06), ("welch_t", 0.07), ("levene", 0.06),
     ("variance_shift", 0.08), ("quantile_shift", 0.05)],
)  # fmt: skip
def test_the_certified_interval_is_narrow_while_the_window_stays_where_the_baseline_was(name: str, most: float) -> None:
    rng = np.random.default_rng(22)

    result = run(name, rng.normal(size=50_000), rng.normal(0.3, 1.2, 5_000))

    assert (result.high or 1) - (result.low or 0) <= most


def shifted(name: str) -> tuple[Callable[[np.random.Generator, int], Floats], int]:
    """A known change that the test is for, and with how many records it must see it."""
    if name in {"variance_shift", "levene"}:
        return lambda rng, n: rng.normal(0, 1.6, n), 300
    return lambda rng, n: rng.normal(0.7, 1, n), 300


@pytest.mark.parametrize("name", [*NUMERIC, *GROUPED])
def test_a_known_change_is_seen_by_its_default_threshold_in_19_of_20_windows(name: str) -> None:
    rng, test = np.random.default_rng(27), DRIFT_TESTS[name]
    draw, n = shifted(name)
    check = Check(name, "column", "", test.default_threshold, 100)
    baseline = profile(rng.normal(size=5_000).tolist())

    verdicts = [judge(check, test.run(baseline, profile(draw(rng, n).tolist(), baseline)))[0] for _ in range(20)]

    assert verdicts.count(Verdict.DRIFTED) >= 19


@pytest.mark.parametrize("name", sorted(DRIFT_TESTS))
@pytest.mark.parametrize("times", [1, 50, 20_000_000])
def test_p_values_hold_from_one_record_to_a_hundred_million(name: str, times: int) -> None:
    test = DRIFT_TESTS[name]
    numbers, texts = [1.0, 2.0, 3.0, 4.0, 4.5], ["a", "b", "a", "c", "a"]
    baseline: Profile = profile(numbers if name in NUMERIC or name in {"out_of_range", "missing_rate"} else texts)
    same = multiplied(baseline, times)

    result = test.run(same, same)

    assert result.n_current == 5 * times
    assert result.p_value is not None
    assert 0.05 < result.p_value <= 1


def test_a_side_with_one_value_is_insufficient_data_for_tests_of_means_and_variances() -> None:
    baseline = profile([1.0, 2.0, 3.0])
    for name in ("welch_t", "mean_shift", "variance_shift", "levene"):
        check = Check(name, "column", "", DRIFT_TESTS[name].default_threshold, min_records=0)

        verdict, reason = judge(check, DRIFT_TESTS[name].run(baseline, profile([9.0], baseline)))

        assert verdict is Verdict.INSUFFICIENT_DATA
        assert reason == f"{name}(column): 1 record on one side, at least 2 needed"


@pytest.mark.parametrize("name", ["wasserstein", "energy_distance", "mean_shift", "welch_t", "quantile_shift"])
def test_a_baseline_of_infinities_is_insufficient_data(name: str) -> None:
    baseline = profile([math.inf] * 200)
    check = Check(name, "column", "", DRIFT_TESTS[name].default_threshold, 100)

    verdict, reason = judge(check, DRIFT_TESTS[name].run(baseline, profile([1.0] * 200, baseline)))

    assert verdict is Verdict.INSUFFICIENT_DATA
    assert reason.endswith("no finite value in the baseline to compare with")


@pytest.mark.parametrize("quantile", [0.0, 1.0, -1.0, math.nan])
def test_what_is_no_quantile_is_refused(quantile: float) -> None:
    with pytest.raises(ValueError, match="must be above 0 and below 1"):
        replace(QuantileShift(), quantile=quantile)
