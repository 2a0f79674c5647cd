"""The whole path in memory: records in, decisions out, as JSON lines that people can read in a review."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.adapters.codec import JsonCodec
from monitor.adapters.memory.source import MemoryLog, MemorySource
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.migrate import migrate
from monitor.adapters.sql.stores import SqlStores
from monitor.domain.checks import CheckSpec, Threshold
from monitor.domain.findings import Verdict
from monitor.domain.models import GroundTruthPolicy, ModelRef, MonitoredModel, Segment, Task
from monitor.domain.records import PartitionId
from monitor.domain.rules import AnyOf, CheckIsBad, Rule, Severity, ShareDrifted
from monitor.domain.stream import TopicKind
from monitor.domain.time import format_instant, parse_instant
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.usecases.evaluate import Evaluate
from monitor.usecases.ingest import Ingest, IngestSettings
from monitor.usecases.judging import Judge

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 2, tzinfo=UTC)
REF = ModelRef("churn", "3")
PARTITION = PartitionId("inference", 0)
ROWS = 400
"""Records an hour."""


@dataclass(slots=True)
class ManualClock:
    """A clock that stands where it was put."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


def model(**changes: object) -> MonitoredModel:
    settings: dict[str, object] = {
        "windows": WindowSpec(HOUR, HOUR),
        "lateness": timedelta(minutes=5),
        "retention": 24 * HOUR,
        "min_records": 100,
        "task": Task.BINARY,
        "positive_label": "yes",
    }
    return MonitoredModel("churn", **(settings | changes))  # type: ignore[arg-type]


RULES = (
    Rule("drift", ShareDrifted(0.3), Severity.CRITICAL, hold=HOUR, retrain=True),
    Rule("worse", CheckIsBad(column="ground_truth"), Severity.CRITICAL),
    Rule("data", AnyOf((CheckIsBad(test="missing_rate"), CheckIsBad(test="silence"))), Severity.WARNING),
)


@dataclass(slots=True)
class Traffic:
    """Records of one hour after the other; what is not said is as in the training data."""

    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    made: int = 0

    def hour(
        self, number: int, *, n: int = ROWS, shift: float = 0.0, drop: bool = False, only: str = ""
    ) -> list[bytes]:
        """`shift` moves amount (in standard deviations) and age; `only` moves it for one country alone."""
        return [self._record(START + number * HOUR + i * HOUR / n, shift, drop, only) for i in range(n)]

    def _record(self, at: datetime, shift: float, drop: bool, only: str) -> bytes:
        self.made += 1
        country = str(self.random.choice(["DE", "FR", "NL"], p=[0.5, 0.3, 0.2]))
        moved = shift if only in {"", country} else 0.0
        features: dict[str, object] = {
            "amount": round(float(self.random.normal(50 + 10 * moved, 10)), 3),
            "age": round(float(self.random.normal(40 + 12 * moved, 12)), 1),
            "country": country,
        }
        if drop:
            del features["age"]
        record = {
            "event_id": f"e{self.made}", "model": "churn", "model_version": "3", "event_time": format_instant(at),
            "features": features, "prediction": "yes" if self.random.random() < 0.3 else "no",
        }  # fmt: skip
        return json.dumps(record).encode()


def truths(records: Iterable[bytes], right: float, random: np.random.Generator, known_at: datetime) -> Iterator[bytes]:
    """Ground truth of the records, of which this share was predicted right."""
    for raw in records:
        record = json.loads(raw)
        said = record["prediction"]
        label = said if random.random() < right else ("no" if said == "yes" else "yes")
        yield json.dumps(
            {"type": "ground_truth", "event_id": record["event_id"], "model": "churn", "label": label,
             "event_time": format_instant(known_at)}
        ).encode()  # fmt: skip


