"""The check of the whole model on a table that is compared with another: small changes, and many together."""

from datetime import timedelta

from monitor.domain.budgets import AlarmBudget
from monitor.domain.checks import ALL_COLUMNS, Check, Threshold
from monitor.domain.findings import TestResult, Verdict
from monitor.domain.models import ALL_TRAFFIC
from monitor.domain.time import from_ms
from monitor.domain.windows import Window, WindowSpec
from monitor.rules.conditions import MODEL_DRIFT
from monitor.stats.baseline import Baseline
from monitor.stats.budgeted import BudgetedModel, BudgetVerdict, budgeted_model
from monitor.stats.profiles.model import ModelProfile
from monitor.usecases.outcomes import Outcome
from monitor.usecases.whole_model import calibration_words, drifted_columns, drifted_words, nearest_words

COMPARISONS = 1_000
"""One false alarm in so many comparisons of tables without drift."""

_ONE = timedelta(hours=1)
_SPEC = WindowSpec(_ONE, _ONE)
_BUDGET = AlarmBudget(1.0, COMPARISONS * _ONE)
"""A comparison is a window of its own; how long it is taken to be makes no difference."""

_WINDOW = Window(from_ms(0), from_ms(0) + _ONE)


def whole_table(baseline: Baseline, window: ModelProfile, least: int) -> Outcome | None:
    """What the check says of a table of at least `least` rows; None where the reference has no value to go by."""
    drift = budgeted_model(baseline, _SPEC, _BUDGET, ())
    if drift is None or window.n < least:
        return None
    said = drift.judge({ALL_TRAFFIC: window}, _WINDOW, {})
    check = Check(MODEL_DRIFT, ALL_COLUMNS, ALL_TRAFFIC, Threshold(1.0), least)
    verdict = Verdict.DRIFTED if said.drifted else Verdict.OK
    result = TestResult(said.evidence, said.p_value, baseline.rows, window.n, detail={"columns": drifted_columns(said)})
    return check, verdict, _sentence(drift, said), result


def _sentence(drift: BudgetedModel, said: BudgetVerdict) -> str:
    found = f"drift: {drifted_words(said)}" if said.drifted else f"no change beyond chance; {nearest_words(said)}"
    return f"{found}; one false alarm in {COMPARISONS:,} comparisons, by {calibration_words(drift)}"
