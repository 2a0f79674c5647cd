"""Two versions of a model on the same traffic: champion beside challenger or shadow, by event id."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.domain.errors import ConfigError
from monitor.domain.models import ModelRef, MonitoredModel, truth_name
from monitor.domain.ports import PairReads
from monitor.domain.stream import JoinSpan
from monitor.domain.time import to_ms
from monitor.domain.verification import Comparison, VerifyPolicy
from monitor.stats.drift_test import with_parameters
from monitor.stats.mcnemar import Discordant
from monitor.usecases.compare_candidate import ALL, CompareCandidate, SegmentReads, compare_segments, judged_of

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ComparedVersions:
    """Two versions by metrics on the `pairs` events with truth that both predicted; each version has more of its own.

    `discordant` is None for regression, and without a pair.
    """

    first: str
    second: str
    n_first: int
    n_second: int
    pairs: int
    comparisons: tuple[Comparison, ...]
    discordant: Discordant | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompareVersions:
    """Compares versions; changes nothing."""

    pairs: PairReads
    compare: CompareCandidate
    segments: SegmentReads

    def of(  # noqa: PLR0917 - what is compared, and when
        self,
        model: MonitoredModel,
        first: str,
        second: str,
        metrics: Sequence[str],
        since: datetime,
        until: datetime,
    ) -> ComparedVersions:
        """Predictions made in [since, until) whose truth is known; ConfigError for a metric that there is not."""
        compare = self._with_parameters(model, metrics)
        span = JoinSpan(ModelRef(model.name, first), to_ms(since), to_ms(until), truth_name(model.ground_truth))
        of_first = self.pairs.judged(span)
        of_second = {one.event_id: one for one in self.pairs.judged(replace(span, ref=ModelRef(model.name, second)))}
        pairs = [(one, other) for one in of_first if (other := of_second.get(one.event_id))]
        names, notes = compare.names(model, VerifyPolicy(metrics=tuple(metrics))), list[str]()
        found = compare.of(model, names, pairs, ALL, CONFIDENCE) if pairs else []
        found += compare_segments(compare, self.segments, model, span.ref, names[0], pairs, CONFIDENCE, notes)
        return ComparedVersions(
            first,
            second,
            len(of_first),
            len(of_second),
            len(pairs),
            tuple(found),
            Discordant.of(*judged_of(pairs)) if pairs and (model.task is None or model.task.has_classes) else None,
            tuple(notes),
        )

    def _with_parameters(self, model: MonitoredModel, metrics: Sequence[str]) -> CompareCandidate:
        """The metrics with the parameters that the model's own checks give them."""
        unknown = [name for name in metrics if name not in self.compare.metrics]
        if unknown:
            known = ", ".join(sorted(self.compare.metrics))
            raise ConfigError(f"{unknown[0]!r} is no performance metric", hint=f"metrics: {known}")
        configured = {
            spec.test: with_parameters(self.compare.metrics[spec.test], spec.test, spec.parameters)
            for spec in model.checks
            if spec.test in self.compare.metrics
        }
        return CompareCandidate({**self.compare.metrics, **configured})


def default_since(until: datetime) -> datetime:
    """A week before."""
    return until - timedelta(days=7)
