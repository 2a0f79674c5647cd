"""Types of fields that the configuration files share: durations, sizes, names, labels."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, WithJsonSchema

from monitor.config.secrets import SECRET_HINT, SecretRef, refuse_misspelt
from monitor.config.wrong import wrong
from monitor.domain.budgets import AlarmBudget, parse_alarm_budget
from monitor.domain.time import format_duration, parse_duration


class Section(BaseModel):
    """A mapping of the configuration: unknown keys are mistakes, values never change after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True, hide_input_in_errors=True
    )


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise wrong(f"{value} has no unit", f"write a number and one of ms, s, m, h, d, w, as in {value:g}s")
    if not isinstance(value, str):
        raise wrong("must be a duration", "write a number and one of ms, s, m, h, d, w, as in 15m or 1h30m")
    try:
        return parse_duration(value)
    except ValueError as error:
        message, _, hint = str(error).partition(": ")
        raise wrong(message, hint) from error


def _duration_or_zero(value: object) -> object:
    return timedelta(0) if value in {0, "0", "0s"} and not isinstance(value, bool) else _duration(value)


_DURATION_TEXT = r"^(\d+(ms|s|m|h|d|w))+$"
_DURATION_SCHEMA: dict[str, object] = {"type": "string", "pattern": _DURATION_TEXT, "examples": ["15m", "1h30m", "7d"]}

Duration = Annotated[
    timedelta, BeforeValidator(_duration), PlainSerializer(format_duration), WithJsonSchema(_DURATION_SCHEMA)
]
"""A time longer than zero, as `15m` or `1h30m`."""

DurationOrZero = Annotated[
    timedelta, BeforeValidator(_duration_or_zero), PlainSerializer(format_duration), WithJsonSchema(_DURATION_SCHEMA)
]
"""The same, with `0s` for at once."""

_BUDGET_TEXT = r"^(off|\d+(\.\d+)? per (model per )?(day|week|month))$"


def _budget(value: object) -> object:
    if isinstance(value, AlarmBudget) or value is None:
        return value
    if value is False or value == "off":  # YAML reads a bare off as false
        return None
    if not isinstance(value, str):
        raise wrong("must be a number of false alarms per time", "write it as in 1 per month, or off")
    try:
        return parse_alarm_budget(value)
    except ValueError as error:
        message, _, hint = str(error).partition(": ")
        raise wrong(message, hint) from error


Budget = Annotated[
    AlarmBudget | None,
    BeforeValidator(_budget),
    PlainSerializer(lambda budget: "off" if budget is None else str(budget)),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": _BUDGET_TEXT}, {"const": False}],
            "examples": ["1 per month", "0.5 per week", "off"],
        }
    ),
]
"""False alarms per time, as `1 per month`, or `off`."""

_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)")
_SIZE_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def _size(value: object) -> object:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if match is None:
        raise wrong(f"{value!r} is no size", "write a number and one of B, KiB, MiB, GiB, as in 16KiB")
    return int(match[1]) * _SIZE_UNITS[match[2]]


SizeBytes = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d+\s*(B|KiB|MiB|GiB)$"}, {"type": "integer"}]}),
]
"""A number of bytes, as `16KiB`."""


def _label(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


LabelText = Annotated[
    str, BeforeValidator(_label), WithJsonSchema({"anyOf": [{"type": t} for t in ("string", "integer", "boolean")]})
]
"""A value as it stands in the data, written with or without quotes: `1`, `true`, `DE`."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def _name(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(_NAME, value) or len(value) > 100:
        raise wrong(f"{value!r} is no name", "use letters, digits, `.`, `_` and `-`, at most 100, and quote numbers")
    return value


Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
"""A name that can stand in URLs, file names and metric labels."""

NonEmpty = Annotated[str, StringConstraints(min_length=1)]
"""Text of at least one character."""

_PASSWORD_IN_URL = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]+@")


def _url(value: object) -> object:
    if isinstance(value, Mapping):
        if len(value) != 1 or not {"env", "file"} & set(value):
            refuse_misspelt(value)
            raise wrong("give the URL as text, or by reference", SECRET_HINT)
        return SecretRef.model_validate(value)
    if isinstance(value, str) and _PASSWORD_IN_URL.match(value):
        raise wrong("the URL holds a password", "put the whole URL elsewhere: {env: NAME} or {file: PATH}")
    if isinstance(value, SecretRef) or (isinstance(value, str) and "://" in value):
        return value
    raise wrong(f"{value!r} is no URL", "write it like sqlite:///driftline.db or https://host/path")


UrlOrSecret = Annotated[
    str | SecretRef,
    BeforeValidator(_url),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "://"},
                {"type": "object", "properties": {"env": {"type": "string"}, "file": {"type": "string"}}},
            ]
        }
    ),
]
"""A URL; one that holds a password only by reference."""

_HTTP_URL = r"https?://[^\s<>\"'?#]+"


def _http_url(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(_HTTP_URL, value):
        raise wrong(f"{value!r} is no address of a web server", "write it like https://driftline.example.com")
    return value


HttpUrl = Annotated[str, BeforeValidator(_http_url), WithJsonSchema({"type": "string", "pattern": f"^{_HTTP_URL}$"})]
"""The start of web addresses, as `https://driftline.example.com`."""

_SECRET_WORDS = ("secret", "password", "token", "api_key", "apikey", "authorization", "credentials")


def references(value: object, key: str = "") -> object:
    """References become SecretRef; a literal under a key that names a secret is refused."""
    if isinstance(value, Mapping):
        if len(value) == 1 and {"env", "file"} & set(value):
            return SecretRef.model_validate(value)
        if _names_a_secret(key):
            refuse_misspelt(value, key)
        return {str(name): references(part, str(name)) for name, part in value.items()}
    if isinstance(value, str) and _names_a_secret(key):
        raise wrong("a secret must not stand here", SECRET_HINT, key=key)
    if isinstance(value, str) and _PASSWORD_IN_URL.match(value):
        raise wrong("the URL holds a password", "put the whole URL elsewhere: {env: NAME} or {file: PATH}", key=key)
    return value


def _names_a_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_WORDS)


PluginSettings = Annotated[Mapping[str, object], BeforeValidator(references)]
"""Settings that a plug-in checks for itself; secrets in them by reference."""
