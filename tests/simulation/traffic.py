"""Producers: what they write is known record by record, so that a ledger can be kept without asking the product."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from monitor.adapters.memory.source import MemoryLog
from monitor.domain.errors import RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.records import Headers, PartitionId
from monitor.domain.stream import TopicKind
from monitor.domain.time import from_ms
from tests.simulation.scene import CHURN, CHURN_2, CHURN_7, FRAUD, MINUTE_MS, PARTITIONS, START_MS

_IN_2099_MS = 4_070_908_800_000
_REFS = (CHURN, FRAUD, CHURN, CHURN_2, CHURN, FRAUD, CHURN_7)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a record's headers say: who served it, its running number there, and for how many thousandths it stands."""

    producer: str
    number: int | None
    thousandths: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """A record that should be counted (or refused as too old, or known already)."""

    ref: ModelRef
    event_id: str
    at_ms: int
    states: Statement | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What turned out to be true of a prediction."""

    event_id: str
    label: str
    known_at_ms: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that nobody can count, and why."""

    reason: RejectReason


Said = Prediction | Truth | Refused


class ReadableLog(Protocol):
    """What the ledger is kept from."""

    said: dict[PartitionId, list[Said]]


class Producers:
    """Write a log; the same calls write the same bytes. Event time goes on with every record."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.log.create(PARTITIONS[0].topic, len(PARTITIONS), TopicKind.MIXED)
        self.said: dict[PartitionId, list[Said]] = {partition: [] for partition in PARTITIONS}
        self.now_ms = START_MS
        self.newest_ms = START_MS
        self._number = 0
        self._drifts = False
        self._predicted: list[Prediction] = []
        self._served: Counter[tuple[str, ModelRef]] = Counter()
        self._ids: dict[tuple[PartitionId, ModelRef], str] = {}

    def newest(self) -> datetime:
        """The newest event time that was written (but for the nonsense of 2099)."""
        return from_ms(self.newest_ms)

    def change(self) -> None:
        """Records become unlike the training data, or like it again."""
        self._drifts = not self._drifts

    def leap(self, by: timedelta) -> None:
        """Nothing is written for so long."""
        self.now_ms += int(by.total_seconds() * 1000)

    def write(self, partition: PartitionId, count: int) -> None:
        """Records in order, but for a minute or two."""
        for _ in range(count):
            number = self._next()
            self._predict(partition, number, self.now_ms - number * 13 % 4 * MINUTE_MS // 2)

    def write_late(self, partition: PartitionId, count: int) -> None:
        """Records of up to two hours ago: some late, some out of retention, some in time by chance."""
        for _ in range(count):
            number = self._next()
            self._predict(partition, number, max(START_MS, self.now_ms - number * 37 % 120 * MINUTE_MS))

    def write_again(self, partition: PartitionId, count: int) -> None:
        """The last messages of the partition once more, at new offsets."""
        sent = self.log.records[partition][-count:]
        self.said[partition] += self.said[partition][-count:]
        for record in sent:
            self.log.append(partition, [record.value], headers=record.headers)

    def write_nonsense(self, partition: PartitionId, count: int) -> None:
        """Messages that go to the dead letters, each for another reason."""
        for _ in range(count):
            number = self._next()
            sent: Sequence[tuple[bytes | None, RejectReason]] = (
                (None, RejectReason.EMPTY),
                (b'{"model": "ch', RejectReason.MALFORMED_JSON),
                (self._message(number, CHURN, _IN_2099_MS), RejectReason.IN_THE_FUTURE),
                (self._message(number, ModelRef("nobody", "1"), self.now_ms), RejectReason.UNKNOWN_MODEL),
            )
            value, reason = sent[number % len(sent)]
            self._append(partition, value, Refused(reason))

    def write_truth(self, partition: PartitionId, count: int) -> None:
        """Ground truth of the latest predictions, most of it as predicted; wherever it is written, not only beside."""
        for about in self._predicted[-3 * count :: 3]:
            number = self._next()
            truth = Truth(about.event_id, "no" if number % 5 else "yes", self.now_ms + number)
            message = {"type": "ground_truth", "event_id": truth.event_id, "model": "churn", "label": truth.label}
            self._append(partition, json.dumps(message | {"event_time": truth.known_at_ms}).encode(), truth)
            self.newest_ms = max(self.newest_ms, truth.known_at_ms)

    def _next(self) -> int:
        self._number += 1
        self.now_ms += self._number * 7 % 10 * MINUTE_MS // 6
        return self._number

    def _predict(self, partition: PartitionId, number: int, at_ms: int) -> None:
        ref = _REFS[number % len(_REFS)]
        states, headers = self._states(number, ref)
        prediction = Prediction(ref, self._id(partition, number, ref), at_ms, states)
        self._append(partition, self._message(number, ref, at_ms, prediction.event_id), prediction, headers)
        self.newest_ms = max(self.newest_ms, at_ms)
        if ref.name == "churn":
            self._predicted.append(prediction)

    def _id(self, partition: PartitionId, number: int, ref: ModelRef) -> str:
        """Now and then a producer gives the id of its record before, to one that is not the same."""
        given = self._ids.get((partition, ref))
        if given is None or number % 13 != 5:
            given = self._ids[partition, ref] = f"e{number}"
        return given

    def _states(self, number: int, ref: ModelRef) -> tuple[Statement | None, Headers]:
        """Most records are numbered by who served them, some of these are lost; some say what they stand for."""
        kind, name = number % 8, f"web-{number % 2}"
        if kind == 7:
            return None, ()
        if kind == 6:
            return None, [("driftline-producer", name.encode()), ("driftline-weight", b"much")]
        if kind == 5:
            return Statement("", None, 10_000), [("driftline-weight", b"10")]
        self._served[name, ref] += 1 + (number % 5 == 0)
        served = self._served[name, ref]
        headers = [("driftline-producer", name.encode()), ("driftline-number", str(served).encode())]
        if kind == 4:
            return Statement(name, served, 2_500), [*headers, ("driftline-weight", b"2.5")]
        return Statement(name, served, 1_000), headers

    def _append(self, partition: PartitionId, value: bytes | None, said: Said, headers: Headers = ()) -> None:
        self.log.append(partition, [value], headers=headers)
        self.said[partition].append(said)

    def _message(self, number: int, ref: ModelRef, at_ms: int, event_id: str = "") -> bytes:
        chance = np.random.default_rng(number)
        age: object = round(float(chance.normal(70 if self._drifts else 40, 10)), 3)
        features = {"age": age, "plan": ("pro", "basic", "pro", "new" if self._drifts else "basic")[number % 4]}
        if number % 11 == 0:
            features = {"age": "?", "plan": 5}
        event_id = event_id or f"e{number}"
        return json.dumps(
            {
                "event_id": event_id, "model": ref.name, "model_version": ref.version, "event_time": at_ms,
                "features": features, "prediction": "yes" if number % 2 else "no", "score": float(chance.random()),
            }
        ).encode()  # fmt: skip
