"""Take what is due from the outbox, send it, and have what came of it written down.

At least once, not exactly once: if the program dies after a channel took messages and before their receipts
are stored, they are sent again when the lease has run out. Channels with an idempotency key (the webhook's
`webhook-id`, the mail's `Message-ID`) let the receiver notice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.model import Delivery, DeliveryState
from alerts.pacing import Health, Hold, take_slot
from alerts.ports import Channel, Clock, Transaction
from alerts.recording import record
from alerts.retries import DeliveryPolicy
from alerts.sending import Limits, send_all
from alerts.storage import health, outbox

_LASTS = timedelta(seconds=5)
"""How long one dispatch goes on beginning to send: the next turn of planning must not wait for a slow channel."""
_FIRST_ROUND, _LARGEST_ROUND = 20, 500
"""Deliveries taken at once: each round twice as many as the one before, since all were sent in time."""


@dataclass(frozen=True, slots=True)
class DispatchSummary:
    """What one dispatch came to, in deliveries."""

    sent: int = 0
    retried: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Sends what is due over these channels; `owner` names this process on its leases."""

    transaction: Transaction
    channels: Mapping[str, Channel]
    policy: DeliveryPolicy
    clock: Clock
    owner: str

    def dispatch(self, now: datetime, limit: int) -> DispatchSummary:
        """Send at most `limit` deliveries that are due at `now`, in rounds, until nothing more is or time is up."""
        came_to: Counter[DeliveryState] = Counter()
        ends = time.monotonic() + _LASTS.total_seconds()
        taken, size = 0, _FIRST_ROUND
        while taken < limit and time.monotonic() < ends:
            claimed, ready = self._take(now, min(size, limit - taken))
            if not claimed:
                break
            taken, size = taken + claimed, min(size * 2, _LARGEST_ROUND)
            came_to += self._send(ready, now, ends)
        return DispatchSummary(
            *(came_to[state] for state in (DeliveryState.SENT, DeliveryState.RETRY, DeliveryState.DEAD))
        )

    def _lease(self) -> timedelta:
        """Thrice as long as a dispatch: it may begin a message at its very end, and then saves what came of it."""
        return (_LASTS + self.policy.deadline) * 3

    def _take(self, now: datetime, limit: int) -> tuple[int, _Ready]:
        """Lease deliveries; how many, and those that may be tried now. What has to wait is given back."""
        with self.transaction() as conn:
            claimed = outbox.claim(conn, self.owner, now, self._lease(), limit)
            return len(claimed), self._paced(conn, claimed, now)

    def _paced(self, conn: Connection, claimed: list[Delivery], now: datetime) -> _Ready:
        names = sorted({delivery.channel for delivery in claimed})  # in order: whoever locks rows does so alike
        before = {name: health.health_of(conn, name) for name in names}
        after = dict(before)
        deliveries: list[Delivery] = []
        waiting: list[Delivery] = []
        holds: dict[str, Hold] = {}
        for delivery in claimed:
            name = delivery.channel
            slot = holds.get(name) or take_slot(after[name], self.policy.per_minute.get(name), self.policy.breaker, now)
            if isinstance(slot, Hold):
                holds[name] = slot
                waiting.append(delivery)
            else:
                after[name] = slot
                deliveries.append(delivery)
        for name in names:
            if after[name] != before[name]:
                health.put_health(conn, after[name])
        outbox.release(conn, waiting, self.owner)
        for name, hold in holds.items():
            outbox.hold(conn, name, hold.until, hold.reason)
        return _Ready(deliveries, before)

    def _send(self, ready: _Ready, now: datetime, ends: float) -> Counter[DeliveryState]:
        """Send, and save what came of it as it comes: while receipts are saved more are sent, and saved together."""
        failures = {name: one.failures for name, one in ready.healths.items()}
        limits = Limits(self.policy.deadline, ends, self.policy.breaker, failures)
        came_to: Counter[DeliveryState] = Counter()
        for outcomes in send_all(ready.deliveries, self.channels, limits):
            at = max(now, self.clock.now())
            with self.transaction() as conn:
                came_to.update(record(conn, outcomes, self.policy, self.owner, at))
        return came_to


@dataclass(frozen=True, slots=True)
class _Ready:
    """What may be tried now, and how its channels did before."""

    deliveries: list[Delivery]
    healths: Mapping[str, Health]
