"""Nasty cases, on a whole worker by both Kafka clients: nothing is lost or doubled, and the loop goes on."""

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import kafka.record.default_records as record_batches
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from monitor.adapters.kafka.confluent_source import ConfluentSource
from monitor.adapters.kafka.source import KafkaSource
from monitor.domain.errors import ConfigError, RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.records import PartitionId
from monitor.domain.stream import Flush, TopicKind
from monitor.testing.servers import KafkaBroker, MockCluster
from monitor.testing.servers.mock_kafka import MOCK_API_VERSION
from tests.servers.worker import (
    CLIENTS,
    Client,
    Worker,
    counted,
    eventually,
    letters,
    new_rig,
    read_by_partition,
    settings,
    topic_name,
)
from tests.unit.usecases.ingest_rig import MINUTE_MS, START_MS, Rig, message

by_both_clients = pytest.mark.parametrize("client", CLIENTS, ids=["kafka-python", "confluent"])
NEVER = timedelta(hours=1)
ALIVE_WITHIN_S = 5.0


def good(*numbers: int) -> list[bytes]:
    return [message(number, START_MS + number % 50 * MINUTE_MS // 10) for number in numbers]


def produce(bootstrap: str, topic: str, values: Sequence[bytes | None], partition: int = 0, **options: object) -> None:
    """One batch."""
    client = {"bootstrap_servers": bootstrap.split(","), "linger_ms": 200, "batch_size": 1 << 20, **options}
    with closing(KafkaProducer(max_request_size=16 << 20, **client)) as producer:
        for value in values:
            producer.send(topic, value, key=b"any", partition=partition)  # a tombstone needs a key
        producer.flush(timeout=60)


@contextmanager
def workers(rig: Rig, build: Callable[[], KafkaSource | ConfluentSource], **limits: Any) -> Iterator[Worker]:
    worker = Worker(rig, build, **limits)
    try:
        yield worker
    finally:
        worker.leave()


@by_both_clients
@pytest.mark.parametrize("place", ["head", "middle", "tail"])
def test_bad_records_anywhere_in_a_batch_are_dead_letters_once_and_their_neighbours_count(
    kafka_broker: KafkaBroker, client: Client, place: str
) -> None:
    topic, rig = topic_name("bad"), new_rig()
    kafka_broker.create_topic(topic, partitions=1)
    bad: list[bytes | None] = [
        b'{"event_id": "e', None, b"\x04\x22\x4d\x18\x60\x40\x82", b"x" * (10 << 20),
        message(1, START_MS, ModelRef("nobody", "1")), message(2, 4_070_908_800_000),
    ]  # fmt: skip
    not_a_number = message(3, START_MS).replace(b'"score": 0.', b'"score": NaN, "x": 0.')
    around = {"head": ([], good(*range(20))), "middle": (good(*range(10)), good(*range(10, 20)))}
    before, after = around.get(place, (good(*range(20)), []))
    produce(kafka_broker.bootstrap_servers, topic, [*before, *bad, not_a_number, *after])

    with workers(rig, lambda: client(settings(kafka_broker.bootstrap_servers, topic))) as worker:
        done = eventually(lambda: counted(rig) == 21)
        produce(kafka_broker.bootstrap_servers, topic, good(30))
        alive = eventually(lambda: counted(rig) == 22, ALIVE_WITHIN_S)

    first = len(before)
    assert done, (counted(rig), letters(rig))
    assert alive
    assert letters(rig) == dict(
        enumerate(
            [
                RejectReason.MALFORMED_JSON, RejectReason.EMPTY, RejectReason.MALFORMED_JSON, RejectReason.TOO_LARGE,
                RejectReason.UNKNOWN_MODEL, RejectReason.IN_THE_FUTURE,
            ],
            start=first,
        )
    )  # fmt: skip
    assert len(worker.sources) == 1


def cut(packed: bytes) -> bytes:
    return packed[:-6]


def garbled(packed: bytes) -> bytes:
    """The magic number of the frame: a byte further in could be a literal, and the frame would unpack to other text."""
    return bytes([packed[0] ^ 0xFF]) + packed[1:]


# librdkafka 2.16 itself ends the process on a frame that is cut off: an assertion in rdbuf.c
@pytest.mark.parametrize(("client", "damage"), [(KafkaSource, cut), (KafkaSource, garbled), (ConfluentSource, garbled)])
def test_a_batch_that_cannot_be_unpacked_becomes_dead_letters_and_the_records_after_it_count(
    mock_kafka: MockCluster, client: Client, damage: Callable[[bytes], bytes]
) -> None:
    topic, rig = topic_name("damaged"), new_rig()
    mock_kafka.topic(topic, partitions=2)
    options: dict[str, Any] = {"api_version": MOCK_API_VERSION, "compression_type": "lz4", "enable_idempotence": False}
    pack = record_batches.lz4_encode
    produce(mock_kafka.bootstrap_servers, topic, good(*range(5)), **options)
    with mock.patch.object(record_batches, "lz4_encode", lambda data: damage(pack(data))):
        produce(mock_kafka.bootstrap_servers, topic, good(*range(5, 9)), **options)
    produce(mock_kafka.bootstrap_servers, topic, good(*range(9, 20)), **options)
    produce(mock_kafka.bootstrap_servers, topic, good(*range(20, 30)), partition=1, **options)

    build = lambda: client(settings(mock_kafka.bootstrap_servers, topic, MOCK_API_VERSION))  # noqa: E731
    with workers(rig, build) as worker:
        read = eventually(lambda: read_by_partition(rig) == {0: 20, 1: 10})

    assert read, (worker.unsaved, worker.sources)
    assert counted(rig) == 26
    assert letters(rig) == dict.fromkeys(range(5, 9), RejectReason.UNREADABLE)
    assert len(worker.sources) == 2
    assert sum(report.refused[RejectReason.UNREADABLE] for report in worker.reports) == 4


def test_a_missing_checksum_library_is_a_mistake_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "crc32c" else find(name))

    with pytest.raises(ConfigError, match=r"crc32c is missing.*pip install crc32c"):
        KafkaSource(settings("127.0.0.1:1", "any"))


@by_both_clients
def test_what_was_read_and_not_saved_when_partitions_moved_is_read_again(
    kafka_broker: KafkaBroker, client: Client
) -> None:
    topic, rig = topic_name("moving"), new_rig()
    kafka_broker.create_topic(topic, partitions=2)
    for number in range(2):
        produce(kafka_broker.bootstrap_servers, topic, good(*range(100)), partition=number)
    build = lambda: client(settings(kafka_broker.bootstrap_servers, topic))  # noqa: E731

    with workers(rig, build, owner="first", flush_every=NEVER) as first:
        alone = eventually(lambda: first.unsaved == 200)
        with workers(rig, build, owner="second", flush_every=NEVER) as second:
            shared = eventually(lambda: first.unsaved == 100 and second.unsaved == 100)
            second.vanish()
            back = eventually(lambda: first.unsaved == 200)

    assert (alone, shared, back) == (True, True, True), (first.unsaved, second.unsaved)
    assert counted(rig) == 200


@by_both_clients
def test_a_group_that_changes_while_the_database_is_down_loses_and_doubles_nothing(
    kafka_broker: KafkaBroker, client: Client
) -> None:
    topic, rig = topic_name("dark"), new_rig()
    kafka_broker.create_topic(topic, partitions=2)
    build = lambda: client(settings(kafka_broker.bootstrap_servers, topic))  # noqa: E731

    with workers(rig, build, owner="first", max_unsaved_records=200) as first:
        claimed = eventually(lambda: len(rig.progress()) == 2)
        rig.store.refusals = 10**9
        for number in range(2):
            produce(kafka_broker.bootstrap_servers, topic, good(*range(100)), partition=number)
        full = eventually(lambda: first.unsaved == 200)
        with workers(rig, build, owner="second") as second:  # meets a member that does not poll, for it has no room
            produce(kafka_broker.bootstrap_servers, topic, good(*range(100, 150)))
            refused = eventually(lambda: any(report.store_error for report in first.reports))
            time.sleep(3)
            rig.store.refusals = 0
            done = eventually(lambda: counted(rig) == 250)

    assert (claimed, full, refused, done) == (True,) * 4, (first.reports[-1], second.reports[-1])
    assert read_by_partition(rig) == {0: 150, 1: 100}


@by_both_clients
def test_what_the_log_forgot_before_it_was_read_is_a_counted_gap(kafka_broker: KafkaBroker, client: Client) -> None:
    topic, rig = topic_name("forgotten"), new_rig()
    kafka_broker.create_topic(topic, partitions=1)
    produce(kafka_broker.bootstrap_servers, topic, good(*range(20)))
    save_offset(rig, topic, 5)
    with closing(KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap_servers)) as admin:
        admin.delete_records({TopicPartition(topic, 0): 12})

    with workers(rig, lambda: client(settings(kafka_broker.bootstrap_servers, topic))) as worker:
        done = eventually(lambda: counted(rig) == 8)

    gaps = [(gap.expected, gap.found) for report in worker.reports for gap in report.gaps]
    assert done
    assert gaps == [(5, 12)]


