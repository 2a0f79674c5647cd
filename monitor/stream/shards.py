"""Shares of one claim on a partition: records in, dirty shares out."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel, Segment
from monitor.domain.stream import Claim, Share, ShareKey
from monitor.domain.time import duration_ms
from monitor.stats.baseline import Baseline
from monitor.stats.columns import Column, Ints, Mask, Rows
from monitor.stats.profiles.categorical import CategoricalLayout
from monitor.stats.profiles.layouts import Layout
from monitor.stats.profiles.model import ModelProfile
from monitor.stats.texts import equal
from monitor.stream.batch import (
    Extra,
    RecordBatch,
    as_categorical,
    have_same_names,
    join_all,
    join_extra,
    rows_between,
    take_rows,
)

FOLD_AT_ROWS = 4_096
"""Rows of a model version that are collected before its profiles are updated: an update has a fixed cost a column."""

BaselineLookup = Callable[[ModelRef, int], tuple[str, Baseline] | None]
"""(id, baseline) that holds for a model version at the start of a pane; None when there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What a fold needs of a batch."""

    event_time_ms: Ints
    offsets: Ints
    late: Mask
    columns: Mapping[str, Column]
    extra: Mapping[int, Sequence[Extra]] = field(default_factory=dict)

    def between(self, start: int, stop: int) -> "_Rows":
        if stop - start == len(self.offsets):
            return self
        run = slice(start, stop)
        columns = rows_between(self.columns, start, stop)
        return _Rows(self.event_time_ms[run], self.offsets[run], self.late[run], columns, self.extra)

    def take(self, rows: Rows) -> "_Rows":
        columns = take_rows(self.columns, rows)
        return _Rows(self.event_time_ms[rows], self.offsets[rows], self.late[rows], columns, self.extra)

    def unknown(self) -> dict[str, Counter[str]]:
        """Sampled values of the features that no baseline knows, by feature."""
        found: dict[str, Counter[str]] = {}
        here = np.isin(list(self.extra), self.offsets).tolist() if self.extra else ()
        for of_record, is_here in zip(self.extra.values(), here, strict=False):
            for name, value in (item for extra in of_record if is_here for item in extra.items()):
                counts = found.setdefault(name, Counter())
                if value is not None:
                    counts[value] += 1
        return found


@dataclass(slots=True)
class _OpenShare:
    """A share in memory. `frozen` replaces the profile once the pane is closed: a tenth of the size."""

    key: ShareKey
    layouts: Mapping[str, Layout] | None
    profile: ModelProfile | None
    frozen: bytes = b""
    n: int = 0
    late: int = 0
    first_offset: int = 0
    next_offset: int = 0
    dirty: bool = False

    def add(self, rows: _Rows) -> None:
        if self.n == 0:
            self.first_offset = int(rows.offsets[0])
        self.n += len(rows.offsets)
        self.late += int(np.count_nonzero(rows.late))
        self.next_offset = int(rows.offsets[-1]) + 1
        self.dirty = True
        if self.layouts is None:
            return
        if self.profile is None:
            self.profile, self.frozen = ModelProfile.from_bytes(self.frozen, self.layouts), b""
            self.profile.narrow()
        self.profile.update(_conform(rows.columns, self.layouts), len(rows.offsets))
        if rows.extra and (unknown := rows.unknown()):
            self.profile.add_extra({name: counts.items() for name, counts in unknown.items()})

    def to_share(self) -> Share:
        payload = self.frozen if self.profile is None else self.profile.to_bytes()
        return Share(self.key, self.n, self.late, self.first_offset, self.next_offset, payload)

    def freeze(self) -> None:
        if self.profile is not None:
            self.frozen, self.profile = self.profile.to_bytes(), None


class Shards:
    """The shares that one claim on a partition has begun, with what is not saved yet.

    A share is keyed by the claim's epoch, begins empty and is written whole, so saving it twice is saving it once and
    a successor never needs to load it. `baselines` is asked once for each pane of a model version.
    """

    def __init__(self, claim: Claim, models: Mapping[str, MonitoredModel], baselines: BaselineLookup) -> None:
        self._claim, self._models, self._baselines = claim, models, baselines
        self._waiting: dict[ModelRef, list[tuple[RecordBatch, Mask]]] = {}
        self._rows_waiting: Counter[ModelRef] = Counter()
        self._open: dict[tuple[ModelRef, str, int, str], _OpenShare] = {}

    def __len__(self) -> int:
        """Number of shares in memory."""
        return len(self._open)

    def add(self, batch: RecordBatch, late: Mask) -> None:
        """Take accepted records; `late` marks those whose window was closed when they came."""
        waiting = self._waiting.setdefault(batch.ref, [])
        waiting.append((batch, late))
        self._rows_waiting[batch.ref] += len(batch)
        if self._rows_waiting[batch.ref] >= FOLD_AT_ROWS:
            self._fold(batch.ref, waiting)
            del self._waiting[batch.ref], self._rows_waiting[batch.ref]

    def settle(self) -> None:
        """Fold everything that was collected; `dirty` is complete afterwards."""
        for ref, waiting in list(self._waiting.items()):
            self._fold(ref, waiting)
            del self._waiting[ref]
            self._rows_waiting.pop(ref, None)

    def dirty(self) -> list[Share]:
        """The shares that changed since they were last saved, complete as of the records taken so far."""
        self.settle()
        return [share.to_share() for share in self._open.values() if share.dirty]

    def saved(self, watermark_ms: int | None) -> None:
        """Everything is durable: shrink what is closed, forget what no accepted record can touch any more."""
        for share in self._open.values():
            share.dirty = False
        if watermark_ms is not None:
            self._age(watermark_ms)

    def _age(self, watermark_ms: int) -> None:
        for key, share in list(self._open.items()):
            model = self._models[share.key.model]
            end_ms = share.key.pane_start_ms + model.windows.slide_ms
            if end_ms <= watermark_ms - duration_ms(model.retention):
                del self._open[key]
            elif end_ms <= watermark_ms - duration_ms(model.lateness):
                share.freeze()

    def _fold(self, ref: ModelRef, waiting: list[tuple[RecordBatch, Mask]]) -> None:
        """All of the rows or, where a baseline cannot be read, none of them: they may be folded again."""
        model = self._models[ref.name]
        parts = [
            (self._share(ref, segment, pane_start_ms), in_segment)
            for rows in _joined(waiting)
            for pane_start_ms, in_pane in _by_pane(rows, model.windows.slide_ms)
            for segment, in_segment in _by_segment(in_pane, model.segments)
        ]
        for share, in_segment in parts:
            share.add(in_segment)

    def _share(self, ref: ModelRef, segment: str, pane_start_ms: int) -> _OpenShare:
        held = self._baselines(ref, pane_start_ms)
        baseline_id = "" if held is None else held[0]
        at = (ref, segment, pane_start_ms, baseline_id)
        if at not in self._open:
            claim = self._claim
            key = ShareKey(ref.name, ref.version, segment, pane_start_ms, baseline_id, claim.partition, claim.epoch)
            layouts = None if held is None else held[1].layouts
            self._open[at] = _OpenShare(key, layouts, None if layouts is None else ModelProfile.empty(layouts))
        return self._open[at]


def _joined(waiting: list[tuple[RecordBatch, Mask]]) -> Iterator[_Rows]:
    """The collected batches as one, unless their columns differ (a new baseline came between them)."""
    first = waiting[0][0].columns
    if not all(have_same_names(first, batch.columns) for batch, _ in waiting):
        for batch, late in waiting:
            yield _Rows(batch.event_time_ms, batch.offsets, late, batch.columns, batch.extra)
        return
    batches = [batch for batch, _ in waiting]
    yield _Rows(
        np.concatenate([batch.event_time_ms for batch in batches]),
        np.concatenate([batch.offsets for batch in batches]),
        np.concatenate([late for _, late in waiting]),
        join_all([batch.columns for batch in batches]),
        join_extra([batch.extra for batch in batches]),
    )


def _by_pane(rows: _Rows, slide_ms: int) -> Iterator[tuple[int, _Rows]]:
    panes = rows.event_time_ms // slide_ms * slide_ms
    steps = np.diff(panes)
    if (steps < 0).any():
        order = np.argsort(panes, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(panes[order])) + 1):
            yield int(panes[group[0]]), rows.take(group)
        return
    edges = [0, *(np.flatnonzero(steps) + 1).tolist(), len(panes)]
    for start, stop in pairwise(edges):  # in order of time, as usual: nothing needs to be moved
        yield int(panes[start]), rows.between(start, stop)


def _by_segment(rows: _Rows, segments: tuple[Segment, ...]) -> Iterator[tuple[str, _Rows]]:
    yield ALL_TRAFFIC, rows
    for segment in segments:
        column = rows.columns.get(segment.column)
        if column is None:
            continue
        chosen = equal(as_categorical(column).values, segment.value)
        if chosen.any():
            yield segment.name, rows.take(np.flatnonzero(chosen))


def _conform(columns: Mapping[str, Column], layouts: Mapping[str, Layout]) -> dict[str, Column]:
    """The columns that the layouts know; numbers as text where this baseline counts categories."""
    known = {name: columns[name] for name in layouts if name in columns}
    for name, column in known.items():
        if isinstance(layouts[name], CategoricalLayout):
            known[name] = as_categorical(column)
    return known
