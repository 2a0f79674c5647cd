"""Drift tests, one a file. Further ones are found at start-up through the entry-point group `driftline.drift_tests`."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.drift.chi_squared import ChiSquared
from monitor.stats.drift.jensen_shannon import JensenShannon
from monitor.stats.drift.kolmogorov_smirnov import KolmogorovSmirnov
from monitor.stats.drift.missing_rate import MissingRate
from monitor.stats.drift.out_of_range import OutOfRange
from monitor.stats.drift.psi import Psi
from monitor.stats.drift.unseen_category import UnseenCategory
from monitor.stats.drift.wasserstein import Wasserstein
from monitor.stats.drift_test import DriftTest

_SHIPPED: tuple[DriftTest, ...] = (
    Psi(),
    KolmogorovSmirnov(),
    ChiSquared(),
    JensenShannon(),
    Wasserstein(),
    MissingRate(),
    UnseenCategory(),
    OutOfRange(),
)

DRIFT_TESTS: Mapping[str, DriftTest] = MappingProxyType({test.name: test for test in _SHIPPED})
"""The shipped tests by name, with their default parameters."""
