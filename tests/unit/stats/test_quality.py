"""What the checks of data quality say: units in words, renamed columns as a guess, the worst of many columns."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from monitor.domain.checks import ALL_COLUMNS, Aspect, Check, CheckSpec, Threshold
from monitor.domain.errors import ConfigError
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC, ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, Floats, NumericColumn
from monitor.stats.drift_test import SAYS
from monitor.stats.over_columns import over_columns
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import MAX_EXTRA, ModelProfile
from monitor.stats.profiles.renamed import concealed
from monitor.stats.proposals import AnyTest, bind_checks, propose_checks
from monitor.stats.quality import QUALITY_TESTS
from monitor.stats.quality.constant import Constant
from monitor.stats.quality.newly_missing import NewlyMissing
from monitor.stats.quality.unit_change import UnitChange
from monitor.stats.window_test import WindowData
from monitor.stats.window_tests import WINDOW_TESTS
from monitor.stats.window_tests.schema import Schema
from monitor.testing.drift_tests import profile
from monitor.usecases.model_checks import with_tests
from monitor.usecases.outcomes import Outcome, run_checks

TESTS: dict[str, AnyTest] = {**QUALITY_TESTS, **WINDOW_TESTS}


def numbers(seed: int, n: int, make: Callable[[np.random.Generator, int], Floats]) -> list[float]:
    return list(map(float, make(np.random.default_rng(seed), n)))


LAWS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.normal(50, 10, n),
    "lognormal": lambda rng, n: rng.lognormal(3, 0.5, n),
    "temperature": lambda rng, n: rng.normal(12, 8, n),
    "share": lambda rng, n: rng.beta(2, 5, n),
    "half zeros": lambda rng, n: rng.lognormal(2, 1, n) * (rng.random(n) < 0.6),
    "counts": lambda rng, n: rng.poisson(4, n).astype(np.float64),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    ("factor", "offset", "formula"),
    [(1000, 0, "x1000"), (100, 0, "x100"), (1 / 1000, 0, "/1000"), (1.8, 32, "x1.8 + 32"), (-1, 0, "the sign turned")],
)
def test_another_unit_is_recognised_whatever_the_distribution(
    law: str, factor: float, offset: float, formula: str
) -> None:
    baseline = profile(numbers(1, 10_000, LAWS[law]))
    window = [factor * value + offset for value in numbers(2, 500, LAWS[law])]

    result = UnitChange().run(baseline, profile(window, baseline))

    assert result.statistic >= 0.3
    assert result.p_value is not None
    assert result.p_value <= 0.001
    assert result.detail["formula"] == formula


@pytest.mark.parametrize(("n_baseline", "n"), [(3_000, 3_000), (1_000, 10_000)])
@pytest.mark.parametrize(
    "law",
    [
        LAWS["normal"],
        lambda rng, n: rng.lognormal(3, 1, n),
        lambda rng, n: rng.pareto(2, n),
        lambda rng, n: rng.exponential(1, n),
    ],
    ids=["normal", "amounts", "heavy", "waiting"],
)
def test_another_unit_is_recognised_in_samples_whose_extremes_differ(
    law: Callable[[np.random.Generator, int], Floats], n_baseline: int, n: int
) -> None:
    """The largest of as many values, or of more, may lie far beyond the baseline's.

    Nine in ten are found where that is hardest: less than 15 of 20 then by chance 0.01.
    """
    found = 0
    for seed in range(20):
        baseline = profile(numbers(seed, n_baseline, law))
        window = profile([1000 * value for value in numbers(1000 + seed, n, law)], baseline)
        found += UnitChange().run(baseline, window).detail.get("formula") == "x1000"

    assert found >= 15


def test_the_unit_is_said_in_words_and_what_explains_as_much_beside_it() -> None:
    clear, unclear = profile(numbers(1, 10_000, LAWS["normal"])), profile(numbers(1, 10_000, LAWS["half zeros"]))
    metres = profile([1000 * value for value in numbers(2, 500, LAWS["normal"])], clear)
    hundredths = [profile([v / 100 for v in numbers(seed, 500, LAWS["half zeros"])], unclear) for seed in range(9)]

    said = [str(UnitChange().run(unclear, window).detail[SAYS]) for window in hundredths]

    assert UnitChange().run(clear, metres).detail[SAYS] == "looks like metres instead of kilometres: x1000"
    assert all("/100" in one for one in said)
    assert any("(or /100" in one or "(or /60" in one for one in said)


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 5.0), (1.0, 20.0), (1.3, 0.0), (3.0, 0.0), (1.0, 1000.0)])
def test_a_shift_is_no_change_of_unit(factor: float, offset: float) -> None:
    baseline = profile(numbers(1, 10_000, LAWS["normal"]))
    window = [factor * value + offset for value in numbers(2, 500, LAWS["normal"])]

    assert UnitChange().run(baseline, profile(window, baseline)).statistic == 0


def test_a_flag_that_is_nearly_always_false_is_not_constant_by_surprise() -> None:
    baseline = profile(["no"] * 990 + ["yes"] * 10)

    rare, surprising = (Constant().run(baseline, profile([value] * 200, baseline)) for value in ("no", "yes"))

    assert (rare.statistic, surprising.statistic) == (1, 1)
    assert (rare.p_value or 0) > 0.001 > (surprising.p_value or 0)
    assert surprising.detail[SAYS] == "every value is yes"


@pytest.mark.parametrize(
    ("before", "now", "statistic"),
    [
        ([7.0] * 100, [7.0] * 100, 0),
        ([7.0, 8.0] * 50, [7.5] * 100, 1),
        ([7.0, 8.0] * 50, [math.inf] * 100, 1),
        ([7.0, 8.0] * 50, [math.inf, -math.inf] * 50, 0),
        ([7.0, math.inf] * 50, [7.0] * 100, 1),
        (["a", "b"] * 50, ["new"] * 100, 1),
        (["a", "b"] * 50, ["new", "newer"] * 50, 0),
        (["a"] * 100, ["a"] * 100, 0),
    ],
)
def test_constant_means_one_value_where_there_were_several(
    before: list[float], now: list[float], statistic: float
) -> None:
    baseline = profile(before)

    assert Constant().run(baseline, profile(now, baseline)).statistic == statistic


def test_a_baseline_of_ten_rows_proves_no_column_complete() -> None:
    few, many = profile([1.0, 2.0] * 5), profile([1.0, 2.0] * 5_000)
    window = [1.0] * 98 + [math.nan] * 2

    assert (NewlyMissing().run(few, profile(window, few)).p_value or 0) > 0.001
    assert NewlyMissing().run(many, profile(window, many)).p_value == pytest.approx(1e-4, rel=0.1)


# --- schema


def table(seed: int, n: int) -> dict[str, Column]:
    rng = np.random.default_rng(seed)
    return {
        "amount": NumericColumn(rng.normal(50, 10, n)),
        "ratio": NumericColumn(rng.random(n)),
        "country": CategoricalColumn(rng.choice(["de", "fr", "it"], n).tolist()),
    }


BASELINE = Baseline.build(ModelRef("churn", "1"), table(1, 5_000), with_pairs=True)


def outcomes(
    columns: dict[str, Column],
    extra: Mapping[str, Sequence[str]] | None = None,
    tests: dict[str, AnyTest] | None = None,
) -> dict[str, Outcome]:
    window = ModelProfile.empty(BASELINE.layouts)
    window.update(columns, 500)
    window.add_extra({name: [(value, 1) for value in values] for name, values in (extra or {}).items()})
    tests = tests or TESTS
    bound = with_tests(propose_checks(BASELINE, tests, 100), tests, BASELINE)
    return {outcome[0].test: outcome for outcome in run_checks(bound, ALL_TRAFFIC, BASELINE, WindowData(window, 0))}


def test_a_quiet_window_has_no_fault_of_any_kind() -> None:
    assert {outcome[1] for outcome in outcomes(table(2, 500)).values()} == {Verdict.OK}


def test_a_lost_column_that_goes_on_under_another_name_is_guessed_at() -> None:
    columns = table(2, 500)
    amounts, countries = columns.pop("amount"), columns.pop("country")
    assert isinstance(amounts, NumericColumn)
    extra = {
        "amount_eur": [repr(float(value)) for value in amounts.values[:20]],
        "nation": [concealed(str(value)) for value in countries.values[:20]],
        "noise": [repr(value / 1000) for value in range(20)],
    }

    _, verdict, reason, result = outcomes(columns, extra)["schema"]

    assert verdict is Verdict.DRIFTED
    assert "lost: amount, country; extra: amount_eur, nation, noise" in reason
    assert "amount_eur has the distribution of amount: renamed? (a guess)" in reason
    assert result is not None
    assert result.detail["renamed"] == {"amount": "amount_eur", "country": "nation"}


def test_of_few_sampled_values_no_new_name_is_guessed() -> None:
    columns = table(2, 500)
    del columns["amount"]

    _, _, _, result = outcomes(columns, {"amount_eur": ["50.0"] * 5})["schema"]

    assert result is not None
    assert result.detail["renamed"] == {}


def test_extra_columns_are_named_and_judged_only_on_request() -> None:
    window = ModelProfile.empty(BASELINE.layouts)
    window.update(table(2, 500), 500)
    window.add_extra({"more": []})

    named = Schema().run_window(BASELINE.whole, WindowData(window))
    judged = Schema(count_extra=True).run_window(BASELINE.whole, WindowData(window))

    assert (named.statistic, named.detail[SAYS]) == (0, "extra: more")
    assert judged.statistic == 1


def test_a_column_of_another_type_is_retyped_and_not_lost() -> None:
    columns = {**table(2, 500), "amount": CategoricalColumn(["12"] * 500)}

    found = outcomes(columns)

    assert found["schema"][2].startswith("schema(records) = 1, limit 1; retyped: amount;")
    assert found["type_violations"][1] is Verdict.DRIFTED


def test_a_column_that_usually_lacks_values_is_not_lost_in_a_small_window() -> None:
    rare = NumericColumn(np.where(np.arange(1_000) % 100, np.nan, 1.0))
    baseline = Baseline.build(ModelRef("churn", "1"), {"rare": rare})
    small, large = ModelProfile.empty(baseline.layouts), ModelProfile.empty(baseline.layouts)
    small.update({}, 100)
    large.update({}, 2_000)

    seen = [Schema().run_window(baseline.whole, WindowData(window)).statistic for window in (small, large)]

    assert seen == [0, 1]


def test_names_and_samples_of_extra_columns_are_the_same_in_any_order_and_bounded() -> None:
    values = {f"new{k:03}": [(str(v), 1) for v in range(k, k + 100)] for k in range(MAX_EXTRA + 10)}
    parts = [dict(list(values.items())[start::3]) for start in range(3)]

    def merged(order: Sequence[int]) -> ModelProfile:
        whole = ModelProfile.empty(BASELINE.layouts)
        for k in order:
            part = ModelProfile.empty(BASELINE.layouts)
            part.add_extra(parts[k])
            whole = whole.merge(part)
        return whole

    first, second = merged([0, 1, 2]), merged([2, 0, 1])

    assert first.to_bytes() == second.to_bytes()
    assert ModelProfile.from_bytes(first.to_bytes(), BASELINE.layouts).to_bytes() == first.to_bytes()
    assert sorted(first.extra) == sorted(first.extra_values) == sorted(values)[:MAX_EXTRA]
    assert max(len(sample.counts) for sample in first.extra_values.values()) <= 64


def test_a_profile_without_sampled_values_and_pairs_has_the_bytes_that_it_always_had() -> None:
    window = ModelProfile.empty(Baseline.build(ModelRef("churn", "1"), table(1, 5_000)).layouts)
    window.update(table(2, 500), 500)

    assert window.content()[0] == 0x98  # an array of the eight fields of the first format


# --- all columns at once


@dataclass(frozen=True)
class Fails:
    """A test that cannot compute one column."""

    bad: str
    statistic: float = 0.0
    name: ClassVar[str] = "constant"
    title: ClassVar[str] = "Fails"
    unit: ClassVar[str] = "none"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = Constant.needs
    default_threshold: ClassVar[Threshold] = Threshold(1.0)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        if baseline.layout is BASELINE.layouts[self.bad]:
            raise ZeroDivisionError("a mistake")
        return TestResult(self.statistic, None, baseline.n, current.n)


def test_a_column_that_cannot_be_computed_fails_the_check_of_all_and_harms_no_other_check() -> None:
    found = outcomes(table(2, 500), tests={**TESTS, "constant": Fails("ratio")})

    _, verdict, reason, _ = found["constant"]
    assert verdict is Verdict.FAILED
    assert "1 of 3 columns could not be computed: ratio (ZeroDivisionError: a mistake)" in reason
    assert {outcome[1] for test, outcome in found.items() if test != "constant"} == {Verdict.OK}


def test_what_is_bad_is_told_though_another_column_cannot_be_computed() -> None:
    _, verdict, reason, _ = outcomes(table(2, 500), tests={**TESTS, "constant": Fails("ratio", 1.0)})["constant"]

    assert verdict is Verdict.DRIFTED
    assert "amount (1); country (1)" in reason
    assert "1 of 3 columns could not be computed: ratio" in reason


def test_the_worst_column_pays_for_the_number_of_columns() -> None:
    threshold = Threshold(0.5, warning=0.1, alpha=0.001)
    results = {
        "large by chance": TestResult(0.9, 0.002, 100, 100),
        "small but sure": TestResult(0.2, 1e-6, 100, 100),
        "sure": TestResult(0.6, 1e-4, 100, 100),
        "of few": TestResult(1.0, 0.0, 100, 3),
    }

    worst = over_columns(results, threshold, 50)
    nearly = over_columns({**results, "sure": TestResult(0.6, 4e-4, 100, 100)}, threshold, 50)

    assert worst.statistic == 0.6
    assert worst.p_value == pytest.approx(3e-4)
    assert worst.detail["columns"] == ["sure"]
    assert nearly.detail["columns"] == ["small but sure"]


def test_where_no_column_has_enough_records_there_is_not_enough_data() -> None:
    few = {"a": TestResult(1.0, 0.0, 100, 3), "b": TestResult(1.0, 0.0, 100, 5)}

    assert over_columns(few, Threshold(0.5), 50) == few["b"]


# --- binding


def test_checks_of_all_columns_of_one_and_of_the_window_can_be_asked_for() -> None:
    specs = [CheckSpec("constant", (ALL_COLUMNS,)), CheckSpec("constant", ("ratio",)), CheckSpec("schema")]

    names = [check.name for check in bind_checks(specs, BASELINE, TESTS, 100)]

    assert names == ["constant(all_columns)", "constant(ratio)", "schema(records)"]


def test_a_test_of_windows_for_one_column_is_a_mistake_that_is_told() -> None:
    with pytest.raises(ConfigError, match=r"schema checks whole windows and no column.*leave out columns"):
        bind_checks([CheckSpec("schema", ("ratio",))], BASELINE, TESTS, 100)


def test_parameters_of_a_test_of_windows_are_checked() -> None:
    with pytest.raises(ConfigError, match="retyped and level must be above 0"):
        bind_checks([CheckSpec("schema", parameters={"retyped": 0.0})], BASELINE, TESTS, 100)


def test_by_default_there_is_one_check_a_test_whatever_the_number_of_columns() -> None:
    proposed = propose_checks(BASELINE, TESTS, 100, ["germany"])

    assert sorted(map(name_of, proposed)) == sorted(
        [f"{name}({ALL_COLUMNS})" for name in QUALITY_TESTS]
        + [f"{name}(records)" for name in WINDOW_TESTS if name != "divergence"]  # runs where it is asked for
    )


def name_of(check: Check) -> str:
    return check.name
