"""Drops and trends, with confidence: against training, another version, the past."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from monitor.domain.checks import Check, Threshold
from monitor.domain.findings import EvaluationKind, Finding, TestResult, Verdict
from monitor.domain.models import ModelRef
from monitor.domain.rules import Condition, DropAgainst, Dropped, Limit, Trending
from monitor.domain.windows import Window
from monitor.rules.conditions import evaluate
from monitor.rules.outcome import Around
from tests.unit.rules.making import EVIDENCE, minute

Z95 = 1.959964


def metric(
    value: float,
    number: int = 0,
    *,
    name: str = "f1",
    error: float = 0.01,
    version: str = "3",
    higher_is_better: bool = True,
    training: float | None = None,
) -> Finding:
    """A metric of one minute; `error` is its standard error."""
    estimated = name.startswith("estimated")
    kind = EvaluationKind.DRIFT if estimated else EvaluationKind.PERFORMANCE
    detail: dict[str, object] = {} if training is None else {"on_training_data": training}
    result = TestResult(value, None, 0, 1000, value - Z95 * error, value + Z95 * error, detail)
    check = Check(name, "estimate" if estimated else "ground_truth", "", Threshold(-1.0, below=higher_is_better), 100)
    return Finding(ModelRef("churn", version), check, minute(number), 0, Verdict.OK, name, result, EVIDENCE, kind)


def holds(
    condition: Condition, findings: Sequence[Finding], around: Around | None = None, *, firing: bool = False
) -> bool | None:
    return evaluate(condition, findings, {}, around or Around(), firing=firing).holds


def dropped(against: DropAgainst, by: float = 0.03, **more: object) -> Dropped:
    return replace(Dropped("f1", against, Limit(by)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "error", "expected"), [(0.85, 0.001, True), (0.85, 0.02, False), (0.88, 0.001, False)]
)
def test_a_drop_must_exceed_what_is_allowed_with_confidence_and_not_only_by_its_point(
    value: float, error: float, expected: bool
) -> None:
    findings = [metric(value, error=error), metric(0.8, name="estimated_f1", training=0.9)]

    assert holds(dropped(DropAgainst.BASELINE), findings) is expected


def test_the_sentence_has_the_numbers_the_limit_and_the_confidence() -> None:
    findings = [metric(0.85, error=0.001), metric(0.8, name="estimated_f1", training=0.9)]

    outcome = evaluate(dropped(DropAgainst.BASELINE), findings, {})

    assert outcome.because == (
        "f1 = 0.85, worse by 0.05 than 0.9 on the training data; by 0.04836 at least with 95% confidence (limit 0.03)"
    )
    assert [cause.check.test for cause in outcome.causes] == ["f1"]


def test_the_estimate_of_a_metric_can_drop_before_truth_comes() -> None:
    findings = [metric(0.8, name="estimated_f1", training=0.9)]

    assert holds(dropped(DropAgainst.BASELINE, of="estimated_f1"), findings) is True
    assert holds(dropped(DropAgainst.BASELINE), findings) is None


def test_of_an_error_more_is_worse() -> None:
    past = [metric(10.0 + 0.1 * (n % 2), -n, name="f1", higher_is_better=False, error=0.1) for n in range(1, 9)]

    assert (
        holds(dropped(DropAgainst.HISTORY, 0.5), [metric(12.0, higher_is_better=False, error=0.1)], Around(past))
        is True
    )
    assert (
        holds(dropped(DropAgainst.HISTORY, 0.5), [metric(8.0, higher_is_better=False, error=0.1)], Around(past))
        is False
    )


def test_against_its_past_a_metric_that_always_swings_must_fall_further() -> None:
    calm = Around([metric(0.9, -n) for n in range(1, 9)])
    restless = Around([metric(0.9 + (0.05 if n % 2 else -0.05), -n) for n in range(1, 9)])

    assert holds(dropped(DropAgainst.HISTORY), [metric(0.82)], calm) is True
    assert holds(dropped(DropAgainst.HISTORY), [metric(0.82)], restless) is False
    assert holds(dropped(DropAgainst.HISTORY), [metric(0.82)], Around([metric(0.9, -1), metric(0.9, -2)])) is None


def test_false_alarms_of_a_drop_against_history_stay_at_what_was_asked_for() -> None:
    random = np.random.default_rng(5)
    false = 0
    for _ in range(1_000):
        now, *past = random.normal(0.9, 0.01, 9).tolist()
        around = Around([metric(value, -n) for n, value in enumerate(past, 1)])
        false += bool(holds(dropped(DropAgainst.HISTORY, 0.0), [metric(now)], around))

    # at most 5 % at a true drop of 0; a past that looks calmer than the metric's own error does not make it less
    assert 10 <= false <= 65  # three standard errors (7) above 50


def test_another_version_is_compared_in_the_same_window_and_else_in_its_last() -> None:
    rival = metric(0.9, version="2")
    before = Around([metric(0.95, -n, version="2") for n in (1, 2)])

    assert holds(dropped(DropAgainst.VERSION, version="2"), [metric(0.89)], Around(others=[rival])) is False
    assert holds(dropped(DropAgainst.VERSION), [metric(0.89)], before) is True
    outcome = evaluate(dropped(DropAgainst.VERSION), [metric(0.89)], {}, Around(before.past, [rival]))
    assert "than 0.9 of version 2 in the same window" in outcome.because
    assert holds(dropped(DropAgainst.VERSION), [metric(0.89)], Around([metric(0.95, -1)])) is None


def test_windows_that_share_records_are_no_independent_history() -> None:
    def sliding(number: int, value: float) -> Finding:
        window = Window(minute(number).start, minute(number + 2).end)
        return replace(metric(value), window=window)

    past = [sliding(-n, 0.9) for n in range(1, 9)]  # every third one does not overlap the next

    outcome = evaluate(dropped(DropAgainst.HISTORY), [sliding(0, 0.5)], {}, Around(past))

    assert outcome.because == "2 earlier windows have f1, at least 3 are needed"


def trend(values: Sequence[float], *, firing: bool = False, **more: object) -> bool | None:
    condition = replace(Trending("f1", Limit(0.05), over=6), **more)  # type: ignore[arg-type]
    *past, now = (metric(value, n) for n, value in enumerate(values))
    return holds(condition, [now], Around(past), firing=firing)


def test_a_trend_is_a_line_that_rises_beyond_chance_and_beyond_the_limit() -> None:
    assert trend([0.5, 0.52, 0.53, 0.56, 0.57, 0.6]) is True
    assert trend([0.5, 0.501, 0.502, 0.503, 0.504, 0.505]) is False
    assert trend([0.5, 0.7, 0.4, 0.7, 0.45, 0.68]) is False
    assert trend([0.6, 0.57, 0.56, 0.53, 0.52, 0.5]) is False
    assert trend([0.6, 0.57, 0.56, 0.53, 0.52, 0.5], falls=True) is True
    assert trend([0.5, 0.6, 0.7]) is None


def test_a_trend_has_a_limit_for_the_end() -> None:
    values = [0.5, 0.507, 0.514, 0.521, 0.528, 0.536]

    assert trend(values, limit=Limit(0.05, clear=0.02)) is False
    assert trend(values, limit=Limit(0.05, clear=0.02), firing=True) is True
