"""Every shipped check of data quality passes its kit, on the fault that it is meant for."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from monitor.stats.columns import CategoricalColumn, NumericColumn
from monitor.stats.drift_test import DriftTest
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.numeric import NumericProfile
from monitor.stats.quality import QUALITY_TESTS
from monitor.testing.drift_tests import CATEGORIES, Values, profile
from monitor.testing.quality_tests import Faulty, QualityTestConformance

N = 1_000
Break = Callable[[Values], Values]


def clean(kind: type[Profile], seed: int, n: int) -> Values:
    rng = np.random.default_rng(seed)
    if kind is NumericProfile:
        return [float(value) for value in rng.normal(50, 10, n)]
    return [str(value) for value in rng.choice(CATEGORIES, n)]


def broken(share: float, values: Values, replaced: Break) -> Values:
    n = round(share * len(values))
    return [*replaced(values[:n]), *values[n:]]


def all_alike(values: Values) -> Values:
    return [50.0 if isinstance(value, float) else "de" for value in values]  # type: ignore[return-value]  # as given


def missing(values: Values) -> Values:
    return [math.nan if isinstance(value, float) else None for value in values]  # type: ignore[return-value]  # as given


FAULTS: dict[str, Break] = {
    "newly_missing": missing,
    "constant": all_alike,
    "cardinality": lambda values: [f"{value}-{k}" for k, value in enumerate(values)],
    "unit_change": lambda values: [1_000.0 * float(value or 0) for value in values],
}


def with_invalid(share: float, values: Values, baseline: Profile) -> Profile:
    """The same values, some of them of another type."""
    wrong = np.arange(len(values)) < round(share * len(values))
    window = type(baseline).empty(baseline.layout)  # type: ignore[arg-type]  # its own layout
    if isinstance(window, NumericProfile):
        numbers: Sequence[float] = values  # type: ignore[assignment]  # of a numeric profile
        window.update(NumericColumn(np.where(wrong, np.nan, numbers), wrong))
    else:
        texts = [None if bad else str(value) for bad, value in zip(wrong, values, strict=True)]
        window.update(CategoricalColumn(texts, wrong))
    return window


class TestShippedQualityTests(QualityTestConformance):
    @pytest.fixture(params=QUALITY_TESTS)
    def test(self, request: pytest.FixtureRequest) -> DriftTest:
        return QUALITY_TESTS[request.param]

    @pytest.fixture
    def faulty(self, test: DriftTest) -> Faulty:
        def make(kind: type[Profile], share: float) -> tuple[Profile, Profile]:
            baseline, values = profile(clean(kind, 1, 5 * N)), clean(kind, 2, N)
            if test.name == "type_violations":
                return baseline, with_invalid(share, values, baseline)
            return baseline, profile(broken(share, values, FAULTS[test.name]), baseline)

        return make
