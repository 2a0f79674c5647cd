"""What the database holds of windows that are judged next, read together."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ALL_TRAFFIC, ModelRef, MonitoredModel
from monitor.domain.ports import AccountReads, BaselineStore, WindowReads
from monitor.domain.references import Against
from monitor.domain.stream import PaneStatement, Share, ShareSpan
from monitor.domain.windows import Window
from monitor.stream.timeline import Promotion

PANES_AT_ONCE = 64
"""The shares of about so many panes are in memory together: with 12 partitions of 20 KB each, 15 MB."""

Wanted = tuple[MonitoredModel, Evaluation]


@dataclass(frozen=True, slots=True)
class StoredWindows:
    """Shares by model version and segment, in the order of panes, and the promotions of their models.

    `statements` are what producers say of those panes, in their order, by model version, `duplicates` the records of
    panes that had been seen before (None: nobody was asked).
    """

    shares: Mapping[tuple[ModelRef, str], Sequence[Share]] = field(default_factory=dict)
    timelines: Mapping[str, Sequence[Promotion]] = field(default_factory=dict)
    statements: Mapping[ModelRef, Sequence[PaneStatement]] = field(default_factory=dict)
    duplicates: Mapping[tuple[ModelRef, int], int] | None = None

    def shares_of(self, ref: ModelRef, segment: str, window: Window) -> Sequence[Share]:
        """The shares of a window, by pane, partition and epoch."""
        held = self.shares.get((ref, segment), ())
        first, end = (
            bisect_left(held, at_ms, key=lambda share: share.key.pane_start_ms)
            for at_ms in (window.start_ms, window.end_ms)
        )
        return held[first:end]

    def statements_of(self, ref: ModelRef, window: Window) -> list[PaneStatement]:
        """What producers say of the window's panes; empty where they say nothing."""
        return [one for one in self.statements.get(ref, ()) if window.start_ms <= one.pane_start_ms < window.end_ms]

    def duplicates_of(self, ref: ModelRef, window: Window) -> int | None:
        """How many records of the window came again; None when that was not asked for."""
        if self.duplicates is None:
            return None
        of_ref = ((at_ms, n) for (about, at_ms), n in self.duplicates.items() if about == ref)
        return sum(n for at_ms, n in of_ref if window.start_ms <= at_ms < window.end_ms)


def read_windows(
    wanted: Iterable[Wanted], windows: WindowReads, baselines: BaselineStore, accounts: AccountReads | None = None
) -> StoredWindows:
    """Read what judging the drift of these windows takes, in a few queries; without `accounts`, no statements."""
    filled = [(model, evaluation) for model, evaluation in wanted if rests_on_shares(evaluation)]
    if not filled:
        return StoredWindows()
    shares: dict[tuple[ModelRef, str], list[Share]] = {}
    spans = _spans(filled)
    for share in windows.shares([*spans, *_reference_spans(filled)]):
        key = share.key
        shares.setdefault((ModelRef(key.model, key.version), key.segment), []).append(share)
    timelines = baselines.timelines({model.name for model, _ in filled})
    duplicates = None if accounts is None else accounts.duplicates(spans)
    return StoredWindows(shares, timelines, _statements(spans, accounts), duplicates)


def rests_on_shares(evaluation: Evaluation) -> bool:
    """Whether judging needs the window's profiles: an empty one has none, and performance rests on predictions."""
    return evaluation.kind is EvaluationKind.DRIFT and evaluation.mark > 0


def segments_of(model: MonitoredModel) -> tuple[str, ...]:
    """All traffic, then the segments of the model."""
    return (ALL_TRAFFIC, *(segment.name for segment in model.segments))


def reference_of(against: Against, evaluation: Evaluation, segment: str) -> tuple[ModelRef, str, Sequence[Window]]:
    """The model version, segment and stretches of event time that a check of the segment compares the window with."""
    ref = evaluation.model
    other = ModelRef(ref.name, against.version or ref.version)
    return other, against.segment or segment, against.stretches(evaluation.window)


def in_portions(wanted: Iterable[Wanted], panes: int = PANES_AT_ONCE) -> Iterator[list[Wanted]]:
    """Portions whose shares fit into memory: so many panes, those of each segment counted, but at least a window."""
    portion: list[Wanted] = []
    held = 0
    for model, evaluation in wanted:
        cost = len(segments_of(model)) * (model.windows.size_ms // model.windows.slide_ms)
        cost += sum(span.until_ms - span.since_ms for span in _spans_of(model, evaluation)) // model.windows.slide_ms
        if portion and held + cost > panes:
            yield portion
            portion, held = [], 0
        portion.append((model, evaluation))
        held += cost
    if portion:
        yield portion


def _reference_spans(filled: Iterable[Wanted]) -> list[ShareSpan]:
    """What checks compare with that is not the baseline."""
    return list(dict.fromkeys(span for model, evaluation in filled for span in _spans_of(model, evaluation)))


def _spans_of(model: MonitoredModel, evaluation: Evaluation) -> Iterator[ShareSpan]:
    for spec in model.checks:
        if spec.against is not None:
            ref, segment, stretches = reference_of(spec.against, evaluation, spec.segment)
            for stretch in stretches:
                yield ShareSpan(ref, segment, stretch.start_ms, stretch.end_ms)


def _statements(spans: Sequence[ShareSpan], accounts: AccountReads | None) -> dict[ModelRef, list[PaneStatement]]:
    found: dict[ModelRef, list[PaneStatement]] = {}
    for one in accounts.statements(spans) if accounts is not None else ():
        found.setdefault(one.ref, []).append(one)
    return found


def _spans(filled: Iterable[Wanted]) -> list[ShareSpan]:
    """What to ask for: windows of a version that touch or overlap are one span."""
    stretches: dict[ModelRef, list[list[int]]] = {}
    segments: dict[ModelRef, tuple[str, ...]] = {}
    for model, evaluation in sorted(filled, key=lambda one: one[1].window.start):
        ref, window = evaluation.model, evaluation.window
        segments[ref] = segments_of(model)
        of_ref = stretches.setdefault(ref, [])
        if of_ref and window.start_ms <= of_ref[-1][1]:
            of_ref[-1][1] = max(of_ref[-1][1], window.end_ms)
        else:
            of_ref.append([window.start_ms, window.end_ms])
    return [
        ShareSpan(ref, segment, since_ms, until_ms)
        for ref, of_ref in stretches.items()
        for segment in segments[ref]
        for since_ms, until_ms in of_ref
    ]
