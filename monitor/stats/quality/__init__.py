"""Checks of data quality, one a file: drift tests of a column that ask whether its values are what they should be."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.drift_test import DriftTest
from monitor.stats.quality.cardinality import Cardinality
from monitor.stats.quality.constant import Constant
from monitor.stats.quality.newly_missing import NewlyMissing
from monitor.stats.quality.type_violations import TypeViolations
from monitor.stats.quality.unit_change import UnitChange

_SHIPPED: tuple[DriftTest, ...] = (NewlyMissing(), TypeViolations(), Constant(), Cardinality(), UnitChange())

QUALITY_TESTS: Mapping[str, DriftTest] = MappingProxyType({test.name: test for test in _SHIPPED})
"""The shipped tests by name, with their default parameters."""
