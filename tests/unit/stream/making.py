"""A small model, its baseline and its records, for tests of the stream."""

from datetime import timedelta

import numpy as np

from monitor.domain.models import ModelRef, MonitoredModel, Segment
from monitor.domain.records import PartitionId
from monitor.domain.stream import Claim
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stream.batch import RecordBatch

MINUTE_MS = 60_000
PARTITION = PartitionId("t", 0)
REF = ModelRef("churn", "1")
SEGMENT = Segment("pro", "plan", "pro")
PLANS = ("pro", "basic", "free")


def tumbling(minutes: float) -> WindowSpec:
    return WindowSpec(timedelta(minutes=minutes), timedelta(minutes=minutes))


def model(windows: WindowSpec | None = None, **settings: object) -> MonitoredModel:
    """Windows of ten minutes, a minute of lateness, an hour of retention."""
    known = {"lateness": timedelta(minutes=1), "retention": timedelta(hours=1), "segments": (SEGMENT,), **settings}
    return MonitoredModel("churn", windows or tumbling(10), **known)  # type: ignore[arg-type]


def claim(epoch: int = 1, next_offset: int | None = None, watermark_ms: int | None = None) -> Claim:
    return Claim(PARTITION, epoch, next_offset, watermark_ms)


def baseline(version: str = "1", seed: int = 0) -> Baseline:
    chance = np.random.default_rng(seed)
    plans = [PLANS[k] for k in chance.integers(0, len(PLANS), 500)]
    columns: dict[str, Column] = {"age": NumericColumn(chance.normal(40, 10, 500)), "plan": CategoricalColumn(plans)}
    return Baseline.build(ModelRef("churn", version), columns)


def batch(times_ms: list[int], first_offset: int = 0, ref: ModelRef = REF, seed: int = 1) -> RecordBatch:
    """Records whose values depend on their offset alone."""
    offsets = np.arange(first_offset, first_offset + len(times_ms), dtype=np.int64)
    ages = np.array([np.random.default_rng((seed, offset)).normal(40, 10) for offset in offsets.tolist()])
    plans = [PLANS[offset % len(PLANS)] for offset in offsets.tolist()]
    return RecordBatch(
        ref,
        np.array(times_ms, np.int64),
        offsets,
        [f"e{offset}" for offset in offsets.tolist()],
        {"age": NumericColumn(ages), "plan": CategoricalColumn(plans)},
        [None] * len(times_ms),
        np.full(len(times_ms), np.nan),
    )
