"""Every shipped test of whole windows passes its kit, on the fault that it is meant for."""

from collections.abc import Callable

import numpy as np
import pytest

from monitor.stats.columns import NumericColumn
from monitor.stats.window_test import WindowTest
from monitor.stats.window_tests import WINDOW_TESTS
from monitor.testing.window_tests import Columns, Faulty, WindowTestConformance, quiet


def without_a_column(seed: int) -> tuple[Columns, int]:
    columns = quiet(seed)
    del columns["a"]
    return columns, 0


def without_correlation(seed: int) -> tuple[Columns, int]:
    """The same columns, one of them of other records: no distribution changes."""
    columns, others = quiet(seed), quiet(seed + 100)
    return {**columns, "a": others["a"]}, 0


def missing_apart(seed: int) -> tuple[Columns, int]:
    """Values as often missing as usual, in other records."""
    columns, others = quiet(seed), quiet(seed + 100)
    return {**columns, "c": others["c"]}, 0


def with_a_shift(seed: int) -> tuple[Columns, int]:
    """One of five columns moves by three quarters of its spread."""
    columns = quiet(seed)
    shifted = np.random.default_rng(seed).normal(1.1, 1.4, len(columns["d"]))
    return {**columns, "a": NumericColumn(shifted)}, 0


FAULTS: dict[str, Callable[[int], tuple[Columns, int]]] = {
    "schema": without_a_column,
    "correlation": without_correlation,
    "missing_pattern": missing_apart,
    "duplicates": lambda seed: (quiet(seed), 50),
    "divergence": with_a_shift,
}


class TestShippedWindowTests(WindowTestConformance):
    @pytest.fixture(params=WINDOW_TESTS)
    def test(self, request: pytest.FixtureRequest) -> WindowTest:
        return WINDOW_TESTS[request.param]

    @pytest.fixture
    def faulty(self, test: WindowTest) -> Faulty:
        return FAULTS[test.name]
