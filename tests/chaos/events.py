"""The known log: a million small events, every one a function of its number, and what must become of them."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.domain.errors import RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.time import to_ms
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn

START_MS = to_ms(datetime(2025, 6, 1, tzinfo=UTC))
SPAN_MS = int(timedelta(hours=8).total_seconds()) * 1000
PANE_MS = 600_000
JITTER_MS = 180_000
CHUNK = 1_000
MAX_BYTES = 4_096

REFS = (ModelRef("churn", "1"), ModelRef("churn", "2"), ModelRef("fraud", "7"), ModelRef("fraud", "8"))
PLANS = ("pro", "basic", "trial", "new")

_MODEL = """\
model: {name}
task: binary
positive_label: "yes"
window: {{size: 10m}}
lateness: 2m
retention: 1d
"""
_OF_CHURN = """\
sequential:
  - {detector: adwin, column: age, false_alarm: 1 per 1000 records}
  - {detector: conformal, column: age, false_alarm: 1 per 1000 records}
  - {detector: cusum, column: age, false_alarm: 1 per 1000 records}
  - {detector: kswin, column: score, false_alarm: 1 per 1000 records}
  - {detector: page_hinkley, column: age, false_alarm: 1 per 1000 records}
segments: [{name: pro, column: plan, value: pro}]
ground_truth: {wait: 1d, min_coverage: 0.5, horizon: 7d}
"""
MODEL_FILES = {"churn": _MODEL.format(name="churn") + _OF_CHURN, "fraud": _MODEL.format(name="fraud")}


@dataclass(frozen=True, slots=True)
class Known:
    """What a log comes to, however it is read: records by window, dead letters by reason, truths."""

    counted: Counter[tuple[ModelRef, int]] = field(default_factory=Counter)
    refused: Counter[RejectReason] = field(default_factory=Counter)
    truths: Counter[str] = field(default_factory=Counter)


def baselines() -> list[Baseline]:
    """One for each model version, on which its windows are counted."""
    return [_baseline(ref, seed) for seed, ref in enumerate(REFS)]


def _baseline(ref: ModelRef, seed: int) -> Baseline:
    chance = np.random.default_rng(seed)
    columns: dict[str, Column] = {
        "age": NumericColumn(chance.normal(40, 10, 500)),
        "plan": CategoricalColumn([PLANS[k] for k in chance.integers(0, 3, 500)]),
        "prediction": CategoricalColumn([("no", "yes")[k] for k in chance.integers(0, 2, 500)]),
        "score": NumericColumn(chance.random(500)),
    }
    return Baseline.build(ref, columns)


def events(total: int, known: Known) -> Iterator[bytes | None]:
    """Values 0 to total, one in a hundred of them bad, one in twenty a truth; `known` gets what each must become."""
    for first in range(0, total, CHUNK):
        chance = np.random.default_rng(first)
        numbers = np.arange(first, min(first + CHUNK, total))
        times = START_MS + numbers * SPAN_MS // total + chance.integers(-JITTER_MS, JITTER_MS, len(numbers))
        ages, scores = chance.normal(42, 11, len(numbers)).round(3), chance.random(len(numbers)).round(4)
        rows = zip(numbers.tolist(), times.tolist(), ages.tolist(), scores.tolist(), strict=True)
        for number, at_ms, age, score in rows:
            yield _event(number, at_ms, age, score, known)


def _event(number: int, at_ms: int, age: float, score: float, known: Known) -> bytes | None:
    if number % 100 == 13:
        value, reason = bad(number // 100)
        known.refused[reason] += 1
        return value
    if number % 20 == 7:
        known.truths["churn"] += 1
        return b'{"type":"ground_truth","event_id":"e%d","model":"churn","event_time":%d,"label":"yes"}' % (
            number - 7,
            at_ms,
        )
    ref = REFS[number * 7 % 31 % len(REFS)]
    known.counted[ref, at_ms // PANE_MS * PANE_MS] += 1
    return (
        f'{{"event_id":"e{number}","model":"{ref.name}","model_version":"{ref.version}","event_time":{at_ms},'
        f'"features":{{"age":{age},"plan":"{PLANS[number % 4]}"}},"prediction":"{("no", "yes")[score > 0.5]}",'
        f'"score":{score}}}'
    ).encode()


def bad(turn: int) -> tuple[bytes | None, RejectReason]:
    """A record that must be refused, and why; `turn` chooses the kind."""
    return _BAD[turn % len(_BAD)]


def _wrong(**changes: object) -> bytes:
    record = {"event_id": "b", "model": "fraud", "model_version": "7", "event_time": START_MS, "features": {"age": 1}}
    return json.dumps({name: value for name, value in {**record, **changes}.items() if value is not None}).encode()


_BAD: tuple[tuple[bytes | None, RejectReason], ...] = (
    (b'{"event_id": "b", "model": ', RejectReason.MALFORMED_JSON),
    (_wrong(model="nobody"), RejectReason.UNKNOWN_MODEL),
    (_wrong(event_time="2099-01-01T00:00:00Z"), RejectReason.IN_THE_FUTURE),
    (b"[1, 2]", RejectReason.NOT_AN_OBJECT),
    (None, RejectReason.EMPTY),
    (b'\xff\xfe{"event_id"', RejectReason.MALFORMED_JSON),
    (_wrong(event_id=None), RejectReason.MISSING_FIELD),
    (_wrong(event_time="yesterday"), RejectReason.BAD_EVENT_TIME),
    (_wrong(note="x" * MAX_BYTES), RejectReason.TOO_LARGE),
)
