"""How old a baseline is, and what its rows are to the model: judged, told, and kept with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.domain.findings import Verdict
from monitor.domain.models import BaselineRole, ModelRef, Task
from monitor.domain.windows import Window
from monitor.stats.baseline import Baseline, Period
from monitor.stats.columns import CategoricalColumn, Column, NumericColumn
from monitor.stats.estimation import ESTIMATED_METRICS
from monitor.stats.estimation.learning import learn_outcomes
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.baseline_age import baseline_age
from monitor.usecases.estimating import estimate
from monitor.usecases.model_checks import ModelChecks
from tests.unit.usecases.ingest_rig import models

START = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = Window(START, START + timedelta(hours=1))


def baseline(period: Period | None) -> Baseline:
    return Baseline.build(ModelRef("churn", "1"), {"x": NumericColumn(np.arange(20.0))}, period=period)


@pytest.mark.parametrize(
    ("days", "verdict", "said"),
    [
        (30.0, Verdict.OK, "ends 30 days before the window does, limit 90"),
        (90.0, Verdict.DEGRADED, "ends 90 days before the window does, limit 90: retrain"),
        (400.5, Verdict.DEGRADED, "ends 400.5 days before"),
        (-2.0, Verdict.WARNING, "reach 2 days past the window"),
    ],
)
def test_a_baseline_is_as_old_as_its_newest_row_is_before_the_window(days: float, verdict: Verdict, said: str) -> None:
    end = WINDOW.end - days * DAY

    ((check, found, reason, result),) = baseline_age(90 * DAY, baseline((end - DAY, end)), WINDOW)

    assert (check.name, found) == ("baseline_age(records)", verdict)
    assert said in reason
    assert result is not None
    assert result.statistic == pytest.approx(days)


def test_rows_without_event_times_have_no_age_and_without_a_limit_nobody_asks() -> None:
    ((_, verdict, reason, result),) = baseline_age(90 * DAY, baseline(None), WINDOW)

    assert (verdict, result) == (Verdict.INSUFFICIENT_DATA, None)
    assert "--event-time" in reason
    assert baseline_age(None, baseline(None), WINDOW) == []


def test_a_role_is_kept_in_the_baseline_and_one_without_keeps_its_bytes() -> None:
    plain = baseline(None)

    fitted = replace(plain, role=BaselineRole.TRAINING)

    assert Baseline.from_bytes(fitted.to_bytes()).role is BaselineRole.TRAINING
    assert Baseline.from_bytes(fitted.to_bytes()).id == fitted.id != plain.id
    assert Baseline.from_bytes(plain.to_bytes()).role is None
    assert "role" not in plain.describe()
    assert fitted.describe()["role"] == "training"


def test_estimates_from_rows_that_the_model_was_fitted_to_say_so_and_others_do_not() -> None:
    random = np.random.default_rng(1)
    score = random.random(2_000)
    truth = ["yes" if one else "no" for one in random.random(2_000) < score]
    said = CategoricalColumn(["yes" if one > 0.5 else "no" for one in score])
    columns: dict[str, Column] = {"score": NumericColumn(score), "prediction": said}
    outcomes, note = learn_outcomes(columns, truth, Task.BINARY, "yes", BaselineRole.TRAINING)
    made = Baseline.build(ModelRef("churn", "1"), columns, outcomes=outcomes)
    profile = ModelProfile.empty(made.layouts)
    profile.update(columns, 2_000)
    checks = ModelChecks({}, {}).of_estimates(models(task=Task.BINARY, positive_label="yes")["churn"])

    reasons = {
        role: [why for _, _, why, result in estimate(checks, replace(made, role=role), {"": profile}) if result]
        for role in (None, *BaselineRole)
    }

    assert "the model was fitted to these very rows, so it will be overestimated" in note
    assert all("too good" in why for why in reasons[BaselineRole.TRAINING])
    assert not [
        why
        for role in (None, BaselineRole.HOLDOUT, BaselineRole.PRODUCTION)
        for why in reasons[role]
        if "too good" in why
    ]
    assert len(reasons[None]) == len(
        [one for one in ESTIMATED_METRICS.values() if Task.BINARY in one.tasks and not one.apart]
    )
