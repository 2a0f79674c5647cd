"""The shape of a metric of Evidently in models/*.yaml, and of a rule's condition on one."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from monitor.config.check_section import ThresholdSection
from monitor.config.fields import Name, NonEmpty, Section
from monitor.config.limits import OwnLimitSection
from monitor.domain.evidently import EvidentlySpec
from monitor.domain.rules import Condition, Measured

Scalar = bool | int | float | str


class EvidentlySection(Section):
    """A metric of Evidently on the raw rows of a window, against those of the baseline."""

    metric: NonEmpty
    """Its name in Evidently, as ValueDrift, QuantileValue, DriftedColumnsCount."""
    name: Name | None = None
    """What findings and rules call it; needed where a metric is asked for twice of one column. Default: `metric`."""
    column: NonEmpty | None = None
    """The column that it is about, for a metric that is about one."""
    segment: str = ""
    """Name of a segment; empty for all traffic."""
    parameters: Mapping[str, Scalar | tuple[Scalar, ...]] = {}
    """Parameters of the metric, by their names in Evidently."""
    threshold: ThresholdSection | None = None
    """Without it the metric is measured and never judged bad; a rule can have a limit of its own. For a ValueDrift by a
    p-value small is bad, for the others large is unless `below` is set."""
    min_records: Annotated[int, Field(ge=1, strict=True)] | None = None
    """Below so many rows in a window the verdict is *insufficient data*."""

    @property
    def called(self) -> str:
        """The name of its findings."""
        return self.name or self.metric

    def spec(self) -> EvidentlySpec:
        """The domain value."""
        threshold = self.threshold.value() if self.threshold else None
        return EvidentlySpec(
            self.metric, self.called, self.column, self.segment, dict(self.parameters), threshold, self.min_records
        )


class EvidentlyConditionSection(OwnLimitSection):
    """Holds when a metric of Evidently that the model asks for crosses a limit of the rule's own.

    Exactly one of `above` and `below`.
    """

    metric: Name
    """The metric, or the `name` that the model gives it."""

    @property
    def test(self) -> str:
        """What its findings are called."""
        return self.metric

    def condition(self) -> Condition:
        """The domain value."""
        return Measured(self.metric, self.limit(), self.column, self.segment)
