"""An audit counts every event once."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.errors import MonitorError
from monitor.domain.models import MonitoredModel
from monitor.domain.windows import WindowSpec
from monitor.stats.fairness.outcomes import Smallest
from monitor.usecases.audit_fairness import AuditWish, _Record, _require, _require_once


def record(event_id: str) -> _Record:
    return _Record(event_id, "yes", 0.5, ("f",), None)


def test_events_that_champion_and_shadow_predicted_are_not_counted_twice() -> None:
    with pytest.raises(MonitorError, match=r"versions 1, 2 predicted the same 1 events.*--version"):
        _require_once(("1", "2"), [record("a"), record("b"), record("a")])


def test_versions_that_followed_each_other_are_audited_together() -> None:
    _require_once(("1", "2"), [record("a"), record("b")])


def test_a_number_is_refused_as_a_sensitive_feature_in_words() -> None:
    hour, day = timedelta(hours=1), datetime(2026, 11, 1, tzinfo=UTC)
    model = MonitoredModel("credit", WindowSpec(hour, hour), hour, hour)
    wish = AuditWish(model, day, day + hour, ("age",), "yes", Smallest(30, 0.02))
    judged = [_Record(str(n), "yes", 0.5, (str(n),), None) for n in range(60)]

    with pytest.raises(MonitorError, match=r"'age' has 60 different values.*too many groups.*age band"):
        _require(wish, judged, {1.0})
