"""Every shipped test of raw rows passes its kit; with fewer permutations and rows, which changes nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.stats.row_test import JointRows, RawRows, RowTest
from monitor.stats.row_tests import ROW_TESTS
from monitor.stats.row_tests.domain_classifier import DomainClassifier
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
