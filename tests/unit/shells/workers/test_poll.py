"""When a table of truth is asked: on its beat, at once where more waits, and later each time that it fails."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from monitor.adapters.telemetry import Telemetry
from monitor.domain.polling import NOTHING_READ, Cursor, TableState
from monitor.shells.workers.consume import Backoff
from monitor.shells.workers.poll import Polls
from monitor.usecases.poll_truth import PollReport

PART = Cursor("[]", "", 0, 0, is_complete=False)


class Table:
    """Answers as told; time passes when told."""

    def __init__(self) -> None:
        self.now_s, self.asked_at, self.is_ours = 0.0, list[float](), True
        self.answers: list[PollReport] = []
        self.telemetry = Telemetry()
        backoff = Backoff(lambda: 1.0, 5.0, 300.0)
        every = timedelta(minutes=1)
        self.polls = Polls(
            "outcomes", every, self.poll, backoff, self.telemetry, lambda: self.is_ours, lambda: self.now_s
        )

    def poll(self, goes_on: Callable[[], bool]) -> PollReport:
        assert goes_on()
        self.asked_at.append(self.now_s)
        return self.answers.pop(0) if self.answers else report()

    def knock_for(self, seconds: int) -> list[float]:
        for _ in range(seconds):
            self.polls.knock()
            self.now_s += 1
        return self.asked_at


def report(error: str = "", failures: int = 0, cursor: Cursor = NOTHING_READ, undated: int = 0) -> PollReport:
    return PollReport(7, 2, TableState("outcomes", cursor, failures=failures, error=error, undated=undated), error)


@pytest.fixture
def table() -> Table:
    return Table()


def test_it_is_asked_on_its_own_beat_however_often_it_is_knocked(table: Table) -> None:
    assert table.knock_for(150) == [0, 60, 120]
    assert b'driftline_truth_rows_total{source="outcomes"} 6.0' in table.telemetry.page()


def test_where_more_waits_it_goes_on_at_the_next_knock(table: Table) -> None:
    table.answers = [report(cursor=PART), report(cursor=PART)]

    assert table.knock_for(50) == [0, 1, 2]


def test_a_table_that_fails_is_asked_again_later_each_time_and_its_reason_is_told(table: Table) -> None:
    table.answers = [report("gone", failures) for failures in range(1, 5)]

    with capture_logs() as logs:
        asked = table.knock_for(120)

    assert asked == [0, 5, 15, 35, 75]
    assert [one["failures"] for one in logs if one["event"] == "truth_source_failed"] == [1, 2, 3, 4]
    assert b'driftline_truth_poll_failures_total{source="outcomes"} 4.0' in table.telemetry.page()


def test_a_table_that_another_process_asks_is_left_alone(table: Table) -> None:
    table.is_ours = False

    assert table.knock_for(70) == []


def test_rows_that_are_never_read_are_told_of_once(table: Table) -> None:
    table.answers = [report(undated=3), report(undated=3), report(undated=4)]

    with capture_logs() as logs:
        table.knock_for(150)

    assert [one["undated"] for one in logs if one["event"] == "truth_rows_never_read"] == [3, 4]
