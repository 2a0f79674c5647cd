"""What was measured to go wrong in a widely used library (its 0.7.23) does not go wrong here; a test for each defect.

Rates are of windows without drift, in a band of the binomial law.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.columns import Floats
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.judgement import judge
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.proposals import PROPOSED
from monitor.testing.drift_tests import kinds, profile

WINDOWS = 200
Values = Sequence[float] | Sequence[str]


def verdict(name: str, result: TestResult, min_records: int = 100) -> Verdict:
    return judge(Check(name, "column", "", DRIFT_TESTS[name].default_threshold, min_records), result)[0]


def compared(name: str, before: Values, now: Values) -> TestResult:
    baseline = profile(before)
    return DRIFT_TESTS[name].run(baseline, profile(now, baseline))


def numbers(rng: np.random.Generator, n: int, mean: float = 0.0, deviation: float = 1.0) -> list[float]:
    return list(map(float, rng.normal(mean, deviation, n)))


def texts(rng: np.random.Generator, n: int, categories: int) -> list[str]:
    return [f"c{k}" for k in rng.integers(0, categories, n).tolist()]


def rejected(results: Sequence[TestResult], level: float = 0.05) -> int:
    return sum(result.p_value is not None and result.p_value <= level for result in results)


def most(windows: int, level: float = 0.05) -> int:
    return int(stats.binom.ppf(0.9999, windows, level))


@pytest.mark.parametrize(("n", "categories"), [(1_000, 5), (3_000, 5), (1_000, 20), (3_000, 20)])
def test_s1_the_baseline_is_a_sample_too_so_that_chi_squared_keeps_its_level(n: int, categories: int) -> None:
    rng = np.random.default_rng(1)

    results = [compared("chi_squared", texts(rng, 1_000, categories), texts(rng, n, categories)) for _ in range(100)]

    assert rejected(results) <= most(100)


@pytest.mark.parametrize("n", [100, 200, 500, 1_000])
@pytest.mark.parametrize("name", ["wasserstein", "psi", "jensen_shannon", "hellinger", "kullback_leibler"])
def test_s2_distances_know_the_size_of_the_window_and_stay_quiet_in_small_ones(name: str, n: int) -> None:
    rng = np.random.default_rng(2)
    baseline = profile(numbers(rng, 10_000))

    results = [DRIFT_TESTS[name].run(baseline, profile(numbers(rng, n), baseline)) for _ in range(WINDOWS)]

    assert sum(verdict(name, result) is not Verdict.OK for result in results) <= most(WINDOWS, 0.001)


def test_s2_a_column_of_twenty_categories_stays_quiet_in_small_windows() -> None:
    rng = np.random.default_rng(2)
    baseline = profile(texts(rng, 10_000, 20))

    results = [
        DRIFT_TESTS["jensen_shannon"].run(baseline, profile(texts(rng, 100, 20), baseline)) for _ in range(WINDOWS)
    ]

    assert sum(verdict("jensen_shannon", result) is not Verdict.OK for result in results) <= most(WINDOWS, 0.001)


def test_s3_a_fraud_rate_of_five_percent_instead_of_one_is_seen_in_large_windows() -> None:
    rng = np.random.default_rng(3)
    before, now = (np.where(rng.random(100_000) < rate, "fraud", "good").tolist() for rate in (0.01, 0.05))
    baseline = profile(before)
    window = profile(now, baseline)

    share, distance = (DRIFT_TESTS[name].run(baseline, window) for name in ("proportion", "jensen_shannon"))

    low, high = np.array(share.detail["interval"]).tolist()
    assert low < -4.0 < high  # of "good", the more frequent one
    assert high - low < 0.4
    assert share.p_value is not None
    assert share.p_value < 1e-50
    assert judge(Check("proportion", "column", "", Threshold(1.0, alpha=0.001), 100), share)[0] is Verdict.DRIFTED
    assert verdict("jensen_shannon", distance) is Verdict.WARNING


def test_s4_twenty_quiet_columns_raise_no_alarm_by_their_default_checks() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(30):
        for k in range(20):
            name = "psi" if k < 14 else "jensen_shannon"
            draw = numbers if k < 14 else (lambda r, n: texts(r, n, 5))
            alarms += verdict(name, compared(name, draw(rng, 1_000), draw(rng, 1_000))) is not Verdict.OK

    assert alarms == 0


@pytest.mark.parametrize("shift", [1.0, -1.0])
def test_s5_mann_whitney_looks_both_ways(shift: float) -> None:
    rng = np.random.default_rng(5)

    result = compared("mann_whitney", numbers(rng, 1_000), numbers(rng, 1_000, shift))

    assert result.p_value is not None
    assert result.p_value < 1e-60
    assert (float(str(result.detail["larger"])) > 0.5) is (shift > 0)


@pytest.mark.parametrize("name", ["psi", "jensen_shannon", "kullback_leibler", "hellinger", "ks", "cramer_von_mises"])
def test_s6_one_extreme_value_hides_no_shift(name: str) -> None:
    rng = np.random.default_rng(6)
    before, now = numbers(rng, 10_000), numbers(rng, 10_000, 2.0)
    clean = compared(name, before, now).statistic

    soiled = compared(name, [*before, 1e6], [*now, 1e6]).statistic

    assert soiled == pytest.approx(clean, rel=0.01)


def test_s7_psi_of_a_skewed_column_is_that_of_its_deciles() -> None:
    rng = np.random.default_rng(7)
    before, now = np.exp(numbers(rng, 20_000)), np.exp(numbers(rng, 20_000, 0.5))

    result = compared("psi", before.tolist(), now.tolist())

    assert result.statistic == pytest.approx(0.25, abs=0.03)
    assert verdict("psi", result) is Verdict.DRIFTED


@pytest.mark.parametrize("name", ["psi", "kullback_leibler"])
def test_s8_a_new_category_weighs_the_same_a_thousand_records_more_or_less(name: str) -> None:
    def window(n: int) -> tuple[list[str], list[str]]:
        return ["a", "b"] * (n // 2), ["a", "b"] * round(n * 0.495) + ["new"] * round(n * 0.01)

    small, large = (compared(name, *window(n)).statistic for n in (9_000, 11_000))

    assert large == pytest.approx(small, rel=0.05)


@pytest.mark.parametrize("name", ["wasserstein", "energy_distance", "mean_shift"])
def test_s9_a_tiny_unit_hides_no_shift(name: str) -> None:
    rng = np.random.default_rng(9)

    result = compared(name, numbers(rng, 1_000, 0.0, 1e-6), numbers(rng, 1_000, 50e-6, 1e-6))

    assert result.statistic > 5.0
    assert verdict(name, result) is Verdict.DRIFTED


def test_s10_three_extreme_values_in_the_baseline_do_not_blind_the_wasserstein_distance() -> None:
    rng = np.random.default_rng(10)
    before, now = numbers(rng, 100_000), numbers(rng, 20_000, 2.0)
    before[:3] = [1e5] * 3

    result = compared("wasserstein", before, now)

    assert result.statistic > 1.9


def test_s10_ranks_are_not_moved_by_three_extreme_values_of_the_window() -> None:
    rng = np.random.default_rng(10)
    before, now = numbers(rng, 50_000), numbers(rng, 50_000)
    now[:3] = [1e5] * 3

    assert {
        verdict(name, compared(name, before, now)) for name in ("mann_whitney", "cramer_von_mises", "quantile_shift")
    } == {Verdict.OK}


@pytest.mark.parametrize("scale", [1e-6, 1.0, 100.0, 1e9])
def test_s11_the_energy_distance_does_not_depend_on_the_unit(scale: float) -> None:
    rng = np.random.default_rng(11)
    before, now = numbers(rng, 1_000), numbers(rng, 1_000)

    result = compared("energy_distance", [scale * x for x in before], [scale * x for x in now])

    assert result.statistic == pytest.approx(compared("energy_distance", before, now).statistic, rel=1e-6)
    assert verdict("energy_distance", result) is Verdict.OK


@pytest.mark.parametrize("name", ["welch_t", "mean_shift"])
def test_s12_the_t_test_does_not_ask_for_equal_variances(name: str) -> None:
    rng = np.random.default_rng(12)

    results = [compared(name, numbers(rng, 1_000, 0.0, 1.0), numbers(rng, 50, 0.0, 10.0)) for _ in range(WINDOWS)]

    assert rejected(results) <= most(WINDOWS)


@pytest.mark.parametrize("name", ["g_test", "fisher_exact", "proportion", "chi_squared"])
@pytest.mark.parametrize("n", [100, 1_000, 1_777])
def test_s13_samples_of_any_two_sizes_are_compared(name: str, n: int) -> None:
    rng = np.random.default_rng(13)

    result = compared(name, texts(rng, 1_000, 2), texts(rng, n, 2))

    assert (result.n_baseline, result.n_current) == (1_000, n)
    assert result.p_value is not None
    assert result.p_value > 0.001


@pytest.mark.parametrize("name", sorted(DRIFT_TESTS))
def test_s14_a_threshold_means_the_same_whatever_the_baselines_size(name: str) -> None:
    test = DRIFT_TESTS[name]
    rng = np.random.default_rng(14)
    draw: Callable[[int], Values] = (
        (lambda n: numbers(rng, n)) if NumericProfile in kinds(test) else (lambda n: texts(rng, n, 4))
    )

    results = [compared(name, draw(n), draw(500)) for n in (1_000, 1_001)]

    assert {verdict(name, result) for result in results} == {Verdict.OK}
    assert abs(results[0].statistic - results[1].statistic) < 0.5 * test.default_threshold.drifted


@pytest.mark.parametrize("name", sorted(DRIFT_TESTS))
def test_s15_no_test_draws_from_or_seeds_the_chance_of_the_process(name: str) -> None:
    before = np.random.get_state(legacy=False)  # noqa: NPY002 - it is what must not change

    for kind in kinds(DRIFT_TESTS[name]):
        rng = np.random.default_rng(15)
        values: Values = numbers(rng, 500) if kind is NumericProfile else texts(rng, 500, 3)
        compared(name, values, values[:200])

    after = np.random.get_state(legacy=False)  # noqa: NPY002 - it is what must not change
    assert str(after) == str(before)


@pytest.mark.parametrize("name", ["chi_squared", "g_test", "jensen_shannon", "psi", "l_infinity", "total_variation"])
def test_s16_one_record_of_a_new_category_proves_nothing(name: str) -> None:
    before, now = ["a"] * 500 + ["b"] * 500, ["a"] * 250 + ["b"] * 249 + ["new"]

    result = compared(name, before, now)

    assert result.p_value is not None
    assert result.p_value > 0.05


@pytest.mark.parametrize("name", sorted(DRIFT_TESTS))
def test_s17_a_constant_column_gives_numbers(name: str) -> None:
    for kind in kinds(DRIFT_TESTS[name]):
        values: Values = [7.0] * 500 if kind is NumericProfile else ["only"] * 500

        result = compared(name, values, values[:200])

        assert result.statistic == 0.0
        assert result.p_value == 1.0
        assert verdict(name, result) is Verdict.OK


def test_b2_missing_values_are_drift_by_default() -> None:
    rng = np.random.default_rng(22)
    now = numbers(rng, 1_000)
    now[:600] = [math.nan] * 600

    found = {name: verdict(name, compared(name, numbers(rng, 5_000), now)) for name in next(iter(PROPOSED.values()))}

    assert found["missing_rate"] is Verdict.DRIFTED


@pytest.mark.parametrize("name", sorted(DRIFT_TESTS))
@pytest.mark.parametrize("n", [0, 1, 30, 99])
def test_b5_a_window_below_the_minimum_sample_is_never_guessed_at(name: str, n: int) -> None:
    for kind in kinds(DRIFT_TESTS[name]):
        rng = np.random.default_rng(n)
        baseline: Profile = profile(numbers(rng, 1_000) if kind is NumericProfile else texts(rng, 1_000, 4))
        window = type(baseline).empty(baseline.layout)  # type: ignore[arg-type]  # its own layout
        if n:
            window = profile([99.0] * n if kind is NumericProfile else ["zzz"] * n, baseline)

        assert verdict(name, DRIFT_TESTS[name].run(baseline, window)) is Verdict.INSUFFICIENT_DATA


def test_large_windows_make_nothing_of_a_difference_that_does_not_matter() -> None:
    rng = np.random.default_rng(30)
    before: Floats = rng.normal(size=400_000)
    now: Floats = rng.normal(0.03, 1.0, 400_000)

    names = ("ks", "welch_t", "mann_whitney", "cramer_von_mises")
    results = {name: compared(name, before.tolist(), now.tolist()) for name in names}

    assert rejected(list(results.values()), 1e-6) == len(results)
    assert {verdict(name, result) for name, result in results.items()} == {Verdict.OK}
