"""Every source passes the conformance kit: memory, files, and both Kafka clients against real brokers."""

import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import NoReturn

import pytest
from kafka import KafkaProducer

from monitor.adapters.files.source import FilesSource, Folder
from monitor.adapters.joined_sources import JoinedSources
from monitor.adapters.kafka.confluent_source import ConfluentSource
from monitor.adapters.kafka.settings import KafkaSettings
from monitor.adapters.kafka.source import KafkaSource
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.domain.errors import UnreadableRecords
from monitor.domain.ports import Source
from monitor.domain.records import PartitionId
from monitor.domain.stream import TopicKind
from monitor.stream.served import Statement, statements
from monitor.testing.servers.kafka import KafkaBroker
from monitor.testing.servers.mock_kafka import MOCK_API_VERSION, MOCK_METADATA_AGE_MS, MockCluster
from monitor.testing.sources import SourceConformance, SourceRig, read, values

_names = count(1)


class TestMemorySource(SourceConformance):
    @pytest.fixture
    def rig(self) -> SourceRig:
        log = MemoryLog()
        log.create("log")
        return SourceRig(lambda: MemorySource(log), lambda sent: log.append(PartitionId("log", 0), sent), patience_s=2)


class TestJoinedSources(SourceConformance):
    @pytest.fixture(params=["first", "second"])
    def rig(self, request: pytest.FixtureRequest) -> SourceRig:
        """The kit meets one of the two; the other has a partition of its own, in which nothing comes."""
        log, quiet = MemoryLog(), MemoryLog()
        log.create("log")

        def build() -> Source:
            heard, other = MemorySource(log), MemorySource(quiet)
            return JoinedSources(heard, other) if request.param == "first" else JoinedSources(other, heard)

        return SourceRig(build, lambda sent: log.append(PartitionId("log", 0), sent), patience_s=2)


def test_two_sources_are_read_as_one_and_each_is_told_of_its_own_partitions() -> None:
    logs = {"a": MemoryLog(), "b": MemoryLog()}
    for name, log in logs.items():
        log.create(name)
        log.append(PartitionId(name, 0), [b"1", b"2"])
    source = JoinedSources(MemorySource(logs["a"]), MemorySource(logs["b"]))
    a, b = PartitionId("a", 0), PartitionId("b", 0)

    source.seek(a, 1)
    source.seek(b, None)
    polled = source.poll(0)
    source.close()

    assert {one: [record.value for record in records] for one, records in polled.items()} == {
        a: [b"2"],
        b: [b"1", b"2"],
    }
    assert (source.highwater(a), source.highwater(b)) == (2, 2)


def test_damage_in_one_of_two_sources_costs_no_record_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged, sound = MemoryLog(), MemoryLog()
    damaged.create("a")
    sound.create("b")
    sound.append(PartitionId("b", 0), [b"1"])
    first = MemorySource(damaged)
    source = JoinedSources(first, MemorySource(sound))
    source.seek(PartitionId("b", 0), None)

    def unreadable(_: float) -> NoReturn:
        raise UnreadableRecords(PartitionId("a", 0), 0, 1, "damaged")

    with monkeypatch.context() as patched:
        patched.setattr(first, "poll", unreadable)
        with pytest.raises(UnreadableRecords):
            source.poll(0)

    assert [record.value for record in source.poll(0)[PartitionId("b", 0)]] == [b"1"]


class TestFilesSource(SourceConformance):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> SourceRig:
        path = tmp_path / "records.jsonl"
        path.touch()

        def write(sent: Sequence[bytes]) -> None:
            with path.open("ab") as file:
                file.writelines(value + b"\n" for value in sent)

        return SourceRig(lambda: FilesSource([Folder(tmp_path)]), write, patience_s=5)


