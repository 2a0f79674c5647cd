"""The servers that other tests lean on do what those tests take for granted."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from monitor.testing.servers import KafkaBroker, MockCluster, PostgresServer, ServerFailed, ServerUnavailable
from monitor.testing.servers.mock_kafka import MOCK_API_VERSION, MOCK_METADATA_AGE_MS, Api
from monitor.testing.servers.ports import accepts_connections
from monitor.testing.servers.process import Launch, ServerProcess

RECORDS = 1000
PARTITIONS = 4
DEADLINE_S = 60.0
NOT_LEADER = 6


def produce(bootstrap_servers: str, topic: str, first: int = 0, **client: object) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers.split(","), **client)
    try:
        sent = [
            producer.send(topic, str(number).encode(), partition=number % PARTITIONS)
            for number in range(first, first + RECORDS)
        ]
        for receipt in sent:
            receipt.get(DEADLINE_S)
    finally:
        producer.close()


def consume(bootstrap_servers: str, topic: str, expected: int, **client: object) -> list[int]:
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers.split(","),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **client,
    )
    seen: list[int] = []
    try:
        if "group_id" in client:
            consumer.subscribe([topic])
        else:
            consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
        give_up_at = time.monotonic() + DEADLINE_S
        while len(seen) < expected and time.monotonic() < give_up_at:
            for records in consumer.poll(timeout_ms=200).values():
                seen.extend(int(record.value) for record in records)
    finally:
        consumer.close()
    return sorted(seen)


def test_a_real_broker_returns_what_was_produced_before_and_after_its_restart(kafka_broker: KafkaBroker) -> None:
    kafka_broker.create_topic("restart", partitions=PARTITIONS)
    address = kafka_broker.bootstrap_servers
    produce(address, "restart")

    kafka_broker.restart()
    produce(address, "restart", first=RECORDS)

    assert kafka_broker.bootstrap_servers == address
    assert consume(address, "restart", 2 * RECORDS, group_id="readers") == list(range(2 * RECORDS))


def test_a_real_broker_keeps_acknowledged_records_when_it_is_killed(kafka_broker: KafkaBroker) -> None:
    kafka_broker.create_topic("killed", partitions=PARTITIONS)
    produce(kafka_broker.bootstrap_servers, "killed")

    kafka_broker.kill9()
    kafka_broker.start()

    assert consume(kafka_broker.bootstrap_servers, "killed", RECORDS) == list(range(RECORDS))


def test_a_broker_that_a_test_left_stopped_runs_again_for_the_next_part_one(kafka_broker: KafkaBroker) -> None:
    kafka_broker.stop()

    assert not kafka_broker.is_running


def test_a_broker_that_a_test_left_stopped_runs_again_for_the_next_part_two(kafka_broker: KafkaBroker) -> None:
    kafka_broker.create_topic("after-a-stop")

    assert kafka_broker.is_running


def test_a_topic_is_not_created_by_being_used(kafka_broker: KafkaBroker) -> None:
    with pytest.raises(KafkaError):
        produce(kafka_broker.bootstrap_servers, "misspelt", max_block_ms=500)


def test_a_committed_row_survives_a_kill_of_postgres(postgres_server: PostgresServer, postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE kept (n integer)"))
        connection.execute(sa.text("INSERT INTO kept VALUES (42)"))

    postgres_server.kill9()
    postgres_server.start()

    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT n FROM kept")).scalars().all() == [42]


def test_postgres_restarts_while_a_session_is_open(postgres_server: PostgresServer, postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))

        postgres_server.restart()

        with pytest.raises(sa.exc.OperationalError):
            connection.execute(sa.text("SELECT 1"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_every_test_has_a_database_of_its_own(postgres_server: PostgresServer, postgres_url: str) -> None:
    other = postgres_server.create_database("another one; with 'quotes\"")
    here = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with here.begin() as connection:
        connection.execute(sa.text("CREATE TABLE mine (n integer)"))

    there = sa.inspect(sa.create_engine(other, poolclass=sa.NullPool)).get_table_names()

    assert there == []
    postgres_server.drop_database("another one; with 'quotes\"")


def test_postgres_lets_nobody_in_without_the_password(postgres_server: PostgresServer) -> None:
    url = sa.make_url(postgres_server.url)

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=url.host, port=url.port, user=url.username, password="guess", dbname="postgres")


def test_a_server_ends_and_its_folder_goes_when_its_parent_is_killed() -> None:
    script = (
        "import time\n"
        "from monitor.testing.servers import PostgresServer\n"
        "server = PostgresServer(); server.start()\n"
        "print(server._port, server._folder, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port, folder = parent.stdout.readline().split()

        parent.kill()

    give_up_at = time.monotonic() + DEADLINE_S
    while (Path(folder).exists() or accepts_connections(int(port))) and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert not accepts_connections(int(port))
    assert not Path(folder).exists()


def test_the_mock_cluster_serves_a_consumer_group_and_recovers_from_injected_faults(mock_kafka: MockCluster) -> None:
    mock_kafka.topic("mocked", partitions=PARTITIONS, replicas=3)
    produce(mock_kafka.bootstrap_servers, "mocked", api_version=MOCK_API_VERSION)
    mock_kafka.errors(Api.FETCH, NOT_LEADER, NOT_LEADER)
    mock_kafka.leader("mocked", 0, broker=2)
    mock_kafka.coordinator("readers", broker=3)

    seen = consume(
        mock_kafka.bootstrap_servers, "mocked", RECORDS,
        group_id="readers", api_version=MOCK_API_VERSION, metadata_max_age_ms=MOCK_METADATA_AGE_MS,
    )  # fmt: skip

    assert seen == list(range(RECORDS))


def test_a_broker_of_the_mock_cluster_goes_down_and_comes_up(mock_kafka: MockCluster) -> None:
    mock_kafka.topic("flaky", partitions=PARTITIONS, replicas=3)
    for broker in (1, 2, 3):
        mock_kafka.down(broker)
    with pytest.raises(KafkaError):
        produce(mock_kafka.bootstrap_servers, "flaky", api_version=MOCK_API_VERSION, max_block_ms=500)
    for broker in (1, 2, 3):
        mock_kafka.up(broker)

    produce(mock_kafka.bootstrap_servers, "flaky", api_version=MOCK_API_VERSION)

    assert consume(mock_kafka.bootstrap_servers, "flaky", RECORDS, api_version=MOCK_API_VERSION) == list(range(RECORDS))


def test_without_java_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(ServerUnavailable, match=r"real Kafka: there is no java command.*default-jre-headless"):
        KafkaBroker().start()


def test_without_maven_and_without_jars_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DRIFTLINE_CACHE", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(ServerUnavailable, match=r"no mvn command.*apt-get install maven"):
        KafkaBroker().start()


def test_a_broker_with_a_wrong_setting_fails_with_its_name() -> None:
    broker = KafkaBroker(settings={"num.io.threads": "none"})
    try:
        with pytest.raises(ServerFailed, match=r"num\.io\.threads"):
            broker.start()
    finally:
        broker.close()


def test_a_server_that_ends_at_once_fails_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo out of luck; exit 3"]
    process = ServerProcess(Launch("toy", command, tmp_path, tmp_path / "log", dict(os.environ)))

    with pytest.raises(ServerFailed, match=r"toy ended with exit status 3 while starting(.|\n)*out of luck"):
        process.wait_until_ready(lambda: False, deadline_s=10)
