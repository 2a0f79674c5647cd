"""Tests of whole windows, one a file. Further ones are found through the entry-point group `driftline.window_tests`."""

from collections.abc import Mapping
from types import MappingProxyType

from monitor.stats.window_test import WindowTest
from monitor.stats.window_tests.correlation import Correlation
from monitor.stats.window_tests.divergence import Divergence
from monitor.stats.window_tests.duplicates import Duplicates
from monitor.stats.window_tests.missing_pattern import MissingPattern
from monitor.stats.window_tests.schema import Schema

_SHIPPED: tuple[WindowTest, ...] = (Schema(), MissingPattern(), Correlation(), Duplicates(), Divergence())

WINDOW_TESTS: Mapping[str, WindowTest] = MappingProxyType({test.name: test for test in _SHIPPED})
"""The shipped tests by name, with their default parameters."""
