"""Records with a text and an embedding beside 25 features: what the two decoders make of them, in CPU time."""

import json
import statistics
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.payloads import NUMBERS, WORDS, payloads
from monitor.adapters.codec import JsonCodec
from monitor.domain.columns import ColumnKind, ColumnSpec
from monitor.domain.derived import TextColumn, VectorColumn
from monitor.domain.models import PREDICTION, SCORE
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import TopicKind
from monitor.stream.schema import RecordSchema

ROWS, POLL, ROUNDS, DIMENSIONS, WORDS_A_TEXT, ESCAPED = 4_000, 2_000, 3, 384, 55, 0.3
VOCABULARY = ("late", "refund", "good", "bad", "price", "box", "red", "blue", "return", "arrived", "broken", "again")
TEXT, VECTOR = TextColumn("note"), VectorColumn("embedding", DIMENSIONS)


def speed() -> tuple[float, float]:
    """Records per CPU second of the safe decoder, and of the one that is used without being asked; medians."""
    records = [RawRecord(offset, value) for offset, value in enumerate(_records())]
    safe, default = JsonCodec(safe=True), JsonCodec()
    rates = [(_rate(safe, records), _rate(default, records)) for _ in range(ROUNDS)]
    return statistics.median(rate for rate, _ in rates), statistics.median(rate for _, rate in rates)


def _rate(codec: JsonCodec, records: list[RawRecord]) -> float:
    schema = _schema()
    began = time.process_time()
    for start in range(0, len(records), POLL):
        codec.decode(PartitionId("wide", 0), TopicKind.INFERENCE, records[start : start + POLL], lambda *_: schema)
    return len(records) / (time.process_time() - began)


def _schema() -> RecordSchema:
    plain = [ColumnSpec(name, ColumnKind.NUMERIC) for name in (*NUMBERS, SCORE)]
    plain += [ColumnSpec(name, ColumnKind.CATEGORICAL) for name in (*WORDS, PREDICTION)]
    return RecordSchema((*plain, *TEXT.specs, *VECTOR.specs), derived=(TEXT, VECTOR))


def _records() -> Iterator[bytes]:
    """Those of `payloads` with a text of about 350 characters, three of ten with escapes, and 384 numbers."""
    random = np.random.default_rng(7)
    for value in payloads(ROWS):
        record = json.loads(value)
        text = " ".join(random.choice(VOCABULARY, WORDS_A_TEXT))
        record["features"]["note"] = f'{text}\n"so"' if random.random() < ESCAPED else text
        record["features"]["embedding"] = random.normal(size=DIMENSIONS).round(6).tolist()
        yield json.dumps(record).encode()
