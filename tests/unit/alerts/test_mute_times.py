"""Mute times: what a wall clock in their zone shows, on both days on which clocks change, and in every month."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.muting_settings import (
    IntervalSettings,
    mute_times_of,
    read_clock_span,
    read_days_of_month,
    read_months,
    read_weekdays,
    read_years,
    read_zone,
)
from alerts.testing.scripts import World

HALF_HOUR = timedelta(minutes=30)


def holds(at: str, **settings: object) -> bool:
    (mute_time,) = mute_times_of({"it": (IntervalSettings.model_validate(settings),)}).values()
    return mute_time.holds(datetime.fromisoformat(at).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-03-02 08:59:59.999", False),
        ("2026-03-02 09:00", True),
        ("2026-03-02 16:59:59.999", True),
        ("2026-03-02 17:00", False),
    ],
)
def test_the_start_belongs_to_it_and_the_end_does_not(at: str, inside: bool) -> None:
    assert holds(at, times=["09:00 to 17:00"]) is inside


def test_midnight_can_be_the_end() -> None:
    assert holds("2026-03-02 23:59", times=["22:00 to 24:00"])
    assert not holds("2026-03-03 00:00", times=["22:00 to 24:00"])


@pytest.mark.parametrize(
    ("at", "days", "inside"),
    [
        ("2026-02-28", "-1", True),
        ("2028-02-28", "-1", False),  # a leap year
        ("2028-02-29", "-1", True),
        ("2026-04-28", "-3 to -1", True),
        ("2026-04-27", "-3 to -1", False),
        ("2026-04-30", "28 to 31", True),
        ("2026-02-28", "30 to 31", False),
        ("2026-02-01", "-31 to -28", True),  # begins before the month: cut
        ("2026-02-02", "-31 to -28", False),
        ("2026-03-15", "15 to -1", True),
        ("2026-03-14", "15 to -1", False),
    ],
)
def test_days_of_the_month_may_count_from_its_end_and_are_cut_to_it(at: str, days: str, inside: bool) -> None:
    assert holds(at, days_of_month=[days]) is inside


@pytest.mark.parametrize(
    ("at", "settings", "inside"),
    [
        ("2026-03-07 12:00", {"weekdays": ["saturday", "sunday"]}, True),
        ("2026-03-06 12:00", {"weekdays": ["saturday", "sunday"]}, False),
        ("2026-03-06 12:00", {"weekdays": ["Monday to Friday"]}, True),
        ("2026-12-24", {"months": ["december"], "days_of_month": ["24 to 26"]}, True),
        ("2026-11-24", {"months": ["december"], "days_of_month": ["24 to 26"]}, False),
        ("2026-07-01", {"months": [6, "july to august"]}, True),
        ("2026-07-01", {"years": [2027]}, False),
        ("2027-07-01", {"years": ["2026 to 2028"]}, True),
        ("2026-03-06 12:00", {}, True),
        # Friday 23:30 in UTC is Saturday in Berlin and Friday in New York
        ("2026-03-06 23:30", {"weekdays": ["saturday"], "zone": "Europe/Berlin"}, True),
        ("2026-03-06 23:30", {"weekdays": ["saturday"], "zone": "America/New_York"}, False),
    ],
)
def test_everything_that_is_given_must_hold_in_the_zone(at: str, settings: dict[str, object], inside: bool) -> None:
    assert holds(at, **settings) is inside


def inside_half_hours(day: str, span: str) -> list[str]:
    """The half hours, in UTC, of a day and the one before at which the span holds in Berlin."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=2)
    instants = [start + count * HALF_HOUR for count in range(12)]
    return [f"{at:%H:%M}" for at in instants if holds(f"{at:%Y-%m-%d %H:%M}", times=[span], zone="Europe/Berlin")]


def test_the_hour_that_is_skipped_in_spring_never_comes() -> None:
    assert inside_half_hours("2026-03-29", "02:00 to 03:00") == []
    assert inside_half_hours("2026-03-29", "01:00 to 04:00") == ["00:00", "00:30", "01:00", "01:30"]


def test_the_hour_that_is_repeated_in_autumn_is_inside_twice() -> None:
    assert inside_half_hours("2026-10-25", "02:00 to 03:00") == ["00:00", "00:30", "01:00", "01:30"]


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (read_clock_span, "22:00 to 06:00", "a span over midnight is two: 22:00 to 24:00 and 00:00 to 06:00"),
        (read_clock_span, "22:00", "write it like 22:00 to 24:00"),
        (read_clock_span, "22:00 to 24:01", "'24:01' is not a time of day"),
        (read_clock_span, "9 to 17", "'9' is not a time of day"),
        (read_weekdays, "mon to fri", "'mon' is not a weekday; write monday to sunday"),
        (read_weekdays, "friday to monday", "write it as two entries"),
        (read_weekdays, "monday to friday to sunday", "write several entries"),
        (read_months, "13", "'13' is not a month"),
        (read_months, "december to january", "write it as two entries"),
        (read_days_of_month, "0", "the first day of the month is 1, the last one is -1"),
        (read_days_of_month, "32", "a number from -31 to 31"),
        (read_days_of_month, "-1 to -3", "ends before it starts"),
        (read_days_of_month, "-3 to 2", "a span over the end of the month is two"),
        (read_years, "next", "is not a year"),
        (read_zone, "Berlin", "write its IANA name, like Europe/Berlin"),
        (read_zone, "../etc/passwd", "there is no time zone"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(read: object, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(text)  # type: ignore[operator]


NOON = {"noon": [{"times": ["12:00 to 12:01"]}]}  # scripts start at 12:00
ROUTE = {"channels": ["box"], "collect_for": "1s", "update_every": "2s", "remind_every": "1h"}


def test_what_fires_during_a_mute_time_is_told_at_its_end_and_what_ends_in_it_is_never_told() -> None:
    world = World({**ROUTE, "mute": ["noon"]}, mute_times=NOON)
    world.next_tenth = 550

    told = world.run({55.5: ["+a", "+b"], 57: ["-b"]}, 63)

    assert told == ["F{a}@60"]


def test_outside_of_its_hours_a_route_tells_nothing_new_but_quietly_the_end_of_what_it_told() -> None:
    world = World({**ROUTE, "mute_outside": ["noon"]}, mute_times=NOON)
    world.next_tenth = 550

    told = world.run({55.5: ["+a"], 61: ["+b"], 63: ["-a"]}, 66)

    assert told == ["F{a}@56.5", "F{r:a,1 muted}@63~"]
