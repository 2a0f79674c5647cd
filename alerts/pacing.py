"""How fast one channel is used, and when it is left alone: a limit of messages a minute, and a breaker. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.errors import DeliveryError, Permanent, Retryable
from alerts.model import AlertEvent, Labels, Severity

SELF_ALERT = "self_alert"
"""The label that only our own alerts have."""
CHANNEL_FAILING = "channel-failing"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """After so many failures in a row a channel is left alone for `pause`, doubled up to `longest_pause`."""

    after: int = 5
    pause: timedelta = timedelta(minutes=1)
    longest_pause: timedelta = timedelta(minutes=15)

    def pause_after(self, failures: int) -> timedelta | None:
        """How long to leave it alone after so many failures in a row; None while it is tried."""
        if failures < self.after:
            return None
        doubled: timedelta = self.pause * 2 ** min(failures - self.after, 20)
        return min(doubled, self.longest_pause)


@dataclass(frozen=True, slots=True)
class Health:
    """How one channel does. `failures` are in a row; `open_until`: left alone before; `is_told`: its alert fires.

    `slot_at` is when the next message would come if all were evenly spread: ahead of the present after a burst.
    """

    channel: str
    failures: int = 0
    failing_since: datetime | None = None
    open_until: datetime | None = None
    slot_at: datetime | None = None
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A message has to wait until an instant; `reason` is for people."""

    until: datetime
    reason: str


def left_alone(health: Health, until: datetime) -> Hold:
    """Everything on this channel waits, for it has failed too often."""
    return Hold(until, f"the channel failed {health.failures} times in a row and is left alone")


def take_slot(health: Health, per_minute: int | None, policy: BreakerPolicy, now: datetime) -> Health | Hold:
    """May one more message be tried now? The health afterwards, or how long to wait and why.

    A tenth of `per_minute` may come at once. A channel that has been left alone long enough is tried with one message.
    """
    if health.open_until is not None and now < health.open_until:
        return left_alone(health, health.open_until)
    if health.failures >= policy.after:
        # one message shows whether it works again; the others wait for its outcome
        health = replace(health, open_until=now + policy.pause)
    if per_minute is None:
        return health
    space = timedelta(minutes=1) / per_minute
    at_once = max(per_minute // 10, 1)
    slot = max(health.slot_at or now, now)
    free_at = slot - (at_once - 1) * space
    if free_at > now:
        return Hold(free_at, f"at most {per_minute} messages a minute on this channel")
    return replace(health, slot_at=slot + space)


def after_success(health: Health) -> Health:
    """The channel took a message."""
    return Health(health.channel, slot_at=health.slot_at)


def after_failure(
    health: Health, failure: DeliveryError, policy: BreakerPolicy, at: datetime, *, is_dead: bool
) -> Health:
    """The channel did not take a message; `is_dead` says that this message is given up.

    What is refused for good says nothing about the next message, so it does not count for the breaker.
    """
    failures = health.failures + (not isinstance(failure, Permanent))
    pause = policy.pause_after(failures) if isinstance(failure, Retryable) else None
    asked = failure.after if isinstance(failure, Retryable) else None
    return replace(
        health,
        failures=failures,
        failing_since=health.failing_since or at,
        open_until=None if pause is None else at + max(pause, asked or timedelta(0)),
        is_told=health.is_told or is_dead or pause is not None,
    )


def self_alert(health: Health, failure: str, at: datetime, *, is_over: bool) -> AlertEvent:
    """The news that a channel fails, or works again; for the channels of `fallback`."""
    summary = "It takes messages again." if is_over else f"Messages wait or are lost. The last failure: {failure}"
    return AlertEvent(
        labels=Labels.of({SELF_ALERT: CHANNEL_FAILING, "channel": health.channel}),
        annotations={"title": f"Channel {health.channel} is failing", "summary": summary},
        severity=Severity.CRITICAL,
        starts_at=health.failing_since or at,
        ends_at=at if is_over else None,
        updated_at=at,
    )
