"""What is monitored: models, their columns, segments and per-model settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from monitor.domain.budgets import AlarmBudget
from monitor.domain.checks import CheckSpec
from monitor.domain.columns import ColumnKind as ColumnKind  # noqa: PLC0414 - people look for it here
from monitor.domain.columns import ColumnSpec as ColumnSpec  # noqa: PLC0414 - the same
from monitor.domain.derived import DerivedColumn
from monitor.domain.evidently import EvidentlySpec
from monitor.domain.fairness import FairnessPolicy
from monitor.domain.sequential import SequentialSpec
from monitor.domain.windows import WindowSpec

PREDICTION, SCORE, LATENCY = "prediction", "score", "latency_ms"
OUTPUT_COLUMNS = (PREDICTION, SCORE, LATENCY)
"""Reserved column names: profiled beside the features, under these names everywhere."""

ALL_TRAFFIC = ""
"""The segment that every record belongs to."""


@dataclass(frozen=True, slots=True, order=True)
class ModelRef:
    """One version of a monitored model."""

    name: str
    version: str

    def __str__(self) -> str:
        """`name:version`, as people write it."""
        return f"{self.name}:{self.version}"


class Task(StrEnum):
    """What the model predicts; decides which performance metrics make sense.

    FORECAST: numbers, and quantiles of what may come. RANKING: for each query a list of items, the best first. TEXT:
    texts that a model wrote.
    """

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    FORECAST = "forecast"
    RANKING = "ranking"
    TEXT = "text"

    @property
    def has_classes(self) -> bool:
        """Whether predictions and truths are labels."""
        return self in {Task.BINARY, Task.MULTICLASS}

    @property
    def has_numbers(self) -> bool:
        """Whether predictions and truths are numbers."""
        return self in {Task.REGRESSION, Task.FORECAST}


@dataclass(frozen=True, slots=True)
class Segment:
    """A named slice of the traffic: the records whose categorical `column` equals `value`."""

    name: str
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class GroundTruthPolicy:
    """How performance windows wait for ground truth.

    A window is judged first when `min_coverage` (share of its predictions with truth, 0 to 1) is reached or `wait`
    has passed since its end (event time); later truth raises the revision. Truth that was known later than `horizon`
    after the window's end does not count, whenever it comes. `name` is which kind of truth counts (empty: the one
    without a name).
    """

    wait: timedelta
    min_coverage: float
    horizon: timedelta
    name: str = ""


def truth_name(policy: GroundTruthPolicy | None) -> str:
    """Which kind of truth counts for a model; without a policy the one without a name."""
    return "" if policy is None else policy.name


class BaselineRole(StrEnum):
    """What the rows of a baseline are to the model."""

    TRAINING = "training"
    HOLDOUT = "holdout"
    PRODUCTION = "production"

    @property
    def is_fitted(self) -> bool:
        """Whether the model was fitted to these very rows, and looks better on them than it is."""
        return self is BaselineRole.TRAINING


class Personal(StrEnum):
    """What becomes of a personal column before its raw values are kept."""

    HASH = "hash"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class ArchivePolicy:
    """Which raw rows of a model are kept, how, and for how long.

    `rate` (above 0, at most 1) is the share of predictions, chosen by a hash of their id; `keep` is how long after
    their event time (None: as long as other records). `originals` are the texts and vectors that are kept as they came,
    beside the columns that are made of them.
    """

    rate: float = 1.0
    personal: Mapping[str, Personal] = field(default_factory=dict)
    keep: timedelta | None = None
    originals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MonitoredModel:
    """Everything that the program must know about one model, whatever its version.

    `lateness` is how far behind the newest event time a window still waits for stragglers; `retention` how far behind
    records are still folded into (already judged) windows, beyond which they are refused and counted.
    `silence_after` is how long a caught-up stream may be quiet before the clock closes its windows (None: never, and
    empty windows are not judged).
    `remember_ids` is how many of the newest event ids of a version are remembered in each partition to recognise
    duplicates (0: none are), `max_versions` how many versions with records within retention a partition may have.
    `low_volume` is the share of the usual traffic (0 to 1) below which a window has too little (None: not judged),
    `low_coverage` the share of what producers say they served below which too little of it came (None: shown and not
    judged). `stale_after` is how far reading may fall behind, and `max_lag` how many records may wait in a partition,
    before it is a finding (None: never). `alarm_budget` is how many false alarms the check of the whole model may raise
    (None: it is not judged as a whole). `fairness` says which features are sensitive (None: none is said to be).
    `max_baseline_age` is how long before a window the data of its baseline may end (None: it is not judged). `derived`
    are features of which columns are made that can be profiled. `sequential` are the detectors that look at its records
    one by one, `evidently` the metrics of Evidently that are computed on its raw rows. `predictions_of` is the model
    whose predictions it judges by a further truth (None: it has its own).
    """

    name: str
    windows: WindowSpec
    lateness: timedelta
    retention: timedelta
    min_records: int = 100
    task: Task | None = None
    positive_label: str | None = None
    segments: tuple[Segment, ...] = ()
    checks: tuple[CheckSpec, ...] = ()
    propose_checks: bool = True
    ground_truth: GroundTruthPolicy | None = None
    silence_after: timedelta | None = None
    archive: ArchivePolicy | None = None
    remember_ids: int = 0
    max_versions: int = 200
    low_volume: float | None = None
    low_coverage: float | None = None
    stale_after: timedelta | None = None
    max_lag: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    retraining: str | None = None
    alarm_budget: AlarmBudget | None = None
    fairness: FairnessPolicy | None = None
    max_baseline_age: timedelta | None = None
    derived: tuple[DerivedColumn, ...] = ()
    sequential: tuple[SequentialSpec, ...] = ()
    evidently: tuple[EvidentlySpec, ...] = ()
    predictions_of: str | None = None

    @property
    def recorded_as(self) -> str:
        """The name in the records, and that of its baselines."""
        return self.predictions_of or self.name


def further_name(model: str, truth: str) -> str:
    """Under which name a model is judged by a further truth."""
    return f"{model}.{truth}"


def by_further_truth(
    model: MonitoredModel, policy: GroundTruthPolicy, checks: tuple[CheckSpec, ...], *, propose_checks: bool
) -> MonitoredModel:
    """The model as it is judged by a further truth: performance alone, with these checks, under `MODEL.TRUTH`.

    It has no records of its own, so nothing of it is counted, watched or kept; and it asks for no retraining, for the
    guard and the proof of a retrained model rest on the model's own truth.
    """
    return MonitoredModel(
        name=further_name(model.name, policy.name),
        windows=model.windows,
        lateness=model.lateness,
        retention=model.retention,
        min_records=model.min_records,
        task=model.task,
        positive_label=model.positive_label,
        checks=checks,
        propose_checks=propose_checks,
        ground_truth=policy,
        silence_after=model.silence_after,
        labels=model.labels,
        predictions_of=model.name,
    )
