"""Baselines: the immutable, content-addressed profile of training data that windows are compared with."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import msgspec
import numpy as np

from monitor.domain.errors import BaselineError
from monitor.domain.models import ALL_TRAFFIC, BaselineRole, ColumnKind, ColumnSpec, ModelRef, Segment
from monitor.domain.time import format_instant, parse_instant
from monitor.stats.calibration.windows import StoredWindows
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn, Rows
from monitor.stats.estimation.error_model import ErrorModel, StoredErrors
from monitor.stats.estimation.from_errors import FromErrors
from monitor.stats.estimation.from_scores import FromScores
from monitor.stats.estimation.learning import Outcomes
from monitor.stats.estimation.outcomes import ScoredOutcomes, StoredOutcomes
from monitor.stats.estimation.tried import StoredTried, Tried
from monitor.stats.profiles.categorical import CategoricalLayout
from monitor.stats.profiles.layouts import Layout, Layouts, Profile, telling_what_is_left_out
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from monitor.stats.profiles.together import TogetherLayout

VERSION = 1

Period = tuple[datetime, datetime]
"""Event times [start, end) that the training data covers."""


class StoredNumeric(msgspec.Struct, array_like=True, frozen=True, tag="numeric"):
    """Layout of a numeric column; arrays as little-endian bytes."""

    edges: bytes
    coarse: bytes
    low: float
    high: float
    minimum: float
    maximum: float
    median: float
    spread: float


class StoredCategorical(msgspec.Struct, array_like=True, frozen=True, tag="categorical"):
    """Layout of a categorical column."""

    categories: list[str]


class StoredBaseline(msgspec.Struct, array_like=True, frozen=True):
    """What `Baseline.to_bytes` stores, before compression; profiles are those of `ModelProfile.content`, by segment."""

    version: int
    model: str
    model_version: str
    rows: int
    period: tuple[str, str] | None
    source: str
    layouts: list[tuple[str, StoredNumeric | StoredCategorical]]
    profiles: list[tuple[str, bytes]]
    importances: list[tuple[str, float]]


class StoredWithWindows(StoredBaseline, array_like=True, frozen=True):
    """The same with its windows. A baseline without them is stored as ever, and keeps its id."""

    windows: StoredWindows | None = None


class StoredTogether(msgspec.Struct, array_like=True, frozen=True):
    """Layout of the sums over pairs; cuts as little-endian bytes."""

    ranked: list[str]
    others: list[str]
    cuts: bytes


class StoredWithOutcomes(StoredWithWindows, array_like=True, frozen=True):
    """The same with what its truths taught; without these a baseline has the bytes, and the id, that it always had."""

    outcomes: StoredOutcomes | StoredErrors | None = None


class StoredWithTogether(StoredWithOutcomes, array_like=True, frozen=True):
    """The same with the layout of sums over pairs; without it a baseline is stored as ever."""

    together: StoredTogether | None = None


class StoredWithSegments(StoredWithTogether, array_like=True, frozen=True):
    """The same with the windows of its segments; without these, again, nothing is different."""

    segment_windows: list[tuple[str, StoredWindows]] = []


class StoredWithRole(StoredWithSegments, array_like=True, frozen=True):
    """The same with what the rows are to the model, where somebody said it."""

    role: str = ""


class StoredWithNaive(StoredWithRole, array_like=True, frozen=True):
    """The same with the error of a naive forecast of its truths; 0 where nobody asked for it."""

    naive_error: float = 0.0


class StoredWithTried(StoredWithNaive, array_like=True, frozen=True):
    """The same with what the rows tell of the errors of estimates, where there are any."""

    tried: StoredTried | None = None


@dataclass(frozen=True, slots=True)
class ColumnBaseline:
    """One column: what it is, where its bins lie, how its training values fell into them."""

    spec: ColumnSpec
    layout: Layout
    profile: Profile


@dataclass(frozen=True, eq=False)
class Baseline:
    """The profile of a model version's training data. Nothing in it may be changed.

    `rows` is the number of training rows, `period` the event times they cover (None: unknown), `source` says in words
    where they came from. `importances` weigh columns (any non-negative scale); a column without one weighs nothing.
    `whole` holds all rows, `segments` those of each segment, on the same bins. `windows` are counts of its own windows,
    from which alarms are calibrated (None: the event times of the rows are unknown). `outcomes` are what the truths of
    the rows taught (None: they had none): performance is estimated from them. `segment_windows` are the windows of
    those segments that have any. `role` is what the rows are to the model (None: nobody said). `naive_error` is that of
    a naive forecast of their truths, in the unit of the target (None: not known). `tried` is what
    the rows tell of the errors of estimates (None: nothing is estimated, or an earlier program built it).
    """

    ref: ModelRef
    rows: int
    period: Period | None
    source: str
    whole: ModelProfile
    segments: Mapping[str, ModelProfile] = field(default_factory=dict)
    importances: Mapping[str, float] = field(default_factory=dict)
    windows: StoredWindows | None = None
    outcomes: Outcomes | None = None
    segment_windows: Mapping[str, StoredWindows] = field(default_factory=dict)
    role: BaselineRole | None = None
    naive_error: float | None = None
    tried: Tried | None = None

    @classmethod
    def build(
        cls,
        ref: ModelRef,
        columns: Mapping[str, Column],
        source: str = "",
        period: Period | None = None,
        *,
        importances: Mapping[str, float] | None = None,
        segments: Sequence[Segment] = (),
        outcomes: Outcomes | None = None,
        with_pairs: bool = False,
        counted: Mapping[str, Layout] | None = None,
    ) -> "Baseline":
        """Choose bins and categories from training columns of equal length and count them; BaselineError if empty.

        Segments are counted apart, so that a segment's traffic is compared with its own training rows. `with_pairs`
        has sums over pairs of columns kept, which some tests of whole windows need. `counted` are columns that windows
        have and the training data lacks, with the bins to count them in.
        """
        rows = _rows(ref, columns, importances or {})
        joint = outcomes.layout if outcomes else None
        together = TogetherLayout.of(columns, importances or {}) if with_pairs else None
        chosen = {name: _layout(column) for name, column in columns.items()}
        counted_on = {**(counted or {}), **chosen}
        layouts = Layouts(counted_on, joint, telling_what_is_left_out(together, counted_on))
        whole = ModelProfile.empty(layouts)
        whole.update(columns, rows)
        parts = {segment.name: _segment(ref, segment, columns, layouts) for segment in segments}
        return cls(ref, rows, period, source, whole, parts, dict(importances or {}), outcomes=outcomes)

    @property
    def layouts(self) -> Layouts:
        """Layouts by column: what profiles of the model's traffic are counted on."""
        return self.whole.layouts

    @cached_property
    def columns(self) -> dict[str, ColumnBaseline]:
        """Every column, ordered by name."""
        profiles, layouts = self.whole.columns, self.layouts
        return {spec.name: ColumnBaseline(spec, layouts[spec.name], profiles[spec.name]) for spec in self.schema}

    @cached_property
    def schema(self) -> tuple[ColumnSpec, ...]:
        """Names and kinds of the columns, ordered by name."""
        kinds = {NumericLayout: ColumnKind.NUMERIC, CategoricalLayout: ColumnKind.CATEGORICAL}
        return tuple(ColumnSpec(name, kinds[type(layout)]) for name, layout in self.layouts.items())

    @cached_property
    def estimator(self) -> FromScores | FromErrors | None:
        """What estimates performance before truth comes; None without outcomes."""
        if isinstance(self.outcomes, ScoredOutcomes):
            return FromScores(self.outcomes, self.tried, self.whole.columns)
        return None if self.outcomes is None else FromErrors(self.outcomes, self.whole.columns, self.tried)

    def profile(self, segment: str = ALL_TRAFFIC) -> ModelProfile:
        """The profile of all training rows or those of one segment; BaselineError when unknown."""
        if segment == ALL_TRAFFIC:
            return self.whole
        if segment not in self.segments:
            raise BaselineError(
                f"the baseline {self.id} of {self.ref} has no segment {segment!r}: it was built before the segment was "
                "configured; build it again"
            )
        return self.segments[segment]

    def profiles(self, segment: str = ALL_TRAFFIC) -> Mapping[str, Profile]:
        """The profile of each column over all training rows or those of one segment; BaselineError when unknown."""
        return self.profile(segment).columns

    @cached_property
    def id(self) -> str:
        """32 hexadecimal digits of the content, the same whatever compresses it."""
        return hashlib.blake2b(self._content(), digest_size=16).hexdigest()

    def to_bytes(self) -> bytes:
        """The baseline as bytes; what is equal gives equal bytes, whatever the order of columns it was built from."""
        return zlib.compress(self._content(), 6)

    def _content(self) -> bytes:
        profiles = [(ALL_TRAFFIC, self.whole), *sorted(self.segments.items())]
        stored = StoredBaseline(
            version=VERSION,
            model=self.ref.name,
            model_version=self.ref.version,
            rows=self.rows,
            period=self.period and (format_instant(self.period[0]), format_instant(self.period[1])),
            source=self.source,
            layouts=[(name, _stored(layout)) for name, layout in self.layouts.items()],
            profiles=[(name, profile.content()) for name, profile in profiles],
            importances=sorted((name, float(weight)) for name, weight in self.importances.items()),
        )
        parts = msgspec.structs.asdict(stored)
        outcomes = None if self.outcomes is None else self.outcomes.stored()
        pairs = None if self.layouts.together is None else _stored_together(self.layouts.together)
        if self.segment_windows or self.role or self.naive_error or self.tried:
            with_segments = StoredWithSegments(
                **parts,
                windows=self.windows,
                outcomes=outcomes,
                together=pairs,
                segment_windows=sorted(self.segment_windows.items()),
            )
            stored = with_segments
            role = self.role.value if self.role else ""
            held = msgspec.structs.asdict(with_segments)
            naive = self.naive_error or 0.0
            if self.tried:
                tried = self.tried.stored()
                stored = StoredWithTried(**held, role=role, naive_error=naive, tried=tried)
            elif naive:
                stored = StoredWithNaive(**held, role=role, naive_error=naive)
            elif role:
                stored = StoredWithRole(**msgspec.structs.asdict(with_segments), role=role)
        elif pairs is not None:
            stored = StoredWithTogether(**parts, windows=self.windows, outcomes=outcomes, together=pairs)
        elif outcomes is not None:
            stored = StoredWithOutcomes(**parts, windows=self.windows, outcomes=outcomes)
        elif self.windows is not None:
            stored = StoredWithWindows(**parts, windows=self.windows)
        return msgspec.msgpack.encode(stored)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Baseline":
        """The baseline that `to_bytes` stored; BaselineError when the bytes are something else."""
        try:
            stored = msgspec.msgpack.decode(zlib.decompress(data), type=StoredWithTried)
        except (zlib.error, msgspec.MsgspecError) as error:
            raise BaselineError(f"{len(data)} bytes are no stored baseline ({error}): build it again") from error
        if stored.version != VERSION:
            raise BaselineError(f"baseline format {stored.version}; this program reads format {VERSION}: upgrade it")
        outcomes = _restored_outcomes(stored.outcomes)
        joint = outcomes.layout if outcomes else None
        counted_on = {name: _restored(layout) for name, layout in stored.layouts}
        layouts = Layouts(counted_on, joint, telling_what_is_left_out(_restored_together(stored), counted_on))
        profiles = {name: ModelProfile.from_content(content, layouts) for name, content in stored.profiles}
        period = stored.period and (parse_instant(stored.period[0]), parse_instant(stored.period[1]))
        whole = profiles.pop(ALL_TRAFFIC)
        ref = ModelRef(stored.model, stored.model_version)
        weights = dict(stored.importances)
        of_segments = dict(stored.segment_windows)
        role = BaselineRole(stored.role) if stored.role else None
        tried = None if stored.tried is None else Tried.restored(stored.tried)
        return cls(
            ref,
            stored.rows,
            period,
            stored.source,
            whole,
            profiles,
            weights,
            stored.windows,
            outcomes,
            of_segments,
            role,
            stored.naive_error or None,
            tried,
        )

    def describe(self) -> dict[str, object]:
        """JSON-able summary for people: rows, period, source, and per column its kind, missing share and range."""
        return {
            "id": self.id,
            "model": self.ref.name,
            "version": self.ref.version,
            "rows": self.rows,
            "period": [format_instant(at) for at in self.period] if self.period else None,
            "source": self.source,
            **({"role": self.role.value} if self.role else {}),
            **({"naive_error": self.naive_error} if self.naive_error else {}),
            "segments": {name: part.n for name, part in sorted(self.segments.items())},
            "calibration": None if self.windows is None else self.windows.describe(),
            "columns": [_describe(column, self.importances) for column in self.columns.values()],
        }


