"""Whether people are told that records are not what sequential detectors take them for."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from monitor.domain.models import ModelRef
from monitor.domain.sequential import SequentialSpec, parse_false_alarm_rate
from monitor.stats.baseline import Baseline
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import Column, Floats, NumericColumn
from monitor.usecases.detector_doubts import detector_doubts
from tests.unit.usecases.test_evaluate import HOUR, MODEL

HOUR_MS = int(HOUR.total_seconds() * 1_000)
DAYS, ROWS = 7, 200
RATE = parse_false_alarm_rate("1 per 100000 records")
WATCHING = replace(MODEL, sequential=tuple(SequentialSpec("cusum", name, RATE) for name in ("amount", "age")))

Course = Callable[[np.random.Generator, Floats], Floats]


def baseline(course: Course, hours: Callable[[int], bool] = lambda _: True) -> Baseline:
    """A week of hours: `age` is noise, and `amount` has this course over the hours, beside noise."""
    rng = np.random.default_rng(4)
    shown = np.array([hour for hour in range(24 * DAYS) if hours(hour)])
    hour = np.repeat(shown, ROWS)
    moved = course(rng, np.arange(24.0 * DAYS))[hour]
    columns: dict[str, Column] = {
        "amount": NumericColumn(rng.normal(size=len(hour)) + moved),
        "age": NumericColumn(rng.normal(size=len(hour))),
    }
    built = Baseline.build(ModelRef("churn", "1"), columns)
    windows = BaselineWindows.of(built.whole, columns, hour * HOUR_MS, HOUR_MS)
    assert windows is not None
    return replace(built, windows=windows.stored())


def daily(_: np.random.Generator, hours: Floats) -> Floats:
    return 0.4 * np.sin(2 * np.pi * hours / 24)


def restless(rng: np.random.Generator, hours: Floats) -> Floats:
    return 0.3 * rng.normal(size=len(hours))


@pytest.mark.parametrize(
    ("course", "said", "size"),
    [
        (daily, r"amount has a daily season, which moves it by up to ([.0-9]+) standard", 0.4),
        (restless, r"windows of amount differ by ([.0-9]+) standard deviations more", 0.3),
    ],
)
def test_a_column_that_departs_from_independent_records_is_told_of(course: Course, said: str, size: float) -> None:
    """A quarter off is allowed: effects are in standard deviations of all rows, and of 168 windows."""
    doubts = detector_doubts(WATCHING, baseline(course))

    assert list(doubts) == ["cusum(amount)"]
    found = re.match(said, doubts["cusum(amount)"])
    assert found is not None
    assert float(found[1]) == pytest.approx(size, rel=0.25)
    assert "alarm more often than stated" in doubts["cusum(amount)"]


def test_nothing_is_said_where_records_are_independent_or_nothing_is_known() -> None:
    quiet, unknown = baseline(lambda _, hours: 0 * hours), replace(baseline(daily), windows=None)

    assert [detector_doubts(WATCHING, one) for one in (quiet, unknown)] == [{}, {}]
    assert detector_doubts(MODEL, baseline(daily)) == {}


def test_windows_that_are_too_small_are_counted() -> None:
    whole, gaps = (baseline(daily, hours) for hours in (lambda _: True, lambda hour: hour % 24 not in {2, 3, 4}))

    for built, left_out in ((whole, 0), (gaps, 3 * DAYS)):
        assert built.windows is not None
        assert built.windows.left_out == left_out
        assert built.windows.describe().get("left_out", 0) == left_out
