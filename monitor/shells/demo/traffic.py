"""The demo's inference log and ground truth, sent into a real Kafka at a chosen pace."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
)

from monitor.domain.errors import MonitorError
from monitor.domain.time import parse_instant
from monitor.shells.demo.replay import Kind, ReplayedRecord

BOOTSTRAP_TIMEOUT_MS = 30_000
FLUSH_TIMEOUT_S = 20.0
TAIL_TIMEOUT_S = 15.0
LONGEST_DEBT_S = 1.0
"""A replay that fell behind its pace by more than this (it stood still) goes on from where it is, without a burst."""
STAND_S = 0.1
DAY_S = timedelta(days=1).total_seconds()


class TrafficFailed(MonitorError):
    """Kafka cannot be reached or refuses the records; says which broker, why, and what to look at."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast: days of event time a second or, if given, records a second."""

    days_per_s: float = 2.0
    records_per_s: float | None = None

    def pause_s(self, before: ReplayedRecord, after: ReplayedRecord) -> float:
        """The time between two records that follow each other."""
        if self.records_per_s is not None:
            return 1 / self.records_per_s
        return (after.event_time - before.event_time).total_seconds() / DAY_S / self.days_per_s


@dataclass(frozen=True, slots=True)
class Topics:
    """Where records go: brokers as `host:port[,host:port]`, one topic a kind; missing topics get `partitions`."""

    bootstrap_servers: str
    names: Mapping[Kind, str]
    partitions: int = 4

    def create_missing(self) -> list[str]:
        """Create the topics that are not there; their names. Raises `TrafficFailed`."""
        with _telling(self):
            admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap_servers.split(","), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS
            )
            try:
                return [name for name in self.names.values() if self._create(admin, name)]
            finally:
                admin.close()

    def _create(self, admin: KafkaAdminClient, name: str) -> bool:
        try:
            admin.create_topics([NewTopic(name, num_partitions=self.partitions, replication_factor=-1)])
        except TopicAlreadyExistsError:
            return False
        return True

    def last_event_time(self, kind: Kind) -> datetime | None:
        """The latest event time among the last records of the topic's partitions; None when it is empty."""
        with _telling(self):
            consumer = KafkaConsumer(
                bootstrap_servers=self.bootstrap_servers.split(","),
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                enable_auto_commit=False,
            )
            try:
                return max(_event_times(consumer, self.names[kind]), default=None)
            finally:
                consumer.close(autocommit=False)


@dataclass(slots=True)
class Sent:
    """What a replay has sent so far."""

    records: dict[Kind, int] = field(default_factory=lambda: {"inference": 0, "ground_truth": 0})
    up_to: datetime | None = None


def send_all(
    topics: Topics,
    records: Iterable[ReplayedRecord],
    pace: Pace,
    stop: threading.Event,
    *,
    on_sent: Callable[[Sent], None],
    is_too_far_ahead: Callable[[datetime], bool] = lambda _: False,
) -> Sent:
    """Send the records in order, keyed by event id, until they end or `stop` is set; what was sent is then flushed.

    The replay stands still while `is_too_far_ahead` says so of the event time of the next record.

    The record's timestamp in Kafka is the time of sending: with event times of 1997, retention would delete the log.
    Raises `TrafficFailed` when Kafka refuses a record or does not take it within two minutes.
    """
    sent, failures = Sent(), list[BaseException]()
    with _telling(topics):
        producer = KafkaProducer(
            bootstrap_servers=topics.bootstrap_servers.split(","),
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            acks="all",
            linger_ms=20,
        )
        try:
            for record in _paced(records, pace, stop, is_too_far_ahead):
                future = producer.send(topics.names[record.kind], key=_event_id(record), value=record.payload)
                future.add_errback(failures.append)
                if failures:
                    break
                sent.records[record.kind] += 1
                sent.up_to = record.event_time
                on_sent(sent)
            producer.flush(timeout=FLUSH_TIMEOUT_S)
        finally:
            producer.close(timeout=FLUSH_TIMEOUT_S)
    if failures:
        raise TrafficFailed(_unreachable(topics, failures[0]))
    return sent


def _paced(
    records: Iterable[ReplayedRecord], pace: Pace, stop: threading.Event, is_too_far_ahead: Callable[[datetime], bool]
) -> Iterator[ReplayedRecord]:
    due, before = time.monotonic(), None
    for record in records:
        while is_too_far_ahead(record.event_time):
            if stop.wait(STAND_S):
                return
        if before is not None:
            due += pace.pause_s(before, record)
        now = time.monotonic()
        due = now if now - due > LONGEST_DEBT_S else due
        if stop.wait(max(0.0, due - now)):
            return
        yield record
        before = record


def _event_times(consumer: KafkaConsumer, topic: str) -> Iterator[datetime]:
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    ends = consumer.end_offsets(partitions)
    begins = consumer.beginning_offsets(partitions)
    missing = {each for each in partitions if ends[each] > begins[each]}
    consumer.assign(sorted(missing))
    for each in missing:
        consumer.seek(each, ends[each] - 1)
    deadline = time.monotonic() + TAIL_TIMEOUT_S
    while missing:
        if time.monotonic() > deadline:
            raise TrafficFailed(f"the last records of topic {topic} could not be read within {TAIL_TIMEOUT_S:.0f} s")
        for partition, batch in consumer.poll(timeout_ms=500).items():
            missing.discard(partition)
            yield _event_time(topic, batch[-1].value)


class _Head(msgspec.Struct):
    event_id: str
    event_time: str


def _event_id(record: ReplayedRecord) -> bytes:
    return msgspec.json.decode(record.payload, type=_Head).event_id.encode()


def _event_time(topic: str, value: bytes | None) -> datetime:
    try:
        return parse_instant(msgspec.json.decode(value or b"", type=_Head).event_time)
    except (msgspec.MsgspecError, ValueError) as error:
        raise TrafficFailed(
            f"topic {topic} ends with a record that is not ours ({error}); choose other topics, or go on anyway "
            "by --from-start"
        ) from error


@contextmanager
def _telling(topics: Topics) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, ValueError) as error:
        raise TrafficFailed(_unreachable(topics, error)) from error


def _unreachable(topics: Topics, error: BaseException) -> str:
    return (
        f"Kafka at {topics.bootstrap_servers}: {type(error).__name__}: {error}; "
        "is the broker up, and is the address the one that it advertises?"
    )
