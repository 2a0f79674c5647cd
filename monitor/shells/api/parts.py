"""What the HTTP shell asks of the program; bootstrap fills it in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.domain.findings import Finding
from monitor.domain.retraining import JobOutcome, OperatorHold, RetrainJob
from monitor.domain.submission import Receipt, Submission
from monitor.domain.verification import Verification
from monitor.shells.workers.meter import Meter


class JobsApi(Protocol):
    """What can be asked and said about retraining jobs. MonitorError says why not, UnknownJob that there is none."""

    def finish(self, outcome: JobOutcome) -> RetrainJob:
        """What a pipeline says of its end."""
        ...

    def callback(self, message_id: str, digest: str) -> str:
        """The digest with which a message of this id came first."""
        ...

    def listed(self, model: str | None) -> Sequence[RetrainJob]:
        """Every job, oldest first."""
        ...

    def history(self, key: str) -> Sequence[RetrainJob]:
        """What a job has been; never empty."""
        ...

    def verify(self, key: str) -> Verification:
        """The report on its candidate as things stand."""
        ...

    def ask(self, model: str, by: str, why: str, key: str) -> RetrainJob:
        """The job of a person's request; the same key is the same request, no key always a new one."""
        ...

    def approve(self, key: str, by: str, why: str) -> RetrainJob:
        """Start a held job."""
        ...

    def decline(self, key: str, by: str, why: str) -> RetrainJob:
        """Never start it."""
        ...

    def promote(self, key: str, by: str, why: str) -> RetrainJob:
        """The candidate serves."""
        ...

    def reject(self, key: str, by: str, why: str) -> RetrainJob:
        """The candidate is not wanted."""
        ...


class HoldsApi(Protocol):
    """Operators' holds on retraining. MonitorError says why not."""

    def seen(self, *, ever: bool = False) -> Sequence[OperatorHold]:
        """Those that hold now, or all that ever did, oldest first."""
        ...

    def place(self, model: str, by: str, reason: str, until: datetime | None) -> OperatorHold:
        """Hold a model from now on."""
        ...

    def release(self, model: str, by: str) -> int:
        """End the holds of a model; how many."""
        ...


@dataclass(frozen=True, slots=True)
class RegistryApi:
    """What a registry's events lead to. `callback` is the digest with which a message of an id came first."""

    webhook_secret: str
    callback: Callable[[str, str], str]
    look_at: Callable[[str], Sequence[str]]


Row = Mapping[str, object]
Rows = Sequence[Row]


class IncidentsApi(Protocol):
    """What can be asked and said about incidents. UnknownIncident says that there is none, MonitorError why not."""

    def listed(self, limit: int, *, is_all: bool) -> Rows:
        """Those that are not resolved, or all, the latest first."""
        ...

    def shown(self, incident: str) -> Row:
        """One with its alerts and its history."""
        ...

    def take(self, incident: str, verb: str, by: str, *, reason: str = "", value: str = "") -> Row:
        """Acknowledge, assign (value: to whom), note, mark (value: as what) or resolve it."""
        ...

    def precision(self, since: datetime | None) -> Rows:
        """A row a rule: how many of its incidents were marked how, and its precision with an interval."""
        ...


TakePresses = Callable[[bytes, Mapping[str, str]], Sequence[Callable[[], None]] | None]
"""What buttons of Slack sent: the work to be done for each press, None where no configured app has signed it."""


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Questions that requests answer from. All are called in threads, possibly at once.

    `stalled` names roles that have not moved for too long; `unready` says in words what is missing before work can be
    done. `jobs` is the retraining ledger; `report` renders the HTML report of the model's window that starts then.
    `registry` takes a model registry's events, None where it is not told how they are signed.
    Secrets are None where the configuration has none. `submit` takes records, in bodies of at most `max_body_bytes`; it
    is None where the configured source is another.
    """

    stalled: Callable[[], Sequence[str]]
    unready: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    findings: Callable[[str, datetime | None, datetime | None], Sequence[Finding]]
    alerts: Callable[[], Rows]
    report: Callable[[str, datetime], bytes]
    models: frozenset[str]
    bearer_token: str | None
    callback_secret: str | None
    is_loopback: bool
    meter: Meter
    jobs: JobsApi | None = None
    holds: HoldsApi | None = None
    registry: RegistryApi | None = None
    incidents: IncidentsApi | None = None
    slack: TakePresses | None = None
    submit: Callable[[Submission], Receipt] | None = None
    max_body_bytes: int = 0
