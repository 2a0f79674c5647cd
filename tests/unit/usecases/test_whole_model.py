"""The check of the whole model in the evaluation: found, told, taken up again where it stood, and repeatable."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.adapters.sql.documents import finding_from_json, finding_to_json
from monitor.domain.budgets import ONE_A_MONTH, AlarmBudget
from monitor.domain.evaluation import Evaluation
from monitor.domain.findings import EvaluationKind, Evidence, Finding, Verdict
from monitor.domain.models import ALL_TRAFFIC, Segment
from monitor.domain.rules import CheckIsBad, Rule
from monitor.domain.time import to_ms
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import budgeted_model
from monitor.stats.calibration.windows import BaselineWindows
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.attributing import ATTRIBUTION
from monitor.usecases.budget import budget_report
from monitor.usecases.whole_model import CHECK_NAME, STATE, Before, judge_model
from tests.unit.usecases.test_evaluate import HOUR, MODEL, START, Rig, baseline, reads, rows

BUDGETED = replace(MODEL, alarm_budget=ONE_A_MONTH)
RULE = Rule("model-drifted", CheckIsBad(test="model_drift"))
SMALL = 0.15
"""A shift, in standard deviations, that no window of 500 records shows at once."""


def calibrated(seed: int = 50, version: str = "1") -> Baseline:
    """A baseline of 48 hours of 500 records before the start."""
    parts = [rows(seed + hour) for hour in range(48)]
    together = rows(seed, n=0)
    for name, column in together.items():
        values = [value for part in parts for value in part[name].values]
        together[name] = type(column)(np.array(values) if name == "amount" else values)  # type: ignore[arg-type]
    times = np.repeat(
        to_ms(START - 48 * HOUR) + np.arange(48) * to_ms(HOUR + START) - np.arange(48) * to_ms(START), 500
    )
    built = Baseline.build(replace(baseline(version).ref), together, "made")
    windows = BaselineWindows.of(built.whole, together, times, HOUR // timedelta(milliseconds=1))
    assert windows is not None
    return replace(built, windows=windows.stored())


def started(budget: AlarmBudget | None = ONE_A_MONTH) -> Rig:
    rig = Rig({"churn": replace(BUDGETED, alarm_budget=budget)}, (RULE,))
    rig.promote(calibrated())
    return rig


def about_model(rig: Rig) -> list[Finding]:
    return rig.findings("model_drift")


def verdicts(findings: Sequence[Finding]) -> list[str]:
    return [finding.verdict.value for finding in findings]


def test_a_sudden_change_is_a_finding_that_names_columns_and_the_rule_fires_on_it() -> None:
    rig = started()
    rig.hour(0, rows(1))
    rig.hour(1, rows(2, shift=1.0))

    rig.run()

    quiet, drifted = about_model(rig)
    assert (quiet.verdict, drifted.verdict) == (Verdict.OK, Verdict.DRIFTED)
    assert drifted.check.name == CHECK_NAME == "model_drift(all_columns)"
    assert drifted.reason.startswith("drift since 2026-11-01T01:00:00Z by a sudden change")
    assert "amount (location +" in drifted.reason
    assert "budget 1 per month, calibrated on 48 windows of the baseline" in drifted.reason
    assert drifted.result is not None
    assert drifted.result.statistic >= 1 > (quiet.result.statistic if quiet.result else 1)
    assert drifted.result.detail["detectors"] == ["sudden", "accumulating"]
    assert rig.phases() == [(2, "firing")]


def test_what_carries_the_drift_is_in_the_finding_and_in_the_alert_with_a_picture() -> None:
    rig = started()
    rig.hour(0, rows(1))
    rig.hour(1, rows(2, shift=1.0))

    rig.run()

    quiet, drifted = (one.result for one in about_model(rig))
    assert quiet is not None
    assert drifted is not None
    assert ATTRIBUTION not in quiet.detail
    parts = drifted.detail[ATTRIBUTION]
    assert isinstance(parts, dict)
    assert [one["column"] for one in parts["columns"]] == ["amount"]
    [(_, event)] = rig.stores.outbox.pending(99)
    assert event.annotations["carried_by"].startswith("amount 100 % (")
    assert [chart.title for chart in event.charts] == ["amount"]


def test_evidence_adds_up_over_windows_and_over_processes() -> None:
    """Every window is judged by another process: what was added up is in the finding before."""
    rig, at_once = started(), started()
    for hour in range(12):
        rig.hour(hour, rows(hour, shift=SMALL))
        at_once.hour(hour, rows(hour, shift=SMALL))
        rig.evaluate = rig.another()
        rig.run()

    at_once.run()

    findings = about_model(rig)
    first = verdicts(findings).index("drifted")
    assert first >= 1
    assert "evidence added up over windows" in findings[first].reason
    assert findings[first].reason.startswith("drift since 2026-11-01T0")
    assert [finding_to_json(f) for f in about_model(at_once)] == [finding_to_json(f) for f in findings]


def test_a_window_that_shows_nothing_by_itself_says_since_when_the_evidence_comes() -> None:
    rig = started()
    for hour in range(6):
        rig.hour(hour, rows(hour, shift=0.5 if 1 <= hour < 5 else 0.0))
    rig.run()
    *_, shifted, after = about_model(rig)

    assert "amount (location +0." in shifted.reason
    assert "shows little" not in shifted.reason
    assert after.reason.startswith(
        "drift since 2026-11-01T01:00:00Z by evidence added up over windows: amount (location higher since "
        "2026-11-01T01:00:00Z, of which this window alone shows little: "
    )
    assert after.result is not None
    columns = after.result.detail["columns"]
    assert isinstance(columns, list)
    assert [one["since"] for one in columns] == ["2026-11-01T01:00:00Z"]


def test_a_verdict_is_computed_again_bit_for_bit_from_the_finding_before() -> None:
    rig = started()
    for hour in range(4):
        rig.hour(hour, rows(hour, shift=SMALL))
    rig.run()
    *_, before, last = about_model(rig)
    assert last.result is not None
    assert last.result.detail["after"] == before.id

    stored = Baseline.from_bytes(rig.stores.baselines.get(last.evidence.baseline_id))
    judge = budgeted_model(stored, BUDGETED.windows, ONE_A_MONTH)
    assert judge is not None
    profile = ModelProfile.empty(stored.layouts)
    profile.update(rows(3, shift=SMALL), 500)
    state = judge.whole.accumulation.restored(Before.of(before).state)
    again = judge.judge({ALL_TRAFFIC: profile}, last.window, {ALL_TRAFFIC: state})

    assert again.states[ALL_TRAFFIC].to_text() == last.result.detail[STATE]
    assert (again.evidence, again.p_value) == (last.result.statistic, last.result.p_value)


def test_late_records_judge_their_window_anew_from_the_state_before_it() -> None:
    """The revision adds the window's evidence once, not on top of what it added before."""
    rig, straight = started(), started()
    for hour in range(2):
        rig.hour(hour, rows(hour))
        straight.hour(hour, rows(hour))
    rig.run()
    rig.hour(1, rows(9))
    straight.hour(1, rows(9))

    rig.run()
    straight.run()

    revised, once = about_model(rig)[-1], about_model(straight)[-1]
    assert (revised.revision, once.revision) == (1, 0)
    assert revised.result is not None
    assert once.result is not None
    assert revised.result.n_current == 1_000
    assert revised.result.detail[STATE] == once.result.detail[STATE]