def _rows(ref: ModelRef, columns: Mapping[str, Column], importances: Mapping[str, float]) -> int:
    lengths = {name: len(column) for name, column in columns.items()}
    if not lengths or not max(lengths.values()):
        raise BaselineError(f"a baseline of {ref} needs at least one row and one column: check the training data")
    rows = max(lengths.values())
    short = [f"{name} ({length})" for name, length in lengths.items() if length != rows]
    if short:
        raise BaselineError(f"columns of a baseline of {ref} differ in length: {', '.join(short)} against {rows} rows")
    unknown = sorted(importances.keys() - columns.keys())
    if unknown:
        raise BaselineError(f"importances name columns that the training data lacks: {', '.join(unknown)}")
    negative = sorted(name for name, weight in importances.items() if not 0 <= weight < float("inf"))
    if negative:
        raise BaselineError(f"importances must be finite and not negative: {', '.join(negative)}")
    return rows


def _layout(column: Column) -> Layout:
    if isinstance(column, NumericColumn):
        return NumericLayout.of(column.values)
    return CategoricalLayout.of(column.values)


def _segment(ref: ModelRef, segment: Segment, columns: Mapping[str, Column], layouts: Layouts) -> ModelProfile:
    rows = segment_rows(ref, segment, columns)
    profile = ModelProfile.empty(layouts)
    profile.update({name: part.take(rows) for name, part in columns.items()}, len(rows))
    return profile


