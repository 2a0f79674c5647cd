"""Hand alert events over to whoever tells people: at least once, in order."""

from dataclasses import dataclass

from monitor.domain.ports import AlertSink, OutboxStore


@dataclass(frozen=True, slots=True)
class Relay:
    """Moves the outbox to the sink. A crash between the two hands an event over again; the sink takes it as known."""

    outbox: OutboxStore
    sink: AlertSink
    batch: int = 500

    def run_once(self) -> int:
        """One batch; the number of events handed over. StoreUnavailable leaves everything where it was."""
        waiting = self.outbox.pending(self.batch)
        if not waiting:
            return 0
        self.sink.accept([event for _, event in waiting])
        self.outbox.relayed([sequence for sequence, _ in waiting])
        return len(waiting)
