"""The warning light: an estimate that the truth contradicts is shown with the reason, and is no vote."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.domain.checks import Check, CheckSpec, Threshold
from monitor.domain.findings import EvaluationKind, Evidence, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef, MonitoredModel, Task
from monitor.domain.rules import CheckIsBad
from monitor.domain.windows import Window, WindowSpec
from monitor.rules.conditions import ESTIMATE, evaluate
from monitor.stats.baseline import Baseline
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.estimation.learning import learn_outcomes
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.estimating import PastTruth, compare, estimate, greyed, past_truth
from monitor.usecases.model_checks import ModelChecks
from monitor.usecases.outcomes import Outcome
from monitor.usecases.performance_record import performance_record
from tests.unit.stats.odd_scores import learned, profile_of, traffic

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
REF = ModelRef("churn", "1")


def hour(number: int) -> Window:
    return Window(START + number * HOUR, START + (number + 1) * HOUR)


def number(value: float, half: float = 0.02) -> TestResult:
    return TestResult(value, None, 1_000, 1_000, value - half, value + half)


def finding(check: Check, at: int, verdict: Verdict, result: TestResult | None, kind: EvaluationKind) -> Finding:
    evidence = Evidence("", "", {}, "test", "")
    return Finding(REF, check, hour(at), 0, verdict, f"{check.name}: said", result, evidence, kind)


def estimated(value: float, at: int = 0) -> Finding:
    check = Check("estimated_accuracy", ESTIMATE, "", Threshold(0.7, below=True), 100)
    return finding(check, at, Verdict.OK, number(value), EvaluationKind.DRIFT)


def light(estimate: float, truth: float, at: int = 0) -> Finding:
    ((check, verdict, _, result),) = compare([estimated(estimate, at)], {"accuracy": number(truth)})
    return finding(check, at, verdict, result, EvaluationKind.PERFORMANCE)


@dataclass
class Stored:
    found: list[Finding]

    def findings(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: EvaluationKind | None = None,
    ) -> list[Finding]:
        assert since is not None
        assert until is not None
        return [f for f in self.found if since <= f.window.start < until and f.kind is kind]


def test_estimate_and_truth_whose_intervals_are_apart_make_a_warning_and_others_agree() -> None:
    assert light(0.8, 0.74).verdict is Verdict.WARNING
    assert light(0.8, 0.77).verdict is Verdict.OK
    assert light(0.7, 0.8).verdict is Verdict.WARNING


def test_a_check_of_a_segment_estimates_from_its_own_records_and_comes_after_those_of_all_traffic() -> None:
    scores = np.linspace(0.05, 0.95, 400)
    columns: dict[str, Column] = {"score": NumericColumn(scores), "prediction": CategoricalColumn(["yes"] * 400)}
    truth = ["yes" if (7 * k) % 20 < 20 * score else "no" for k, score in enumerate(scores.tolist())]
    outcomes, _ = learn_outcomes(columns, truth, Task.BINARY, "yes")
    baseline = Baseline.build(REF, columns, outcomes=outcomes)
    profiles = {"": ModelProfile.empty(baseline.layouts), "germany": ModelProfile.empty(baseline.layouts)}
    profiles[""].update(columns, 400)
    profiles["germany"].update({name: column.take(np.arange(300, 400)) for name, column in columns.items()}, 100)
    specs = tuple(CheckSpec("estimated_precision", segment=segment) for segment in ("germany", "nowhere", ""))
    model = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, HOUR, 50, checks=specs)

    found = estimate(ModelChecks({}, {}).of_estimates(model), baseline, profiles)

    assert [check.segment for check, *_ in found] == ["", "germany", "nowhere"]
    all_traffic, germany, nowhere = (result for *_, result in found)
    assert all_traffic is not None
    assert germany is not None
    assert (all_traffic.n_current, germany.n_current, nowhere) == (400, 100, None)
    assert all_traffic.statistic == pytest.approx(0.5, abs=0.03)
    assert germany.statistic > 0.75
    assert "no records of the segment" in found[2][2]


def test_the_truth_of_all_traffic_is_compared_with_the_estimate_of_all_traffic() -> None:
    of_segment = replace(estimated(0.2), check=replace(estimated(0.2).check, segment="germany"))

    ((_, verdict, _, result),) = compare([estimated(0.8), of_segment], {"accuracy": number(0.8)})

    assert (verdict, result and result.statistic) == (Verdict.OK, 0.0)


def test_a_metric_that_the_truth_does_not_tell_is_not_compared() -> None:
    assert compare([estimated(0.8)], {"roc_auc": number(0.9)}) == []


def test_a_contradicted_estimate_is_shown_greyed_with_its_number_and_only_that_one() -> None:
    findings = [estimated(0.8, 0), estimated(0.8, 1), light(0.8, 0.6, 0), light(0.8, 0.8, 1)]

    shown = greyed(findings)

    assert [f.verdict for f in shown[:2]] == [Verdict.INSUFFICIENT_DATA, Verdict.OK]
    assert "0.8: not to be relied on" in shown[0].reason
    assert shown[1:] == findings[1:]


def test_later_estimates_are_greyed_until_a_newer_truth_agrees_or_the_old_one_is_forgotten() -> None:
    stored = Stored([light(0.8, 0.6, 0)])

    assert past_truth(stored, REF, hour(3), 5 * HOUR).refuted.keys() == {"estimated_accuracy"}
    assert past_truth(stored, REF, hour(9), 5 * HOUR).refuted == {}
    assert past_truth(stored, ModelRef("churn", "2"), hour(3), 5 * HOUR).refuted == {}

    stored.found.append(light(0.8, 0.8, 1))
    assert past_truth(stored, REF, hour(3), 5 * HOUR).refuted == {}


def test_an_estimate_is_held_against_the_band_that_was_stated_and_not_against_the_one_that_errors_stretched() -> None:
    stretched = TestResult(0.8, None, 1_000, 1_000, 0.6, 1.0, {"standard_error": 0.01, "stated": [0.78, 0.82]})
    said = replace(estimated(0.8), result=stretched)

    ((_, verdict, _, result),) = compare([said], {"accuracy": number(0.74)})

    assert verdict is Verdict.WARNING
    assert result is not None
    assert result.detail["in_standard_errors"] == pytest.approx(6.0)


def test_realised_errors_of_earlier_windows_stretch_the_band_and_the_finding_says_by_how_many() -> None:
    errors = [TestResult(0.1, None, 9, 9, 0.0, 0.2, {"in_standard_errors": error}) for error in (3.0, -4.0, 3.5)]
    lights = [replace(light(0.8, 0.7, at), result=error) for at, error in enumerate(errors)]

    past = past_truth(Stored([*lights, light(0.8, 0.8, 3)]), REF, hour(4), 5 * HOUR)
    alone, taught = (accuracy(PastTruth(errors=of)) for of in ({}, past.errors))

    assert past.errors == {"estimated_accuracy": [3.0, -4.0, 3.5]}
    assert width(taught[3]) > 1.5 * width(alone[3])
    assert "by the errors of 3 windows with truth" in taught[2]
    assert "with truth" not in alone[2]


def accuracy(past: PastTruth) -> Outcome:
    baseline, profile = judged_by_hour(0.2)
    found = estimate(ModelChecks({}, {}).of_estimates(CHURN), baseline, {"": profile}, past)
    return next(one for one in found if one[0].test == "estimated_accuracy")


def width(result: TestResult | None) -> float:
    assert result is not None
    assert result.low is not None
    assert result.high is not None
    return result.high - result.low


CHURN = MonitoredModel("churn", WindowSpec(HOUR, HOUR), HOUR, HOUR, 50, task=Task.BINARY, positive_label="yes")


def judged_by_hour(odd: float) -> tuple[Baseline, ModelProfile]:
    """A baseline one fifth of whose scores are far too sure, and a window in which so many are."""
    baseline = learned(traffic(8_000, 1))
    return baseline, profile_of(baseline, traffic(3_000, 2, odd)[0])


@pytest.mark.parametrize(("odd", "verdict"), [(0.2, Verdict.OK), (0.8, Verdict.WARNING)])
def test_estimates_that_disagree_are_a_warning_that_names_both_and_that_a_rule_can_wait_for(
    odd: float, verdict: Verdict
) -> None:
    baseline, profile = judged_by_hour(odd)

    found = estimate(ModelChecks({}, {}).of_estimates(CHURN), baseline, {"": profile})

    (one,) = [outcome for outcome in found if outcome[0].test == "estimates_disagree"]
    (accuracy,) = [outcome for outcome in found if outcome[0].test == "estimated_accuracy"]
    seen = finding(one[0], 0, one[1], one[3], EvaluationKind.DRIFT)
    holds = evaluate(CheckIsBad(test="estimates_disagree", warning=True), [seen], {}).holds
    apart = odd > 0.5
    assert one[1] is verdict
    assert holds is apart
    assert ("judge a sample" in one[2]) is apart
    assert ("judge a sample" in accuracy[2]) is apart
    assert one[2].startswith("estimates_disagree(estimate): ")
    [row] = performance_record([finding(accuracy[0], 0, accuracy[1], accuracy[3], EvaluationKind.DRIFT)], ["accuracy"])
    assert row.is_disputed is apart
