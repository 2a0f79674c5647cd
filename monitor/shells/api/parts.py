"""What the HTTP shell asks of the program; bootstrap fills it in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.domain.findings import Finding
from monitor.domain.retraining import JobOutcome, RetrainJob
from monitor.domain.submission import Receipt, Submission
from monitor.shells.workers.meter import Meter

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Questions that requests answer from. All are called in threads, possibly at once.

    `stalled` names roles that have not moved for too long; `unready` says in words what is missing before work can be
    done. `finish` closes a retraining job; `report` renders the HTML report of the model's window that starts then.
    Secrets are None where the configuration has none. `submit` takes records, in bodies of at most `max_body_bytes`; it
    is None where the configured source is another.
    """

    stalled: Callable[[], Sequence[str]]
    unready: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    finish: Callable[[JobOutcome], RetrainJob]
    findings: Callable[[str, datetime | None, datetime | None], Sequence[Finding]]
    alerts: Callable[[], Rows]
    report: Callable[[str, datetime], bytes]
    models: frozenset[str]
    bearer_token: str | None
    callback_secret: str | None
    is_loopback: bool
    meter: Meter
    submit: Callable[[Submission], Receipt] | None = None
    max_body_bytes: int = 0
