"""Every shipped test of whole windows passes its kit, on the fault that it is meant for."""

from collections.abc import Callable

import pytest

from monitor.stats.window_test import WindowTest
from monitor.stats.window_tests import WINDOW_TESTS
from monitor.testing.window_tests import Columns, Faulty, WindowTestConformance, quiet


def without_a_column(seed: int) -> tuple[Columns, int]:
    columns = quiet(seed)
    del columns["a"]
    return columns, 0


FAULTS: dict[str, Callable[[int], tuple[Columns, int]]] = {
    "schema": without_a_column,
    "duplicates": lambda seed: (quiet(seed), 50),
}


class TestShippedWindowTests(WindowTestConformance):
    @pytest.fixture(params=WINDOW_TESTS)
    def test(self, request: pytest.FixtureRequest) -> WindowTest:
        return WINDOW_TESTS[request.param]

    @pytest.fixture
    def faulty(self, test: WindowTest) -> Faulty:
        return FAULTS[test.name]
