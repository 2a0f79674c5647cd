"""What somebody was told, in a form that both sides can be brought into."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Heard:
    """One message: the second, the channel, whether anything fires, who fires and who is over."""

    at: float
    channel: str
    is_resolved: bool
    firing: tuple[str, ...]
    resolved: tuple[str, ...]

    def __str__(self) -> str:
        members = [*self.firing, *(f"r:{name}" for name in self.resolved)]
        return f"{self.channel} {'R' if self.is_resolved else 'F'}{{{','.join(members)}}}@{self.at:g}"


Heards = Counter[Heard]
"""Messages with how often each was heard: two groups may say the same."""


def lines(title: str, left: Heards, right: Heards) -> Iterable[str]:
    """The messages that only one side heard."""
    yield title
    yield from (f"  - {message}" for message in sorted((left - right).elements()))
    yield from (f"  + {message}" for message in sorted((right - left).elements()))
