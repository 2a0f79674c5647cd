"""Write down what came of tries: receipts, times of the next try, dead letters, and how the channels do.

A batch is one transaction, whoever opens it, and of each table there is one statement for the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from alerts.errors import DeliveryError, Retryable
from alerts.model import AlertEvent, DeliveryState
from alerts.pacing import Health, after_failure, after_success, left_alone, self_alert
from alerts.retries import DeliveryPolicy, next_try
from alerts.sending import Outcome
from alerts.storage import health, outbox, sql
from alerts.storage.outbox import Attempt, Ended

_log = structlog.get_logger(__name__)

Tried = tuple[Outcome, Ended]


def record(
    conn: Connection, outcomes: Sequence[Outcome], policy: DeliveryPolicy, owner: str, at: datetime
) -> list[DeliveryState]:
    """Save outcomes in the order in which they came; the states of the deliveries that were tried.

    What was not tried is given back. `owner` has leased them all.
    """
    tried = [(outcome, _ended(outcome, policy, at)) for outcome in outcomes if outcome.is_tried]
    outbox.release(conn, [outcome.delivery for outcome in outcomes if not outcome.is_tried], owner)
    outbox.finish(conn, [ended for _, ended in tried], owner)
    receipts = [(outcome.delivery, outcome.receipt) for outcome, _ in tried if outcome.receipt is not None]
    sql.put_receipts(conn, receipts, at)
    # in order: two that save at once must not wait for each other
    for channel in sorted({outcome.delivery.channel for outcome, _ in tried}):
        _note(conn, channel, [one for one in tried if one[0].delivery.channel == channel], policy, at)
    for outcome, ended in tried:
        _say(outcome, ended)
    return [ended.attempt.state for _, ended in tried]


def _ended(outcome: Outcome, policy: DeliveryPolicy, at: datetime) -> Ended:
    delivery, failure = outcome.delivery, outcome.failure
    if failure is None:
        notes = "; ".join(outcome.receipt.notes) if outcome.receipt else ""
        return Ended(Attempt(delivery.id, delivery.attempts, at, DeliveryState.SENT, None, notes))
    again_at = _again_at(outcome, failure, policy, at)
    state = DeliveryState.DEAD if again_at is None else DeliveryState.RETRY
    attempt = Attempt(delivery.id, delivery.attempts, at, state, failure.reason, failure.detail)
    return Ended(attempt, again_at, failure.progress if isinstance(failure, Retryable) else None)


def _again_at(outcome: Outcome, failure: DeliveryError, policy: DeliveryPolicy, at: datetime) -> datetime | None:
    """When to try again; None when it is given up."""
    if not isinstance(failure, Retryable):
        return None
    delivery = outcome.delivery
    again_at = next_try(policy, delivery.id, delivery.attempts, at, failure.after)
    return again_at if again_at <= delivery.give_up_from + policy.give_up_after else None


def _note(conn: Connection, channel: str, tried: Sequence[Tried], policy: DeliveryPolicy, at: datetime) -> None:
    """How a channel does after its tries; where that changes, its own alert begins or ends."""
    before = after = health.health_of(conn, channel)
    news: list[AlertEvent] = []
    for outcome, ended in tried:
        last, failure = after, outcome.failure
        if failure is None:
            after = after_success(last)
        else:
            after = after_failure(last, failure, policy.breaker, at, is_dead=ended.attempt.state is DeliveryState.DEAD)
        if after.is_told != last.is_told:
            news.append(_news(last, after, failure, at))
    if after != before:
        health.put_health(conn, after)
    if after.open_until is not None:
        hold = left_alone(after, after.open_until)
        outbox.hold(conn, channel, hold.until, hold.reason)
    if policy.fallback:
        sql.put_events(conn, news, at)


def _news(before: Health, after: Health, failure: DeliveryError | None, at: datetime) -> AlertEvent:
    """That a channel fails, or works again: the channels of `fallback` hear of it as of any alert."""
    if failure is None:
        _log.info("channel_works_again", channel=before.channel)
        return self_alert(before, "", at, is_over=True)
    _log.error("channel_failing", channel=after.channel, failures=after.failures, failure=failure.reason.value)
    return self_alert(after, str(failure), at, is_over=False)


def _say(outcome: Outcome, ended: Ended) -> None:
    delivery, failure = outcome.delivery, outcome.failure
    if failure is None:
        _log.info("notification_sent", delivery=delivery.id, channel=delivery.channel, reason=delivery.reason.value)
        return
    _log.warning(
        "notification_failed",
        delivery=delivery.id,
        channel=delivery.channel,
        state=ended.attempt.state.value,
        failure=failure.reason.value,
        detail=failure.detail,
    )
