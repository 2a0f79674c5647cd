"""A bounded queue between a service that must not wait and a thread that may."""

import threading
from collections import Counter, deque
from collections.abc import Mapping

from monitor.client.items import GROUND_TRUTH, Item


class Buffer:
    """Holds at most `most` records, those under way included. Thread-safe; `put` never waits for the network.

    When it is full the new record is dropped. Its numbers are used up all the same, so that the gap shows.
    """

    def __init__(self, producer: str, most: int) -> None:
        self._producer, self._most = producer, most
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._sequence, self._under_way = 0, 0
        self._served: Counter[tuple[object, object]] = Counter()
        self._is_urgent = False

    def put(self, record: Mapping[str, object]) -> bool:
        """Queue the record; False when there was no room."""
        with self._changed:
            item = Item(record, self._producer, self._sequence, self._number(record))
            self._sequence += 1
            if len(self._items) + self._under_way >= self._most:
                return False
            self._items.append(item)
            self._changed.notify_all()
        return True

    def _number(self, record: Mapping[str, object]) -> int:
        """Which of the inference records of its model version it is, from 1; 0 for ground truth."""
        if record.get("type") == GROUND_TRUTH:
            return 0
        about = (record.get("model"), record.get("model_version"))
        self._served[about] += 1
        return self._served[about]

    def take(self, most: int, linger_s: float, wait_s: float) -> list[Item]:
        """Up to so many records: as soon as there are that many, or the first has waited `linger_s`.

        Empty when none came within `wait_s`. What is taken is under way until `done`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items, wait_s)
            if self._items and linger_s:
                self._changed.wait_for(lambda: len(self._items) >= most or self._is_urgent, linger_s)
            batch = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._under_way += len(batch)
        return batch

    def done(self, number: int) -> None:
        """So many records under way have arrived, or are given up."""
        with self._changed:
            self._under_way -= number
            self._changed.notify_all()

    def hurry(self, *, is_urgent: bool) -> None:
        """Whether records wait for company, or go at once."""
        with self._changed:
            self._is_urgent = is_urgent
            self._changed.notify_all()

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Whether everything has left within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending() == 0, timeout_s)

    @property
    def pending(self) -> int:
        """Records that wait or are under way."""
        with self._changed:
            return self._pending()

    def _pending(self) -> int:
        return len(self._items) + self._under_way
