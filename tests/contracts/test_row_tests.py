"""Every shipped test of raw rows passes its kit; with fewer permutations and rows, which changes nothing else."""

from dataclasses import replace

import pytest

from monitor.stats.row_test import RowTest
from monitor.stats.row_tests import ROW_TESTS
from monitor.testing.row_tests import RowTestConformance


class TestShippedRowTests(RowTestConformance):
    @pytest.fixture(params=ROW_TESTS)
    def test(self, request: pytest.FixtureRequest) -> RowTest:
        test: RowTest = replace(ROW_TESTS[request.param], permutations=59)  # type: ignore[type-var]  # a dataclass
        return test
