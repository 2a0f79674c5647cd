"""The shape of models/*.yaml: one monitored model a file."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from monitor.config.check_section import CheckSection
from monitor.config.evidently_section import EvidentlySection
from monitor.config.fields import Budget, Duration, LabelText, Name, NonEmpty, Section
from monitor.config.ground_truth_section import FurtherTruthSection, GroundTruthSection, Share
from monitor.config.sequential_section import SequentialSection
from monitor.config.wrong import wrong
from monitor.domain.budgets import ONE_A_MONTH
from monitor.domain.derived import MOST_COMPONENTS, MOST_DIMENSIONS, TextColumn, VectorColumn
from monitor.domain.fairness import FairnessPolicy
from monitor.domain.models import (
    ArchivePolicy,
    BaselineRole,
    MonitoredModel,
    Personal,
    Segment,
    Task,
    by_further_truth,
)
from monitor.domain.sequential import SequentialSpec
from monitor.domain.time import in_one_unit
from monitor.domain.windows import WindowSpec
from monitor.usecases.training_columns import TrainingOptions

Count = Annotated[int, Field(ge=1, strict=True)]


class WindowSection(Section):
    """Event-time windows, aligned to the epoch in UTC."""

    size: Duration
    """Length of a window."""
    slide: Duration | None = None
    """A window starts every `slide`; it divides `size`. Without it, windows do not overlap."""

    @model_validator(mode="after")
    def _slide_divides_size(self) -> "WindowSection":
        if self.slide is not None and self.size % self.slide:
            raise wrong(
                f"size {in_one_unit(self.size)} is not a multiple of slide {in_one_unit(self.slide)}",
                "choose a slide that divides the size, as in size: 1h, slide: 15m",
                key="slide",
            )
        return self

    def spec(self) -> WindowSpec:
        """The domain value."""
        return WindowSpec(self.size, self.slide or self.size)


class SegmentSection(Section):
    """A slice of the traffic that is watched by itself."""

    name: Name
    """What checks and rules call it."""
    column: NonEmpty
    """A categorical feature."""
    value: LabelText
    """The records whose feature has this value belong to the segment."""


class TextSection(Section):
    """A feature of free text: its descriptors are profiled as columns `NAME.words` and so on, not the text itself."""

    column: NonEmpty
    """The feature that holds it."""
    words: bool = True
    """Look at one word of each text, too, which tells what share of words is new. Stored baselines and windows then
    hold single words; `false` where even these are personal."""

    def value(self) -> TextColumn:
        """The domain value."""
        return TextColumn(self.column, self.words)


class VectorSection(Section):
    """A feature that is a list of numbers, as an embedding: components, length and shape are profiled as columns."""

    column: NonEmpty
    """The feature that holds it."""
    dimensions: Annotated[int, Field(ge=1, le=MOST_DIMENSIONS, strict=True)]
    """How many numbers a vector has; any other number is a mistake of its producer, and told as one."""
    components: Annotated[int, Field(ge=1, le=MOST_COMPONENTS, strict=True)] = 16
    """On so many numbers it is projected; to change it takes a new baseline."""

    def value(self) -> VectorColumn:
        """The domain value."""
        return VectorColumn(self.column, self.dimensions, self.components)


class FairnessSection(Section):
    """Which features are sensitive: their groups are compared in every window."""

    features: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    """Columns such as sex or age band; the segments that lie on one of them are its groups."""
    favourable: LabelText | None = None
    """The prediction that people hope for; without it `positive_label`."""
    min_records: Count = 30
    """A group of fewer records in a window is named and not compared."""
    min_share: Share = 0.02
    """The same for a group of less than this share of the records whose group is known."""

    def policy(self, positive_label: str | None) -> FairnessPolicy:
        """The domain value."""
        return FairnessPolicy(self.features, self.favourable or positive_label or "", self.min_records, self.min_share)


class ArchiveSection(Section):
    """Which raw rows of a model are kept."""

    rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the predictions, chosen by a hash of their id."""
    personal: Mapping[NonEmpty, Literal["hash", "mask"]] = Field(default_factory=dict)
    """Columns whose values are kept as keyed hashes (equal ones stay equal) or not at all."""
    keep: Duration | None = None
    """How long after their event time; without it as long as `retention.records` of monitor.yaml says."""
    originals: tuple[NonEmpty, ...] = ()
    """Texts and vectors that are kept as they came, beside the columns made of them. A text may hold names, addresses
    and whatever people write: keep it only where that may be."""

    def policy(self) -> ArchivePolicy:
        """The domain value."""
        personal = {name: Personal(how) for name, how in self.personal.items()}
        return ArchivePolicy(self.rate, personal, self.keep, self.originals)


