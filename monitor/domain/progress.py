"""How long work shows how far it is."""

from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """How long work shows that it moves."""

    def task(self, title: str, total: int | None) -> AbstractContextManager["ProgressTask"]:
        """A bar of `total` steps (None: unknown)."""
        ...


class ProgressTask(Protocol):
    """One bar."""

    def advance(self, steps: int = 1) -> None:
        """So many steps further."""
        ...
