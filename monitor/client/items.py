"""Records on their way out, and what became of a batch of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

GROUND_TRUTH = "ground_truth"


@dataclass(frozen=True, slots=True)
class Item:
    """One record with its place in what this producer has to say: `sequence` counts from 0, lost ones included.

    `number` counts the inference records of its model version alone, from 1; 0 for ground truth.
    """

    record: Mapping[str, object]
    producer: str
    sequence: int
    number: int = 0

    @property
    def is_truth(self) -> bool:
        """Whether it is ground truth."""
        return self.record.get("type") == GROUND_TRUTH

    def to_json(self, **more: object) -> bytes:
        """One line of JSON; TypeError or ValueError when the record holds what JSON cannot say."""
        return json.dumps({**self.record, **more}, default=_plain, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: so many taken, so many refused for good, and what to send again, not before `after_s`.

    `after_s` is None when the receiver named no time; `is_too_large` asks for smaller batches. `why` is for people.
    """

    sent: int = 0
    refused: int = 0
    again: Sequence[Item] = ()
    after_s: float | None = None
    why: str = ""
    is_too_large: bool = False


class Sender(Protocol):
    """Where batches go."""

    def send(self, batch: Sequence[Item]) -> Outcome:
        """Send all of them; errors of the network are outcomes, not exceptions."""
        ...

    def close(self) -> None:
        """Release connections; may be called twice."""
        ...


def instant(value: datetime | float | str | None, now: datetime) -> float | str:
    """The event time as records have it; a datetime without zone is local time, as everywhere in Python."""
    if isinstance(value, datetime) or value is None:
        return (value or now).astimezone(UTC).isoformat()
    return value


def _plain(value: object) -> object:
    """Numbers of numpy and instants; anything else as text."""
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    return value.isoformat() if isinstance(value, datetime) else str(value)