def _archive(value: object) -> object:
    """`true` is a section that says nothing."""
    return ({} if value else None) if isinstance(value, bool) else value


Archive = Annotated[
    ArchiveSection | None,
    BeforeValidator(_archive, json_schema_input_type=bool | ArchiveSection | None),
]


class TrainingSection(Section):
    """How to read the model's training data; options of `driftline baseline build` come on top."""

    target: NonEmpty | None = None
    """Column of the truth: no feature; performance is estimated from it."""
    event_time: NonEmpty | None = None
    """Column of the rows' event time; tells the period that the baseline covers."""
    exclude: tuple[NonEmpty, ...] = ()
    """Columns to leave out."""
    categorical: tuple[NonEmpty, ...] = ()
    """Columns of numbers that are categories."""
    rename: Mapping[NonEmpty, NonEmpty] = Field(default_factory=dict)
    """Columns that records call by another name; the outputs are prediction, score and latency_ms."""
    role: Literal["training", "holdout", "production"] | None = None
    """What the rows are to the model: fitted to them, held out from it, or a good stretch of production."""
    season: Duration | None = None
    """How long before a truth the one lies that a naive forecast repeats, as `7d`: `mase` is scaled by its error."""
    series: NonEmpty | None = None
    """Column that says which series a row is of, where the season is looked for in each by itself."""

    @model_validator(mode="after")
    def _season_has_times(self) -> "TrainingSection":
        if self.season is not None and self.event_time is None:
            hint = "name the column of the rows' event time, as in event_time: day"
            raise wrong("`season` needs `event_time`: what was true a season before is found by it", hint, key="season")
        if self.series is not None and self.season is None:
            raise wrong("`series` belongs to `season`", "leave it out, or say how long a season is", key="series")
        return self

    def options(self) -> TrainingOptions:
        """What the baseline builder is told."""
        role = BaselineRole(self.role) if self.role else None
        return TrainingOptions(
            dict(self.rename),
            self.exclude,
            self.target,
            self.event_time,
            self.categorical,
            role,
            self.season,
            self.series,
        )


