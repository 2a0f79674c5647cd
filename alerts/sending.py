"""Send deliveries with a deadline: one thread a channel, so that a channel that hangs delays no other.

Threads only send; whoever iterates over the outcomes writes them down, in its own thread. A thread whose
channel does not come back in time is left behind: what it sends after that may be sent once more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Event, Thread

import structlog

from alerts.errors import DeliveryError, FailureReason, Permanent, Retryable
from alerts.model import Delivery, Receipt
from alerts.ports import Channel, FollowUp
from alerts.render.document import Message, load_message

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended: a receipt, or a failure; neither when its turn did not come."""

    delivery: Delivery
    receipt: Receipt | None = None
    failure: DeliveryError | None = None


@dataclass(frozen=True, slots=True)
class _Finished:
    channel: str


class _Lane:
    """One channel's deliveries, in order; the first of `waiting` is the one being sent."""

    def __init__(self, jobs: Sequence[Delivery], deadline_s: float) -> None:
        self.waiting = deque(jobs)
        self.is_abandoned = Event()
        self._deadline_s = deadline_s
        self.expires = 0.0
        self.extend()

    def extend(self) -> None:
        self.expires = time.monotonic() + self._deadline_s


def send_all(deliveries: Sequence[Delivery], channels: Mapping[str, Channel], deadline: timedelta) -> Iterator[Outcome]:
    """Send, and yield every outcome as soon as it is known; exactly one for each delivery."""
    finished: SimpleQueue[Outcome | _Finished] = SimpleQueue()
    lanes: dict[str, _Lane] = {}
    for name in dict.fromkeys(delivery.channel for delivery in deliveries):
        jobs = [delivery for delivery in deliveries if delivery.channel == name]
        if name not in channels:
            yield from (Outcome(job, failure=_unknown(name)) for job in jobs)
            continue
        lanes[name] = _Lane(jobs, deadline.total_seconds())
        run = (channels[name], tuple(jobs), finished, lanes[name].is_abandoned)
        Thread(target=_send_in_order, args=run, name=f"send-{name}", daemon=True).start()
    while lanes:
        yield from _collect(lanes, finished)


def _collect(lanes: dict[str, _Lane], finished: SimpleQueue[Outcome | _Finished]) -> Iterator[Outcome]:
    wait_s = min(lane.expires for lane in lanes.values()) - time.monotonic()
    try:
        news = finished.get(timeout=max(wait_s, 0.0))
    except Empty:
        yield from _abandon_late(lanes)
        return
    name = news.channel if isinstance(news, _Finished) else news.delivery.channel
    lane = lanes.get(name)
    if lane is None:
        return  # it came back after it had been given up
    if isinstance(news, _Finished):
        del lanes[name]
        return
    lane.waiting.popleft()
    lane.extend()
    yield news


def _abandon_late(lanes: dict[str, _Lane]) -> Iterator[Outcome]:
    now = time.monotonic()
    for name in [name for name, lane in lanes.items() if lane.expires <= now]:
        lane = lanes.pop(name)
        lane.is_abandoned.set()
        if lane.waiting:
            late = Retryable(FailureReason.TIMEOUT, detail="no answer within the deadline; it may have arrived")
            yield Outcome(lane.waiting.popleft(), failure=late)
        yield from (Outcome(delivery) for delivery in lane.waiting)


def _send_in_order(
    channel: Channel,
    jobs: Sequence[Delivery],
    finished: SimpleQueue[Outcome | _Finished],
    is_abandoned: Event,
) -> None:
    done: list[tuple[Message, Receipt]] = []
    for job in jobs:
        if is_abandoned.is_set():
            return
        outcome = _send(channel, job)
        finished.put(outcome)
        if outcome.receipt is not None:
            done.append((load_message(job.body), outcome.receipt))
    if isinstance(channel, FollowUp):
        for message, receipt in done:
            _follow_up(channel, message, receipt)
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
