"""Forget what is older than people want to keep."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.ports import Retention
from monitor.domain.time import to_ms

_LIMIT = 5_000
"""Rows a transaction: short enough that writers do not wait for us."""

_MOST_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Retain:
    """How long records (shares, predictions, truths, dead letters) and findings are kept."""

    records: timedelta
    findings: timedelta


def sweep(store: Retention, models: Iterable[str], policy: Retain, now: datetime) -> Counter[str]:
    """Delete what is too old, in small transactions; the number of deleted rows by table.

    It stops after a bounded number of rounds; the next knock goes on where this one ended.
    """
    deleted: Counter[str] = Counter()
    records_before, findings_before = to_ms(now - policy.records), to_ms(now - policy.findings)
    for model in models:
        for _ in range(_MOST_ROUNDS):
            gone = store.sweep(model, records_before, findings_before, _LIMIT)
            deleted.update(gone)
            if not any(gone.values()):
                break
    return deleted
