"""Kinds of values that settings are made of: durations such as `5m`, and secrets kept elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = ("days", "hours", "minutes", "seconds")


def parse_duration(text: object) -> timedelta:
    """Read `90s`, `5m`, `4h`, `1h30m`, `7d`; raises ValueError with an example.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    found = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if found is None:
        msg = f"{text!r} is not a duration; write a number with d, h, m or s, like 10s, 5m, 1h30m"
        raise ValueError(msg)
    counts = {unit: int(count) for unit, count in zip(_UNITS, found.groups(), strict=True) if count}
    return timedelta(**counts)


def format_duration(span: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, to the second.

    >>> format_duration(timedelta(minutes=90))
    '1h30m'
    """
    seconds = int(span.total_seconds())
    units = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in units if count) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "examples": ["10s", "5m", "4h"]}),
]


def _at_least_a_second(span: timedelta) -> timedelta:
    if span < timedelta(seconds=1):
        msg = f"{format_duration(span)} is too short; the least is 1s"
        raise ValueError(msg)
    return span


PositiveDuration = Annotated[Duration, AfterValidator(_at_least_a_second)]


def _read_never(text: object) -> timedelta:
    return timedelta.max if text == "never" else _at_least_a_second(parse_duration(text))


def _write_never(span: timedelta) -> str:
    return "never" if span == timedelta.max else format_duration(span)


DurationOrNever = Annotated[
    timedelta,
    BeforeValidator(_read_never),
    PlainSerializer(_write_never),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(never|(\d+d)?(\d+h)?(\d+m)?(\d+s)?)$", "examples": ["4h", "never"]}
    ),
]
"""A duration, or `never`, which is the longest there is."""


class Settings(BaseModel):
    """A section of a configuration: frozen, and a key that it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ChannelSettings(Settings):
    """What every kind of channel has; a kind adds `kind: Literal[...]` and what it needs."""

    send_resolved: bool = True
    """Whether it is told when alerts are over."""
    per_minute: Annotated[int, Field(ge=1)] | None = None
    """At most so many messages a minute, a tenth of them at once; the others wait."""


class SecretRef(Settings):
    """Where a secret is kept: `{env: NAME}` or `{file: PATH}`. Its value never enters the configuration."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            msg = "name the place of the secret by exactly one of {env: NAME} and {file: PATH}"
            raise ValueError(msg)
        return self

    def read(self, environ: Mapping[str, str] = os.environ) -> SecretStr:
        """Fetch the secret; raises SecretMissing, which says what to set, when it is absent or empty."""
        if self.env is not None:
            value = environ.get(self.env, "")
            if not value:
                msg = f"environment variable {self.env} is not set; export it, or name a file by {{file: PATH}}"
                raise SecretMissing(msg)
            return SecretStr(value)
        path = self.file or Path()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"secret file {path} cannot be read: {error.strerror}; create it, readable by this user"
            raise SecretMissing(msg) from error
        if not value:
            msg = f"secret file {path} is empty; write the secret into it"
            raise SecretMissing(msg)
        return SecretStr(value)


class SecretMissing(ValueError):
    """A secret that the configuration names is not there."""


def explain_secret_in_clear(value: object) -> object:
    """Refuse a secret written into the configuration itself, saying what to write, without repeating it."""
    if isinstance(value, str):
        msg = "a secret may not stand in the configuration; write {env: NAME} or {file: PATH}"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError into a message with a path
    return value


Secret = Annotated[SecretRef, BeforeValidator(explain_secret_in_clear)]
