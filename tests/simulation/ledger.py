"""What any prefix of the log must come to, record by record and in plain Python: nothing here is the product's code."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.domain.errors import RejectReason
from monitor.domain.time import duration_ms
from tests.simulation.scene import MODELS
from tests.simulation.traffic import Prediction, Refused, Said, Truth

Pane = tuple[str, str, int]
"""Model, version, start of the pane in ms."""


@dataclass(slots=True)
class Ledger:
    """One partition, counted up to `offset`. It goes on and never back, as saved offsets do."""

    said: Sequence[Said]
    offset: int = 0
    watermark_ms: int | None = None
    counted: Counter[Pane] = field(default_factory=Counter)
    late: Counter[Pane] = field(default_factory=Counter)
    refused: dict[int, RejectReason] = field(default_factory=dict)
    predicted: set[tuple[str, str, str]] = field(default_factory=set)
    truths: dict[str, tuple[int, str]] = field(default_factory=dict)
    archived: Counter[Pane] = field(default_factory=Counter)

    def go_to(self, offset: int) -> None:
        """Count on up to the offset."""
        while self.offset < offset:
            self._take(self.said[self.offset])
            self.offset += 1

    def _take(self, said: Said) -> None:
        match said:
            case Refused(reason):
                self.refused[self.offset] = reason
            case Truth():
                known = self.truths.get(said.event_id, (0, ""))
                self.truths[said.event_id] = max(known, (said.known_at_ms, said.label))
            case Prediction():
                self._count(said)

    def _count(self, said: Prediction) -> None:
        model, met = MODELS[said.ref.name], self.watermark_ms
        if met is not None and said.at_ms < met - duration_ms(model.retention):
            self.refused[self.offset] = RejectReason.TOO_LATE
            return
        length = model.windows.slide_ms
        pane = (said.ref.name, said.ref.version, said.at_ms // length * length)
        self.counted[pane] += 1
        self.late[pane] += met is not None and pane[2] + length <= met - duration_ms(model.lateness)
        if model.archive:
            self.archived[pane] += 1
        if model.ground_truth is not None:
            self.predicted.add((said.ref.name, said.event_id, said.ref.version))
        self.watermark_ms = said.at_ms if met is None else max(met, said.at_ms)
