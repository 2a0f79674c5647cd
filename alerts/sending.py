"""Send deliveries with a deadline: one thread a channel, so that a channel that hangs delays no other.

Threads only send; whoever iterates over the outcomes writes them down, in its own thread, together those that
have come meanwhile. A thread whose channel does not come back in time is left behind: what it sends after that
may be sent once more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Event, Thread

import structlog

from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable
from alerts.model import Delivery, Receipt
from alerts.pacing import BreakerPolicy
from alerts.ports import Channel, FollowUp
from alerts.render.document import Message, load_message

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: a message after `deadline`; a channel after `ends`, a reading of `time.monotonic`, and when it has
    failed as often in a row as the breaker bears, with the `failures` that it brings along.
    """

    deadline: timedelta
    ends: float
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended: a receipt, or a failure; neither when its turn did not come."""

    delivery: Delivery
    receipt: Receipt | None = None
    failure: DeliveryError | None = None

    @property
    def is_tried(self) -> bool:
        """Whether its turn came."""
        return self.receipt is not None or self.failure is not None


@dataclass(frozen=True, slots=True)
class _Finished:
    channel: str


_News = SimpleQueue[Outcome | _Finished]


class Lane:
    """One channel's deliveries, in order; the first of `waiting` is the one being sent."""

    def __init__(self, channel: Channel, jobs: Sequence[Delivery], limits: Limits) -> None:
        self.channel = channel
        self.waiting = deque(jobs)
        self.is_abandoned = Event()
        self._limits = limits
        self._failures = limits.failures.get(channel.name, 0)
        self.expires = 0.0
        self.extend()

    def extend(self) -> None:
        """Give the message that is sent next its time."""
        self.expires = time.monotonic() + self._limits.deadline.total_seconds()

    def goes_on(self, outcome: Outcome) -> bool:
        """Whether the channel's next message may be sent after this outcome."""
        if isinstance(outcome.failure, Retryable):
            self._failures += 1
            if self._limits.breaker.pause_after(self._failures) is not None:
                return False
        elif outcome.failure is None:
            self._failures = 0
        return self.is_in_time() and not self.is_abandoned.is_set()

    def is_in_time(self) -> bool:
        """Whether one more message may be begun."""
        return time.monotonic() < self._limits.ends


def send_all(
    deliveries: Sequence[Delivery], channels: Mapping[str, Channel], limits: Limits
) -> Iterator[list[Outcome]]:
    """Send, and yield outcomes as soon as they are known, together those that came since; one for each delivery."""
    finished: _News = SimpleQueue()
    lanes: dict[str, Lane] = {}
    jobs: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        jobs.setdefault(delivery.channel, []).append(delivery)
    for name, own in jobs.items():
        if name not in channels:
            yield [Outcome(job, failure=_unknown(name)) for job in own]
            continue
        lanes[name] = lane = Lane(channels[name], own, limits)
        Thread(target=_send_in_order, args=(lane, tuple(own), finished), name=f"send-{name}", daemon=True).start()
    while lanes:
        if outcomes := list(_collect(lanes, finished)):
            yield outcomes


def _collect(lanes: dict[str, Lane], finished: _News) -> Iterator[Outcome]:
    """Wait for one piece of news, and take all that is there."""
    wait_s = min(lane.expires for lane in lanes.values()) - time.monotonic()
    try:
        first = finished.get(timeout=max(wait_s, 0.0))
    except Empty:
        yield from _abandon_late(lanes)
        return
    yield from _take(lanes, first)
    for _ in range(finished.qsize()):
        yield from _take(lanes, finished.get_nowait())


def _take(lanes: dict[str, Lane], news: Outcome | _Finished) -> Iterator[Outcome]:
    name = news.channel if isinstance(news, _Finished) else news.delivery.channel
    lane = lanes.get(name)
    if lane is None:
        return  # it came back after it had been given up
    if isinstance(news, _Finished):
        yield from (Outcome(delivery) for delivery in lanes.pop(name).waiting)
        return
    lane.waiting.popleft()
    lane.extend()
    yield news


def _abandon_late(lanes: dict[str, Lane]) -> Iterator[Outcome]:
    now = time.monotonic()
    for name in [name for name, lane in lanes.items() if lane.expires <= now]:
        lane = lanes.pop(name)
        lane.is_abandoned.set()
        if lane.waiting:
            late = Retryable(FailureReason.TIMEOUT, detail="no answer within the deadline; it may have arrived")
            yield Outcome(lane.waiting.popleft(), failure=late)
        yield from (Outcome(delivery) for delivery in lane.waiting)


def _send_in_order(lane: Lane, jobs: Sequence[Delivery], finished: _News) -> None:
    channel = lane.channel
    done: list[tuple[Delivery, Receipt]] = []
    for job in jobs:
        outcome = _send(channel, job)
        finished.put(outcome)
        if outcome.receipt is not None:
            done.append((job, outcome.receipt))
        if not lane.goes_on(outcome):
            break
    if isinstance(channel, FollowUp):
        for job, receipt in done:
            _follow_up(channel, load_message(job.body), receipt)
    finished.put(_Finished(channel.name))


def _send(channel: Channel, delivery: Delivery) -> Outcome:
    try:
        receipt = channel.send(load_message(delivery.body), delivery.previous)
    except DeliveryError as failure:
        return Outcome(delivery, failure=failure)
    except Exception as error:  # noqa: BLE001 - a faulty channel must not stop its siblings; the text may hold a secret
        detail = f"the channel raised {type(error).__name__}, which is neither Retryable nor Permanent"
        return Outcome(delivery, failure=Retryable(FailureReason.UNEXPECTED, detail=detail))
    return Outcome(delivery, receipt=receipt)


def _follow_up(channel: FollowUp, message: Message, receipt: Receipt) -> None:
    try:
        channel.follow_up(message, receipt)
    except Exception as error:  # noqa: BLE001 - the message is out; an addition to it may fail in any way
        _log.warning(
            "follow_up_failed", delivery=message.delivery_id, channel=message.channel, error=type(error).__name__
        )


def _unknown(name: str) -> Permanent:
    return Permanent(FailureReason.REFUSED, f"channel {name} is not configured; add it and replay, or leave it")
