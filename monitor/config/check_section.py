"""The shape of a check in models/*.yaml: a test, on what, and what it compares with."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from monitor.config.fields import Duration, DurationOrZero, LabelText, Name, NonEmpty, Section
from monitor.config.wrong import wrong
from monitor.domain.checks import CheckSpec, Parameter, Threshold
from monitor.domain.references import Against

Count = Annotated[int, Field(ge=1, strict=True)]


class ThresholdSection(Section):
    """When a statistic is too large, or too small: which of the two follows from the test or metric."""

    drifted: float
    """The verdict is *drifted* from here on."""
    warning: float | None = None
    """The verdict is *warning* from here on."""
    alpha: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The p-value must also be at most this, for tests that have one."""
    below: bool | None = None
    """Small values are bad. Left out, that is so of metrics of which more is better, as accuracy; only a drift test
    needs it said, where few differences are what is wrong."""

    def value(self) -> Threshold:
        """The domain value."""
        return Threshold(self.drifted, self.warning, self.alpha, below=bool(self.below))


class StretchSection(Section):
    """Event times from `since` up to `until`."""

    since: AwareDatetime
    """Where it begins, with a zone."""
    until: AwareDatetime
    """Where it ends, excluded."""

    @model_validator(mode="after")
    def _has_a_length(self) -> "StretchSection":
        if self.until <= self.since:
            raise wrong("`until` is not after `since`", "an empty stretch holds no window", key="until")
        return self


class AgainstSection(Section):
    """Other stored windows of the model, on the same bins; give one of previous, trailing, weeks, version, segment, and
    `since` with `until`.
    """

    previous: Count | None = None
    """So many windows before this one."""
    trailing: Duration | None = None
    """A stretch of this length before the window."""
    offset: DurationOrZero = timedelta(0)
    """How long before the window the trailing stretch ends."""
    weeks: Count | None = None
    """The same hours of so many weeks before."""
    version: NonEmpty | None = None
    """The same window of another version that is counted on the same baseline."""
    segment: NonEmpty | None = None
    """The same window of another segment."""
    since: AwareDatetime | None = None
    """A fixed stretch of event time, with `until`."""
    until: AwareDatetime | None = None
    """Where the fixed stretch ends, excluded."""
    excluded: tuple[StretchSection, ...] = ()
    """Event times that are left out, such as a known outage."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> "AgainstSection":
        kinds = (self.previous, self.trailing, self.weeks, self.version, self.segment, self.since or self.until)
        if sum(kind is not None for kind in kinds) != 1:
            how = "give one of previous, trailing, weeks, version, segment, or since with until"
            raise wrong("a check is against one thing", how)
        if (self.since is None) != (self.until is None):
            raise wrong("`since` and `until` go together", "give both ends of the stretch")
        if self.offset and self.trailing is None:
            raise wrong("`offset` belongs to `trailing`", "leave it out, or give the length as trailing", key="offset")
        return self

    def value(self) -> Against:
        """The domain value."""
        return Against(
            previous=self.previous or 0,
            trailing=self.trailing,
            offset=self.offset,
            weeks=self.weeks or 0,
            version=self.version or "",
            segment=self.segment or "",
            since=_utc(self.since),
            until=_utc(self.until),
            excluded=tuple((one.since.astimezone(UTC), one.until.astimezone(UTC)) for one in self.excluded),
        )


class CheckSection(Section):
    """A drift test or performance metric on some columns."""

    test: Name
    """Name of the test (`driftline checks list` shows all)."""
    columns: tuple[NonEmpty, ...] = ("*",)
    """Features or outputs; `*` for every column that can serve the test."""
    segment: str = ""
    """Name of a segment; empty for all traffic."""
    threshold: ThresholdSection | None = None
    """Instead of the test's own thresholds."""
    parameters: Mapping[str, bool | int | float | str | Mapping[LabelText, Mapping[LabelText, object]]] = {}
    """Parameters of the test; that of a matrix by true, then by predicted class."""
    min_records: Count | None = None
    """Below so many records in a window the verdict is *insufficient data*."""
    against: AgainstSection | None = None
    """Compare with other windows instead of the baseline. The bins stay those of the baseline."""

    def spec(self) -> CheckSpec:
        """The domain value."""
        threshold = self.threshold.value() if self.threshold else None
        against = self.against.value() if self.against else None
        return CheckSpec(self.test, self.columns, self.segment, threshold, self.plain, self.min_records, against)

    @property
    def plain(self) -> dict[str, Parameter]:
        """The parameters as tests take them: a matrix as JSON."""
        return {name: _plain(value) for name, value in self.parameters.items()}


def _plain(value: Parameter | Mapping[str, Mapping[str, object]]) -> Parameter:
    if not isinstance(value, Mapping):
        return value
    return json.dumps(
        {truth: dict(row) for truth, row in value.items()}, ensure_ascii=False, sort_keys=True, default=str
    )


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
