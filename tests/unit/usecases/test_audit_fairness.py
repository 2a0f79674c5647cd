"""An audit counts every event once."""

import pytest

from monitor.domain.errors import MonitorError
from monitor.usecases.audit_fairness import _Record, _require_once


def record(event_id: str) -> _Record:
    return _Record(event_id, "yes", 0.5, ("f",), None)


def test_events_that_champion_and_shadow_predicted_are_not_counted_twice() -> None:
    with pytest.raises(MonitorError, match=r"versions 1, 2 predicted the same 1 events.*--version"):
        _require_once(("1", "2"), [record("a"), record("b"), record("a")])


def test_versions_that_followed_each_other_are_audited_together() -> None:
    _require_once(("1", "2"), [record("a"), record("b")])
