"""Group fairness: numbers against a table counted by hand, intervals and verdicts against their stated error."""

from collections.abc import Sequence

import numpy as np
import pytest

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.stats.fairness import FAIRNESS_MEASURES
from monitor.stats.fairness.outcomes import GroupCount, Groups, Rate, Smallest, counts_of, groups_of
from monitor.stats.judgement import judge
from monitor.stats.proportions import ratio_interval

EVERYBODY = Smallest(1, 0.0)


def measured(name: str, *counts: tuple[str, int, int]) -> TestResult:
    result = FAIRNESS_MEASURES[name].run(groups_of([GroupCount(*one) for one in counts], EVERYBODY))
    assert result is not None
    return result


def verdict(result: TestResult, limit: float = 0.8) -> Verdict:
    return judge(Check("impact_ratio", "sex", "", Threshold(limit, below=True), 30), result, bad=Verdict.DEGRADED)[0]


def test_measures_are_those_of_a_table_counted_by_hand() -> None:
    """Selected 20 of 50 and 30 of 50; right 16 of 25 and 24 of 30, wrong 4 of 25 and 6 of 20.

    fairlearn 0.15 gives the same four numbers.
    """
    selected = (("women", 20, 50), ("men", 30, 50))

    assert measured("impact_ratio", *selected).statistic == pytest.approx(20 / 30)
    assert measured("demographic_parity_difference", *selected).statistic == pytest.approx(0.2)
    assert measured("tpr_difference", ("women", 16, 25), ("men", 24, 30)).statistic == pytest.approx(0.16)
    assert measured("fpr_difference", ("women", 4, 25), ("men", 6, 20)).statistic == pytest.approx(0.14)


def test_the_least_and_the_most_favoured_of_many_groups_are_compared_and_all_are_told() -> None:
    result = measured("impact_ratio", ("a", 30, 100), ("b", 50, 100), ("c", 40, 100))

    assert result.statistic == pytest.approx(0.6)
    assert (result.detail["lowest"], result.detail["highest"]) == ("a", "b")
    groups = result.detail["groups"]
    assert isinstance(groups, list)
    assert [(one["group"], one["ratio"]) for one in groups] == [("a", 0.6), ("b", 1.0), ("c", 0.8)]


def test_more_groups_make_the_interval_wider_for_more_pairs_were_looked_at() -> None:
    pair = measured("impact_ratio", ("a", 300, 1000), ("b", 500, 1000))
    five = measured("impact_ratio", ("a", 300, 1000), ("b", 500, 1000), *((name, 400, 1000) for name in "cde"))

    assert pair.low is not None
    assert pair.high is not None
    assert five.low is not None
    assert five.high is not None
    assert five.low < pair.low < pair.statistic < pair.high < five.high


def test_the_interval_of_a_ratio_covers_the_true_one_as_often_as_it_says() -> None:
    random, covered, tries = np.random.default_rng(1), 0, 2_000
    for _ in range(tries):
        a, b = int(random.binomial(150, 0.5)), int(random.binomial(120, 0.35))
        low, high = ratio_interval(a, 150, b, 120)
        covered += low <= 0.7 <= high

    assert 0.935 <= covered / tries <= 0.97  # 95 % give or take three standard errors


def test_a_ratio_is_finite_where_nobody_of_a_group_is_selected() -> None:
    low, high = ratio_interval(30, 60, 0, 40)

    assert low == 0.0
    assert 0.0 < high < 1.0
    assert ratio_interval(60, 60, 40, 40)[0] < 1.0 < ratio_interval(60, 60, 40, 40)[1]


def test_where_nobody_is_selected_at_all_there_is_no_ratio() -> None:
    assert (
        FAIRNESS_MEASURES["impact_ratio"].run(groups_of([GroupCount("a", 0, 50), GroupCount("b", 0, 50)], EVERYBODY))
        is None
    )


def test_groups_that_are_too_small_are_told_with_the_reason_and_not_compared() -> None:
    counts = [GroupCount("a", 300, 1000), GroupCount("b", 500, 1000), GroupCount("c", 9, 10), GroupCount("d", 31, 31)]

    groups = groups_of(counts, Smallest(30, 0.02), unknown=7)

    assert [one.name for one in groups.counted] == ["a", "b"]
    assert groups.suppressed == {
        "c": "10 records, fewer than 30",
        "d": "1.5% of 2,041 records, less than 2%",
    }
    assert [one.n for one in groups.small] == [10, 31]
    assert groups.unknown == 7


def test_one_group_is_compared_with_nobody() -> None:
    alone = Groups((GroupCount("a", 10, 40),))

    assert [measure.run(alone) for measure in FAIRNESS_MEASURES.values()] == [None] * 4


def test_rates_are_of_the_records_that_they_are_about() -> None:
    names: Sequence[str | None] = ["a", "a", "a", "b", "b", None, ""]
    favoured = [True, False, True, True, False, True, False]
    right = [True, True, False, False, None, True, None]

    assert counts_of(Rate.SELECTION, names, favoured, right) == ([GroupCount("a", 2, 3), GroupCount("b", 1, 2)], 2)
    assert counts_of(Rate.TRUE_POSITIVE, names, favoured, right) == ([GroupCount("a", 1, 2)], 1)
    assert counts_of(Rate.FALSE_POSITIVE, names, favoured, right) == (
        [GroupCount("a", 1, 1), GroupCount("b", 1, 1)],
        0,
    )


def test_a_ratio_below_four_fifths_is_degraded_only_when_that_is_sure() -> None:
    assert verdict(measured("impact_ratio", ("a", 300, 1000), ("b", 500, 1000))) is Verdict.DEGRADED
    assert verdict(measured("impact_ratio", ("a", 15, 40), ("b", 20, 40))) is Verdict.WARNING
    assert verdict(measured("impact_ratio", ("a", 480, 1000), ("b", 500, 1000))) is Verdict.OK


@pytest.mark.parametrize(("groups", "rates"), [(2, (0.5, 0.4)), (5, (0.5, 0.4, 0.4, 0.4, 0.5)), (6, (0.3,) * 6)])
def test_groups_within_the_four_fifths_are_seldom_called_degraded(groups: int, rates: tuple[float, ...]) -> None:
    """The one-sided error is 2.5 % for all pairs together, so at most 5 % of 600 windows: 30, and here far fewer."""
    random, wrong = np.random.default_rng(groups), 0
    for _ in range(600):
        counts = [(str(k), int(random.binomial(200, rate)), 200) for k, rate in enumerate(rates)]
        wrong += verdict(measured("impact_ratio", *counts)) is Verdict.DEGRADED

    assert wrong <= 30