class ModelFile(Section):
    """models/NAME.yaml."""

    model: Name
    """The model's name, as in the records."""
    task: Literal["binary", "multiclass", "regression", "forecast", "ranking", "text"] | None = None
    """What the model predicts; decides which performance metrics make sense."""
    positive_label: LabelText | None = None
    """The label that counts as positive, for binary models."""
    window: WindowSection
    """Windows that are judged."""
    lateness: Duration = timedelta(minutes=5)
    """How long a window still waits for stragglers (event time)."""
    retention: Duration = timedelta(days=2)
    """How late a record may be and still be counted in its (already judged) window."""
    min_records: Count = 100
    """Below so many records in a window the verdict is *insufficient data*."""
    segments: tuple[SegmentSection, ...] = ()
    """Slices of the traffic."""
    texts: tuple[TextSection, ...] = ()
    """Features of free text."""
    vectors: tuple[VectorSection, ...] = ()
    """Features that are vectors, as embeddings."""
    checks: tuple[CheckSection, ...] = ()
    """Checks beside, or instead of, the proposed ones."""
    propose_checks: bool = True
    """Let the baseline propose checks for every column."""
    ground_truth: GroundTruthSection | None = None
    """How to wait for truth; without it, performance is not judged."""
    truths: Mapping[Name, FurtherTruthSection] = {}
    """Further kinds of truth by their name, as a reviewer's decision: each is judged beside `ground_truth`, under the
    name of a model of its own, MODEL.NAME, that findings, rules and commands use."""
    fairness: FairnessSection | None = None
    """Which features are sensitive, so that their groups are compared; without it, groups are not."""
    training: TrainingSection = TrainingSection()
    """How to read its training data."""
    silence_after: Duration | None = None
    """How long a caught-up stream may be quiet before its windows are closed by the clock and judged as they are. It
    says that records are expected in every window: without it, nothing tells of windows without any."""
    remember_ids: Annotated[int, Field(ge=0, strict=True)] = 131_072
    """How many of the newest event ids of a version are remembered in each partition: a record whose id is among them
    is a duplicate and not counted again. 0 switches it off, for producers whose ids are not unique."""
    max_versions: Count = 200
    """How many versions may have records within `retention` in one partition; those of further ones are refused as
    `too_many_versions`. Each takes memory: a producer that writes a new version into every record must not fill it."""
    low_volume: Annotated[float, Field(gt=0, lt=1)] | None = 0.5
    """A window with less than this share of its usual traffic (same hours of the weeks before) has *low volume*."""
    low_coverage: Annotated[float, Field(gt=0, lt=1)] | None = 0.5
    """A window with less than this share of what its producers served has *low coverage*, where they number their
    records. Records that are left out by sampling are not missing: those that came stand for them."""
    stale_after: Duration | None = None
    """How far the reading of the stream may fall behind before the check `staleness` is bad; rules can alert on it."""
    max_lag: Count | None = None
    """How many records may wait in a partition before the check `lag` is bad; rules can alert on it, too."""
    max_baseline_age: Duration | None = None
    """How long before a window the data of its baseline may end, as `180d`, before the check `baseline_age` is bad."""
    alarm_budget: Budget = ONE_A_MONTH
    """How many false alarms about the whole model are acceptable, as `1 per month` (day, week, month): the check
    `model_drift` keeps to it, whatever the number of columns and windows. `off`: it is not judged as a whole."""
    sequential: tuple[SequentialSection, ...] = ()
    """Detectors that look at the records one by one, for streams where minutes matter."""
    evidently: tuple[EvidentlySection, ...] = ()
    """Metrics of Evidently, computed on the raw rows that `archive` keeps."""
    default_rules: bool | None = None
    """Whether the rules that come with the program watch it; left out, they do where no rule in rules/ does."""
    archive: Archive = None
    """Keep raw rows as Parquet files: needed for reports, and for retraining data sets. `true`, or how."""
    labels: Mapping[NonEmpty, LabelText] = {}
    """Added to every alert about this model; routes match on them."""
    retraining: Name | None = None
    """A policy of monitor.yaml; without it, requests of rules are held."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "ModelFile":
        if self.retention < self.lateness:
            raise wrong(
                f"retention {in_one_unit(self.retention)} is shorter than lateness {in_one_unit(self.lateness)}",
                "records that a window waits for must not be refused",
                key="retention",
            )
        if self.task == "binary" and self.ground_truth is not None and self.positive_label is None:
            raise wrong(
                "`positive_label` is missing", "binary metrics need to know which label is the positive one", key="task"
            )
        if self.fairness is not None and not (self.fairness.favourable or self.positive_label):
            how = "write which prediction people hope for, as in favourable: approved"
            raise wrong("`favourable` is missing, and there is no `positive_label`", how, key="fairness")
        personal = self.archive.personal if self.archive else {}
        if said := [one.column for one in self.texts if one.words and one.column in personal]:
            how = "write `words: false`, so that no word of it is kept, or take it out of `personal`"
            raise wrong(f"{said[0]!r} is personal, and single words of it would be kept", how, key="texts")
        made = self._made()
        if again := sorted({name for name in made if made.count(name) > 1}):
            how = "a column is one text, or one vector"
            raise wrong(f"{again[0]!r} is declared twice in texts and vectors", how, key="vectors")
        originals = self.archive.originals if self.archive else ()
        if unknown := [name for name in originals if name not in made]:
            how = "`originals` names columns of `texts` and `vectors`; any other feature is kept as it is"
            raise wrong(f"{unknown[0]!r} is no text and no vector", how, key="archive")
        if said := [name for name in originals if name in personal]:
            how = "a text is hidden as a whole, or kept: take it out of one of the two"
            raise wrong(f"{said[0]!r} is personal, and its original would be kept", how, key="archive")
        if on := [one for one in self.segments if one.column in made]:
            how = "lay it on a feature that has few values"
            raise wrong(f"segment {on[0].name!r} is on {on[0].column!r}, a text or vector", how, key="segments")
        names = [segment.name for segment in self.segments]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise wrong(f"segment {twice[0]!r} is defined twice", "give each segment its own name", key="segments")
        return self

    def _made(self) -> list[str]:
        return [*(one.column for one in self.texts), *(one.column for one in self.vectors)]

    @property
    def derived_columns(self) -> frozenset[str]:
        """Features of which columns are made: texts and vectors."""
        return frozenset(self._made())

    @model_validator(mode="after")
    def _truths_are_further_ones(self) -> "ModelFile":
        if self.truths and self.ground_truth is None:
            raise wrong("there is no `ground_truth`", "say first which truth is the model's own", key="truths")
        if self.ground_truth is not None and self.ground_truth.name in self.truths:
            how = "leave it out here: the model itself is judged by it"
            raise wrong(f"{self.ground_truth.name!r} is the truth of `ground_truth`", how, key="truths")
        return self

    def _sequential(self) -> tuple[SequentialSpec, ...]:
        """Those of one segment beside each other: its records are looked for once."""
        declared = [segment.name for segment in self.segments]
        specs = [spec for one in self.sequential for spec in one.specs(declared)]
        return tuple(sorted(specs, key=lambda spec: spec.segment))

    def values(self) -> Iterator[MonitoredModel]:
        """The domain values: the model, and it judged by each further truth."""
        model = self.value()
        yield model
        for name, truth in self.truths.items():
            checks = tuple(check.spec() for check in truth.checks)
            yield by_further_truth(model, truth.policy(name), checks, propose_checks=truth.propose_checks)

    def value(self) -> MonitoredModel:
        """The domain value."""
        return MonitoredModel(
            name=self.model,
            windows=self.window.spec(),
            lateness=self.lateness,
            retention=self.retention,
            min_records=self.min_records,
            task=Task(self.task) if self.task else None,
            positive_label=self.positive_label,
            segments=tuple(Segment(s.name, s.column, s.value) for s in self.segments),
            checks=tuple(check.spec() for check in self.checks),
            propose_checks=self.propose_checks,
            ground_truth=self.ground_truth.policy() if self.ground_truth else None,
            silence_after=self.silence_after,
            archive=self.archive.policy() if self.archive else None,
            remember_ids=self.remember_ids,
            max_versions=self.max_versions,
            low_volume=self.low_volume,
            low_coverage=self.low_coverage,
            stale_after=self.stale_after,
            max_lag=self.max_lag,
            max_baseline_age=self.max_baseline_age,
            sequential=self._sequential(),
            evidently=tuple(one.spec() for one in self.evidently),
            labels=dict(self.labels),
            retraining=self.retraining,
            alarm_budget=self.alarm_budget,
            fairness=self.fairness.policy(self.positive_label) if self.fairness else None,
            derived=(*(one.value() for one in self.texts), *(one.value() for one in self.vectors)),
        )
