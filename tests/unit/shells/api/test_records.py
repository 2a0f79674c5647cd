"""POST /v1/records over real sockets, on a real database."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from monitor.adapters.record_log.bodies import BodyReader
from monitor.adapters.record_log.identity import RecordIdentity
from monitor.adapters.record_log.log import SqlRecordLog
from monitor.adapters.record_log.source import RecordLogSource
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.system import SystemClock
from monitor.adapters.telemetry import Telemetry
from monitor.domain.partitions import PartitionId
from monitor.domain.submission import Receipt, Submission
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.server import Server
from monitor.testing.sources import read, values
from monitor.usecases.submit import Submit
from tests.unit.shells.api.test_server import Program

PARTITION = PartitionId("http:records", 0)
LINES = {"content-type": "application/x-ndjson", "authorization": "Bearer right"}


def line(event_id: str, model: str = "m") -> str:
    time = "2026-11-01T10:00:00Z"
    record = {"event_id": event_id, "model": model, "model_version": "1", "event_time": time, "features": {}}
    return json.dumps(record) + "\n"


@dataclass
class Running:
    """A server with an intake, and what it kept."""

    http: httpx.Client
    engine: Engine
    telemetry: Telemetry

    def post(self, body: str, **headers: str) -> httpx.Response:
        return self.http.post("/v1/records", content=body, headers=LINES | headers)

    def stored(self) -> list[bytes | None]:
        source = RecordLogSource(self.engine, PARTITION, "reader")
        got = values(read(source, 1_000_000, 0.3))
        source.close()
        return got


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    engine = create_engine(f"sqlite:///{tmp_path}/monitor.db")
    migrate(engine)
    running: list[tuple[Server, httpx.Client]] = []

    def run(most_waiting: int = 1_000, submit: Callable[[Submission], Receipt] | None = None) -> Running:
        telemetry = Telemetry()
        built = Submit(
            SqlRecordLog(engine, PARTITION), BodyReader(100_000, 100), RecordIdentity({"m"}, 10_000), SystemClock(),
            most_waiting,
        )  # fmt: skip
        parts: ApiParts = replace(
            Program().parts(), submit=submit or built, max_body_bytes=50_000, meter=telemetry, callback_secret=None
        )
        server = Server(parts, "127.0.0.1", 0)
        server.start()
        client = httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=20)
        running.append((server, client))
        return Running(client, engine, telemetry)

    yield run
    for server, client in running:
        client.close()
        server.stop()
    engine.dispose()


def test_a_batch_is_durable_when_it_is_answered_and_stored_once_when_it_comes_again(start: Start) -> None:
    program = start()
    body = line("a") + line("b")

    answers = [program.post(body), program.post(body), program.post(line("c") + line("a"))]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json()["accepted"] for answer in answers] == [2, 2, 2]
    assert [answer.json()["duplicates"] for answer in answers] == [0, 2, 1]
    assert program.stored() == [line(name).rstrip().encode() for name in "abc"]
    page = program.telemetry.page().decode()
    assert 'driftline_submitted_records_total{outcome="stored"} 3.0' in page
    assert 'driftline_submitted_records_total{outcome="duplicate"} 3.0' in page


def test_a_request_with_a_known_key_gets_the_very_answer_that_it_got_first(start: Start) -> None:
    program = start()
    body, key = line("a") + "{bad\n", {"idempotency-key": "k1"}

    first, again = program.post(body, **key), program.post(body, **key)
    other = program.post(line("b"), **key)

    assert again.content == first.content
    assert (other.status_code, other.json()["reason"]) == (422, "key_reused")
    assert len(program.stored()) == 1
    assert 'submitted_records_total{outcome="stored"} 1.0' in program.telemetry.page().decode()


def test_good_neighbours_of_a_bad_line_are_kept_and_the_bad_one_is_told_by_its_index(start: Start) -> None:
    program = start()

    mixed = program.post(line("a") + "{bad\n" + line("b", model="other") + line("c"))
    nothing = program.post("{bad\n")

    assert mixed.status_code == 202
    assert mixed.json()["accepted"] == 2
    assert [(one["index"], one["reason"]) for one in mixed.json()["refusals"]] == [
        (1, "malformed_json"),
        (2, "unknown_model"),
    ]
    assert nothing.status_code == 422
    assert nothing.headers["content-type"].startswith("application/problem+json")
    assert nothing.json()["refusals"][0]["index"] == 0
    assert len(program.stored()) == 2


def test_a_backlog_beyond_the_bound_is_told_as_429_with_a_time_to_come_back(start: Start) -> None:
    program = start(most_waiting=2)

    answers = [program.post(line(name)) for name in "abc"]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert "2 records wait" in answers[2].json()["detail"]
    assert len(program.stored()) == 2


def test_more_requests_at_a_time_than_memory_is_meant_for_are_asked_to_come_back(start: Start) -> None:
    release = threading.Event()

    def slow(_: Submission) -> Receipt:
        release.wait(20)
        return Receipt(1, 0, 0)

    program = start(submit=slow)
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(program.post, line("a")) for _ in range(20)]
        refused = [answer.result() for answer in islice(as_completed(sent, timeout=20), 4)]
        alive = program.http.get("/healthz").status_code
        release.set()
        statuses = sorted(answer.result().status_code for answer in sent)

    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(429, "1")}
    assert statuses == [202] * 16 + [429] * 4
    assert alive == 200


def test_a_sender_that_does_not_finish_its_body_gives_its_place_back(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.shells.api.records._BODY_S", 0.2)
    program = start()
    head = b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right\r\nContent-Length: 9\r\n\r\n{"

    with socket.create_connection(("127.0.0.1", program.http.base_url.port or 0), timeout=20) as connection:
        connection.sendall(head)
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert program.stored() == []


def test_a_database_that_cannot_serve_is_told_as_503_and_nothing_is_lost_by_sending_again(start: Start) -> None:
    program = start()
    with program.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE log_segments RENAME TO hidden")

    refused = program.post(line("a"))
    with program.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO log_segments")
    taken = program.post(line("a"))

    assert (refused.status_code, taken.status_code) == (503, 202)
    assert int(refused.headers["retry-after"]) > 0
    assert taken.json()["duplicates"] == 0


def test_requests_without_the_token_too_large_or_in_another_language_are_refused(start: Start) -> None:
    program = start()

    answers = [
        program.post(line("a"), authorization="Bearer wrong"),
        program.post(" " * 50_001),
        program.post(line("a"), **{"content-type": "text/plain"}),
        program.post(line("a"), **{"idempotency-key": "k" * 256}),
    ]

    assert [answer.status_code for answer in answers] == [401, 413, 415, 400]
    assert "50,000 bytes" in answers[1].json()["detail"]
    assert program.stored() == []
    assert 'driftline_submissions_total{status="401"} 1.0' in program.telemetry.page().decode()


def test_a_program_with_another_source_says_so(start: Start) -> None:
    server = Server(Program().parts(), "127.0.0.1", 0)
    server.start()

    answer = httpx.post(f"http://127.0.0.1:{server.port}/v1/records", content=line("a"), headers=LINES)

    server.stop()
    assert answer.status_code == 404
    assert "source: {kind: http}" in answer.json()["detail"]
