"""What the workers tell of themselves: metrics, and that they still move."""

import threading
from collections.abc import Callable
from typing import Protocol


class Meter(Protocol):
    """The process's metrics, by the names of their one list."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def show(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, seconds: float) -> None:
        """Add an observation to a histogram."""
        ...


class Pulse:
    """When each role of this process last moved. Thread-safe; `timer` counts seconds and never goes back."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._beats: dict[str, float] = {}
        self._lock = threading.Lock()

    def beat(self, role: str) -> None:
        """The role has moved now."""
        with self._lock:
            self._beats[role] = self._timer()

    def leave(self, role: str) -> None:
        """The role has ended as it should and is not missed."""
        with self._lock:
            self._beats.pop(role, None)

    def ages_s(self) -> dict[str, float]:
        """Seconds since each role moved."""
        with self._lock:
            now = self._timer()
            return {role: now - beat for role, beat in self._beats.items()}
