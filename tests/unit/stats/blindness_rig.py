"""Training rows and windows of records as people have them, through decoder, shares, database and evaluation."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.adapters.codec import JsonCodec
from monitor.adapters.sql.engine import create_engine
from monitor.adapters.sql.stores import SqlStores
from monitor.adapters.sql.tables import metadata
from monitor.domain.checks import CheckSpec
from monitor.domain.findings import Finding, Verdict
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.rules import CheckIsBad, Phase, Rule
from monitor.domain.stream import Flush, TopicKind
from monitor.domain.time import to_ms
from monitor.domain.windows import WindowSpec
from monitor.stats.drift import DRIFT_TESTS
from monitor.stats.performance import PERFORMANCE_METRICS
from monitor.stats.proposals import AnyTest
from monitor.stats.quality import QUALITY_TESTS
from monitor.stats.window_tests import WINDOW_TESTS
from monitor.stream.schema import record_schema
from monitor.stream.shards import Shards
from monitor.usecases.baseline import BuildBaseline, BuiltBaseline
from monitor.usecases.derived_rows import derived_rows
from monitor.usecases.evaluate import Evaluate, EvaluateReport
from monitor.usecases.judging import Judge
from monitor.usecases.training_columns import TrainingOptions

Table = Mapping[str, Sequence[object]]

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 1, tzinfo=UTC)
MODEL = MonitoredModel("churn", WindowSpec(HOUR, HOUR), timedelta(0), 1000 * HOUR)
TESTS: Mapping[str, AnyTest] = {**DRIFT_TESTS, **QUALITY_TESTS, **WINDOW_TESTS}
RULES = (Rule("anything", CheckIsBad()), Rule("blind", CheckIsBad(failed=True)))


@dataclass(frozen=True)
class TrainingRows:
    """Rows in memory."""

    table: Table

    def batches(self) -> list[Table]:
        return [self.table]


@dataclass(frozen=True)
class Seen:
    """What one run found: findings of the last window by the check's name, the alerts that fire, notes on the rows."""

    findings: Mapping[str, Finding]
    firing: frozenset[str]
    notes: tuple[str, ...]
    report: EvaluateReport
    history: tuple[Finding, ...]

    def verdict(self, check: str) -> Verdict:
        return self.findings[check].verdict

    def bad(self) -> set[str]:
        return {name for name, finding in self.findings.items() if finding.verdict.is_bad}


def seen(
    training: Table,
    *windows: Table,
    checks: Sequence[CheckSpec] = (),
    tests: Mapping[str, AnyTest] = TESTS,
    options: TrainingOptions | None = None,
    model: MonitoredModel = MODEL,
    baseline_seen: Callable[[BuiltBaseline], None] = lambda _built: None,
) -> Seen:
    """One baseline, one hour of records for each window, all judged by the checks of a new model and the given ones."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    stores = SqlStores.of(engine)
    model = replace(model, checks=tuple(checks))
    built = BuildBaseline({"churn": model}, stores.baselines, tests)
    rows, options = derived_rows(TrainingRows(training), model.derived, options or TrainingOptions())
    made = built.build(ModelRef("churn", "1"), rows, options=options)
    baseline_seen(made)
    built.promote(ModelRef("churn", "1"), made.id, None, "test")
    _ingest(stores, model, made, windows)
    judge = Judge(
        tests, PERFORMANCE_METRICS, stores.windows, stores.baselines, "test",
        accounts=stores.accounts, findings=stores.evaluations,
    )  # fmt: skip
    report = Evaluate({"churn": model}, RULES, judge, stores.windows, stores.evaluations).run_once(START + 999 * HOUR)
    history = tuple(stores.evaluations.findings("churn"))
    last = START + max(0, len(windows) - 1) * HOUR
    states = stores.evaluations.rule_states("churn")
    firing = frozenset(subject.rule for subject, state in states.items() if state.phase is Phase.FIRING)
    findings = {one.check.name: one for one in history if one.window.start == last}
    return Seen(findings, firing, made.notes, report, history)


def _ingest(stores: SqlStores, model: MonitoredModel, made: BuiltBaseline, windows: Sequence[Table]) -> None:
    partition = PartitionId("log", 0)
    claim = stores.ingest.claim(partition, TopicKind.INFERENCE, "worker")
    messages = [message for hour, table in enumerate(windows) for message in _messages(hour, table)]
    schema = record_schema(model, (made.baseline.schema,))
    records = [RawRecord(offset, value) for offset, value in enumerate(messages)]
    decoded = JsonCodec().decode(partition, TopicKind.INFERENCE, records, lambda _model, _version: schema)
    assert not decoded.rejected, decoded.rejected[:3]
    shards = Shards(claim, {"churn": model}, lambda _ref, _pane: (made.id, made.baseline))
    for batch in decoded.batches:
        shards.add(batch, np.zeros(len(batch), np.bool_))
    until_ms, now_ms = to_ms(START + len(windows) * HOUR), to_ms(START)
    stores.ingest.flush([
        Flush(
            claim, TopicKind.INFERENCE, None, len(messages), until_ms, len(messages), now_ms,
            caught_up_at_ms=now_ms, shares=shards.dirty(),
        )
    ])  # fmt: skip


def _messages(hour: int, table: Table) -> list[bytes]:
    names, n = list(table), max((len(values) for values in table.values()), default=0)
    at_ms = to_ms(START + hour * HOUR)
    return [
        json.dumps({
            "event_id": f"{hour}-{row}",
            "model": "churn",
            "model_version": "1",
            "event_time": at_ms + row * 3_600_000 // max(1, n),
            "features": {name: table[name][row] for name in names if table[name][row] is not ABSENT},
        }).encode()
        for row in range(n)
    ]  # fmt: skip


class _Absent:
    """Not even null."""


ABSENT = _Absent()
