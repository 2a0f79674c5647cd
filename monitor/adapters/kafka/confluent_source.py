"""Kafka by confluent-kafka (the `fast` extra): the same promises, several times cheaper per message."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from monitor.adapters.kafka.settings import KafkaSettings
from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import Headers, PartitionId, RawRecord
from monitor.domain.stream import TopicKind

_FATAL_EVENTS = frozenset({KafkaError._FATAL, KafkaError._AUTHENTICATION, KafkaError.TOPIC_AUTHORIZATION_FAILED})  # noqa: SLF001 - the client's public error codes start with an underscore


class ConfluentSource:
    """Reads the topics as a member of a consumer group.

    Assigned partitions are not consumed before `seek`: the assignment callback only notes them, and the next poll
    assigns all sought partitions with their positions in one call.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._given: set[PartitionId] = set()
        self._positions: dict[PartitionId, int] = {}
        self._highwater: dict[PartitionId, int] = {}
        self._moved = False
        try:
            self._consumer = Consumer(_options(settings))
            self._consumer.subscribe(list(settings.topics), on_assign=self._on_assign, on_revoke=self._on_revoke)
            self._consumer.list_topics(timeout=settings.bootstrap_timeout_ms / 1000)
        except KafkaException as error:
            raise SourceUnavailable(self._trouble(error)) from error

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """What the group's coordinator gave to this member; empty until the first polls have joined it."""
        return {partition: self._settings.topics[partition.topic] for partition in sorted(self._given)}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """Records of sought partitions, by offset."""
        try:
            if self._moved:
                self._consumer.assign([TopicPartition(p.topic, p.partition, o) for p, o in self._positions.items()])
                self._moved = False
            messages = self._consumer.consume(self._settings.max_poll_records, timeout_s)
        except (KafkaException, RuntimeError) as error:
            raise SourceUnavailable(self._trouble(error)) from error
        return self._sorted(messages)

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        """Position by the database's offset, or by `start` where it has none."""
        start = OFFSET_END if self._settings.start == "latest" else OFFSET_BEGINNING
        self._positions[partition] = start if offset is None else offset
        self._moved = True

    def highwater(self, partition: PartitionId) -> int | None:
        """The partition's end as of the last fetch, None before the first."""
        with suppress(KafkaException):
            _, high = self._consumer.get_watermark_offsets(
                TopicPartition(partition.topic, partition.partition), cached=True
            )
            if high >= 0:
                return int(high)
        return None

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """Commit asynchronously for lag tools; failures are of no consequence."""
        with suppress(KafkaException, RuntimeError):
            self._consumer.commit(
                offsets=[TopicPartition(p.topic, p.partition, offset) for p, offset in offsets.items()],
                asynchronous=True,
            )

    def close(self) -> None:
        """Leave the group."""
        with suppress(KafkaException, RuntimeError):
            self._consumer.close()

    def _sorted(self, messages: list[Message]) -> dict[PartitionId, list[RawRecord]]:
        polled: dict[PartitionId, list[RawRecord]] = {}
        for message in messages:
            error = message.error()
            if error is not None:
                if error.fatal() or error.code() in _FATAL_EVENTS:
                    raise SourceUnavailable(self._trouble(KafkaException(error)))
                continue  # the client recovers from the rest by itself
            partition = PartitionId(message.topic() or "", message.partition() or 0)
            headers: Headers = message.headers() or ()  # type: ignore[assignment] # consumed messages have pairs
            record = RawRecord(message.offset() or 0, message.value(), message.key(), message.timestamp()[1], headers)
            polled.setdefault(partition, []).append(record)
            self._positions[partition] = record.offset + 1
        return polled

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._given = {PartitionId(tp.topic, tp.partition) for tp in partitions}
        self._positions = {}
        consumer.assign([])
        self._moved = False

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._given -= {PartitionId(tp.topic, tp.partition) for tp in partitions}
        self._positions = {p: o for p, o in self._positions.items() if p in self._given}

    def _trouble(self, error: Exception) -> str:
        return f"Kafka at {self._settings.bootstrap_servers} (group {self._settings.group}): {error}"


def _options(settings: KafkaSettings) -> dict[str, str | int | float | bool]:
    security = settings.security
    options: dict[str, str | int | float | bool | None] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": settings.group,
        "group.instance.id": settings.instance_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": settings.session_timeout_ms,
        "heartbeat.interval.ms": max(settings.session_timeout_ms // 5, 500),
        "fetch.message.max.bytes": settings.max_partition_fetch_bytes,
        "fetch.max.bytes": max(settings.fetch_max_bytes, settings.max_partition_fetch_bytes),
        "fetch.wait.max.ms": 250,
        "queued.max.messages.kbytes": 64 << 10,
        "security.protocol": security.protocol,
        "sasl.mechanism": security.mechanism,
        "sasl.username": security.username,
        "sasl.password": security.password,
        "ssl.ca.location": security.ca_file,
        "ssl.certificate.location": security.certificate_file,
        "ssl.key.location": security.key_file,
        "log_level": 3,
    }
    return {name: value for name, value in options.items() if value is not None}
