"""Roles of one process: each in its thread, stopped together by a signal, by a crash, or because one has finished."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from monitor.domain.errors import MonitorError
from monitor.shells.signals import stopping_on_signals
from monitor.shells.workers.loop import Gauges

STOPPED, CRASHED, OVERDUE = 0, 1, 3
"""Exit codes: asked to stop and stopped; a role ended by an error; a role did not stop within the deadline."""

DEADLINE_S = 25.0

log = structlog.stdlib.get_logger("driftline")


@dataclass(frozen=True, slots=True)
class Role:
    """A name and a loop that ends soon after the event is set."""

    name: str
    loop: Callable[[threading.Event], None]


def run_roles(roles: Sequence[Role], gauges: Gauges, deadline_s: float = DEADLINE_S) -> int:
    """Run all roles until SIGTERM or SIGINT; returns the exit code. To be called from the main thread.

    A role that ends by an error takes the others with it, and the reason is logged. A second signal ends the process
    at once: nothing is lost by that, it is only less polite.
    """
    stop, crashes = threading.Event(), list[str]()
    threads = [
        threading.Thread(target=_play, args=(role, stop, crashes, gauges), name=role.name, daemon=True)
        for role in roles
    ]
    with stopping_on_signals(stop, lambda name: log.info("stopping", signal=name)):
        for thread in threads:
            thread.start()
        log.info("started", roles=[role.name for role in roles])
        while not stop.wait(0.5) and any(thread.is_alive() for thread in threads):
            _show_ages(gauges)
        stop.set()
        late = _join(threads, deadline_s)
    if late:
        log.error("not_stopped_in_time", roles=late, deadline_s=deadline_s)
        return OVERDUE
    log.info("stopped", crashed=crashes)
    return CRASHED if crashes else STOPPED


def _play(role: Role, stop: threading.Event, crashes: list[str], gauges: Gauges) -> None:
    gauges.pulse.beat(role.name)
    try:
        role.loop(stop)
    except Exception as error:
        crashes.append(role.name)
        is_told = isinstance(error, MonitorError)  # its message says all; of anything else the place matters, too
        log.exception("role_crashed", role=role.name, reason=str(error), exc_info=not is_told)
        stop.set()
    finally:
        gauges.pulse.leave(role.name)


def _join(threads: Sequence[threading.Thread], deadline_s: float) -> list[str]:
    """Wait for all of them; the names of those that are still running at the deadline."""
    end = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [thread.name for thread in threads if thread.is_alive()]


def _show_ages(gauges: Gauges) -> None:
    for role, age in gauges.pulse.ages_s().items():
        gauges.meter.show("role_moved_seconds_ago", age, role=role)
