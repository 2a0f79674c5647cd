"""Records a second."""

from dataclasses import dataclass
from typing import ClassVar

from scipy import special

from monitor.domain.checks import RECORDS
from monitor.domain.findings import TestResult
from monitor.stats.serving.metric import ServingWindow


@dataclass(frozen=True, slots=True)
class Throughput:
    """Mean number of records a second over the window, from 0.

    records / seconds. The interval is the exact one of a Poisson count (Garwood 1936), that of requests which come
    independently: bursts make it too narrow. Unit: records a second. It counts the version's records that came, not
    what sampling left out; an empty window has the throughput 0. From 0 records on.
    """

    name: ClassVar[str] = "throughput"
    title: ClassVar[str] = "Throughput"
    unit: ClassVar[str] = "records a second"
    higher_is_better: ClassVar[bool] = True
    column: ClassVar[str] = RECORDS
    least: ClassVar[int] = 0

    def run(self, window: ServingWindow, column: str) -> TestResult:  # noqa: ARG002 - it counts whole records
        """The rate; it is known of every window."""
        n, seconds = window.records, window.seconds
        low = float(special.gammaincinv(n, 0.025)) if n else 0.0
        return TestResult(n / seconds, None, n, n, low / seconds, float(special.gammaincinv(n + 1, 0.975)) / seconds)
