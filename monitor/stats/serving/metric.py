"""What a serving metric is: a function of what a window's records say of their own serving, with its interval."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from monitor.domain.findings import TestResult
from monitor.stats.drift_test import LACKS
from monitor.stats.profiles.layouts import Profile
from monitor.stats.profiles.model import ModelProfile


@dataclass(frozen=True, slots=True)
class ServingWindow:
    """A window, or one segment of it: its profile (None: there is no baseline to count on), records and length."""

    profile: ModelProfile | None
    records: int
    seconds: float


class ServingMetric(Protocol):
    """A number that says how a model is served; it is judged by a limit of the configuration and no baseline.

    Implementations are frozen dataclasses whose fields are the metric's parameters. `column` is the one that is read
    unless a check names another (empty: it must); with `RECORDS` only the number of records counts. `least` is the
    number of records from which on there is a 95 % interval: `low` and `high` of the result. A result that cannot be
    had tells why in its detail (`LACKS`).
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    higher_is_better: ClassVar[bool]
    column: ClassVar[str]
    least: ClassVar[int]

    def run(self, window: ServingWindow, column: str) -> TestResult:
        """The metric over the records of the window that have a value in the column."""
        ...


def column_of(window: ServingWindow, column: str) -> Profile | None:
    """The column's counts; None where the baseline has no place to count them."""
    return None if window.profile is None else window.profile.columns.get(column)


def lacking(why: str, records: int) -> TestResult:
    """The result where the metric cannot be had."""
    return TestResult(0.0, None, records, records, detail={LACKS: why})