def produce(
    bootstrap: str, topic: str, sent: Sequence[bytes], version: tuple[int, int] | None = None, partition: int = 0
) -> None:
    """Write values to one partition and wait until they are there; raises what went wrong with any of them."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, api_version=version, linger_ms=20)
    sending = [producer.send(topic, value, partition=partition) for value in sent]
    producer.flush(timeout=30)
    for future in sending:
        future.get(timeout=30)
    producer.close()


def settings(bootstrap: str, topic: str, version: tuple[int, int] | None = None) -> KafkaSettings:
    """A group of its own for every test."""
    return KafkaSettings(
        bootstrap, {topic: TopicKind.INFERENCE}, group=f"g-{topic}", session_timeout_ms=6_000, api_version=version,
        metadata_max_age_ms=60_000 if version is None else MOCK_METADATA_AGE_MS,
    )  # fmt: skip


class TestKafkaSource(SourceConformance):
    @pytest.fixture
    def rig(self, kafka_broker: KafkaBroker) -> SourceRig:
        topic = f"kafka-python-{next(_names)}"
        kafka_broker.create_topic(topic, partitions=1)
        bootstrap = kafka_broker.bootstrap_servers
        return SourceRig(lambda: KafkaSource(settings(bootstrap, topic)), lambda sent: produce(bootstrap, topic, sent))


class TestConfluentSource(SourceConformance):
    @pytest.fixture
    def rig(self, kafka_broker: KafkaBroker) -> SourceRig:
        topic = f"confluent-{next(_names)}"
        kafka_broker.create_topic(topic, partitions=1)
        bootstrap = kafka_broker.bootstrap_servers
        return SourceRig(
            lambda: ConfluentSource(settings(bootstrap, topic)), lambda sent: produce(bootstrap, topic, sent)
        )


class TestKafkaSourceOnTheMock(SourceConformance):
    @pytest.fixture
    def rig(self, mock_kafka: MockCluster) -> SourceRig:
        topic = f"mocked-{next(_names)}"
        mock_kafka.topic(topic, partitions=1)
        bootstrap = mock_kafka.bootstrap_servers
        return SourceRig(
            lambda: KafkaSource(settings(bootstrap, topic, MOCK_API_VERSION)),
            lambda sent: produce(bootstrap, topic, sent, MOCK_API_VERSION),
        )


@pytest.mark.parametrize("kind", [KafkaSource, ConfluentSource])
def test_what_a_producer_says_in_headers_arrives_with_the_record(
    kafka_broker: KafkaBroker, kind: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = f"headers-{next(_names)}"
    kafka_broker.create_topic(topic, partitions=1)
    said = [("driftline-producer", b"web-1"), ("driftline-number", b"7"), ("other", b"\xff")]
    producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap_servers)
    producer.send(topic, b"{}", headers=said, partition=0)
    producer.flush(timeout=30)
    producer.close()
    member = Member(kind(settings(kafka_broker.bootstrap_servers, topic)))

    arrived = wait_for(lambda: len(member.said) == 1)
    member.leave()

    assert arrived
    assert member.said == [Statement("web-1", 7, 1_000)]


@pytest.mark.parametrize("kind", [KafkaSource, ConfluentSource])
def test_headers_keys_and_times_of_messages_come_with_them(mock_kafka: MockCluster, kind: type[KafkaSource]) -> None:
    topic = f"headers-{next(_names)}"
    mock_kafka.topic(topic, partitions=1)
    producer = KafkaProducer(bootstrap_servers=mock_kafka.bootstrap_servers, api_version=MOCK_API_VERSION)
    headers = [("ce_id", b"a"), ("ce_id", b"\xff"), ("empty", b"")]
    producer.send(topic, b"{}", key=b"k", headers=headers, timestamp_ms=1_772_705_826_123)
    producer.send(topic, b"{}")
    producer.flush(timeout=30)
    producer.close()
    version = MOCK_API_VERSION if kind is KafkaSource else None
    source = kind(settings(mock_kafka.bootstrap_servers, topic, version))

    got = read(source, 2, 30)
    source.close()

    ((first, second),) = got.values()
    assert (first.key, first.timestamp_ms, list(first.headers)) == (b"k", 1_772_705_826_123, headers)
    assert list(second.headers) == []


class Member(Thread):
    """A worker in miniature: reads in a thread of its own, as a group's coordinator expects of its members."""

    def __init__(self, source: Source) -> None:
        super().__init__(daemon=True)
        self.source, self.stopping = source, Event()
        self.assigned: set[PartitionId] = set()
        self.got: set[tuple[PartitionId, int]] = set()
        self.said: list[Statement] = []
        self.start()

    def run(self) -> None:
        while not self.stopping.is_set():
            polled = self.source.poll(0.1)
            assigned = set(self.source.assigned())
            for partition in assigned - self.assigned:
                self.source.seek(partition, 0)
            for partition in assigned & self.assigned:
                self.got |= {(partition, record.offset) for record in polled.get(partition, ())}
                self.said += statements(polled.get(partition, ())).values()
            self.assigned = assigned
        self.source.close()

    def leave(self) -> None:
        self.stopping.set()
        self.join(30)


def wait_for(condition: Callable[[], bool], seconds: float = 45) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.mark.parametrize("kind", [KafkaSource, ConfluentSource])
def test_a_second_member_takes_its_half_and_nothing_is_lost_when_it_leaves(
    kafka_broker: KafkaBroker, kind: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = f"rebalance-{next(_names)}"
    kafka_broker.create_topic(topic, partitions=2)
    for number in range(2):
        produce(kafka_broker.bootstrap_servers, topic, [b"{}"] * 100, partition=number)
    chosen = settings(kafka_broker.bootstrap_servers, topic)
    first, second = Member(kind(chosen)), Member(kind(chosen))

    shared = wait_for(lambda: len(first.assigned) == len(second.assigned) == 1)
    second.leave()
    alone = wait_for(lambda: len(first.assigned) == 2 and len(first.got) == 200)
    first.leave()

    assert shared
    assert alone


def test_a_line_that_is_still_being_written_is_not_delivered_before_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":')
    source = FilesSource([Folder(tmp_path)])

    first = values(read(source, 2, 0.5))
    with path.open("ab") as file:
        file.write(b"2}\n")
    second = [record.value for records in source.poll(0.1).values() for record in records]

    assert first == [b'{"n":1}']
    assert second == [b'{"n":2}']


def test_daily_files_are_read_one_after_the_other_and_the_folder_is_then_exhausted(tmp_path: Path) -> None:
    for day in (2, 1, 3):
        (tmp_path / f"2026-11-0{day}.jsonl").write_bytes(b'{"day":%d}\n' % day)
    source = FilesSource([Folder(tmp_path)], follow=False)

    got = read(source, 3, 5)
    source.poll(0)

    assert values(got) == [b'{"day":1}', b'{"day":2}', b'{"day":3}']
    assert source.exhausted


def test_parquet_rows_become_records_with_their_features(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"event_id": ["a", "b"], "model": ["m", "m"], "amount": [1.5, None], "country": ["DE", "FR"]})
    pq.write_table(table, tmp_path / "part-0.parquet", row_group_size=1)
    source = FilesSource([Folder(tmp_path)], follow=False)

    got = values(read(source, 2, 5))

    assert got == [
        b'{"event_id":"a","model":"m","features":{"amount":1.5,"country":"DE"}}',
        b'{"event_id":"b","model":"m","features":{"amount":null,"country":"FR"}}',
    ]
