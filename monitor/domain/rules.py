"""Rules: conditions over findings, folded in event time into phases, transitions and alert events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.domain.windows import Window


class Severity(StrEnum):
    """How urgently people should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Phase(StrEnum):
    """Where a rule stands for one subject. *Recovering* is firing whose condition turned false a moment ago."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"

    @property
    def is_active(self) -> bool:
        """Firing, as far as people are told."""
        return self in {Phase.FIRING, Phase.RECOVERING}


@dataclass(frozen=True, slots=True)
class ShareDrifted:
    """Holds when the share of judged columns with a bad verdict exceeds `above` (0 to 1), weighted by importance
    where the baseline has importances and `weighted` is set. `test` narrows it to one test.
    """

    above: float
    test: str | None = None
    weighted: bool = False


@dataclass(frozen=True, slots=True)
class CheckIsBad:
    """Holds when a matching finding is drifted or degraded (or, with `warning`, at least a warning).

    With `failed` a check that could not be computed is as bad as any. `test`, `column` and `segment` narrow the
    findings; None matches any.
    """

    test: str | None = None
    column: str | None = None
    segment: str | None = None
    warning: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when at least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not (and is unknown when that is)."""

    part: "Condition"


Condition = ShareDrifted | CheckIsBad | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Rule:
    """When to alert, how urgently, and whether to ask for retraining.

    `hold` is how long (event time) the condition must hold before the rule fires; `keep` how long it keeps firing
    after the condition turned false. `models` are the model names it applies to (`*` for all).
    """

    name: str
    when: Condition
    severity: Severity = Severity.WARNING
    hold: timedelta = timedelta(0)
    keep: timedelta = timedelta(0)
    models: tuple[str, ...] = ("*",)
    summary: str = ""
    runbook: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    retrain: bool = False

    def applies_to(self, model: str) -> bool:
        """Whether the rule watches this model."""
        return "*" in self.models or model in self.models


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule's state is about. Never a version, window or value: an alert keeps its identity through them."""

    rule: str
    model: str


@dataclass(frozen=True, slots=True)
class RuleState:
    """Where one rule stands for one subject, in event time.

    `since` is when the condition began to hold, `fired_at` when the rule began to fire, `clear_since` when the
    condition turned false while firing, `folded_to` the end of the last window folded. `labels` are those under which
    its alert was told last: with them it can be told to be over when the rule itself is gone from the configuration.
    """

    phase: Phase = Phase.INACTIVE
    since: datetime | None = None
    fired_at: datetime | None = None
    clear_since: datetime | None = None
    folded_to: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """A rule's change of phase, with its reason; `at` is event time (the end of the judged window)."""

    subject: Subject
    before: Phase
    after: Phase
    at: datetime
    window: Window
    why: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes the transition unique."""
        return (self.subject.rule, self.subject.model, self.at.isoformat(), self.after)


@dataclass(frozen=True, slots=True)
class Chart:
    """Plain data of a picture that explains an alert: two series over shared categories."""

    title: str
    categories: tuple[str, ...]
    baseline: tuple[float, ...]
    current: tuple[float, ...]
    unit: str = "share of records"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """What monitor hands to alerts: identity in labels, words in annotations, a start and perhaps an end."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None = None
    link: str | None = None
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a rule that is not configured any more: where it stood, its last transition, what is to be told."""

    before: RuleState
    transition: Transition
    event: AlertEvent | None
