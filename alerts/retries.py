"""How often and how long one delivery is tried: the policy, and the time of the next try. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from alerts.model import DeliveryId
from alerts.pacing import BreakerPolicy

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
