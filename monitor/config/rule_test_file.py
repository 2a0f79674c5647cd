"""The shape of a file of rule tests: findings in shorthand, and what they must lead to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from monitor.config.fields import DurationOrZero, Name, NonEmpty, Section
from monitor.config.wrong import wrong
from monitor.domain.findings import Verdict
from monitor.domain.time import parse_instant

_FIGURE = re.compile(r"(?P<number>-?\d+(\.\d+)?(e-?\d+)?)(\+-(?P<margin>\d+(\.\d+)?))?(?P<direction>up|down)?")
_TIMES = re.compile(r"x(\d{1,5})")
_HINT = 'write numbers (0.3), verdicts (ok, drifted), ? for too little data, - for none, x4 to repeat: "ok x3 0.4 x2"'
_LETTERS = {"?": Verdict.INSUFFICIENT_DATA, **{verdict.value: verdict for verdict in Verdict}}


@dataclass(frozen=True, slots=True)
class Shorthand:
    """What a check says of one window: a verdict or a number, with half of its 95 % interval if it has one.

    `direction` is which way the mean of the column moved, *up* or *down*, where that is stated.
    """

    verdict: Verdict | None = None
    number: float | None = None
    margin: float | None = None
    direction: str | None = None


def read_series(value: object) -> tuple[Shorthand | None, ...]:
    """Windows in order, None where the check was not run.

    >>> [one.number for one in read_series("0.1 0.4 x2") if one]
    [0.1, 0.4, 0.4]
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.split():
        raise wrong("must be a series of windows", _HINT)
    series: list[Shorthand | None] = []
    for word in value.split():
        times = _TIMES.fullmatch(word)
        if times and series:
            series += [series[-1]] * (int(times[1]) - 1)
        else:
            series.append(_one(word))
    return tuple(series)


def _one(word: str) -> Shorthand | None:
    if word == "-":
        return None
    if word in _LETTERS:
        return Shorthand(_LETTERS[word])
    match = _FIGURE.fullmatch(word)
    if match is None:
        raise wrong(f"{word!r} is no finding", _HINT)
    margin = float(match["margin"]) if match["margin"] else None
    return Shorthand(None, float(match["number"]), margin, match["direction"])


def _versions(value: object) -> object:
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str) or not value.split():
        raise wrong("must be a series of versions", 'write the version of each window, as in "1 x4 2 x6"')
    series: list[str] = []
    for word in value.split():
        times = _TIMES.fullmatch(word)
        series += [series[-1]] * (int(times[1]) - 1) if times and series else [word]
    return tuple(series)


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    try:
        return parse_instant(str(value))
    except ValueError as error:
        raise wrong(f"{value!r} is no instant", "write it like 2026-11-02T00:00:00Z") from error


Series = Annotated[
    tuple[Shorthand | None, ...], BeforeValidator(read_series), WithJsonSchema({"type": ["string", "number"]})
]
Versions = Annotated[tuple[str, ...], BeforeValidator(_versions), WithJsonSchema({"type": ["string", "integer"]})]
Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]


class ExpectedAlert(Section):
    """One alert, from its first to its last window. Times count from `start` of the test, in event time."""

    rule: Name
    """The rule."""
    segment: str = ""
    """The segment, for a rule with `each: segment`."""
    begins: DurationOrZero
    """At the end of the window that makes it fire."""
    ends: DurationOrZero | None = None
    """At the end of the window that ends it; left out, it fires still at the end of the test."""
    severity: Literal["info", "warning", "critical"] | None = None
    """The highest that it reached; left out, any."""


class ExpectedNotification(Section):
    """One message. Times count from `start` of the test, by the clock on the wall."""

    at: DurationOrZero
    """When it is put on its way."""
    channel: NonEmpty
    """To which channel."""
    reason: str | None = None
    """Why it is sent, in the words of docs/reference/reasons.md (NotifyReason); left out, any."""
    firing: tuple[Name, ...] = ()
    """The alerts of the message that fire."""
    resolved: tuple[Name, ...] = ()
    """Those that are over."""


class RuleTestSection(Section):
    """One test: windows that follow each other, and all that they lead to."""

    name: NonEmpty
    """A sentence."""
    model: Name
    """A model of the configuration."""
    start: Instant = datetime.fromisoformat("2026-11-02T00:00:00+00:00")
    """The start of the first window."""
    findings: Mapping[NonEmpty, Series]
    """What each check (`psi(amount)`, `f1(ground_truth)`, `psi(amount)[germany]`) says, window by window; of a version
    beside the one that serves as `f1(ground_truth) of version 2`."""
    versions: Versions = ("1",)
    """The version that serves, window by window; the last one goes on."""
    on_training_data: Mapping[Name, float] = {}
    """What metrics were on the training data, as `{f1: 0.9}`: what `drop` against the baseline compares with."""
    importances: Mapping[NonEmpty, Annotated[float, Field(ge=0)]] = {}
    """The importance of features."""
    label_coverage: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share of predictions with ground truth, in every window."""
    alerts: tuple[ExpectedAlert, ...] | None = None
    """Every alert; left out, alerts are not compared. An empty list: none."""
    notifications: tuple[ExpectedNotification, ...] | None = None
    """Every message of routes.yaml; left out, messages are not compared."""
    after: DurationOrZero = timedelta(hours=1)
    """For so long after the last window messages are awaited."""


class RuleTestFile(Section):
    """A file of tests for `driftline rules test`."""

    tests: tuple[RuleTestSection, ...] = Field(min_length=1)
    """The tests of this file."""
