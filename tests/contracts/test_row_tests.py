"""Every shipped test of raw rows passes its kit; with fewer permutations and rows, which changes nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.stats.columns import Column, Floats, NumericColumn
from monitor.stats.row_test import JointRows, RawRows, RowTest
from monitor.stats.row_tests import ROW_TESTS
from monitor.stats.row_tests.domain_classifier import DomainClassifier
from monitor.stats.row_tests.mean_discrepancy import MeanDiscrepancy
from monitor.testing.drift_tests import alarms
from monitor.testing.row_tests import RowTestBasics, RowTestConformance, rows

OTHERS = frozenset({"duplicate_rows", "training_rows"})
"""They look for something else than how columns go together."""


class TestShippedRowTests(RowTestConformance):
    @pytest.fixture(params=sorted(ROW_TESTS.keys() - OTHERS))
    def test(self, request: pytest.FixtureRequest) -> RowTest:
        test: RowTest = replace(ROW_TESTS[request.param], permutations=59)  # type: ignore[type-var]  # a dataclass
        return test


class TestOtherRowTests(RowTestBasics):
    @pytest.fixture(params=sorted(OTHERS))
    def test(self, request: pytest.FixtureRequest) -> RowTest:
        return ROW_TESTS[request.param]


def test_so_many_windows_change_places_that_the_default_limit_can_be_reached() -> None:
    """Also where a quarter of them holds fewer rows than usual."""
    reference = rows(1, 49 * 60, window_of=60)
    number = reference.window_of
    assert number is not None
    thinned = RawRows(reference.columns, np.where((number < 20) & (np.arange(len(number)) % 60 >= 45), -1, number))

    seen = DomainClassifier().run_rows(JointRows(thinned, rows(2, 500, together=0.0)))

    assert seen.p_value == pytest.approx(0.02)
    assert alarms(DomainClassifier.default_threshold, seen)
    assert "49 windows of the baseline, 45 rows each" in str(seen.detail["says"])


def test_hours_with_little_traffic_have_a_part_in_the_comparison() -> None:
    """A night is far from all days, and like other nights: more than 2 of 12 are below 0.02 by chance 0.002.

    The sample of the baseline holds a quarter of its rows, a window all of them.
    """
    chance = np.random.default_rng(5)

    def hour(of_day: int, part: float = 0.25) -> Floats:
        is_night = of_day < 4
        return chance.normal(-2.0 if is_night else 0.4, 1, (round(part * (240 if is_night else 640)), 2))

    hours = [hour(number % 24) for number in range(24 * 7)]
    number = np.repeat(np.arange(len(hours)), [len(one) for one in hours])
    reference = RawRows(_named(np.concatenate(hours)), number)

    found = [
        MeanDiscrepancy().run_rows(JointRows(reference, RawRows(_named(hour(night % 4, 1.0))), night))
        for night in range(12)
    ]

    assert sum(one.p_value is not None and one.p_value <= 0.02 for one in found) <= 2


def _named(values: Floats) -> dict[str, Column]:
    return {"x": NumericColumn(values[:, 0]), "y": NumericColumn(values[:, 1])}
