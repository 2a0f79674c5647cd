"""The sections `inhibit` and `mute_times` of the routes file: their shapes, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field

from alerts.inhibition import InhibitRule
from alerts.mute_times import DAY_MINUTES, ClockSpan, DaySpan, Interval, MuteTime, Span
from alerts.routing import Matcher
from alerts.settings import Settings

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_LAST_YEAR = 9999
_LAST_DAY = 31

Words = tuple[str, ...]
T = TypeVar("T")


def _checked(read: Callable[[str], object]) -> AfterValidator:
    """Refuse at the line of the file what cannot be read; the text itself is kept."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


def read_clock_span(text: str) -> ClockSpan:
    """Read `22:00 to 24:00`; raises ValueError with what to write instead."""
    start, end = (_minutes(part) for part in _two(text, "22:00 to 24:00"))
    if start >= end:
        msg = f"{text!r} ends before it starts; a span over midnight is two: 22:00 to 24:00 and 00:00 to 06:00"
        raise ValueError(msg)
    return ClockSpan(start, end)


def read_weekdays(text: str) -> Span:
    """Read `saturday` or `monday to friday`; Monday is 0."""
    return _ordered(text, *(_named(part, WEEKDAYS, "weekday") for part in _one_or_two(text)))


def read_months(text: str) -> Span:
    """Read `december` or `june to august`, or the number of a month."""
    return _ordered(text, *(_month(part) for part in _one_or_two(text)))


def read_years(text: str) -> Span:
    """Read `2027` or `2026 to 2028`."""
    first, last = (_whole(part, "year", 1, _LAST_YEAR) for part in _one_or_two(text))
    return _ordered(text, first, last)


def read_days_of_month(text: str) -> DaySpan:
    """Read `1`, `1 to 5` or `-3 to -1`, the last three days."""
    first, last = (_whole(part, "day of the month", -_LAST_DAY, _LAST_DAY) for part in _one_or_two(text))
    if first == 0 or last == 0:
        msg = f"{text!r} has a day 0; the first day of the month is 1, the last one is -1"
        raise ValueError(msg)
    if first < 0 < last or ((first < 0) == (last < 0) and first > last):
        msg = f"{text!r} ends before it starts; a span over the end of the month is two: -3 to -1 and 1 to 2"
        raise ValueError(msg)
    return DaySpan(first, last)


def read_zone(name: str) -> ZoneInfo:
    """Find a zone by its IANA name; raises ValueError when there is none of this name."""
    try:
        if name in available_timezones():
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        pass
    msg = f"there is no time zone {name!r}; write its IANA name, like Europe/Berlin or UTC"
    raise ValueError(msg)


class IntervalSettings(Settings):
    """Instants at which everything that is given holds; what is left out always holds."""

    times: tuple[Annotated[str, _checked(read_clock_span)], ...] = ()
    """Of the day, as `22:00 to 24:00`: the start belongs to it, the end does not."""
    weekdays: tuple[Annotated[str, _checked(read_weekdays)], ...] = ()
    """`saturday`, `monday to friday`."""
    days_of_month: tuple[Annotated[str, Field(coerce_numbers_to_str=True), _checked(read_days_of_month)], ...] = ()
    """`1`, `1 to 5`, `-3 to -1`; negative ones count from the end."""
    months: tuple[Annotated[str, Field(coerce_numbers_to_str=True), _checked(read_months)], ...] = ()
    """`december`, `june to august`."""
    years: tuple[Annotated[str, Field(coerce_numbers_to_str=True), _checked(read_years)], ...] = ()
    """`2027`, `2026 to 2028`."""
    zone: Annotated[str, _checked(read_zone)] = "UTC"
    """IANA name of the zone whose clocks count."""


def _at_least_one(what: str, example: str) -> AfterValidator:
    """Refuse an empty list; unlike a length that pydantic checks, it is silent about a list with another mistake."""

    def check(items: tuple[T, ...]) -> tuple[T, ...]:
        if not items:
            msg = f"the list is empty; give at least one {what}, like {example}"
            raise ValueError(msg)
        return items

    return AfterValidator(check)


def read_label_name(text: str) -> str:
    """Check the name of a label; raises ValueError with an example."""
    if not text.isidentifier():
        msg = f"{text!r} is not a label name; write the name alone, like model"
        raise ValueError(msg)
    return text


MuteTimesSettings = Mapping[
    str, Annotated[tuple[IntervalSettings, ...], _at_least_one("interval", 'times: ["22:00 to 24:00"]')]
]
Matchers = Annotated[tuple[Annotated[str, _checked(Matcher.parse)], ...], _at_least_one("matcher", 'kind="data"')]


class InhibitSettings(Settings):
    """While an alert of `when` fires, those of `mute` that have the same values of `equal` are not told."""

    when: Matchers
    mute: Matchers
    equal: tuple[Annotated[str, _checked(read_label_name)], ...] = ()


def inhibit_rule(settings: InhibitSettings) -> InhibitRule:
    """The rule of a section that was found good."""
    when, mute = (tuple(map(Matcher.parse, texts)) for texts in (settings.when, settings.mute))
    return InhibitRule(when, mute, settings.equal)


def mute_times_of(settings: MuteTimesSettings) -> dict[str, MuteTime]:
    """The mute times of a section that was found good, by name."""
    return {name: MuteTime(name, tuple(map(_interval, intervals))) for name, intervals in settings.items()}


def _interval(settings: IntervalSettings) -> Interval:
    return Interval(
        zone=read_zone(settings.zone),
        times=tuple(map(read_clock_span, settings.times)),
        weekdays=tuple(map(read_weekdays, settings.weekdays)),
        days_of_month=tuple(map(read_days_of_month, settings.days_of_month)),
        months=tuple(map(read_months, settings.months)),
        years=tuple(map(read_years, settings.years)),
    )


def _parts(text: str) -> list[str]:
    return re.split(r"\s+to\s+", text.strip())


def _two(text: str, example: str) -> tuple[str, str]:
    parts = _parts(text)
    if len(parts) != 2:
        msg = f"{text!r} is not a span; write it like {example}"
        raise ValueError(msg)
    return parts[0], parts[1]


def _one_or_two(text: str) -> tuple[str, str]:
    parts = _parts(text)
    if len(parts) > 2:
        msg = f"{text!r} has more than a first and a last; write several entries of the list"
        raise ValueError(msg)
    return parts[0], parts[-1]


def _minutes(text: str) -> int:
    found = re.fullmatch(r"(\d{1,2}):([0-5]\d)", text)
    minutes = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minutes <= DAY_MINUTES:
        msg = f"{text!r} is not a time of day; write it from 00:00 to 24:00"
        raise ValueError(msg)
    return minutes


def _named(text: str, names: Words, what: str) -> int:
    if text.lower() not in names:
        msg = f"{text!r} is not a {what}; write {names[0]} to {names[-1]}"
        raise ValueError(msg)
    return names.index(text.lower())


def _month(text: str) -> int:
    return int(text) if text.isdigit() and 1 <= int(text) <= len(MONTHS) else _named(text, MONTHS, "month") + 1


def _whole(text: str, what: str, least: int, most: int) -> int:
    if not re.fullmatch(r"-?\d{1,4}", text) or not least <= int(text) <= most:
        msg = f"{text!r} is not a {what}; write a number from {least} to {most}"
        raise ValueError(msg)
    return int(text)


def _ordered(text: str, first: int, last: int) -> Span:
    if first > last:
        msg = f"{text!r} ends before it starts; write it as two entries of the list"
        raise ValueError(msg)
    return Span(first, last)
