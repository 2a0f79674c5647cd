"""Records that come by request instead of from a broker: what is sent, and what the sender is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from monitor.domain.errors import RejectReason

SHOWN = 100
"""Most refusals that a receipt lists."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One request as it came: the body still encoded. `key` is the sender's Idempotency-Key."""

    body: bytes
    content_type: str
    content_encoding: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One record of a submission, byte for byte; `id` is a digest of what makes a second one of it the same record."""

    id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record that was not taken; `index` counts from 0 over the elements of the array or the lines of the body."""

    index: int
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class SubmissionKey:
    """A sender's key, and a digest of the content that it came with first."""

    key: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a submission. `accepted` records are durable; `duplicates` of them were so already.

    `refused` counts all refusals, `refusals` shows the first of them. `is_repeated` tells that the submission's key was
    known, and that this is what it was answered first.
    """

    accepted: int
    duplicates: int
    refused: int
    refusals: Sequence[Refusal] = ()
    is_repeated: bool = False

    @classmethod
    def of(cls, accepted: int, duplicates: int, refusals: Sequence[Refusal]) -> Self:
        """With the first of the refusals."""
        return cls(accepted, duplicates, len(refusals), tuple(refusals[:SHOWN]))
