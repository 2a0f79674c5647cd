"""Which windows of many models are due, from one reading of the database for all of them."""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.domain.evaluation import DoneEvaluation, Evaluation
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import MonitoredModel
from monitor.domain.ports import EvaluationStore, WindowReads
from monitor.domain.stream import PaneSpan, PaneSummary, PartitionProgress, TopicKind, TruthScope
from monitor.domain.time import duration_ms
from monitor.domain.windows import Window
from monitor.schedule.due import due

Closing = tuple[MonitoredModel, int]
"""A model with the instant (ms since the epoch) up to which its windows are closed."""

_Done = dict[str, list[DoneEvaluation]]


_OF_MINUTES = {EvaluationKind.STREAM, EvaluationKind.SEQUENTIAL}
"""About the reading of the stream, and about single records: not about windows that close."""

_NUMBERS = re.compile(r"(\d+)")
SHADOW = 0.9
"""A version with at least this share of the most records has about as many: it, or the other, is a shadow."""


class ServingVersions:
    """Which version of a model served a window, told from the panes of all versions: the one with most records.

    A challenger in the shadow gets what the champion gets, a few more or fewer: of versions with about as many
    records the earliest serves, numbers in the order of numbers.
    """

    def __init__(self, panes: Sequence[PaneSummary] = ()) -> None:
        self._panes = sorted(panes, key=lambda pane: pane.pane_start_ms)
        self._starts = [pane.pane_start_ms for pane in self._panes]

    def of(self, window: Window) -> str | None:
        """The version, None where no record came."""
        first, end = bisect_left(self._starts, window.start_ms), bisect_left(self._starts, window.end_ms)
        by_version: Counter[str] = Counter()
        for pane in self._panes[first:end]:
            by_version[pane.version] += pane.n
        most = max(by_version.values(), default=0)
        return min((version for version, n in by_version.items() if n >= SHADOW * most), key=_age, default=None)


def _age(version: str) -> tuple[tuple[int, str], ...]:
    """Orders `v9` before `v10`."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(version))


@dataclass(frozen=True, slots=True)
class DueModel:
    """A model with the evaluations that are due, by end of window, and who served in those windows."""

    model: MonitoredModel
    evaluations: Sequence[Evaluation]
    serving: ServingVersions = field(default_factory=ServingVersions)


def due_windows(
    closing: Sequence[Closing],
    progress: Sequence[PartitionProgress],
    windows: WindowReads,
    store: EvaluationStore,
    spread: timedelta,
) -> list[DueModel]:
    """The models that have something due, in the order given.

    All of their recent panes and evaluations are in memory together.
    """
    done, since_ms = _done(closing, progress, store)
    panes: dict[str, list[PaneSummary]] = defaultdict(list)
    for pane in windows.panes([_span(model, since_ms[model.name], until_ms) for model, until_ms in closing]):
        panes[pane.model].append(pane)
    found = []
    for model, _ in closing:
        judged, held = done.get(model.name, []), panes[model.name]
        # a window whose first panes lie before the look-back was judged long ago; without them it would seem to shrink
        evaluations = [
            one
            for one in due([model], progress, held, judged, spread)
            if not judged or one.window.start_ms >= since_ms[model.name]
        ]
        if evaluations:
            found.append(DueModel(model, evaluations, ServingVersions(held)))
    return found


def _done(
    closing: Sequence[Closing], progress: Sequence[PartitionProgress], store: EvaluationStore
) -> tuple[_Done, Mapping[str, int]]:
    """What was judged of each model inside its reach (of one that rested for longer, everything), and since when."""
    recent_ms = {model.name: until_ms - 2 * _reach_ms(model) for model, until_ms in closing}
    found = _by_model(store.done(recent_ms))
    found |= _by_model(store.done({name: 0 for name in recent_ms if name not in found}))
    since_ms = {model.name: _since_ms(model, found.get(model.name, []), progress) for model, _ in closing}
    further = {name: since for name, since in since_ms.items() if name in found and since < recent_ms[name]}
    if further:
        found |= _by_model(store.done(further))
    return found, since_ms


def _by_model(done: Iterable[DoneEvaluation]) -> _Done:
    found: _Done = defaultdict(list)
    for one in done:
        if one.kind not in _OF_MINUTES:
            found[one.model.name].append(one)
    return found


def _since_ms(model: MonitoredModel, done: Sequence[DoneEvaluation], progress: Sequence[PartitionProgress]) -> int:
    """From where on windows may have changed since they were judged; 0 when none was.

    That is a reach before the newest judged window, or before the event time of a partition that has been written to
    lately: where the clock has closed a silent stream's windows, records of that stream's own time may still follow.
    """
    if not done:
        return 0
    reach_ms = _reach_ms(model)
    read = [p for p in progress if p.kind is not TopicKind.GROUND_TRUTH and p.watermark_ms is not None]
    newest_news_ms = max((max(p.updated_at_ms, p.caught_up_at_ms or 0) for p in read), default=0)
    at_work = [p.watermark_ms or 0 for p in read if newest_news_ms - p.updated_at_ms <= reach_ms]
    return min([max(one.window.end_ms for one in done), *at_work]) - reach_ms


def _span(model: MonitoredModel, since_ms: int, until_ms: int) -> PaneSpan:
    return PaneSpan(model.name, since_ms, until_ms, model.windows.slide_ms, truth_scope(model))


def truth_scope(model: MonitoredModel) -> TruthScope | None:
    """Which statements of truth may count for a window that holds a pane; None when the model waits for none."""
    truth = model.ground_truth
    if truth is None:
        return None
    return TruthScope(truth.name, model.windows.size_ms + duration_ms(truth.horizon))


def _reach_ms(model: MonitoredModel) -> int:
    """How far back a window may still change: late records, late truth, and the window's own length."""
    truth = model.ground_truth
    late = max([model.retention, *([truth.wait + truth.horizon] if truth else [])])
    return duration_ms(late) + duration_ms(model.lateness) + 2 * model.windows.size_ms
