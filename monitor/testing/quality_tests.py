"""Conformance kit of checks of data quality: the promises of a drift test, each kept on the fault that it is meant for.

Subclass `QualityTestConformance` as a pytest class with a `test` fixture and a `faulty` one, see `Faulty`.
"""

from collections.abc import Callable

from monitor.stats.drift_test import DriftTest
from monitor.stats.profiles.layouts import Profile
from monitor.testing.drift_tests import DriftTestConformance, alarms, kinds

Faulty = Callable[[type[Profile], float], tuple[Profile, Profile]]
"""From a kind of profile and a share (0 to 1) of broken records to a baseline and a window of 1,000 records."""


class QualityTestConformance(DriftTestConformance):
    """The promises of `DriftTest`, with faults of the test's own kind in place of the general ones."""

    def test_one_record_more_moves_it_little(self, test: DriftTest, faulty: Faulty) -> None:  # type: ignore[override]  # pytest passes what is asked for
        """One broken record of a thousand by less than a twentieth of what all of them give."""
        for kind in kinds(test):
            none, one, gross = (test.run(*faulty(kind, share)).statistic for share in (0.0, 0.001, 1.0))
            assert abs(one - none) <= 0.05 * gross

    def test_it_grows_with_the_fault(self, test: DriftTest, faulty: Faulty) -> None:  # type: ignore[override]  # pytest passes what is asked for
        """Twice as many broken records never look better."""
        for kind in kinds(test):
            grown = [test.run(*faulty(kind, share)).statistic for share in (0.0, 0.1, 0.2, 0.4, 1.0)]
            assert grown == sorted(grown)
            assert grown[0] < grown[-1]

    def test_it_sees_a_gross_fault(self, test: DriftTest, faulty: Faulty) -> None:  # type: ignore[override]  # pytest passes what is asked for
        """All records broken."""
        for kind in kinds(test):
            seen = test.run(*faulty(kind, 1.0))
            assert alarms(test.default_threshold, seen), f"{test.name} on {kind.__name__}: {seen}"
