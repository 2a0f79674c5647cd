"""A message that is planned while the one before still waits says what both would have said. Pure.

Decided in docs/decisions/0032.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.model import Alert, DeliveryId, Fingerprint, Notification, NotifyReason
from alerts.render.document import Message

_PRESSING = (
    NotifyReason.FIRST,
    NotifyReason.UNMUTED,
    NotifyReason.SEVERITY_RAISED,
    NotifyReason.NEW_ALERTS,
    NotifyReason.SOME_RESOLVED,
)


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that was tried, or held back, and has not gone out; `may_go` unless it is being tried just now."""

    id: DeliveryId
    reason: NotifyReason
    may_go: bool


def replaceable(waiting: Sequence[Unsent]) -> list[DeliveryId]:
    """The messages of one channel about one group that a new one may stand for.

    None where one of them shows what a person did: it belongs between its neighbours.
    """
    if any(one.reason is NotifyReason.HANDLED for one in waiting):
        return []
    return [one.id for one in waiting if one.may_go]


def ended_in(withdrawn: Iterable[Message]) -> set[Fingerprint]:
    """The alerts whose ends these messages would have told, of the hundred that each names."""
    return {Fingerprint(one.fingerprint) for message in withdrawn for one in message.entries if one.is_resolved}


def standing_for(
    planned: Notification, withdrawn: Sequence[Message], known: Mapping[Fingerprint, Alert]
) -> Notification:
    """The message with the ends of those that it supersedes, and with the most pressing of their reasons.

    `known` are the alerts of `ended_in`; of one that fires again the end is not told, as always.
    """
    told = {alert.fingerprint for alert in (*planned.firing, *planned.resolved)}
    owed = [known[name] for name in sorted(ended_in(withdrawn) & known.keys() - told)]
    reasons = {planned.reason, *(one.reason for one in withdrawn)}
    pressing = next((one for one in _PRESSING if one in reasons), planned.reason)
    return replace(
        planned,
        reason=planned.reason if planned.is_resolved else pressing,
        resolved=(*planned.resolved, *(alert for alert in owed if not alert.is_firing(planned.at))),
        is_quiet=planned.is_quiet and all(one.is_quiet for one in withdrawn),
    )
