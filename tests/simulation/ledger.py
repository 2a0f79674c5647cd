"""What any prefix of the log must come to, record by record and in plain Python: nothing here is the product's code."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.domain.errors import RejectReason
from monitor.domain.models import ModelRef
from monitor.domain.time import duration_ms
from tests.simulation.scene import MODELS
from tests.simulation.traffic import Prediction, Refused, Said, Statement, Truth

Pane = tuple[str, str, int]
"""Model, version, start of the pane in ms."""

NEVER = -(2**60)


@dataclass(slots=True)
class Stated:
    """What a producer says of a pane: in so many records, for so many thousandths, from which number to which."""

    n: int = 0
    thousandths: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, states: Statement) -> None:
        """One more record."""
        self.n, self.thousandths = self.n + 1, self.thousandths + states.thousandths
        if states.number is not None:
            self.first = states.number if self.first is None else min(self.first, states.number)
            self.last = states.number if self.last is None else max(self.last, states.number)


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
    duplicates: Counter[Pane] = field(default_factory=Counter)
    stated: defaultdict[tuple[Pane, str], Stated] = field(default_factory=lambda: defaultdict(Stated))
    known: defaultdict[ModelRef, set[str]] = field(default_factory=lambda: defaultdict(set))
    newest_ms: defaultdict[ModelRef, int] = field(default_factory=lambda: defaultdict(lambda: NEVER))

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
        if self._is_known(said):
            self.duplicates[pane] += 1
            return
        self.counted[pane] += 1
        if said.states is not None:
            self.stated[pane, said.states.producer].add(said.states)
        self.late[pane] += met is not None and pane[2] + length <= met - duration_ms(model.lateness)
        if model.archive:
            self.archived[pane] += 1
        if model.ground_truth is not None:
            self.predicted.add((said.ref.name, said.event_id, said.ref.version))

    def _is_known(self, said: Prediction) -> bool:
        """Whether its id was seen before, and that is remembered; every record moves the watermark."""
        ref, met = said.ref, self.watermark_ms
        self.watermark_ms = said.at_ms if met is None else max(met, said.at_ms)
        if not MODELS[ref.name].remember_ids:
            return False
        if met is not None and self.newest_ms[ref] < met - duration_ms(MODELS[ref.name].retention):
            self.known[ref].clear()
        self.newest_ms[ref] = max(self.newest_ms[ref], said.at_ms)
        is_known = said.event_id in self.known[ref]
        self.known[ref].add(said.event_id)
        return is_known
