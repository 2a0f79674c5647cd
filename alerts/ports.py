"""What this package asks of the world: the time, a connection, and something that reaches people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from pydantic import BaseModel
from sqlalchemy import Connection

from alerts.digests import Period
from alerts.incidents import Change
from alerts.model import Receipt
from alerts.render.document import Message, Table

Transaction = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction that commits when left and rolls back on an error, as `Engine.begin` does."""


class Clock(Protocol):
    """The time, as an aware UTC instant."""

    def now(self) -> datetime: ...  # noqa: D102 - the class says it


class Channel(Protocol):
    """Something that reaches people."""

    @property
    def name(self) -> str:
        """The name that routes use."""
        ...

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Tell people, editing or following up the `previous` message of the same group where possible.

        Raises `Retryable` or `Permanent` and nothing else; neither holds a secret.
        """
        ...


class DigestPart(Protocol):
    """Somebody who knows more of what the alerts are about, and adds to digests."""

    def __call__(self, period: Period, accepts: Callable[[Mapping[str, str]], bool], /) -> Sequence[Table]:
        """The tables about a period, of what has labels that are accepted."""
        ...


@runtime_checkable
class FollowUp(Protocol):
    """A channel with something to add once the message is out and its receipt is saved (pictures)."""

    def follow_up(self, message: Message, receipt: Receipt) -> None:
        """Add it; a failure is logged and never makes the message be sent again."""
        ...


@runtime_checkable
class ShowsIncidents(Protocol):
    """A channel that can show what people do about an incident without disturbing anybody (it edits, or it updates)."""

    @property
    def shows_changes(self) -> frozenset[Change]:
        """The changes that it is sent, as quiet messages with the reason HANDLED."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A kind of channel as a plug-in: the shape of its settings, and how to build one by name.

    Every module of `alerts.channels` has one as `KIND`; other packages offer theirs by the entry-point
    group `driftline.channels`. `config` has a field `kind: Literal[<name>]` and forbids unknown keys.
    `tells_digests` is false where alerts go to a program that can take nothing else.
    """

    name: str
    config: type[BaseModel]
    build: Callable[[str, BaseModel, Clock], Channel]
    tells_digests: bool = True
