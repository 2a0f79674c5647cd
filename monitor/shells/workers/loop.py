"""A role that does one thing over and over until it is asked to stop."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from monitor.domain.errors import StoreUnavailable
from monitor.shells.workers.meter import Meter, Pulse

LONGEST_WAIT_S = 30.0

log = structlog.stdlib.get_logger("driftline")


@dataclass(frozen=True, slots=True)
class Gauges:
    """Where a role shows itself."""

    meter: Meter
    pulse: Pulse


def repeat(role: str, step: Callable[[], object], every: timedelta, stop: threading.Event, gauges: Gauges) -> None:
    """Call `step` every so often. A database that cannot serve is waited for, longer each time; the rest ends the role.

    A step that returns something true has more to do and is called again at once.
    """
    refusals = 0
    while not stop.is_set():
        gauges.pulse.beat(role)
        has_more = False
        try:
            has_more = bool(step())
            refusals = 0
        except StoreUnavailable as error:
            refusals += 1
            gauges.meter.count("store_refusals_total", role=role)
            log.warning("store_unavailable", role=role, reason=str(error))
        if not has_more:
            stop.wait(min(every.total_seconds() * 2**refusals, max(every.total_seconds(), LONGEST_WAIT_S)))
