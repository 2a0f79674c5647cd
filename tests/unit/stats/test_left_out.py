"""Columns of which no pair is looked at are told of, in a baseline that was stored, too."""

import numpy as np
import pytest

from monitor.domain.findings import TestResult
from monitor.domain.models import ModelRef
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.drift_test import SAYS
from monitor.stats.window_test import WindowData
from monitor.stats.window_tests.correlation import Correlation
from monitor.stats.window_tests.missing_pattern import MissingPattern

N = 300


def columns(numbers: int, texts: int) -> dict[str, Column]:
    values = np.random.default_rng(1).normal(size=(numbers, N))
    found: dict[str, Column] = {f"n{k:02d}": NumericColumn(one) for k, one in enumerate(values)}
    return found | {f"t{k:02d}": CategoricalColumn(["a", "b"] * (N // 2)) for k in range(texts)}


def build(numbers: int, texts: int, importances: dict[str, float] | None = None) -> Baseline:
    return Baseline.build(
        ModelRef("churn", "1"), columns(numbers, texts), with_pairs=True, importances=importances or {}
    )


def said(test: Correlation | MissingPattern, baseline: Baseline) -> TestResult:
    return test.run_window(baseline.whole, WindowData(baseline.whole))


@pytest.mark.parametrize("is_stored", [False, True])
def test_numbers_beyond_the_limit_are_counted_in_correlations_and_still_looked_at_where_they_go_missing(
    is_stored: bool,
) -> None:
    built = build(35, 30)
    baseline = Baseline.from_bytes(built.to_bytes()) if is_stored else built

    ranks, missing = said(Correlation(), baseline), said(MissingPattern(), baseline)

    assert ranks.detail[SAYS] == "3 of 35 numeric columns not looked at: n32, n33, n34"
    assert missing.detail == {SAYS: "1 of 65 columns not looked at: t29", "left_out": 1}


def test_an_important_column_is_looked_at_before_others() -> None:
    ranks = said(Correlation(), build(33, 0, {"n32": 1.0}))

    assert ranks.detail[SAYS] == "1 of 33 numeric columns not looked at: n31"
    assert ranks.detail["left_out"] == 1


def test_a_model_within_the_limits_is_told_nothing_more() -> None:
    baseline = build(32, 32)

    assert said(Correlation(), baseline).detail == {"pairs": 496}
    assert said(MissingPattern(), baseline).detail == {}


def test_what_is_said_of_left_out_columns_is_no_other_layout() -> None:
    layout = build(35, 30).layouts.together

    assert layout is not None
    assert layout.unranked
    assert type(layout)(layout.ranked, layout.others, layout.cuts).digest == layout.digest
