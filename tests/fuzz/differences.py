"""Both ways of the decoder on the same messages: what differs, down to the bits of the profiles."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np

from monitor.adapters.codec import JsonCodec
from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.records import PartitionId, RawRecord
from monitor.domain.stream import Claim, TopicKind
from monitor.domain.windows import WindowSpec
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stream.batch import Decoded, RecordBatch
from monitor.stream.intake import PartitionIntake
from monitor.stream.schema import RecordSchema
from tests.fuzz.messages import SCHEMAS, Messages

PARTITION = PartitionId("fuzz", 0)
_DAY = timedelta(days=1)
_MODELS = {name: MonitoredModel(name, WindowSpec(_DAY, _DAY), _DAY, 40_000 * _DAY) for name in SCHEMAS}


class Oracle:
    """Decodes with the fast path and without it; keeps both decoders, as a worker does, so that learning is tested."""

    def __init__(self) -> None:
        self.safe, self.fast = JsonCodec(10_000, safe=True), JsonCodec(10_000)
        self._baselines = {name: _baseline(schema) for name, schema in SCHEMAS.items()}

    def share_taken(self) -> float:
        """Share of the messages that the fast path took, 0 to 1."""
        fast = self.fast.fast
        return 0.0 if fast is None or not fast.seen else fast.taken / fast.seen

    def differences(self, values: Sequence[bytes | None], kind: TopicKind) -> list[str]:
        """What the two ways disagree about; nothing, that is."""
        records = [RawRecord(3 * k, value) for k, value in enumerate(values)]
        safe = self.safe.decode(PARTITION, kind, records, _schema)
        fast = self.fast.decode(PARTITION, kind, records, _schema)
        found = list(_decoded(safe, fast))
        if not found and self._shares(safe, kind, records) != self._shares(fast, kind, records):
            found.append("profiles")
        return found

    def _shares(self, decoded: Decoded, kind: TopicKind, records: Sequence[RawRecord]) -> Mapping[object, bytes]:
        def baseline(ref: ModelRef, _start_ms: int) -> tuple[str, Baseline] | None:
            held = self._baselines.get(ref.name)
            return None if held is None else ("b", held)

        intake = PartitionIntake(Claim(PARTITION, 1, 0, None), kind, _MODELS, baseline)
        intake.accept(records, decoded, None)
        return {
            (share.key, share.n, share.late, share.first_offset, share.next_offset): share.payload
            for share in intake.to_flush(0, None).shares
        }


def mismatches(n: int, seed: int, poll: int = 2_000) -> int:
    """How many of n messages the two ways disagree about on their own, counted in polls where they disagree at all."""
    messages, oracle, found = Messages(seed), Oracle(), 0
    for start in range(0, n, poll):
        values = [messages.next() for _ in range(min(poll, n - start))]
        if oracle.differences(values, TopicKind.INFERENCE):
            found += max(1, sum(bool(oracle.differences([value], TopicKind.INFERENCE)) for value in values))
    return found


def _schema(model: str, _version: str) -> RecordSchema | None:
    return SCHEMAS.get(model)


def _baseline(schema: RecordSchema) -> Baseline:
    random = np.random.default_rng(5)
    columns: dict[str, Column] = {}
    for column in schema.columns:
        if column.kind == "numeric":
            columns[column.name] = NumericColumn(random.normal(10, 200, 500))
        else:
            columns[column.name] = CategoricalColumn([f"v{k % 30}" if k % 3 else "yes" for k in range(500)])
    return Baseline.build(ModelRef("fuzz", "1"), columns, "for fuzzing")


def _decoded(safe: Decoded, fast: Decoded) -> Iterator[str]:
    if safe.n != fast.n or list(safe.truths) != list(fast.truths):
        yield "truths"
    if list(safe.rejected) != list(fast.rejected):
        yield f"rejections: {_first_unequal(safe.rejected, fast.rejected)}"
    if [batch.ref for batch in safe.batches] != [batch.ref for batch in fast.batches]:
        yield "models"
        return
    for one, other in zip(safe.batches, fast.batches, strict=True):
        yield from (f"{one.ref}: {what}" for what in _batch(one, other))


def _batch(safe: RecordBatch, fast: RecordBatch) -> Iterator[str]:
    if safe.offsets.tolist() != fast.offsets.tolist():
        yield f"offsets: only one way has {sorted(set(safe.offsets.tolist()) ^ set(fast.offsets.tolist()))[:5]}"
        return
    for name in ("event_time_ms", "event_ids", "predictions"):
        one, other = list(getattr(safe, name)), list(getattr(fast, name))
        if one != other:
            yield f"{name}: {_first_unequal(one, other)}"
    if list(safe.columns) != list(fast.columns):
        yield f"columns {list(safe.columns)} != {list(fast.columns)}"
        return
    if not _same_bits(safe.scores, fast.scores):
        yield "scores"
    yield from (f"column {name}" for name, column in safe.columns.items() if not _same(column, fast.columns[name]))
    if repr(safe.originals) != repr(fast.originals):  # by their words, where NaN is like NaN and -0.0 unlike 0.0
        yield "originals"


def _same(safe: Column, fast: Column) -> bool:
    n = len(safe)
    mine, other = (np.zeros(n, np.bool_) if column.invalid is None else column.invalid for column in (safe, fast))
    if len(fast) != n or not np.array_equal(mine, other):
        return False
    if isinstance(safe, NumericColumn) and isinstance(fast, NumericColumn):
        return _same_bits(safe.values, fast.values)
    if isinstance(safe, CategoricalColumn) and isinstance(fast, CategoricalColumn):
        return list(safe.values) == list(fast.values)
    return False


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Every NaN is the same missing value; everything else to the bit, the sign of zero included."""
    missing = np.isnan(one)
    same = np.array_equal(missing, np.isnan(other))
    return same and np.array_equal(one[~missing].view(np.int64), other[~missing].view(np.int64))


def _first_unequal(one: Sequence[object], other: Sequence[object]) -> str:
    pairs = ((a, b) for a, b in zip(one, other, strict=False) if a != b)
    return repr(next(pairs, (len(one), len(other))))[:300]
