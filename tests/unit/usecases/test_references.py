"""Checks against other windows than the baseline: which windows these are, and that what drifted is not taken in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.domain.budgets import parse_alarm_budget
from monitor.domain.checks import CheckSpec
from monitor.domain.findings import Finding, Verdict
from monitor.domain.models import Segment
from monitor.domain.references import Against
from monitor.domain.windows import Window
from tests.unit.usecases.test_evaluate import HOUR, MODEL, ROWS, START, Rig, baseline, rows

DAY = timedelta(days=1)
WINDOW = Window(START, START + HOUR)
LAST = 6
GERMANY = Segment("germany", "country", "DE")


def judged(against: Against, fill: Callable[[Rig], None], **model: Any) -> dict[int, Finding]:
    """Findings of the check `psi(amount)` against that, by hour; hours 0 to LAST have records like the baseline's."""
    spec = CheckSpec("psi", ("amount",), against=against)
    watched = replace(MODEL, checks=(spec,), min_records=100, **model)
    rig = Rig({"churn": watched}, ())
    rig.promote(baseline(segments=watched.segments))
    fill(rig)
    name = f"psi(amount) against {against}"
    found = [finding for finding in rig.run() if finding.check.name == name]
    return {(finding.window.start - START) // HOUR: finding for finding in found}


def like_before(rig: Rig) -> None:
    for hour in range(LAST + 1):
        rig.hour(hour, rows(hour))


def shifted_from(hour: int) -> Callable[[Rig], None]:
    def fill(rig: Rig) -> None:
        for number in range(LAST + 1):
            rig.hour(number, rows(number, shift=2.0 if number >= hour else 0.0))

    return fill


@pytest.mark.parametrize(
    ("against", "words", "stretches"),
    [
        (Against(previous=1), "the window before", [(-1, 0)]),
        (Against(previous=3), "the 3 windows before", [(-3, 0)]),
        (Against(trailing=DAY), "the 1d before", [(-24, 0)]),
        (Against(trailing=DAY, offset=2 * HOUR), "the 1d until 2h before", [(-26, -2)]),
        (Against(weeks=2), "the same hours of 2 weeks", [(-336, -335), (-168, -167)]),
        (Against(version="2"), "version 2", [(0, 1)]),
        (Against(segment="germany"), "segment germany", [(0, 1)]),
        (
            Against(since=datetime(2026, 10, 31, tzinfo=UTC), until=START),
            "2026-10-31T00:00:00Z to 2026-11-01T00:00:00Z",
            [(-24, 0)],
        ),
    ],
)
def test_each_kind_names_its_stretches_of_event_time(
    against: Against, words: str, stretches: list[tuple[int, int]]
) -> None:
    found = [((one.start - START) // HOUR, (one.end - START) // HOUR) for one in against.stretches(WINDOW)]

    assert (str(against), found) == (words, stretches)


def test_a_change_shows_against_the_window_before_once_and_against_a_stretch_as_long_as_it_is_in_it() -> None:
    by_window = judged(Against(previous=1), shifted_from(4))
    by_stretch = judged(Against(trailing=4 * HOUR), shifted_from(4))

    assert [by_window[hour].verdict.is_bad for hour in range(1, LAST + 1)] == [False, False, False, True, False, False]
    assert [by_stretch[hour].verdict.is_bad for hour in (3, 4, 5)] == [False, True, True]
    result = by_stretch[4].result
    assert result is not None
    assert (result.n_baseline, result.n_current) == (4 * ROWS, ROWS)
    assert by_stretch[4].reason.endswith("compared with 4 panes")


def test_without_anything_stored_there_is_not_enough_data_and_the_reason_says_of_what() -> None:
    first = judged(Against(trailing=4 * HOUR), like_before)[0]

    assert (first.verdict, first.reason) == (
        Verdict.INSUFFICIENT_DATA,
        "psi(amount) against the 4h before: nothing is stored of the 4h before",
    )


def test_windows_that_drifted_are_left_out_of_a_rolling_reference_and_it_is_said() -> None:
    """Otherwise the shifted hours would soon be the usual, and the drift forgotten."""
    budget = parse_alarm_budget("1 per day")
    found = judged(Against(trailing=4 * HOUR), shifted_from(4), alarm_budget=budget)

    assert found[5].verdict is Verdict.DRIFTED
    assert found[5].reason.endswith("compared with 3 panes, 1 left out that drifted")
    assert found[5].result is not None
    assert found[5].result.detail["reference"]["left_out"] == 1  # type: ignore[index]
    assert found[6].verdict is Verdict.DRIFTED


def test_a_stretch_of_which_most_has_drifted_is_no_reference() -> None:
    budget = parse_alarm_budget("1 per day")
    found = judged(Against(trailing=3 * HOUR), shifted_from(4), alarm_budget=budget)

    assert found[6].verdict is Verdict.INSUFFICIENT_DATA
    assert found[6].reason.endswith("2 of 3 panes of the 3h before had drifted themselves")


def test_what_is_excluded_is_not_compared_with() -> None:
    outage = (START + HOUR, START + 3 * HOUR)
    found = judged(Against(trailing=4 * HOUR, excluded=(outage,)), like_before)

    assert found[4].reason.endswith("compared with 2 panes")


def test_a_fixed_stretch_is_compared_with_as_it_is_even_if_it_had_drifted() -> None:
    against = Against(since=START, until=START + 2 * HOUR)
    found = judged(against, shifted_from(0), alarm_budget=parse_alarm_budget("1 per day"))

    assert found[LAST].verdict is Verdict.OK
    assert found[LAST].reason.endswith("compared with 2 panes")


def test_another_version_on_the_same_baseline_is_compared_with_in_the_same_window() -> None:
    def both(rig: Rig) -> None:
        rig.baselines["2"] = rig.baselines["1"]
        rig.hour(0, rows(0))
        rig.hour(0, rows(1, shift=1.0), version="2")

    found = judged(Against(version="2"), both)

    assert found[0].verdict is Verdict.DRIFTED


def test_another_segment_is_compared_with_in_the_same_window() -> None:
    def both(rig: Rig) -> None:
        rig.hour(0, rows(0))
        rig.hour(0, rows(1, shift=1.0), segment="germany")

    found = judged(Against(segment="germany"), both, segments=(GERMANY,))

    assert found[0].verdict is Verdict.DRIFTED


def test_a_check_against_the_baseline_and_one_against_windows_are_two_checks() -> None:
    specs = (CheckSpec("psi", ("amount",)), CheckSpec("psi", ("amount",), against=Against(previous=1)))
    rig = Rig({"churn": replace(MODEL, checks=specs)}, ())
    rig.promote(baseline())
    like_before(rig)

    names = {finding.check.name for finding in rig.run()}

    assert {"psi(amount)", "psi(amount) against the window before"} <= names
