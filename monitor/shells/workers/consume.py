"""The consumer: one thread, one step after the other; a source that fails is closed and built again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from monitor.domain.errors import SourceUnavailable, StoreUnavailable
from monitor.domain.ports import Source
from monitor.shells.workers.loop import Gauges
from monitor.shells.workers.meter import Meter
from monitor.usecases.ingest_report import StepReport

ROLE = "consume"
POLL_S = 0.5

log = structlog.stdlib.get_logger("driftline")


class Consumer(Protocol):
    """`usecases.ingest.Ingest`, as far as the loop needs it."""

    def step(self, timeout_s: float) -> StepReport:
        """Read once and save when it is time to; SourceUnavailable asks for a new source."""
        ...

    def drain(self) -> StepReport:
        """Save everything that was read."""
        ...

    def use(self, source: Source) -> None:
        """Go on with another source."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the n-th try in a row (from 1): doubling, with jitter.

    `chance` gives numbers in [0, 1).
    """

    chance: Callable[[], float]
    first_s: float = 0.5
    longest_s: float = 30.0

    def wait_s(self, attempt: int) -> float:
        """Between half of the nominal wait and all of it."""
        nominal: float = min(self.longest_s, self.first_s * 2 ** min(attempt - 1, 30))
        half: float = nominal / 2
        return half + half * self.chance()


@dataclass(slots=True)
class _Tries:
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Consume:
    """The role. `build_source` may fail as a source may; `build_consumer` takes the first source.

    `is_finished` tells of a source that has an end (files that are not followed); the loop then stops by itself.
    """

    build_source: Callable[[], Source]
    build_consumer: Callable[[Source], Consumer]
    backoff: Backoff
    gauges: Gauges
    is_finished: Callable[[Source], bool] = lambda _: False

    def run(self, stop: threading.Event) -> None:
        """Until asked to stop: then what was read is saved and the group is left. TooManyDeadLetters ends it."""
        consumer: Consumer | None = None
        tries = _Tries()
        while not stop.is_set():
            self.gauges.pulse.beat(ROLE)
            source: Source | None = None
            try:
                source = self.build_source()
                if consumer is None:
                    consumer = self.build_consumer(source)
                else:
                    consumer.use(source)
                self._read(consumer, source, stop, tries)
            except (SourceUnavailable, StoreUnavailable) as error:
                tries.failed += 1
                self._wait(tries.failed, error, stop)
            else:
                return
            finally:
                _close(source)

    def _read(self, consumer: Consumer, source: Source, stop: threading.Event, tries: "_Tries") -> None:
        """Step until asked to stop, or until the source has ended; errors pass."""
        meter = self.gauges.meter
        while not stop.is_set() and not self.is_finished(source):
            self.gauges.pulse.beat(ROLE)
            report = consumer.step(POLL_S)
            note(report, meter)
            if report.records:
                tries.failed = 0
            meter.show("partitions_assigned", len(source.assigned()))
            if report.pause_s:
                stop.wait(report.pause_s)
        note(consumer.drain(), meter)

    def _wait(self, failures: int, error: Exception, stop: threading.Event) -> None:
        wait_s = self.backoff.wait_s(failures)
        self.gauges.meter.count("source_rebuilds_total")
        log.warning("source_unavailable", reason=str(error), attempt=failures, again_in_s=round(wait_s, 2))
        stop.wait(wait_s)


def note(report: StepReport, meter: Meter) -> None:
    """Put what a step did into metrics, and what people should know into the log."""
    _count(report, meter)
    for gap in report.gaps:
        log.warning("records_lost_by_log", partition=str(gap.partition), expected=gap.expected, found=gap.found)
    for baseline_id, reason in report.unreadable_baselines.items():
        log.error("baseline_unreadable", baseline=baseline_id, reason=reason, meaning="its records are only counted")
    for partition in report.beyond_end:
        log.error("offset_beyond_end", partition=str(partition), meaning="the topic was made anew or cut")
    for partition in report.fenced:
        log.info("fenced", partition=str(partition), meaning="another worker owns the partition now")
    for partition in report.claimed:
        log.info("claimed", partition=str(partition))
    for partition in report.lost:
        log.info("released", partition=str(partition))
    if report.store_error is not None:
        meter.count("store_refusals_total", role=ROLE)
        log.warning("store_unavailable", role=ROLE, reason=report.store_error)


def _count(report: StepReport, meter: Meter) -> None:
    kinds = {
        "counted": report.counted.total(),
        "duplicate": report.duplicates.total(),
        "refused": report.refused.total(),
        "ground_truth": report.truths,
        "ground_truth_ignored": report.truths_ignored,
    }
    for kind, number in kinds.items():
        if number:
            meter.count("records_total", number, kind=kind)
    for reason, number in report.refused.items():
        meter.count("rejected_total", number, reason=reason.value)
    for ref, number in report.duplicates.items():
        if number:
            meter.count("duplicates_total", number, model=ref.name)
    if report.late.total():
        meter.count("late_total", report.late.total())
    if report.save_seconds is not None:
        meter.observe("flush_seconds", report.save_seconds)


def _close(source: Source | None) -> None:
    if source is None:
        return
    try:
        source.close()
    except Exception as error:  # noqa: BLE001 - it is being thrown away, whatever it thinks of it
        log.warning("source_close_failed", reason=f"{type(error).__name__}: {error}")
