"""What the guard must know of a model: its ground truth, its alerts, who holds it, and what waiting costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ALL_TRAFFIC, MonitoredModel
from monitor.domain.ports import EvaluationStore, HoldStore, Records, WindowReads
from monitor.domain.retraining import CostPolicy, CostSum, OperatorHold, RetrainPolicy, RetrainRequest
from monitor.domain.rules import Rule, RuleState, Subject
from monitor.domain.stream import PaneSpan
from monitor.domain.time import Clock, to_ms
from monitor.rules.cost import expected_cost, levels
from monitor.rules.guard import Circumstances, fault_in_data
from monitor.stats.performance.metric import PerformanceMetric

_LOOKS_BACK = timedelta(days=30)
_OF_TRAFFIC = timedelta(days=7)
_ESTIMATED = "estimated_"


@dataclass(frozen=True, slots=True)
class RetrainFacts:
    """Looks at the stores whenever it is asked."""

    models: Mapping[str, MonitoredModel]
    rules: Sequence[Rule]
    metrics: Mapping[str, PerformanceMetric]
    records: Records
    evaluations: EvaluationStore
    windows: WindowReads
    holds: HoldStore
    clock: Clock

    def seen(self, request: RetrainRequest, policy: RetrainPolicy | None, since: datetime | None) -> Circumstances:
        """How things stand now; truths are counted since that instant (None: all)."""
        model = request.model
        return Circumstances(
            truth_count=self.records.truth_count(model, to_ms(since) if since else 0),
            data_fault=fault_in_data(self.rules, self.evaluations.rule_states(model), model),
            hold=self._hold(model),
            cost=None if policy is None or policy.cost is None else self._cost(request, policy.cost),
        )

    def is_over(self, request: RetrainRequest) -> bool:
        """Whether the rule that asked has been seen, after it asked, not to fire."""
        state = self.evaluations.rule_states(request.model).get(Subject(request.rule, request.model))
        return state is not None and not state.phase.is_active and (state.folded_to or request.at) > request.at

    def asking(self, request: RetrainRequest) -> list[RuleState]:
        """Where the rule that asked stands, for each of its subjects in the model."""
        states = self.evaluations.rule_states(request.model)
        return [
            state for subject, state in states.items() if (subject.rule, subject.model) == (request.rule, request.model)
        ]

    def _hold(self, model: str) -> OperatorHold | None:
        now = self.clock.now()
        return next((one for one in self.holds.holds(now) if one.holds(model, now)), None)

    # --- cost

    def _cost(self, request: RetrainRequest, policy: CostPolicy) -> CostSum:
        metric = self.metrics.get(policy.metric)
        is_higher = metric is None or metric.higher_is_better
        how, values = self._values(request, policy.metric)
        level = levels(values)
        return expected_cost(policy, level, self._per_day(request), higher_is_better=is_higher, how=how)

    def _values(self, request: RetrainRequest, metric: str) -> tuple[str, list[float]]:
        """The version's metric window by window: measured, or where nothing was, estimated."""
        since = request.at - _LOOKS_BACK
        measured = self._statistics(request, since, metric, EvaluationKind.PERFORMANCE)
        if len(measured) > 1:
            return "measured", measured
        return "estimated", self._statistics(request, since, _ESTIMATED + metric, EvaluationKind.DRIFT)

    def _statistics(self, request: RetrainRequest, since: datetime, test: str, kind: EvaluationKind) -> list[float]:
        found = self.evaluations.findings(request.model, since, kind=kind)
        return [
            one.result.statistic
            for one in found
            if one.check.test == test
            and one.check.segment == ALL_TRAFFIC
            and one.model.version == request.version
            and one.result is not None
        ]

    def _per_day(self, request: RetrainRequest) -> float | None:
        """Predictions a day in the week before the request, of all versions; None without any."""
        model = self.models.get(request.model)
        if model is None:
            return None
        until_ms, slide_ms = to_ms(request.at), model.windows.slide_ms
        span = PaneSpan(request.model, to_ms(request.at - _OF_TRAFFIC), until_ms, slide_ms)
        panes = self.windows.panes([span])
        if not panes:
            return None
        days = (until_ms - min(pane.pane_start_ms for pane in panes)) / 86_400_000
        return sum(pane.n for pane in panes) / days
