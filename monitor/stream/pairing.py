"""Requests and responses of one partition that wait for each other, for a bounded stretch of event time."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from monitor.domain.records import DeadLetter, RawRecord
from monitor.domain.stream import Half, HalfKey, Pair, Side


def pair_record(pair: Pair) -> RawRecord:
    """A pair as one record at its offset, whose value has both halves: what is kept of it when it is refused."""
    return RawRecord(pair.offset, b"[%b, %b]" % (pair.request.payload, pair.response.payload))


def kept_pair(letter: DeadLetter, offset: int) -> Pair:
    """The pair of a whole dead letter of the form PAIR, to be joined again at this offset."""
    request, response = (
        Half(HalfKey(letter.partition, letter.model or "", "", side), offset, 0, 0, json.dumps(part).encode())
        for side, part in zip((Side.REQUEST, Side.RESPONSE), json.loads(letter.value), strict=True)
    )
    return Pair(request, response, offset)


@dataclass(frozen=True, slots=True)
class Met:
    """What some halves came to: pairs, and halves that wait no more because another took their place."""

    pairs: Sequence[Pair]
    given_up: Sequence[tuple[Half, str]]


@dataclass(slots=True)
class Pairing:
    """The waiting halves of one claimed partition, and which of them the store has to learn or forget.

    Whether two halves belong together depends on the two alone, so reading the log again from a saved offset, with the
    halves that were saved with it, makes the same pairs. `clock_ms` is the newest event time of the partition's
    halves; it never goes back.
    """

    waiting: dict[HalfKey, Half]
    clock_ms: int | None = None
    _stored: set[HalfKey] = field(default_factory=set)
    _done: set[HalfKey] = field(default_factory=set)

    @classmethod
    def of(cls, stored: Iterable[Half], clock_ms: int | None) -> "Pairing":
        """As it was saved."""
        waiting = {half.key: half for half in stored}
        return cls(waiting, clock_ms, set(waiting))

    def take(self, halves: Sequence[Half], latest_ms: int | None) -> Met:
        """Halves in offset order. Times after `latest_ms` (None: no limit) do not move the clock."""
        pairs: list[Pair] = []
        given_up: list[tuple[Half, str]] = []
        for half in halves:
            if latest_ms is None or half.event_time_ms <= latest_ms:
                self.clock_ms = max(half.event_time_ms, self.clock_ms or half.event_time_ms)
            other = self.waiting.get(_other(half.key))
            if other is not None and half.belongs_to(other):
                self._forget(other.key)
                pairs.append(_pair(half, other, half.offset))
            elif half.key in self.waiting:
                given_up.append((half, f"the same {half.key.side} waits already, from offset {self._place(half)}"))
            else:
                self.waiting[half.key] = half
        return Met(pairs, given_up)

    def meet(self, response: HalfKey, request: Half) -> Pair | None:
        """A request from another partition for a response that waits here; both then wait no more.

        None when the response is not waiting any more, or the two do not belong together.
        """
        half = self.waiting.get(response)
        if half is None or not half.belongs_to(request):
            return None
        self._forget(response)
        self._done.add(request.key)
        return _pair(half, request, half.offset)

    def has_late(self, passed_ms: int | None) -> bool:
        """Whether `give_up` would find any."""
        return passed_ms is not None and any(_is_late(half, passed_ms) for half in self.waiting.values())

    def keep_only(self, stored: Iterable[HalfKey]) -> None:
        """Other partitions' responses took the halves that were saved and are not stored any more."""
        for key in self._stored.difference(stored):
            del self.waiting[key]
            self._stored.discard(key)

    def give_up(self, passed_ms: int | None) -> list[Half]:
        """The halves that event time has passed by more than twice their wait: nothing will come for them.

        `passed_ms` is how far event time has come wherever the other half may be; None: not known.
        """
        if passed_ms is None:
            return []
        late = [half for half in self.waiting.values() if _is_late(half, passed_ms)]
        for half in late:
            self._forget(half.key)
        return late

    @property
    def stored_responses(self) -> list[HalfKey]:
        """Responses that were saved and wait: their requests may be in other partitions."""
        return [key for key in self.waiting if key.side is Side.RESPONSE and key in self._stored]

    @property
    def unsaved(self) -> list[Half]:
        """The waiting halves that the store does not know yet."""
        return [half for key, half in self.waiting.items() if key not in self._stored]

    @property
    def done(self) -> list[HalfKey]:
        """The halves that the store has to forget."""
        return sorted(self._done)

    def saved(self) -> None:
        """The store knows `unsaved` and has forgotten `done`."""
        self._stored = set(self.waiting)
        self._done = set()

    def _forget(self, key: HalfKey) -> None:
        del self.waiting[key]
        if key in self._stored:
            self._done.add(key)
            self._stored.discard(key)

    def _place(self, half: Half) -> int:
        return self.waiting[half.key].offset


def _is_late(half: Half, passed_ms: int) -> bool:
    return half.event_time_ms + 2 * half.wait_ms < passed_ms


def _other(key: HalfKey) -> HalfKey:
    return replace(key, side=Side.RESPONSE if key.side is Side.REQUEST else Side.REQUEST)


def _pair(half: Half, other: Half, offset: int) -> Pair:
    request, response = (half, other) if half.key.side is Side.REQUEST else (other, half)
    return Pair(request, response, offset)
