"""Take what is due from the outbox, send it, and write down what came of it: receipt, retry or dead letter.

At least once, not exactly once: if the program dies after a channel took a message and before the receipt
is stored, the message is sent again when the lease has run out. Channels with an idempotency key (the
webhook's `webhook-id`, the mail's `Message-ID`) let the receiver notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

import structlog
from sqlalchemy import Connection

from alerts.errors import DeliveryError, Retryable
from alerts.model import Delivery, DeliveryId, DeliveryState, Receipt
from alerts.pacing import BreakerPolicy, Health, Hold, after_failure, after_success, self_alert, take_slot
from alerts.ports import Channel, Clock, Transaction
from alerts.sending import Outcome, send_all
from alerts.storage import health, outbox, sql
from alerts.storage.outbox import Attempt

_log = structlog.get_logger(__name__)
_ROUND = 10  # deliveries taken at once: a lease must outlast as many deadlines in one channel
_JITTER = 0.2  # share of the waiting time by which deliveries are spread

BACK_OFF: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
)


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How long one try may take, how long to wait between tries (the last wait repeats), when to give up.

    `per_minute` limits channels by name. Where there is a `fallback`, a channel that fails raises an alert of its own.
    """

    deadline: timedelta = timedelta(seconds=20)
    give_up_after: timedelta = timedelta(hours=24)
    back_off: tuple[timedelta, ...] = BACK_OFF
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    per_minute: Mapping[str, int] = field(default_factory=dict)
    fallback: tuple[str, ...] = ()

    @property
    def lease(self) -> timedelta:
        """Long enough for a whole round in one channel, and its additions."""
        return self.deadline * (_ROUND + 2)


@dataclass(frozen=True, slots=True)
class DispatchSummary:
    """What one dispatch came to, in deliveries."""

    sent: int = 0
    retried: int = 0
    dead: int = 0


