"""Rules: conditions over findings, folded in event time into phases, transitions and alert events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from monitor.domain.models import ALL_TRAFFIC
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

    While the rule fires, it holds on until the share is no longer above `clear_below` (None: `above`).
    """

    above: float
    test: str | None = None
    weighted: bool = False
    segment: str = ALL_TRAFFIC
    clear_below: float | None = None


@dataclass(frozen=True, slots=True)
class CheckIsBad:
    """Holds when a matching finding is drifted or degraded (or, with `warning`, at least a warning).

    With `failed` a check that could not be computed is as bad as any. `test`, `column` and `segment` narrow the
    findings; None matches any. `p_at_most` has only those count whose p-value is so small, or who have none.
    """

    test: str | None = None
    column: str | None = None
    segment: str | None = None
    warning: bool = False
    failed: bool = False
    p_at_most: float | None = None


class Direction(StrEnum):
    """Which way the values of a column moved."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of one's own on a number, in the unit of that number; while the rule fires, `clear` takes its place."""

    at: float
    clear: float | None = None
    below: bool = False

    def is_crossed(self, number: float, *, firing: bool) -> bool:
        """Whether the number is beyond the limit; on it is not."""
        limit = self.clear if firing and self.clear is not None else self.at
        return number < limit if self.below else number > limit


@dataclass(frozen=True, slots=True)
class Measured:
    """Holds when the statistic of a matching finding crosses the limit, whatever the check's own verdict is.

    `direction` asks that the values moved this way; only findings that tell their `shift` know it.
    """

    test: str
    limit: Limit
    column: str | None = None
    segment: str | None = None
    direction: Direction | None = None


class DropAgainst(StrEnum):
    """What a performance metric is compared with."""

    BASELINE = "baseline"
    VERSION = "version"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Dropped:
    """Holds when a metric (`of`), or its estimate, is worse than what it is compared with, by more than `by`.

    It must be so with the one-sided confidence `sure` (0.5 to 1): the interval counts, not the point. `version` names
    the model version to compare with (None: the one that served before); `over` is how many windows before count.
    """

    of: str
    against: DropAgainst
    limit: Limit
    sure: float = 0.95
    version: str | None = None
    over: int = 8


@dataclass(frozen=True, slots=True)
class Trending:
    """Holds when a statistic rose (or, with `falls`, fell) over the last `over` windows by more than the limit.

    What counts is the straight line through them, and that it is no chance with the one-sided confidence `sure`.
    """

    test: str
    limit: Limit
    over: int
    falls: bool = False
    column: str | None = None
    segment: str | None = None
    sure: float = 0.95


@dataclass(frozen=True, slots=True)
class FewLabels:
    """Holds when ground truth is known for too small a share (0 to 1) of the window's predictions."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class Fires:
    """Holds while another rule fires for the same model."""

    rule: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Holds when the findings do not tell whether its part holds."""

    part: "Condition"


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


Leaf = ShareDrifted | CheckIsBad | Measured | Dropped | Trending | FewLabels | Fires
Condition = Leaf | AllOf | AnyOf | Not | Unknown


class NoData(StrEnum):
    """What a window counts as that does not tell whether a rule's condition holds."""

    HOLD = "hold"
    OK = "ok"
    ALERT = "alert"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Escalation:
    """The severity that an alert has while this condition holds, too."""

    severity: Severity
    when: Condition


@dataclass(frozen=True, slots=True)
class Hours:
    """Times of the week by the clocks of a zone: `start` and `end` are minutes after local midnight, half-open.

    `weekdays` count from Monday, 0; `first` and `last` are days between which it holds, both included (None: open).
    """

    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset(range(7))
    start: int = 0
    end: int = 24 * 60
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When to alert, how urgently, and whether to ask for retraining.

    `hold` is how long (event time) the condition must hold before the rule fires; `keep` how long it keeps firing
    after the condition turned false. A window counts for the condition when at least `at_least` of the `of_last`
    newest windows that told did. `models` are the model names it applies to (`*` for all); with `each_segment` every
    segment of a model has an alert of its own. `escalations` raise the severity. Windows without an answer count as
    `no_data` says, once there was none for `no_data_after`. Windows that begin within `after_deploy` of a new version's
    first, or that touch `except_in`, are not judged. `alertname` is the alert's name where that is not the rule's.
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
    owner: str = ""
    at_least: int = 1
    of_last: int = 1
    each_segment: bool = False
    escalations: tuple[Escalation, ...] = ()
    no_data: NoData = NoData.HOLD
    no_data_after: timedelta = timedelta(0)
    after_deploy: timedelta = timedelta(0)
    except_in: tuple[Hours, ...] = ()
    alertname: str = ""

    def applies_to(self, model: str) -> bool:
        """Whether the rule watches this model."""
        return "*" in self.models or model in self.models


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule's state is about. Never a version, window or value: an alert keeps its identity through them."""

    rule: str
    model: str
    segment: str = ALL_TRAFFIC


@dataclass(frozen=True, slots=True)
class Memory:
    """What a rule remembers beside its phase; empty for a rule that asks for nothing of the kind.

    `votes` are the newest windows that told, oldest first (`b` the condition held, `o` it did not). `version` serves
    since `deployed_at` (None: since before the rule was first folded), `unknown_since` is the end of the first window
    of a row that did not tell; both are as of the window that ends at `seen_to`. `severity` is how bad a firing alert
    is now, where that is not the rule's own.
    """

    votes: str = ""
    version: str = ""
    deployed_at: datetime | None = None
    unknown_since: datetime | None = None
    seen_to: datetime | None = None
    severity: Severity | None = None


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
    memory: Memory = field(default_factory=Memory)


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
    def key(self) -> tuple[str, str, str, str, str]:
        """What makes the transition unique."""
        subject = self.subject
        return (subject.rule, subject.model, subject.segment, self.at.isoformat(), self.after)


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
    """What monitor hands to alerts: identity in labels, words in annotations, a start and perhaps an end.

    One that `amends` adds its annotations to an alert that fires, and neither begins nor ends one.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None = None
    link: str | None = None
    charts: tuple[Chart, ...] = ()
    amends: bool = False


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a rule that is not configured any more: where it stood, its last transition, what is to be told."""

    before: RuleState
    transition: Transition
    event: AlertEvent | None