@by_both_clients
def test_an_offset_beyond_the_end_of_a_topic_made_anew_is_an_error_for_people_and_nothing_is_counted_twice(
    kafka_broker: KafkaBroker, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, rig = topic_name("anew"), new_rig()
    monkeypatch.setattr("monitor.usecases.ingest._BEYOND_END_AFTER_S", 2.0)
    kafka_broker.create_topic(topic, partitions=1)
    produce(kafka_broker.bootstrap_servers, topic, good(*range(20)))
    save_offset(rig, topic, 50)

    with workers(rig, lambda: client(settings(kafka_broker.bootstrap_servers, topic))) as worker:
        told = eventually(lambda: any(report.beyond_end for report in worker.reports))

    assert told
    assert (counted(rig), read_by_partition(rig)) == (0, {0: 50})


def save_offset(rig: Rig, topic: str, offset: int) -> None:
    """As another worker left it."""
    claim = rig.store.claim(PartitionId(topic, 0), TopicKind.INFERENCE, "before")
    rig.store.flush([Flush(claim, TopicKind.INFERENCE, None, offset, START_MS, None, 0)])


@by_both_clients
def test_every_partition_goes_on_after_brokers_leaders_and_the_coordinator_were_gone_or_moved(
    mock_kafka: MockCluster, client: Client
) -> None:
    topic, rig, partitions = topic_name("shaken"), new_rig(), 3
    mock_kafka.topic(topic, partitions=partitions, replicas=3)
    for number in range(partitions):
        mock_kafka.leader(topic, number, broker=1 + number)

    def write(first: int) -> None:
        for number in range(partitions):
            values = good(*range(first, first + 10))
            produce(mock_kafka.bootstrap_servers, topic, values, partition=number, api_version=MOCK_API_VERSION)

    def everywhere(offset: int) -> bool:
        return eventually(lambda: read_by_partition(rig) == dict.fromkeys(range(partitions), offset))

    build = lambda: client(settings(mock_kafka.bootstrap_servers, topic, MOCK_API_VERSION))  # noqa: E731
    went_on = []
    with workers(rig, build):
        write(0)
        went_on.append(everywhere(10))
        mock_kafka.down(3)  # its partitions have no other leader
        rest()
        mock_kafka.up(3)
        write(10)
        went_on.append(everywhere(20))
        for number in range(partitions):
            mock_kafka.leader(topic, number, broker=1 + (number + 1) % 3)
        mock_kafka.coordinator(f"g-{topic}", broker=2)
        write(20)
        went_on.append(everywhere(30))
        for broker in (1, 2, 3):
            mock_kafka.down(broker)
        rest()
        for broker in (1, 2, 3):
            mock_kafka.up(broker)
        write(30)
        went_on.append(everywhere(40))

    assert went_on == [True] * 4
    assert counted(rig) == 40 * partitions


def rest() -> None:
    """Time for clients to notice."""
    time.sleep(5.0)
