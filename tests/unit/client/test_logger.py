"""The client against servers that refuse, lose and delay: nothing is doubled, nothing blocks, losses are counted."""

import gzip
import json
import logging
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from kafka import KafkaConsumer

from alerts.testing.servers import Answer, HttpReceiver, Request
from monitor.client import Logger
from monitor.client.buffer import Buffer
from monitor.testing.servers.mock_kafka import MOCK_API_VERSION, MOCK_METADATA_AGE_MS, MockCluster

FEATURES = {"amount": 1.5, "plan": "pro"}


def accepted(number: int) -> Answer:
    body = {"accepted": number, "duplicates": 0, "refused": 0, "refusals": []}
    return Answer(202, {"content-type": "application/json"}, json.dumps(body).encode())


def records(request: Request) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(request.body).split(b"\n")]


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def read_request(connection: socket.socket) -> None:
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(65_536)
    head, _, body = said.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split()[0])
    while len(body) < length:
        body += connection.recv(65_536)


def log_many(logger: Logger, number: int) -> None:
    for _ in range(number):
        logger.log(model="m", version="1", features=FEATURES, prediction="yes")


def test_predictions_and_truth_arrive_as_records_with_their_place_in_the_sequence() -> None:
    with HttpReceiver([accepted(2)]) as server, Logger(server.url, token="t", linger_s=5) as logger:
        event_id = logger.log(
            model="m", version=3, features={"x": np.float32(0.5), "n": np.int64(2)}, prediction=np.str_("yes"),
            score=0.9, latency_ms=4.5, event_time=datetime(2026, 11, 1, tzinfo=UTC),
        )  # fmt: skip
        logger.truth(model="m", event_id=event_id, label=True)

        flushed = logger.flush()
        request = server.requests[0]
        made, truth = records(request)

    assert flushed
    assert (request.path, request.headers["authorization"]) == ("/v1/records", "Bearer t")
    assert made | {"scores": None} == {
        "event_id": event_id, "model": "m", "model_version": 3, "event_time": "2026-11-01T00:00:00+00:00",
        "features": {"x": 0.5, "n": 2}, "prediction": "yes", "score": 0.9, "scores": None, "latency_ms": 4.5,
        "producer": {"id": logger.producer, "sequence": 0, "number": 1},
    }  # fmt: skip
    assert (truth["type"], truth["event_id"], truth["label"]) == ("ground_truth", event_id, True)
    assert truth["producer"] == {"id": logger.producer, "sequence": 1}
    assert (logger.counts.sent, logger.pending) == (2, 0)


def test_a_busy_server_is_asked_again_after_the_time_it_named_with_the_same_key() -> None:
    answers = [Answer(429, {"retry-after": "1"}), Answer(503), accepted(1)]
    with HttpReceiver(answers) as server, Logger(server.url, linger_s=0) as logger:
        began = time.monotonic()
        log_many(logger, 1)
        arrived = wait_for(lambda: len(server.requests) == 2)
        waited_s = time.monotonic() - began
        finished = wait_for(lambda: logger.counts.sent == 1)

    assert (arrived, finished) == (True, True)
    assert waited_s >= 1
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_an_answer_that_is_lost_or_makes_no_sense_is_asked_for_again() -> None:
    answers = [Answer(202, body=b"{", breaks_off=True), Answer(202, body=b"<html>"), accepted(1)]
    with HttpReceiver(answers) as server, Logger(server.url, linger_s=0) as logger:
        log_many(logger, 1)
        finished = wait_for(lambda: logger.counts.sent == 1)

    assert finished
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_a_kept_connection_that_the_server_has_closed_meanwhile_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                with connection:
                    read_request(connection)
                    body = accepted(1).body
                    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        threading.Thread(target=serve, daemon=True).start()
        with Logger(f"http://127.0.0.1:{listening.getsockname()[1]}", linger_s=0) as logger:
            log_many(logger, 1)
            first = wait_for(lambda: logger.counts.sent == 1)
            log_many(logger, 1)
            second = wait_for(lambda: logger.counts.sent == 2)

    assert (first, second) == (True, True)
    assert "cannot be sent" not in caplog.text


def test_a_batch_that_is_too_large_is_halved() -> None:
    with HttpReceiver([Answer(413), accepted(2), accepted(2)]) as server, Logger(server.url, linger_s=5) as logger:
        log_many(logger, 4)
        flushed = logger.flush()

        sizes = [len(records(request)) for request in server.requests]

    assert flushed
    assert sizes == [4, 2, 2]


def test_refused_records_are_counted_told_and_not_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    refusal = {"index": 1, "reason": "unknown_model", "detail": "no model 'm' is configured"}
    partly = {"accepted": 1, "duplicates": 0, "refused": 1, "refusals": [refusal]}
    answers = [Answer(202, body=json.dumps(partly).encode()), Answer(422, body=b"none could be taken")]
    with HttpReceiver(answers) as server, Logger(server.url, linger_s=5) as logger:
        log_many(logger, 2)
        logger.flush()
        log_many(logger, 1)
        logger.flush()

    assert (logger.counts.sent, logger.counts.refused, len(server.requests)) == (1, 2, 2)
    assert "no model 'm' is configured" in caplog.text
    assert "none could be taken" in caplog.text


def test_a_dead_server_costs_the_service_nothing_and_what_is_lost_shows(caplog: pytest.LogCaptureFixture) -> None:
    logger = Logger("http://127.0.0.1:9", most_pending=100, linger_s=0, timeout_s=1)

    began = time.perf_counter()
    log_many(logger, 1_000)
    took_s = time.perf_counter() - began
    dropped_before = logger.counts.dropped
    emptied = logger.close(timeout_s=0.3)

    assert took_s < 1
    assert dropped_before == 900
    assert not emptied
    assert logger.counts.logged == logger.counts.dropped == 1_000
    assert "1000 records were dropped" in caplog.text


