"""Requests and responses of a model server, in different partitions, meet once however often the program is killed."""

import json
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka import KafkaProducer

from monitor.testing.servers import KafkaBroker
from tests.servers.running import RunningDriftline
from tests.servers.worker import topic_name

pytestmark = pytest.mark.slow

PAIRS, ALONE, ROWS, KILLS = 3_000, 5, 2, 1
HALF = "org.kubeflow.serving.inference"
MODEL = "model: churn\nwindow: {size: 1h}\nlateness: 5s\n"


def configure(folder: Path, broker: KafkaBroker, topic: str, port: int) -> None:
    (folder / "configs" / "models").mkdir(parents=True)
    (folder / "configs" / "monitor.yaml").write_text(
        f"""
source:
  kind: kafka
  bootstrap_servers: ["{broker.bootstrap_servers}"]
  group: {topic}
  session_timeout: 6s
  topics: {{inference: [{topic}]}}
  formats: {{{topic}: {{format: kserve-ce, columns: [age, plan], model_version: "3", wait: 5s}}}}
http: {{port: {port}}}
"""
    )
    (folder / "configs" / "models" / "churn.yaml").write_text(MODEL)


def halves(numbers: range, at: datetime) -> list[tuple[int, dict[str, str], bytes]]:
    """(partition, headers, body); a response never lies in the partition of its request, and may come before it.

    Those beyond PAIRS are requests alone.
    """
    chance, made = random.Random(7), []
    for number in numbers:
        bodies = {
            "request": {"instances": [[row, "pro"] for row in range(ROWS)]},
            "response": {"predictions": [number % 2] * ROWS},
        }
        if number >= PAIRS:
            del bodies["response"]
        for place, (half, body) in enumerate(bodies.items()):
            about = {"ce-id": f"q{number}", "ce-type": f"{HALF}.{half}", "ce-inferenceservicename": "churn"}
            headers = about | {"ce-specversion": "1.0", "ce-time": at.isoformat()}
            made.append(((number + place) % 3, headers, json.dumps(body).encode()))
    for start in range(0, len(made), 200):
        part = made[start : start + 200]
        chance.shuffle(part)
        made[start : start + 200] = part
    return made


def send(producer: KafkaProducer, topic: str, messages: list[tuple[int, dict[str, str], bytes]]) -> None:
    for partition, headers, body in messages:
        said = [(name, text.encode()) for name, text in headers.items()]
        producer.send(topic, body, partition=partition, headers=said)
    producer.flush(timeout=60)


def eventually(holds: Callable[[], bool], within_s: float = 90) -> None:
    """Waits; what is asserted afterwards says what did not come."""
    deadline = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.2)


def scalar(database: Path, statement: str) -> int:
    with sqlite3.connect(database) as connection:
        return int(connection.execute(statement).fetchone()[0])


def test_halves_in_different_partitions_become_records_once_though_the_program_is_killed(
    kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    topic, driftline, database = topic_name("kserve"), RunningDriftline(tmp_path), tmp_path / "driftline.db"
    kafka_broker.create_topic(topic, partitions=3)
    configure(tmp_path, kafka_broker, topic, driftline.port)
    counted, alone = "SELECT coalesce(sum(n), 0) FROM shares WHERE segment = ''", "SELECT count(*) FROM dead_letters"
    now = datetime.now(UTC)
    early = halves(range(PAIRS - 3, PAIRS + ALONE), now) + halves(range(PAIRS - 3), now)
    later = halves(range(PAIRS + ALONE, PAIRS + ALONE + 1), now + timedelta(seconds=60))
    driftline.start()
    with closing(KafkaProducer(bootstrap_servers=kafka_broker.bootstrap_servers.split(","))) as producer:
        for run in range(KILLS + 1):
            send(producer, topic, early[run :: KILLS + 1])
            time.sleep(1.2)  # a save now and then comes in between
            if run < KILLS:
                driftline.kill()
                driftline.start()
        eventually(lambda: scalar(database, counted) >= PAIRS * ROWS)
        send(producer, topic, later)  # event time passes, and with it the hope for an answer
        eventually(lambda: scalar(database, alone) >= ALONE)
    time.sleep(1.5)  # one more save, for anything that should not come
    code = driftline.stop()

    assert scalar(database, counted) == PAIRS * ROWS
    assert scalar(database, alone) == scalar(database, f"{alone} WHERE reason = 'unpaired'") == ALONE
    assert scalar(database, "SELECT count(*) FROM waiting_halves") == 1  # the one that was sent last
    assert code == 0
