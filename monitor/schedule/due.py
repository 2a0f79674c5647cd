"""What is due: a pure function of how far the stream is, what it holds and what has been judged."""

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from monitor.domain.evaluation import DoneEvaluation, Evaluation
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import GroundTruthPolicy, ModelRef, MonitoredModel
from monitor.domain.stream import PaneSummary, PartitionProgress
from monitor.domain.time import duration_ms, from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.schedule.closing import closes_until_ms

MAX_SILENT_WINDOWS = 24
"""How many empty windows of a silent model are judged at once; of a longer silence, the newest."""

MAX_GAP_WINDOWS = 1_000
"""How many empty windows between two that hold records are judged, the newest: one record with a clock that is decades
off must not make millions."""

_TRUTH_STEP = 20
"""A judged performance window is due again when its statements of truth have grown by a twentieth (at least one).

Once its horizon has passed, it is due again when there is any new one: so the last revision rests on all that counts.
"""


@dataclass(frozen=True, slots=True)
class _Content:
    """What a window of a model version holds."""

    n: int = 0
    truths: int = 0
    statements: int = 0

    def plus(self, pane: PaneSummary) -> "_Content":
        return _Content(self.n + pane.n, self.truths + pane.truths, self.statements + pane.statements)


_Held = dict[tuple[Window, str], _Content]
_Done = dict[tuple[ModelRef, Window, EvaluationKind], DoneEvaluation]


def due(
    models: Iterable[MonitoredModel],
    progress: Sequence[PartitionProgress],
    panes: Iterable[PaneSummary],
    done: Iterable[DoneEvaluation],
    spread: timedelta = timedelta(0),
) -> list[Evaluation]:
    """The evaluations that are due, by end of window: what to judge next, and as which revision.

    Nothing is due before the watermark has passed the window's end by the model's lateness. A window that holds
    records is due when it was never judged, or when it holds more than its newest revision covered. An empty window of
    a model with `silence_after`, whose records are expected in every window, is due with mark 0 if it ends after the
    newest judged window, or after the first with records where none was judged: between windows that hold records at
    most `MAX_GAP_WINDOWS` in a row, and after the last of them at most `MAX_SILENT_WINDOWS` at once, or none if all
    progress is of history, of which nobody knows whether it goes on. `spread` puts off each model by its own constant
    part of that duration, to even out load; it never moves what a window covers. The present enters through
    `caught_up_at_ms` of the progress alone.
    """
    panes_of, done_of = defaultdict(list), defaultdict(list)
    for pane in panes:
        panes_of[pane.model].append(pane)
    for judged in done:
        done_of[judged.model.name].append(judged)
    found: list[Evaluation] = []
    goes_on = not all(partition.is_history for partition in progress)
    for model in models:
        until_ms = closes_until_ms(model, progress)
        if until_ms is not None:
            until_ms -= jitter_ms(model.name, spread)
            held = _held(model.windows, panes_of[model.name], until_ms)
            found += _due_of(model, until_ms, held, done_of[model.name])
            if model.silence_after is not None and model.predictions_of is None:
                found += _silent(model, until_ms if goes_on else None, panes_of[model.name], held, done_of[model.name])
    return sorted(found, key=lambda e: (e.window.end, e.window.start, e.model, e.kind))


def jitter_ms(name: str, spread: timedelta) -> int:
    """A constant of the name, in [0, spread) milliseconds, the same in every process."""
    limit = duration_ms(spread)
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % limit if limit > 0 else 0


def _due_of(model: MonitoredModel, until_ms: int, held: _Held, done: Sequence[DoneEvaluation]) -> Iterator[Evaluation]:
    judged = {(d.model, d.window, d.kind): d for d in done}
    for (window, version), content in held.items():
        ref = ModelRef(model.name, version)
        if model.predictions_of is None:
            yield from _next(judged, ref, window, EvaluationKind.DRIFT, content.n)
        before = judged.get((ref, window, EvaluationKind.PERFORMANCE))
        waited = from_ms(until_ms) - window.end
        if model.ground_truth is not None and _truth_suffices(before, content, waited, model.ground_truth):
            yield from _next(judged, ref, window, EvaluationKind.PERFORMANCE, content.statements)


def _held(spec: WindowSpec, panes: Sequence[PaneSummary], until_ms: int) -> _Held:
    held: _Held = {}
    for pane in panes:
        if pane.n:
            for window in spec.holding_pane(pane.pane_start_ms):
                if window.end_ms <= until_ms:
                    key = (window, pane.version)
                    held[key] = held.get(key, _Content()).plus(pane)
    return held


def _next(judged: _Done, ref: ModelRef, window: Window, kind: EvaluationKind, mark: int) -> Iterator[Evaluation]:
    before = judged.get((ref, window, kind))
    if before is None:
        yield Evaluation(ref, window, kind, 0, mark)
    elif mark > before.mark:
        yield Evaluation(ref, window, kind, before.revision + 1, mark)


def _truth_suffices(
    before: DoneEvaluation | None, content: _Content, waited: timedelta, policy: GroundTruthPolicy
) -> bool:
    if before is None:
        covered = content.truths > 0 and content.truths >= policy.min_coverage * content.n
        return covered or waited >= policy.wait
    step = 1 if waited >= policy.horizon else max(1, before.mark // _TRUTH_STEP)
    return content.statements - before.mark >= step


def _silent(
    model: MonitoredModel,
    until_ms: int | None,
    panes: Sequence[PaneSummary],
    held: _Held,
    done: Sequence[DoneEvaluation],
) -> Iterator[Evaluation]:
    """The empty windows of a model that was seen; `until_ms` is None where its last records end what is known of it."""
    drift = [d for d in done if d.kind is EvaluationKind.DRIFT]
    filled_ms = {window.end_ms for window, _ in held}
    first_ms = max((d.window.end_ms for d in drift), default=min(filled_ms, default=None))
    if first_ms is None:
        return  # never seen: nothing to miss
    seen = sorted((pane.pane_start_ms, pane.n, pane.version) for pane in panes if pane.n)
    judged = max(((d.window.end, d.mark, d.model.version) for d in drift), default=None)
    for window in _empty(model.windows, first_ms, filled_ms, until_ms):
        before = bisect_left(seen, (window.start_ms,))  # whose records stay away: the same now as when they began to
        version = seen[before - 1][2] if before else judged[2] if judged else None
        if version is not None:
            yield Evaluation(ModelRef(model.name, version), window, EvaluationKind.DRIFT, 0, 0)


def _empty(spec: WindowSpec, first_ms: int, filled_ms: Collection[int], until_ms: int | None) -> Iterator[Window]:
    """Windows that end after the first instant, and at none of these ends."""
    ends_ms = [first_ms, *sorted(end_ms for end_ms in filled_ms if end_ms > first_ms)]
    for after_ms, end_ms in pairwise(ends_ms):
        yield from spec.closed_between(max(after_ms, end_ms - (MAX_GAP_WINDOWS + 1) * spec.slide_ms), end_ms - 1)
    if until_ms is not None:
        yield from spec.closed_between(max(ends_ms[-1], until_ms - MAX_SILENT_WINDOWS * spec.slide_ms), until_ms)
