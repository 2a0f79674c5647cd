"""The shape of a rule's condition: typed, without an expression language."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.config.evidently_section import EvidentlyConditionSection
from monitor.config.fields import LabelText, Name, NonEmpty, Section
from monitor.config.limits import OwnLimitSection, refuse_clear_beyond
from monitor.config.serving_conditions import ErrorRateSection, LatencySection, ServingSection, ThroughputSection
from monitor.config.wrong import wrong
from monitor.config.yaml_file import Loc
from monitor.domain.rules import (
    AllOf,
    AnyOf,
    CheckIsBad,
    Condition,
    Direction,
    DropAgainst,
    Dropped,
    FewLabels,
    Fires,
    Limit,
    Measured,
    Not,
    ShareDrifted,
    Trending,
)

SIGNED_TEST = "wasserstein"
"""The drift test that tells which way the mean moved."""


class ShareDriftedSection(Section):
    """Holds when the share of judged columns with a bad verdict exceeds `above`."""

    above: Annotated[float, Field(ge=0, lt=1)]
    """A share from 0 to below 1."""
    clear_below: Annotated[float, Field(ge=0, lt=1)] | None = None
    """While the rule fires, it holds on until the share is no longer above this smaller one."""
    test: Name | None = None
    """Count only the findings of this test."""
    weighted: bool = False
    """Weigh columns by the baseline's feature importances, where it has them."""
    segment: str = ""
    """Of this segment (empty text: all traffic)."""

    @model_validator(mode="after")
    def _clears_below(self) -> "ShareDriftedSection":
        refuse_clear_beyond(self.above, self.clear_below, "above", "clear_below")
        return self

    def condition(self) -> Condition:
        """The domain value."""
        return ShareDrifted(**self.model_dump())


class BadSection(Section):
    """Holds when a matching finding is drifted or degraded."""

    test: Name | None = None
    """Only findings of this test."""
    column: NonEmpty | None = None
    """Only findings about this column (performance metrics are about `ground_truth`)."""
    segment: str | None = None
    """Only findings about this segment (empty text: all traffic)."""
    warning: bool = False
    """A warning is enough."""
    failed: bool = False
    """A check that could not be computed counts, too: `bad: {failed: true}` is an alarm for blindness."""
    p_at_most: Annotated[float, Field(gt=0, le=1)] | None = None
    """Only findings whose p-value is so small, or that have none. Single checks are outside the alarm budget: each may
    alarm by chance in one window of a thousand, and there are many."""

    def condition(self) -> Condition:
        """The domain value."""
        return CheckIsBad(**self.model_dump())


class ValueSection(OwnLimitSection):
    """Holds when the statistic of a matching finding crosses a limit of the rule's own, in the unit of the test.

    Exactly one of `above` and `below`.
    """

    test: Name
    """The test or metric, as psi, missing_rate, volume, lag, accuracy, estimated_f1."""
    direction: Literal["up", "down"] | None = None
    """Only if the mean of the column moved this way; only the test wasserstein tells."""

    @model_validator(mode="after")
    def _tells_a_direction(self) -> "ValueSection":
        if self.direction is not None and self.test != SIGNED_TEST:
            raise wrong(
                f"{self.test} does not tell a direction", f"use test: {SIGNED_TEST}, or drop it", key="direction"
            )
        return self

    def condition(self) -> Condition:
        """The domain value."""
        direction = Direction(self.direction) if self.direction else None
        return Measured(self.test, self.limit(), self.column, self.segment, direction)


class DropSection(Section):
    """Holds when a performance metric, or its estimate, is worse than what it is compared with, beyond chance."""

    metric: Name
    """The metric (`f1`) or its estimate (`estimated_f1`), worse in its own direction."""
    against: Literal["baseline", "version", "history"]
    """With the training data, another version of the model, or the windows before."""
    by: Annotated[float, Field(ge=0)]
    """How much worse is allowed, in the metric's unit."""
    clear_by: Annotated[float, Field(ge=0)] | None = None
    """While the rule fires, it holds on until the metric is no longer worse by more than this smaller number."""
    sure: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """One-sided confidence with which the drop must exceed `by`: the interval counts, not the point."""
    version: LabelText | None = None
    """With `against: version`: this version, in the same window if it was seen there. Default: what served before."""
    over: Annotated[int, Field(ge=3, le=1000, strict=True)] = 8
    """So many windows before that overlap nothing are the history."""

    @model_validator(mode="after")
    def _fits(self) -> "DropSection":
        if self.version is not None and self.against != "version":
            raise wrong("`version` belongs to `against: version`", "drop one of them", key="version")
        refuse_clear_beyond(self.by, self.clear_by, "by", "clear_by")
        return self

    def condition(self) -> Condition:
        """The domain value."""
        limit = Limit(self.by, self.clear_by)
        return Dropped(self.metric, DropAgainst(self.against), limit, self.sure, self.version, self.over)


