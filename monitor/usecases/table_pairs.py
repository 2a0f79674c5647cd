"""Pairs of columns of two tables, from the rows that are kept of both: bounded, however many rows there are."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.domain.checks import RECORDS, Check
from monitor.domain.models import ALL_TRAFFIC
from monitor.stats.baseline import Baseline
from monitor.stats.columns import Column
from monitor.stats.profiles.layouts import Layout, Layouts, telling_what_is_left_out
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.together import TogetherLayout
from monitor.stats.proposals import AnyTest
from monitor.stats.row_test import RawRows
from monitor.stats.window_test import WindowData, WindowTest, is_proposed
from monitor.usecases.model_checks import with_tests
from monitor.usecases.outcomes import Outcome, run_on


@dataclass(frozen=True, slots=True)
class Pairs:
    """Sums over pairs of columns of both tables, and over nothing else."""

    reference: ModelProfile
    current: ModelProfile

    @classmethod
    def of(cls, reference: RawRows, current: RawRows, known: Mapping[str, Layout]) -> "Pairs | None":
        """On the ranks of the reference, whose columns are `known`; None where it has no two columns with values."""
        together = TogetherLayout.of(reference.columns, {}) if len(reference) else None
        if together is None:
            return None
        layouts = Layouts({}, None, telling_what_is_left_out(together, known))
        return cls(
            _counted(layouts, reference.columns, len(reference)), _counted(layouts, current.columns, len(current))
        )

    def outcomes(self, baseline: Baseline, tests: Mapping[str, AnyTest], min_records: int) -> list[Outcome]:
        """Of the tests that a new model has, and that the baseline, whose columns were counted one by one, lacks."""
        checks = [
            Check(name, RECORDS, ALL_TRAFFIC, test.default_threshold, min_records)
            for name, test in tests.items()
            if isinstance(test, WindowTest) and is_proposed(test)
            if test.suits(self.reference) and not test.suits(baseline.whole)
        ]
        return run_on(with_tests(checks, tests, baseline), self.reference, WindowData(self.current))


def _counted(layouts: Layouts, columns: Mapping[str, Column], n: int) -> ModelProfile:
    profile = ModelProfile.empty(layouts)
    profile.update(columns, n)
    return profile
