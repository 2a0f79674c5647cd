"""`driftline traffic` against a real broker, with a made-up market and a monitor in miniature."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer, TopicPartition
from standardwebhooks import Webhook

from monitor.cli.traffic import resume_at, traffic
from monitor.domain.errors import MonitorError
from monitor.domain.time import format_instant
from monitor.shells.demo.story import REPLAY_START
from monitor.testing.servers import KafkaBroker

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0cy0xMjM0NTY3OA=="
_numbers = count(1)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough days for the real story's dates: nine months to train on, and a week to replay."""
    chance = np.random.default_rng(1)
    lines = ["feat_1,feat_2,feat_3,feat_4,feat_5,feat_6,target"]
    for row in range(278 * 48):
        demand = chance.random()
        lines.append(f"{row % 48 / 47:.6f},0.05,{demand:.6f},0.003467,0.422915,0.414912,{int(demand > 0.5)}")
    path = tmp_path_factory.mktemp("market") / "elec.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, since writing the first training set takes seconds."""
    return tmp_path_factory.mktemp("training")


@pytest.fixture
def arguments(kafka_broker: KafkaBroker, market: Path, training: Path) -> list[str]:
    number = next(_numbers)
    return [
        f"--bootstrap-servers={kafka_broker.bootstrap_servers}",
        f"--topic-inference=traffic-inference-{number}",
        f"--topic-ground-truth=traffic-truth-{number}",
        f"--data={market}",
        f"--training-out={training}",
        "--days-per-second=50",
    ]


def held(broker: KafkaBroker, arguments: list[str], which: str) -> list[tuple[int, str, dict[str, object]]]:
    """(partition, key, record) of everything in the topic."""
    topic = next(each.partition("=")[2] for each in arguments if each.startswith(f"--topic-{which}="))
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    missing, found = sum(consumer.end_offsets(partitions).values()), list[tuple[int, str, dict[str, object]]]()
    while len(found) < missing:
        for batch in consumer.poll(timeout_ms=1000).values():
            found += [(each.partition, each.key.decode(), msgspec.json.decode(each.value)) for each in batch]
    consumer.close(autocommit=False)
    return found


def test_every_prediction_and_every_truth_that_is_due_is_sent_once_keyed_by_its_event_id(
    kafka_broker: KafkaBroker, arguments: list[str], training: Path
) -> None:
    result = CliRunner().invoke(traffic, [*arguments, "--until=1997-02-04"])

    inference, truth = held(kafka_broker, arguments, "inference"), held(kafka_broker, arguments, "ground-truth")
    assert result.exit_code == 0, result.stderr
    assert "sent 144 predictions and 96 truths" in result.stderr
    assert {record["model_version"] for _, _, record in inference} == {"1"}
    assert [key for _, key, _ in inference] == [record["event_id"] for _, _, record in inference]
    assert len({key for _, key, _ in inference}) == 144
    assert {key for _, key, _ in truth} < {key for _, key, _ in inference}
    assert {partition for partition, _, _ in inference} == {0, 1, 2, 3}
    for number in range(4):
        times = [record["event_time"] for partition, _, record in inference if partition == number]
        assert times == sorted(times)  # type: ignore[type-var]
    assert (training / "train_v1.parquet").is_file()


