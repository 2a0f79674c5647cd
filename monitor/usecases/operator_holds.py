"""Operators' holds: a model, or all of them, is not retrained until an instant or a word; alerts go on as they were."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.domain.errors import BadRequest, MonitorError
from monitor.domain.ports import HoldStore
from monitor.domain.retraining import EVERY_MODEL, OperatorHold
from monitor.domain.time import Clock, format_instant


@dataclass(frozen=True, slots=True)
class OperatorHolds:
    """Places and ends holds. `models` are the names that can be held, besides `*`; nothing is ever deleted."""

    models: Collection[str]
    store: HoldStore
    clock: Clock

    def seen(self, *, ever: bool = False) -> Sequence[OperatorHold]:
        """Those that hold now, or all that ever did, oldest first."""
        return self.store.ever() if ever else self.store.holds(self.clock.now())

    def place(self, model: str, by: str, reason: str, until: datetime | None = None) -> OperatorHold:
        """Hold a model (`*`: every one) from now on; BadRequest when it is unknown, or the end has passed."""
        self._must_be_known(model)
        now = self.clock.now()
        if until is not None and until <= now:
            raise BadRequest(f"a hold until {format_instant(until)} is over already: it is {format_instant(now)}")
        placed = OperatorHold(model, by, reason, now, until)
        self.store.hold(placed)
        return placed

    def release(self, model: str, by: str) -> int:
        """End every hold that names it so; how many. BadRequest: it is unknown. MonitorError: nobody holds it."""
        self._must_be_known(model)
        number = self.store.release(model, by, self.clock.now())
        if not number:
            raise MonitorError(f"nobody holds {model}: see `driftline retraining holds`")
        return number

    def _must_be_known(self, model: str) -> None:
        if model != EVERY_MODEL and model not in self.models:
            known = ", ".join(sorted(self.models)) or "none"
            raise BadRequest(f"there is no model {model!r}; models: {known}; {EVERY_MODEL} stands for all of them")
