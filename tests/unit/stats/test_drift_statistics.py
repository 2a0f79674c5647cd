"""The statistics equal scipy's on the raw rows, as exactly as bins allow, and their p-values keep their level."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from monitor.domain.errors import LayoutMismatch
from monitor.stats.columns import Floats
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.drift.chi_squared import ChiSquared
from monitor.stats.drift.jensen_shannon import JensenShannon
from monitor.stats.drift.kolmogorov_smirnov import KolmogorovSmirnov
from monitor.stats.drift.missing_rate import MissingRate
from monitor.stats.drift.out_of_range import OutOfRange
from monitor.stats.drift.psi import Psi
from monitor.stats.drift.unseen_category import UnseenCategory
from monitor.stats.drift.wasserstein import Wasserstein
from monitor.stats.drift_test import LACKS
from monitor.stats.profiles.comparable import grouped_counts
from monitor.stats.profiles.layouts import Profile
from monitor.testing.drift_tests import multiplied, profile

Sampler = Callable[[np.random.Generator, int], Floats]
PAIRS: dict[str, tuple[Sampler, Sampler]] = {
    "no drift": (lambda r, n: r.normal(size=n), lambda r, n: r.normal(size=n)),
    "mean shift": (lambda r, n: r.normal(50, 5, n), lambda r, n: r.normal(51, 5, n)),
    "scale": (lambda r, n: r.normal(size=n), lambda r, n: r.normal(0, 1.3, n)),
    "large offset": (lambda r, n: r.normal(1e6, 1, n), lambda r, n: r.normal(1e6 + 0.2, 1, n)),
    "heavy tails": (lambda r, n: r.lognormal(0, 2, n), lambda r, n: r.lognormal(0.2, 2, n)),
    "zero-inflated": (
        lambda r, n: np.where(r.random(n) < 0.6, 0.0, r.gamma(0.5, 1, n)),
        lambda r, n: np.where(r.random(n) < 0.5, 0.0, r.gamma(0.5, 1, n)),
    ),
    "counts": (lambda r, n: r.poisson(3, n).astype(np.float64), lambda r, n: r.poisson(3.4, n).astype(np.float64)),
    "binary": (lambda r, n: (r.random(n) < 0.1).astype(float), lambda r, n: (r.random(n) < 0.15).astype(float)),
    "spike inside a bin": (
        lambda r, n: r.normal(size=n),
        lambda r, n: np.where(r.random(n) < 0.05, 0.123, r.normal(size=n)),
    ),
    "unit change": (lambda r, n: r.normal(50, 5, n), lambda r, n: r.normal(50_000, 5_000, n)),
    "bimodal": (
        lambda r, n: np.where(r.random(n) < 0.5, r.normal(-3, 1, n), r.normal(3, 1, n)),
        lambda r, n: np.where(r.random(n) < 0.6, r.normal(-3, 1, n), r.normal(3, 1, n)),
    ),
}


@pytest.fixture(params=PAIRS)
def rows(request: pytest.FixtureRequest) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(20)
    before, now = PAIRS[request.param]
    return before(rng, 20_000), now(rng, 4_000)


def profiles(before: Floats, now: Floats) -> tuple[Profile, Profile]:
    baseline = profile(list(map(float, before)))
    return baseline, profile(list(map(float, now)), baseline)


def categories(before: dict[str, int], now: dict[str, int]) -> tuple[Profile, Profile]:
    baseline = profile(list(Counter(before).elements()))
    return baseline, profile(list(Counter(now).elements()), baseline)


def test_the_certified_interval_of_ks_holds_the_statistic_of_the_raw_rows(rows: tuple[Floats, Floats]) -> None:
    exact = stats.ks_2samp(*rows, method="asymp")

    result = KolmogorovSmirnov().run(*profiles(*rows))

    assert result.low is not None
    assert result.high is not None
    assert result.low - 1e-12 <= exact.statistic <= result.high + 1e-12
    assert exact.statistic - result.statistic <= 2 / 256
    assert result.p_value is not None
    assert result.p_value >= exact.pvalue * (1 - 1e-6)


def test_the_p_value_of_ks_is_that_of_scipy_where_bins_lose_nothing() -> None:
    rng = np.random.default_rng(21)
    before, now = (rng.integers(0, end, n).astype(np.float64) for end, n in ((20, 5_000), (21, 900)))
    exact = stats.ks_2samp(before, now, method="asymp")

    result = KolmogorovSmirnov().run(*profiles(before, now))

    assert (result.statistic, result.p_value) == pytest.approx((exact.statistic, exact.pvalue))
    assert result.high == pytest.approx(result.low)


def test_the_interval_of_ks_is_narrow_while_the_window_stays_where_the_baseline_was() -> None:
    rng = np.random.default_rng(22)

    result = KolmogorovSmirnov().run(*profiles(rng.normal(size=50_000), rng.normal(0.1, 1, 5_000)))

    assert result.high is not None
    assert result.high - result.statistic < 0.008


def test_wasserstein_is_that_of_scipy_within_three_percent(rows: tuple[Floats, Floats]) -> None:
    exact = stats.wasserstein_distance(*rows)

    result = Wasserstein().run(*profiles(*rows))

    raw, unit = float(str(result.detail["raw"])), float(str(result.detail["unit"]))
    assert raw == pytest.approx(exact, rel=0.03, abs=0.005 * unit)
    assert result.statistic == pytest.approx(raw / unit)


def test_wasserstein_is_measured_in_standard_deviations_that_one_extreme_row_does_not_rule() -> None:
    rng = np.random.default_rng(23)
    before, now = rng.normal(size=20_000), rng.normal(2.0, 1.0, 4_000)
    before[0] = 1e9

    result = Wasserstein().run(*profiles(before, np.append(now, 1e9)))

    assert result.detail["unit"] == pytest.approx(1.0, rel=0.05)


def test_jensen_shannon_is_that_of_scipy_on_the_same_groups(rows: tuple[Floats, Floats]) -> None:
    pair = profiles(*rows)
    counts = grouped_counts(*pair)

    result = JensenShannon().run(*pair)

    assert result.statistic == pytest.approx(distance.jensenshannon(counts[0], counts[1], base=2), abs=1e-9)


def test_psi_is_the_sum_over_the_deciles_of_the_raw_rows() -> None:
    rng = np.random.default_rng(24)
    before, now = rng.normal(size=20_000), rng.normal(0.5, 1.2, 4_000)
    edges = np.concatenate(([-math.inf], np.quantile(before, np.arange(1, 10) / 10), [math.inf]))
    p, q = (np.histogram(sample, edges)[0] / len(sample) for sample in (before, now))

    result = Psi(pseudo_count=1e-9).run(*profiles(before, now))

    assert result.statistic == pytest.approx(float(np.sum((q - p) * np.log(q / p))))


def test_chi_squared_is_that_of_scipy_for_the_table_of_both_samples() -> None:
    before, now = {"a": 500, "b": 300, "c": 200}, {"a": 90, "b": 110, "c": 40}
    table = [list(before.values()), list(now.values())]
    exact = stats.chi2_contingency(table, correction=False)

    result = ChiSquared().run(*categories(before, now))

    assert result.detail["chi_squared"] == pytest.approx(exact.statistic)
    assert result.detail["degrees_of_freedom"] == exact.dof
    assert result.p_value == pytest.approx(exact.pvalue)


def test_the_effect_of_chi_squared_is_cramers_v_of_samples_of_one_size_whatever_their_sizes() -> None:
    before, now = {"a": 500, "b": 300, "c": 200}, {"a": 300, "b": 500, "c": 200}
    exact = stats.contingency.association([list(before.values()), list(now.values())], method="cramer")
    baseline, current = categories(before, now)

    sizes = [ChiSquared().run(multiplied(baseline, k), current).statistic for k in (1, 50)]

    assert sizes == pytest.approx([exact, exact])


def test_rare_categories_are_counted_together_so_that_one_record_proves_nothing() -> None:
    before = {f"common{k}": 1_000 for k in range(10)} | {f"rare{k}": 1 for k in range(40)}
    baseline, quiet = categories(before, {f"common{k}": 100 for k in range(10)})

    new = ChiSquared().run(baseline, quiet.merge(profile(["brand new"], baseline)))  # type: ignore[arg-type]

    assert new.p_value is not None
    assert new.p_value > 0.5


OF_GROUPS = ["chi_squared", "g_test", "hellinger", "jensen_shannon", "kullback_leibler", "l_infinity", "psi"]


@pytest.mark.parametrize("name", [*OF_GROUPS, "total_variation"])
@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ({"a": 19_600, "b": 400}, {"a": 40, "b": 20}, "all values but one, together, are expected fewer than 5 times"),
        ({"a": 60}, {"new": 20_000}, "not even the only category is expected 5 times on both sides"),
        ({f"v{k}": 1_000 for k in range(20)}, {"v0": 60}, "none of 20 categories is expected 5 times on both sides"),
    ],
)
def test_a_change_that_disappears_in_the_only_group_is_not_called_ok(
    name: str, before: dict[str, int], now: dict[str, int], why: str
) -> None:
    result = DRIFT_TESTS[name].run(*categories(before, now))

    assert why in str(result.detail.get(LACKS))


@pytest.mark.parametrize("name", [*OF_GROUPS, "total_variation"])
@pytest.mark.parametrize("now", [{"a": 60}, {"a": 594, "b": 6}])
def test_what_is_nearly_constant_on_both_sides_is_compared(name: str, now: dict[str, int]) -> None:
    result = DRIFT_TESTS[name].run(*categories({"a": 199_900, "b": 100}, now))

    assert LACKS not in result.detail
    assert result.statistic == 0.0


def test_missing_rate_has_the_p_value_of_the_two_by_two_table() -> None:
    before = profile([math.nan] * 100 + [1.0] * 900)
    now = profile([math.nan] * 70 + [1.0] * 330, before)
    exact = stats.chi2_contingency([[100, 900], [70, 330]], correction=False).pvalue

    result = MissingRate().run(before, now)

    assert result.statistic == pytest.approx(7.5)
    assert result.p_value == pytest.approx(exact)


def test_values_that_arrive_where_none_were_are_not_told_as_missing_ones() -> None:
    baseline = profile([None] * 200 + ["a"] * 50)

    result = MissingRate().run(baseline, profile(["a"] * 100, baseline))

    assert result.statistic == 80.0
    assert result.detail["says"] == "fewer than before: 0 % are missing, 80 % were"


def test_missing_rate_does_not_alarm_on_one_missing_value_where_there_was_none() -> None:
    before = profile([1.0] * 50_000)

    result = MissingRate().run(before, profile([math.nan] + [1.0] * 99, before))

    assert result.p_value is not None
    assert result.p_value == pytest.approx(2 * 100 / 50_100, rel=0.01)


def test_values_of_another_type_count_as_missing_and_are_told_apart() -> None:
    before = profile([1.0] * 1_000)
    now = profile([1.0] * 500, before)
    now.add_invalid(500)

    result = MissingRate().run(before, now)

    assert result.statistic == 50.0
    assert result.detail["invalid_share"] == 0.5


def test_unseen_category_names_the_new_values_and_expects_what_turing_expects() -> None:
    before = ["de"] * 900 + ["fr"] * 90 + [f"once{k}" for k in range(10)]
    baseline = profile(before)

    result = UnseenCategory().run(baseline, profile(["de"] * 80 + ["xx"] * 15 + ["yy"] * 5, baseline))

    assert result.statistic == 20.0
    assert result.detail["expected_share"] == 0.01
    assert result.detail["values"] == ["xx", "yy"]


def test_a_column_of_ever_new_values_is_quiet() -> None:
    rng = np.random.default_rng(25)
    baseline = profile([f"user{k}" for k in rng.integers(0, 10**9, 5_000)])

    result = UnseenCategory().run(baseline, profile([f"user{k}" for k in rng.integers(0, 10**9, 1_000)], baseline))

    assert result.statistic == 100.0
    assert result.p_value is not None
    assert result.p_value > 0.05


def test_out_of_range_counts_what_lies_outside_the_usual_range_and_infinities() -> None:
    before = np.arange(10_000.0)

    result = OutOfRange().run(
        *profiles(before, np.array([9.0, 9.999, -1.0, 5_000.0, 9_989.0, 9_990.0, math.inf, -math.inf]))
    )

    assert (result.detail["low"], result.detail["high"]) == (9.0, 9_989.0)
    assert result.statistic == pytest.approx(100 * 4 / 8)


@pytest.mark.parametrize("name", ["psi", "jensen_shannon"])
@pytest.mark.parametrize("n", [100, 1_000])
def test_p_values_of_binned_tests_are_uniform_without_drift(name: str, n: int) -> None:
    rng = np.random.default_rng(26)
    p_values = []
    for _ in range(500):
        result = DRIFT_TESTS[name].run(*profiles(rng.normal(size=5_000), rng.normal(size=n)))
        p_values.append(result.p_value)

    rejected = sum(p is not None and p <= 0.05 for p in p_values)

    low, high = stats.binom.ppf([0.0005, 0.9995], 500, 0.05)
    assert low <= rejected <= high


def test_a_shift_of_half_a_standard_deviation_is_seen_by_every_distribution_test_at_500_records() -> None:
    rng = np.random.default_rng(27)
    tests = [DRIFT_TESTS[name] for name in ("psi", "ks", "wasserstein")]
    pairs = [profiles(rng.normal(size=10_000), rng.normal(0.6, 1, 500)) for _ in range(40)]

    results = [[test.run(*pair) for test in tests] for pair in pairs]

    for column, test in enumerate(tests):
        limit = test.default_threshold
        seen = sum(r[column].statistic >= limit.drifted and (r[column].p_value or 0) <= 0.001 for r in results)
        assert seen >= 38, test.name


@pytest.mark.parametrize("name", sorted(DRIFT_TESTS.keys() - {"missing_rate"}))  # which asks for no bins
def test_profiles_on_other_bins_are_refused(name: str) -> None:
    test = DRIFT_TESTS[name]
    values = ["a", "b"] if name in {"chi_squared", "unseen_category"} else [1.0, 2.0]
    others = ["a", "c"] if isinstance(values[0], str) else [1.0, 3.0]

    with pytest.raises(LayoutMismatch):
        test.run(profile(values), profile(others))


@pytest.mark.parametrize("name", ["ks", "wasserstein", "out_of_range"])
def test_a_categorical_profile_is_refused_by_tests_of_numbers(name: str) -> None:
    texts = profile(["a", "b"])

    with pytest.raises(LayoutMismatch, match="NumericProfile is needed"):
        DRIFT_TESTS[name].run(texts, texts)


def test_psi_refuses_a_pseudo_count_that_leaves_bins_empty() -> None:
    with pytest.raises(ValueError, match="pseudo_count is 0"):
        replace(Psi(), pseudo_count=0.0)
