"""Rows of the training data that come again in a window are found; rows that are alike by chance are not."""

import numpy as np
import pytest

from monitor.domain.findings import TestResult
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.row_test import JointRows, RawRows
from monitor.stats.row_tests.training_rows import TrainingRows
from monitor.testing.drift_tests import alarms
from monitor.testing.row_tests import rows


def compared(current: RawRows, reference: RawRows) -> TestResult:
    return TrainingRows().run_rows(JointRows(reference, current, seed=3))


def mixed(training: RawRows, fresh: RawRows, known: int) -> RawRows:
    """Fresh rows, then so many of the training data."""
    some = np.arange(known)
    return RawRows({name: _joined(column, training.columns[name].take(some)) for name, column in fresh.columns.items()})


def _joined(first: Column, second: Column) -> Column:
    if isinstance(first, NumericColumn) and isinstance(second, NumericColumn):
        return NumericColumn(np.concatenate((first.values, second.values)))
    return CategoricalColumn([*first.values, *second.values])


def few_values(seed: int, n: int) -> RawRows:
    rng = np.random.default_rng(seed)
    return RawRows(
        {"a": NumericColumn(rng.integers(0, 40, n).astype(float)), "b": NumericColumn(rng.integers(0, 40, n) / 2)}
    )


def test_training_rows_are_counted_whatever_was_predicted_for_them() -> None:
    training, fresh = rows(1, 3_000), rows(2, 950)
    served = mixed(training, fresh, 50)
    predicted = RawRows({**served.columns, "prediction": NumericColumn(np.arange(1_000.0))})
    labelled = RawRows({**training.columns, "prediction": NumericColumn(np.zeros(3_000))})

    seen = compared(predicted, labelled)

    assert seen.statistic == pytest.approx(5)
    assert seen.detail["says"] == "50 of 1,000 rows are among 3,000 of the baseline, 0 of which repeat"
    assert alarms(TrainingRows.default_threshold, seen)


def test_fresh_rows_are_quiet() -> None:
    seen = compared(rows(2, 1_000), rows(1, 3_000))

    assert (seen.statistic, seen.p_value) == (0.0, 1.0)


def test_rows_of_few_possible_values_are_not_taken_for_training_rows() -> None:
    """Of 1,600 possible rows nearly half are in the baseline."""
    found = [compared(few_values(seed, 800), few_values(99, 1_000)) for seed in range(1, 10)]

    assert min(float(str(one.detail["share"])) for one in found) > 0.4
    assert not any(alarms(TrainingRows.default_threshold, one) for one in found)


def test_where_the_two_sides_share_no_feature_there_is_a_reason() -> None:
    outputs = RawRows({"prediction": NumericColumn(np.zeros(100))})

    assert compared(outputs, outputs).detail["lacks"] == "no feature is on both sides"
