"""The relay's knock: hand over everything that waits, a batch at a time."""

from collections.abc import Callable

from monitor.shells.workers.meter import Meter


def relay_all(relay: Callable[[], int], meter: Meter) -> int:
    """Relay batches until nothing is left; the number of alert events handed over."""
    total = 0
    while moved := relay():
        total += moved
        meter.count("alert_events_total", moved)
    return total
