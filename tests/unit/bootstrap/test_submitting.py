"""The parts of the HTTP intake, put together from a configuration."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.adapters.record_log.log import SqlRecordLog
from monitor.bootstrap.app import App, open_app
from monitor.bootstrap.consuming import consume_role
from monitor.bootstrap.roles import build_knocks
from monitor.bootstrap.serving import build_api
from monitor.bootstrap.submitting import PARTITION
from monitor.domain.stream import Flush, TopicKind
from monitor.domain.submission import Submission

RECORD = (
    b'{"event_id": "%d", "model": "churn", "model_version": "1", "event_time": "2026-11-01T10:00:00Z", "features": {}}'
)


class Calendar:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, 10, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Calendar:
    return Calendar()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Calendar) -> Iterator[App]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "monitor.yaml").write_text("source: {kind: http, keep: 1h, remember: 2h, max_waiting: 2}\n")
    (tmp_path / "models" / "churn.yaml").write_text("model: churn\nwindow: {size: 1h}\nlateness: 1m\n")
    with open_app(tmp_path, {}, clock) as app:
        yield app


def submit(app: App, number: int) -> int:
    take = build_api(app).submit
    assert take is not None
    return take(Submission(RECORD % number, "application/json")).accepted


def fold(app: App, up_to: int) -> None:
    claim = app.stores.ingest.claim(PARTITION, TopicKind.MIXED, "worker")
    app.stores.ingest.flush([Flush(claim, TopicKind.MIXED, claim.next_offset, up_to, None, None, saved_at_ms=0)])


def test_what_was_submitted_is_read_by_the_consuming_role(app: App) -> None:
    accepted = submit(app, 1)

    source = consume_role(app).build_source()
    assigned = source.assigned()
    source.seek(PARTITION, None)
    records = source.poll(1)[PARTITION]
    source.close()

    assert accepted == 1
    assert assigned == {PARTITION: TopicKind.MIXED}
    assert [record.value for record in records] == [RECORD % 1]


def test_the_retention_knock_forgets_folded_records_after_their_time_and_ids_after_theirs(
    app: App, clock: Calendar
) -> None:
    forget = next(knock for knock in build_knocks(app) if knock.name == "retention").call
    submit(app, 1)
    fold(app, 1)

    clock.at += timedelta(minutes=90)
    forget()
    page = app.telemetry.page().decode()
    known = SqlRecordLog(app.engine, PARTITION).sweep(0, 2**60)

    assert 'driftline_retention_deleted_total{table="log_segments"} 1.0' in page
    assert 'driftline_retention_deleted_total{table="log_ids"} 0.0' in page
    assert known["log_ids"] == 1
