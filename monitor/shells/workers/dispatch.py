"""The dispatcher: fold alert events into alerts, decide whom to tell, and send what is due."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from monitor.shells.workers.loop import Gauges, repeat

ROLE = "dispatch"


class Telling(Protocol):
    """The alerts package, as far as the dispatcher needs it."""

    def advance(self) -> int:
        """Fold, group, plan, send one batch; how many messages were tried."""
        ...

    def deliveries_by_state(self) -> Mapping[str, int]:
        """How many messages wait, were sent or were given up."""
        ...


def dispatch(telling: Telling, every: timedelta, stop: threading.Event, gauges: Gauges) -> None:
    """Run until asked to stop; messages on their way are finished or stay in the outbox."""

    def step() -> int:
        tried = telling.advance()
        for state, number in telling.deliveries_by_state().items():
            gauges.meter.show("deliveries", number, state=state)
        return tried

    repeat(ROLE, step, every, stop, gauges)


def dispatch_rest(advance: Callable[[], int], most: int = 100) -> int:
    """Send what is due now and return: for commands that end. At most so many batches."""
    return sum(1 for _ in range(most) if advance())
