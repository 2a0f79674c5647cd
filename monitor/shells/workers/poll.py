"""When a table of ground truth is asked: on its own beat, at once where more waits, later each time that it fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from monitor.shells.workers.consume import Backoff
from monitor.shells.workers.meter import Meter
from monitor.usecases.poll_truth import PollReport

MOST_AT_ONCE_S = 5.0
"""A knock goes on for so long, so that the process can stop and the lease is renewed; the next one goes on."""

log = structlog.stdlib.get_logger("driftline")

Poll = Callable[[Callable[[], bool]], PollReport]


@dataclass(slots=True)
class Polls:
    """The knocks of one table. `poll` reads as long as it is told to go on; `holds` tells whether it is ours to ask."""

    source: str
    every: timedelta
    poll: Poll
    backoff: Backoff
    meter: Meter
    holds: Callable[[], bool]
    monotonic: Callable[[], float] = time.monotonic
    due_s: float = field(default=0.0, init=False)
    warned_undated: int = field(default=0, init=False)

    def knock(self) -> None:
        """Poll when it is time to."""
        began_s = self.monotonic()
        if began_s < self.due_s or not self.holds():
            return
        report = self.poll(lambda: self.monotonic() - began_s < MOST_AT_ONCE_S)
        self.due_s = self.monotonic() + self._wait_s(report)
        self._tell(report)

    def _wait_s(self, report: PollReport) -> float:
        if report.error:
            return self.backoff.wait_s(report.state.failures)
        return self.every.total_seconds() if report.is_complete else 0.0

    def _tell(self, report: PollReport) -> None:
        if report.error:
            self.meter.count("truth_poll_failures_total", source=self.source)
            log.warning("truth_source_failed", source=self.source, reason=report.error, failures=report.state.failures)
        if report.fresh:
            self.meter.count("truth_rows_total", report.fresh, source=self.source)
            log.info("truth_polled", source=self.source, rows=report.fresh, read=report.read)
        if report.state.undated and report.state.undated != self.warned_undated:
            hint = "give `query` a column such as coalesce(updated_at, created_at)"
            log.warning("truth_rows_never_read", source=self.source, undated=report.state.undated, hint=hint)
        self.warned_undated = report.state.undated
