"""No silent blindness: one bad value, one bad column or one broken check hides nothing and is itself seen.

Each test is a case in which some tool in use says nothing at all. Here every one goes the whole way, from training rows
and JSON records to findings and alerts, with the checks that a new model has.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

from monitor.domain.budgets import ONE_A_MONTH
from monitor.domain.checks import Aspect, CheckSpec, Threshold
from monitor.domain.errors import BaselineError
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import Segment
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.window_test import WindowData
from monitor.usecases.training_columns import TrainingOptions
from tests.unit.stats.blindness_rig import ABSENT, MODEL, TESTS, Table, seen

BAD, OK = {Verdict.DRIFTED}, Verdict.OK
KS = (CheckSpec("ks"),)


def normal(seed: int, n: int, shift: float = 0.0) -> list[object]:
    return np.random.default_rng(seed).normal(shift, 1, n).tolist()  # type: ignore[no-any-return]  # floats


def words(seed: int, n: int, of: str = "abc") -> list[object]:
    return np.random.default_rng(seed).choice(list(of), n).tolist()  # type: ignore[no-any-return]  # texts


def table(seed: int, n: int, **columns: Sequence[object]) -> Table:
    """A column of numbers `x` and a quiet one `y` beside it; others in their place, or more of them."""
    return {"x": normal(seed, n), "y": normal(seed + 1, n), **columns}


TRAINING = table(0, 4_000)


def with_value(values: Sequence[object], value: object, at: int = 3) -> list[object]:
    return [*values[:at], value, *values[at + 1 :]]


@pytest.mark.parametrize("outlier", [1e6, 1e300, math.inf, -math.inf])
def test_one_extreme_value_in_the_training_rows_hides_no_shift(outlier: float) -> None:
    training = {**TRAINING, "x": with_value(TRAINING["x"], outlier)}

    found = seen(training, table(10, 500, x=normal(11, 500, 0.5)), checks=KS)

    assert found.bad() >= {"psi(x)", "ks(x)"}
    ks, without = found.findings["ks(x)"].result, seen(TRAINING, table(10, 500, x=normal(11, 500, 0.5)), checks=KS)
    assert ks is not None
    assert ks.statistic == pytest.approx(without.findings["ks(x)"].result.statistic, abs=1e-3)  # type: ignore[union-attr]
    assert "anything" in found.firing


@pytest.mark.parametrize("outlier", [1e6, 1e300])
def test_one_extreme_value_in_the_window_hides_no_shift_and_is_none(outlier: float) -> None:
    shifted = table(10, 500, x=with_value(normal(11, 500, 0.5), outlier))
    quiet = table(12, 500, x=with_value(normal(23, 500), outlier))

    assert seen(TRAINING, shifted, checks=KS).bad() >= {"psi(x)", "ks(x)"}
    assert seen(TRAINING, quiet).bad() == set()


@pytest.mark.parametrize("odd", [math.nan, None, math.inf, -math.inf, "text", True, [], {}, ABSENT])
def test_one_odd_value_in_a_shifted_window_hides_no_shift(odd: object) -> None:
    found = seen(TRAINING, table(10, 2_000, x=with_value(normal(11, 2_000, 3.0), odd)), checks=KS)

    assert found.bad() >= {"psi(x)", "ks(x)", "out_of_range(x)"}


def test_a_setting_that_is_not_known_is_a_mistake_and_not_ignored() -> None:
    spec = CheckSpec("ks", ("x",), parameters={"calculation_method": "exact"})

    found = seen(TRAINING, table(10, 500), checks=(spec,))

    assert found.verdict("checks(records)") is Verdict.FAILED
    assert "ks has no parameter calculation_method" in found.findings["checks(records)"].reason
    assert "blind" in found.firing


def test_the_statistic_of_a_heavy_tail_is_that_of_the_raw_values() -> None:
    rng = np.random.default_rng(1)
    before, now = rng.lognormal(0, 3, 4_000), 2 * rng.lognormal(0, 3, 2_000)
    spec = CheckSpec("ks", ("x",), threshold=Threshold(0.05, alpha=0.001))

    found = seen({"x": before.tolist()}, {"x": now.tolist()}, checks=(spec,))

    result = found.findings["ks(x)"].result
    assert result is not None
    assert result.low is not None
    assert result.high is not None
    assert result.low <= stats.ks_2samp(before, now).statistic <= result.high
    assert result.high - result.low < 0.008
    assert found.verdict("ks(x)") in BAD


@pytest.mark.parametrize("gone", [None, math.nan, ABSENT])
def test_a_column_without_any_value_is_seen_by_more_than_one_check(gone: object) -> None:
    found = seen(TRAINING, table(10, 500, x=[gone] * 500))

    assert found.bad() == {"missing_rate(x)", "newly_missing(all_columns)", "schema(records)"}
    assert found.verdict("psi(x)") is Verdict.INSUFFICIENT_DATA
    assert found.verdict("psi(y)") is OK
    assert "lost: x" in found.findings["schema(records)"].reason
    assert "anything" in found.firing


def test_some_missing_values_in_a_column_that_never_lacked_one_are_seen_early() -> None:
    found = seen(TRAINING, table(10, 2_000, x=[None] * 30 + normal(11, 1_970)))

    assert found.bad() == {"newly_missing(all_columns)"}
    assert "x (1.5)" in found.findings["newly_missing(all_columns)"].reason


@pytest.mark.parametrize("kind", [np.int8, np.uint64, np.float32, np.bool_], ids=str)
def test_numbers_of_any_width_are_checked(kind: type[np.generic]) -> None:
    before = (np.random.default_rng(1).poisson(3, 5_000) % 2).astype(kind)
    window = [True] * 500 if kind is np.bool_ else [9] * 500

    found = seen(table(0, 5_000, z=list(before)), table(10, 500, z=window))

    assert {name for name in found.bad() if "(z)" in name}


def test_nullable_numbers_are_checked() -> None:
    before: list[object] = [None if k % 10 == 0 else k % 7 for k in range(5_000)]

    found = seen(table(0, 5_000, z=before), table(10, 500, z=[k % 7 + 3 for k in range(500)]))

    assert found.bad() >= {"psi(z)", "out_of_range(z)"}


def test_a_column_of_times_is_left_out_in_so_many_words() -> None:
    days = [date(2026, 1, 1) + timedelta(k % 300) for k in range(5_000)]

    found = seen(table(0, 5_000, day=days), table(10, 500, day=["2026-01-01"] * 500))

    assert "day holds times and is left out" in found.notes[0]
    assert "extra: day" in found.findings["schema(records)"].reason


@pytest.mark.parametrize("exit_by", [ZeroDivisionError, KeyError, RecursionError, MemoryError])
def test_checks_that_raise_are_findings_with_their_reason_and_stop_no_other(exit_by: type[Exception]) -> None:
    tests = {**TESTS, "breaks": _Breaks(exit_by("on purpose")), "breaks_too": _BreaksToo(exit_by("on purpose"))}
    broken = (CheckSpec("breaks"), CheckSpec("breaks", ("all_columns",)))

    found = seen(TRAINING, table(10, 500, x=normal(11, 500, 1.0)), tests=tests, checks=broken)

    failed = {name for name, one in found.findings.items() if one.verdict is Verdict.FAILED}
    assert failed == {"breaks(x)", "breaks(y)", "breaks(all_columns)", "breaks_too(records)"}
    assert all("on purpose" in found.findings[name].reason for name in failed)
    assert "psi(x)" in found.bad()
    assert found.report.verdicts["failed"] == len(failed)
    assert found.firing == {"anything", "blind"}


def test_an_alarm_for_blindness_is_quiet_while_everything_can_be_computed() -> None:
    assert seen(TRAINING, table(10, 500)).firing == frozenset()


def test_missing_values_among_categories_and_a_window_without_records_are_no_errors() -> None:
    training = table(0, 5_000, c=with_value(words(1, 5_000), None))
    window = table(10, 500, c=with_value(words(2, 500, "abd"), None))

    found = seen(training, window, {})

    assert [one.check.name for one in found.history if one.verdict is Verdict.FAILED] == []
    first = {
        one.check.name: one.verdict
        for one in found.history
        if one.window.start == min(f.window for f in found.history).start
    }
    assert first["unseen_category(c)"] in BAD


def test_nothing_that_is_not_a_number_stops_the_detector_that_adds_up() -> None:
    """Hours of which one holds NaN and infinity, then a shift that only several windows together show."""
    at = np.arange(4_000)
    training = {**TRAINING, "at": (1_790_000_000 + at * 180).tolist()}
    hours = [table(100 + k, 500) for k in range(3)]
    hours += [table(110, 500, x=with_value(with_value(normal(111, 500), math.nan), math.inf, 9))]
    hours += [table(120 + k, 500, x=normal(140 + k, 500, 0.3)) for k in range(8)]

    found = seen(
        training, *hours, model=replace(MODEL, alarm_budget=ONE_A_MONTH), options=TrainingOptions(event_time="at")
    )

    of_model = [one.verdict for one in found.history if one.check.test == "model_drift"]
    assert of_model[:4] == [OK] * 4
    assert of_model[-1] in BAD


def test_values_below_zero_are_values() -> None:
    training = table(0, 5_000, z=normal(1, 5_000, -1e6))

    found = seen(training, table(10, 500, z=normal(2, 500, -1e6 - 3)))

    assert found.bad() >= {"psi(z)", "out_of_range(z)"}
    assert not {name for name in found.bad() if "(y)" in name or "(x)" in name}


# --- of another tool: one bad column stops all, sizes of windows decide, units and outliers rule


def test_a_number_that_turned_to_text_is_a_finding_of_its_own() -> None:
    found = seen(TRAINING, table(10, 500, x=[str(value) for value in normal(11, 500)]))

    assert found.bad() == {"missing_rate(x)", "type_violations(all_columns)", "schema(records)"}
    assert "retyped: x" in found.findings["schema(records)"].reason
    assert found.verdict("psi(y)") is OK


def test_a_few_values_of_another_type_are_seen() -> None:
    found = seen(TRAINING, table(10, 2_000, x=["n/a"] * 40 + normal(11, 1_960)))

    assert found.bad() == {"type_violations(all_columns)"}
    assert "x (2)" in found.findings["type_violations(all_columns)"].reason


def test_a_column_that_never_had_a_value_stops_no_other_column() -> None:
    training = table(0, 5_000, never=[None] * 5_000)

    found = seen(training, table(10, 500, x=normal(11, 500, 1.0), never=[None] * 500))

    assert "psi(x)" in found.bad()
    assert Verdict.FAILED not in {one.verdict for one in found.findings.values()}


def test_half_of_the_values_missing_is_no_success() -> None:
    found = seen(TRAINING, table(10, 500, x=[None, 0.1] * 250))

    assert "missing_rate(x)" in found.bad()


def test_a_renamed_column_is_lost_under_the_old_name_and_guessed_at_under_the_new_one() -> None:
    window = {"z": normal(11, 1_000), "y": normal(12, 1_000)}

    found = seen({"x": normal(1, 4_000, 40.0), "y": normal(2, 4_000)}, {**window, "z": normal(3, 1_000, 40.0)})

    reason = found.findings["schema(records)"].reason
    assert "lost: x; extra: z; z has the distribution of x: renamed? (a guess)" in reason
    assert "schema(records)" in found.bad()


def test_one_row_is_not_enough_and_no_drift() -> None:
    found = seen(TRAINING, table(10, 1))

    assert found.bad() == set()
    by_column = [one.verdict for name, one in found.findings.items() if "(x)" in name or "(y)" in name]
    assert set(by_column) == {Verdict.INSUFFICIENT_DATA}


def test_types_are_the_baselines_and_not_the_windows() -> None:
    """Small whole numbers look like categories in a small window; they stay numbers."""
    training = table(0, 5_000, z=np.random.default_rng(1).poisson(3, 5_000).tolist())

    for n in (100, 2_000):
        found = seen(training, table(10, n, z=np.random.default_rng(2).poisson(3, n).tolist()))
        assert found.verdict("psi(z)") is OK
        assert "jensen_shannon(z)" not in found.findings


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_a_shift_to_either_side_is_seen(shift: float) -> None:
    assert "psi(x)" in seen(TRAINING, table(10, 500, x=normal(11, 500, shift))).bad()


def test_a_shift_is_seen_whatever_the_unit() -> None:
    tiny = {"x": [1e-6 * float(str(value)) for value in TRAINING["x"]], "y": TRAINING["y"]}
    window = table(10, 500, x=[1e-6 * (float(str(value)) + 50) for value in normal(11, 500)])

    assert "psi(x)" in seen(tiny, window).bad()


def test_a_new_category_is_judged_by_how_much_of_it_there_is() -> None:
    training = table(0, 5_000, c=words(1, 5_000))

    one = seen(training, table(10, 2_000, c=with_value(words(2, 2_000), "new")))
    many = seen(training, table(10, 2_000, c=["new"] * 60 + words(2, 1_940)))

    assert one.bad() == set()
    assert "unseen_category(c)" in many.bad()


def test_constant_columns_have_verdicts_and_no_nan() -> None:
    training = table(0, 5_000, one=[7] * 5_000, word=["a"] * 5_000)

    same = seen(training, table(10, 500, one=[7] * 500, word=["a"] * 500))
    other = seen(training, table(10, 500, one=[8] * 500, word=["b"] * 500))

    assert same.bad() == set()
    assert other.bad() >= {"psi(one)", "out_of_range(one)", "unseen_category(word)"}
    for one in (*same.history, *other.history):
        assert one.result is None or math.isfinite(one.result.statistic)


def test_a_column_that_varied_and_is_stuck_inside_its_range_is_seen() -> None:
    found = seen(TRAINING, table(10, 500, x=[0.123] * 500))

    assert "constant(all_columns)" in found.bad()
    assert "x every value is 0.123" in found.findings["constant(all_columns)"].reason


def test_a_change_of_unit_is_named() -> None:
    training = {"distance": normal(1, 4_000, 10.0), "y": TRAINING["y"]}
    metres = [1_000 * float(str(value)) for value in normal(2, 500, 10.0)]

    found = seen(training, {"distance": metres, "y": normal(3, 500)})

    reason = found.findings["unit_change(all_columns)"].reason
    assert "distance looks like metres instead of kilometres: x1000" in reason


def test_a_segment_that_is_gone_has_verdicts_and_stops_no_other() -> None:
    model = replace(MODEL, segments=(Segment("a only", "c", "a"),))
    training = table(0, 5_000, c=words(1, 5_000))

    found = seen(training, table(10, 500, x=normal(11, 500, 1.0), c=words(2, 500, "bc")), model=model)

    assert found.verdict("psi(x)[a only]") is Verdict.INSUFFICIENT_DATA
    assert "psi(x)" in found.bad()


def test_a_baseline_without_any_value_is_refused_with_what_to_do() -> None:
    with pytest.raises(BaselineError, match="all 100 rows are missing in every column: check how the training data"):
        seen({"x": [None] * 100}, table(10, 500))


@dataclass(frozen=True)
class _Breaks:
    error: Exception
    name: ClassVar[str] = "breaks"
    title: ClassVar[str] = "Breaks"
    unit: ClassVar[str] = "none"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    needs: ClassVar[frozenset[Aspect]] = frozenset({Aspect.MISSING})
    default_threshold: ClassVar[Threshold] = Threshold(1.0)

    def run(self, baseline: Profile, current: Profile) -> TestResult:
        raise self.error


@dataclass(frozen=True)
class _BreaksToo:
    error: Exception
    name: ClassVar[str] = "breaks_too"
    title: ClassVar[str] = "Breaks, too"
    unit: ClassVar[str] = "none"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 1.0
    default_threshold: ClassVar[Threshold] = Threshold(1.0)

    def suits(self, baseline: ModelProfile) -> bool:
        return True

    def run_window(self, baseline: ModelProfile, window: WindowData) -> TestResult:
        raise self.error