def test_too_few_records_are_insufficient_data_and_forget_nothing() -> None:
    rig = started()
    rig.hour(0, rows(0, shift=SMALL))
    rig.hour(1, rows(1, n=20))
    rig.hour(2, rows(2, shift=SMALL))

    rig.run()

    before, few, after = about_model(rig)
    assert few.verdict is Verdict.INSUFFICIENT_DATA
    assert few.reason.startswith("model_drift(all_columns): 20 records in the window, at least 100 are needed; budget")
    assert Before.of(few).state == Before.of(before).state != Before.of(after).state


def test_another_version_has_another_baseline_and_begins_anew() -> None:
    rig, fresh = started(), Rig({"churn": BUDGETED}, (RULE,))
    rig.hour(0, rows(0, shift=SMALL))
    for one in (rig, fresh):
        one.promote(calibrated(seed=200, version="2"))
        one.hour(1, rows(1), version="2")
        one.run()

    assert Before.of(about_model(rig)[0]).state
    assert Before.of(about_model(rig)[-1]).state == Before.of(about_model(fresh)[-1]).state


def test_the_states_of_many_versions_are_read_at_once_and_those_that_the_same_run_leaves_one_by_one() -> None:
    together, apart = started(), started()
    for rig in (together, apart):
        rig.promote(calibrated(seed=200, version="2"))
        for hour in range(4):
            rig.hour(hour, rows(hour, shift=SMALL))
            rig.hour(hour, rows(20 + hour), version="2")
            if rig is apart or hour == 0:
                rig.run()

    with reads(together) as seen:
        together.run()

    of_states = sum("check_name =" in statement for statement in seen)
    assert of_states == 1 + 2 * len(["the second window of a version", "the third"])
    assert about_model(together) == about_model(apart)
    assert len(about_model(together)) == 8