def test_a_second_start_goes_on_after_what_the_topics_hold(kafka_broker: KafkaBroker, arguments: list[str]) -> None:
    CliRunner().invoke(traffic, [*arguments, "--until=1997-02-02"])

    result = CliRunner().invoke(traffic, [*arguments, "--until=1997-02-04"])

    inference, truth = held(kafka_broker, arguments, "inference"), held(kafka_broker, arguments, "ground-truth")
    assert "the topics hold records up to 1997-02-01 23:30; going on after them" in result.stderr
    assert "sent 96 predictions and 96 truths" in result.stderr
    assert len({key for _, key, _ in inference}) == len(inference) == 144
    assert len({key for _, key, _ in truth}) == len(truth) == 96


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is POSIX")
def test_sigterm_ends_the_replay_with_everything_flushed(kafka_broker: KafkaBroker, arguments: list[str]) -> None:
    program = [sys.executable, "-c", "from monitor.cli.traffic import traffic; traffic()"]
    with subprocess.Popen([*program, *arguments, "--rate=50"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "records sent" in line)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()

    sent = len(held(kafka_broker, arguments, "inference")) + len(held(kafka_broker, arguments, "ground-truth"))
    predictions, truths = (int(word) for word in rest.split("sent ")[1].split() if word.isdigit())
    assert said.startswith("1997-02-01")
    assert process.returncode == 0
    assert predictions + truths == sent


def test_the_replay_stands_still_while_verdicts_are_too_far_behind_and_goes_on_when_they_have_caught_up(
    kafka_broker: KafkaBroker, arguments: list[str], monitor: "Monitor"
) -> None:
    program = [sys.executable, "-c", "from monitor.cli.traffic import traffic; traffic()"]
    url = f"--monitor-url=http://127.0.0.1:{monitor.server.server_port}"
    options = [*arguments, "--until=1997-02-08", "--wait-for-monitor", "--days-ahead=2", url]
    with subprocess.Popen(
        [*program, *options, "--rate=400"], stderr=subprocess.PIPE, text=True, env=os.environ | {"DRIFTLINE_TOKEN": "t"}
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "records sent" in line)
        time.sleep(3)  # time enough for all 624 records
        standing = process.poll() is None
        sent = held(kafka_broker, arguments, "inference")
        monitor.judged = datetime(1997, 2, 7, tzinfo=UTC)
        rest = process.stderr.read()

    assert standing
    assert len(sent) == 2 * 48 + 1
    assert monitor.tokens == {"Bearer t"}
    assert "sent 336 predictions and 288 truths" in rest
    assert process.returncode == 0


class Monitor:
    """Takes call-backs, checks their signatures, and remembers them; tells how far its verdicts are."""

    def __init__(self) -> None:
        self.judged: datetime | None = None
        self.tokens = set[str | None]()
        self.outcomes: list[dict[str, object]] = []
        self.called = threading.Event()
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                monitor.outcomes.append(Webhook(SECRET).verify(body, dict(self.headers)))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                monitor.called.set()

            def do_GET(self) -> None:
                monitor.tokens.add(self.headers["authorization"])
                start = monitor.judged and format_instant(monitor.judged)
                found = [{"window": {"start": start}}] if start else []
                body = msgspec.json.encode({"findings": found, "is_cut": False})
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    monitor = Monitor()
    yield monitor
    monitor.server.shutdown()
    monitor.server.server_close()


def test_the_pipeline_is_asked_trains_and_calls_back_and_the_program_then_ends_by_sigterm(
    arguments: list[str], monitor: Monitor, tmp_path: Path
) -> None:
    program = [sys.executable, "-c", "from monitor.cli.traffic import traffic; traffic()"]
    options = [
        *arguments,
        f"--training-out={tmp_path}",
        "--until=1997-02-02",
        "--pipeline-port=0",
        f"--monitor-url=http://127.0.0.1:{monitor.server.server_port}",
    ]
    secrets = {"DRIFTLINE_TRIGGER_SECRET": SECRET, "DRIFTLINE_CALLBACK_SECRET": SECRET}
    with subprocess.Popen([*program, *options], stderr=subprocess.PIPE, text=True, env=os.environ | secrets) as process:
        assert process.stderr is not None
        over = next(line for line in process.stderr if "the log is over" in line)
        url = next(word for word in over.split() if word.startswith("http://"))
        at, body = datetime.now(UTC), b'{"type":"retraining.requested","data":{"key":"abc"}}'
        headers = {
            "webhook-id": "abc",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("abc", at, body.decode()),
        }
        answer = httpx.post(url, content=body, headers=headers, trust_env=False)
        came = monitor.called.wait(60)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()

    assert answer.status_code == 202
    assert came
    # the made-up market ends before the rows that retraining may learn from: a failed run, honestly reported
    assert monitor.outcomes[0]["succeeded"] is False
    assert "retraining job abc: the monitor accepted the call-back" in rest
    assert process.returncode == 0


def test_without_a_broker_the_error_names_the_address(
    market: Path, training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.shells.demo.traffic.BOOTSTRAP_TIMEOUT_MS", 500)

    result = CliRunner().invoke(
        traffic, ["--bootstrap-servers=127.0.0.1:1", f"--data={market}", f"--training-out={training}"]
    )

    assert isinstance(result.exception, MonitorError)
    assert str(result.exception).startswith("Kafka at 127.0.0.1:1: ")
    assert "is the broker up" in str(result.exception)


def test_the_pipeline_without_its_secrets_says_which_to_set(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRIFTLINE_TRIGGER_SECRET", raising=False)

    result = CliRunner().invoke(traffic, [*arguments, "--pipeline-port=0"])

    assert isinstance(result.exception, MonitorError)
    assert str(result.exception).startswith("environment variable DRIFTLINE_TRIGGER_SECRET is not set")


@pytest.mark.parametrize(
    ("inference", "ground_truth", "start"),
    [
        (None, None, REPLAY_START),
        (datetime(1997, 2, 1, 23, 30, tzinfo=UTC), None, REPLAY_START),
        (
            datetime(1997, 3, 5, 7, tzinfo=UTC),
            datetime(1997, 3, 5, 6, 30, tzinfo=UTC),
            datetime(1997, 3, 4, tzinfo=UTC),
        ),
    ],
)
def test_a_replay_is_resumed_on_a_midnight_from_which_all_missing_truths_are_made_again(
    inference: datetime | None, ground_truth: datetime | None, start: datetime
) -> None:
    assert resume_at(inference, ground_truth) == start
