"""Forgetting in small transactions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from monitor.domain.time import from_ms
from monitor.usecases.retention import Retain, sweep

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Rows:
    """So many old rows a model; each sweep removes at most the limit."""

    left: dict[str, int]
    asked: list[tuple[str, datetime, datetime]] = field(default_factory=list)

    def sweep(self, model: str, records_before_ms: int, findings_before_ms: int, limit: int) -> Mapping[str, int]:
        self.asked.append((model, from_ms(records_before_ms), from_ms(findings_before_ms)))
        gone = min(limit, self.left[model])
        self.left[model] -= gone
        return {"shares": gone}


def test_it_goes_on_until_nothing_old_is_left_of_any_model() -> None:
    rows = Rows({"a": 12_000, "b": 1})

    deleted = sweep(rows, ["a", "b"], Retain(timedelta(days=10), timedelta(days=100)), NOW)

    assert deleted == {"shares": 12_001}
    assert rows.left == {"a": 0, "b": 0}
    assert set(rows.asked) == {(m, NOW - timedelta(days=10), NOW - timedelta(days=100)) for m in ("a", "b")}
