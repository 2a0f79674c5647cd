"""The shape of a sequential detector in models/*.yaml: what it watches, and how often it may be wrong."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from monitor.config.fields import NonEmpty, Section
from monitor.config.wrong import wrong
from monitor.domain.sequential import LOOKS_FOR_A_SHIFT, FalseAlarmRate, SequentialSpec, parse_false_alarm_rate

DEFAULT_SHIFT = 0.5
EVERY = "*"


def _rate(value: object) -> object:
    if isinstance(value, FalseAlarmRate):
        return value
    if not isinstance(value, str):
        raise wrong("must be a rate of false alarms", "write it as in 1 per 100000 records, or 1 per month")
    try:
        return parse_false_alarm_rate(value)
    except ValueError as error:
        message, _, hint = str(error).partition(": ")
        raise wrong(message, hint) from error


Rate = Annotated[
    FalseAlarmRate,
    BeforeValidator(_rate),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d+(\.\d+)? per (\d[\d_,]* records|day|week|month)$",
            "examples": ["1 per 100000 records", "1 per month"],
        }
    ),
]
"""False alarms per records or per time, as `1 per 100000 records`."""


class SequentialSection(Section):
    """A detector that looks at the records one by one, as they are read."""

    detector: Literal["adwin", "conformal", "cusum", "kswin", "page_hinkley"]
    """Which one: see the page about sequential detectors."""
    column: NonEmpty
    """A numeric feature, or `score` or `latency_ms`, that the baseline knows; for `conformal` a categorical one, or
    `prediction`, too."""
    false_alarm: Rate
    """How often it may be wrong on average, as `1 per 100000 records`, or `1 per month` (day, week) of the traffic that
    the baseline's rows are of. The threshold follows. Each line has its own rate: they add up."""
    shift: Annotated[float, Field(gt=0, le=5)] | None = None
    """For `cusum` and `page_hinkley`: the change of the mean, in standard deviations, to be found soonest (0.5)."""
    segments: tuple[NonEmpty, ...] = ()
    """Segments that are watched, too, each by itself, or `"*"` for all of the model's. The rate is that of the whole
    line: all traffic and each segment have an equal part of it."""

    @model_validator(mode="after")
    def _shift_is_looked_for(self) -> "SequentialSection":
        if self.shift is not None and self.detector not in LOOKS_FOR_A_SHIFT:
            raise wrong(f"{self.detector} looks for no shift of one size", "leave `shift` out", key="shift")
        return self

    def specs(self, declared: Sequence[str]) -> tuple[SequentialSpec, ...]:
        """The domain values: of all traffic, and of its segments among those that the model has."""
        named = declared if EVERY in self.segments else self.segments
        segments = ("", *dict.fromkeys(named))
        return tuple(
            SequentialSpec(
                self.detector, self.column, self.false_alarm, self.shift or DEFAULT_SHIFT, segment, len(segments)
            )
            for segment in segments
        )
