"""Candidate against champion on the same records: whole, by segment, and on the frozen hold-out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.domain.models import ModelRef, MonitoredModel, Task
from monitor.domain.verification import Comparison, JudgedRecord, VerifyPolicy
from monitor.stats.paired_gain import paired_gain
from monitor.stats.performance.metric import Judged, PerformanceMetric

ALL, HOLDOUT = "all traffic", "hold-out"
Pair = tuple[JudgedRecord, JudgedRecord]
"""The same event: as the champion and as the candidate predicted it."""

_BY_TASK = {
    Task.BINARY: "f1",
    Task.MULTICLASS: "accuracy",
    Task.REGRESSION: "mae",
    Task.FORECAST: "mae",
    Task.RANKING: "ndcg",
    Task.TEXT: "exact_match",
    None: "accuracy",
}
_FEWEST = 30
"""Below so many pairs a segment is not compared."""


@dataclass(frozen=True, slots=True)
class CompareCandidate:
    """Metrics by name, as configured."""

    metrics: Mapping[str, PerformanceMetric]

    def names(self, model: MonitoredModel, policy: VerifyPolicy) -> tuple[str, ...]:
        """The metrics that are looked at, the one that decides first."""
        known = tuple(name for name in policy.metrics if name in self.metrics)
        if known:
            return known
        return ("accuracy" if model.task is Task.BINARY and model.positive_label is None else _BY_TASK[model.task],)

    def of(
        self, model: MonitoredModel, names: Sequence[str], pairs: Sequence[Pair], scope: str, confidence: float
    ) -> list[Comparison]:
        """One comparison a metric."""
        champion, candidate = judged_of(pairs)
        found = []
        for name in names:
            gain = (
                paired_gain(self.metrics[name], champion, candidate, model.positive_label, confidence)
                if pairs
                else None
            )
            values = () if gain is None else (gain.first, gain.second, gain.gain, gain.low, gain.high)
            found.append(Comparison(scope, name, len(pairs), *values))
        return found

    def by_segment(
        self,
        model: MonitoredModel,
        name: str,
        pairs: Sequence[Pair],
        members: Mapping[str, Collection[str]],
        confidence: float,
    ) -> list[Comparison]:
        """The deciding metric in every segment with enough pairs; the risk is shared among the segments."""
        of_segment = {
            segment: [pair for pair in pairs if pair[0].event_id in events] for segment, events in members.items()
        }
        enough = {segment: found for segment, found in of_segment.items() if len(found) >= _FEWEST}
        shared = 1 - (1 - confidence) / max(1, len(enough))
        return [
            one
            for segment, found in sorted(enough.items())
            for one in self.of(model, (name,), found, f"segment {segment}", shared)
        ]


class SegmentReads(Protocol):
    """Which records belong to which segment."""

    def members(
        self, model: MonitoredModel, ref: ModelRef, since_ms: int, until_ms: int
    ) -> Mapping[str, Collection[str]]:
        """Segment -> ids of the version's events in [since, until); nothing where no raw rows are kept."""
        ...


def compare_segments(  # noqa: PLR0917 - what is compared, and where
    compare: CompareCandidate,
    reads: SegmentReads,
    model: MonitoredModel,
    ref: ModelRef,
    name: str,
    pairs: Sequence[Pair],
    confidence: float,
    notes: list[str],
) -> list[Comparison]:
    """The deciding metric by segment, of which the raw rows of version `ref` tell; a note where there are none."""
    if not model.segments or not pairs:
        return []
    times = [one.event_time_ms for one, _ in pairs]
    members = reads.members(model, ref, min(times), max(times) + 1)
    if not members:
        notes.append("not by segment: the model keeps no raw rows (`archive:`) that tell a record's segment")
    return compare.by_segment(model, name, pairs, members, confidence)


def judged_of(pairs: Sequence[Pair]) -> tuple[Judged, Judged]:
    """Both sides of the pairs, as metrics take them."""
    return _judged(one for one, _ in pairs), _judged(other for _, other in pairs)


def _judged(records: Iterable[JudgedRecord]) -> Judged:
    return Judged.of([(one.prediction, one.score, one.label, one.scores) for one in records])
