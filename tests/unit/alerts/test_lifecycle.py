"""Folding events into alerts: the rows of Alertmanager's TestMergeAlerts, and what it leaves open."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.lifecycle import FoldOutcome, amended, fold, settle
from alerts.model import Alert, AlertEvent, EndReason, Labels, Severity
from alerts.testing.messages import START
from alerts.testing.scripts import World
from alerts.testing.scripts import event as scripted

HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return START + hours * HOUR


def event(start: float, end: float | None = None, text: str = "", updated: float | None = None) -> AlertEvent:
    return AlertEvent(
        Labels.of({"model": "m"}),
        {"text": text},
        Severity.WARNING,
        at(start),
        None if end is None else at(end),
        updated_at=None if updated is None else at(updated),
    )


def folded(*events: AlertEvent) -> tuple[Alert, FoldOutcome]:
    alert: Alert | None = None
    for one in events:
        result = fold(alert, one, at(10))
        alert, outcome = result.alert, result.outcome
    assert alert is not None
    return alert, outcome


@pytest.mark.parametrize(
    ("first", "second", "starts", "ends", "outcome"),
    [
        pytest.param((0, None), (0, None), 0, None, FoldOutcome.UPDATED, id="pushed again"),
        pytest.param((2, None), (1, None), 1, None, FoldOutcome.UPDATED, id="the earliest start is kept"),
        pytest.param((0, None), (0, 3), 0, 3, FoldOutcome.RESOLVED, id="the latest end wins"),
        pytest.param((0, 12), (0, 14), 0, 14, FoldOutcome.UPDATED, id="an end ahead is put off"),
        pytest.param((0, 5), (3, None), 0, None, FoldOutcome.REOPENED, id="overlap takes the end back"),
        pytest.param((0, 5), (5, None), 5, None, FoldOutcome.OPENED, id="no overlap is a new occurrence"),
        pytest.param((0, 5), (6, 7), 6, 7, FoldOutcome.BORN_RESOLVED, id="a new occurrence that is over"),
        pytest.param((5, None), (1, 3), 5, None, FoldOutcome.STALE, id="about an occurrence long before"),
    ],
)
def test_two_events_of_one_fingerprint(
    first: tuple[float, float | None],
    second: tuple[float, float | None],
    starts: float,
    ends: float | None,
    outcome: FoldOutcome,
) -> None:
    alert, seen = folded(event(*first), event(*second))

    assert (alert.starts_at, alert.ends_at, seen) == (at(starts), None if ends is None else at(ends), outcome)


def test_an_amendment_adds_annotations_to_what_fires_and_begins_ends_and_reopens_nothing() -> None:
    fires, over = folded(event(0, text="old"))[0], folded(event(0, 5))[0]
    news = replace(event(3), annotations={"retraining": "promoted"}, severity=Severity.CRITICAL, amends=True)

    after = amended(fires, news, at(10))

    assert after == replace(fires, annotations={"text": "old", "retraining": "promoted"})
    assert (amended(over, news, at(10)), amended(None, news, at(10))) == (None, None)


def test_an_amendment_that_arrives_is_in_the_next_message_and_causes_none() -> None:
    world = World({"channels": ["box"], "collect_for": "1s", "update_every": "2s", "remind_every": "6s"})
    amendment = replace(scripted("+a", 3), annotations={"retraining": "promoted"}, amends=True)
    unknown = replace(scripted("+b", 3), annotations={"retraining": "promoted"}, amends=True)

    world.run({0: ["+a"]}, 3)
    world.push(amendment, unknown)
    told = world.run({}, 8)

    assert told == ["F{a}@1", "F{a}@7"]
    assert [[field.value for field in one.entries[0].details] for one in world.box.messages] == [[], ["promoted"]]


def test_the_latest_annotations_win_unless_the_news_says_that_it_is_older() -> None:
    newer, older = event(0, text="new", updated=2), event(0, text="old", updated=1)

    in_order, _ = folded(older, newer)
    out_of_order, outcome = folded(newer, older)

    assert in_order.annotations == out_of_order.annotations == {"text": "new"}
    assert outcome is FoldOutcome.STALE


def test_an_alert_whose_announced_end_passes_has_expired_and_one_that_was_ended_was_resolved() -> None:
    announced, _ = folded(event(0, 12))
    ended, _ = folded(event(0, 9))

    assert settle(announced, at(11)).end_reason is None
    assert settle(announced, at(12)).end_reason is EndReason.EXPIRED
    assert settle(ended, at(12)).end_reason is EndReason.RESOLVED