def segment_rows(ref: ModelRef, segment: Segment, columns: Mapping[str, Column]) -> Rows:
    """Which training rows belong to the segment; BaselineError when its column is none of theirs, or no categories."""
    column = columns.get(segment.column)
    if not isinstance(column, CategoricalColumn):
        raise BaselineError(
            f"segment {segment.name!r} of {ref} is a slice by column {segment.column!r}, which must be a categorical "
            "column of the training data"
        )
    rows: Rows = np.flatnonzero(np.array([value == segment.value for value in column.values], dtype=np.bool_))
    return rows


def _stored(layout: Layout) -> StoredNumeric | StoredCategorical:
    if isinstance(layout, CategoricalLayout):
        return StoredCategorical(list(layout.categories))
    return StoredNumeric(
        layout.edges.astype("<f8").tobytes(),
        layout.coarse.astype("<i8").tobytes(),
        layout.low,
        layout.high,
        layout.minimum,
        layout.maximum,
        layout.median,
        layout.spread,
    )


def _restored(stored: StoredNumeric | StoredCategorical) -> Layout:
    if isinstance(stored, StoredCategorical):
        return CategoricalLayout(tuple(stored.categories))
    edges = np.frombuffer(stored.edges, "<f8").astype(np.float64)
    coarse = np.frombuffer(stored.coarse, "<i8").astype(np.int64)
    return NumericLayout(
        edges, coarse, stored.low, stored.high, stored.minimum, stored.maximum, stored.median, stored.spread
    )


