"""The shape of rules/*.yaml: when to alert, how urgently, and whether to ask for retraining."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.config.fields import DurationOrZero, LabelText, Name, NonEmpty, Section
from monitor.config.wrong import wrong
from monitor.domain.rules import AllOf, AnyOf, CheckIsBad, Condition, Not, Rule, Severity, ShareDrifted


class ShareDriftedSection(Section):
    """Holds when the share of judged columns with a bad verdict exceeds `above`."""

    above: Annotated[float, Field(ge=0, lt=1)]
    """A share from 0 to below 1."""
    test: Name | None = None
    """Count only the findings of this test."""
    weighted: bool = False
    """Weigh columns by the baseline's feature importances, where it has them."""


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


_CONDITIONS = ("share_drifted", "bad", "all", "any", "not")


class ConditionSection(Section):
    """Exactly one of `share_drifted`, `bad`, `all`, `any`, `not`."""

    share_drifted: ShareDriftedSection | None = None
    """Many columns have drifted."""
    bad: BadSection | None = None
    """A certain check is bad; `bad: {}` means any check."""
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
        return self

    def condition(self) -> Condition:
        """The domain value."""
        if self.share_drifted is not None:
            return ShareDrifted(**self.share_drifted.model_dump())
        if self.bad is not None:
            return CheckIsBad(**self.bad.model_dump())
        if self.negated is not None:
            return Not(self.negated.condition())
        if self.all_of is not None:
            return AllOf(tuple(part.condition() for part in self.all_of))
        return AnyOf(tuple(part.condition() for part in self.any_of or ()))


class RuleSection(Section):
    """One rule."""

    name: Name
    """Identity of the rule and of its alerts: renaming it starts new ones."""
    when: ConditionSection
    """The condition over the findings of one window."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """How urgently people should look."""
    hold: DurationOrZero = timedelta(0)
    """How long (event time) the condition must hold before the rule fires."""
    keep: DurationOrZero = timedelta(0)
    """How long the rule keeps firing after the condition turned false, so that it does not flap."""
    models: tuple[NonEmpty, ...] = Field(default=("*",), min_length=1)
    """Names of models; `*` for all."""
    summary: str = ""
    """One sentence for people, at the top of the message."""
    runbook: str = ""
    """Where to read what to do."""
    labels: Mapping[NonEmpty, LabelText] = {}
    """Added to the rule's alerts; routes match on them."""
    retrain: bool = False
    """Ask for retraining when the rule fires."""

    def value(self) -> Rule:
        """The domain value."""
        return Rule(
            name=self.name,
            when=self.when.condition(),
            severity=Severity(self.severity),
            hold=self.hold,
            keep=self.keep,
            models=self.models,
            summary=self.summary,
            runbook=self.runbook,
            labels=dict(self.labels),
            retrain=self.retrain,
        )


class RulesFile(Section):
    """rules/NAME.yaml."""

    rules: tuple[RuleSection, ...] = Field(min_length=1)
    """The rules of this file."""