def test_without_a_budget_the_model_is_not_judged_as_a_whole() -> None:
    rig = started(budget=None)
    rig.hour(0, rows(1))

    rig.run()

    assert about_model(rig) == []


def test_a_baseline_without_times_is_calibrated_by_theory_and_the_finding_says_so() -> None:
    rig = Rig({"churn": BUDGETED}, (RULE,))
    rig.promote(baseline())
    rig.hour(0, rows(1))
    rig.hour(1, rows(2, shift=1.0))

    rig.run()

    assert verdicts(about_model(rig)) == ["ok", "drifted"]
    assert "calibrated on theory of independent records" in about_model(rig)[0].reason


@pytest.mark.parametrize("records", [None, 5_000.0])
def test_the_report_says_what_the_budget_buys(records: float | None) -> None:
    rig = started()
    for hour in range(3):
        rig.hour(hour, rows(hour))

    report = budget_report(BUDGETED, rig.stores.windows, rig.stores.baselines, records)

    assert (report.windows_a_month, report.false_alarms_a_month) == (720, 1)
    assert report.records == (records or 500)
    assert report.source == ("as asked" if records else "the median of the last 3 panes")
    amount = next(one for one in report.columns if one.column == "amount")
    assert amount.at_once is not None
    assert amount.in_time is not None
    assert amount.in_time < amount.at_once < (0.1 if records else 0.3)


def test_states_of_segments_are_kept_in_the_finding_and_taken_up_again() -> None:
    """Half a standard deviation in Germany alone: named there, with states that another process goes on from."""
    german = Segment("germany", "country", "DE")
    built = with_segment(calibrated(), german)
    model = replace(BUDGETED, segments=(german,))
    drift = budgeted_model(built, model.windows, ONE_A_MONTH, model.segments)
    assert drift is not None
    before, findings = Before(), []
    for hour in range(6):
        evaluation = Evaluation(
            built.ref, model.windows.starting(to_ms(START + hour * HOUR)), EvaluationKind.DRIFT, 0, 500
        )
        evidence = Evidence(built.id, "", {}, "test", "")
        found = judge_model(model, drift, evaluation, in_parts(built, hour, 0.5), evidence, before, 1.0)
        findings.append(found)
        before = Before.of(finding_from_json(finding_to_json(found)))

    assert findings[0].result is not None
    assert set(before.by_part()) == {ALL_TRAFFIC, "germany"}
    assert len({Before.of(one).segments["germany"] for one in findings}) == 6
    assert "calibrated on 48 windows of the baseline, with 1 segment" in findings[0].reason
    assert "amount in germany (location +0." in findings[-1].reason


def with_segment(built: Baseline, segment: Segment) -> Baseline:
    """The same with a segment of the hours before the start, counted on the same bins."""
    parts = [german_rows(rows(50 + hour)) for hour in range(48)]
    whole = ModelProfile.empty(built.layouts)
    for part in parts:
        whole.update(part, len(part["amount"]))
    together: dict[str, Column] = {
        "amount": NumericColumn(np.concatenate([part["amount"].values for part in parts])),
        "country": CategoricalColumn(["DE"] * whole.n),
    }
    times = [to_ms(START + (hour - 48) * HOUR) for hour, part in enumerate(parts) for _ in range(len(part["amount"]))]
    windows = BaselineWindows.of(whole, together, np.array(times), HOUR // timedelta(milliseconds=1))
    assert windows is not None
    return replace(built, segments={segment.name: whole}, segment_windows={segment.name: windows.stored()})


def in_parts(built: Baseline, hour: int, shift: float) -> dict[str, ModelProfile]:
    """Profiles of an hour in which German amounts have moved by so many standard deviations."""
    usual = rows(hour)
    is_german = np.array([value == "DE" for value in usual["country"].values])
    amount = NumericColumn(np.asarray(usual["amount"].values, np.float64) + 10 * shift * is_german)
    moved = {**usual, "amount": amount}
    found = {ALL_TRAFFIC: moved, "germany": german_rows(moved)}
    profiles = {name: ModelProfile.empty(built.layouts) for name in found}
    for name, columns in found.items():
        profiles[name].update(columns, len(columns["amount"]))
    return profiles


def german_rows(columns: Mapping[str, Column]) -> dict[str, Column]:
    mine = np.flatnonzero(np.array([value == "DE" for value in columns["country"].values]))
    return {name: column.take(mine) for name, column in columns.items()}
