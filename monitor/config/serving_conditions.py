"""The shape of conditions on how a model is served, in the units of people: a duration, a share, records a second."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from monitor.config.fields import Duration, NonEmpty, Section
from monitor.config.limits import one_limit, refuse_clear_beyond
from monitor.config.wrong import wrong
from monitor.domain.models import LATENCY
from monitor.domain.rules import Condition, Limit, Measured
from monitor.stats.serving import LATENCIES

Share = Annotated[float, Field(ge=0, le=1)]
_MILLISECOND = timedelta(milliseconds=1)


def _quantile(value: object) -> object:
    if isinstance(value, int | float) and value in LATENCIES:
        return value
    known = ", ".join(f"{p:g}" for p in LATENCIES)
    raise wrong(f"no latency is measured at the quantile {value!r}", f"write one of {known}")


Quantile = Annotated[
    float, BeforeValidator(_quantile, json_schema_input_type=float), Field(json_schema_extra={"enum": [*LATENCIES]})
]


class LatencySection(Section):
    """Holds when a quantile of the latency is above a limit; a check of the model measures it."""

    p: Quantile
    """The quantile: 0.5, 0.95 or 0.99, of the check `latency_p50`, `latency_p95` or `latency_p99`."""
    above: Duration
    """Holds above this latency, as `250ms`; the column is in milliseconds."""
    clear_below: Duration | None = None
    """While the rule fires, it holds on until the latency is no longer above this smaller one."""
    column: NonEmpty = LATENCY
    """The column that holds the latencies."""
    segment: str = ""
    """Of this segment (empty text: all traffic)."""

    @model_validator(mode="after")
    def _clears_below(self) -> "LatencySection":
        clear = None if self.clear_below is None else self.clear_below / _MILLISECOND
        refuse_clear_beyond(self.above / _MILLISECOND, clear, "above", "clear_below")
        return self

    @property
    def test(self) -> str:
        """The check that measures it."""
        return LATENCIES[self.p]

    def condition(self) -> Condition:
        """The domain value."""
        clear = None if self.clear_below is None else self.clear_below / _MILLISECOND
        return Measured(self.test, Limit(self.above / _MILLISECOND, clear), self.column, self.segment)


class ErrorRateSection(Section):
    """Holds when too large a share of the requests failed; the check `error_rate` of the model measures it."""

    above: Share
    """Holds above this share, 0 to 1."""
    clear_below: Share | None = None
    """While the rule fires, it holds on until the share is no longer above this smaller one."""
    column: NonEmpty | None = None
    """The column that tells whether a request failed; without it, any that a check names."""
    segment: str = ""
    """Of this segment (empty text: all traffic)."""

    @model_validator(mode="after")
    def _clears_below(self) -> "ErrorRateSection":
        refuse_clear_beyond(self.above, self.clear_below, "above", "clear_below")
        return self

    @property
    def test(self) -> str:
        """The check that measures it."""
        return "error_rate"

    def condition(self) -> Condition:
        """The domain value."""
        return Measured(self.test, Limit(self.above, self.clear_below), self.column, self.segment)


class ThroughputSection(Section):
    """Holds when too few, or too many, records come; the check `throughput` of the model measures it.

    Exactly one of `above` and `below`.
    """

    above: Annotated[float, Field(ge=0)] | None = None
    """Holds above so many records a second."""
    below: Annotated[float, Field(gt=0)] | None = None
    """Holds below so many records a second."""
    clear_below: Annotated[float, Field(ge=0)] | None = None
    """With `above`: while the rule fires, it holds on until the rate is no longer above this smaller one."""
    clear_above: Annotated[float, Field(gt=0)] | None = None
    """With `below`: while the rule fires, it holds on until the rate is no longer below this larger one."""
    segment: str = ""
    """Of this segment (empty text: all traffic)."""

    @model_validator(mode="after")
    def _one_side(self) -> "ThroughputSection":
        self._limit()
        return self

    def _limit(self) -> Limit:
        return one_limit(self.above, self.below, self.clear_below, self.clear_above, as_in="below: 5")

    @property
    def test(self) -> str:
        """The check that measures it."""
        return "throughput"

    def condition(self) -> Condition:
        """The domain value."""
        return Measured(self.test, self._limit(), segment=self.segment)


ServingSection = LatencySection | ErrorRateSection | ThroughputSection