def _stored_together(layout: TogetherLayout) -> StoredTogether:
    return StoredTogether(list(layout.ranked), list(layout.others), layout.cuts.astype("<f8").tobytes())


def _restored_together(stored: StoredWithTogether) -> TogetherLayout | None:
    if stored.together is None:
        return None
    cuts = np.frombuffer(stored.together.cuts, "<f8").astype(np.float64)
    ranked = tuple(stored.together.ranked)
    return TogetherLayout(ranked, tuple(stored.together.others), cuts.reshape(len(ranked), 3))


def _restored_outcomes(stored: StoredOutcomes | StoredErrors | None) -> Outcomes | None:
    if isinstance(stored, StoredOutcomes):
        return ScoredOutcomes.restored(stored)
    return None if stored is None else ErrorModel.restored(stored)


def _describe(column: ColumnBaseline, importances: Mapping[str, float]) -> dict[str, object]:
    profile, layout = column.profile, column.layout
    about: dict[str, object] = {"name": column.spec.name, "kind": column.spec.kind.value}
    about["missing_share"] = round((profile.missing + profile.invalid) / profile.n, 6)
    if column.spec.name in importances:
        about["importance"] = importances[column.spec.name]
    if isinstance(layout, CategoricalLayout):
        return about | {"categories": len(layout.categories), "examples": list(layout.categories[:5])}
    if isinstance(profile, NumericProfile) and profile.n_values:
        about |= {"minimum": profile.min, "median": layout.median, "maximum": profile.max, "bins": layout.bins}
    return about