def test_a_dropped_record_leaves_a_gap_in_the_sequence() -> None:
    answers = [Answer(202, delay_s=0.5, body=accepted(2).body), accepted(1)]
    with HttpReceiver(answers) as server, Logger(server.url, most_pending=2, linger_s=5) as logger:
        log_many(logger, 3)
        logger.flush()
        log_many(logger, 1)

    sequences = [record["producer"]["sequence"] for request in server.requests for record in records(request)]  # type: ignore[index]
    assert sequences == [0, 1, 3]


def test_a_record_has_a_number_among_those_of_its_model_version_and_truth_has_none() -> None:
    buffer = Buffer("p", 4)
    a, b = {"model": "m", "model_version": "1"}, {"model": "m", "model_version": "2"}

    are_taken = [buffer.put(record) for record in (a, b, {**a, "type": "ground_truth"}, a, a)]
    buffer.done(len(buffer.take(9, 0, 0)))
    buffer.put(a)
    (last,) = buffer.take(9, 0, 0)

    assert are_taken == [True, True, True, True, False]
    assert (last.sequence, last.number) == (5, 4)  # the third of version 1 was dropped


def test_a_call_with_wrong_arguments_does_not_break_the_service(caplog: pytest.LogCaptureFixture) -> None:
    with HttpReceiver([accepted(1)]) as server, Logger(server.url, linger_s=5) as logger:
        logger.log(model="m", version="1", features=None)  # type: ignore[arg-type]
        circle: dict[str, object] = {}
        circle["self"] = circle
        logger.log(model="m", version="1", features=circle)
        log_many(logger, 1)
        flushed = logger.flush()

    assert flushed
    assert (logger.counts.refused, logger.counts.sent) == (2, 1)
    assert "a record could not be logged" in caplog.text


@pytest.mark.parametrize("arguments", [{}, {"url": "http://a", "bootstrap_servers": "b:1"}, {"url": "monitor:8484"}])
def test_a_logger_that_cannot_work_says_so_at_once(arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"give either|is no address"):
        Logger(**arguments)  # type: ignore[arg-type]


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_importing_the_client_loads_nothing_heavy() -> None:
    done = run(
        """
        import sys
        import monitor.client
        heavy = {"pandas", "numpy", "scipy", "evidently", "sqlalchemy", "pyarrow", "kafka", "msgspec", "pydantic"}
        print(sorted(heavy & set(sys.modules)), [m for m in sys.modules if m.startswith("monitor.")
                                                 and not m.startswith("monitor.client")])
        """
    )

    assert done.stdout.strip() == "[] []", done.stderr


def test_a_process_that_ends_sends_what_it_has() -> None:
    with HttpReceiver([accepted(1)]) as server:
        done = run(
            """
            import sys
            from monitor.client import Logger
            logger = Logger(sys.argv[1], linger_s=30)
            logger.log(model="m", version="1", features={})
            """,
            server.url,
        )

    assert done.returncode == 0, done.stderr
    assert [len(records(request)) for request in server.requests] == [1]


def test_parent_and_child_of_a_fork_count_for_themselves_and_send_nothing_twice() -> None:
    with HttpReceiver([accepted(2), accepted(2)]) as server:
        done = run(
            """
            import os, sys
            from monitor.client import Logger
            logger = Logger(sys.argv[1], linger_s=30)
            logger.log(model="m", version="1", features={}, event_id="before")
            if (child := os.fork()) == 0:
                logger.log(model="m", version="1", features={}, event_id="child")
                logger.close()
                os._exit(0)
            os.waitpid(child, 0)
            logger.log(model="m", version="1", features={}, event_id="parent")
            """,
            server.url,
        )

    assert done.returncode == 0, done.stderr
    said = [[(r["event_id"], r["producer"]["sequence"]) for r in records(request)] for request in server.requests]  # type: ignore[index]
    assert said == [[("child", 0)], [("before", 0), ("parent", 1)]]


def test_kafka_gets_the_same_records_with_their_place_in_the_headers(mock_kafka: MockCluster) -> None:
    for topic in ("client-log", "client-truth"):
        mock_kafka.topic(topic, partitions=1)
    servers = mock_kafka.bootstrap_servers
    logger = Logger(
        bootstrap_servers=servers, topic="client-log", ground_truth_topic="client-truth", linger_s=5,
        kafka={"api_version": MOCK_API_VERSION},
    )  # fmt: skip

    event_id = logger.log(model="m", version="1", features=FEATURES, prediction="yes")
    logger.truth(model="m", event_id=event_id, label="no")
    flushed = logger.flush(30)
    logger.close()
    consumer = KafkaConsumer(
        "client-log", "client-truth", bootstrap_servers=servers, auto_offset_reset="earliest", group_id=None,
        api_version=MOCK_API_VERSION, metadata_max_age_ms=MOCK_METADATA_AGE_MS, consumer_timeout_ms=30_000,
    )  # fmt: skip
    read = {message.topic: message for _, message in zip(range(2), consumer, strict=False)}
    consumer.close()

    assert flushed
    assert logger.counts.sent == 2
    made, truth = json.loads(read["client-log"].value), json.loads(read["client-truth"].value)
    assert (made["event_id"], made["features"], "producer" in made) == (event_id, FEATURES, False)
    assert (truth["event_id"], truth["label"]) == (event_id, "no")
    assert dict(read["client-log"].headers)["driftline-number"] == b"1"
    assert "driftline-number" not in dict(read["client-truth"].headers)
    assert {dict(message.headers)["driftline-producer"] for message in read.values()} == {logger.producer.encode()}


@pytest.fixture(autouse=True)
def warnings_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="driftline.client")
