"""Retraining on a real ledger, with a scripted clock and a pipeline that answers as told."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from monitor.adapters.score_files import ScoreTables
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import metadata
from monitor.domain.errors import BaselineError
from monitor.domain.evaluation import Evaluation, EvaluationCommit
from monitor.domain.findings import EvaluationKind
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.ports import RetrainTrigger
from monitor.domain.retraining import (
    CostSum,
    JobOutcome,
    JobPhase,
    Mode,
    OperatorHold,
    RetrainJob,
    RetrainPolicy,
    RetrainRequest,
    RunPhase,
    RunState,
)
from monitor.domain.rules import AlertEvent, RuleState
from monitor.domain.windows import Window, WindowSpec
from monitor.rules.guard import Circumstances
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.usecases.compare_candidate import CompareCandidate
from monitor.usecases.retrain import Retrain, RetrainParts
from monitor.usecases.verify_candidate import VerifyCandidate
from monitor.usecases.watch_promotion import WatchPromotion

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
REF = ModelRef("churn", "3")
POLICY = RetrainPolicy("default", "pipeline", Mode.AUTO, cooldown=24 * HOUR, budget=5, deadline=6 * HOUR)
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, HOUR, retraining="default")


@dataclass
class ScriptedClock:
    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Pipeline:
    """A trigger that answers as told, and remembers."""

    keys: list[str] = field(default_factory=list)
    parameters: list[Mapping[str, object]] = field(default_factory=list)
    answer: str | None = "run-1"
    error: BaseException | None = None
    meanwhile: Callable[[str], object] = lambda _key: None
    resend_is_safe: bool = False

    def start(self, request: RetrainRequest, parameters: Mapping[str, object]) -> str | None:
        self.keys.append(request.key)
        self.parameters.append(parameters)
        self.meanwhile(request.key)
        if self.error:
            raise self.error
        return self.answer


@dataclass
class Followed(Pipeline):
    """One that can also be asked how its run goes."""

    state: RunState = field(default_factory=lambda: RunState(RunPhase.UNKNOWN))
    asked: list[str | None] = field(default_factory=list)
    away: bool = False

    def follow(self, request: RetrainRequest, external_id: str | None) -> RunState:
        self.asked.append(external_id)
        if self.away:
            raise ConnectionError("nobody there")
        return self.state


@dataclass
class ScriptedFacts:
    """How things stand, as the test says."""

    truth_count: int = 0
    data_fault: str = ""
    cost: CostSum | None = None
    over: set[str] = field(default_factory=set)
    rule_states: list[RuleState] = field(default_factory=list)
    hold: Callable[[], OperatorHold | None] = lambda: None

    def seen(self, request: RetrainRequest, policy: RetrainPolicy | None, since: datetime | None) -> Circumstances:
        return Circumstances(self.truth_count, self.data_fault, self.hold(), self.cost)

    def asking(self, request: RetrainRequest) -> list[RuleState]:
        return self.rule_states

    def is_over(self, request: RetrainRequest) -> bool:
        return request.rule in self.over


class NoSegments:
    def members(
        self, model: MonitoredModel, ref: ModelRef, since_ms: int, until_ms: int
    ) -> Mapping[str, Collection[str]]:
        return {}


class Rig:
    """`policy` None: the model has none. `restart` builds the use case anew, as a new process does."""

    def __init__(
        self,
        policy: RetrainPolicy | None = POLICY,
        pipeline: Pipeline | None = None,
        model: MonitoredModel = MODEL,
        url: str = "sqlite://",
    ) -> None:
        engine = create_engine(url)
        metadata.create_all(engine)  # as migrations leave it; they are tested elsewhere, and take ten times as long
        self.stores, self.clock, self.pipeline = SqlStores.of(engine), ScriptedClock(), pipeline or Pipeline()
        self.policy, self.model = policy, model
        self.built: list[tuple[ModelRef, str]] = []
        self.facts, self._numbers = ScriptedFacts(hold=self._hold), count()
        self.segments: object = NoSegments()
        self.restart()

    def restart(self) -> None:
        stores, compare = self.stores, CompareCandidate(PERFORMANCE_METRICS)
        triggers: dict[str, RetrainTrigger] = {"pipeline": self.pipeline}
        self.retrain = Retrain(
            RetrainParts(
                {"churn": self.model},
                {} if self.policy is None else {"default": self.policy},
                triggers,
                jobs=stores.jobs,
                holds=stores.holds,
                baselines=stores.baselines,
                build_candidate=self.build,
                facts=self.facts,
                verification=VerifyCandidate(
                    stores.evaluations,
                    stores.pairs,
                    compare,
                    ScoreTables(),
                    self.segments,  # type: ignore[arg-type] # tests put their own here
                ),
                watching=WatchPromotion(stores.evaluations, stores.pairs, compare),
                parameters=lambda request, policy: {"policy": policy.name},
                clock=self.clock,
            )
        )

    def _hold(self) -> OperatorHold | None:
        return next(iter(self.stores.holds.holds(self.clock.at)), None)

    def build(self, ref: ModelRef, place: str) -> str:
        if place == "broken":
            raise BaselineError("the training data holds no row")
        self.built.append((ref, place))
        self.stores.baselines.put(f"baseline-{ref.version}", ref, b"payload", {"rows": 1, "columns": []})
        return f"baseline-{ref.version}"

    def ask(self, rule: str = "drift", at: datetime | None = None) -> RetrainRequest:
        """A rule's request, saved as the evaluation saves it."""
        number = next(self._numbers)
        window = Window(START + number * HOUR, START + (number + 1) * HOUR)
        request = RetrainRequest("churn", "3", rule, at or window.end, "half of the columns drifted")
        evaluation = Evaluation(REF, window, EvaluationKind.DRIFT, 0, 1)
        self.stores.evaluations.commit(EvaluationCommit(evaluation, [], requests=[request]))
        return request

    def running(self) -> RetrainRequest:
        request = self.ask()
        self.retrain.run_once()
        assert self.job(request).phase is JobPhase.RUNNING
        return request

    def finished(self, **changes: object) -> RetrainJob:
        """A job whose run has ended well."""
        said = {"model_version": "4", "training_data": "train.parquet", **changes}
        return self.retrain.finish(JobOutcome(self.running().key, True, **said))  # type: ignore[arg-type]

    def job(self, request: RetrainRequest) -> RetrainJob:
        found = self.stores.jobs.get(request.key)
        assert found is not None
        return found

    def phases(self, request: RetrainRequest) -> str:
        return " ".join(job.phase.value for job in self.stores.jobs.history(request.key))

    def events(self) -> list[AlertEvent]:
        return [event for _, event in self.stores.outbox.pending(1000)]

    def headlines(self) -> list[str]:
        return [event.annotations["summary"].removeprefix("Retraining of churn: ") for event in self.events()]