class Stage:
    """Baseline, stores and loops; `play` feeds records, evaluates, and `trace` tells every decision."""

    def __init__(self, monitored: MonitoredModel | None = None, *, baseline: bool = True) -> None:
        engine = create_engine("sqlite://")
        migrate(engine)
        self.stores, self.clock, self.model = SqlStores.of(engine), ManualClock(), monitored or model()
        self.log = MemoryLog()
        self.log.create("inference", kind=TopicKind.MIXED)
        if baseline:
            self._train()
        models = {self.model.name: self.model}
        self.ingest = Ingest(
            MemorySource(self.log), self.stores.ingest, JsonCodec(), baselines=self.stores.baselines, models=models,
            clock=self.clock, settings=IngestSettings("stage", flush_every=timedelta(0), max_future_skew=None),
        )  # fmt: skip
        judge = Judge(DRIFT_TESTS, PERFORMANCE_METRICS, self.stores.windows, self.stores.baselines, "golden")
        self.evaluate = Evaluate(models, RULES, judge, self.stores.windows, self.stores.evaluations)

    def play(self, records: Sequence[bytes]) -> None:
        """Write, read and judge."""
        self.clock.at = max(self.clock.at, *(parse_instant(json.loads(raw)["event_time"]) for raw in records))
        self.log.append(PARTITION, records)
        while self.ingest.step(0).records or self.ingest.unsaved_records:
            pass
        self.evaluate.run_once(self.clock.now())

    def be_silent(self, until: datetime) -> None:
        """Nothing comes, the worker is at the end of the log, and the clock goes on."""
        self.clock.at = until
        for claim_progress in self.stores.windows.progress():
            claim = self.stores.ingest.claim(claim_progress.partition, claim_progress.kind, "stage")
            at_ms = int(until.timestamp() * 1000)
            self.stores.ingest.heartbeat(claim, at_ms, claim_progress.next_offset)
        self.evaluate.run_once(until)

    def trace(self) -> list[dict[str, object]]:
        """Verdicts by window (the good ones counted), transitions, alert events and requests, in order."""
        lines: list[dict[str, object]] = [
            {
                "window": format_instant(finding.window.start),
                "revision": finding.revision,
                "check": finding.check.name,
                "verdict": finding.verdict.value,
                "reason": finding.reason,
            }
            for finding in self.stores.evaluations.findings(self.model.name)
            if finding.verdict is not Verdict.OK
        ]
        lines += [
            {
                "rule": t.subject.rule,
                "from": t.before.value,
                "to": t.after.value,
                "at": format_instant(t.at),
                "why": t.why,
            }
            for t in self.stores.evaluations.transitions(self.model.name)
        ]
        for _, event in self.stores.outbox.pending(1000):
            ended = format_instant(event.ends_at) if event.ends_at else None
            about = {"alert": event.labels["alertname"], "starts_at": format_instant(event.starts_at), "ends_at": ended}
            lines.append({**about, "summary": event.annotations["summary"]})
        lines += [
            {"retrain": request.rule, "at": format_instant(request.at), "why": request.why}
            for _, request in self.stores.jobs.pending_requests(100)
        ]
        return lines

    def _train(self) -> None:
        random = np.random.default_rng(1)
        columns: dict[str, Column] = {
            "amount": NumericColumn(np.round(random.normal(50, 10, 20_000), 3)),
            "age": NumericColumn(np.round(random.normal(40, 12, 20_000), 1)),
            "country": CategoricalColumn(
                [str(c) for c in random.choice(["DE", "FR", "NL"], 20_000, p=[0.5, 0.3, 0.2])]
            ),
            "prediction": CategoricalColumn(["yes" if p < 0.3 else "no" for p in random.random(20_000)]),
        }
        built = Baseline.build(REF, columns, "made", segments=self.model.segments)
        self.stores.baselines.put(built.id, REF, built.to_bytes(), built.describe())
        self.stores.baselines.promote(REF, built.id, None, "first")


def segmented() -> MonitoredModel:
    return model(segments=(Segment("germany", "country", "DE"),))


def with_truth() -> MonitoredModel:
    accuracy = CheckSpec("accuracy", ("ground_truth",), threshold=Threshold(0.7, 0.8, below=True))
    return model(ground_truth=GroundTruthPolicy(2 * HOUR, 0.9, 12 * HOUR), checks=(accuracy,))
