"""The scheduler: APScheduler knocks at fixed intervals; what is due follows from the data, so a missed one is harmless.

Its jobs live in memory and carry no business argument: nothing of a schedule is stored, nothing can be doubled by two
processes that share a store. Two processes that both evaluate are kept apart by a lease in the database, which only
saves work: a second evaluation of a window writes nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from monitor.domain.errors import StoreUnavailable
from monitor.domain.rules import Transition
from monitor.domain.time import Clock, format_instant
from monitor.shells.workers.loop import Gauges
from monitor.shells.workers.meter import Meter
from monitor.usecases.evaluate import EvaluateReport

ROLE = "tick"
_WATCH_S = 1.0

log = structlog.stdlib.get_logger("driftline")


@dataclass(frozen=True, slots=True)
class Knock:
    """A job of the scheduler: a name, how often, and what is called."""

    name: str
    every: timedelta
    call: Callable[[], object]


def tick(knocks: Sequence[Knock], clock: Clock, stop: threading.Event, gauges: Gauges) -> None:
    """Knock until asked to stop, then wait for the knocks under way."""
    scheduler = BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": ThreadPoolExecutor(max_workers=max(1, len(knocks)))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )
    scheduler.add_listener(
        lambda event: _note(event, gauges), EVENT_JOB_MISSED | EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES
    )
    for knock in knocks:
        trigger = IntervalTrigger(seconds=knock.every.total_seconds(), timezone=UTC)
        call = _patient(knock, gauges)
        scheduler.add_job(call, trigger, id=knock.name, name=knock.name, next_run_time=clock.now())
    scheduler.start()
    try:
        while not stop.wait(_WATCH_S):
            if scheduler.running:
                gauges.pulse.beat(ROLE)
    finally:
        scheduler.shutdown(wait=True)


def evaluate_once(run: Callable[[], EvaluateReport], meter: Meter) -> None:
    """One evaluation knock, with its numbers and its transitions shown."""
    began = time.perf_counter()
    report = run()
    if not report.windows:
        return
    meter.observe("evaluation_seconds", time.perf_counter() - began)
    for model, number in report.judged.items():
        meter.count("windows_judged_total", number, model=model)
    for verdict, number in report.verdicts.items():
        meter.count("findings_total", number, verdict=str(verdict))
    log.info("judged", windows=report.windows, verdicts={str(k): v for k, v in report.verdicts.items()})
    show_transitions(report.transitions)


def show_registry(said: Iterable[str]) -> None:
    """What a model registry said anew."""
    for sentence in said:
        log.info("registry_says", what=sentence)


def show_transitions(transitions: Iterable[Transition]) -> None:
    """A line in the log for each change of a rule's phase."""
    for change in transitions:
        log.info(
            "transition",
            rule=change.subject.rule,
            model=change.subject.model,
            before=change.before.value,
            after=change.after.value,
            at=format_instant(change.at),
            why=change.why,
        )


def _patient(knock: Knock, gauges: Gauges) -> Callable[[], None]:
    """The knock, for which a database that cannot serve is no error: the next knock finds the same work."""

    def call() -> None:
        try:
            knock.call()
        except StoreUnavailable as error:
            gauges.meter.count("store_refusals_total", role=knock.name)
            log.warning("store_unavailable", role=knock.name, reason=str(error))

    return call


def _note(event: Any, gauges: Gauges) -> None:  # noqa: ANN401 - the library has no types
    if event.code == EVENT_JOB_ERROR:
        gauges.meter.count("scheduler_errors_total", job=event.job_id)
        log.error("knock_failed", job=event.job_id, reason=str(event.exception), exc_info=event.exception)
    else:
        gauges.meter.count("scheduler_missed_total", job=event.job_id)
        log.debug("knock_missed", job=event.job_id)  # the one before is still at work, and finds the same things due
