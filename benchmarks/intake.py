"""Records accepted durably by POST /v1/records: SQLite in a file, batches of 500 lines, two senders, nobody folding.

Every batch is forced to the disk before its answer. The senders live in the server's process and share its two cores,
so the figure is the least of what a server alone would take.
"""

import http.client
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.payloads import payloads
from monitor.adapters.record_log.bodies import BodyReader
from monitor.adapters.record_log.identity import RecordIdentity
from monitor.adapters.record_log.log import SqlRecordLog
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.system import SystemClock
from monitor.adapters.telemetry import Telemetry
from monitor.bootstrap.submitting import PARTITION
from monitor.shells.api.parts import ApiParts
from monitor.shells.api.server import Server
from monitor.usecases.submit import Submit

SECONDS, BATCH, SENDERS, MOST_BATCHES = 15.0, 500, 2, 2_000
HEADERS = {"Content-Type": "application/x-ndjson"}


def run(progress: Callable[[str], None]) -> dict[str, float | int]:
    """Records a second over the run, and the 95th percentile of a batch's time to its answer."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder)}/monitor.db")
        migrate(engine)
        log = SqlRecordLog(engine, PARTITION)
        submit = Submit(log, BodyReader(64 << 20, 10_000), RecordIdentity({"benchmark"}, 1 << 20), SystemClock(), 10**9)
        server = Server(_parts(submit), "127.0.0.1", 0)
        server.start()
        waits: list[float] = []
        began = time.perf_counter()
        senders = [threading.Thread(target=_send, args=(server.port, n, began, waits)) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        took_s = time.perf_counter() - began
        server.stop()
        stored = log.backlog()
        engine.dispose()
    if stored != len(waits) * BATCH:
        raise RuntimeError(f"{len(waits)} batches were accepted and {stored:,} records are there")
    progress(f"{stored:,} records in {took_s:.1f} s")
    p95_ms = round(float(np.quantile(waits, 0.95)) * 1000, 1)
    return {"records_per_s": round(stored / took_s), "p95_ms": p95_ms, "batch": BATCH}


def _parts(submit: Submit) -> ApiParts:
    return ApiParts(
        stalled=list, unready=list, metrics=bytes, findings=lambda *_: [], alerts=list,
        report=lambda *_: b"",
        models=frozenset(), bearer_token=None, callback_secret=None, is_loopback=True, meter=Telemetry(),
        submit=submit, max_body_bytes=8 << 20,
    )  # fmt: skip


def _send(port: int, number: int, began: float, waits: list[float]) -> None:
    """Send batches of records with fresh ids until the time is over."""
    lines = [line.decode() for line in payloads(BATCH)]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for batch in range(MOST_BATCHES):
        if time.perf_counter() - began > SECONDS:
            break
        body = "\n".join(_renamed(line, f"{number}-{batch}-{i}") for i, line in enumerate(lines))
        sent = time.perf_counter()
        connection.request("POST", "/v1/records", body.encode(), HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise RuntimeError(f"a batch was answered {answer.status}")
        waits.append(time.perf_counter() - sent)
    connection.close()


def _renamed(line: str, event_id: str) -> str:
    """The same record under another id: the last of two equal keys counts."""
    return f'{line[:-1]},"event_id":"{event_id}"}}'
