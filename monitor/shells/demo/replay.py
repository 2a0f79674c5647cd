"""The inference log that the demo's model would have written: canonical records, in event-time order."""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from monitor.shells.demo.dataset import HALF_HOURS_A_DAY, Elec2
from monitor.shells.demo.model import MODEL_NAME, TRUTH_DELAY, Predictions, PriceModel

Kind: TypeAlias = Literal["inference", "ground_truth"]


class ReplayedRecord(NamedTuple):
    """One record as a producer would send it: JSON bytes without a newline, and where it belongs in time."""

    kind: Kind
    event_time: datetime
    payload: bytes


def replay(
    data: Elec2,
    start: datetime,
    end: datetime,
    model_for: Callable[[datetime], PriceModel],
    timer: Callable[[], float] = time.perf_counter,
) -> Iterator[ReplayedRecord]:
    """Yield every prediction of [`start`, `end`) and every ground truth that falls due before `end`.

    In event-time order; a truth goes before the predictions of its own instant. Predictions are made lazily,
    a day in one call, and `model_for` is asked at the start of each day, so a version that is promoted while
    the log is being read serves from the next day on. Latency is measured with `timer` (seconds); all other
    bytes are the same in every run.
    """
    rows = data.between(start, end)
    waiting: deque[ReplayedRecord] = deque()
    for first in range(0, len(rows), HALF_HOURS_A_DAY):
        day = rows.rows(first, min(first + HALF_HOURS_A_DAY, len(rows)))
        model = model_for(_instant(day, 0))
        predictions = model.predict(day, timer)
        for place in range(len(day)):
            event_time = _instant(day, place)
            while waiting and waiting[0].event_time <= event_time:
                yield waiting.popleft()
            event_id, record = _inference(day, place, model.version, predictions)
            yield record
            waiting.append(_ground_truth(day, place, event_id, model.version))
    while waiting and waiting[0].event_time < end:
        yield waiting.popleft()


def _inference(day: Elec2, place: int, version: str, predictions: Predictions) -> tuple[str, ReplayedRecord]:
    event_time = _instant(day, place)
    served: dict[str, object] = {
        "model": MODEL_NAME,
        "model_version": version,
        "event_time": _rfc3339(event_time),
        "features": {name: values[place].item() for name, values in day.features.items()},
    }
    event_id = hashlib.sha256(msgspec.json.encode(served)).hexdigest()[:24]
    answer = {
        "prediction": str(predictions.labels[place]),
        "scores": {"UP": round(float(predictions.scores_up[place]), 6)},
        "latency_ms": round(predictions.latency_ms, 6),
    }
    payload = msgspec.json.encode({"type": "inference", "event_id": event_id} | served | answer)
    return event_id, ReplayedRecord("inference", event_time, payload)


def _ground_truth(day: Elec2, place: int, event_id: str, version: str) -> ReplayedRecord:
    known_at: datetime = _instant(day, place) + TRUTH_DELAY
    truth = {
        "type": "ground_truth",
        "event_id": event_id,
        "model": MODEL_NAME,
        "model_version": version,
        "event_time": _rfc3339(known_at),
        "label": "UP" if day.went_up[place] else "DOWN",
    }
    return ReplayedRecord("ground_truth", known_at, msgspec.json.encode(truth))


def _instant(rows: Elec2, place: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(rows.event_time[place].astype("int64")))


def _rfc3339(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
