"""What a worker holds of 10,000 models with 25 features: one open window each, then the same window closed and stored.

`bytes_per_window_feature` is the growth of the process (resident memory) by the open windows, with everything around
the counters; `busy_...` that by windows of so many records that their counters take four bytes instead of two;
`closed_...` that by windows that are closed and kept for late records. `stored_...` is the size of what the database
gets, of windows of 2,000 and of 40,000 records. Baselines are in memory once for each model version in use, whatever
the number of windows: `bytes_per_baseline_feature`.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.payloads import HOUR, START, columns
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.records import PartitionId
from monitor.domain.stream import Claim
from monitor.domain.time import to_ms
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import Column, Ints
from monitor.stats.profiles.model import ModelProfile
from monitor.stream.batch import RecordBatch
from monitor.stream.shards import Shards

MODELS, FEATURES = 10_000, 25
FEW, USUAL, BUSY = 500, 2_000, 40_000
"""Records in a window. Open counters take the same whatever they count, until there are more than two bytes can say."""

FEWER_MODELS = 2_000
"""How many are measured of other windows than those."""

DISTINCT, COPIES = 10, 200
"""Baselines that the models are on, and copies of one that are measured."""

_START_MS = to_ms(START)


@dataclass(frozen=True, slots=True)
class Kind:
    """Windows to measure: one of each model, with so many records, and so many more in which no column has a value."""

    models: int
    records: int
    empty: int = 0
    are_closed: bool = False


def run(progress: Callable[[str], None]) -> dict[str, float | int]:
    """Bytes by window and feature; each kind is measured in a process of its own, whose heap nobody has used."""
    wanted = {"open": Kind(MODELS, FEW), "busy": Kind(FEWER_MODELS, FEW, BUSY)}
    wanted["closed"] = Kind(FEWER_MODELS, USUAL, are_closed=True)
    grown = {}
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for name, kind in wanted.items():
            progress(f"{kind.models:,} windows of {kind.records + kind.empty:,} records, {name}")
            grown[name] = processes.submit(grown_by, kind).result()
        by_baseline = processes.submit(grown_by_baselines).result()
    return {
        "bytes_per_window_feature": _each(grown["open"], MODELS),
        "busy_bytes_per_window_feature": _each(grown["busy"], FEWER_MODELS),
        "closed_bytes_per_window_feature": _each(grown["closed"], FEWER_MODELS),
        "stored_bytes_per_window_feature": _stored(USUAL),
        "stored_bytes_per_window_feature_40k_records": _stored(BUSY),
        "bytes_per_baseline_feature": _each(by_baseline, COPIES),
        "models": MODELS,
        "features": FEATURES,
        "open_windows_mb": round(grown["open"] / 2**20),
    }


def grown_by(kind: Kind) -> int:
    """Bytes by which this process grows when the windows come into being."""
    shards = _shards(_baselines())
    values = columns(kind.records)
    batches = [_batch(_name(number), values, kind.records) for number in range(kind.models)]
    before = _resident()
    for number, batch in enumerate(batches, 1):
        shards.add(batch, np.zeros(len(batch), np.bool_))
        shards.settle()
        if kind.empty:
            shards.add(_batch(batch.ref.name, {}, kind.empty), np.zeros(kind.empty, np.bool_))
            shards.settle()
        if kind.are_closed and number % 100 == 0:
            shards.saved(_START_MS + int(HOUR.total_seconds() * 1_000))
    return _resident() - before


def grown_by_baselines() -> int:
    """Bytes by which this process grows when it holds more baselines."""
    data = _baselines()[0].to_bytes()
    before = _resident()
    held = [Baseline.from_bytes(data) for _ in range(COPIES)]
    digests = {one.layouts.digest for one in held}
    return _resident() - before if len(digests) == 1 else 0


def _each(grown: int, models: int) -> int:
    return round(grown / models / FEATURES)


def _baselines() -> list[Baseline]:
    return [
        Baseline.build(ModelRef("made", str(n)), columns(20_000, seed=n), "made", with_pairs=True)
        for n in range(DISTINCT)
    ]


def _shards(baselines: list[Baseline]) -> Shards:
    held = [(one.id, one) for one in baselines]
    models = {
        name: MonitoredModel(name, WindowSpec(HOUR, HOUR), timedelta(0), timedelta(days=2))
        for name in map(_name, range(MODELS))
    }
    claim = Claim(PartitionId("log", 0), 1, None, None)
    return Shards(claim, models, lambda ref, _: held[int(ref.name.split("-")[1]) % DISTINCT])


def _batch(model: str, values: Mapping[str, Column], n: int) -> RecordBatch:
    offsets, nothing = _offsets(n)
    return RecordBatch(ModelRef(model, "1"), offsets + _START_MS, offsets, nothing, values, nothing, np.full(n, np.nan))


@cache
def _offsets(n: int) -> tuple[Ints, list[str]]:
    return np.arange(n, dtype=np.int64), [""] * n


def _stored(records: int) -> int:
    sizes = []
    for number, baseline in enumerate(_baselines()):
        profile = ModelProfile.empty(baseline.layouts)
        profile.update(columns(records, seed=1_000 + number), records)
        sizes.append(len(profile.to_bytes()))
    return round(sum(sizes) / len(sizes) / FEATURES)


def _name(number: int) -> str:
    return f"model-{number}"


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
