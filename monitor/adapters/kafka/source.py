"""Kafka by kafka-python: a group member whose positions come from the database, never from the broker."""

import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from monitor.adapters.kafka.settings import KafkaSecurity, KafkaSettings
from monitor.domain.errors import SourceUnavailable
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind


class KafkaSource:
    """Reads the topics as a member of a consumer group.

    Decoding is not left to the client: a deserializer that fails makes its `poll` fail for ever on the same record.
    A partition delivers nothing until `seek` was called for it, because the client keeps its in-memory position
    over a rebalance and would skip whatever was dropped unsaved. There is no rebalance listener: the worker compares
    `assigned()` after each poll, and the database's fence settles the rest.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        if importlib.util.find_spec("crc32c") is None:
            raise SourceUnavailable("install the package crc32c: without it kafka-python is ten times slower")
        self._settings = settings
        self._sought: set[TopicPartition] = set()
        try:
            self._consumer = KafkaConsumer(**_options(settings))
            self._consumer.subscribe(topics=list(settings.topics))
        except (KafkaError, OSError, ValueError) as error:
            raise SourceUnavailable(_unreachable(settings, error)) from error

    def assigned(self) -> Mapping[PartitionId, TopicKind]:
        """What the group's coordinator gave to this member; empty until the first polls have joined it."""
        try:
            assignment = self._consumer.assignment()
        except KafkaError as error:
            raise SourceUnavailable(_unreachable(self._settings, error)) from error
        self._sought &= assignment
        return {PartitionId(tp.topic, tp.partition): self._settings.topics[tp.topic] for tp in sorted(assignment)}

    def poll(self, timeout_s: float) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """Records of sought partitions. Any error of the client means: close, and build a new source."""
        try:
            batches = self._consumer.poll(timeout_ms=int(timeout_s * 1000))
        except Exception as error:  # the client raises protocol, type and runtime errors alike
            raise SourceUnavailable(_unreachable(self._settings, error)) from error
        return {
            PartitionId(tp.topic, tp.partition): [
                RawRecord(r.offset, r.value, r.key, r.timestamp, r.headers) for r in records
            ]
            for tp, records in batches.items()
            if tp in self._sought
        }

    def seek(self, partition: PartitionId, offset: int | None) -> None:
        """Position by the database's offset, or by `start` where it has none.

        A stored offset that retention has passed is moved to the log's start by the client (`earliest`), and the gap
        shows as a jump of offsets.
        """
        tp = TopicPartition(partition.topic, partition.partition)
        try:
            if offset is not None:
                self._consumer.seek(tp, offset)
            elif self._settings.start == "latest":
                self._consumer.seek_to_end(tp)
            else:
                self._consumer.seek_to_beginning(tp)
        except Exception as error:
            raise SourceUnavailable(_unreachable(self._settings, error)) from error
        self._sought.add(tp)

    def highwater(self, partition: PartitionId) -> int | None:
        """The partition's end as of the last fetch, None before the first."""
        try:
            return self._consumer.highwater(TopicPartition(partition.topic, partition.partition))  # type: ignore[no-any-return]
        except (KafkaError, AssertionError):
            return None

    def commit_hint(self, offsets: Mapping[PartitionId, int]) -> None:
        """Commit asynchronously for lag tools; failures are of no consequence."""
        committed = {
            TopicPartition(p.topic, p.partition): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()
        }
        with suppress(Exception):
            self._consumer.commit_async(committed)

    def close(self) -> None:
        """Leave the group."""
        with suppress(Exception):
            self._consumer.close(autocommit=False)


def _options(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "group_id": settings.group,
        "group_instance_id": settings.instance_id,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "max_poll_records": settings.max_poll_records,
        "fetch_min_bytes": 1,
        "fetch_max_wait_ms": 250,
        "fetch_max_bytes": settings.fetch_max_bytes,
        "max_partition_fetch_bytes": settings.max_partition_fetch_bytes,
        "session_timeout_ms": settings.session_timeout_ms,
        "heartbeat_interval_ms": max(settings.session_timeout_ms // 5, 500),
        "reconnect_backoff_max_ms": 10_000,
        "bootstrap_timeout_ms": settings.bootstrap_timeout_ms,
        "metrics_enabled": False,
        "api_version": settings.api_version,
    }
    return {name: value for name, value in options.items() if value is not None} | security_options(settings.security)


def security_options(security: KafkaSecurity) -> dict[str, Any]:
    """How kafka-python is told to authenticate, consumer and producer alike."""
    options = {
        "security_protocol": security.protocol,
        "sasl_mechanism": security.mechanism,
        "sasl_plain_username": security.username,
        "sasl_plain_password": security.password,
        "ssl_cafile": security.ca_file,
        "ssl_certfile": security.certificate_file,
        "ssl_keyfile": security.key_file,
    }
    return {name: value for name, value in options.items() if value is not None}


def _unreachable(settings: KafkaSettings, error: Exception) -> str:
    return f"Kafka at {settings.bootstrap_servers} (group {settings.group}): {type(error).__name__}: {error}"
