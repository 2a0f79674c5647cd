"""What the simulated product watches: two models, their baselines, rules and a retraining policy."""

from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.domain.checks import CheckSpec, Threshold
from monitor.domain.models import ArchivePolicy, GroundTruthPolicy, ModelRef, MonitoredModel, Segment, Task
from monitor.domain.ports import BaselineStore
from monitor.domain.records import PartitionId
from monitor.domain.retraining import Mode, RetrainPolicy
from monitor.domain.rules import AnyOf, CheckIsBad, Rule, Severity, ShareDrifted
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
MINUTE, MINUTE_MS = timedelta(minutes=1), 60_000
PARTITIONS = tuple(PartitionId("log", number) for number in range(4))

CHURN, CHURN_2, CHURN_7, FRAUD = (
    ModelRef(*of) for of in (("churn", "1"), ("churn", "2"), ("churn", "7"), ("fraud", "2"))
)
"""The second version of churn has a baseline from half an hour on, the seventh has none."""

_LOOKED_AT = (
    CheckSpec("psi", ("age", "plan"), threshold=Threshold(1.2)),
    CheckSpec("missing_rate", ("age",), threshold=Threshold(20.0)),
)
MODELS = {
    "churn": MonitoredModel(
        "churn",
        WindowSpec(20 * MINUTE, 10 * MINUTE),
        lateness=2 * MINUTE,
        retention=60 * MINUTE,
        min_records=5,
        task=Task.BINARY,
        positive_label="yes",
        segments=(Segment("pro", "plan", "pro"),),
        checks=(*_LOOKED_AT, CheckSpec("accuracy", ("ground_truth",), threshold=Threshold(0.3, below=True))),
        propose_checks=False,
        ground_truth=GroundTruthPolicy(30 * MINUTE, 0.3, timedelta(days=1)),
        archive=ArchivePolicy(),
        remember_ids=1_000,
        retraining="at once",
    ),
    "fraud": MonitoredModel(
        "fraud",
        WindowSpec(10 * MINUTE, 10 * MINUTE),
        lateness=3 * MINUTE,
        retention=90 * MINUTE,
        min_records=3,
        checks=_LOOKED_AT,
        propose_checks=False,
        silence_after=30 * MINUTE,
        remember_ids=1_000,
        low_coverage=0.8,
    ),
}
RULES = (
    Rule("drift", ShareDrifted(0.3), Severity.CRITICAL, hold=10 * MINUTE, retrain=True),
    Rule("moved", CheckIsBad(test="psi"), Severity.WARNING, keep=10 * MINUTE),
    Rule("worse", CheckIsBad(column="ground_truth"), Severity.CRITICAL),
    Rule("data", AnyOf((CheckIsBad(test="missing_rate"), CheckIsBad(test="silence")))),
    Rule("lost", CheckIsBad(test="coverage")),
)
POLICIES = {
    "at once": RetrainPolicy(
        "at once",
        trigger="pipeline",
        mode=Mode.AUTO,
        cooldown=MINUTE,
        budget=50,
        budget_period=timedelta(days=1),
        deadline=30 * MINUTE,
        repeat_within=MINUTE,
        auto_promote=True,
    )
}
ROUTES = {
    "channels": {"box": {"kind": "console"}},
    "route": {
        "channels": ["box"],
        "group_by": ["model"],
        "collect_for": "10s",
        "update_every": "1m",
        "remind_every": "never",  # so that whatever is said twice is a mistake
    },
}


def _baseline(ref: ModelRef, seed: int) -> Baseline:
    chance = np.random.default_rng(seed)
    columns: dict[str, Column] = {
        "age": NumericColumn(chance.normal(40, 10, 400)),
        "plan": CategoricalColumn([("pro", "basic")[k] for k in chance.integers(0, 2, 400)]),
        "score": NumericColumn(chance.random(400)),
    }
    return Baseline.build(ref, columns, segments=MODELS[ref.name].segments)


BASELINES = {made.id: made for made in (_baseline(CHURN, 1), _baseline(CHURN_2, 2), _baseline(FRAUD, 3))}


def promote_baselines(store: BaselineStore) -> None:
    """Put them into a new database."""
    for made in BASELINES.values():
        store.put(made.id, made.ref, made.to_bytes(), made.describe())
        since_ms = START_MS + 30 * MINUTE_MS if made.ref == CHURN_2 else None
        store.promote(made.ref, made.id, since_ms, "test")