class TrendSection(Section):
    """Holds when a statistic rises or falls over the last windows, beyond chance. Exactly one of the two."""

    test: Name
    """The test or metric."""
    column: NonEmpty | None = None
    """Only findings about this column."""
    segment: str | None = None
    """Only findings about this segment (empty text: all traffic)."""
    over: Annotated[int, Field(ge=4, le=1000, strict=True)]
    """So many windows that do not overlap, this one included; all must be judged."""
    rises_by: Annotated[float, Field(ge=0)] | None = None
    """A straight line through them rises by more than this in all."""
    falls_by: Annotated[float, Field(ge=0)] | None = None
    """It falls by more than this in all."""
    clear_by: Annotated[float, Field(ge=0)] | None = None
    """While the rule fires, it holds on until the change is no longer more than this smaller number."""
    sure: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """One-sided confidence with which the slope must not be chance."""

    @model_validator(mode="after")
    def _one_way(self) -> "TrendSection":
        if (self.rises_by is None) == (self.falls_by is None):
            raise wrong("exactly one of `rises_by` and `falls_by` is needed", "write one, as in rises_by: 2")
        refuse_clear_beyond(self._by(), self.clear_by, "rises_by" if self.falls_by is None else "falls_by", "clear_by")
        return self

    def _by(self) -> float:
        return self.rises_by if self.rises_by is not None else self.falls_by or 0.0

    def condition(self) -> Condition:
        """The domain value."""
        limit, falls = Limit(self._by(), self.clear_by), self.falls_by is not None
        return Trending(self.test, limit, self.over, falls, self.column, self.segment, self.sure)


class LabelCoverageSection(Section):
    """Holds when ground truth is known for too small a share of a window's predictions."""

    below: Annotated[float, Field(gt=0, le=1)]
    """A share from above 0 to 1."""
    clear_above: Annotated[float, Field(gt=0, le=1)] | None = None
    """While the rule fires, it holds on until the share is no longer below this larger one."""

    @model_validator(mode="after")
    def _clears_above(self) -> "LabelCoverageSection":
        refuse_clear_beyond(self.clear_above, self.below, "below", "clear_above")
        return self

    def condition(self) -> Condition:
        """The domain value."""
        return FewLabels(Limit(self.below, self.clear_above, below=True))


LeafSection = (
    ShareDriftedSection
    | BadSection
    | ValueSection
    | DropSection
    | TrendSection
    | LabelCoverageSection
    | EvidentlyConditionSection
    | ServingSection
)
_LEAVES = (
    "share_drifted",
    "bad",
    "value",
    "drop",
    "trend",
    "label_coverage",
    "evidently",
    "latency",
    "error_rate",
    "throughput",
)
_CONDITIONS = (*_LEAVES, "fires", "all", "any", "not")


class ConditionSection(Section):
    """Exactly one of its keys: a question to the findings, to another rule, or to other conditions."""

    share_drifted: ShareDriftedSection | None = None
    """Many columns have drifted."""
    bad: BadSection | None = None
    """A certain check is bad; `bad: {}` means any check."""
    value: ValueSection | None = None
    """The statistic of a check crosses a limit of the rule's own."""
    drop: DropSection | None = None
    """A performance metric, or its estimate, is worse than on the baseline, of another version, or than before."""
    trend: TrendSection | None = None
    """A statistic rises or falls over the last windows."""
    label_coverage: LabelCoverageSection | None = None
    """Too few predictions have ground truth."""
    evidently: EvidentlyConditionSection | None = None
    """A metric of Evidently crosses a limit of the rule's own."""
    latency: LatencySection | None = None
    """A quantile of the latency is too long."""
    error_rate: ErrorRateSection | None = None
    """Too many requests failed."""
    throughput: ThroughputSection | None = None
    """Too few, or too many, records come."""
    fires: Name | None = None
    """Another rule fires for the same model; rules of later evaluations count as they stood."""
    all_of: tuple["ConditionSection", ...] | None = Field(default=None, alias="all", min_length=1)
    """Every part holds."""
    any_of: tuple["ConditionSection", ...] | None = Field(default=None, alias="any", min_length=1)
    """At least one part holds."""
    negated: "ConditionSection | None" = Field(default=None, alias="not")
    """The part does not hold."""

    @model_validator(mode="after")
    def _one_key(self) -> "ConditionSection":
        if len(self.model_fields_set) != 1:
            has = "none" if not self.model_fields_set else str(len(self.model_fields_set))
            raise wrong(
                f"a condition has exactly one of {', '.join(_CONDITIONS)}; this one has {has}",
                "put several under all: [...] or any: [...]",
            )
        if self.negated is not None and self.negated.clears():
            hint = "a limit for the end keeps a condition true, and the end of `not` is where it becomes true: drop it"
            raise wrong("a `clear_...` limit stands inside `not`", hint, key="not")
        return self

    def leaf(self) -> LeafSection | None:
        """The section of the condition, if it has no parts and asks for findings."""
        return next((section for name in _LEAVES if (section := getattr(self, name)) is not None), None)

    def parts(self) -> Iterator[tuple[Loc, "ConditionSection"]]:
        """Its parts, each with where it stands below this condition."""
        for key, several in (("all", self.all_of or ()), ("any", self.any_of or ())):
            yield from (((key, index), part) for index, part in enumerate(several))
        if self.negated is not None:
            yield ("not",), self.negated

    def clears(self) -> bool:
        """Whether a limit in it has another value for the end."""
        leaf = self.leaf()
        own = leaf is not None and any(name.startswith("clear_") for name in leaf.model_fields_set)
        return own or any(part.clears() for _, part in self.parts())

    def condition(self) -> Condition:
        """The domain value."""
        leaf = self.leaf()
        if leaf is not None:
            return leaf.condition()
        if self.fires is not None:
            return Fires(self.fires)
        if self.negated is not None:
            return Not(self.negated.condition())
        if self.all_of is not None:
            return AllOf(tuple(part.condition() for part in self.all_of))
        return AnyOf(tuple(part.condition() for part in self.any_of or ()))
