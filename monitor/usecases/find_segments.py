"""Find where a model is worse than elsewhere: kept rows and their truth to slices that nobody declared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.domain.errors import MonitorError
from monitor.domain.models import OUTPUT_COLUMNS, ModelRef, MonitoredModel, truth_name
from monitor.domain.ports import BaselineStore, PairReads, Records
from monitor.domain.stream import JoinSpan
from monitor.stats.baseline import Baseline
from monitor.stats.columns import Rows
from monitor.stats.found_segments.conditions import conditions_of, numeric_cuts
from monitor.stats.found_segments.losses import LOSSES, Loss
from monitor.stats.found_segments.search import Search, search
from monitor.stats.found_segments.slices import MOST_PAIRED
from monitor.stats.performance.metric import Judged
from monitor.stats.recorded import RecordedColumns
from monitor.usecases.group_fairness import RecordReads
from monitor.usecases.kept_span import why_not_kept

LEAST_SHARE = 0.01
LEAST_RECORDS = 30

SEED = 44
"""Of the records that are drawn: the same window always says the same."""


@dataclass(frozen=True, slots=True)
class SearchWish:
    """Where to look: predictions of the version in [since, until), by which metric (empty: the first of the task).

    `smallest` is how many records a segment has at least; 0 is a hundredth of all, and 30 at least. Of more than `most`
    records (None: any number) so many are looked at, drawn by chance.
    """

    model: MonitoredModel
    ref: ModelRef
    since_ms: int
    until_ms: int
    metric: str = ""
    smallest: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The search with what it rests on; `rate` is the share of records that was kept, `notes` what was left out."""

    search: Search
    loss: Loss
    mean: float
    smallest: int
    rate: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FindSegments:
    """The use case; it reads and changes nothing."""

    records: RecordReads
    pairs: PairReads
    baselines: BaselineStore
    files: Records

    def run(self, wish: SearchWish) -> Found:
        """Search the records whose row was kept and whose truth is known; MonitorError says what is missing."""
        loss, rows = loss_of(wish), self.records.read(wish.ref, wish.since_ms, wish.until_ms)
        if not rows:
            raise MonitorError(why_not_kept(wish.model, wish.since_ms, wish.until_ms, self.files))
        rows, losses = self._losses(wish, loss, rows)
        smallest = wish.smallest or max(LEAST_RECORDS, round(LEAST_SHARE * len(losses)))
        if len(losses) < 2 * smallest:
            known = f"{len(losses):,} kept records of {wish.ref} have truth that counts for {loss.name}"
            raise MonitorError(f"{known}, and a segment of {smallest:,} beside its rest needs {2 * smallest:,}")
        baseline = self._baseline(wish.ref)
        columns = {name: rows.columns[name] for name in _features(rows, baseline, wish.model)}
        cuts = numeric_cuts(baseline.whole.columns, baseline.layouts)
        conditions = list(conditions_of(columns, cuts, smallest))
        found = search(conditions, losses, smallest, is_share=loss.share)
        notes = _notes(rows, wish.model, [one.feature for one in conditions])
        return Found(found, loss, float(losses.mean()), smallest, rows.rate, notes)

    def _losses(
        self, wish: SearchWish, loss: Loss, rows: RecordedColumns
    ) -> "tuple[RecordedColumns, np.typing.NDArray[np.float64]]":
        span = JoinSpan(wish.ref, wish.since_ms, wish.until_ms, truth_name(wish.model.ground_truth))
        truths = {one.event_id: one for one in self.pairs.judged(span)}
        known = np.array([row for row, event_id in enumerate(rows.event_ids) if event_id in truths], dtype=np.intp)
        judged = [truths[rows.event_ids[row]] for row in known.tolist()]
        table = Judged.of([(one.prediction, one.score, one.label) for one in judged])
        losses = loss.of(table, wish.model.positive_label)
        if losses is None:
            raise MonitorError(f"{loss.name} is not defined here: {_why(loss, wish.model)}")
        is_about = np.flatnonzero(np.isfinite(losses))
        chosen = is_about if wish.most is None else _drawn(is_about, wish.most)
        return rows.take(known[chosen]), losses[chosen]

    def _baseline(self, ref: ModelRef) -> Baseline:
        ids = [one for version, _, one in self.baselines.timeline(ref.name) if version == ref.version]
        if not ids:
            raise MonitorError(f"no baseline of {ref}: its quantiles are where numeric features are cut; build one")
        return Baseline.from_bytes(self.baselines.get(ids[-1]))


def loss_of(wish: SearchWish) -> Loss:
    """The metric that was asked for, or the first that suits the model's task; MonitorError when there is none."""
    task = wish.model.task
    suiting = [loss for loss in LOSSES.values() if task is None or task in loss.tasks]
    named = [loss for loss in suiting if wish.metric in {"", loss.name}]
    if not named:
        known = ", ".join(loss.name for loss in suiting)
        raise MonitorError(f"no metric {wish.metric!r} to search segments of {wish.model.name} by: there are {known}")
    return named[0]


def _features(rows: RecordedColumns, baseline: Baseline, model: MonitoredModel) -> list[str]:
    """Features that are told as they are, the most important first: these are looked at two by two."""
    hidden = {*OUTPUT_COLUMNS, *(model.archive.personal if model.archive else ())}
    weights = baseline.importances
    return sorted(rows.columns.keys() - hidden, key=lambda name: (-weights.get(name, 0.0), name))


def _drawn(rows: Rows, most: int) -> Rows:
    """At most so many of the rows, in their order; equal distances would meet what comes at equal distances."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False))


def _notes(rows: RecordedColumns, model: MonitoredModel, features: Sequence[str]) -> tuple[str, ...]:
    notes = [
        f"{name} is personal, and hidden in the kept rows: not searched"
        for name in sorted(model.archive.personal if model.archive else ())
    ]
    if rows.rate < 1:
        notes.append(f"rows were kept at a rate of {rows.rate:g}: sizes are of these")
    if alone := dict.fromkeys(features[MOST_PAIRED:]):
        notes.append(f"{len(alone)} features are looked at alone, not two by two: {', '.join(list(alone)[:5])} ...")
    return tuple(notes)


def _why(loss: Loss, model: MonitoredModel) -> str:
    if model.positive_label is None and loss.share:
        return "it is about one label, and no positive_label is configured"
    return "a prediction or truth is no number" if not loss.share else "there is no positive_label"
