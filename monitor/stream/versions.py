"""How many versions of a model a partition holds at once: a producer must not fill memory with made-up ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.domain.models import ModelRef, MonitoredModel
from monitor.domain.stream import IdBlock
from monitor.domain.time import duration_ms
from monitor.stats.columns import Ints
from monitor.stream.batch import RecordBatch

Admitted = tuple[RecordBatch, Ints]
"""Records that are neither too late nor ahead of the clock, and the watermark that each of them met."""

Surplus = tuple[ModelRef, int]
"""A version, and the offset of its records: a message may hold records of others, too, which are not too much."""


@dataclass(slots=True)
class LiveVersions:
    """The versions of each model that had a record within its retention of the watermark, with their newest event time.

    A record of another version is surplus once there are `max_versions` of them. What is surplus depends on the records
    before it alone; of models that remember no event ids, a restart forgets their versions.
    """

    models: Mapping[str, MonitoredModel]
    _newest_ms: dict[str, dict[str, int]] = field(default_factory=dict)

    def load(self, blocks: Iterable[IdBlock]) -> None:
        """Know the versions of which event ids are remembered."""
        for block in blocks:
            live = self._newest_ms.setdefault(block.model, {})
            live[block.version] = max(block.newest_ms, live.get(block.version, block.newest_ms))

    def surplus(self, admitted: Sequence[Admitted]) -> set[Surplus]:
        """The records that are too much; the versions of the others are live from now on."""
        by_model: dict[str, list[Admitted]] = {}
        for batch, met in admitted:
            if len(batch):
                by_model.setdefault(batch.ref.name, []).append((batch, met))
        return {one for name, of_model in by_model.items() for one in self._surplus_of(name, of_model)}

    def _surplus_of(self, name: str, admitted: Sequence[Admitted]) -> set[Surplus]:
        live = self._newest_ms.setdefault(name, {})
        if len(live.keys() | {batch.ref.version for batch, _ in admitted}) > self.models[name].max_versions:
            return self._one_by_one(name, admitted)
        for batch, _ in admitted:
            newest_ms = int(batch.event_time_ms.max())
            live[batch.ref.version] = max(newest_ms, live.get(batch.ref.version, newest_ms))
        return set()

    def _one_by_one(self, name: str, admitted: Sequence[Admitted]) -> set[Surplus]:
        """In the order of the log, for that decides which versions came first."""
        model, live = self.models[name], self._newest_ms[name]
        rows = sorted(
            (offset, batch.ref.version, at_ms, met_ms - duration_ms(model.retention))
            for batch, met in admitted
            for offset, at_ms, met_ms in zip(
                batch.offsets.tolist(), batch.event_time_ms.tolist(), met.tolist(), strict=True
            )
        )
        surplus: set[Surplus] = set()
        for offset, version, at_ms, oldest_ms in rows:
            if live.get(version, oldest_ms - 1) < oldest_ms:
                for over in [one for one, newest_ms in live.items() if newest_ms < oldest_ms]:
                    del live[over]
                if len(live) >= model.max_versions:
                    surplus.add((ModelRef(name, version), offset))
                    continue
            live[version] = max(at_ms, live.get(version, at_ms))
        return surplus
