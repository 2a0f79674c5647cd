"""Event ids seen before: exactly the newest of each model version in a partition, whatever restarts came between."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.stream import IdBlock
from monitor.domain.time import duration_ms
from monitor.stats.columns import Ints, Mask
from monitor.stream.batch import RecordBatch
from monitor.stream.watermark import NOTHING_SEEN

BLOCK = 16_384
"""Ids that are remembered, and forgotten, together."""

SAVED_TOGETHER = 1_024
"""Ids in one stored block; the newest is written again while it grows. Divides BLOCK."""

EVERYTHING = 2**62
"""More ids than will ever be."""

Hashes = npt.NDArray[np.uint64]

_HASH = np.dtype("<u8")
_NO_IDS: Hashes = np.empty(0, _HASH)


@dataclass(slots=True)
class SeenIds:
    """The newest ids of one model version in one partition: at least `least` of them, at most two BLOCKs more.

    Ids stand in the order in which they were first seen, in blocks that begin at multiples of BLOCK; the oldest block
    goes when the younger ones suffice. When nothing that is remembered is within `retention_ms` of the watermark any
    more, everything is forgotten. So what is recognised depends on the records before, and never on where a poll, a
    save or a life of the process ended. Memory: 16 bytes an id, and 100 more for those of the newest block.
    """

    ref: ModelRef
    least: int
    retention_ms: int
    newest_ms: int = NOTHING_SEEN
    _first: int = 0
    _closed: Hashes = field(default_factory=lambda: _NO_IDS)
    _index: Hashes = field(default_factory=lambda: _NO_IDS)
    _open: dict[int, None] = field(default_factory=dict)
    _saved_to: int = 0
    _deleted_to: int = 0
    _is_dirty: bool = False

    def load(self, blocks: Iterable[IdBlock]) -> None:
        """Remember what was saved, blocks in order of `first`."""
        known = sorted(blocks, key=lambda block: block.first)
        if not known:
            return
        ids = np.concatenate([np.frombuffer(block.ids, _HASH) for block in known])
        self._first = known[0].first
        self._deleted_to = self._first
        self._saved_to = self._first + len(ids)
        self.newest_ms = max(block.newest_ms for block in known)
        closed = max(0, self._saved_to // BLOCK * BLOCK - self._first)
        self._closed, self._open = ids[:closed], dict.fromkeys(ids[closed:].tolist())
        self._forget_oldest()

    def recognise(self, event_ids: Sequence[str], event_time_ms: Ints, met_ms: Ints) -> Mask:
        """Mark the records whose id is remembered, and take the others in; records in offset order.

        `met_ms` is the watermark that each record met. An empty id is none, and never a duplicate.
        """
        newest = np.maximum.accumulate(np.concatenate(([self.newest_ms], event_time_ms)))
        starts_anew = newest[:-1] < met_ms - self.retention_ms
        ids = list(map(xxh3_64_intdigest, event_ids))
        repeated = np.zeros(len(ids), np.bool_)
        edges = [0, *np.flatnonzero(starts_anew).tolist(), len(ids)]
        for start, stop in pairwise(edges):
            if start < len(ids) and starts_anew[start]:
                self._forget_all()
            self._recognise_run(ids, repeated, start, stop)
        self.newest_ms = int(newest[-1])
        if "" in event_ids:
            repeated &= np.fromiter((event_id != "" for event_id in event_ids), np.bool_, len(ids))
        return repeated

    def is_expired(self, watermark_ms: int) -> bool:
        """Whether the next record, whatever it is, would find everything forgotten."""
        return self.newest_ms < watermark_ms - self.retention_ms

    def unsaved(self) -> list[IdBlock]:
        """The blocks that changed since `saved`, each whole."""
        if not self._is_dirty:
            return []
        ids = np.concatenate((self._closed, np.fromiter(self._open, _HASH, len(self._open))))
        start = max((self._saved_to - 1) // SAVED_TOGETHER * SAVED_TOGETHER, self._first)
        return [self._block(ids, first) for first in range(start, self._end, SAVED_TOGETHER)]

    @property
    def forgotten_to(self) -> int:
        """Blocks that begin before this number of ids are not needed any more; 0 when that is known already."""
        return self._first if self._first > self._deleted_to else 0

    def saved(self) -> None:
        """What `unsaved` and `forgotten_to` said is durable."""
        self._saved_to, self._deleted_to, self._is_dirty = self._end, self._first, False

    @property
    def _end(self) -> int:
        return self._first + len(self._closed) + len(self._open)

    def _block(self, ids: Hashes, first: int) -> IdBlock:
        run = ids[first - self._first :][:SAVED_TOGETHER]
        return IdBlock(self.ref.name, self.ref.version, first, self.newest_ms, run.tobytes())

    def _recognise_run(self, ids: list[int], repeated: Mask, start: int, stop: int) -> None:
        while start < stop:
            end = min(stop, start + BLOCK - len(self._open))
            self._recognise_in_block(ids[start:end], repeated[start:end])
            if len(self._open) == BLOCK:
                self._close_block()
            start = end

    def _recognise_in_block(self, ids: list[int], repeated: Mask) -> None:
        """Ids that fit into the open block, whatever they are; `repeated` is written."""
        self._is_dirty = True
        known = self._in_closed(ids)
        fresh = dict.fromkeys(ids)
        if known is None and len(fresh) == len(ids) and self._open.keys().isdisjoint(fresh):
            self._open.update(fresh)
            return
        for row, one in enumerate(ids):
            if one in self._open or (known is not None and known[row]):
                repeated[row] = True
            else:
                self._open[one] = None

    def _in_closed(self, ids: list[int]) -> Mask | None:
        """Which ids are in the closed blocks; None when none is."""
        if not len(self._index):
            return None
        wanted = np.array(ids, _HASH)
        at = np.searchsorted(self._index, wanted)
        at[at == len(self._index)] = 0
        known: Mask = self._index[at] == wanted
        return known if known.any() else None

    def _close_block(self) -> None:
        self._closed = np.concatenate((self._closed, np.fromiter(self._open, _HASH, len(self._open))))
        self._open = {}
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Drop whole blocks from the front as long as the rest holds enough; then put the index in order."""
        while len(self._closed) - self._front() >= self.least:
            dropped = self._front()
            self._closed, self._first = self._closed[dropped:], self._first + dropped
        self._index = np.sort(self._closed)

    def _front(self) -> int:
        """Size of the oldest block; shorter where memory was loaded from the middle of one."""
        return BLOCK - self._first % BLOCK

    def _forget_all(self) -> None:
        # the next id begins a block, so that the borders depend on the records alone
        self._first = self._saved_to = -(-self._end // BLOCK) * BLOCK
        self._closed, self._index, self._open = _NO_IDS, _NO_IDS, {}


class SeenEvents:
    """The remembered event ids of every model version in one partition, for the models that ask for it."""

    def __init__(self, models: Mapping[str, MonitoredModel], remembered: Sequence[IdBlock]) -> None:
        self._models = models
        self._seen: dict[ModelRef, SeenIds] = {}
        self._unwanted: set[ModelRef] = set()
        blocks: dict[ModelRef, list[IdBlock]] = defaultdict(list)
        for block in remembered:
            blocks[ModelRef(block.model, block.version)].append(block)
        for ref, saved in blocks.items():
            if self._is_wanted(ref):
                self._of(ref).load(saved)
            else:
                self._unwanted.add(ref)

    def recognise(self, batch: RecordBatch, met_ms: Ints) -> Mask | None:
        """Which records of a batch are duplicates, None when none is; `met_ms` is the watermark that each met."""
        if not self._is_wanted(batch.ref) or not len(batch):
            return None
        repeated = self._of(batch.ref).recognise(batch.event_ids, batch.event_time_ms, met_ms)
        return repeated if repeated.any() else None

    def unsaved(self, watermark_ms: int | None) -> list[IdBlock]:
        """What changed since the last save, but for what `forgotten` names."""
        expired = set(self._expired(watermark_ms))
        return [block for ref, seen in self._seen.items() if ref not in expired for block in seen.unsaved()]

    def forgotten(self, watermark_ms: int | None) -> list[tuple[ModelRef, int]]:
        """Versions, and the number of ids up to which their blocks are not needed any more."""
        kept = [(ref, seen.forgotten_to) for ref, seen in self._seen.items() if seen.forgotten_to]
        return kept + [(ref, EVERYTHING) for ref in (*self._unwanted, *self._expired(watermark_ms))]

    def saved(self, watermark_ms: int | None) -> None:
        """Everything is durable."""
        for ref in self._expired(watermark_ms):
            del self._seen[ref]
        self._unwanted.clear()
        for seen in self._seen.values():
            seen.saved()

    def _expired(self, watermark_ms: int | None) -> list[ModelRef]:
        return (
            [] if watermark_ms is None else [ref for ref, seen in self._seen.items() if seen.is_expired(watermark_ms)]
        )

    def _is_wanted(self, ref: ModelRef) -> bool:
        model = self._models.get(ref.name)
        return model is not None and model.remember_ids > 0

    def _of(self, ref: ModelRef) -> SeenIds:
        if ref not in self._seen:
            model = self._models[ref.name]
            self._seen[ref] = SeenIds(ref, model.remember_ids, duration_ms(model.retention))
        return self._seen[ref]
