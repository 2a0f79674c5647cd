"""The client: takes records without waiting, sends them in batches from a thread of its own."""

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from monitor.client import entropy
from monitor.client.buffer import Buffer
from monitor.client.http_sender import HttpSender
from monitor.client.items import GROUND_TRUTH, Item, Outcome, Sender, instant
from monitor.client.kafka_sender import KafkaSender

Category = str | int | float | bool | None
Ranked = Sequence[str | int | float | bool]
"""Items of a ranking, the best first."""
log = logging.getLogger("driftline.client")

_TOLD_EVERY_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _PAUSE_WHILE_CLOSING_S = 0.5, 30.0, 0.2
_LOOK_EVERY_S = 0.5
_CLOSE_S = 5.0


@dataclass(slots=True)
class Counts:
    """What became of the records of this process: logged = sent + refused + dropped + those still on their way."""

    logged: int = 0
    sent: int = 0
    refused: int = 0
    dropped: int = 0


class Logger:
    """Logs predictions and ground truth. No method raises or waits for the network, but for `flush` and `close`.

    Give `url` (POST /v1/records) or `bootstrap_servers` (Kafka). At most `most_pending` records wait in memory; with
    more, new ones are dropped, counted (`counts`), and told to the log `driftline.client` once a minute. A batch is
    sent when it has `batch` records or the first has waited `linger_s`. Safe to share between threads; after a fork,
    the child goes on with a queue, a thread and a producer id of its own.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        bootstrap_servers: str | Sequence[str] | None = None,
        token: str | None = None,
        topic: str = "inference-log",
        ground_truth_topic: str = "ground-truth",
        most_pending: int = 10_000,
        batch: int = 500,
        linger_s: float = 1.0,
        timeout_s: float = 10.0,
        kafka: Mapping[str, object] | None = None,
    ) -> None:
        if (url is None) == (bootstrap_servers is None):
            raise ValueError("give either url or bootstrap_servers")
        if url is not None:
            self._open: Callable[[], Sender] = lambda: HttpSender(url, token, timeout_s)
        else:
            servers = bootstrap_servers or ""
            self._open = lambda: KafkaSender(servers, topic, ground_truth_topic, timeout_s, **(kafka or {}))
        self._open().close()  # a wrong address is said here and now
        self._most_pending, self._batch, self._linger_s = most_pending, min(batch, most_pending), linger_s
        self._begin()
        _loggers.add(self)
        atexit.register(_close_at_exit, weakref.ref(self))

    def log(
        self,
        *,
        model: str,
        version: str | int,
        features: Mapping[str, object],
        prediction: Category | Ranked = None,
        score: float | None = None,
        scores: Mapping[str, float] | None = None,
        latency_ms: float | None = None,
        event_id: str | None = None,
        event_time: datetime | float | str | None = None,
    ) -> str:
        """Log a prediction made now (or at `event_time`); returns its event id, to which ground truth refers."""
        named = event_id or entropy.fresh_event_id()
        self._put(
            lambda: {
                "event_id": named,
                "model": model,
                "model_version": version,
                "event_time": instant(event_time, entropy.now()),
                "features": dict(features),
                "prediction": prediction,
                "score": score,
                "scores": scores,
                "latency_ms": latency_ms,
            }
        )
        return named

    def truth(
        self,
        *,
        model: str,
        event_id: str,
        label: Category | Ranked | Mapping[str, float],
        event_time: datetime | float | str | None = None,
        name: str | None = None,
        annotator: str | None = None,
    ) -> None:
        """Log what turned out to be true for a prediction, known now (or at `event_time`).

        `name` is which kind of truth it is (a reviewer's decision, a thumb; none for the ordinary one), `annotator` who
        says so.
        """
        said = {"name": name, "annotator": annotator}
        self._put(
            lambda: {
                "type": GROUND_TRUTH,
                "event_id": event_id,
                "model": model,
                "event_time": instant(event_time, entropy.now()),
                "label": label,
                **{field: text for field, text in said.items() if text is not None},
            }
        )

    @property
    def counts(self) -> Counts:
        """A copy of the counters, since the start of this process."""
        with self._lock:
            return Counts(self._counts.logged, self._counts.sent, self._counts.refused, self._counts.dropped)

    @property
    def pending(self) -> int:
        """Records on their way."""
        return self._buffer.pending

    @property
    def producer(self) -> str:
        """The id under which this process counts its records."""
        return self._producer

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Send everything now; whether that was done within the time."""
        self._buffer.hurry(is_urgent=True)
        try:
            return self._buffer.wait_until_empty(timeout_s)
        finally:
            self._buffer.hurry(is_urgent=self._closing.is_set())

    def close(self, timeout_s: float = _CLOSE_S) -> bool:
        """Send what there is and stop; what cannot be sent in time is dropped. May be called twice."""
        if self._closing.is_set():
            return True
        self._closing.set()
        is_empty = self.flush(timeout_s)
        self._abandoned.set()
        if self._thread is not None:
            self._thread.join(timeout_s if is_empty else _LOOK_EVERY_S)
        self._add(dropped=self._buffer.pending)
        self._tell_losses(self.counts)
        return is_empty

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # --- inside

    def _begin(self) -> None:
        """A fresh state, at the start and in the child of a fork: what was queued before is the parent's to send."""
        self._producer = entropy.fresh_producer_id()
        self._buffer = Buffer(self._producer, self._most_pending)
        self._counts, self._told = Counts(), Counts()
        self._lock = threading.Lock()
        self._closing, self._abandoned = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def _put(self, make: Callable[[], Mapping[str, object]]) -> None:
        try:
            is_queued = not self._closing.is_set() and self._buffer.put(make())
            self._add(logged=1, dropped=int(not is_queued))
            if self._thread is None:
                self._start()
        except Exception:  # the service must not suffer from a wrong argument of its log call
            self._add(logged=1, refused=1)
            log.exception("a record could not be logged")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="driftline-client", daemon=True)
                self._thread.start()

    def _add(self, *, logged: int = 0, sent: int = 0, refused: int = 0, dropped: int = 0) -> None:
        with self._lock:
            self._counts.logged += logged
            self._counts.sent += sent
            self._counts.refused += refused
            self._counts.dropped += dropped

    def _run(self) -> None:
        """The thread: until closed, batch after batch."""
        sender, told_at_s = self._open(), time.monotonic()
        while not self._abandoned.is_set():
            batch = self._buffer.take(self._batch, self._linger_s, _LOOK_EVERY_S)
            if batch:
                self._deliver(sender, batch)
            if time.monotonic() - told_at_s >= _TOLD_EVERY_S:
                self._tell_losses(self.counts)
                told_at_s = time.monotonic()
        sender.close()

    def _deliver(self, sender: Sender, batch: Sequence[Item]) -> None:
        """Send until nothing of the batch is left, or nobody waits for it any more."""
        tries = 0
        while batch and not self._abandoned.is_set():
            outcome = _sent(sender, batch)
            self._add(sent=outcome.sent, refused=outcome.refused)
            self._buffer.done(outcome.sent + outcome.refused)
            batch = outcome.again
            if outcome.refused:
                log.warning("%d records were refused: %s", outcome.refused, outcome.why)
            if outcome.is_too_large:
                middle = len(batch) // 2
                self._deliver(sender, batch[:middle])
                batch = batch[middle:]
            elif batch:
                tries += 1
                self._pause(tries, outcome.after_s, outcome.why)

    def _pause(self, tries: int, after_s: float | None, why: str) -> None:
        pause_s = entropy.jittered(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(tries - 1, 10)))
        pause_s = max(pause_s, after_s or 0.0)
        if tries == 1:
            log.warning("records cannot be sent now, trying again: %s", why)
        if not self._closing.wait(pause_s):
            return
        self._abandoned.wait(min(pause_s, _PAUSE_WHILE_CLOSING_S))

    def _tell_losses(self, counts: Counts) -> None:
        dropped = counts.dropped - self._told.dropped
        if dropped:
            log.warning(
                "%d records were dropped (%d since the start): the queue was full or closed", dropped, counts.dropped
            )
        self._told = counts


def _sent(sender: Sender, batch: Sequence[Item]) -> Outcome:
    """The outcome, also of an answer that is none (from a proxy, say): the thread must live as long as the service."""
    try:
        return sender.send(batch)
    except Exception as error:  # noqa: BLE001 - see above
        sender.close()
        return Outcome(again=batch, why=f"{type(error).__name__}: {error}")


_loggers: "weakref.WeakSet[Logger]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for logger in list(_loggers):
        logger._begin()  # noqa: SLF001 - this module's own


def _close_at_exit(reference: "weakref.ref[Logger]") -> None:
    logger = reference()
    if logger is not None:
        logger.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
