"""What the HTTP intake has accepted is counted exactly once, also when the process is killed in the middle of it."""

import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.client import Logger
from tests.servers.running import RunningDriftline

pytestmark = pytest.mark.slow

MODEL = "model: churn\nwindow: {size: 1h}\nlateness: 5s\n"
RECORDS, KILLS = 5_000, 2


def counted(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        return int(connection.execute("SELECT coalesce(sum(n), 0) FROM shares WHERE segment = ''").fetchone()[0])


def served(database: Path) -> tuple[int, int, int]:
    """Counted records that said their number, the smallest and the largest."""
    with sqlite3.connect(database) as connection:
        found = connection.execute('SELECT sum(n), min("first"), max("last") FROM served').fetchone()
        return found[0], found[1], found[2]


def test_a_process_killed_while_it_takes_records_loses_none_and_counts_none_twice(tmp_path: Path) -> None:
    driftline = RunningDriftline(tmp_path)
    (tmp_path / "configs" / "models").mkdir(parents=True)
    (tmp_path / "configs" / "monitor.yaml").write_text(f"source: {{kind: http}}\nhttp: {{port: {driftline.port}}}\n")
    (tmp_path / "configs" / "models" / "churn.yaml").write_text(MODEL)
    driftline.start()
    now = datetime.now(UTC)
    logger = Logger(driftline.url, batch=50, linger_s=0.05)

    def serve() -> None:
        for number in range(RECORDS):
            logger.log(model="churn", version="1", features={"a": number % 7}, prediction="x", event_time=now)
            time.sleep(0.001)

    traffic = threading.Thread(target=serve)
    traffic.start()
    for _ in range(KILLS):
        time.sleep(1)
        driftline.kill()
        driftline.start()
    traffic.join()
    flushed = logger.flush(60)
    deadline = time.monotonic() + 40
    while counted(tmp_path / "driftline.db") < RECORDS and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.5)  # one more save, for anything that should not come
    logger.close()
    code = driftline.stop()

    assert flushed
    assert (logger.counts.sent, logger.counts.dropped, logger.counts.refused) == (RECORDS, 0, 0)
    assert counted(tmp_path / "driftline.db") == RECORDS
    assert served(tmp_path / "driftline.db") == (RECORDS, 1, RECORDS)
    assert code == 0
