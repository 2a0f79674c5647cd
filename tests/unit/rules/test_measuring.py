"""Conditions on a number: a limit of the rule's own, another one for the end, a direction, the coverage of labels."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from monitor.domain.findings import EvaluationKind, Finding, Verdict
from monitor.domain.rules import AnyOf, CheckIsBad, Direction, FewLabels, Fires, Limit, Measured, ShareDrifted, Unknown
from monitor.rules.conditions import evaluate
from monitor.rules.outcome import Around
from monitor.stats.columns import NumericColumn
from monitor.stats.drift.wasserstein import Wasserstein
from monitor.stats.profiles.numeric import NumericLayout, NumericProfile
from tests.unit.rules.making import finding

OK, UNKNOWN = Verdict.OK, Verdict.INSUFFICIENT_DATA


def with_detail(one: Finding, detail: Mapping[str, object]) -> Finding:
    assert one.result is not None
    return replace(one, result=replace(one.result, detail=detail))


def test_a_limit_of_the_rules_own_counts_whatever_the_verdict_of_the_check_is() -> None:
    findings = [finding(OK, "a", statistic=0.2), finding(OK, "b", statistic=0.05)]

    outcome = evaluate(Measured("psi", Limit(0.1)), findings, {})
    under = evaluate(Measured("psi", Limit(0.3)), findings, {})

    assert (outcome.holds, outcome.because) == (True, "psi(a) = 0.2 (high limit 0.1)")
    assert [cause.check.column for cause in outcome.causes] == ["a"]
    assert (under.holds, under.because) == (False, "psi(a) = 0.2 (high limit 0.3)")


@pytest.mark.parametrize(
    ("statistic", "starts", "goes_on"), [(0.31, True, True), (0.25, False, True), (0.2, False, False)]
)
def test_the_limit_for_the_end_counts_only_while_the_rule_fires(statistic: float, starts: bool, goes_on: bool) -> None:
    condition, findings = Measured("psi", Limit(0.3, clear=0.2)), [finding(OK, statistic=statistic)]

    assert evaluate(condition, findings, {}).holds is starts
    assert evaluate(condition, findings, {}, firing=True).holds is goes_on


def test_the_share_of_columns_has_a_limit_for_the_end_too() -> None:
    findings = [finding(Verdict.DRIFTED, "a"), finding(OK, "b"), finding(OK, "c"), finding(OK, "d")]
    condition = ShareDrifted(0.3, clear_below=0.2)

    assert evaluate(condition, findings, {}).holds is False
    assert evaluate(condition, findings, {}, firing=True).holds is True


def test_below_a_limit_is_the_other_side_of_it() -> None:
    low = finding(OK, "records", "volume", statistic=0.4)
    condition = Measured("volume", Limit(0.5, clear=0.7, below=True))

    assert evaluate(condition, [low], {}).holds is True
    assert evaluate(condition, [finding(OK, "records", "volume", statistic=0.6)], {}).holds is False
    assert evaluate(condition, [finding(OK, "records", "volume", statistic=0.6)], {}, firing=True).holds is True


def test_too_few_records_are_no_vote_and_a_test_that_nobody_runs_is_unknown() -> None:
    assert evaluate(Measured("psi", Limit(0.1)), [finding(UNKNOWN)], {}).holds is None
    assert evaluate(Measured("ks", Limit(0.1)), [finding(OK)], {}).because == "ks was not judged"


def test_the_direction_is_that_of_the_mean() -> None:
    moved = with_detail(finding(OK, test="wasserstein"), {"shift": -0.4})
    silent = finding(OK, test="wasserstein")

    def holds(direction: Direction, *findings: Finding) -> bool | None:
        return evaluate(Measured("wasserstein", Limit(0.3), direction=direction), findings, {}).holds

    assert (holds(Direction.DOWN, moved), holds(Direction.UP, moved), holds(Direction.UP, silent)) == (
        True,
        False,
        None,
    )


@pytest.mark.parametrize("by", [-0.5, 0.5])
def test_the_wasserstein_distance_says_which_way_and_how_far_the_mean_moved(by: float) -> None:
    random = np.random.default_rng(3)
    before = random.normal(0, 1, 20_000)
    layout = NumericLayout.of(before)
    profiles = []
    for values in (before, random.normal(by, 1, 20_000)):
        profile = NumericProfile.empty(layout)
        profile.update(NumericColumn(values))
        profiles.append(profile)

    shift = Wasserstein().run(*profiles).detail["shift"]

    assert shift == pytest.approx(by, abs=0.04)  # both means have an error of 0.007, and bins are a little wide


def test_labels_that_do_not_come_are_seen_by_their_coverage() -> None:
    half = replace(finding(UNKNOWN, "ground_truth", "f1", kind=EvaluationKind.PERFORMANCE), coverage=0.4)
    condition = FewLabels(Limit(0.5, below=True))

    outcome = evaluate(condition, [half], {})

    assert (outcome.holds, outcome.because) == (True, "40.0% of the predictions have ground truth (limit 50.0%)")
    assert evaluate(condition, [finding(OK)], {}).holds is None


def test_a_rule_can_ask_whether_another_fires() -> None:
    def holds(firing: dict[str, bool]) -> bool | None:
        return evaluate(Fires("other"), [], {}, Around(firing=firing)).holds

    assert (holds({"other": True}), holds({"other": False}), holds({})) == (True, False, None)


def test_what_nobody_checks_is_no_part_of_an_any_that_has_others() -> None:
    either = AnyOf((CheckIsBad(test="silence"), CheckIsBad(test="volume")))
    silent = finding(OK, "records", "silence")

    assert evaluate(either, [silent], {}).holds is False
    assert evaluate(either, [silent, finding(UNKNOWN, "records", "volume")], {}).holds is None
    assert evaluate(either, [], {}).holds is None


def test_the_alert_about_missing_data_holds_while_the_condition_is_unknown() -> None:
    assert evaluate(Unknown(CheckIsBad()), [finding(UNKNOWN)], {}).holds is True
    assert evaluate(Unknown(CheckIsBad()), [finding(OK)], {}).holds is False
