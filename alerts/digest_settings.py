"""The section `digests` of the routes file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from alerts.digests import Digest
from alerts.mute_times import DAY_MINUTES
from alerts.muting_settings import WEEKDAYS, read_weekdays, read_zone
from alerts.routing import Matcher
from alerts.settings import Settings


def read_time(text: str) -> time:
    """Read `08:00`; raises ValueError with an example."""
    hour, colon, minute = text.partition(":")
    if colon and len(text) == 5 and (hour + minute).isdecimal() and int(hour) < 24 and int(minute) < 60:
        return time(int(hour), int(minute))
    msg = f"{text!r} is no time of the day; write it like 08:00"
    raise ValueError(msg)


def _check_time(text: str) -> str:
    read_time(text)
    return text


def _unfold(written: object) -> object:
    """YAML reads 18:00 without quotes as a number to the base of 60."""
    is_minutes = isinstance(written, int) and 0 <= written < DAY_MINUTES
    return f"{written // 60:02}:{written % 60:02}" if is_minutes and isinstance(written, int) else written


def _check_zone(text: str) -> str:
    read_zone(text)
    return text


def _check_day(text: str) -> str:
    if text != "day":
        span = read_weekdays(text)
        if span.first != span.last:
            msg = f"{text!r} is more than one day; write day, or one weekday, like monday"
            raise ValueError(msg)
    return text


class DigestSettings(Settings):
    """A summary that is told once a day, or once a week."""

    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    """Who is told."""
    at: Annotated[str, BeforeValidator(_unfold), AfterValidator(_check_time)]
    """Time of the day, as `"08:00"`."""
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    """IANA name of the zone whose clocks count."""
    every: Annotated[str, AfterValidator(_check_day)] = "day"
    """`day`, or a weekday: once a week."""
    match: tuple[str, ...] = ()
    """Conditions on labels that all must hold; without any it is of all alerts."""


DigestsSettings = Mapping[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}$")], DigestSettings]


def digests_of(settings: DigestsSettings) -> tuple[Digest, ...]:
    """The digests as they were written, in their order."""
    return tuple(
        Digest(
            name,
            one.channels,
            read_time(one.at),
            read_zone(one.zone),
            None if one.every == "day" else WEEKDAYS.index(one.every.lower()),
            tuple(map(Matcher.parse, one.match)),
        )
        for name, one in settings.items()
    )
