"""Metrics of Evidently on raw rows: Evidently's own numbers, in a process of its own, and words where there is none."""

import evidently.metrics
import numpy as np
import pandas as pd
import pytest
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.calculations.stattests.registry import _registered_stat_tests
from evidently.legacy.core import ColumnType
from scipy.stats import ks_2samp

from monitor.adapters.evidently.companion import Companion
from monitor.adapters.evidently.metrics import EvidentlyMetrics
from monitor.bootstrap.vocabulary import vocabulary
from monitor.config.rules_crosscheck import STANDING_TESTS
from monitor.domain.checks import Parameter
from monitor.domain.errors import ReportFailed
from monitor.domain.evidently import ELSEWHERE, EVIDENTLY_METRICS, METHODS, EvidentlySpec
from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.row_test import JointRows, RawRows


def side(seed: int, shift: float) -> RawRows:
    chance = np.random.default_rng(seed)
    amounts = chance.normal(50 + shift, 10, 1_200)
    amounts[:60] = np.nan
    countries = [None, *chance.choice(["DE", "FR"], 1_199).tolist()]
    empty = np.full(1_200, np.nan)
    return RawRows(
        {"amount": NumericColumn(amounts), "country": CategoricalColumn(countries), "gone": NumericColumn(empty)}
    )


ROWS = JointRows(side(1, 0), side(2, 15))


def of(metric: str, column: str | None = None, **parameters: Parameter | tuple[Parameter, ...]) -> EvidentlySpec:
    return EvidentlySpec(metric, metric, column, parameters=parameters)


@pytest.mark.slow
def test_the_numbers_are_those_of_evidently_and_one_that_breaks_takes_no_other_along() -> None:
    metrics = EvidentlyMetrics()
    specs = [
        of("ValueDrift", "amount", method="ks"),
        of("QuantileValue", "amount", quantile=0.9),
        of("MissingValueCount", "amount"),
        of("OutListValueCount", "country", values=("DE",)),
        of("DriftedColumnsCount", method="psi"),
        of("ValueDrift", "country", method="ks"),
        of("MeanValue", "gone"),
        of("MeanValue", "nowhere"),
    ]

    ks, quantile, missing, others, drifted, broken, gone, nowhere = metrics.measure(ROWS, specs)

    before, known = (np.asarray(one.columns["amount"].values)[60:] for one in (ROWS.reference, ROWS.current))
    assert ks.number == pytest.approx(ks_2samp(before, known).pvalue)
    assert quantile.number == pytest.approx(np.quantile(known, 0.9))
    assert missing.number == pytest.approx(60 / 1_200)
    assert others.number is not None
    assert 0.4 < others.number < 0.6
    assert drifted.number == pytest.approx(1 / 2)
    assert (broken.number, broken.is_fault) == (None, True)
    assert (gone.why, gone.is_fault) == ("gone has no value in the baseline's rows", False)
    assert (nowhere.why, nowhere.is_fault) == ("nowhere is not among the columns of the baseline's rows", False)
    assert metrics.measure(ROWS, specs[:1]) == [ks]


def test_a_process_that_ends_with_an_error_is_told_by_its_last_words() -> None:
    asked = Companion("monitor.adapters.evidently.no_such_worker", 60.0)

    with pytest.raises(ReportFailed, match=r"could not compute the metrics: .*No module named"):
        asked.ask(b"")


def test_a_process_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(ReportFailed, match="took longer than 0 s"):
        EvidentlyMetrics(0.001).measure(ROWS, [of("MeanValue", "amount")])


@pytest.mark.parametrize("name", EVIDENTLY_METRICS)
def test_what_is_known_of_a_metric_is_so_in_the_evidently_that_is_installed(name: str) -> None:
    ours, theirs = EVIDENTLY_METRICS[name], getattr(evidently.metrics, name).__fields__

    assert ours.parameters <= theirs.keys()
    assert ours.of_column == ("column" in theirs)
    assert {key for key, field in theirs.items() if field.required} - {"column"} <= ours.needs


def test_metrics_that_cannot_serve_are_of_evidently_and_point_to_checks_that_there_are() -> None:
    known = vocabulary().tests.keys() | STANDING_TESTS

    assert ELSEWHERE.keys() <= set(evidently.metrics.__all__)
    assert {ours for _, ours in ELSEWHERE.values()} <= known
    assert not ELSEWHERE.keys() & EVIDENTLY_METRICS.keys()


@pytest.mark.filterwarnings("ignore:Parameter `variant`:UserWarning", "ignore:p-value:UserWarning")
def test_methods_whose_number_is_a_p_value_say_drift_below_their_threshold() -> None:
    rows = (np.random.default_rng(3).normal(size=400), np.random.default_rng(4).normal(size=400))
    kinds = {ColumnType.Numerical: pd.Series(rows[0]), ColumnType.Categorical: pd.Series(rows[0] > 0).astype(str)}
    now = {ColumnType.Numerical: pd.Series(rows[1] + 3), ColumnType.Categorical: pd.Series(rows[1] > 3).astype(str)}

    for method, is_p_value in METHODS.items():
        (kind,) = [k for k in kinds if k in _allowed(method)][:1]
        moved = get_stattest(kinds[kind], now[kind], kind, method)(kinds[kind], now[kind], kind, 0.05)
        assert (moved.drift_score < 0.05) == is_p_value, method


def _allowed(method: str) -> list[ColumnType]:
    return list(_registered_stat_tests[method])
