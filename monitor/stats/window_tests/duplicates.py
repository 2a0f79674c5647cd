"""Share of records that came more than once."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.window_test import WindowData


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Share of the window's records whose event id had been seen before: 0 to 100.

    duplicates / (counted + duplicates). Duplicates are recognised by their ids, up to `remember_ids` of them, and are
    counted in no profile: they harm no other check, and are a sign of a producer that sends again what it need not, or
    of ids that are not unique. Unit: percent of the records. There is no p-value: every one of them is known. An
    at-least-once producer repeats a batch now and then (Kleppmann 2017), so the default threshold is 5 %, with a
    warning at 1 %. Use it wherever records have ids of their own.
    """

    name: ClassVar[str] = "duplicates"
    title: ClassVar[str] = "Duplicate records"
    unit: ClassVar[str] = "percent"
    minimum: ClassVar[float] = 0.0
    maximum: ClassVar[float] = 100.0
    default_threshold: ClassVar[Threshold] = Threshold(drifted=5.0, warning=1.0)

    def suits(self, baseline: ModelProfile) -> bool:  # noqa: ARG002 - it compares with none
        """Always: no baseline is needed."""
        return True

    def run_window(self, baseline: ModelProfile, window: WindowData) -> TestResult:
        """The share; without a number of duplicates there is nothing to say."""
        if window.duplicates is None:
            return TestResult(0.0, None, baseline.n, 0, detail={"empty": "current"})
        seen = window.profile.n + window.duplicates
        share = 100 * window.duplicates / seen if seen else 0.0
        return TestResult(share, None, baseline.n, seen, detail={"duplicates": window.duplicates})
