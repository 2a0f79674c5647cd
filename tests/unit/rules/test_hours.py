"""Hours in which a rule is not judged: zones, changes of the clocks, half of a window."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.domain.rules import Hours
from monitor.domain.windows import Window
from monitor.rules.hours import cover

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def window(start: str, size: timedelta = HOUR) -> Window:
    at = datetime.fromisoformat(start).astimezone(ZoneInfo("UTC"))
    return Window(at, at + size)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-07-01T04:00Z", True),
        ("2026-07-01T05:00Z", False),
        ("2026-12-01T05:00Z", True),
        ("2026-12-01T04:00Z", True),
    ],
)
def test_the_clocks_of_the_zone_count_in_summer_and_winter(start: str, expected: bool) -> None:
    assert cover(Hours(BERLIN, start=5 * 60, end=7 * 60), window(start.replace("Z", "+00:00"))) is expected


@pytest.mark.parametrize(("minute", "expected"), [(29, False), (30, True), (31, True)])
def test_a_window_is_excepted_when_at_least_half_of_it_is(minute: int, expected: bool) -> None:
    hours = Hours(ZoneInfo("UTC"), start=10 * 60, end=24 * 60)

    assert cover(hours, window(f"2026-11-04T09:{minute}+00:00")) is expected


def test_weekends_begin_and_end_at_local_midnight() -> None:
    weekend = Hours(BERLIN, weekdays=frozenset({5, 6}))

    found = [cover(weekend, window(f"2026-11-{day}T{hour}:00+00:00")) for day, hour in
             [("06", 22), ("06", 23), ("08", 22), ("08", 23)]]  # fmt: skip

    assert found == [False, True, True, False]


def test_the_hour_that_the_clocks_repeat_belongs_to_both_of_its_times() -> None:
    hours = Hours(BERLIN, start=2 * 60, end=3 * 60)

    found = [cover(hours, window(f"2026-10-25T0{hour}:00+00:00")) for hour in range(3)]

    assert found == [True, True, False]


def test_days_of_the_calendar_include_the_first_and_the_last() -> None:
    holidays = Hours(ZoneInfo("UTC"), first=date(2026, 12, 24), last=date(2026, 12, 26))

    found = [cover(holidays, window(f"2026-12-{day}T12:00+00:00")) for day in (23, 24, 26, 27)]

    assert found == [False, True, True, False]


def test_a_week_is_not_excepted_by_its_weekend_and_is_by_its_working_days() -> None:
    week = window("2026-11-02T00:00+00:00", timedelta(days=7))

    assert not cover(Hours(ZoneInfo("UTC"), weekdays=frozenset({5, 6})), week)
    assert cover(Hours(ZoneInfo("UTC"), weekdays=frozenset(range(5))), week)
