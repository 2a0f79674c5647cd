"""Digests: when they are due, that each period is told once, and what they tell."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.config import parse
from alerts.digests import Digest
from alerts.errors import ConfigProblems
from alerts.model import NotifyReason
from alerts.plugins import discover
from alerts.render.document import Message, Table
from alerts.service import AlertService
from alerts.testing.scripts import World

ROUTE = {"channels": ["box"], "group_by": ["name"], "collect_for": "1s", "update_every": "2s"}
BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "now", "latest"),
    [
        (time(8), "2026-01-10T06:59", "2026-01-09T07:00"),
        (time(8), "2026-01-10T07:00", "2026-01-10T07:00"),
        (time(8), "2026-03-29T06:00", "2026-03-29T06:00"),  # summer time has begun: an hour earlier in UTC
        (time(2, 30), "2026-03-29T01:29", "2026-03-28T01:30"),  # the clocks skip 02:30; it is told at 03:30
        (time(2, 30), "2026-03-29T01:30", "2026-03-29T01:30"),
        (time(2, 30), "2026-10-25T00:30", "2026-10-25T00:30"),  # the first of the two
        (time(2, 30), "2026-10-25T23:00", "2026-10-25T00:30"),
        (time(0), "2026-10-25T22:30", "2026-10-24T22:00"),
    ],
)
def test_a_digest_is_due_once_every_local_day_also_when_the_clocks_change(at: time, now: str, latest: str) -> None:
    assert Digest("d", ("box",), at, BERLIN).latest(utc(now)) == utc(latest)


def test_a_weekly_one_is_due_on_its_weekday_by_the_clocks_of_its_zone() -> None:
    monday = Digest("d", ("box",), time(0, 30), ZoneInfo("Pacific/Auckland"), weekday=0)

    assert monday.latest(utc("2026-06-10T00:00")) == utc("2026-06-07T12:30")  # Sunday in UTC, Monday there


def world(**digest: object) -> World:
    daily = {"channels": ["mail"], "at": "12:00", "match": ["model=m"], **digest}
    return World(ROUTE, {"box": {}, "mail": {}}, digests={"daily": daily}, processes=2)


def digests(of: World) -> list[Message]:
    return [one for one in of.channels["mail"].messages if one.reason is NotifyReason.DIGEST]


def tables(message: Message) -> dict[str, Table]:
    return {table.title: table for table in message.tables}


def test_two_processes_tell_each_period_once_and_a_fresh_installation_tells_nothing_of_the_past() -> None:
    these = world(at="12:01")

    these.run({1: ["+a", "+b(n)"], 3: ["silence c 3000", "+c"], 4: ["-a"]}, 8)
    these.next_tenth = 595  # nothing happens meanwhile
    these.run({60.5: ["restart"]}, 62)

    (message,) = digests(these)
    alerts, quiet, cases = (tables(message)[name] for name in ("Alerts", "Kept quiet", "Incidents not resolved"))
    assert [(row[2], row[3]) for row in alerts.rows] == [
        ("over after 3 s", "model=m, name=a"),
        ("fires", "model=m, name=c"),
    ]
    assert quiet.rows[0][0] == "model=m, name=c"
    assert "deploying" in quiet.rows[0][1]
    assert len(cases.rows) == 1
    assert message.lead == "2 alerts began, 1 ended, 1 still fires; 1 incident not resolved."


def test_what_was_missed_is_in_one_digest_and_the_next_begins_where_it_ended() -> None:
    these = world()
    these.run({0.1: ["+a"]}, 1)
    first = these.clock.now()

    for days in (3, 4):
        these.clock.at = first.replace(day=first.day + days, hour=12, minute=0, second=5)
        these.service.tick()
        these.service.dispatch()

    assert [(one.since.day, one.fields[0].value) for one in digests(these)] == [
        (1, "Sun 01 Mar 12:00 to Wed 04 Mar 12:00, UTC"),
        (4, "Wed 04 Mar 12:00 to Thu 05 Mar 12:00, UTC"),
    ]
    assert tables(digests(these)[1])["Alerts"].rows[0][2] == "fires"


@pytest.mark.parametrize(
    ("digest", "said"),
    [
        ({"channels": ["bax"], "at": "08:00"}, "there is no channel 'bax'; did you mean 'box'"),
        ({"channels": ["pager"], "at": "08:00"}, "channel 'pager' takes alerts and nothing else; name one"),
        ({"channels": ["box"], "at": "8"}, "'8' is no time of the day; write it like 08:00"),
        ({"channels": ["box"], "at": "25:00"}, "no time of the day"),
        ({"channels": ["box"], "at": "08:00", "zone": "Berlin"}, "there is no time zone 'Berlin'"),
        ({"channels": ["box"], "at": "08:00", "every": "monday to friday"}, "is more than one day"),
        ({"channels": ["box"], "at": "08:00", "match": ["a b"]}, "is not a matcher"),
    ],
)
def test_a_digest_that_cannot_be_told_is_a_mistake_with_its_place(digest: dict[str, Any], said: str) -> None:
    file = {
        "channels": {"box": {"kind": "console"}, "pager": {"kind": "pagerduty", "routing_key": {"env": "KEY"}}},
        "route": {"channels": ["box"]},
        "digests": {"daily": digest},
    }

    with pytest.raises(ConfigProblems, match=r"digests\.daily") as caught:
        parse(file, discover())

    assert said in str(caught.value)


def test_whoever_fails_to_add_to_a_digest_keeps_nobody_from_being_told() -> None:
    def fails(*_: object) -> list[Table]:
        raise OSError("password=hunter2")

    these = world(at="12:01")
    config, clock = these.config, these.clock
    service = AlertService(these.engine, config, these.channels, clock, digest_parts=[fails])

    service.tick(clock.now())
    service.tick(clock.move(timedelta(hours=1)))
    service.dispatch(clock.now())

    (message,) = digests(these)
    assert message.tables[-1].empty == "Could not be read (OSError)."


def test_a_time_that_yaml_reads_as_a_number_is_understood() -> None:
    file = {
        "channels": {"box": {"kind": "console"}},
        "route": {"channels": ["box"]},
        "digests": {"daily": {"channels": ["box"], "at": 18 * 60 + 5, "every": "Friday"}},
    }

    (digest,) = parse(file, discover()).digests

    assert (digest.at, digest.weekday) == (time(18, 5), 4)
