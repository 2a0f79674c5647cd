"""What one claim on a partition counts beside its shares: duplicates, refusals, and what producers say they served."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.records import DeadLetter
from monitor.domain.stream import DUPLICATE, Claim, Served, ServedKey, Tally, TallyKey
from monitor.domain.time import duration_ms
from monitor.stats.columns import Ints
from monitor.stream.batch import RecordBatch
from monitor.stream.served import Statement

UNKNOWN_MODEL_PANE_MS = 3_600_000
"""Refused records of no known model are tallied by the hour."""

MAX_PRODUCERS = 256
"""Producers told apart in a pane of one claim; what further ones say counts as a weight alone."""


@dataclass(slots=True)
class Tallies:
    """Counts by pane, each keyed by the claim's epoch, begun at nought and saved whole, as shares are."""

    claim: Claim
    models: Mapping[str, MonitoredModel]
    _counts: Counter[TallyKey] = field(default_factory=Counter)
    _served: dict[ServedKey, Served] = field(default_factory=dict)
    _dirty: set[TallyKey | ServedKey] = field(default_factory=set)

    def add_duplicates(self, ref: ModelRef, event_time_ms: Ints) -> None:
        """Records that were recognised, in the panes of their own event times."""
        slide_ms = self.models[ref.name].windows.slide_ms
        panes, numbers = np.unique(event_time_ms // slide_ms * slide_ms, return_counts=True)
        for pane_start_ms, n in zip(panes.tolist(), numbers.tolist(), strict=True):
            self._add(ref.name, ref.version, pane_start_ms, DUPLICATE, n)

    def add_refused(self, letters: Sequence[DeadLetter], reached_ms: Callable[[int], int | None]) -> None:
        """Refused records, in the panes that the partition had reached: `reached_ms` tells the watermark at an offset.

        Their own event time is unknown, or not believed. Before the first watermark there is no pane: such records are
        among the dead letters alone.
        """
        counts = Counter[tuple[str, int, str]]()
        for letter in letters:
            at_ms = reached_ms(letter.offset)
            if at_ms is None:
                continue
            model = self.models.get(letter.model or "")
            slide_ms = UNKNOWN_MODEL_PANE_MS if model is None else model.windows.slide_ms
            counts["" if model is None else model.name, at_ms // slide_ms * slide_ms, letter.reason.value] += 1
        for (name, pane_start_ms, reason), n in counts.items():
            self._add(name, "", pane_start_ms, reason, n)

    def add_served(self, batch: RecordBatch, said: Mapping[int, Statement]) -> None:
        """What producers say in counted records, by offset; a message of many rows says it once, by its first row."""
        slide_ms = self.models[batch.ref.name].windows.slide_ms
        before = None
        for offset, at_ms in zip(batch.offsets.tolist(), batch.event_time_ms.tolist(), strict=True):
            if offset != before and offset in said:
                self._add_statement(batch.ref, at_ms // slide_ms * slide_ms, said[offset])
            before = offset

    def dirty(self) -> tuple[list[Tally], list[Served]]:
        """The counts that changed since they were last saved."""
        tallies = [Tally(key, self._counts[key]) for key in self._dirty if isinstance(key, TallyKey)]
        return tallies, [self._served[key] for key in self._dirty if isinstance(key, ServedKey)]

    def saved(self, watermark_ms: int | None) -> None:
        """Everything is durable: forget what no record can touch any more."""
        self._dirty.clear()
        if watermark_ms is None:
            return
        for key in [key for key in self._counts if self._is_over(key, watermark_ms)]:
            del self._counts[key]
        for served in [key for key in self._served if self._is_over(key, watermark_ms)]:
            del self._served[served]

    def _is_over(self, key: TallyKey | ServedKey, watermark_ms: int) -> bool:
        model = self.models.get(key.model)
        if model is None:
            return key.pane_start_ms + UNKNOWN_MODEL_PANE_MS <= watermark_ms
        return key.pane_start_ms + model.windows.slide_ms <= watermark_ms - duration_ms(model.retention)

    def _add(self, model: str, version: str, pane_start_ms: int, fate: str, n: int) -> None:
        key = TallyKey(model, version, pane_start_ms, fate, self.claim.partition, self.claim.epoch)
        self._counts[key] += n
        self._dirty.add(key)

    def _add_statement(self, ref: ModelRef, pane_start_ms: int, said: Statement) -> None:
        key = self._served_key(ref, pane_start_ms, said.producer)
        if said.producer and key not in self._served and self._producers(key) >= MAX_PRODUCERS:
            key = self._served_key(ref, pane_start_ms, "")
        number = said.number if key.producer else None
        before = self._served.get(key, Served(key, 0, 0, number, number))
        first, last = before.first, before.last
        if number is not None:
            first = number if first is None else min(first, number)
            last = number if last is None else max(last, number)
        weight = before.weight_thousandths + said.weight_thousandths
        self._served[key] = Served(key, before.n + 1, weight, first, last)
        self._dirty.add(key)

    def _producers(self, key: ServedKey) -> int:
        pane = (key.model, key.version, key.pane_start_ms)
        return sum((one.model, one.version, one.pane_start_ms) == pane for one in self._served)

    def _served_key(self, ref: ModelRef, pane_start_ms: int, producer: str) -> ServedKey:
        claim = self.claim
        return ServedKey(ref.name, ref.version, pane_start_ms, producer, claim.partition, claim.epoch)
