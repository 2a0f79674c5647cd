"""Every shipped drift test passes the conformance kit, and the kit catches every kind of broken one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from monitor.domain.checks import Aspect, Threshold
from monitor.domain.findings import TestResult
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.drift.kolmogorov_smirnov import KolmogorovSmirnov
from monitor.stats.drift.psi import Psi
from monitor.stats.drift_test import DriftTest, Promise
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.profiles.side_by_side import ComparedColumns
from monitor.testing.drift_tests import DriftTestConformance


class TestShipped(DriftTestConformance):
    @pytest.fixture(params=DRIFT_TESTS)
    def test(self, request: pytest.FixtureRequest) -> DriftTest:
        return DRIFT_TESTS[request.param]


@dataclass(frozen=True)
class Broken:
    """PSI with one promise broken. Unit: nats. The default threshold is that of PSI (1900). Use it never."""

    name: ClassVar[str] = "broken"
    title: ClassVar[str] = "Broken"
    unit: ClassVar[str] = "nats"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = math.inf
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.BINS, Aspect.RANGE})
    default_threshold: ClassVar[Threshold] = Psi.default_threshold
    promises: ClassVar[frozenset[Promise]] = frozenset(Promise)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        return Psi().run(baseline, current)


class Undocumented(Broken):
    """No source, no unit."""


class Unreachable(Broken):
    maximum: ClassVar[float] = 0.1


@dataclass
class Mutable(Broken.__base__):  # type: ignore[misc,name-defined]  # a frozen base would forbid it
    name: str = "mutable"
    run = Broken.run


class Unservable(Broken):
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.CATEGORIES, Aspect.RANGE})


class Meddling(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        current.counters[-1] += 1
        return result


class OrderDependent(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        seen = ORDER.setdefault(id(current), len(ORDER))
        return replace(super().run(baseline, current), detail={"call": seen})


ORDER: dict[int, int] = {}


class NeverZero(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        return replace(result, statistic=result.statistic + 1.0)


class Unsmoothed(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        assert isinstance(baseline, NumericProfile)
        assert isinstance(current, NumericProfile)
        p, q = baseline.binned() / max(1, baseline.n_values), current.binned() / max(1, current.n_values)
        with np.errstate(all="ignore"):
            return TestResult(float(np.sum((q - p) * np.log(q / p))), None, baseline.n, current.n)


class Jumpy(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        return replace(result, statistic=result.statistic + current.n % 2)


class Shrinking(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        return replace(result, statistic=1 / (0.1 + result.statistic))


class Blind(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        return replace(super().run(baseline, current), statistic=0.0)


class Anxious(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        return replace(result, p_value=(result.p_value or 0.0) ** 3)


class AnxiousWhenSmall(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        return replace(result, p_value=0.01) if current.n < 100 else result


class Vacuous(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        return replace(super().run(baseline, current), p_value=1.0)


class Counting(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        return replace(result, statistic=result.statistic * current.n)


class Guessing(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        return replace(super().run(baseline, current), n_current=max(1, current.n), detail={})


class Lopsided(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = super().run(baseline, current)
        return replace(result, statistic=result.statistic * (1 + result.n_baseline))


class InItsUnit(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        assert isinstance(baseline, NumericProfile)
        result = super().run(baseline, current)
        return replace(result, statistic=result.statistic * baseline.layout.spread)


class Overconfident(Broken):
    def run(self, baseline: Profile, current: Profile) -> TestResult:
        result = KolmogorovSmirnov().run(baseline, current)
        return replace(result, high=result.low)


class Disordered(Broken):
    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        return [result for one in compared for result in self._sorted(one)]

    def _sorted(self, one: ComparedColumns) -> list[TestResult]:
        return [self.run(one.baseline.columns[name], one.current.columns[name]) for name in sorted(one.names)]


class LastFirst(Broken):
    def run_windows(self, compared: Sequence[ComparedColumns]) -> list[TestResult]:
        return [self.run(*pair) for one in compared[::-1] for pair in one.pairs()]


KIT = DriftTestConformance


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Undocumented, KIT.test_it_says_what_it_is),
        (Unreachable, KIT.test_its_default_threshold_lies_in_its_range),
        (Mutable, KIT.test_it_is_a_frozen_value_whose_parameters_have_defaults),
        (Unservable, KIT.test_it_can_serve_some_column),
        (Meddling, KIT.test_it_changes_neither_profile_and_repeats_itself),
        (OrderDependent, KIT.test_the_order_of_merges_does_not_matter),
        (Disordered, KIT.test_many_columns_at_once_give_the_same_bits),
        (LastFirst, KIT.test_many_windows_at_once_give_the_same_bits),
        (NeverZero, KIT.test_equal_samples_give_the_minimum),
        (Unsmoothed, KIT.test_hostile_input_gives_finite_numbers_in_range),
        (Jumpy, KIT.test_one_record_more_moves_it_little),
        (Shrinking, KIT.test_it_grows_with_the_fault),
        (Blind, KIT.test_it_sees_a_gross_fault),
        (Anxious, KIT.test_it_alarms_without_drift_no_more_often_than_it_says),
        (AnxiousWhenSmall, KIT.test_it_alarms_without_drift_no_more_often_than_it_says),
        (Vacuous, KIT.test_its_p_values_are_no_smaller_and_no_larger_than_promised),
        (Counting, KIT.test_a_difference_that_does_not_matter_is_no_alarm_however_many_the_records),
        (Guessing, KIT.test_an_empty_window_is_insufficient_data),
        (Lopsided, KIT.test_it_is_symmetric_where_it_promises),
        (InItsUnit, KIT.test_it_is_free_of_units_where_it_promises),
        (Overconfident, KIT.test_its_interval_holds_the_statistic_of_the_raw_values),
    ],
)
def test_a_broken_drift_test_fails_the_promise_that_it_breaks(
    broken: Callable[[], DriftTest], promise: Callable[[DriftTestConformance, DriftTest], None]
) -> None:
    kit, plugin = DriftTestConformance(), broken()

    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        promise(kit, plugin)


def test_every_promise_of_the_kit_has_a_broken_test_that_fails_it() -> None:
    promises = {name for name in vars(KIT) if name.startswith("test_")}
    mark = test_a_broken_drift_test_fails_the_promise_that_it_breaks.pytestmark[0]  # type: ignore[attr-defined]

    covered = {promise.__name__ for _, promise in mark.args[1]}

    assert covered == promises


def test_the_model_of_the_broken_ones_keeps_every_promise() -> None:
    kit, plugin = DriftTestConformance(), Broken()

    for name in vars(KIT):
        if name.startswith("test_"):
            getattr(kit, name)(plugin)
