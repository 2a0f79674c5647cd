"""What can go wrong on the way to a channel: try again, or never; and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.model import Receipt


class FailureReason(StrEnum):
    """Why a try to reach a channel failed: one word for the column, the metric label and the log."""

    CLIENT_ERROR = "client_error"  # the channel understood us and says that the request is wrong
    SERVER_ERROR = "server_error"  # the channel itself is broken
    AUTH_ERROR = "auth_error"  # our credentials are missing, wrong or revoked
    RATE_LIMITED = "rate_limited"  # too much, too soon
    TIMEOUT = "timeout"  # no answer in time: the message may or may not have arrived
    CONNECTION = "connection"  # no conversation, or one that broke off
    REFUSED = "refused"  # turned away: a recipient unknown, an address that may not be called
    OVERSIZE = "oversize"  # larger than the channel takes
    GONE = "gone"  # the address says that it will never answer again
    UNEXPECTED = "unexpected"  # the channel raised something that is neither Retryable nor Permanent


class AlertsError(Exception):
    """The root of everything that this package raises on purpose."""


class DeliveryError(AlertsError):
    """A try failed. `detail` never holds a secret: it is stored, logged and shown."""

    def __init__(self, reason: FailureReason, detail: str = "") -> None:
        """Keep the reason as data; the message is for people."""
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class Retryable(DeliveryError):
    """Try the same delivery again, not before `after` from now when the channel said so.

    `progress` is what was reached before the failure (some recipients were served); the next try
    gets it as its previous receipt, so that nobody is told twice.
    """

    def __init__(
        self,
        reason: FailureReason,
        after: timedelta | None = None,
        *,
        detail: str = "",
        progress: Receipt | None = None,
    ) -> None:
        """Keep the waiting time and the progress as data."""
        super().__init__(reason, detail)
        self.after = after
        self.progress = progress


def no_connection(error: Exception) -> Retryable:
    """A conversation that did not come about or broke off. The error's own text may hold a secret address."""
    name = type(error).__name__
    return Retryable(FailureReason.CONNECTION, detail=f"{name}: check the address of this channel, and that it runs")


class Permanent(DeliveryError):
    """Trying again cannot help: to the dead letters, until a person mends the cause and replays."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration: where (path of keys and indices) and what to do about it."""

    loc: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.loc)) or 'routes file'}: {self.message}"


class ConfigProblems(AlertsError):
    """A routes file with mistakes, all of them at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep the problems as data; the message lists them a line each."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class SilenceRefused(AlertsError):
    """A silence that may not be made or changed like this; the message says what to do."""


class BudgetRefused(AlertsError):
    """What somebody wants of a budget cannot be done; the text says why."""


class IncidentRefused(AlertsError):
    """A step that cannot be taken with an incident as it stands; the message says why."""


class StepMistaken(IncidentRefused):
    """A step that could not be taken with any incident: its words are missing, too many, or unknown."""


class UnknownIncident(AlertsError):
    """No incident has an id that begins so, or several have."""


class UnknownDelivery(AlertsError):
    """No delivery has this id, or it is in a state from which it cannot be replayed."""
