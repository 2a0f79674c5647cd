"""What a test of a whole window is: a pure function of all its columns together, and of what else is known of it."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from monitor.domain.checks import Threshold
from monitor.domain.findings import TestResult
from monitor.stats.profiles.model import ModelProfile


@dataclass(frozen=True, slots=True)
class WindowData:
    """The profile of a window's records, and how many more came that were duplicates (None: not known)."""

    profile: ModelProfile
    duplicates: int | None = None


@runtime_checkable
class WindowTest(Protocol):
    """An algorithm that compares a whole window, or one segment of it, with the baseline: no column by itself tells.

    Implementations are frozen dataclasses whose fields are the test's parameters, each with a default, as those of a
    `DriftTest`; `unit`, `minimum`, `maximum` and `default_threshold` mean the same. The column of such a check is
    `records`. `run_window` is deterministic, changes nothing and copes with empty windows.

    A test whose `is_proposed` is False runs only where a check asks for it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    minimum: ClassVar[float]
    maximum: ClassVar[float]
    default_threshold: ClassVar[Threshold]

    def suits(self, baseline: ModelProfile) -> bool:
        """Whether the baseline holds what the test compares a window with."""
        ...

    def run_window(self, baseline: ModelProfile, window: WindowData) -> TestResult:
        """Compare a window with a baseline on the same layouts."""
        ...


def is_proposed(test: WindowTest) -> bool:
    """Whether a new model has the test without asking for it."""
    proposed: bool = getattr(test, "is_proposed", True)
    return proposed