def next_try(
    policy: DeliveryPolicy, delivery_id: DeliveryId, attempt: int, failed_at: datetime, after: timedelta | None
) -> datetime:
    """When to try again after failed try number `attempt` (from 1): the channel's wish, if later than ours.

    The jitter is up to a fifth of the wait and derives from the delivery and the attempt, so that a
    replay repeats it and deliveries that failed together come back apart.
    """
    wait = policy.back_off[min(attempt, len(policy.back_off)) - 1]
    digest = blake2b(f"{delivery_id}/{attempt}".encode(), digest_size=4).digest()
    jitter = wait * (_JITTER * int.from_bytes(digest) / 2**32)
    return failed_at + max(wait + jitter, after or timedelta(0))


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Sends what is due over these channels; `owner` names this process on its leases."""

    transaction: Transaction
    channels: dict[str, Channel]
    policy: DeliveryPolicy
    clock: Clock
    owner: str

    def dispatch(self, now: datetime, limit: int) -> DispatchSummary:
        """Send at most `limit` deliveries that are due at `now`, in rounds, until nothing more is."""
        sent = retried = dead = taken = 0
        while taken < limit:
            with self.transaction() as conn:
                claimed = outbox.claim(conn, self.owner, now, self.policy.lease, min(_ROUND, limit - taken))
                batch = self._paced(conn, claimed, now)
            if not claimed:
                break
            taken += len(claimed)
            for outcome in send_all(batch, self.channels, self.policy.deadline):
                state = self._record(outcome, max(now, self.clock.now()))
                sent += state is DeliveryState.SENT
                retried += state is DeliveryState.RETRY
                dead += state is DeliveryState.DEAD
        return DispatchSummary(sent, retried, dead)

    def _paced(self, conn: Connection, claimed: list[Delivery], now: datetime) -> list[Delivery]:
        """Those that may be tried now; channels that must wait hold what they have, with the reason."""
        ready: list[Delivery] = []
        healths: dict[str, Health] = {}
        holds: dict[str, Hold] = {}
        for delivery in claimed:
            channel = delivery.channel
            before = healths.get(channel) or health.health_of(conn, channel)
            taken = holds.get(channel) or take_slot(
                before, self.policy.per_minute.get(channel), self.policy.breaker, now
            )
            if isinstance(taken, Hold):
                holds[channel] = taken
                outbox.release(conn, delivery, self.owner)
                continue
            healths[channel] = taken
            if taken != before:
                health.put_health(conn, taken)
            ready.append(delivery)
        for channel, hold in holds.items():
            outbox.hold(conn, channel, hold.until, hold.reason)
        return ready

    def _record(self, outcome: Outcome, at: datetime) -> DeliveryState | None:
        if outcome.failure is not None:
            return self._record_failure(outcome, outcome.failure, at)
        with self.transaction() as conn:
            if outcome.receipt is None:
                outbox.release(conn, outcome.delivery, self.owner)
                return None
            return self._record_sent(conn, outcome, outcome.receipt, at)

    def _record_sent(self, conn: Connection, outcome: Outcome, receipt: Receipt, at: datetime) -> DeliveryState:
        delivery = outcome.delivery
        detail = "; ".join(receipt.notes)
        attempt = Attempt(delivery.id, delivery.attempts, at, DeliveryState.SENT, None, detail)
        outbox.finish(conn, attempt, self.owner)
        sql.put_receipt(conn, delivery.group_key, delivery.generation, delivery.channel, receipt)
        self._note_success(conn, delivery.channel, at)
        _log.info("notification_sent", delivery=delivery.id, channel=delivery.channel, reason=delivery.reason.value)
        return DeliveryState.SENT

    def _record_failure(self, outcome: Outcome, failure: DeliveryError, at: datetime) -> DeliveryState:
        delivery = outcome.delivery
        again_at: datetime | None = None
        progress = None
        with self.transaction() as conn:
            if isinstance(failure, Retryable):
                again_at = next_try(self.policy, delivery.id, delivery.attempts, at, failure.after)
                if again_at > outbox.give_up_from(conn, delivery.id) + self.policy.give_up_after:
                    again_at = None
                progress = failure.progress
            state = DeliveryState.DEAD if again_at is None else DeliveryState.RETRY
            attempt = Attempt(delivery.id, delivery.attempts, at, state, failure.reason, failure.detail)
            outbox.finish(conn, attempt, self.owner, next_at=again_at, progress=progress)
            self._note_failure(conn, delivery.channel, failure, at, is_dead=again_at is None)
        _log.warning(
            "notification_failed",
            delivery=delivery.id,
            channel=delivery.channel,
            state=state.value,
            failure=failure.reason.value,
            detail=failure.detail,
        )
        return state

    def _note_success(self, conn: Connection, channel: str, at: datetime) -> None:
        before = health.health_of(conn, channel)
        after = after_success(before)
        if after == before:
            return
        health.put_health(conn, after)
        if before.is_told:
            _log.info("channel_works_again", channel=channel)
            self._raise_alert(conn, before, "", at, is_over=True)

    def _note_failure(
        self, conn: Connection, channel: str, failure: DeliveryError, at: datetime, *, is_dead: bool
    ) -> None:
        before = health.health_of(conn, channel)
        after = after_failure(before, failure, self.policy.breaker, at, is_dead=is_dead)
        health.put_health(conn, after)
        if after.open_until is not None:
            outbox.hold(conn, channel, after.open_until, f"the channel failed {after.failures} times in a row")
        if after.is_told and not before.is_told:
            _log.error("channel_failing", channel=channel, failures=after.failures, failure=failure.reason.value)
            self._raise_alert(conn, after, str(failure), at, is_over=False)

    def _raise_alert(self, conn: Connection, of: Health, failure: str, at: datetime, *, is_over: bool) -> None:
        """Tell the channels of `fallback`, by the ordinary way of an alert event."""
        if self.policy.fallback:
            sql.put_events(conn, [self_alert(of, failure, at, is_over=is_over)], at)
